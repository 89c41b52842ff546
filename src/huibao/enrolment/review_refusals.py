"""Why an application is not decided as asked, each with what to do; what the scheme refuses has its own code and clause."""

from datetime import datetime

from huibao.core.money import yuan
from huibao.core.refusal import Refusal
from huibao.core.time import SHANGHAI
from huibao.enrolment.model import Claim
from huibao.scheme.words import ACCOUNTS


def not_under_review(state: str) -> Refusal:
    return Refusal("review.not_waiting", None, "订单不在待审核状态，可能已由他人审结或已撤销，请刷新审核列表。",
                   "the order does not wait for a review: another decided it, or it was given up; read the list again", {"state": state})


def review_over(void_at: datetime) -> Refusal:
    until = void_at.astimezone(SHANGHAI)
    return Refusal("review.over", None, f"审核期限已于 {until:%Y-%m-%d %H:%M} 届满，订单将作废，不能再审。请通知本人重新申请。",
                   f"the time to review ended at {until:%Y-%m-%d %H:%M}: the order becomes void; have the person apply again",
                   {"void_at": until.isoformat()})


def review_not_due(at: datetime) -> Refusal:
    return Refusal("review.not_due", None, "审核尚未到期或已处理，无需操作。", "the review is not due, or was dealt with: nothing is to be done",
                   {"at": at.astimezone(SHANGHAI).isoformat()})


def own_entry() -> Refusal:
    return Refusal("review.own_entry", None, "本人录入、变更或本人参保的申请须由他人审核，请交由其他审核人员办理。",
                   "nobody reviews what they entered, changed or are party to: leave it to another reviewer")


def reviewed_by_you() -> Refusal:
    return Refusal("review.same_reviewer", None, "该申请须由两名不同的人员审核，您已审核过，请交由其他审核人员办理。",
                   "two different people review this application and you were the first: leave it to another")


def claimed(claim: Claim) -> Refusal:
    until = claim.until.astimezone(SHANGHAI)
    return Refusal("review.claimed", None,
                   f"该申请已由另一名经办人员（凭证 {claim.credential}）领取，{until:%Y-%m-%d %H:%M} 前由其审核；过时未审结的可以接手，急办请与其联系放回。",
                   f"another clerk (credential {claim.credential}) has this application until {until:%Y-%m-%d %H:%M}: take it over after"
                   " that, or have them let go of it",
                   {"credential": claim.credential, "since": claim.since.astimezone(SHANGHAI).isoformat(), "until": until.isoformat()})


def not_claimed() -> Refusal:
    return Refusal("review.not_claimed", None, "您没有领取该申请，或已审结、已由他人接手，无需放回。",
                   "you do not have this application: you did not take it, it was decided, or another took it over; there is nothing to let"
                   " go of")


def reason_needed() -> Refusal:
    return Refusal("review.reason_needed", None, "不予通过须写明原因，请填写 reason。", "a rejection says why: fill in reason")


def account_not_open(kind: str, state: str) -> Refusal:
    return Refusal("account.not_open", None, f"付款的{ACCOUNTS[kind]}已冻结或注销，不能扣款，请待账户恢复后再审，或不予通过。",
                   f"the {kind} account that pays is {state}: review it when it is open again, or reject",
                   {"account": kind, "state": state})


def premium_changed(member: int, held_fen: int, now_fen: int) -> Refusal:
    return Refusal("review.premium_changed", None,
                   f"被保险人的保费现为 {yuan(now_fen)} 元，申请时为 {yuan(held_fen)} 元，不能按原申请承保，请不予通过并请本人重新申请。",
                   f"the insured's premium is {yuan(now_fen)} yuan now and was {yuan(held_fen)} when applied for: reject, and have the"
                   " person apply again", {"insured": member, "held_fen": held_fen, "now_fen": now_fen})
