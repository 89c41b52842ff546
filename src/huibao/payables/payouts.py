"""Payouts on their way: told to the bank, paid or come back; and the parts of them that co-insurers owe the lead.

The lead advances what a payout needs, and gets the others' parts back as they arrive: its payout account is never short, and
what each insurer has paid in the end is its share.
"""

from datetime import timedelta

from huibao.core.refusal import Refusal
from huibao.payables import refusals
from huibao.payables.model import Call, CameBack, PaidOut, Payout, Received, Recovery, Reissue, Sent
from huibao.payables.state import State
from huibao.payables.statements import PAY_DAYS
from huibao.pool.shares import of_total


def sent(state: State, command: Sent) -> Payout | Refusal:
    """From here on the bank may have it, so a reversal does not take it back any more. Said twice is once."""
    found = state.payouts.get(command.payout)
    if found is None or found.state not in ("due", "sent"):
        return refusals.payout_not(found.state if found else "unknown")
    return _moved(state, found, "sent")


def paid(state: State, command: PaidOut) -> Payout | Refusal:
    """The bank paid: the lead advanced it, and it is owed no more."""
    found = state.payouts.get(command.payout)
    if found is None or found.state != "sent":
        return refusals.payout_not(found.state if found else "unknown")
    lead = state.account("insurer", found.product, state.shelf.offers[found.product].lead)
    payout = state.account("payout", found.product, state.shelf.offers[found.product].lead)
    of = {"person": found.person, "settlement": found.settlement, "payout": found.id}
    state.books.transfer("claim-advanced", lead, payout, found.fen, **of)
    state.books.transfer("claim-paid", payout, state.owed_to(found), found.fen, **of)
    statement = state.statements.get(found.statement) if found.statement is not None else None
    if statement is not None:
        statement.state = "paid"
        state.moved_statements[statement.id] = statement
    return _moved(state, found, "paid")


def came_back(state: State, command: CameBack) -> Payout | Refusal:
    """The bank could not pay: it stays owed, and somebody asks for another account."""
    found = state.payouts.get(command.payout)
    if found is None or found.state != "sent":
        return refusals.payout_not(found.state if found else "unknown")
    if found.settlement in state.taken_back:
        # The settlement was taken back in the meantime: what came back is where it belongs.
        state.squared.append(found.settlement)
        return _moved(state, found, "cancelled")
    state.came_back.append(found)
    return _moved(state, found, "returned")


def reissue(state: State, command: Reissue) -> Payout | Refusal:
    """What came back is due again."""
    found = state.payouts.get(command.payout)
    if found is None or state.led(found.product, command.insurer) is None:
        return refusals.payout_not("unknown")
    if found.state != "returned" or found.settlement in state.taken_back:
        return refusals.payout_not(found.state)
    found.due_on = state.on + timedelta(days=PAY_DAYS)
    found.tries += 1
    state.tried_again.append(command.payout)
    return _moved(state, found, "due")


def _moved(state: State, payout: Payout, to: str) -> Payout:
    payout.state = to  # type: ignore[assignment]  # one of its states
    state.moved_payouts[payout.id] = payout
    return payout


def call(state: State, command: Call) -> list[Recovery] | Refusal:
    """Each co-insurer's part of the claims so far, less what was called in before; by the shares at each policy's inception."""
    offer = state.led(command.product, command.insurer)
    if offer is None:
        return refusals.product_not_led()
    made = []
    for pooled in state.pools.get(offer.product, ()):
        weights = [weight for _, weight in pooled.members]
        # Each stream is shared by itself, as the pool's statement says it.
        shares = zip(of_total(pooled.claims_fen, weights), of_total(pooled.returned_fen, weights), strict=True)
        for (insurer, _), (claims, returned) in zip(pooled.members, shares, strict=True):
            part, key = claims - returned, (offer.product, pooled.version, insurer)
            fen = part - state.called.get(key, 0)
            if insurer != offer.lead and fen > 0:
                made.append(Recovery(offer.product, pooled.version, insurer, fen, "called"))
                state.called[key] = part
    state.new_recoveries.extend(made)
    return made


def received(state: State, command: Received) -> Recovery | Refusal:
    """A co-insurer's part arrived: it goes to the lead, who advanced it."""
    found = state.recoveries.get(command.recovery)
    if found is None or found.state != "called":
        return refusals.recovery_not_called()
    lead = state.shelf.offers[found.product].lead
    payout = state.account("payout", found.product, lead)
    state.books.transfer("claim-recovered", state.account("insurer", found.product, found.insurer), payout, found.fen, recovery=found.id)
    state.books.transfer("advance-repaid", payout, state.account("insurer", found.product, lead), found.fen, recovery=found.id)
    found.state = "received"
    state.arrived.append(command.recovery)
    return found
