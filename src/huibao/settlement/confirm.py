"""What the hospital says of an offer: deducted, and then it is owed to the hospital; or not, and then the insured is paid or nobody."""

from datetime import datetime, timedelta

from huibao.core.refusal import Refusal
from huibao.settlement import refusals
from huibao.settlement.folding import closed, end, is_waited_for
from huibao.settlement.model import Confirm, Taken, Withdraw
from huibao.settlement.money import close, open_case, owe, put_right, tell
from huibao.settlement.state import Case, State


def confirm(state: State, command: Confirm, at: datetime) -> Taken | Refusal:
    """The hospital deducted what was offered. Said twice, by the hospital and by whoever asked it, once is enough."""
    taken = state.by_id.get(command.settlement)
    if taken is None or command.hospital not in (None, taken.hospital):
        return refusals.settlement_unknown()
    is_said = taken.state == "confirmed" and taken.payee == "hospital"
    if not is_said and taken.state != "offered":
        return refusals.not_offered(taken.state)
    if command.fen != taken.pay_fen:
        return _differs(state, command, taken, at)
    if is_said:
        return taken
    _becomes_due(state, taken)
    return taken


def _becomes_due(state: State, taken: Taken) -> None:
    """What was offered is owed. Something before it may have been taken back in the meantime: where nobody waits for that any
    more, it is put right at once."""
    taken.state, taken.deadline = "confirmed", None
    for case in [case for case in state.cases if (case.settlement, case.cause) == (taken.id, "amount.differs")]:
        close(state, case, "mended")
    owe(state, taken)
    if not is_waited_for(state, taken.person):
        put_right(state, taken, "reversal.before_it")
    state.move(taken)


def _differs(state: State, command: Confirm, taken: Taken, at: datetime) -> Taken | Refusal:
    """Another amount was deducted than was offered. A hospital that says so mends it; one that was asked is a case for a person,
    and is asked again in a day."""
    if command.hospital is not None or taken.state != "offered":
        return refusals.deduction_differs(command.fen, taken.pay_fen)
    taken.deadline = at + timedelta(days=1)
    state.move(taken)
    if not any((case.settlement, case.cause) == (taken.id, "amount.differs") for case in state.cases):
        open_case(state, Case(
            "reconciliation", "amount.differs", command.fen - taken.pay_fen, taken.id, taken.setl_id, hospital=taken.hospital))
    return taken


def withdraw(state: State, command: Withdraw, at: datetime) -> Taken | Refusal:
    """The hospital did not deduct: the insured is paid directly, or nothing is due any more."""
    taken = state.by_id.get(command.settlement)
    if taken is None or command.hospital not in (None, taken.hospital):
        return refusals.settlement_unknown()
    if taken.state != "offered":
        return refusals.not_offered(taken.state)
    if refused := closed(state, taken):
        return refused
    if not command.stands or state.desk.unconfirmed == "void":
        end(state, taken, "void", at)
        return taken
    taken.payee = "person"
    _becomes_due(state, taken)
    tell(state, taken)
    return taken
