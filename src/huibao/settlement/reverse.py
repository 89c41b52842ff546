"""A settlement of basic insurance was taken back: so is ours, or the message is parked until its original is known."""

from datetime import datetime

from huibao.benefits.history import Reversal
from huibao.benefits.reading import Unreadable, read
from huibao.core.refusal import Refusal
from huibao.settlement import refusals
from huibao.settlement.covers import number, plainly
from huibao.settlement.folding import closed, end
from huibao.settlement.model import Reverse, Taken
from huibao.settlement.money import open_case
from huibao.settlement.state import Case, Reversed, State


def reverse(state: State, command: Reverse, request_id: int, at: datetime) -> Taken | Reversed | Refusal:
    """The settlement that was taken back, or the reversal that is parked until its original is known."""
    try:
        number(command.row, "setl_id")
        number(command.row, "reverses")
    except Unreadable as unreadable:
        return plainly(unreadable.refusal)
    known = state.reversals.get(command.setl_id)
    if known is not None and known.hospital != command.hospital:
        return refusals.settlement_unknown()
    if known is not None and known.reverses != command.reverses:
        return refusals.reversal_repeated(command.setl_id)
    taken = state.known.get(command.reverses)
    if known is not None:
        return taken if taken is not None and known.state == "done" else known
    if taken is None:
        return _park(state, command, request_id)
    if taken.hospital != command.hospital:
        return refusals.settlement_unknown()
    if taken.state in ("void", "reversed"):
        return refusals.already_reversed(taken.setl_id)
    refused = closed(state, taken) or _differs(state, command, taken)
    if refused:
        return refused
    done = Reversed(request_id, command.setl_id, command.reverses, taken.id, "done", command.hospital)
    state.reversals[done.setl_id] = done
    state.made.reversals.append(done)
    end(state, taken, "reversed", at)
    return taken


def _park(state: State, command: Reverse, request_id: int) -> Reversed | Refusal:
    """Nothing is known of the original yet: kept, and shown to who can find it."""
    if (command.hospital, command.reverses) in state.met:
        return refusals.already_reversed(command.reverses)
    parked = Reversed(request_id, command.setl_id, command.reverses, None, "parked", command.hospital)
    state.reversals[parked.setl_id] = state.parked[command.hospital, parked.reverses] = parked
    state.made.reversals.append(parked)
    open_case(state, Case("reversal-parked", "reversal.original_unknown", 0, setl_id=command.setl_id, hospital=command.hospital))
    return parked


def _differs(state: State, command: Reverse, taken: Taken) -> Refusal | None:
    """Whether the message takes back another amount than was settled."""
    plan = state.ground.plans(taken.paying[0].cover.offer)
    found = read(plan, {"psn_no": state.people[taken.person].psn_no, **command.row}, acct_inside_fund=state.ground.acct_inside_fund)
    if isinstance(found, Refusal):
        return plainly(found)
    assert isinstance(found, Reversal), "a message with an original takes it back"
    if found.person_fen not in (None, taken.person_fen):
        return refusals.reversal_differs(found.person_fen or 0, taken.person_fen)
    return None
