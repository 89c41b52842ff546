"""What a settlement is refused for beyond its message: each with what to do. A refusal repeats nothing of the message but its number."""

from datetime import date

from huibao.core.money import yuan
from huibao.core.refusal import Refusal


def person_unknown() -> Refusal:
    return Refusal("settlement.person_unknown", None, "人员编号（psn_no）不在本项目的参保人员之内。请核对编号，或由医保经办机构登记后重新发送。",
                   "psn_no is nobody known here: check the number, or have the agency register the person, and send again.")


def hospital_unknown(hospital: str) -> Refusal:
    return Refusal("settlement.hospital_unknown", None,
                   f"医疗机构 {hospital} 未在本项目登记，报文也未写明其统筹区（fixmedins_poolarea）。请登记或补充后重新发送。",
                   f"hospital {hospital} is not known here, and the message does not say its area (fixmedins_poolarea): add it and"
                   " send again.",
                   {"hospital": hospital})


def not_at_the_desk(hospital: str) -> Refusal:
    return Refusal("settlement.no_desk", None, f"医疗机构 {hospital} 未接入出院直赔，不能在窗口抵扣。其结算由经办机构推送后直接赔付到个人账户。",
                   f"hospital {hospital} does not deduct at its desk: its settlements come from the agency and are paid to the person.",
                   {"hospital": hospital})


def not_insured() -> Refusal:
    return Refusal("settlement.not_insured", None, "该参保人没有承保中的商业补充医疗保险，本次不作赔付，按基本医保结算结果收费即可。",
                   "this person has no policy here: charge what basic insurance left, nothing is paid here.")


def not_in_force(since: date, until: date, on: date) -> Refusal:
    return Refusal("settlement.not_in_force", None,
                   f"就诊判定日 {on} 不在保险期间（{since} 至 {until}）之内，本次不作赔付，按基本医保结算结果收费即可。",
                   f"the day that decides, {on}, lies outside the cover ({since} to {until}): nothing is paid here.",
                   {"on": on.isoformat(), "period_from": since.isoformat(), "period_to": until.isoformat()})


def not_agreed() -> Refusal:
    return Refusal("settlement.not_agreed", None, "本人尚未同意免申请赔付，或未登记收款账户。请本人同意并登记账户后由经办机构重新推送，或自行申请理赔。",
                   "the person has not agreed to be paid without an application, or has no account here: agree and register one, or apply.")


def differs(setl_id: str, field: str) -> Refusal:
    return Refusal("settlement.differs", None, f"结算编号 {setl_id} 已经受理，但 {field} 与此前不同，未作任何处理。请核对；如原结算有误，请先冲销再以新编号结算。",
                   f"settlement {setl_id} was taken up before with another {field}; nothing was done: check it, or reverse the first and"
                   " settle under a new number.", {"setl_id": setl_id})


def taken_back(setl_id: str) -> Refusal:
    return Refusal("settlement.taken_back", None, f"结算 {setl_id} 已撤销或冲销，不再赔付。请以新的结算编号重新结算。",
                   f"settlement {setl_id} was taken back before: settle again under a new number.", {"setl_id": setl_id})


def paid_directly(setl_id: str) -> Refusal:
    return Refusal("settlement.paid_directly", None, f"结算 {setl_id} 此前未确认抵扣，已改为直接赔付本人，请勿再抵扣，按基本医保结算结果收费即可。",
                   f"settlement {setl_id} was not deducted in time and is paid to the insured directly: do not deduct it, charge what"
                   " basic insurance left.", {"setl_id": setl_id})


def settlement_unknown() -> Refusal:
    return Refusal("settlement.unknown", None, "没有该结算，请核对结算编号。", "no such settlement: check the number.")


def not_offered(state: str) -> Refusal:
    zh = {"confirmed": "已确认", "void": "已作废", "reversed": "已冲销"}[state]
    return Refusal("settlement.not_offered", None, f"该结算{zh}，不再等待确认，未作任何处理。",
                   f"this settlement is {state} and waits for nothing; nothing was done.", {"state": state})


def deduction_differs(said_fen: int, offered_fen: int) -> Refusal:
    return Refusal("settlement.deduction_differs", None,
                   f"确认抵扣 {yuan(said_fen)} 元，应为 {yuan(offered_fen)} 元，未确认。请按应抵扣金额更正收费后再确认，或撤销本次结算。",
                   f"{yuan(said_fen)} yuan were deducted where {yuan(offered_fen)} were offered: mend the charge and confirm again, or"
                   " withdraw.",
                   {"deducted_fen": said_fen, "offered_fen": offered_fen})


def reversal_repeated(setl_id: str) -> Refusal:
    return Refusal("reversal.number_used", None, f"冲销编号 {setl_id} 已用于另一笔结算的冲销，未作任何处理。请核对。",
                   f"{setl_id} has reversed another settlement before; nothing was done: check it.", {"setl_id": setl_id})


def already_reversed(setl_id: str) -> Refusal:
    return Refusal("reversal.already_reversed", None, f"原结算 {setl_id} 已经撤销或冲销过，不再冲销。",
                   f"settlement {setl_id} was taken back before.", {"setl_id": setl_id})


def reversal_differs(said_fen: int, person_fen: int) -> Refusal:
    return Refusal("reversal.amounts_differ", None,
                   f"冲销报文的个人负担为 {yuan(said_fen)} 元，原结算为 {yuan(person_fen)} 元，未作任何处理。请核对后重新发送。",
                   f"the reversal says {yuan(said_fen)} yuan were left to the person, the original {yuan(person_fen)}: check and send"
                   " again.",
                   {"said_fen": said_fen, "person_fen": person_fen})


def kin_erased() -> Refusal:
    return Refusal("settlement.kin_erased", None, "本人或共享免赔额的家庭成员资料已依申请删除，系统无法重算其后的结算，未作任何处理。请由承保机构人工处理。",
                   "the person, or somebody who shares a deductible, was erased, so what came after cannot be folded again; nothing was"
                   " done: have the insurer settle it by hand.")


def account_for_two() -> Refusal:
    return Refusal("agreement.account_for_two", None,
                   "该参保人已登记另一收款账户，经办人员不能在此更换。请本人办理，或提出收款账户变更，由另一人复核。",
                   "another account is registered for this person, and a clerk alone cannot change it here: let the person do so, or ask"
                   " for an endorsement, which a second person approves.")


def nothing_to_adjust() -> Refusal:
    return Refusal("adjustment.not_waiting", None, "该结算之后没有待处理的差额。", "nothing after this settlement waits to be put right.")


def not_provisional() -> Refusal:
    return Refusal("judgement.not_open", None, "该结算没有待核定的既往症。请核对结算编号。", "no pre-existing illness waits to be judged on this settlement.")
