"""Where a refund cannot go back the way it came: confirmed by the agency, accepted by the member or the heirs, paid by the insurer."""

from dataclasses import replace

from huibao.core.money import yuan
from huibao.core.refusal import Refusal
from huibao.policies.numbers import refund_number
from huibao.refunds import refusals
from huibao.refunds.model import ACCOUNTS, Accept, Confirm, PayElsewhere, Refund, Withdraw
from huibao.refunds.state import Accepted, Confirmed, State


def confirm(state: State, command: Confirm, request: int) -> Refund | Refusal:
    """One clerk's confirmation that the account cannot be credited; the scheme says how many it takes （LZ-15b）."""
    refund = state.refunds.get(command.refund)
    if refund is None:
        return refusals.refund_unknown()
    if refund.source not in ACCOUNTS or refund.state not in ("waiting", "owed") or refund.repayment is not None:
        return refusals.not_waiting(refund.state)
    before = refund.confirmed
    if command.credential in before:
        return refusals.confirmed_by_you()
    if before and command.reason not in before.values():
        return refusals.reasons_differ(next(iter(before.values())))
    buyer = state.policy_of(refund).buyer
    if command.reason == "deceased" and state.lives(buyer):
        return refusals.holder_lives()
    if state.key_of(buyer) is None:
        return refusals.holder_erased()
    refund.confirmed = {**before, command.credential: command.reason}
    state.made.confirmed.append(Confirmed(refund.id, request, command.credential, command.reason))
    if len(refund.confirmed) == state.rule.people:
        state.open_case(refund, "refund.account_closed")
        state.tell(buyer, f"经办机构已确认您的退款 {yuan(refund.fen)} 元无法退回原账户。请登记一个本人银行账户，由保险公司直接支付。",
                   f"the agency confirmed that your refund of {yuan(refund.fen)} yuan cannot go back to its account: name a bank account of"
                   " yours, and the insurer pays it there.")
    return refund


def withdraw(state: State, command: Withdraw) -> Refund | Refusal:
    """A clerk takes a mistaken confirmation back; what can be credited then goes its way again, or is confirmed with another reason."""
    refund = state.refunds.get(command.refund)
    if refund is None:
        return refusals.refund_unknown()
    if refund.state == "done" or (refund.source == "cash" and refund.state != "sent"):
        return refusals.not_waiting(refund.state)
    if command.credential not in refund.confirmed:
        return refusals.not_confirmed_by_you()
    if refund.accepted is not None:
        return refusals.accepted_already()
    was_told = is_confirmed(state, refund)
    refund.confirmed = {clerk: reason for clerk, reason in refund.confirmed.items() if clerk != command.credential}
    _take_back(state, refund, command.credential)
    if state.takes(refund):
        state.close_case(refund, "withdrawn")
    if was_told and not is_confirmed(state, refund):
        state.tell(state.policy_of(refund).buyer,
                   f"经办机构撤回了对您的退款 {yuan(refund.fen)} 元无法退回原账户的确认，暂不需要登记银行账户。",
                   f"the agency took back that your refund of {yuan(refund.fen)} yuan cannot go back to its account: there is no bank"
                   " account to name for now.")
    return refund


def _take_back(state: State, refund: Refund, credential: int) -> None:
    """A confirmation of this very batch is written as one that was withdrawn; one of before is found by its clerk."""
    said = state.made.confirmed
    for n, one in enumerate(said):
        if (one.refund, one.credential, one.is_withdrawn) == (refund.id, credential, False):
            said[n] = replace(one, is_withdrawn=True)
            return
    state.made.withdrawn.append((refund.id, credential))


def is_confirmed(state: State, refund: Refund) -> bool:
    """Whether it may be paid elsewhere: by enough clerks for account money, by the channel for cash."""
    if refund.source in ACCOUNTS:
        return len(refund.confirmed) >= state.rule.people
    return refund.source == "cash" and refund.state == "owed"


def accept(state: State, command: Accept, request: int) -> Refund | Refusal:
    """The member, or the heirs at the agency's counter, name where the refund is to be paid."""
    refund = state.refunds.get(command.refund)
    if refund is None or command.buyer not in (None, state.policy_of(refund).buyer):
        return refusals.refund_unknown()
    if refund.state == "done" or not is_confirmed(state, refund):
        return refusals.not_elsewhere(refund.state, len(refund.confirmed), state.rule.people)
    buyer = state.policy_of(refund).buyer
    if command.by == "member" and not state.lives(buyer):
        return refusals.heirs_needed()
    if command.by == "heirs" and (state.lives(buyer) or command.buyer is not None):
        return refusals.holder_lives()
    if command.by == "heirs" and not command.evidence.strip():
        return refusals.evidence_needed()
    if state.key_of(buyer) is None:
        return refusals.holder_erased()
    refund.accepted = request
    state.made.accepted.append(Accepted(refund.id, request, command.credential, command.by))
    return refund


def pay_elsewhere(state: State, command: PayElsewhere) -> Refund | Refusal:
    """The insurer paid it as it was accepted."""
    refund = state.refunds.get(command.refund)
    if refund is None or command.insurer not in (None, state.policy_of(refund).lead):
        return refusals.refund_unknown()
    if refund.state != "owed" or not is_confirmed(state, refund) or refund.accepted is None or not state.is_with_insurer(refund):
        return refusals.not_accepted(refund.state, len(refund.confirmed), state.rule.people)
    if command.acceptance != refund.accepted:
        return refusals.another_acceptance(refund.accepted)
    held = state.policy_of(refund)
    if used := state.references.get((held.lead, command.reference)):
        return refusals.reference_paid(used)
    state.references[held.lead, command.reference] = refund_number(state.programme.code, refund.id)
    refund.paid_by, refund.reference = held.lead, command.reference
    state.books.transfer("refund-elsewhere", state.income(held), state.cash(), refund.fen,
                         person=held.buyer, order=held.order, position=held.position, refund=refund.id)
    refund.state = "done"
    state.move(refund)
    state.close_case(refund, "paid-elsewhere")
    state.tell(held.buyer, f"您的退款 {yuan(refund.fen)} 元已由保险公司支付到您登记的银行账户。",
               f"the insurer paid your refund of {yuan(refund.fen)} yuan to the bank account that you named.")
    return refund
