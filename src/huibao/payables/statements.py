"""What a product owes a hospital: listed by the lead, agreed or disputed by the hospital, set off against what was paid ahead."""

from datetime import timedelta
from typing import Final

from huibao.core.refusal import Refusal
from huibao.payables import refusals
from huibao.payables.model import Answer, Payout, Prepay, Propose, Statement
from huibao.payables.state import State

#: An agreed statement is paid within so many days, as a claim is （保险法第二十三条）.
PAY_DAYS: Final = 10


def propose(state: State, command: Propose, request_id: int) -> Statement | Refusal:
    """A statement over everything that is owed up to a day and stands in no other."""
    if state.led(command.product, command.insurer) is None:
        return refusals.product_not_led()
    if command.hospital not in state.hospitals:
        return refusals.hospital_unknown()
    whose = (command.hospital, command.product)
    for other in (*state.statements.values(), *state.new_statements):
        if (other.hospital, other.product) == whose and other.state == "proposed":
            return refusals.another_open(other.id)
    lines = [line for line in state.lines.get(whose, ())
             if line.on <= command.upto and (line.disputed is None or line.disputed in state.released)]
    fen = sum(line.fen for line in lines)
    if fen <= 0:
        return refusals.nothing_open(fen)
    made = Statement(request_id, *whose, command.upto, fen, 0, "proposed", len(lines), tuple(line.transfer for line in lines))
    state.new_statements.append(made)
    return made


def answer(state: State, command: Answer) -> Statement | Refusal:
    """Agreed, it is paid, as far as nothing was paid ahead; disputed, what it listed may stand in another."""
    found = state.statements.get(command.statement)
    if found is None or found.hospital != command.hospital:
        return refusals.statement_unknown()
    if found.state != "proposed":
        return refusals.already_answered(found.state)
    state.moved_statements[found.id] = found
    if not command.agree:
        found.state = "disputed"
        state.released.append(found.id)
        return found
    ahead = state.prepaid.get((found.hospital, found.product), 0)
    found.setoff_fen = min(max(0, ahead), found.fen)
    state.prepaid[found.hospital, found.product] = ahead - found.setoff_fen
    found.state = "agreed" if found.setoff_fen < found.fen else "paid"
    if found.state == "agreed":
        due = state.on + timedelta(days=PAY_DAYS)
        state.new_payouts.append(
            Payout(state.numbers.pop(0), found.product, found.fen - found.setoff_fen, "due", due, found.hospital, found.id))
    return found


def prepay(state: State, command: Prepay) -> Payout | Refusal:
    """Money for a hospital ahead of what it will deduct."""
    if state.led(command.product, command.insurer) is None:
        return refusals.product_not_led()
    if command.hospital not in state.hospitals:
        return refusals.hospital_unknown()
    made = Payout(state.numbers.pop(0), command.product, command.fen, "due", state.on + timedelta(days=PAY_DAYS), command.hospital)
    state.new_payouts.append(made)
    return made
