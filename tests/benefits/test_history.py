"""Reversals, repeats and what is not taken up: what was posted, what would be right (target), and what stays open.

Each table is a story: messages in the order of their acceptance, and for each what became of it, what was posted and what is
right now, in yuan. Desk and columns are held to the same.
"""

from typing import Final, NamedTuple

import pytest

from huibao.benefits import loading
from huibao.benefits.fold import Payment, Settlement
from huibao.benefits.history import Entry, History, Reversal, history, negated
from huibao.benefits.model import Plan
from huibao.benefits.reading import read
from huibao.benefits.terms import Compiled
from huibao.core import money
from huibao.core.refusal import Refusal
from tests.benefits.both import Row, by_columns, by_desk

HEAD: Final = """
syntax = 1
id = "history"
name = "撤销与重算"
kind = "medical"
status = "example"
valid = { from = 2025-01-01, to = 2025-12-31 }
visit_counts_at = "admission"
sources = []
premium = { yuan = 99 }
"""
BENEFIT: Final = '[[benefit]]\nid = "self-paid"\nname = "自费费用"\nbase = "fulamt_ownpay_amt"\n'

CAPPED: Final = HEAD + BENEFIT + 'ratio = "100%"\ncap = { yuan = 100, per = "year" }\n'
HALF: Final = HEAD + BENEFIT + 'ratio = "50%"\n'
AFTER_100: Final = HEAD + BENEFIT + 'deductible = { yuan = 100, per = "year" }\nratio = "50%"\n'
RENEWED: Final = AFTER_100 + '[[benefit.when]]\nis = "years_enrolled >= 2"\ndeductible = 50\n'
TOGETHER: Final = HEAD + BENEFIT + 'ratio = "100%"\ncap = { yuan = 100, per = "year", scope = "household" }\n'


class Told(NamedTuple):
    """What became of a message: its status, and what was posted and what is right, in yuan."""

    status: str
    posted: str = ""
    target: str = ""


class Story(NamedTuple):
    title: str
    plan: str
    rows: list[Row]
    told: list[Told]


def bill(setl_id: str, yuan: str, person: str = "甲", **more: str) -> Row:
    """A settlement of fully self-paid cost."""
    return {"household_id": "户", "psn_no": person, "setl_id": setl_id, "setl_time": "2025-06-01", "fulamt_ownpay_amt": yuan,
            "psn_part_amt": yuan, **more}


def back(setl_id: str, of: str, yuan: str = "", person: str = "甲") -> Row:
    """A reversal; without yuan it carries no amounts, as some provinces send it."""
    return bill(setl_id, yuan, person, reverses=of)


def settled(posted: str, target: str = "") -> Told:
    return Told("settled", posted, target or posted)


def reversed_(posted: str) -> Told:
    return Told("reversed", posted, "0.00")


def reversal(posted: str) -> Told:
    return Told("reversal", posted, "0.00")


def plan(text: str) -> Plan:
    return loading.load_text("history.toml", text)


UNKNOWN, TWICE, OTHERWISE = Told("reversal.original_unknown"), Told("reversal.already_reversed"), Told("reversal.amounts_differ")
REPEATED, OTHER_FACTS = Told("settlement.duplicate"), Told("policy.facts_differ")

STORIES: Final = [
    Story("撤销唯一的一笔", HALF, [bill("1", "200"), back("2", "1", "-200")], [reversed_("100.00"), reversal("-100.00")]),
    Story("撤销报文不带金额", HALF, [bill("1", "200"), back("2", "1")], [reversed_("100.00"), reversal("-100.00")]),
    # half of 0.01 rounds up to 0.01; half up of −0.005 would be 0.00
    Story("冲回的是已付的一分钱，不是重新算出的负数", HALF, [bill("1", "0.01"), back("2", "1", "-0.01")],
          [reversed_("0.01"), reversal("-0.01")]),
    Story("撤销第一笔，限额腾给第二笔，第三笔按腾出后算", CAPPED, [bill("1", "80"), bill("2", "80"), back("3", "1", "-80"), bill("4", "80")],
          [reversed_("80.00"), settled("20.00", "80.00"), reversal("-80.00"), settled("20.00")]),
    Story("撤销第一笔，免赔额落到第二笔，多付的成为待处理", AFTER_100, [bill("1", "100"), bill("2", "100"), back("3", "1", "-100")],
          [reversed_("0.00"), settled("50.00", "0.00"), reversal("0.00")]),
    Story("再撤销第二笔：冲回已付的五十元，不是应付的零元", AFTER_100,
          [bill("1", "100"), bill("2", "100"), back("3", "1", "-100"), back("4", "2", "-100")],
          [reversed_("0.00"), reversed_("50.00"), reversal("0.00"), reversal("-50.00")]),
    Story("撤销后原账单重新结算，排在最后", AFTER_100, [bill("1", "100"), bill("2", "100"), back("3", "1", "-100"), bill("4", "100")],
          [reversed_("0.00"), settled("50.00", "0.00"), reversal("0.00"), settled("50.00")]),
    Story("连续两次撤销后一并重算", CAPPED,
          [bill("1", "50"), bill("2", "50"), bill("3", "50"), back("4", "1", "-50"), back("5", "2", "-50"), bill("6", "60")],
          [reversed_("50.00"), reversed_("50.00"), settled("0.00", "50.00"), reversal("-50.00"), reversal("-50.00"),
           settled("50.00")]),
    Story("迟到的报文日期在前，仍排在最后", CAPPED,
          [bill("1", "80", setl_time="2025-06-01"), bill("2", "80", setl_time="2025-02-01")],
          [settled("80.00"), settled("20.00")]),
    Story("一家人共用限额：撤销甲的，乙应得的变多", TOGETHER, [bill("1", "80"), bill("1", "80", "乙"), back("2", "1", "-80")],
          [reversed_("80.00"), settled("20.00", "80.00"), reversal("-80.00")]),

    Story("找不到原结算", HALF, [bill("1", "200"), back("2", "9", "-200")], [settled("100.00"), UNKNOWN]),
    Story("撤销先于原结算到达", HALF, [back("2", "1", "-200"), bill("1", "200")], [UNKNOWN, settled("100.00")]),
    Story("乙不能撤销甲的结算", TOGETHER, [bill("1", "80"), back("2", "1", "-80", "乙")], [settled("80.00"), UNKNOWN]),
    Story("撤销不能再被撤销", HALF, [bill("1", "200"), back("2", "1", "-200"), back("3", "2", "200")],
          [reversed_("100.00"), reversal("-100.00"), Told("settlement.amount_out_of_range")]),
    Story("撤销不带金额，也不能再被撤销", HALF, [bill("1", "200"), back("2", "1"), back("3", "2")],
          [reversed_("100.00"), reversal("-100.00"), UNKNOWN]),
    Story("同一笔撤销两次", HALF, [bill("1", "200"), back("2", "1", "-200"), back("3", "1", "-200")],
          [reversed_("100.00"), reversal("-100.00"), TWICE]),
    Story("撤销金额与原结算差一分，原结算不动", HALF, [bill("1", "200"), back("2", "1", "-199.99"), bill("3", "2")],
          [settled("100.00"), OTHERWISE, settled("1.00")]),
    Story("金额不符的撤销之后，正确的撤销照常受理", HALF, [bill("1", "200"), back("2", "1", "-199.99"), back("3", "1", "-200")],
          [reversed_("100.00"), OTHERWISE, reversal("-100.00")]),

    Story("同一笔送两次", CAPPED, [bill("1", "80"), bill("1", "80"), bill("2", "80")], [settled("80.00"), REPEATED, settled("20.00")]),
    Story("同一编号送来别的金额", CAPPED, [bill("1", "80"), bill("1", "90")], [settled("80.00"), REPEATED]),
    Story("撤销后用原编号再送", CAPPED, [bill("1", "80"), back("2", "1", "-80"), bill("1", "80")],
          [reversed_("80.00"), reversal("-80.00"), REPEATED]),
    Story("撤销报文送两次", CAPPED, [bill("1", "80"), back("2", "1", "-80"), back("2", "1", "-80")],
          [reversed_("80.00"), reversal("-80.00"), REPEATED]),
    Story("撤销报文借用结算的编号", CAPPED, [bill("1", "80"), back("1", "1", "-80")], [settled("80.00"), REPEATED]),
    Story("两人各有编号为一的结算", TOGETHER, [bill("1", "80"), bill("1", "80", "乙")], [settled("80.00"), settled("20.00")]),

    Story("同一保单，连续参保年数说法不一", RENEWED,
          [bill("1", "150", years_enrolled="1"), bill("2", "150", years_enrolled="2"), bill("3", "150", years_enrolled="1")],
          [settled("25.00"), OTHER_FACTS, settled("75.00")]),
    Story("保全更正之后是另一版本：版本之内须一致，两版之间可以不同", RENEWED,
          [bill("1", "150", years_enrolled="1"), bill("2", "150", years_enrolled="2", facts_version="7"),
           bill("3", "150", years_enrolled="1", facts_version="7"), bill("4", "150", years_enrolled="1")],
          [settled("25.00"), settled("75.00"), OTHER_FACTS, settled("75.00")]),
    Story("说法不一但条款不区分", RENEWED, [bill("1", "150", years_enrolled="2"), bill("2", "150", years_enrolled="3")],
          [settled("50.00"), settled("75.00")]),
    Story("第一笔撤销了，承保时的事实仍以它为准", RENEWED,
          [bill("1", "150", years_enrolled="1"), back("2", "1", "-150"), bill("3", "150", years_enrolled="2")],
          [reversed_("25.00"), reversal("-25.00"), OTHER_FACTS]),
]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.title)
def test_a_story(story: Story) -> None:
    said = plan(story.plan)
    answers = by_desk(said, story.rows)
    assert by_columns(said, story.rows) == answers
    assert [Told(status, *(money.plain_yuan(sum(of_benefit[n] for of_benefit in figures)) for n in (4, 5) if figures))
            for status, figures in answers] == story.told


# ── what the fold keeps ──────────────────────────────────────────────────────────────────────────────────────────────

def fold(text: str, rows: list[Row]) -> History:
    compiled = Compiled(plan(text))
    folded = History(compiled)
    for row in rows:
        event = read(compiled, row)
        assert not isinstance(event, Refusal)
        folded.accept(event)
    return folded


@pytest.mark.parametrize(("title", "text", "rows", "open_fen"), [
    # what each message leaves open: posted beyond what is right, or short of it
    ("没有撤销，就没有待处理", CAPPED, [bill("1", "80"), bill("2", "80")], [0, 0]),
    ("少付六十元：应补", CAPPED, [bill("1", "80"), bill("2", "80"), back("3", "1", "-80")], [8000, -6000, -8000]),
    ("多付五十元：待人处理，不自动扣回", AFTER_100, [bill("1", "100"), bill("2", "100"), back("3", "1", "-100")], [0, 5000, 0]),
])
def test_what_stays_open(title: str, text: str, rows: list[Row], open_fen: list[int]) -> None:
    folded = fold(text, rows)
    assert [entry.difference_fen for entry in folded.entries] == open_fen
    standing = [entry for entry in folded.entries if entry.status == "settled"]
    assert sum(entry.difference_fen for entry in folded.entries) == sum(entry.difference_fen for entry in standing)


def test_what_was_posted_is_never_rewritten() -> None:
    folded = fold(CAPPED, [bill("1", "80"), bill("2", "80")])
    before = [entry.posted for entry in folded.entries]
    folded.accept(Reversal("3", "甲", "1"))
    assert [entry.posted for entry in folded.entries[:2]] == before


@pytest.mark.parametrize(("title", "rows"), [
    ("找不到原结算", [back("9", "8", "-80")]),
    ("金额不符", [back("9", "2", "-79")]),
    ("重复", [bill("2", "80")]),
])
def test_what_is_not_taken_up_moves_nothing(title: str, rows: list[Row]) -> None:
    some = [bill("1", "80"), bill("2", "80")]
    assert fold(CAPPED, [*some, *rows]).used == fold(CAPPED, some).used
    assert fold(CAPPED, [*some, *rows]).entries[2].posted == ()


def test_the_accumulators_are_those_of_the_survivors() -> None:
    left = fold(AFTER_100, [bill("1", "100"), bill("2", "70"), back("3", "1", "-100"), bill("4", "60")])
    assert left.used == fold(AFTER_100, [bill("2", "70"), bill("4", "60")]).used
    assert left.used == {("D", 0, "甲", ""): 13000, ("B", 0, "甲", ""): 3000}


def test_the_last_reversal_leaves_nothing() -> None:
    assert fold(AFTER_100, [bill("1", "100"), bill("2", "70"), back("3", "2", "-70"), back("4", "1", "-100")]).used == {}


def test_history_folds_what_accept_does() -> None:
    folded = fold(CAPPED, [bill("1", "80"), bill("2", "80"), back("3", "1", "-80")])
    again = history(folded.plan, [entry.event for entry in folded.entries])
    assert again == folded.entries


@pytest.mark.parametrize(("sign", "figures"), [
    (-1, (-7, -2, -5, -4, -3)),
    (0, (0, 0, 0, 0, 0)),
])
def test_payments_are_negated_figure_by_figure(sign: int, figures: tuple[int, int, int, int, int]) -> None:
    explained = Payment(7, 2, 5, 4, 3, ())
    assert negated([explained, Payment()], sign) == (Payment(*figures), Payment())


def test_an_entry_without_payments_leaves_nothing_open() -> None:
    assert Entry(Settlement("1", "甲", "1", (), 0, 0), "settlement.duplicate").difference_fen == 0
