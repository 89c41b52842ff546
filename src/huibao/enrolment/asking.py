"""What an order asks of the system that keeps its accounts, where one does: to take what is set aside, or to let it go."""

from huibao.enrolment.model import Order
from huibao.enrolment.postings import Kind, Posting
from huibao.enrolment.state import State


def capture(state: State, order: Order) -> bool:
    """Asks for what is set aside elsewhere to be taken; whether there is such. The order is completed with the answer."""
    frozen = state.postings.frozen(order.id)
    if frozen is None:
        return False
    _ask(state, frozen, "confirm")
    order.state, order.deadline = "awaiting-account", None
    state.move(order)
    return True


def may_give_up(state: State, order: Order) -> bool:
    """Whether nothing is being taken for an order, or let go, nor was."""
    return not state.postings.was(order.id, "confirm") and state.postings.open(order.id, "cancel") is None


def give_up(state: State, order: Order) -> bool:
    """Asks for what is set aside elsewhere to be let go; whether there is such. The order is void with the answer, and asked about
    once more when its till closes, if that was opened."""
    frozen = state.postings.frozen(order.id)
    if frozen is None:
        return False
    _ask(state, frozen, "cancel")
    order.deadline = order.deadline if order.state == "awaiting-payment" else None
    order.state = "awaiting-account"
    state.move(order)
    return True


def _ask(state: State, frozen: Posting, kind: Kind) -> None:
    state.postings.ask(Posting(frozen.order, frozen.person, kind, frozen.try_, frozen.personal_fen, frozen.savings_fen))
