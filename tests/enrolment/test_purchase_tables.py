"""Purchases through the real database, one row of a table each: who buys what for whom, what is answered, who pays.

The tables in `tables/` open in a spreadsheet; a row can be added there without knowing Python.

* 投保人, 被保险人: an age on 1 January 2026 or a birth date, then insurance and status, then 外地, 慢性病, 低保, 特困, 已故 where they
  apply; an insured starts with the relation and 账户 where registered to the account, is 本人, 陌生人, or 不存在; ； between several.
* 本年已付: what the buyer's accounts have paid this year, for an earlier product.
* 条款: the clauses a grant names; of a refusal its clause, 示例 (the scheme file's own example), or 未作规定 (no document provides for it).
"""

import ast
import csv
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import cache
from inspect import getsource
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

from huibao.benefits.facts import FACTS
from huibao.catalogue.shelf import SQL as LISTING
from huibao.core.money import fen, plain_yuan
from huibao.core.time import moment
from huibao.enrolment import purchase, refusals
from huibao.enrolment.model import Buy, Consent, InsuredWish, Release
from huibao.record.model import DONE, Answer
from tests import books
from tests.books import DAY, City, Someone, another, buy, order, order_id, owner, refusal, run, verify

TABLES: Final = Path(__file__).parent / "tables"
CITIES: Final = ("jilin", "liuzhou", "shenyang", "xinjiang", "xizang")
STATES: Final = {"completed": "承保", "awaiting-payment": "待支付", "awaiting-review": "待审核"}
PAY_WITH: Final[Mapping[str, Any]] = {"个人账户": "account", "自费": "cash", "资助": "sponsor"}
NOBODY: Final = 999_999

Row = Mapping[str, str]


@cache
def rows(city: str) -> list[Row]:
    with (TABLES / f"{city}.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


CASES: Final = [pytest.param(city, n, id=f"{city}-{row['情景']}") for city in CITIES for n, row in enumerate(rows(city))]


# ── a city with everything that a row may ask for ────────────────────────────────────────────────────────────────────

Cities = Mapping[str, City]


@pytest.fixture(scope="module")
def cities(owner_url: str) -> Cities:
    """One city per scheme; each row brings its own people, so that rows do not meet."""
    return {scheme: _city(owner_url, scheme) for scheme in CITIES}


def _city(owner_url: str, scheme: str) -> City:
    earlier = {row["本年已付"] for row in rows(scheme) if row["本年已付"]}
    sponsors = {f"资助方{n}": row["支付"].partition(" ")[2] for n, row in enumerate(rows(scheme)) if row["支付"].startswith("资助 ")}
    city = books.small_city(books.founder(owner_url), scheme, [], sponsors=sponsors)
    with owner(city) as connection:
        books.load(city, connection, another(city.plan, "readable"))
        books.put_on_sale(city, connection, another(city.plan, "offline"), insurers={"offline": ("丁财产保险（示例）", 1)})
        if city.plan.account == "open":
            books.put_on_sale(city, connection, another(city.plan, "closed", ('account = "open"', 'account = "closed"')))
        # A loaded plan states a premium for every insurance; only who has none at all may find none.
        row = f"[premium]\n\n  [[premium.row]]\n  is = \"insutype in ({', '.join(FACTS['insutype'].values)})\"\n  yuan = 99\n\n"
        books.load(city, connection, another(city.plan, "unpriced", ("[premium]\nyuan = 99\n\n", row), (f'scheme = "{scheme}"\n', ""), premium="99"))
        connection.execute(LISTING["list_product"], {"id": "unpriced", "since": books.SINCE, "until": books.UNTIL, "route": "tender"})
        for yuan in earlier:
            books.put_on_sale(city, connection, another(city.plan, f"earlier-{yuan}", premium=yuan))
    return city


PRODUCTS: Final = {"不存在": "nothing", "仅供查阅": "readable", "未联通": "offline", "不开通个人账户": "closed", "只写参保人的保费": "unpriced"}


# ── a row as people and a command ────────────────────────────────────────────────────────────────────────────────────

def someone(id: int, text: str, **more: str) -> Someone:
    """"40岁 职工 正常 外地 慢性病" as a person."""
    born, *said = text.split(" ")
    if born.endswith("岁"):
        born = f"{2026 - int(born[:-1])}-01-01"
    insurance = "" if "未参保" in said else " ".join([*said[:2], *([books.ELSEWHERE] if "外地" in said else [])])
    return Someone(id, born, insurance, chronic="慢性病" in said, died="2026-01-15" if "已故" in said else "",
                   hardship=next((word for word in said if word in books.HARDSHIPS), ""), **more)


def people(row: Row, first: int) -> tuple[list[Someone], list[int]]:
    """The row's people, and whom the order names: the buyer is `first`, the others follow."""
    found: list[Someone] = []
    named: list[int] = []
    kin: list[str] = []
    for id, text in enumerate(filter(lambda said: said != "没有", row["被保险人"].split("；")), first + 1):
        if text in {"本人", "不存在"}:
            named.append(first if text == "本人" else NOBODY)
            continue
        relation, _, rest = text.partition(" ")
        account, _, other = rest.partition(" ")
        registered = account == "账户"
        found.append(someone(id, other if registered else rest))
        named.append(id)
        if relation != "陌生人":
            kin.append(f"{id} {relation}{' 账户' if registered else ''}")
    if row["投保人"] != "不存在":
        paid = fen(row["本年已付"] or "0")
        personal = plain_yuan(fen(row["个人账户"]) + paid) if row["个人账户"] else ""
        found.append(someone(first, row["投保人"], personal=personal, savings=row["储蓄账户"], kin="；".join(kin)))
    return found, named


def consented(command: Buy, said: str) -> Buy:
    """The order with the consent and the identity check that the row tells of."""
    consent, identity = command.consent, command.identity
    assert consent is not None
    assert identity is not None
    kept = {
        "": (consent, identity),
        "监护人同意": (Consent(consent.terms, consent.accepted, consent.signature, True), identity),
        "没有确认": (None, None),
        "旧条款": (Consent("00" * 32, consent.accepted, consent.signature), identity),
        "缺签名": (Consent(consent.terms, consent.accepted, " "), identity),
        "缺除外责任": (Consent(consent.terms, ("terms", "notice"), consent.signature), identity),
        "未核验": (consent, None),
        "核验未通过": (consent, replace(identity, passed=False)),
        "核验他人": (consent, replace(identity, person=command.buyer + 1)),
        "核验过期": (consent, replace(identity, at=identity.at - timedelta(minutes=14, seconds=1))),
    }[said]
    return replace(command, consent=kept[0], identity=kept[1])


def command(city: City, row: Row, n: int, named: list[int], at: datetime) -> Buy:
    first, product = n * 100 + 1, PRODUCTS.get(row["产品"], city.plan.id)
    pay_with = PAY_WITH[row["支付"].split(" ")[0]]
    asked = buy(city, first, *named, at=at, pay_with=pay_with, product=product, guardian=False, sponsor=f"资助方{n}" if pay_with == "sponsor" else None)
    wishes = () if row["被保险人"] == "没有" else asked.insured
    if row["产品"] == "不选档次":
        wishes = tuple(InsuredWish(wish.member) for wish in wishes)
    elif row["产品"] == "档次空白":
        wishes = tuple(InsuredWish(wish.member, "") for wish in wishes)
    elif row["产品"].startswith("档次 "):
        wishes = tuple(InsuredWish(wish.member, row["产品"].split(" ")[1]) for wish in wishes)
    return consented(replace(asked, insured=wishes), row["确认"])


def outcome(answer: Answer) -> dict[str, str]:
    """The answer in the table's own columns; the ones that do not apply are blank."""
    columns = dict.fromkeys(("结果", "代码", "条款", "个人账户支付", "储蓄账户支付", "现金支付", "资助支付"), "")
    if answer.outcome != DONE:
        refused = refusal(answer)
        basis = refused.clause or ("示例" if "本地示例" in refused.zh else "未作规定")
        return columns | {"结果": "拒绝", "代码": refused.code, "条款": basis}
    told = order(answer)
    paid = dict.fromkeys(("personal", "savings", "cash", "sponsor"), 0)
    for policy in told.policies:
        for part in policy.parts:
            paid[part.source] += part.fen
    assert sum(paid.values()) == told.premium_fen == sum(policy.premium_fen for policy in told.policies)
    assert (told.account_fen, told.cash_fen, told.sponsor_fen) == (paid["personal"] + paid["savings"], paid["cash"], paid["sponsor"])
    return columns | {
        "结果": STATES[told.state], "条款": " ".join(told.clauses), "个人账户支付": plain_yuan(paid["personal"]),
        "储蓄账户支付": plain_yuan(paid["savings"]), "现金支付": plain_yuan(paid["cash"]), "资助支付": plain_yuan(paid["sponsor"])}


# ── the rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.clause("LZ-5", "LZ-6", "LZ-7", "LZ-9", "LZ-24", "XZ-2", "XZ-3", "XZ-6")
@pytest.mark.parametrize("scheme, n", CASES)
def test_purchase(cities: Cities, scheme: str, n: int) -> None:
    city, row = cities[scheme], rows(scheme)[n]
    at = moment(row["时间"]) if row["时间"] else DAY
    found, named = people(row, n * 100 + 1)
    with owner(city) as connection:
        books.settle_down(city, connection, found)
    if row["本年已付"]:
        [earlier] = run(city, [buy(city, n * 100 + 1, at=at, product=f"earlier-{row['本年已付']}")], at)
        assert order(earlier).account_fen == fen(row["本年已付"])
    before = books.everything(city)
    [answer] = run(city, [command(city, row, n, named, at)], at)
    expected = outcome(answer)
    assert {key: row[key] for key in expected} == expected
    assert (books.everything(city) == before) is (row["结果"] == "拒绝"), "a refusal leaves nothing behind, a grant does"
    assert verify(city, at) == []
    if row["结果"] == "待支付":
        [given_up] = run(city, [Release(1, order_id(city, answer), "cancelled", n * 100 + 1)], at)
        assert order(given_up).state == "void"
        assert verify(city, at) == []


@pytest.mark.parametrize("scheme", CITIES)
def test_each_table_has_stories_of_their_own(scheme: str) -> None:
    stories = [row["情景"] for row in rows(scheme)]
    assert len(stories) >= 10
    assert sorted(set(stories)) == sorted(stories)


def codes(module: ModuleType) -> set[str]:
    """The codes that a module's source refuses with."""
    found = set()
    for node in ast.walk(ast.parse(getsource(module))):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", "")
            place = {"Refusal": 0, "refuse": 2}.get(name)
            code = None if place is None else node.args[place]
            if isinstance(code, ast.Constant):
                found.add(str(code.value))
            elif isinstance(code, ast.Name):
                found.add(str(getattr(module, code.id)))
    return found


#: What no order alone runs into, and which flows reach it and say so by its code.
ELSEWHERE: Final = {
    "enrolment/test_orders.py": {"policy.already_insured", "order.unknown", "order.not_waiting", "payment.not_awaited", "payment.amount_differs"},
    "endorsements/test_orders.py": {"order.captured", "order.cash_paid", "order.insured_unknown", "order.nobody_left"},
    "renewal/test_proposals.py": {"renewal.quote_changed", "renewal.unknown"},
}


def test_every_refusal_of_a_purchase_has_a_row() -> None:
    reached = {row["代码"] for city in CITIES for row in rows(city)}
    known = codes(refusals) | codes(purchase)
    assert len(known) >= 25, "codes are found"
    assert known - reached == set[str]().union(*ELSEWHERE.values())
    for file, named in ELSEWHERE.items():
        flows = (Path(__file__).parents[1] / file).read_text("utf-8")
        assert [code for code in sorted(named) if f'"{code}"' not in flows] == []


def test_ages_in_the_tables_are_what_they_say() -> None:
    assert someone(1, "40岁 职工 正常").born == "1986-01-01"
    assert date.fromisoformat(someone(1, "17岁 职工 正常").born).year == 2009
