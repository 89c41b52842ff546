"""What a surrender and its refunds are refused for, each with what to do."""

from datetime import date

from huibao.core.money import yuan
from huibao.core.refusal import Refusal

# ── surrender ────────────────────────────────────────────────────────────────────────────────────────────────────────

def policy_unknown() -> Refusal:
    return Refusal("policy.unknown", None, "没有此保单，请核对保单号。", "no such policy: check its number")


def already_surrendered(ended_on: date | None) -> Refusal:
    return Refusal("surrender.already", None, f"此保单已经退保，保障至 {ended_on} 零时止。退款进度请查看退款。",
                   f"this policy was surrendered already and covers until {ended_on}, 00:00: look at its refunds",
                   {"ended_on": str(ended_on)})


def order_waits() -> Refusal:
    return Refusal("surrender.order_waits", None, "此保单尚未承保，保费未划扣：请撤销订单，冻结的资金即时释放。",
                   "nothing was paid for this policy yet: cancel its order, and what was set aside is free again")


def not_in_force(state: str) -> Refusal:
    return Refusal("surrender.not_in_force", None, "此保单没有生效，没有可退的保费。", "this policy is not in force: there is nothing to give back",
                   {"state": state})


def not_allowed(clause: str | None) -> Refusal:
    return Refusal("surrender.not_allowed", clause, "按条款，本产品不可退保，保障继续有效。如有疑问请联系承保公司。",
                   "by its terms this product cannot be surrendered: the cover goes on; ask the insurer")


def cover_over(until: date) -> Refusal:
    return Refusal("surrender.cover_over", None, f"保障至 {until} 为止，没有剩余的保障期，无款可退。",
                   f"the cover runs until {until}: no day of it is left to give back", {"until": until.isoformat()})


def settlement_open(settlement: int, clause: str | None) -> Refusal:
    return Refusal("surrender.settlement_open", clause, "此保单有一笔结算或赔付尚未办结。请待其办结后再申请退保。",
                   "a settlement under this policy is not finished: surrender it afterwards", {"settlement": settlement})


def nothing_after_start(since: date, clause: str | None) -> Refusal:
    return Refusal("surrender.nothing_after_start", clause, f"按条款，保障开始（{since}）后不退保费；保障继续有效，无需办理退保。",
                   f"by the terms nothing goes back once the cover has begun ({since}): it goes on, there is nothing to do",
                   {"since": since.isoformat()})


def benefit_paid(fen: int, clause: str | None) -> Refusal:
    return Refusal("surrender.benefit_paid", clause, f"此保单已赔付 {yuan(fen)} 元，按条款不可退保，保障继续有效。",
                   f"this policy has paid {yuan(fen)} yuan and cannot be surrendered by its terms: the cover goes on", {"benefit_fen": fen})


def quote_differs(fen: int, told_fen: int) -> Refusal:
    return Refusal("surrender.quote_differs", None, f"现在退还 {yuan(fen)} 元，与您确认的 {yuan(told_fen)} 元不符。请重新查看退保试算后确认。",
                   f"{yuan(fen)} yuan would go back now, not the {yuan(told_fen)} that you confirmed: look at the quote again",
                   {"fen": fen, "told_fen": told_fen})


def holder_died() -> Refusal:
    return Refusal("surrender.holder_died", None, "投保人已登记死亡，请由继承人持证明到经办机构办理。",
                   "the policyholder is registered as deceased: the heirs surrender at the agency, with their evidence")


# ── refunds ──────────────────────────────────────────────────────────────────────────────────────────────────────────

def refund_unknown() -> Refusal:
    return Refusal("refund.unknown", None, "没有此退款，请核对编号。", "no such refund: check its number")


def not_waiting(state: str) -> Refusal:
    return Refusal("refund.not_waiting", None, "此退款已办结或不在此步骤，未作任何处理。",
                   "this refund does not wait for that; nothing was done", {"state": state})


def nothing_new(state: str) -> Refusal:
    return Refusal("refund.nothing_new", None, "资金所在的批次尚无新的结果，退款继续等待。", "nothing is new about the batch: the refund waits on",
                   {"state": state})


def not_all_owed() -> Refusal:
    return Refusal("repayment.refunds_unknown", None, "所列退款中有不存在、重复或不由贵公司退还的。请按应退清单核对编号。",
                   "one of these refunds is unknown, listed twice, or not yours to pay back: check them against the list of what is owed")


def not_to_repay(refund: str, state: str) -> Refusal:
    return Refusal("repayment.refund_not_owed", None, f"退款 {refund} 不在应退还经办机构之列。请按应退清单核对。",
                   f"refund {refund} is not owed to the agency: check it against the list of what is owed",
                   {"refund": refund, "state": state})


def repayment_sum(owed_fen: int, fen: int) -> Refusal:
    return Refusal("repayment.sum_differs", None, f"所列退款合计 {yuan(owed_fen)} 元，与划款 {yuan(fen)} 元不符。请逐笔核对，不与其他款项相抵。",
                   f"these refunds come to {yuan(owed_fen)} yuan, not {yuan(fen)}: check them one by one, nothing is netted",
                   {"owed_fen": owed_fen, "fen": fen})


def reference_used(used: str) -> Refusal:
    return Refusal("repayment.reference_used", None, f"此银行流水号已用于退还单或退款 {used}。请核对流水号。",
                   f"this bank reference stands in repayment or refund {used}: check it", {"used": used})


def repayment_unknown() -> Refusal:
    return Refusal("repayment.unknown", None, "没有此退还单，请核对编号。", "no such repayment: check its number")


def repayment_answered(state: str) -> Refusal:
    zh = {"received": "已确认到账", "disputed": "已确认未到账"}[state]
    return Refusal("repayment.answered", None, f"此退还单{zh}，未作任何处理。", f"the repayment is {state}; nothing was done", {"state": state})


def repayment_differs(fen: int, received_fen: int) -> Refusal:
    return Refusal("repayment.received_differs", None,
                   f"退还单为 {yuan(fen)} 元，到账 {yuan(received_fen)} 元，差 {yuan(received_fen - fen)} 元，未入账。请与保险公司核对；确未到账的答 0。",
                   f"the repayment says {yuan(fen)} yuan and {yuan(received_fen)} arrived, {yuan(received_fen - fen)} off, and nothing was"
                   " credited: clear it with the insurer, and answer 0 where nothing came",
                   {"fen": fen, "received_fen": received_fen})


def account_closed(refund: str) -> Refusal:
    return Refusal("repayment.account_closed", None,
                   f"退款 {refund} 的账户不能入账。请答 0 并将款项退回保险公司，确认账户不能入账后由其直接支付。",
                   f"the account of refund {refund} cannot be credited: answer 0, send the money back, and confirm that the account"
                   " cannot be credited; the insurer then pays it elsewhere", {"refund": refund})


def came_back(refund: str) -> Refusal:
    return Refusal("repayment.came_back", None,
                   f"退款 {refund} 的保费已由银行退回经办机构，保险公司并未收到。请答 0 并将款项退回保险公司；退款由经办机构直接办理。",
                   f"the bank brought the premium of refund {refund} back to the agency, so the insurer never had it: answer 0 and send"
                   " the money back; the agency makes the refund itself", {"refund": refund})


# ── elsewhere ────────────────────────────────────────────────────────────────────────────────────────────────────────

def confirmed_by_you() -> Refusal:
    return Refusal("refund.confirmed_by_you", None, "您已确认过此退款，须由另一位经办人员复核确认。", "you confirmed this refund already: another clerk has to")


def reasons_differ(reason: str) -> Refusal:
    return Refusal("refund.reasons_differ", None, "原因与前一位经办人员确认的不同。请核对后按同一原因确认；前一位有误的，由其撤回确认。",
                   f"another clerk confirmed it as {reason}: find out which it is, and confirm the same, or have that one withdrawn",
                   {"reason": reason})


def not_confirmed_by_you() -> Refusal:
    return Refusal("refund.not_confirmed_by_you", None, "您没有确认过此退款，或已撤回。确认由作出的经办人员本人撤回。",
                   "you have not confirmed this refund, or withdrawn it already: who confirmed it withdraws it")


def accepted_already() -> Refusal:
    return Refusal("refund.accepted_already", None, "收款方式已登记，确认不能再撤回。请按登记的账户支付。",
                   "where to pay it was accepted already, so the confirmation stands: it is paid there")


def another_acceptance(acceptance: int) -> Refusal:
    return Refusal("refund.another_acceptance", None,
                   f"收款方式已重新登记（第 {acceptance} 号），与您所付的不是同一次登记。请查看退款，核对付往的账户。",
                   f"where to pay it was named anew under {acceptance}, which is not what you paid by: read the refund, and check"
                   " the account",
                   {"acceptance": acceptance})


def reference_paid(used: str) -> Refusal:
    return Refusal("refund.reference_used", None, f"此银行流水号已用于退还单或退款 {used}。请核对流水号。",
                   f"this bank reference stands in repayment or refund {used}: check it", {"used": used})


def holder_lives() -> Refusal:
    return Refusal("refund.holder_lives", None, "投保人未登记死亡，或不在柜台办理。请先登记死亡，继承人持证明到经办机构办理；否则由本人办理。",
                   "the policyholder is not registered as deceased, or this is not the agency's counter: register the death first, heirs"
                   " act at the counter; else the member does")


def holder_erased() -> Refusal:
    return Refusal("refund.holder_erased", None, "投保人的个人信息已删除，无法留存凭据。请联系管理人员。",
                   "the policyholder's data was erased, so no evidence can be kept: ask who administers this")


def heirs_needed() -> Refusal:
    return Refusal("refund.heirs_needed", None, "投保人已登记死亡，请由继承人持证明到经办机构办理。",
                   "the policyholder is registered as deceased: the heirs accept at the agency, with their evidence")


def evidence_needed() -> Refusal:
    return Refusal("refund.evidence_needed", None, "继承人办理须写明证明文件，请填写 evidence。", "heirs name their evidence: fill in evidence")


def not_elsewhere(state: str, confirmed: int, needed: int) -> Refusal:
    return Refusal("refund.not_elsewhere", None, f"此退款按原路退回，不能另行支付；账户不能入账的须先经 {needed} 位经办人员确认（已 {confirmed} 位）。",
                   f"this refund goes back the way it came; it is paid elsewhere once {needed} clerks confirm that its account cannot be"
                   f" credited ({confirmed} have)", {"state": state, "confirmed": confirmed, "needed": needed})


def not_accepted(state: str, confirmed: int, needed: int) -> Refusal:
    return Refusal("refund.not_accepted", None, f"尚不能另行支付：须款项在贵公司、经 {needed} 位经办人员确认（已 {confirmed} 位）并由本人或继承人接受。",
                   f"it cannot be paid elsewhere yet: the money must be with you, {needed} clerks confirm ({confirmed} have), and the"
                   " member or the heirs accept", {"state": state, "confirmed": confirmed, "needed": needed})
