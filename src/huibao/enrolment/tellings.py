"""What the buyer is told of a review, or of a change that a clerk made, in both languages: without names, and with what to do."""

from typing import Final, Literal

from huibao.core.money import yuan
from huibao.enrolment.model import Order, OrderState, Reason
from huibao.members.notices import Notice
from huibao.policies.numbers import order_number

GivenUp = Literal["rejected", "overdue"]

#: Each reason as the buyer reads it, with what to do.
REASONS: Final[dict[Reason, tuple[str, str]]] = {
    "not-eligible": ("不符合购买条件，请核对本人和被保险人的参保状态后重新申请",
                     "the conditions are not met: check the enrolment of both people and apply again"),
    "relation-unproven": ("亲属关系未能核实，请补充证明并办理登记后重新申请", "the relation could not be verified: register it with proof and apply again"),
    "documents-differ": ("提交的材料与登记信息不一致，请更正后重新申请", "the documents differ from what is registered: correct them and apply again"),
    "identity-doubtful": ("身份未能核实，请持有效证件到柜台办理", "the identity could not be verified: come to a counter with a valid document"),
    "not-intended": ("经核实不是本人意愿", "it was found not to be the buyer's own wish"),
    "other": ("详见审核意见，或咨询经办机构", "see the reviewer's note, or ask the agency"),
}

_STANDING: Final[dict[OrderState, tuple[str, str]]] = {
    "awaiting-account": ("正在与个人账户核对，尚未承保。", "being checked with the account, not yet insured"),
    "awaiting-payment": ("待支付，尚未承保。", "awaiting payment, not yet insured"),
    "awaiting-review": ("待审核，尚未承保。", "awaiting review, not yet insured"),
    "completed": ("已支付，保单生效日见各保单。", "paid: the policies say from when they cover"),
    "void": ("订单已撤销，冻结的账户资金已释放。", "the order is void, and what was set aside is free again"),
}


#: What an order's buyer reads first where another system keeps the account.
CHECKING: Final = (
    "已受理，正在与个人账户核对，尚未承保；由账户支付和需自费的金额以核对结果为准。",
    "taken up and being checked with the account, not yet insured; what the account pays and what is left for cash is known then")


def standing(state: OrderState, cash_fen: int, votes: int = 0) -> tuple[str, str]:
    """How an order stands, as its buyer reads it: not insured until it is captured."""
    if state == "awaiting-review" and votes:
        return "已由一人审核通过，待第二人审核，尚未承保。", "approved by one reviewer, awaiting the second, not yet insured"
    if state == "awaiting-review" and cash_fen:
        return "已支付，待审核，尚未承保。", "paid; awaiting review, not yet insured"
    return _STANDING[state]


def approved(programme: str, order: Order) -> Notice:
    since = order.policies[0].period_from
    return _notice(programme, order, f"申请已审核通过，已承保，自 {since} 零时起保障。",
                   f"was approved: the insurance is in force and covers from {since}")


def amended(programme: str, order: Order, made: Order) -> Notice:
    """A clerk changed who an order is for: another stands in its place."""
    number = order_number(programme, made.id)
    return _notice(programme, order, f"被保险人已由经办人员应您的要求变更，由订单 {number} 取代，保费 {yuan(made.premium_fen)} 元。"
                   "如非本人要求，请立即联系经办机构。",
                   f"is for other people now, as a clerk was asked: order {number} stands in its place, over {yuan(made.premium_fen)} yuan."
                   " If you did not ask for that, tell the agency at once")


def rejected(programme: str, order: Order, reason: Reason) -> Notice:
    zh, en = REASONS[reason]
    back_zh, back_en = _back(order)
    return _notice(programme, order, f"申请未通过审核，未承保：{zh}。{back_zh}", f"was not approved, nobody is insured by it: {en}. {back_en}")


def overdue(programme: str, order: Order, because: str) -> Notice:
    zh, en = ("在可以起保的日期之前未能审结", "was not reviewed before the day its cover had to begin") if because == "missed-start" else (
        "在审核期限内未能审结", "was not reviewed in time")
    back_zh, back_en = _back(order)
    return _notice(programme, order, f"申请{zh}，已作废，未承保，可以重新申请。{back_zh}",
                   f"{en} and is void: nobody is insured by it, apply again. {back_en}")


def _back(order: Order) -> tuple[str, str]:
    """What becomes of the money. Where another system keeps the account, it is free once that system let it go."""
    zh, en = ("冻结的账户资金将由经办机构释放", "What was set aside on the account is about to be let go by the agency") if (
        order.state == "awaiting-account") else ("冻结的账户资金已释放", "What was set aside on the account is free again")
    if not order.cash_fen:
        return f"{zh}。", en
    return (f"{zh}，已付的 {yuan(order.cash_fen)} 元现金将原路退回。",
            f"{en}, and the {yuan(order.cash_fen)} yuan in cash go back the way they came")


def _notice(programme: str, order: Order, zh: str, en: str) -> Notice:
    number = order_number(programme, order.id)
    return Notice(order.buyer, f"订单 {number} 的{zh}", f"Order {number} {en}.", order=order.id)
