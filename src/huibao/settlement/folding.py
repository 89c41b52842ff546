"""Folding again: the survivors of a settlement that was taken back, in their order of acceptance, into their targets.

The stored payment is posted back, never computed anew. Targets count at once, and every later settlement goes on from them.
What was posted for the survivors beyond or short of their targets waits for the same visit's new settlement, then is put
right: more due is paid, less due is a case for a person.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal

from huibao.benefits.fold import Payment
from huibao.core.refusal import Refusal
from huibao.core.sealing import Place, seal
from huibao.settlement import refusals
from huibao.settlement.covers import Used, bare, pay
from huibao.settlement.evidence import packed_later
from huibao.settlement.model import Paying, Taken
from huibao.settlement.money import put_right, take_back
from huibao.settlement.state import Standing, State

#: What is told of a payment that is folded again: the settlement, the payment as it was, and as it would be.
Seen = Callable[[Standing, Paying, Paying], None]


def end(state: State, taken: Taken, how: Literal["void", "reversed"], at: datetime) -> None:
    """The settlement stands no more, and its followers are folded again; they wait where that makes a difference."""
    taken.state, taken.deadline = how, None
    take_back(state, taken)
    state.history[taken.person] = [standing for standing in state.history[taken.person] if standing.taken is not taken]
    for paying in taken.paying:
        paying.target = tuple(Payment() for _ in paying.payments)
        state.paid(taken, paying)
    if fold_again(state, taken.person):
        taken.adjust_at = at + timedelta(days=state.desk.wait_days)
        state.waiting[taken.id] = taken
    state.move(taken)


def closed(state: State, taken: Taken) -> Refusal | None:
    """Why what came after a settlement cannot be folded again: somebody who shares with them was erased."""
    return refusals.kin_erased() if state.companions(taken.person) & state.closed else None


def is_waited_for(state: State, person: int) -> bool:
    """Whether a new settlement is still waited for of a person, or of somebody they share with."""
    return any(waiting.person in state.companions(person) for waiting in state.waiting.values())


def keep_later(state: State, taken: Taken) -> None:
    """Marks what was decided later of a settlement that stands, sealed, to be written."""
    standing = next(one for one in state.history[taken.person] if one.taken is taken)
    place = Place(state.programme.code, "settlement", taken.id, "judged")
    state.made.judged[taken.id] = seal(state.key_of(taken.person), packed_later(standing.later), place)


def fold_again(state: State, person: int, seen: Seen | None = None) -> bool:
    """Every settlement that stands, of a person and of whom they share with, into its target. Says whether any is off now.

    `seen` is told of each payment with its steps, before it becomes what it would be now.
    """
    people = state.companions(person)
    standing = sorted((one for who in people for one in state.history[who]), key=lambda one: one.seq)
    used: Used = {scope: {} for scope in state.scopes_of(people)}
    is_off = False
    for one in standing:
        covers = [paying.cover for paying in one.taken.paying]
        found = pay(state.ground, covers, state.covers[one.taken.person], used, one.folded, one.lines, explain=seen is not None)
        assert not isinstance(found, Refusal), "what was taken up once can be folded again"
        for paying, again in zip(one.taken.paying, found, strict=True):
            target = bare(again.payments)
            if seen is not None:
                seen(one, paying, again)
            if [payment.pay for payment in target] != [payment.pay for payment in paying.target]:
                paying.target = target
                state.paid(one.taken, paying)
            is_off = is_off or (one.taken.state == "confirmed" and paying.target_fen != paying.posted_fen) or (
                one.taken.state == "offered" and paying.target_fen != paying.pay_fen)
    state.used |= used
    state.made.used |= used.keys()
    return is_off


def put_everything_right(state: State, person: int, cause: str) -> tuple[int, int]:
    """Every settlement that stands, of a person and of whom they share with; answers what was more and less due, in fen."""
    more = less = 0
    for who in sorted(state.companions(person)):
        for standing in state.history[who]:
            if standing.taken.state == "confirmed":
                found = put_right(state, standing.taken, cause)
                more, less = more + found[0], less + found[1]
    return more, less
