"""What becomes of a refund on its way: a batch was answered, the channel sent it or cannot, the insurer paid it back."""

from huibao.core.money import yuan
from huibao.core.refusal import Refusal
from huibao.policies.numbers import refund_number
from huibao.refunds import refusals
from huibao.refunds.model import (
    ACCOUNTS,
    CHANNEL_PEOPLE,
    AnswerRepayment,
    CashArrived,
    CashDeclined,
    ChannelDiffers,
    CreditDeclined,
    DecideChannel,
    Refund,
    Repay,
    Repayment,
    Resolve,
)
from huibao.refunds.state import Confirmed, State
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
        _tell_owed(state, refund)
    return refund


def cash_arrived(state: State, command: CashArrived) -> Refund | Refusal:
    """The channel sent it: it has left the insurer's income account."""
    refund = state.refunds.get(command.refund)
    if refund is None or refund.state != "sent" or command.fen != refund.fen:
        return refusals.not_waiting(refund.state if refund else "unknown")
    _sent_back(state, refund)
    return refund


def cash_declined(state: State, command: CashDeclined) -> Refund | Refusal:
    """The channel cannot: the insurer owes it, and pays it as the member accepts."""
    refund = state.refunds.get(command.refund)
    if refund is None or refund.state != "sent":
        return refusals.not_waiting(refund.state if refund else "unknown")
    _owe_cash(state, refund)
    return refund


def channel_differs(state: State, command: ChannelDiffers) -> Refund | Refusal:
    """What the channel says makes no sense: nothing moves, and somebody asks there. It is asked on, and may say otherwise."""
    refund = state.refunds.get(command.refund)
    if refund is None or refund.state != "sent":
        return refusals.not_waiting(refund.state if refund else "unknown")
    state.open_case(refund, "refund.channel_differs")
    return refund


def decide_channel(state: State, command: DecideChannel, request: int) -> Refund | Refusal:
    """What two clerks found out there ends it: the amount is back with who paid, or the insurer pays it as it is accepted."""
    refund = state.refunds.get(command.refund)
    if refund is None:
        return refusals.refund_unknown()
    if refund.state != "sent" or refund.case != "refund.channel_differs":
        return refusals.not_waiting(refund.state)
    if state.key_of(state.policy_of(refund).buyer) is None:
        return refusals.holder_erased()
    if command.credential in refund.confirmed:
        return refusals.confirmed_by_you()
    if refund.confirmed and command.outcome not in refund.confirmed.values():
        return refusals.reasons_differ(next(iter(refund.confirmed.values())))
    refund.confirmed = {**refund.confirmed, command.credential: command.outcome}
    state.made.confirmed.append(Confirmed(refund.id, request, command.credential, command.outcome))
    if len(refund.confirmed) < CHANNEL_PEOPLE:
        return refund
    if command.outcome == "sent-back":
        _sent_back(state, refund)
    else:
        _owe_cash(state, refund)
    return refund


def _sent_back(state: State, refund: Refund) -> None:
    held = state.policy_of(refund)
    state.books.transfer("refund-cash", state.income(held), state.cash(), refund.fen,
                         person=held.buyer, order=held.order, position=held.position, refund=refund.id)
    refund.state = "done"
    state.move(refund)
    state.close_case(refund, "sent-back")
    state.tell(held.buyer, f"您的退款 {yuan(refund.fen)} 元已按原支付渠道退回。", f"your refund of {yuan(refund.fen)} yuan went back the way you paid.")


def _owe_cash(state: State, refund: Refund) -> None:
    refund.state = "owed"
    state.move(refund)
    state.close_case(refund, "not-sent-back")
    state.open_case(refund, "refund.channel_declined")
    state.tell(state.policy_of(refund).buyer,
               f"您的退款 {yuan(refund.fen)} 元无法按原支付渠道退回。请登记一个本人银行账户，由保险公司直接支付。",
               f"your refund of {yuan(refund.fen)} yuan cannot go back the way you paid: name a bank account of yours, and the insurer"
               " pays it there.")


def credit_declined(state: State, command: CreditDeclined) -> Refund | Refusal:
    """The account did not take it after all: the money is back where it came from, and goes elsewhere once clerks confirmed why.

    What was reversed waits in clearing for a batch to its insurer; what the insurer had paid back, the agency sends it again. An answer
    is final: the system that keeps the account is not asked once more.
    """
    refund, credit = state.refunds.get(command.refund), state.credits.get(command.posting)
    if refund is None or refund.state != "done" or credit is None or not credit.is_open or credit.refund != refund.id:
        return refusals.not_waiting(refund.state if refund else "unknown")
    held = state.policy_of(refund)
    kind, back_to = ("reversal-declined", state.clearing(held)) if credit.is_reversed else ("refund-declined", state.income(held))
    state.books.transfer(kind, state.source(refund), back_to, credit.fen,
                         person=held.buyer, order=held.order, position=held.position, refund=refund.id)
    credit.is_open, refund.declined, refund.repayment = False, command.reason, None
    refund.state, refund.back_in = ("waiting", "unlisted") if credit.is_reversed else ("owed", None)
    state.made.declined.append(command)
    state.move(refund)
    state.open_case(refund, "refund.credit_declined")
    state.tell(held.buyer,
               f"您的退款 {yuan(refund.fen)} 元未能计入您的{SOURCE_ZH[refund.source]}，尚未退回。经办机构核实后告知您如何领取。",
               f"your {SOURCE_EN[refund.source]} did not take your refund of {yuan(refund.fen)} yuan, so it is not back yet: the agency"
               " finds out why, and tells you how it is paid.")
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
        is_owed = refund.source in ACCOUNTS and refund.state == "owed" and state.is_with_insurer(refund)
        if not is_owed or refund.repayment is not None or refund.confirmed or refund.declined is not None:
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
    state.references[insurer, command.reference] = str(request)
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
        if not state.is_with_insurer(refund):
            return refusals.came_back(refund_number(state.programme.code, refund.id))
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


def _tell_owed(state: State, refund: Refund) -> None:
    buyer, amount = state.policy_of(refund).buyer, yuan(refund.fen)
    if state.takes(refund):
        state.tell(buyer, f"您的退款 {amount} 元已随批次划转至保险公司，由其退还后计入您的{SOURCE_ZH[refund.source]}。",
                   f"your refund of {amount} yuan had reached the insurer with a batch: it pays it back, then your"
                   f" {SOURCE_EN[refund.source]} is credited.")
    elif refund.accepted is not None:
        state.tell(buyer, f"您的退款 {amount} 元已随批次划转至保险公司，由其支付到您登记的银行账户。",
                   f"your refund of {amount} yuan reached the insurer with a batch: it pays it to the bank account that you named.")
    else:
        state.tell(buyer, f"您的退款 {amount} 元已随批次划转至保险公司，不能计入您的{SOURCE_ZH[refund.source]}。"
                          "经办机构确认后，请登记银行账户（本人），由保险公司直接支付。",
                   f"your refund of {amount} yuan reached the insurer with a batch, and your {SOURCE_EN[refund.source]} cannot be credited:"
                   " once the agency has confirmed it, name a bank account of yours, and the insurer pays it there.")
