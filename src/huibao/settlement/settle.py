"""Deciding a settlement: is it new, whose is it, where was the visit, which policies cover it, what do they pay, and to whom.

1. the person is known here;
2. the number is new; the same settlement again, whichever way it comes, answers as before, another under its number is refused;
3. the hospital: one with a desk deducts, one outside it is described by the feed, and then the insured is paid, if they agreed;
4. the message is understood, and at least one policy covers the visit by its plan's own date;
5. each policy pays after those before it.

A settlement is taken up whole or refused whole.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from huibao.benefits.buckets import AMOUNTS, buckets
from huibao.benefits.reading import Unreadable, amount, deciding_date, text
from huibao.core.refusal import Refusal
from huibao.settlement import refusals
from huibao.settlement.covers import Used, covering, day, number, pay, plainly, renewed, row_for, sent, visit_facts
from huibao.settlement.model import Cover, Hospital, Payee, Row, Settle, Taken
from huibao.settlement.money import open_case, owe, tell
from huibao.settlement.state import Case, Insured, State


@dataclass(frozen=True, slots=True)
class Again:
    """A settlement that was taken up before: it is told as it was."""

    taken: Taken


@dataclass(frozen=True, slots=True)
class Settled:
    """A settlement with its bill as it was folded, steps and all, and what is used after it."""

    taken: Taken
    row: dict[str, Any]
    lines: tuple[dict[str, Any], ...]
    used: Used


def decide(state: State, settle: Settle, request_id: int, at: datetime) -> Settled | Again | Refusal:
    """What becomes of a settlement; the state has moved on where it was taken up."""
    person = state.by_number(settle.psn_no)
    if person is None or person.wrapped is None:
        return refusals.person_unknown()
    try:
        if settle.promises:
            number(settle.row, "setl_id")
        if settle.mdtrt_id:
            number({"mdtrt_id": settle.mdtrt_id}, "mdtrt_id")
        known = _known(state, settle, person)
        if known is not None:
            return known
        hospital = _hospital(state, settle)
        if isinstance(hospital, Refusal):
            return hospital
        row = _visit(state, settle, person, hospital)
        # A line without a code of its item is an item of its own, of this bill.
        lines = tuple({**sent(line), "setl_id": settle.setl_id} for line in settle.lines)
        covers = _covers(state, person, row)
        if isinstance(covers, Refusal):
            return covers
        taken = _taken(state, settle, request_id, person, row, at)
    except Unreadable as unreadable:
        return plainly(unreadable.refusal)
    if taken.payee == "person" and person.id not in state.agreed:
        return refusals.not_agreed()
    used = state.used if settle.promises else {scope: dict(of) for scope, of in state.used.items()}
    paying = pay(state.ground, covers, state.covers[person.id], used, row, lines, explain=True)
    if isinstance(paying, Refusal):
        return plainly(paying)
    taken.paying = paying
    taken.pay_fen = sum(one.pay_fen for one in paying)
    first = paying[0].bill
    assert first is not None, "what was just folded has its bill"
    taken.person_fen = first.person_fen
    settled = Settled(taken, row, lines, used)
    if settle.promises:
        _take_up(state, settled, at)
    return settled


def _known(state: State, settle: Settle, person: Insured) -> Again | Refusal | None:
    """The settlement with this number, if there is one: the same again, or another that may not have its number."""
    if not settle.promises:
        return None
    if (parked := state.parked.pop((settle.hospital, settle.setl_id), None)) is not None:
        # The reversal was here first: the two have met, and neither has an effect.
        state.made.met.append(replace(parked, state="met"))
        state.met.add((settle.hospital, settle.setl_id))
    if (settle.hospital, settle.setl_id) in state.met:
        return refusals.taken_back(settle.setl_id)
    taken = state.known.get(settle.setl_id)
    if taken is None:
        return None
    said = {"psn_no": (taken.person, person.id), "fixmedins_code": (taken.hospital, settle.hospital),
            "mdtrt_id": (taken.mdtrt_id, settle.mdtrt_id), "medfee_sumamt": (taken.medfee_fen, amount(settle.row, "medfee_sumamt") or 0)}
    other = next((name for name, (ours, theirs) in said.items() if ours != theirs), None)
    if other is not None:
        return refusals.differs(settle.setl_id, other)
    left = buckets({name: amount(settle.row, name) for name in AMOUNTS}, state.ground.acct_inside_fund)
    if isinstance(left, Refusal):
        return plainly(left)
    if left.person_fen != taken.person_fen:
        return refusals.differs(settle.setl_id, "psn_part_amt")
    if taken.state not in ("offered", "confirmed"):
        return refusals.taken_back(settle.setl_id)
    if taken.payee == "person" and settle.way != "feed" and taken.way != "feed":
        return refusals.paid_directly(settle.setl_id)
    return Again(taken)


def _hospital(state: State, settle: Settle) -> Hospital | Refusal:
    """Where the person was: a hospital that deducts at its desk, or for the feed any that is known or described."""
    known = state.hospitals.get(settle.hospital)
    if settle.way != "feed":
        return known if known is not None and known.desk else refusals.not_at_the_desk(settle.hospital)
    if known is not None:
        return known
    area, grade = text(settle.row, "fixmedins_poolarea"), text(settle.row, "hosp_lv")
    if not area:
        return refusals.hospital_unknown(settle.hospital)
    return Hospital(settle.hospital, "", area, int(grade) if grade in {"1", "2", "3"} else None, None, None, False)


def _visit(state: State, settle: Settle, person: Insured, hospital: Hospital) -> dict[str, Any]:
    """The message as it is folded and kept: without what is not the sender's to say, with what we know of the visit."""
    row = sent(settle.row)
    settled_on = day(row, "setl_time")
    admitted = day(row, "begndate", "setl_time")
    began = state.visits.get((person.id, settle.mdtrt_id), admitted) or admitted
    if began is not None:
        row["admitted_on"] = min(began, admitted).isoformat() if admitted is not None else began.isoformat()
    if settled_on is None:
        row["setl_time"] = state.on.isoformat()
    if not settle.promises and not text(row, "setl_id"):
        row["setl_id"] = "pre"
    on = admitted or state.on
    away = next((kind for kind, since, until in reversed(state.away.get(person.id, []))
                 if since <= on and (until is None or on <= until)), "")
    if again := renewed(state.covers.get(person.id, ()), state.ground.plans):
        row["renewed_products"] = ";".join(again)
    row |= visit_facts(row, hospital, person.area, away, state.programme.scheme.admdvs, on)
    if past := state.look_backs.get(person.id):
        row["history_dise"] = past
    return row


def _covers(state: State, person: Insured, row: Row) -> list[Cover] | Refusal:
    everything = state.covers.get(person.id, [])
    if not everything:
        return refusals.not_insured()
    covers = covering(everything, row, state.ground.plans)
    if covers:
        return covers
    last = max(everything, key=lambda cover: cover.period_to)
    plan = state.ground.plans(last.offer).plan
    return refusals.not_in_force(last.period_from, last.period_to, deciding_date(plan, row_for(last, row, 0, plan)))


def _taken(state: State, settle: Settle, request_id: int, person: Insured, row: Row, at: datetime) -> Taken:
    payee: Payee = "person" if settle.way == "feed" else "hospital"
    settled_on = day(row, "setl_time")
    assert settled_on is not None, "a settlement that does not say when it was made was made today"
    began = row.get("admitted_on")
    return Taken(
        id=request_id, setl_id=settle.setl_id, person=person.id, hospital=settle.hospital,
        mdtrt_id=settle.mdtrt_id, way=settle.way, at=at, settled_on=settled_on,
        admitted_on=date.fromisoformat(began) if began else None, medfee_fen=amount(row, "medfee_sumamt") or 0, person_fen=0, pay_fen=0,
        payee=payee, state="offered")


def _take_up(state: State, settled: Settled, at: datetime) -> None:
    """The offer stands: its accumulators have moved, and it waits for the hospital, or is owed to the insured at once."""
    taken = settled.taken
    if taken.pay_fen == 0:
        taken.state = "confirmed"
    elif taken.payee == "hospital":
        taken.deadline = at + timedelta(hours=state.desk.confirm_hours)
    state.take_up(taken, settled.row, settled.lines)
    for waiting in state.waiting.values():
        if (waiting.person, waiting.mdtrt_id) == (taken.person, taken.mdtrt_id):
            # What was waited for has come: what followed the reversed settlement is put right with the next turn.
            waiting.adjust_at = at
            state.move(waiting)
    if taken.payee == "person" and taken.pay_fen:
        taken.state = "confirmed"
        owe(state, taken)
        tell(state, taken)
    for paying in taken.paying:
        if paying.bill is not None and paying.bill.provisional and any(payment.base for payment in paying.payments):
            open_case(state, Case(
                "preexisting", "look_back.missing", paying.pay_fen, taken.id, taken.setl_id, paying.cover.order, paying.cover.position,
                taken.hospital, state.on + timedelta(days=30)))
