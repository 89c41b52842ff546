"""What a purchase is refused for beyond the scheme's own rules: each with what to do.

A refusal is stored in plain text, so it repeats nothing that a client sent as free text.
"""

from datetime import date
from typing import Final

from huibao.core.money import yuan
from huibao.core.refusal import Refusal

#: Codes that others look for.
ALREADY_INSURED: Final = "policy.already_insured"
JOIN_NOT_MET: Final = "plan.join_not_met"
SPONSOR_SHORT: Final = "sponsor.insufficient"


def buyer_unknown() -> Refusal:
    return Refusal("buyer.unknown", None, "投保人不在本平台的参保人员之内，请先到医保经办机构登记。",
                   "the buyer is not known here: register with the agency first")


def person_died(who_zh: str, who_en: str) -> Refusal:
    return Refusal("person.died", None, f"{who_zh}已登记死亡，不能办理。如有误，请持证明到经办机构更正。",
                   f"the {who_en} is registered as deceased: if this is wrong, have the agency correct it")


def buyer_minor(age: int) -> Refusal:
    return Refusal("buyer.minor", None, f"投保人未满 18 周岁（{age} 周岁），请由父母或其他监护人投保。",
                   f"the buyer is {age}, under 18: a parent or guardian buys", {"age": age})


def product_unknown() -> Refusal:
    return Refusal("product.unknown", None, "没有该产品，请在产品目录中选择。", "no such product: choose from the catalogue")


def not_on_sale(product: str, since: date | None, until: date | None) -> Refusal:
    when_zh = f"投保期为 {since} 至 {until}" if since else "该产品在此仅供查阅"
    when_en = f"it is on sale from {since} to {until}" if since else "it can only be read here"
    return Refusal("product.not_on_sale", None, f"产品不在投保期内：{when_zh}，请选择在售产品。",
                   f"the product is not on sale: {when_en}; choose one that is", {"product": product})


def proposal_unknown() -> Refusal:
    return Refusal("renewal.unknown", None, "没有这份续保方案，或与所确认的人员、产品不符。请在“我的续保”中重新打开后确认。",
                   "there is no such proposal for you, or it is for others: open your proposals again and confirm from there")


def quote_changed(quoted_fen: int, premium_fen: int) -> Refusal:
    return Refusal("renewal.quote_changed", None,
                   f"所确认的保费 {yuan(quoted_fen)} 元与现行保费 {yuan(premium_fen)} 元不符，未作任何扣款。请核对新保费后重新确认。",
                   f"the premium is {yuan(premium_fen)} yuan now, not the {yuan(quoted_fen)} that were shown, and nothing was charged:"
                   " look at it again, and confirm afresh", {"quoted_fen": quoted_fen, "premium_fen": premium_fen})


def insured_count(count: int, most: int) -> Refusal:
    return Refusal("order.insured_count", None, f"本类订单的被保险人最多 {most} 人，至少 1 人，本次 {count} 人，请分开下单。",
                   f"such an order insures at least one person and at most {most}, not {count}: split it", {"count": count, "most": most})


def insured_unknown() -> Refusal:
    return Refusal("insured.unknown", None, "被保险人不在本平台的参保人员之内，请先到医保经办机构登记。",
                   "the insured is not known here: register with the agency first")


def insured_twice(member: int) -> Refusal:
    return Refusal("order.insured_twice", None, "同一被保险人在订单中出现两次，请删去其一。",
                   "one person is insured twice in this order: take one out", {"insured": member})


def tier_unknown(known: tuple[str, ...]) -> Refusal:
    said = "、".join(known) or "（无档次，不必填写）"
    return Refusal("product.tier_unknown", None, f"没有所选的档次，可选：{said}。",
                   f"no such tier; there is: {', '.join(known) or 'none, leave it out'}", {"tiers": "、".join(known)})


def terms_changed(current: str) -> Refusal:
    return Refusal("consent.terms_changed", None, "所确认的条款不是现行版本，请重新阅读现行条款并确认。",
                   "the terms agreed to are not the current ones: read the current terms and confirm again", {"terms": current})


def consent_incomplete(missing: str) -> Refusal:
    return Refusal("consent.incomplete", None, f"投保确认不完整，缺少：{missing}。请逐项阅读并确认、签名。",
                   f"the confirmation lacks: {missing}; read and confirm each, and sign", {"missing": missing})


def guardian_needed(member: int) -> Refusal:
    return Refusal("consent.guardian_needed", None, "被保险人未满 14 周岁，须由监护人单独同意其个人信息的处理，请勾选监护人同意。",
                   "the insured is under 14: the guardian's separate consent is needed", {"insured": member})


def relation_not_registered(member: int) -> Refusal:
    return Refusal("relation.not_registered", None, "该被保险人未登记为您的家庭成员，请先办理家庭成员登记。",
                   "the insured is not registered as your family: register the relation first", {"insured": member})


def already_insured(member: int) -> Refusal:
    return Refusal(ALREADY_INSURED, None, "该被保险人本期已有本产品的保单或待办订单，不必重复投保。",
                   "the insured has a policy or a waiting order of this product already: nothing more is needed", {"insured": member})


def join_not_met(member: int) -> Refusal:
    return Refusal(JOIN_NOT_MET, None, "被保险人不符合本产品的参加条件，请查看产品说明或选择其他产品。",
                   "the insured does not meet this product's condition to join: see its terms or choose another", {"insured": member})


def premium_not_stated(member: int) -> Refusal:
    return Refusal("plan.premium_not_stated", None, "本产品没有适用于该被保险人的保费，请选择其他产品或联系客服。",
                   "this product states no premium for the insured: choose another, or ask the service", {"insured": member})


def sponsor_short(free_fen: int, premium_fen: int) -> Refusal:
    return Refusal(SPONSOR_SHORT, None,
                   f"资助账户可用 {yuan(free_fen)} 元，不足保费 {yuan(premium_fen)} 元，还差 {yuan(premium_fen - free_fen)} 元，请先补足。",
                   f"the sponsor's account has {yuan(free_fen)} yuan for a premium of {yuan(premium_fen)}: add"
                   f" {yuan(premium_fen - free_fen)} first",
                   {"free_fen": free_fen, "premium_fen": premium_fen, "short_fen": premium_fen - free_fen})


def sponsor_unknown() -> Refusal:
    return Refusal("sponsor.unknown", None, "没有该资助方的账户，请先开户并存入资金。",
                   "no account of this sponsor: open and fund one first")


def order_unknown() -> Refusal:
    return Refusal("order.unknown", None, "没有此订单，请核对订单号。", "no such order: check its number")


def order_not_waiting(state: str) -> Refusal:
    return Refusal("order.not_waiting", None, "订单不在待支付或待审核状态，不能撤销；已承保的请申请退保。",
                   "the order does not wait any more and cannot be cancelled; a policy in force can be surrendered", {"state": state})


def captured_already(is_adding: bool) -> Refusal:
    if is_adding:
        return Refusal("order.captured", None, "订单已承保，不能再增加被保险人。请为其另下一单。",
                       "the order is captured and nobody can be added to it: buy for them in an order of their own.")
    return Refusal("order.captured", None, "订单已承保，不能再减少被保险人。请为其保单申请退保。",
                   "the order is captured and nobody can be taken out of it: surrender the policy of who is to leave.")


def cash_has_come() -> Refusal:
    return Refusal("order.cash_paid", None, "订单的现金部分已支付，审核期间不能变更被保险人。审核通过后，增加的另下一单，减少的申请退保。",
                   "the cash part of the order has come, and who it is for cannot change while it is reviewed: afterwards buy for who is to"
                   " be added, or surrender.")


def insured_not_in_order(member: int) -> Refusal:
    return Refusal("order.insured_unknown", None, "订单中没有此被保险人，请核对后重试。", "nobody of this order is this person: check and try again.",
                   {"member": member})


def nobody_left() -> Refusal:
    return Refusal("order.nobody_left", None, "订单只有这一位被保险人，不再需要的请撤销订单。", "nobody else is in the order: cancel it if it is not wanted.")


def payment_not_awaited(order: str, state: str, fen: int, reference: str) -> Refusal:
    return Refusal("payment.not_awaited", None, f"订单不在待支付状态，收到的 {yuan(fen)} 元将原路退回。",
                   f"the order awaits no payment: the {yuan(fen)} yuan go back the way they came",
                   {"order": order, "state": state, "fen": fen, "reference": reference})


def payment_differs(order: str, fen: int, due_fen: int, reference: str) -> Refusal:
    return Refusal("payment.amount_differs", None, f"支付 {yuan(fen)} 元与应付 {yuan(due_fen)} 元不符，款项将原路退回，请重新支付。",
                   f"{yuan(fen)} yuan were paid where {yuan(due_fen)} are due: they go back, pay again",
                   {"order": order, "fen": fen, "due_fen": due_fen, "reference": reference})
