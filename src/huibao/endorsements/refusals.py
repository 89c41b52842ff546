"""What an endorsement is refused for, each with what to do. Nothing of what was to be changed is repeated."""

from datetime import date

from huibao.core.refusal import Refusal
from huibao.scheme.model import Scheme, in_force
from huibao.scheme.sentences import refuse


def person_unknown() -> Refusal:
    return Refusal("person.unknown", None, "没有此参保人，请核对后重试。", "no such person here: check and try again")


def unknown() -> Refusal:
    return Refusal("endorsement.unknown", None, "没有该保全申请，请核对编号。", "no such endorsement: check its number.")


def settlement_unknown() -> Refusal:
    return Refusal("settlement.unknown", None, "没有该结算，请核对结算编号。", "no such settlement: check the number.")


def no_change() -> Refusal:
    return Refusal("endorsement.no_change", None, "所填内容与现有记录相同，无需变更。", "this is what stands here already: there is nothing to change.")


def value_unreadable(kind: str) -> Refusal:
    return Refusal("endorsement.value_unreadable", None, "所填内容不符合该项的格式或可选值，请按接口说明填写。",
                   "this is nothing that may stand there: see what the document at /schema allows.", {"kind": kind})


def evidence_needed() -> Refusal:
    return Refusal("endorsement.evidence_needed", None, "该项变更须有证明材料，请填写材料的留存编号（evidence）。",
                   "this change needs proof: fill in the reference under which it is kept (evidence).")


def identity_taken() -> Refusal:
    return Refusal("endorsement.identity_taken", None, "该证件号码已登记在另一人名下，不能变更。请核对号码；如确属本人，请到经办机构办理身份合并。",
                   "this number is another person's here: check it; if it is truly this person's, have the agency look into both.")


def fact_of_visit(fact: str) -> Refusal:
    return Refusal("endorsement.names_settlement", None, "该事实属于一次就诊，请填写结算编号，不填人员与日期。",
                   "this fact is of one visit: name the settlement, and neither a person nor days.", {"fact": fact})


def fact_of_person(fact: str) -> Refusal:
    return Refusal("endorsement.names_person", None, "该事实属于参保人，请填写人员与生效日期，不填结算编号；截止日期只用于异地备案。",
                   "this fact is the person's: name the person and the day from which it holds, and no settlement; only being away ends"
                   " on a day.", {"fact": fact})


def loss_not_backwards(scheme: Scheme, on: date) -> Refusal:
    rule = in_force(scheme.hardship, on)
    return refuse(scheme, rule.basis.cite if rule else None, "endorsement.loss_not_backwards",
                  f"困难类别取消或降低不追溯，已入院的仍按原类别赔付。请以 {on} 或之后的日期为生效日",
                  f"losing a category takes nothing back: who was admitted before keeps it; let it hold from {on} or later",
                  earliest=on.isoformat())


def not_taken_up() -> Refusal:
    return Refusal("endorsement.settlement_ended", None, "该结算已作废或冲销，没有可更正的赔付。",
                   "this settlement was taken back: nothing of it is to be corrected.")


def taken_back_since() -> Refusal:
    return Refusal("endorsement.settlement_ended", None, "申请之后该结算已作废或冲销，没有可更正的赔付，未作任何处理。请退回该申请。",
                   "this settlement was taken back after this was proposed: nothing of it is to be corrected, and nothing was done;"
                   " reject it.")


def not_waiting(state: str) -> Refusal:
    zh = {"done": "已办结", "rejected": "已退回", "expired": "已过期"}[state]
    return Refusal("endorsement.not_waiting", None, f"该保全申请{zh}，不再等待复核，未作任何处理。如仍需变更，请重新申请。",
                   f"this endorsement is {state} and waits for nobody; nothing was done: ask anew if it is still needed.", {"state": state})


def own_proposal() -> Refusal:
    return Refusal("endorsement.four_eyes", None, "申请人、变更所涉本人不能复核，须由另一人复核。请换另一位经办人员办理。",
                   "who asked for it, or whom it is about, cannot approve it: let another person do so.")


def overtaken() -> Refusal:
    return Refusal("endorsement.overtaken", None, "申请之后该项已有其他变更，原记录已不是申请时的内容，未作任何处理。请退回后按现有记录重新申请。",
                   "what stands here has changed since this was proposed; nothing was done: reject it, and ask anew.")


def not_insurers(kind: str) -> Refusal:
    return Refusal("endorsement.by_agency", None, "保险公司只能更正其承保结算的既往症、医院等级和定点标识，其余变更请由经办机构办理。",
                   "an insurer corrects what is pre-existing, the hospital's grade and whether it is designated, of what it pays: the rest"
                   " is the agency's.", {"kind": kind})
