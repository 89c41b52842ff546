"""Scheme files: what loads, how a broken one says what to write, dated versions, and a city added by adding a file."""

from dataclasses import fields
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huibao.core.refusal import Refusal
from huibao.core.tomlfile import FileRefused
from huibao.scheme import loading
from huibao.scheme.asked import Enrolment, Person, Product, Purchase
from huibao.scheme.describing import describe
from huibao.scheme.model import Scheme, in_force
from huibao.scheme.rules import Granted, decide_purchase, limit_year
from huibao.scheme.sentences import Allowed
from huibao.scheme.terms import favour

CITY = """
id = "linhai"
name = "临海"
admdvs = ["3399"]
acct_pay_counted = "inside-fund"

[document]
title = "临海市个人账户购买商业健康保险办法"
number = "临医保发〔2025〕1号"
issuer = "临海市医疗保障局"
issued = 2025-01-01
status = "example"

[clauses]
"LH-1" = "第一条"
"LH-2" = "第二条"
"LH-3" = "第三条"

[payer]
clause = "LH-1"
insurance = ["310"]
status = ["1"]

[relations]
clause = "LH-1"
allow = ["self", "spouse"]

[insured]
clause = "LH-1"
insurance = ["310", "390"]
status = ["1"]

[[account]]
clause = "LH-2"
until = 2025-12-31
open = true
yearly_limit = { yuan = 500, clause = "LH-2" }
spend = { order = ["savings", "personal"], clause = "LH-3" }

[[account]]
clause = "LH-2"
from = 2026-01-01
until = 2026-12-31
open = true
minimum_balance = { yuan = 100, example = true }
yearly_limit = { yuan = 800, clause = "LH-2" }
excess = { by = "cash", clause = "LH-3" }

[[account]]
clause = "LH-2"
from = 2027-01-01
open = false

[review]
clause = "LH-3"
by = "none"

[kinds]
clause = "LH-1"
sell = ["medical"]
"""


def load(text: str) -> Scheme:
    return loading.load_text("linhai.toml", text)


def buy(scheme: Scheme, on: date, premium_fen: int, personal: int, savings: int, paid: int = 0) -> Granted | Refusal:
    member = Person((Enrolment("310", "1", "339901"),))
    return decide_purchase(scheme, on, Purchase(
        payer=member, insured=member, relation="self", product=Product("medical"), premium_fen=premium_fen,
        pay_with="account", balances_fen=(("personal", personal), ("savings", savings)), paid_this_year_fen=paid,
    ))


def split(answer: Granted | Refusal) -> tuple[list[tuple[str, int]], int]:
    assert isinstance(answer, Granted), answer
    return [(part.account, part.fen) for part in answer.parts], answer.cash_fen


def test_a_city_is_added_by_adding_a_file(tmp_path: Path) -> None:
    path = tmp_path / "linhai.toml"
    path.write_text(CITY, "utf-8")
    scheme = loading.load(path)
    assert split(buy(scheme, date(2025, 6, 1), 400_00, 300_00, 150_00)) == (
        [("savings", 150_00), ("personal", 250_00)], 0)
    assert describe(scheme)[0] == "临海（linhai）"
    assert scheme.acct_pay_counted == "inside-fund"


def test_each_day_is_decided_by_the_version_in_force() -> None:
    scheme = load(CITY)
    short = buy(scheme, date(2025, 12, 31), 600_00, 9_000_00, 0)
    assert isinstance(short, Refusal)
    assert (short.code, short.clause, short.figures["left_fen"]) == ("account.over_yearly_limit", "LH-2", 500_00)
    assert split(buy(scheme, date(2026, 1, 1), 1_000_00, 9_000_00, 0)) == ([("personal", 800_00)], 200_00)
    assert split(buy(scheme, date(2026, 12, 31), 10_00, 100_00, 0)) == ([("personal", 10_00)], 0)
    closed = buy(scheme, date(2027, 1, 1), 10_00, 9_000_00, 0)
    assert isinstance(closed, Refusal)
    assert (closed.code, closed.clause) == ("account.closed", "LH-2")
    assert limit_year(scheme, date(2026, 5, 5)) == (date(2026, 1, 1), date(2026, 12, 31))
    assert limit_year(scheme, date(2027, 5, 5)) is None


def test_an_amount_of_the_files_own_example_cites_no_clause() -> None:
    refused = buy(load(CITY), date(2026, 6, 1), 10_00, 99_99, 0)
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.clause) == ("account.balance_below_minimum", None)
    assert refused.zh.endswith("（本地示例设定，临医保发〔2025〕1号未作规定）")


def test_a_rule_of_an_example_document_reads_as_an_example() -> None:
    closed = buy(load(CITY), date(2027, 1, 1), 10_00, 0, 0)
    assert closed.zh == "个人账户购买已停止，可改为自费（示例：临医保发〔2025〕1号第二条，LH-2）"


@pytest.mark.parametrize("section, refused", [
    ("payer", "payer.not_provided"), ("relations", "relation.not_provided"), ("insured", "join.not_provided"),
])
def test_a_gap_between_versions_is_silence_and_closed(section: str, refused: str) -> None:
    scheme = load(CITY.replace(f"[{section}]\nclause", f"[{section}]\nfrom = 2026-01-01\nclause"))
    answer = buy(scheme, date(2025, 6, 1), 10_00, 100_00, 0)
    assert isinstance(answer, Refusal)
    assert (answer.code, answer.clause) == (refused, None)


def test_a_silent_review_is_the_agencys() -> None:
    clock = "[review_clock]\nexample = true\nescalate_days = 2\nvoid_days = 3\nmissed_start = \"from-approval\"\n"
    silent = CITY.replace('[review]\nclause = "LH-3"\nby = "none"\n', clock)
    answer = buy(load(silent), date(2025, 6, 1), 10_00, 100_00, 0)
    assert isinstance(answer, Granted)
    assert (answer.review.by, answer.review.clause) == ("agency", None)
    assert answer.review.clock is not None
    assert answer.review.clock.missed_start == "from-approval"


def test_a_favour_is_for_the_matters_named_only() -> None:
    favoured = '[hardship]\nclause = "LH-3"\ncategories = ["destitute"]\nfavours = ["premium"]\n'
    scheme = load(CITY + favoured)
    granted = favour(scheme, date(2025, 6, 1), "destitute", "premium")
    refused = favour(scheme, date(2025, 6, 1), "destitute", "cover")
    assert (type(granted), granted.clause) == (Allowed, "LH-3")
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.clause) == ("plan.favour_not_provided", None)


def edited(old: str, new: str) -> str:
    assert old in CITY
    return CITY.replace(old, new, 1)


#: What is wrong, the file, the key reported, its clause, and what the message says to write, in Chinese and English.
BROKEN = [
    ("a clause that is not listed", edited('clause = "LH-1"', 'clause = "LH-9"'),
     "payer.clause", "LH-9", '"LH-9" = "第几条"', 'write under [clauses]: "LH-9"'),
    ("a listed clause that no rule cites", edited('"LH-3" = "第三条"', '"LH-3" = "第三条"\n"LH-4" = "第四条"'),
     "clauses.LH-4", "LH-4", "请删去", "delete it, or cite it"),
    ("a clause that is none", edited('"LH-3" = "第三条"', '"LH-3" = "第三条"\n"三" = "第四条"'),
     "clauses.三", None, '请写如 "LZ-5"', 'write it like "LZ-5"'),
    ("a rule without its source", edited('[kinds]\nclause = "LH-1"', "[kinds]"),
     "kinds.clause", None, "example = true", "example = true where no document decides"),
    ("both clause and example", edited('[kinds]\nclause = "LH-1"', '[kinds]\nclause = "LH-1"\nexample = true'),
     "kinds.example", "LH-1", "请删去 example", "delete example"),
    ("an unknown relation", edited('"spouse"]', '"wife"]'),
     "relations.allow", "LH-1", "spouse-parent", "write some of: self, spouse"),
    ("a misspelt relation", edited('"spouse"]', '"spous"]'),
     "relations.allow", "LH-1", "spouse", "did you mean 'spouse'?"),
    ("an empty list", edited('sell = ["medical"]', "sell = []"),
     "kinds.sell", "LH-1", "不能为空", "write some of: medical"),
    ("an unknown key", edited('sell = ["medical"]', 'sell = ["medical"]\nsells = ["care"]'),
     "kinds.sells", "LH-1", "此处可写", "did you mean 'sell'?"),
    ("an unknown section", CITY + '[relation]\nallow = ["self"]\n',
     "relation", None, "此处可写", "did you mean 'relations'?"),
    ("a missing key", edited('insurance = ["310"]\n', ""),
     "payer.insurance", "LH-1", "缺少此键", "missing; write a list of texts"),
    ("a limit with three decimals", edited("yuan = 800", "yuan = 800.001"),
     "account[2].yearly_limit.yuan", "LH-2", "最多两位小数", "two decimals at most"),
    ("a negative limit", edited("yuan = 800", "yuan = -1"),
     "account[2].yearly_limit.yuan", "LH-2", "不为负", "not negative"),
    ("versions that overlap", edited("until = 2025-12-31", "until = 2026-01-01"),
     "account[1].until", "LH-2", "请写 until = 2025-12-31", "write until = 2025-12-31"),
    ("an open version before another", edited("until = 2025-12-31\n", ""),
     "account[1].until", "LH-2", "请写 until = 2025-12-31", "write until = 2025-12-31"),
    ("until before from", edited("until = 2025-12-31", "until = 2024-12-31"),
     "account[1].until", "LH-2", "请写不早于 2025-01-01", "write 2025-01-01 or later"),
    ("a rule older than its document", edited("from = 2027-01-01", "from = 2024-01-01\nuntil = 2024-12-31"),
     "account[3].from", "LH-2", "请写 2025-01-01 或以后", "write 2025-01-01 or later"),
    ("a date in quotes", edited("until = 2025-12-31", 'until = "2025-12-31"'),
     "account[1].until", "LH-2", "日期", "a date without quotes"),
    ("an unknown way with the excess", edited('by = "cash"', 'by = "credit"'),
     "account[2].excess.by", "LH-2", "请写：cash、refuse", "write one of: cash, refuse"),
    ("a year that is not the calendar's", edited("yuan = 800,", 'yuan = 800, year = "plan",'),
     "account[2].yearly_limit.year", "LH-2", "calendar", "write one of: calendar"),
    ("an amount without its source", edited(', example = true }', " }"),
     "account[2].minimum_balance.clause", "LH-2", "缺少出处", "missing; write clause"),
    ("an unknown status of the document", edited('status = "example"', 'status = "law"'),
     "document.status", None, "in-force、draft、example", "write one of: in-force, draft, example"),
    ("a name that is not the file's", edited('id = "linhai"', 'id = "linan"'),
     "id", None, 'id = "linhai"', "call the file linan.toml"),
    ("an area that is no code", edited('["3399"]', '["临海"]'),
     "admdvs", None, "2 到 6 位数字", "2 to 6 digits"),
    ("no area at all", edited('["3399"]', "[]"),
     "admdvs", None, "至少一个", "at least one prefix"),
    ("an open account without relations",
     edited('[relations]\nclause = "LH-1"\nallow = ["self", "spouse"]\n', ""),
     "relations", "LH-2", "须写 [relations]", "write [relations], or account.open = false"),
    ("an open account without a word on the insured",
     edited('[insured]\nclause = "LH-1"\ninsurance = ["310", "390"]\nstatus = ["1"]\n', ""),
     "insured", "LH-2", "须写 [insured]", "write [insured], or account.open = false"),
    ("an agency's review without a clock", edited('by = "none"', 'by = "agency"'),
     "review_clock", "LH-2", "须写 [review_clock]", "write [review_clock]"),
    ("an order void before it escalates", CITY + "[review_clock]\nexample = true\nescalate_days = 5\nvoid_days = 5\n"
     'missed_start = "void"\n', "review_clock.void_days", None, "请写至少 6", "write at least 6"),
    ("everyone and a list", CITY + '[join]\nexample = true\neveryone = true\ninsurance = ["310"]\n',
     "join.everyone", None, "请删去其一", "delete one or the other"),
    ("a factor allowed and forbidden", CITY + '[premium]\nclause = "LH-1"\nmay_vary_by = ["age"]\nnever_by = ["age"]\n',
     "premium.may_vary_by", "LH-1", "请删去其一", "delete one of the two"),
    ("a payer fixed and free",
     CITY + '[payer_order]\nclause = "LH-1"\nfirst = ["hifp_pay"]\nplan_sets = ["hifp_pay"]\n',
     "payer_order.plan_sets", "LH-1", "请删去其一", "delete one of the two"),
    ("an illness that is no code", CITY + '[common_illness]\nclause = "LH-1"\nnot_excluded = ["感冒"]\n',
     "common_illness.not_excluded", "LH-1", "J00-J06", 'like "I10" or "J00-J06"'),
    ("a ratio as a number", CITY + '[cost_and_profit]\nclause = "LH-1"\nmost = 20\n',
     "cost_and_profit.most", "LH-1", "百分数", "a percentage in quotes"),
    ("a section that is no table", CITY.replace('[review]\nclause = "LH-3"\nby = "none"\n', "")
     .replace('name = "临海"', 'name = "临海"\nreview = "none"'),
     "review", None, "[[review]]", "a list of tables [[review]]"),
]


@pytest.mark.parametrize("text, key, clause, zh, en", [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_a_broken_file_says_where_and_what_to_write(text: str, key: str, clause: str | None, zh: str, en: str) -> None:
    with pytest.raises(FileRefused) as refused:
        load(text)
    found = [p for p in refused.value.problems if (p.file, p.key, p.clause) == ("linhai.toml", key, clause)]
    assert [p for p in found if zh in p.zh and en in p.en], refused.value.problems


def test_text_that_is_not_toml_is_refused_by_file() -> None:
    with pytest.raises(FileRefused, match=r"linhai\.toml"):
        load("id = ")


def test_every_mistake_is_reported_at_once() -> None:
    with pytest.raises(FileRefused) as refused:
        load(CITY.replace('sell = ["medical"]', 'sell = ["pets"]').replace('"spouse"]', '"uncle"]'))
    assert [problem.key for problem in refused.value.problems] == ["relations.allow", "kinds.sell"]


def test_the_builtin_schemes() -> None:
    assert loading.builtin_ids() == ("jilin", "liuzhou", "shenyang", "xinjiang", "xizang", "yunlan")
    statuses = {id: loading.builtin(id).document.status for id in loading.builtin_ids()}
    assert statuses == {"jilin": "in-force", "liuzhou": "in-force", "shenyang": "in-force", "xinjiang": "draft",
                        "xizang": "in-force", "yunlan": "example"}
    with pytest.raises(KeyError):
        loading.builtin("national")


@pytest.mark.parametrize("city", ["jilin", "liuzhou", "shenyang", "xinjiang", "xizang"])
def test_description_shows_every_rule_and_names_the_silence(city: str) -> None:
    scheme = loading.builtin(city)
    lines = describe(scheme)
    values = [getattr(scheme, f.name) for f in fields(Scheme) if f.name != "admdvs"]
    sections = [value for value in values if isinstance(value, tuple)]
    written, silent = sum(map(len, sections)), [section for section in sections if not section]
    assert len([line for line in lines if line.endswith("起〕")]) == written
    assert next(line for line in lines if line.startswith("文件未作规定：")).count("、") == len(silent) - 1
    assert lines[-1] == f"文本摘要：{scheme.digest}"


def test_the_description_of_an_account_is_one_an_official_reads() -> None:
    assert next(line for line in describe(loading.builtin("xizang")) if line.startswith("个人账户")) == (
        "个人账户：开放；购买时余额不低于 3,000.00 元（XZ-2 通知要点“政策”）；每一自然年度最多支付 1,500.00 元"
        "（XZ-2 通知要点“政策”）；使用次序 个人账户（未作规定）；超出或不足的部分由个人自费（XZ-2 通知要点“政策”）"
        "〔XZ-2 通知要点“政策”，2024-09-20 起〕"
    )


def test_the_digest_follows_the_text() -> None:
    assert load(CITY).digest != load(CITY + "# a remark\n").digest
    assert load(CITY).digest == load(CITY).digest


money = st.integers(0, 500_000)
days = st.dates(date(2025, 1, 1), date(2026, 12, 31))


@given(days, money, money, money, money)
def test_a_split_adds_up_and_stays_within_limit_and_balances(
    on: date, premium: int, personal: int, savings: int, paid: int
) -> None:
    scheme = load(CITY)
    answer = buy(scheme, on, premium, personal, savings, paid)
    account = in_force(scheme.account, on)
    assert account is not None
    assert account.yearly_limit is not None
    room = max(0, account.yearly_limit.fen - paid)
    held = {"personal": personal, "savings": savings}
    usable = min(premium, room, sum(held[name] for name in account.order))
    if isinstance(answer, Refusal):
        below = account.minimum_balance is not None and sum(held[name] for name in account.order) < 100_00
        assert below or (account.excess == "refuse" and usable < premium)
        return
    parts, cash = split(answer)
    assert sum(fen for _, fen in parts) == usable
    assert usable + cash == premium
    assert all(0 < fen <= held[name] for name, fen in parts)
    names = [name for name, _ in parts]
    assert names == [name for name in account.order if name in names]
    emptied = [name for name in account.order if name in names][:-1]
    assert all(dict(parts)[name] == held[name] for name in emptied)


@given(st.lists(st.integers(1, 400), min_size=1, max_size=6), st.integers(-400, 2400))
def test_at_most_one_version_is_in_force_and_it_is_the_one_whose_days_hold(lengths: list[int], offset: int) -> None:
    start, text = date(2025, 1, 1), CITY[: CITY.index("[[account]]")] + CITY[CITY.index("[review]"):]
    bounds = []
    for number, length in enumerate(lengths):
        last = start + timedelta(days=length - 1)
        text += (f'[[account]]\nclause = "LH-2"\nfrom = {start}\nuntil = {last}\nopen = true\n'
                 f'yearly_limit = {{ yuan = {number}, clause = "LH-3" }}\n')
        bounds.append((start, last, number * 100))
        start = last + timedelta(days=1)
    on = date(2025, 1, 1) + timedelta(days=offset)
    expected = [fen for first, last, fen in bounds if first <= on <= last]
    version = in_force(load(text).account, on)
    assert [version.yearly_limit.fen if version.yearly_limit else None] == expected if version else expected == []
