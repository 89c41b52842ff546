"""A person's policies before one bill: which of them cover the visit, and what each pays after those before it."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final

from huibao.benefits.facts import FACTS
from huibao.benefits.fold import EXPENSE, PASSED, PAYABLE, SEEN, Key, Payment, Settlement, settle
from huibao.benefits.model import OTHER_PAYER, Plan
from huibao.benefits.reading import Unreadable, amount, bad, day_of, read, share_inside, text
from huibao.benefits.terms import Compiled
from huibao.core.money import plain_yuan
from huibao.core.refusal import Refusal
from huibao.settlement.model import Cover, Hospital, Paying, Row, Scope

#: What a sender may not say of a visit, since it is ours to know: facts frozen with the policy, and these.
OURS: Final = frozenset(
    {fact.column for fact in FACTS.values() if fact.level == "policy"}
    | {"place", "designated_hospital", "preexisting", "severe_preexisting", "history_dise", "drug_list", "household_id", "cover_from",
       "cover_to", "accept_seq", "reverses", "admitted_on", "renewed_products", "basic_insurance_here", "facts_version"})
#: Fields that name a person; no arithmetic asks for them, and what is not kept cannot leak.
PERSONAL: Final = frozenset({"psn_name", "certno", "psn_cert_type", "mdtrt_cert_no", "mdtrt_cert_type", "tel", "coner_name", "coner_tel",
                             "coner_addr", "naty", "emp_name", "emp_addr", "emp_tel", "curr_addr"})

_NOT_KEPT: Final = OURS | PERSONAL

#: Under this name a policy's facts keep what was corrected: by which endorsement, from which day, which fact, what it is.
CORRECTED: Final = "corrected"

_NUMBER: Final = re.compile(r"[!-~]{1,40}")

Used = dict[Scope, dict[Key, int]]


@dataclass(frozen=True, slots=True)
class Ground:
    """What the arithmetic stands on: plans by offer, how the province counts `acct_pay`, what hides the code of an item."""

    plans: Callable[[int], Compiled]
    acct_inside_fund: bool
    hide: Callable[[str], str]


def sent(row: Row) -> dict[str, Any]:
    """A message without what is ours to say, and without names."""
    return {name: value for name, value in row.items() if name not in _NOT_KEPT}


def visit_facts(row: Row, hospital: Hospital, home: str, away: str, admdvs: Sequence[str], on: date) -> dict[str, Any]:
    """What we know of a visit: where it was, seen from home, and in which hospital. `away` is how it was registered, if at all."""
    area = str(row.get("insuplc_admdvs") or "")
    return {
        "place": "local" if _same_area(hospital.area, home) else away or "unregistered",
        "designated_hospital": "1" if hospital.designated(on) else "0",
        "basic_insurance_here": "1" if not area or area.startswith(tuple(admdvs)) else "0",
        **({"hosp_lv": str(hospital.grade)} if hospital.grade is not None else {}),
    }


def _same_area(one: str, other: str) -> bool:
    """Whether two pooling areas are one: a prefecture's, or a whole province's where it pools as one."""
    digits = 2 if "00" in (one[2:4], other[2:4]) else 4
    return one[:digits] == other[:digits]


def covering(covers: Sequence[Cover], row: Row, plans: Callable[[int], Compiled]) -> list[Cover]:
    """The policies that cover a visit by their plan's own date, in the order in which they pay."""
    found = [cover for cover in covers if share_inside(plans(cover.offer).plan, _dates_for(cover, row, plans(cover.offer).plan))[0]]
    return sorted(found, key=lambda cover: turn(cover, plans))


def turn(cover: Cover, plans: Callable[[int], Compiled]) -> tuple[date, str]:
    """When a policy's turn to pay comes: older contract years first, then by product."""
    return plans(cover.offer).plan.valid_from, cover.product


def _dates_for(cover: Cover, row: Row, plan: Plan) -> dict[str, Any]:
    """What of a message says when the visit was, as one policy sees it."""
    seen = {name: row[name] for name in ("begndate", "enddate", "setl_time") if name in row}
    seen |= {"cover_from": cover.period_from.isoformat(), "cover_to": cover.period_to.isoformat()}
    if cover.product in str(row.get("renewed_products", "")).split(";"):
        seen["renewed"] = "1"
    if plan.visit_counts_at == "admission" and row.get("admitted_on"):
        seen["begndate"] = row["admitted_on"]
    return seen


def row_for(cover: Cover, row: Row, others_fen: int, plan: Plan) -> dict[str, Any]:
    """The message as one policy sees it: its cover, its frozen facts, its household, what other policies paid before it.

    A stay that goes on began when its first settlement says, where the plan asks for the day of admission.
    """
    seen = {**row, **_dates_for(cover, row, plan), "household_id": str(cover.scope.whose)}
    seen |= {FACTS[name].column: value for name, value in facts_for(cover, row).items() if name in FACTS and value is not None}
    if CORRECTED in cover.facts:
        seen["facts_version"] = _version(cover, admitted(row))
    if others_fen:
        seen[OTHER_PAYER] = plain_yuan(others_fen)
    return seen


def facts_for(cover: Cover, row: Row) -> Mapping[str, Any]:
    """What a policy froze, as it was corrected since: a correction holds for who was admitted from its day on, the last one made first."""
    if CORRECTED not in cover.facts:
        return cover.facts
    return facts_on(cover, admitted(row))


def facts_on(cover: Cover, on: date) -> dict[str, Any]:
    """The facts of a policy that hold for who is admitted on a day."""
    facts = dict(cover.facts)
    for correction in facts.pop(CORRECTED, ()):
        if date.fromisoformat(correction["from"]) <= on:
            facts[correction["fact"]] = correction["value"]
    return facts


def _version(cover: Cover, on: date) -> str:
    """Which corrections of a policy hold for who is admitted on a day: facts differ between two versions, never within one."""
    return ";".join(str(correction["by"]) for correction in cover.facts[CORRECTED] if date.fromisoformat(correction["from"]) <= on)


def admitted(row: Row) -> date:
    """The day of admission; of a bill that tells of none, the day of its settlement, which every bill that was taken up has."""
    found = day(row, "admitted_on", "begndate", "setl_time")
    assert found is not None, "a settlement that does not say when it was made was made today"
    return found


def pay(
    ground: Ground, covers: Sequence[Cover], everything: Sequence[Cover], used: Used, row: Row, lines: Sequence[Row], explain: bool = False
) -> list[Paying] | Refusal:
    """What each of `covers` pays of a bill, one after the other, and `used` moved on; where the bill is refused, nothing has moved.

    `everything` are all policies of the person: a stay that an earlier contract year has seen brings its per-visit amounts.
    """
    try:
        said = amount(row, OTHER_PAYER) or 0
    except Unreadable as unreadable:
        return unreadable.refusal
    found: list[Paying] = []
    moves: list[tuple[Scope, dict[Key, int]]] = []
    for cover in covers:
        plan = ground.plans(cover.offer)
        # Contract years that follow each other pay for days of their own.
        others = said + sum(one.pay_fen for one in found if meet(one.cover, cover))
        bill = read(plan, row_for(cover, row, others, plan.plan), lines, acct_inside_fund=ground.acct_inside_fund)
        if isinstance(bill, Refusal):
            return bill
        assert isinstance(bill, Settlement), "a message that takes a settlement back is no bill"
        bill = _hidden(plan, bill, ground.hide)
        before = used.get(cover.scope, {})
        if carried := _carried(ground, cover, everything, used, bill.mdtrt_id):
            before = {**carried, **before}
        payments, moved = settle(plan, before, bill, explain)
        moves.append((cover.scope, moved))
        found.append(Paying(cover, payments, bare(payments), bill=bill))
    for scope, moved in moves:
        used.setdefault(scope, {}).update(moved)
    return found


def bare(payments: Sequence[Payment]) -> tuple[Payment, ...]:
    """Payments without their steps."""
    return tuple(Payment(p.base, p.deductible, p.covered, p.payable, p.pay) for p in payments)


def _hidden(plan: Compiled, bill: Settlement, hide: Callable[[str], str]) -> Settlement:
    """The bill with what its lines are about hidden, where an accumulator would keep it in plain sight."""
    if not any(per == "item" for per in (*(cap.per for cap in plan.plan.caps), *(limit.per for limit in plan.plan.limits))):
        return bill
    return replace(bill, parts=tuple(replace(part, item=hide(part.item)) for part in bill.parts))


# ── a stay over two contract years ───────────────────────────────────────────────────────────────────────────────────

def _carried(ground: Ground, cover: Cover, everything: Sequence[Cover], used: Used, mdtrt_id: str) -> dict[Key, int]:
    """What another contract year has counted for this very stay, under the places that this year's plan has for it.

    So a deductible or a cap per visit applies once to a stay that was settled in parts over the end of a contract year. The
    next year of a product has its name.
    """
    plan = ground.plans(cover.offer).plan
    found: dict[Key, int] = {}
    for other in everything:
        if other.insured != cover.insured or meet(other, cover) or not used.get(other.scope):
            continue
        before = ground.plans(other.offer).plan
        if not _goes_on(before, plan):
            continue
        places = _visit_places(plan)
        for what, name in _visit_places(before).items():
            place = next((this for this, its in places.items() if its == name and this[0] == what[0]), None)
            for key, fen in used[other.scope].items():
                if place is not None and key[:2] == what and key[3] == mdtrt_id:
                    found[*place, *key[2:]] = fen
    return found


def meet(one: Cover, other: Cover) -> bool:
    """Whether two policies cover a day in common."""
    return one.period_from <= other.period_to and other.period_from <= one.period_to


def renewed(covers: Sequence[Cover], plans: Callable[[int], Compiled]) -> list[str]:
    """The products that the person has bought again: the next year of each follows on its last day."""
    return sorted(one.product for one in covers if any(
        one.period_to < other.period_from <= one.period_to + timedelta(days=1)
        and _goes_on(plans(one.offer).plan, plans(other.offer).plan) for other in covers))


def _goes_on(before: Plan, after: Plan) -> bool:
    """Whether one plan is the other's next year: it says so, or has its name."""
    return after.renews == before.id or after.name == before.name


def _visit_places(plan: Plan) -> dict[tuple[str, int], str]:
    """What a plan counts per visit: the letter and place of each accumulator, with the name by which another year has it."""
    found = {(SEEN, n): item.id for n, item in enumerate(plan.deductibles) if item.per == "visit"}
    found |= {(PAYABLE, n): item.id for n, item in enumerate(plan.caps) if item.per == "visit"}
    found |= {(EXPENSE, n): f"{plan.benefits[item.benefit].id} {item.name}" for n, item in enumerate(plan.limits) if item.per == "visit"}
    return found | {(PASSED, n): item.id for n, item in enumerate(plan.benefits) if item.bands_per == "visit"}


def number(row: Row, name: str) -> str:
    """A number of theirs, as it is kept and looked for: visible characters, at most forty. Raises `Unreadable`."""
    said = text(row, name)
    if not _NUMBER.fullmatch(said):
        raise bad(name, "不是编号", "is no number of visible characters, at most forty")
    return said


def plainly(refusal: Refusal) -> Refusal:
    """A refusal of a message as the record keeps it: which field, and nothing of what it said, which may be a name or a diagnosis
    where columns have shifted."""
    if refusal.code == "message.basic_insurance_failed":
        return Refusal(refusal.code, None, "基本医保结算未成功。请先完成基本医保结算。", "basic insurance did not settle: settle there first.")
    if refusal.code not in ("settlement.field_unreadable", "settlement.amount_out_of_range"):
        return refusal
    field = str(refusal.figures.get("field", ""))
    return Refusal(refusal.code, None, f"{field} 读不出来：应为编号、以元为单位的金额、日期或代码。请核对报文各栏是否错位，改正后重新发送。",
                   f"{field} can't be read: a number, an amount in yuan, a date or a code belongs there. See whether columns have shifted,"
                   " and send again.", {"field": field})


def day(row: Row, *names: str) -> date | None:
    """The first of these fields that has a day. Raises `Unreadable` for one that has something else."""
    for name in names:
        if said := text(row, name):
            try:
                return day_of(said)
            except ValueError:
                raise bad(name, f"为 {said!r}，不是日期", "is not a date: write 2026-07-01 or 2026-07-01 08:00:00") from None
    return None
