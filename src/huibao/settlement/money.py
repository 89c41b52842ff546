"""What settlements do to the books: owed when confirmed, taken back when reversed, put right when something before them changed."""

from datetime import timedelta
from typing import Final

from huibao.core.money import yuan
from huibao.members.notices import Notice
from huibao.settlement.model import Paying, Taken
from huibao.settlement.state import Case, Payout, State

#: Why more or less is due: a fact that the benefit depends on was corrected.
CORRECTION: Final = "correction.made"


def owe(state: State, taken: Taken) -> None:
    """A settlement's payments become due to its payee, as they were offered."""
    for paying in taken.paying:
        post(state, taken, paying, paying.pay_fen)


def post(state: State, taken: Taken, paying: Paying, fen: int, payee: str | None = None) -> None:
    """Books `fen` more, or less below zero, for a payment; the pool's streams follow. To a person it is also paid out."""
    if not fen:
        return
    offer, to = state.offer(paying.cover), payee or taken.payee
    due = state.account("hospital", offer, taken.hospital) if to == "hospital" else state.account("claimant", offer)
    claims = state.account("claims", offer)
    of = {"person": taken.person, "order": paying.cover.order, "position": paying.cover.position, "settlement": taken.id}
    if fen > 0:
        state.books.transfer("claim-incurred", due, claims, fen, **of)
        state.pool.add(offer.product, paying.cover.share, "claim", fen)
        if to == "person":
            by = state.on + timedelta(days=state.desk.pay_days)
            payout = Payout(offer.product, taken.person, taken.id, fen, by)
            state.payouts.append(payout)
            state.made.payouts.append(payout)
    else:
        state.books.transfer("claim-taken-back", claims, due, -fen, **of)
        state.pool.add(offer.product, paying.cover.share, "claim-returned", -fen)
    paying.posted_fen += fen
    state.paid(taken, paying)


def take_back(state: State, taken: Taken) -> None:
    """Everything that was posted for a settlement is posted back, to the fen; what had left for a person's account is a case."""
    open_payouts = [payout for payout in state.payouts if payout.settlement == taken.id and payout.state in ("due", "returned")]
    for paying in taken.paying:
        to_person = _to_person(state, taken, paying)
        post(state, taken, paying, to_person - paying.posted_fen, "hospital")
        post(state, taken, paying, -to_person, "person")
    for payout in open_payouts:
        payout.state = "cancelled"
        if payout.id is not None:
            state.made.cancelled.append(payout.id)
    for payout in state.payouts:
        if payout.settlement == taken.id and payout.state in ("sent", "paid"):
            open_case(state, Case("less-due", "reversal.after_payout", payout.fen, taken.id, taken.setl_id, hospital=taken.hospital))
    for case in [case for case in state.cases if case.settlement == taken.id and case.cause != "reversal.after_payout"]:
        close(state, case, taken.state)


def _to_person(state: State, taken: Taken, paying: Paying) -> int:
    """How much of what was posted for a payment is due to the insured and not to the hospital."""
    if taken.payee == "person":
        return paying.posted_fen
    return sum(payout.fen for payout in state.payouts if payout.settlement == taken.id and payout.product == paying.cover.product
               and payout.state != "cancelled")


def put_right(state: State, taken: Taken, cause: str) -> tuple[int, int]:
    """What is more due is posted for the insured, what is less due becomes a case; answers both, in fen."""
    more = less = 0
    for paying in taken.paying:
        difference = paying.target_fen - paying.posted_fen
        known = next((case for case in state.cases if case.kind == "less-due" and case.settlement == taken.id
                      and (case.order, case.position) == (paying.cover.order, paying.cover.position)), None)
        if difference > 0:
            post(state, taken, paying, difference, "person")
            state.made.notices.append(_more_due(taken, difference, cause))
            more += difference
        if difference >= 0 and known is not None:
            close(state, known, "squared")
        elif difference < 0 and known is None:
            open_case(state, Case("less-due", cause, -difference, taken.id, taken.setl_id, paying.cover.order, paying.cover.position,
                              taken.hospital))
        elif difference < 0 and known is not None and known.fen != -difference:
            known.fen = -difference
            state.made.changed.append(known)
        less += max(0, -difference)
    return more, less


def open_case(state: State, case: Case) -> None:
    """Something for a person to look into from now on."""
    state.cases.append(case)
    state.made.cases.append(case)


def close(state: State, case: Case, outcome: str) -> None:
    """Ends a case; one that this very batch opened was never there."""
    state.cases.remove(case)
    if case.id is None:
        state.made.cases.remove(case)
    else:
        state.made.closed.append((case.id, outcome))


def tell(state: State, taken: Taken) -> None:
    """The insured is told what is paid without an application."""
    paid = yuan(taken.pay_fen)
    if taken.person not in state.agreed:
        state.made.notices.append(Notice(
            taken.person, f"商业补充医疗保险应赔付 {paid} 元。请登记收款银行账户，登记后即支付。",
            f"This insurance owes you {paid} yuan: register a bank account, and it will be paid there.", taken.id))
        return
    state.made.notices.append(Notice(
        taken.person,
        f"商业补充医疗保险赔付 {paid} 元，将支付到您登记的银行账户，无需申请。逐步说明见“我的赔付”。",
        f"This insurance pays {paid} yuan to your registered bank account, without an application. Your settlements explain each step.",
        taken.id))


def _more_due(taken: Taken, fen: int, cause: str) -> Notice:
    if cause == CORRECTION:
        return Notice(
            taken.person, f"因承保信息更正，应补赔付 {yuan(fen)} 元，将支付到您登记的银行账户。逐步说明见“我的赔付”。",
            f"A correction of what your cover rests on: {yuan(fen)} yuan more are due and will be paid to your registered bank account."
            " Your settlements explain each step.", taken.id)
    return Notice(
        taken.person, f"因有关结算变更，应补赔付 {yuan(fen)} 元，将支付到您登记的银行账户。",
        f"A settlement before yours has changed: {yuan(fen)} yuan more are due and will be paid to your registered bank account.",
        taken.id)
