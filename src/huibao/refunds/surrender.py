"""Surrendering a policy: its cover ends, and each source's part is on its way back."""

from datetime import date

from huibao.core.refusal import Refusal
from huibao.refunds import refusals
from huibao.refunds.model import ACCOUNTS, Grant, Held, Instead, Refund, RefundState, Share, Surrender
from huibao.refunds.rules import grant, is_whole
from huibao.refunds.state import State
from huibao.refunds.told import notice_of, replaced_sum

Surrendered = tuple[Held, Grant, list[Refund]]


def surrender(state: State, command: Surrender, request: int, instead: Instead | None = None) -> Surrendered | Refusal:
    """Ends the cover and sends each part on its way; refused where something else would go back than its holder was told. `instead` is
    what takes its place."""
    held = state.held.get((command.order, command.position))
    if held is None or command.buyer not in (None, held.buyer):
        return refusals.policy_unknown()
    if command.buyer is not None and not state.lives(held.buyer):
        return refusals.holder_died()
    granted = grant(held, state.terms(held), state.on)
    if isinstance(granted, Refusal):
        return granted
    if granted.fen != command.fen:
        return refusals.quote_differs(granted.fen, command.fen)
    held.state, held.ended_on = "surrendered", granted.ended_on
    state.made.surrendered.append(held)
    state.made.pool.add(held.product, held.share, "premium-returned", granted.fen)
    refunds = [_refund(state, held, granted, share) for share in granted.shares]
    state.made.refunds.extend((refund, request) for refund in refunds)
    _tell(state, held, granted, refunds, instead)
    return held, granted, refunds


def _refund(state: State, held: Held, granted: Grant, share: Share) -> Refund:
    """One source's part, as far as it goes by itself now."""
    year = limit_year(held, granted, share, state.on)
    refund = Refund(state.numbers.pop(0), held.order, held.position, share.part.source, share.fen, _begins(share), year)
    if year is not None:
        state.books.give_back(held.buyer, year, share.fen)
    if refund.source == "sponsor":
        state.books.transfer("refund-sponsor", state.income(held), state.source(refund), refund.fen,
                             person=held.buyer, order=held.order, position=held.position, refund=refund.id)
    elif refund.source in ACCOUNTS:
        settle_account_money(state, held, refund)
    return refund


def limit_year(held: Held, granted: Grant, share: Share, on: date) -> int | None:
    """The limit year that the amount is given back to: that of the payment, where all is undone before the start in the same year."""
    if share.part.source not in ACCOUNTS or not is_whole(held, granted) or share.part.on.year != on.year:
        return None
    return on.year


def _begins(share: Share) -> RefundState:
    if share.part.source in ACCOUNTS:
        return "waiting"
    return "sent" if share.part.source == "cash" else "done"


def settle_account_money(state: State, held: Held, refund: Refund) -> RefundState:
    """Account money goes back by where it is: in clearing the agency takes it back at once, what the insurer has it owes.

    What a batch has listed waits for its answer. Where the account is closed the money goes on to the insurer, who pays it elsewhere.
    """
    stands = state.stands(refund)
    if stands == "remitted":
        refund.state = "owed"
    elif stands == "unlisted" and state.takes(refund):
        state.books.transfer("refund-reversed", state.clearing(held), state.source(refund), refund.fen,
                             person=held.buyer, order=held.order, position=held.position, refund=refund.id)
        refund.state = "done"
        state.close_case(refund, "credited")
    else:
        refund.state = "waiting"
    if refund.state != "done" and state.source(refund).state == "closed":
        state.open_case(refund, "refund.account_closed")
    return refund.state


def _tell(state: State, held: Held, granted: Grant, refunds: list[Refund], instead: Instead | None) -> None:
    zh, en = notice_of(state.programme.code, held, granted, refunds, instead)
    state.tell(held.buyer, zh, en)
    if held.insured == held.buyer:
        return
    if instead is not None:
        zh, en = replaced_sum(granted, instead)
        state.tell(held.insured, f"您的保障{zh}", f"your cover: {en}")
    else:
        state.tell(held.insured, f"您的保单已由投保人退保，保障至 {granted.ended_on} 零时止；此前的就诊仍可理赔。",
                   f"your policy was surrendered by who bought it: it covers until {granted.ended_on}, 00:00; visits before stay payable.")
