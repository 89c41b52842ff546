"""Correcting what benefits rest on, as of a day: everything that stands of the person is folded again with it, and put right.

What was said of a settlement stays as it was said; a correction adds what is due now, and why. More due is paid within the clocks;
less due is a case for a person. Books of a month that is over stay as they are: every movement is of today.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from msgspec import structs

from huibao.benefits.explain import explain
from huibao.core.refusal import Refusal
from huibao.settlement import refusals
from huibao.settlement.covers import CORRECTED, admitted
from huibao.settlement.folding import fold_again, is_waited_for, keep_later, put_everything_right
from huibao.settlement.model import Cover, Paying, Taken
from huibao.settlement.money import CORRECTION, close
from huibao.settlement.state import Standing, State

#: A field of a message that says where the visit was, and what it says where that was at home.
_PLACE: Final = "place"
_HOME: Final = "local"
_UNREGISTERED: Final = "unregistered"


@dataclass(frozen=True, slots=True)
class PolicyFact:
    """A fact of a person's policies, for who is admitted from `since` on; an age is another for each. A policy of which `value` is None
    keeps its own."""

    by: int
    person: int
    fact: str
    since: date
    value: Callable[[Cover], Any]


@dataclass(frozen=True, slots=True)
class VisitFact:
    """A fact of visits, by its column: of one settlement, or of all whose admission lies between two days."""

    person: int
    column: str
    value: str
    settlement: int | None = None
    since: date = date.min
    until: date = date.max


@dataclass(frozen=True, slots=True)
class Changed:
    """A payment that would be another now: what was right before, what is right now, with its steps in both languages; of whom the
    correction is about, or of a relative who shares with them."""

    taken: Taken
    paying: Paying
    is_own: bool
    before_fen: int
    after_fen: int
    zh: tuple[str, ...]
    en: tuple[str, ...]

    @property
    def policy(self) -> tuple[int, int]:
        """Which policy pays: its order, and its place in it."""
        return self.paying.cover.order, self.paying.cover.position


@dataclass(frozen=True, slots=True)
class Corrected:
    """What a correction came to, in fen, payment by payment."""

    more_fen: int
    less_fen: int
    changed: tuple[Changed, ...]


def can_be_folded(state: State, person: int) -> Refusal | None:
    """Why what a person was paid cannot be folded again."""
    return refusals.kin_erased() if state.companions(person) & state.closed else None


def correct(state: State, correction: PolicyFact | VisitFact, *others: PolicyFact) -> Corrected:
    """Corrects a fact, or several of one person, and folds again; whoever waits for a reversal's new settlement is put right with
    that."""
    for one in (correction, *others):
        if isinstance(one, PolicyFact):
            _correct_policies(state, one)
        else:
            _correct_visits(state, one)
    changed: list[Changed] = []

    def seen(one: Standing, was: Paying, now: Paying) -> None:
        _decided(state, one, was, now)
        if was.target_fen != now.pay_fen:
            changed.append(_changed(state, correction.person, one, was, now))

    fold_again(state, correction.person, seen)
    more, less = (0, 0) if is_waited_for(state, correction.person) else put_everything_right(state, correction.person, CORRECTION)
    return Corrected(more, less, tuple(changed))


def policies(state: State, correction: PolicyFact) -> list[Cover]:
    """The policies that a correction reaches: those whose cover does not end before it."""
    return [cover for cover in state.covers.get(correction.person, ()) if correction.since <= cover.period_to]


def _correct_policies(state: State, correction: PolicyFact) -> None:
    for cover in policies(state, correction):
        value = correction.value(cover)
        if value is None:
            continue
        entry = {"by": correction.by, "from": max(correction.since, cover.period_from).isoformat(), "fact": correction.fact,
                 "value": value}
        _replace(state, cover, replace(cover, facts={**cover.facts, CORRECTED: [*cover.facts.get(CORRECTED, ()), entry]}))


def _replace(state: State, cover: Cover, corrected: Cover) -> None:
    """The policy with its corrected facts, wherever this batch has it."""
    state.covers[cover.insured][:] = [corrected if one is cover else one for one in state.covers[cover.insured]]
    for taken in state.by_id.values():
        for paying in taken.paying:
            if paying.cover is cover:
                paying.cover = corrected
    state.made.corrected[corrected.order, corrected.position] = corrected


def _correct_visits(state: State, correction: VisitFact) -> None:
    for one in state.history[correction.person]:
        if correction.settlement not in (None, one.taken.id) or not correction.since <= admitted(one.row) <= correction.until:
            continue
        value = correction.value
        if correction.column == _PLACE:
            value = _HOME if one.row.get(_PLACE) == _HOME else value or _UNREGISTERED
        one.later = structs.replace(one.later, corrected={**one.later.corrected, correction.column: value})
        keep_later(state, one.taken)


def _decided(state: State, one: Standing, was: Paying, now: Paying) -> None:
    """Nobody has to decide any more whether an illness is pre-existing, where a correction has."""
    if now.bill is None or now.bill.provisional:
        return
    open_now = ("preexisting", one.taken.id, was.cover.order, was.cover.position)
    for case in [case for case in state.cases if (case.kind, case.settlement, case.order, case.position) == open_now]:
        close(state, case, "corrected")


def _changed(state: State, person: int, one: Standing, was: Paying, now: Paying) -> Changed:
    bill = now.bill
    assert bill is not None, "what was just folded has its bill"
    said = explain(state.offer(now.cover).plan, bill, now.payments)
    return Changed(one.taken, was, one.taken.person == person, was.target_fen, now.pay_fen, said.zh, said.en)
