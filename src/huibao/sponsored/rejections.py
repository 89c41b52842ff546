"""Why a line of a roster is rejected, beyond what a purchase is refused for: each with what to do. None repeats what the line says."""

from typing import Final

from huibao.core.refusal import Refusal

TOO_LONG: Final = Refusal("roster.line_too_long", None, "该行过长，不是一个人的信息。请核对引号与换行后补送。",
                          "the line is too long to be one person: check quotes and line breaks, and send it again")
NOT_TEXT: Final = Refusal("roster.line_unreadable", None, "该行不是本文件编码的文字，或含有控制字符。请另存为 UTF-8 后补送。",
                          "the line is no text in the file's encoding, or has control characters: save it as UTF-8 and send it again")
NO_NUMBER: Final = Refusal("roster.number_missing", None, "没有证件号码，也没有人员编号。请填写其一。",
                           "neither an identity number nor a person's number: give one of them")
NO_NAME: Final = Refusal("roster.name_missing", None, "没有姓名。请填写。", "there is no name: fill it in")
SCIENTIFIC: Final = Refusal("roster.identity_scientific", None, "证件号码被表格软件改成了科学计数法，数字已丢失。请将该列设为文本后重新填写。",
                            "a spreadsheet turned the identity number into powers of ten and lost its digits: format the column as text")
UNKNOWN: Final = Refusal("roster.person_unknown", None, "不在本平台的参保人员之内。请核对号码，或先到医保经办机构登记。",
                         "nobody known here: check the number, or register with the agency first")
NAME_DIFFERS: Final = Refusal("roster.name_differs", None, "姓名与该号码登记的姓名不一致。请核对姓名与号码。",
                              "the name is not the one registered under this number: check both")
NUMBERS_DIFFER: Final = Refusal("roster.numbers_differ", None, "证件号码与人员编号不是同一人。请核对。",
                                "identity number and person's number are not the same person's: check both")
CATEGORY_UNKNOWN: Final = Refusal("roster.category_unknown", None, "不认识的人员类别。请按操作说明所列的类别填写，或留空。",
                                  "no such category: write one of those in the how-to, or leave it empty")
DUPLICATE: Final = Refusal("roster.duplicate", None, "此人在本名册前面的行中已经列过，不重复投保、不重复收费。",
                           "the person stands in an earlier line of this file: insured once, charged once")
OWN_POLICY: Final = Refusal("policy.already_insured", None, "此人本期已有本产品的保单或待办订单（本人投保或另有资助），本行不承保、不收费。",
                            "the person has a policy or a waiting order of this product already, own or sponsored: not insured again, not"
                               " charged")

SURRENDER_FIRST: Final = Refusal(
    "roster.surrender_first", None,
    "此人已自行投保本产品。按本地方案可改由资助方出资：请先为其办理退保（未起保的全额原路退回），再补送本行。",
    "the person has bought this product already; the scheme lets the sponsor take over: surrender that policy first (before its start all"
    " of it goes back the way it came), then send the line again")
NOT_ENROLLED: Final = Refusal("roster.not_enrolled", None, "没有参加基本医疗保险，本产品不收。请先办理基本医保参保。",
                              "in no basic insurance, which this product asks for: enrol in that first")

PRICE_ROSE: Final = Refusal("roster.price_rose", None, "核对以后此人或同批人员的保费有变，超出为本名册预留的资金，未承保、未收费。请重新上传核对。",
                            "since the check premiums of this part rose above what was set aside for it: not insured, not charged; send"
                            " the line again")


def uneven(expected: int, found: int) -> Refusal:
    return Refusal("roster.line_uneven", None, f"应有 {expected} 列，实有 {found} 列，或有未闭合的引号。请改正后补送。",
                   f"{found} values for {expected} columns, or a quote that is not closed: mend it and send it again",
                   {"expected": expected, "found": found})


def malformed(zh: str, en: str) -> Refusal:
    return Refusal("roster.identity_malformed", None, f"证件号码有误：{zh}", f"the identity number is malformed: {en}")


def not_entitled(claimed: str, known: str) -> Refusal:
    return Refusal("roster.category_not_entitled", None, f"名册写明为{claimed}，医保登记为{known}，不能按该类别的保费参保。请核对，或先办理身份认定。",
                   f"the file says {claimed}, the register says {known}: that category's premium is not this person's; check, or have it"
                   " recognised first")
