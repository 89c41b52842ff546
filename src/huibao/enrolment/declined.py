"""What an order is refused for by the system that keeps the accounts, as its buyer reads it."""

from typing import Final

from huibao.core.money import yuan
from huibao.core.refusal import Refusal

#: What the system that keeps the accounts says of them, as the buyer reads it.
_DECLINED: Final = {
    "account.unknown": ("经办机构没有您的个人账户", "the agency has no account of yours"),
    "account.frozen": ("您的个人账户已被冻结", "your account is frozen"),
    "account.closed": ("您的个人账户已注销", "your account is closed"),
    "balance.changed": ("账户余额一直在变动", "what is on the account keeps changing"),
    "balance.insufficient": ("账户余额不足", "the account holds too little"),
    "hold.cancelled": ("经办机构已解除冻结", "the agency let the money go that was set aside"),
}


def account_declined(reason: str) -> Refusal:
    zh, en = _DECLINED.get(reason, ("经办机构未予办理", "the agency declined it"))
    return Refusal("account.declined", None, f"{zh}，可稍后重新下单、改为自费，或向经办机构查询。",
                   f"{en}: order again later, pay in cash, or ask the agency", {"reason": reason})


def as_the_buyer_reads(refusal: Refusal) -> Refusal:
    """What a clerk would be told of the order, said to its buyer; anything else is the same to both."""
    if refusal.code != "review.premium_changed":
        return refusal
    held, now = (yuan(int(refusal.figures[name])) for name in ("held_fen", "now_fen"))
    return Refusal("order.premium_changed", None, f"被保险人的保费现为 {now} 元，下单时为 {held} 元，请按现在的保费重新下单。",
                   f"the insured's premium is {now} yuan now and was {held} when ordered: order again", refusal.figures)


def posting_known(state: str) -> Refusal:
    return Refusal("posting.known", None, "该笔账户请求已有结果，未作任何处理。", "what became of this request is known already; nothing was done",
                   {"state": state})


def amended_elsewhere() -> Refusal:
    return Refusal("order.account_elsewhere", None, "个人账户由经办机构系统记账，待办订单不能增减被保险人，请撤销订单后重新下单。",
                   "the agency's system keeps the account: cancel the order, and order again for the right people")
