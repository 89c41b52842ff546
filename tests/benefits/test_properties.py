"""What holds of every payment, on random plans and histories: the bounds, the caps, the order, the way back to zero.

Each property says for which plans it holds; what is left out of the random plans is named where they are drawn.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from huibao.benefits import conditions, loading
from huibao.benefits.buckets import AMOUNTS, Buckets, buckets
from huibao.benefits.facts import Facts
from huibao.benefits.fold import Payment
from huibao.benefits.history import SETTLED, Entry, History, Reversal, history
from huibao.benefits.model import Amount, Cap, Plan
from huibao.benefits.reading import facts_of, item_of, read
from huibao.benefits.terms import Compiled
from huibao.core import money
from huibao.core.refusal import Refusal
from huibao.core.tomlfile import FileRefused
from tests.benefits.both import bills, by_columns, by_desk
from tests.benefits.random_plans import Row, histories, plans

tried = settings(deadline=None, suppress_health_check=list(HealthCheck))

Extra = st.sampled_from((1, 2, 99, 100, 12_345, 1_000_000)) | st.integers(1, 5_000_000)


@dataclass(slots=True)
class Group:
    """Who shares accumulators: the fold, and each bill that was taken up, its rows with its entry."""

    fold: History
    taken: list[tuple[list[Row], Entry]] = field(default_factory=list)

    def standing(self) -> Iterator[tuple[list[Row], Entry]]:
        return ((rows, entry) for rows, entry in self.taken if entry.status == SETTLED)


def loaded(text: str) -> Plan:
    try:
        return loading.load_text("random.toml", text)
    except FileRefused:
        assume(False)


def groups(plan: Plan, rows: Sequence[Row]) -> list[Group]:
    """Every row in its order through the desk, household by household or person by person; what is refused is left out."""
    compiled = Compiled(plan)
    found: dict[str, Group] = {}
    for bill in bills(list(rows)):
        event = read(compiled, bill[0], bill[1:])
        if not isinstance(event, Refusal) and not bill[0].get("feedetl_sn"):
            group = found.setdefault(bill[0]["household_id" if plan.household else "psn_no"], Group(History(compiled)))
            group.taken.append((bill, group.fold.accept(event)))
    return list(found.values())


def fen(row: Row, name: str) -> int:
    return money.fen(row[name]) if row.get(name) else 0


def total(payments: Sequence[Payment]) -> int:
    return sum(payment.pay for payment in payments)


# ── the bounds ───────────────────────────────────────────────────────────────────────────────────────────────────────

@tried
@given(plans(), histories(households=1, bills=10))
def test_paid_is_between_zero_and_the_burden_and_within_every_cap(text: str, rows: list[Row]) -> None:
    """Of every plan. The burden is what the message leaves to the person, less what other insurers paid."""
    plan = loaded(text)
    for group in groups(plan, rows):
        for (row, *_), entry in group.standing():
            person = fen(row, "psn_part_amt") or fen(row, "acct_pay") + fen(row, "psn_cash_pay")
            for payments in (entry.posted, entry.target):
                assert 0 <= total(payments) <= max(0, person - fen(row, "other_insurance_pay"))
                assert all(0 <= p.pay <= p.payable <= p.base and p.covered + p.deductible <= p.base for p in payments)
        for cap in plan.caps:
            within(plan, cap, group)


def within(plan: Plan, cap: Cap, group: Group) -> None:
    """What the bills that stand are paid under a cap, by whom and for what it counts, from the figures of its benefits alone."""
    paid: Counter[tuple[str, str]] = Counter()
    most: dict[tuple[str, str], int] = {}
    for rows, entry in group.standing():
        row, items = rows[0], {item_of(line) for line in rows}
        who = "" if cap.scope == "household" else row["psn_no"]
        what = {"visit": row.get("mdtrt_id") or row["setl_id"], "year": ""}.get(cap.per, min(items))
        under = sum(entry.target[b].pay for b in cap.benefits)
        amount = amount_of(cap.amount, facts_of(group.fold.plan, row, row))
        assert under <= amount * (len(items) if cap.per == "item" else 1)
        if cap.per != "item" or len(items) == 1:
            paid[who, what] += under
            most[who, what] = amount
    assert {key: fen for key, fen in paid.items() if fen > most[key]} == {}


def amount_of(amount: Amount, known: Facts) -> int:
    """The amount of a cap by the facts of the policy: the first, last or best of the `when`s that hold."""
    holding = [fen for condition, fen in amount.when if conditions.holds(condition, known)]
    if not holding:
        return amount.fen
    return {"best": max(holding), "last": holding[-1]}.get(amount.when_both, holding[0])


# ── folding again ────────────────────────────────────────────────────────────────────────────────────────────────────

@tried
@given(plans(), histories(households=1, bills=10))
def test_a_rerun_gives_the_target_and_reversing_everything_gives_zero(text: str, rows: list[Row]) -> None:
    """Of every plan. After the last reversal no accumulator holds anything, and the posted figures add up to nothing."""
    plan = loaded(text)
    for group in groups(plan, rows):
        fold, standing = group.fold, [entry for _, entry in group.standing()]
        rerun = history(fold.plan, [entry.event for entry in standing])
        assert [entry.posted for entry in rerun] == [entry.target for entry in standing]
        for n, entry in enumerate(standing):
            taken_back = fold.accept(Reversal(f"R{n}", entry.event.psn_no, entry.event.setl_id))
            assert total(taken_back.posted) == -total(entry.posted)
        assert fold.used == {}
        assert [p for entry in fold.entries for p in entry.target if p != Payment()] == []
        for b in range(len(plan.benefits)):
            of_benefit = [entry.posted[b] for entry in fold.entries if entry.posted]
            figures = zip(*((p.base, p.deductible, p.covered, p.payable, p.pay) for p in of_benefit), strict=True)
            assert [sum(figure) for figure in figures] in ([], [0, 0, 0, 0, 0])


# ── the order ────────────────────────────────────────────────────────────────────────────────────────────────────────

@tried
@given(plans("days"), histories("lines", "careless", households=1, bills=6),
       st.lists(st.integers(0, 9), min_size=6, max_size=6))
def test_acceptance_orders_and_dates_do_not(text: str, rows: list[Row], days: list[int]) -> None:
    """Of plans without a waiting period or stays split by days. The same bills in the order of their acceptance, once dated
    in that order and once at random, all within the cover, are paid alike; and the last of them reopens nothing."""
    plan = loaded(text)
    rows = rows if plan.household else sorted(rows, key=lambda row: str(row["psn_no"]))
    in_order, at_random = dated(rows, sorted(days)), dated(rows, days)
    paid = by_columns(plan, at_random)
    assert by_desk(plan, in_order) == paid
    assert [posted(figures) for _, figures in by_columns(plan, at_random[:-1])] == [posted(figures) for _, figures in paid[:-1]]


def dated(rows: list[Row], days: Sequence[int]) -> list[Row]:
    dates = [str(date(2025, 3, 1) + timedelta(30 * day)) for day in days]
    return [row | {"begndate": day, "enddate": day, "setl_time": day} for row, day in zip(rows, dates, strict=False)]


def posted(figures: tuple[tuple[int, ...], ...]) -> list[tuple[int, ...]]:
    return [of_benefit[:5] for of_benefit in figures]


# ── more, and in two ─────────────────────────────────────────────────────────────────────────────────────────────────

@tried
@given(plans("proportion"), histories("lines", "careless", households=1, bills=4), st.integers(0, 3), Extra)
def test_more_cost_is_never_paid_less(text: str, rows: list[Row], bucket: int, extra: int) -> None:
    """Of a bill without lines, all of one ratio in each benefit, whatever came before, under every plan without a
    deductible in proportion (which may move the odd fen from a better ratio to a worse one)."""
    plan = loaded(text)
    earlier, bill = last_bill(rows)
    assert total(last_of(plan, [*earlier, bill])) <= total(last_of(plan, [*earlier, more(bill, bucket, extra)]))


def last_bill(rows: list[Row]) -> tuple[list[Row], Row]:
    """The last bill of a history, and what came before it."""
    n = max(n for n, row in enumerate(rows) if not row.get("reverses"))
    return rows[:n], rows[n]


def last_of(plan: Plan, rows: list[Row]) -> tuple[Payment, ...]:
    """What the last bill is paid."""
    found = [entry for group in groups(plan, rows) for bill, entry in group.taken if bill[0] is rows[-1]]
    assume(found and found[0].status == SETTLED)
    return found[0].posted


def more(bill: Row, bucket: int, extra: int) -> Row:
    """The bill with that much more in one of its four amounts, borne by the person."""
    stated = "in_scope_self_pay" if bucket == 0 and "inscp_scp_amt" not in bill else (
        "inscp_scp_amt", "preselfpay_amt", "overlmt_selfpay", "fulamt_ownpay_amt")[bucket]
    return bill | {name: money.plain_yuan(fen(bill, name) + extra)
                   for name in (stated, "medfee_sumamt", "psn_part_amt", "psn_cash_pay") if bill.get(name)}


@tried
@given(plans("visit", "item", "flat", "limit", "shared", "days", "payers"),
       histories("lines", "careless", "payers", households=1, bills=4),
       st.tuples(*[st.integers(0, 3_000_000)] * 4), st.tuples(*[st.integers(0, 3_000_000)] * 4))
def test_a_bill_in_two_settlements_differs_by_rounding_only(
    text: str, rows: list[Row], one: tuple[int, ...], other: tuple[int, ...]
) -> None:
    """Of plans without flat amounts, limits, anything by visit, and deductibles that several benefits use up: what a benefit
    owes differs by at most one fen for its payment, and one for its cost where that is weighted."""
    plan = loaded(text)
    earlier, bill = last_bill(rows)
    whole = last_of(plan, [*earlier, self_paid(bill, [a + b for a, b in zip(one, other, strict=True)])])
    first = [*earlier, self_paid(bill, one)]
    halves = last_of(plan, first), last_of(plan, [*first, self_paid(bill, other) | {"setl_id": "again"}])
    rounded = [1 + any(weight % money.WHOLE for weight in benefit.weights) for benefit in plan.benefits]
    for b, odd in enumerate(rounded):
        assert abs(halves[0][b].payable + halves[1][b].payable - whole[b].payable) <= odd
    assert abs(total(halves[0]) + total(halves[1]) - total(whole)) <= sum(rounded)


def self_paid(bill: Row, parts: Sequence[int]) -> Row:
    """The bill with these four amounts, all left to the person."""
    names = ("in_scope_self_pay", "preselfpay_amt", "overlmt_selfpay", "fulamt_ownpay_amt")
    silent = dict.fromkeys((*AMOUNTS, "maf_pay"), "")
    return bill | silent | {name: money.plain_yuan(part) for name, part in zip(names, parts, strict=True)}


# ── the parts of a bill ──────────────────────────────────────────────────────────────────────────────────────────────

@tried
@given(st.tuples(*[st.integers(0, 10 ** 7)] * 7), st.booleans(),
       st.sets(st.sampled_from(("psn_part_amt", "psn_cash_pay", "medfee_sumamt"))))
def test_the_parts_left_to_the_person_are_at_least_zero_and_add_up(
    amounts: tuple[int, ...], acct_inside_fund: bool, silent: set[str]
) -> None:
    """Of every message whose amounts agree, however much the hospital bears, whatever else the message leaves out."""
    inscp, pre, over, full, fund, hospital, account = amounts
    cost = inscp + pre + over + full
    fund = min(fund, inscp)
    hospital = min(hospital, cost - fund)
    person = cost - fund - hospital
    account = min(account, person)
    said = {"medfee_sumamt": cost, "inscp_scp_amt": inscp, "preselfpay_amt": pre, "overlmt_selfpay": over,
            "fulamt_ownpay_amt": full, "fund_pay_sumamt": fund + (account if acct_inside_fund else 0), "hosp_part_amt": hospital,
            "acct_pay": account, "psn_cash_pay": person - account, "psn_part_amt": person}
    found = buckets(said | dict.fromkeys(silent), acct_inside_fund)
    assert isinstance(found, Buckets)
    assert min(found.amounts) >= 0
    assert sum(found.amounts) == found.person_fen == person
    assert [kept <= stated for kept, stated in zip(found.amounts, (inscp, pre, over, full), strict=True)] == [True] * 4


# ── why each leaves something out ────────────────────────────────────────────────────────────────────────────────────

HEAD = """
syntax = 1
id = "exceptions"
name = "例外"
kind = "medical"
status = "example"
valid = { from = 2025-01-01, to = 2025-12-31 }
visit_counts_at = "settlement"
sources = []
premium = { yuan = 99 }
"""
WEIGHTED = HEAD + '[[benefit]]\nid = "b"\nname = "加权"\nbase = "0.5 * preselfpay_amt"\nratio = "75%"\n'
SHARED = HEAD + "".join(
    f'[[benefit]]\nid = "{base}"\nname = "{base}"\nbase = "{base}"\ndeductible = {{ shared = "共用" }}\nratio = "{ratio}"\n'
    for base, ratio in (("in_scope_self_pay", "0%"), ("preselfpay_amt", "100%"), ("fulamt_ownpay_amt", "0%")))
LISTED = SHARED + '[[deductible]]\nid = "共用"\nyuan = 1\nper = "year"\nallocation = "listed"\n'


@pytest.mark.parametrize(("why", "text", "bills", "pays"), [
    # the plan, its bills (in scope, class B, fully self-paid, in yuan), and what they are paid together
    ("六分一次结算：计三分，赔二分二五", WEIGHTED, [("0", "0.06", "0")], 2),
    ("分两次各三分：各计二分，各赔一分五，差两分", WEIGHTED, [("0", "0.03", "0"), ("0", "0.03", "0")], 4),
    ("共用免赔额先列先用：一次结算", LISTED, [("1.00", "1.00", "0")], 100),
    ("分两次结算，第一次的后一项也用掉一半", LISTED, [("0.50", "0.50", "0"), ("0.50", "0.50", "0")], 50),
    ("按比例使用，零头落在不赔的一项", LISTED.replace("listed", "proportion"), [("0", "1.00", "0.15")], 14),
    ("多一分费用，零头换到全赔的一项，少赔一分", LISTED.replace("listed", "proportion"), [("0.01", "1.00", "0.15")], 13),
])
def test_what_is_left_out_has_its_reason(why: str, text: str, bills: list[tuple[str, str, str]], pays: int) -> None:
    rows = [{"household_id": "户", "psn_no": "甲", "setl_id": str(n), "setl_time": "2025-06-01", "in_scope_self_pay": inside,
             "preselfpay_amt": pre, "fulamt_ownpay_amt": full} for n, (inside, pre, full) in enumerate(bills)]
    answers = by_desk(loaded(text), rows)
    assert by_columns(loaded(text), rows) == answers
    assert sum(figures[4] for _, of_bill in answers for figures in of_bill) == pays
