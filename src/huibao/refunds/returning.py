"""What becomes of a refund on its way: a batch was answered, the channel sent it or cannot, the insurer paid it back."""

from huibao.core.money import yuan
from huibao.core.refusal import Refusal
from huibao.policies.numbers import refund_number
from huibao.refunds import refusals
from huibao.refunds.model import ACCOUNTS, AnswerRepayment, CashArrived, CashDeclined, Refund, Repay, Repayment, Resolve
from huibao.refunds.state import State
from huibao.refunds.surrender import settle_account_money
from huibao.refunds.told import SOURCE_EN, SOURCE_ZH


def resolve(state: State, command: Resolve) -> Refund | Refusal:
    """What is true of the money now decides: taken back by the agency, owed by the insurer, or still waiting."""
    refund = state.refunds.get(command.refund)
    if refund is None or refund.source not in ACCOUNTS or refund.state not in ("waiting", "owed") or refund.repayment is not None:
        return refusals.not_waiting(refund.state if refund else "unknown")
    before, held = refund.state, state.policy_of(refund)
    now = settle_account_money(state, held, refund)
    if now == before:
        return refusals.nothing_new(now)
    state.move(refund)
    if now == "done":
        _tell_credited(state, refund)
    elif now == "owed":
        state.tell(held.buyer, f"您的退款 {yuan(refund.fen)} 元已随批次划转至保险公司，由其退还后计入您的{SOURCE_ZH[refund.source]}。",
                   f"your refund of {yuan(refund.fen)} yuan had reached the insurer with a batch: it pays it back, then your"
                   f" {SOURCE_EN[refund.source]} is credited.")
    return refund


def cash_arrived(state: State, command: CashArrived) -> Refund | Refusal:
    """The channel sent it: it has left the insurer's income account."""
    refund = state.refunds.get(command.refund)
    if refund is None or refund.state != "sent" or command.fen != refund.fen:
        return refusals.not_waiting(refund.state if refund else "unknown")
    held = state.policy_of(refund)
    state.books.transfer("refund-cash", state.income(held), state.cash(), refund.fen,
                         person=held.buyer, order=held.order, position=held.position, refund=refund.id)
    refund.state = "done"
    state.move(refund)
    state.tell(held.buyer, f"您的退款 {yuan(refund.fen)} 元已按原支付渠道退回。", f"your refund of {yuan(refund.fen)} yuan went back the way you paid.")
    return refund


def cash_declined(state: State, command: CashDeclined) -> Refund | Refusal:
    """The channel cannot: the insurer owes it, and pays it as the member accepts."""
    refund = state.refunds.get(command.refund)
    if refund is None or refund.state != "sent":
        return refusals.not_waiting(refund.state if refund else "unknown")
    refund.state = "owed"
    state.move(refund)
    state.open_case(refund, "refund.channel_declined")
    state.tell(state.policy_of(refund).buyer,
               f"您的退款 {yuan(refund.fen)} 元无法按原支付渠道退回。请登记一个本人银行账户，由保险公司直接支付。",
               f"your refund of {yuan(refund.fen)} yuan cannot go back the way you paid: name a bank account of yours, and the insurer"
               " pays it there.")
    return refund


# ── what insurers pay back to the agency ─────────────────────────────────────────────────────────────────────────────

def repay(state: State, command: Repay, request: int) -> Repayment | Refusal:
    """The insurer says which refunds one transfer of its bank pays back, to the fen."""
    found = [state.refunds.get(id) for id in command.refunds]
    refunds = [one for one in found if one is not None]
    leads = {state.policy_of(one).lead for one in refunds}
    if len(refunds) != len(found) or len(set(command.refunds)) != len(found) or len(leads) != 1 or command.insurer not in (None, *leads):
        return refusals.not_all_owed()
    for refund in refunds:
        if refund.source not in ACCOUNTS or refund.state != "owed" or refund.repayment is not None or refund.confirmed:
            return refusals.not_to_repay(refund_number(state.programme.code, refund.id), refund.state)
    owed = sum(refund.fen for refund in refunds)
    if owed != command.fen:
        return refusals.repayment_sum(owed, command.fen)
    [insurer] = leads
    if (insurer, command.reference) in state.references:
        return refusals.reference_used(state.references[insurer, command.reference])
    made = Repayment(request, insurer, command.reference, owed, "told", command.refunds)
    for refund in refunds:
        refund.repayment = request
    state.references[insurer, command.reference] = request
    state.made.repayments.append(made)
    return made


def answer_repayment(state: State, command: AnswerRepayment) -> Repayment | Refusal:
    """The agency's side: what arrived is what was told, to the fen, and the accounts are credited; or nothing came."""
    found = state.repayments.get(command.repayment)
    if found is None:
        return refusals.repayment_unknown()
    if found.state != "told":
        return refusals.repayment_answered(found.state)
    if command.fen == 0:
        found.state = "disputed"
        for refund in state.refunds_of(found):
            refund.repayment = None
        state.made.answered.append(found)
        return found
    if command.fen != found.fen:
        return refusals.repayment_differs(found.fen, command.fen)
    for refund in state.refunds_of(found):
        if not state.takes(refund):
            return refusals.account_closed(refund_number(state.programme.code, refund.id))
    for refund in state.refunds_of(found):
        _credit(state, refund)
    found.state = "received"
    state.made.answered.append(found)
    return found


def _credit(state: State, refund: Refund) -> None:
    held = state.policy_of(refund)
    state.books.transfer("refund-account", state.income(held), state.source(refund), refund.fen,
                         person=held.buyer, order=held.order, position=held.position, refund=refund.id)
    refund.state = "done"
    state.move(refund)
    state.close_case(refund, "credited")
    _tell_credited(state, refund)


def _tell_credited(state: State, refund: Refund) -> None:
    state.tell(state.policy_of(refund).buyer, f"您的退款 {yuan(refund.fen)} 元已退回您的{SOURCE_ZH[refund.source]}。",
               f"your refund of {yuan(refund.fen)} yuan is back on your {SOURCE_EN[refund.source]}.")
