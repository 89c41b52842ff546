"""Putting right what came after: when the wait after a reversal is over, and when a pre-existing illness was judged."""

from datetime import datetime

from msgspec.structs import replace

from huibao.core.refusal import Refusal
from huibao.settlement import refusals
from huibao.settlement.folding import closed, fold_again, is_waited_for, put_everything_right
from huibao.settlement.model import Adjust, Judge, Taken
from huibao.settlement.money import close
from huibao.settlement.state import State


def adjust(state: State, command: Adjust, at: datetime) -> tuple[Taken, int, int] | Refusal:
    """The wait is over: every settlement that stands is put right. Answers what was more and less due, in fen."""
    taken = state.by_id.get(command.settlement)
    if taken is None or taken.adjust_at is None or taken.adjust_at > at:
        return refusals.nothing_to_adjust()
    taken.adjust_at = None
    state.waiting.pop(taken.id, None)
    state.move(taken)
    return taken, *_unless_waited_for(state, taken, "reversal.before_it")


def judge(state: State, command: Judge) -> tuple[Taken, int, int] | Refusal:
    """Whether the illness is pre-existing is decided: folded again with it, and what is more due is paid at once."""
    taken = state.by_id.get(command.settlement)
    case = next((case for case in state.cases if case.kind == "preexisting" and case.settlement == command.settlement), None)
    if taken is None or (command.insurer is not None and not any(state.offer(p.cover).lead == command.insurer for p in taken.paying)):
        return refusals.settlement_unknown()
    if case is None or taken.state not in ("offered", "confirmed"):
        return refusals.not_provisional()
    if refused := closed(state, taken):
        return refused
    for open_case in [one for one in state.cases if one.kind == "preexisting" and one.settlement == taken.id]:
        close(state, open_case, "preexisting" if command.preexisting else "not-preexisting")
    for standing in state.history[taken.person]:
        if standing.taken is taken:
            standing.later = replace(standing.later, preexisting=command.preexisting, reason=command.reason)
    fold_again(state, taken.person)
    state.move(taken)
    return taken, *_unless_waited_for(state, taken, "judgement.before_it")


def _unless_waited_for(state: State, taken: Taken, cause: str) -> tuple[int, int]:
    """Puts everything right, unless another wait is still running: the last to end does."""
    if is_waited_for(state, taken.person):
        return 0, 0
    return put_everything_right(state, taken.person, cause)
