"""What sponsors and their rosters are refused for, each with what to do; and why lines are rejected, beyond what a purchase is refused
for. None of these repeats what a line says."""

from typing import Final

from huibao.core.money import yuan
from huibao.core.refusal import Refusal
from huibao.enrolment import refusals as of_orders
from huibao.sponsored.words import STATES

MOST_LINES = 1_000_000


def sponsor_known() -> Refusal:
    return Refusal("sponsor.known", None, "该资助方已登记，不必重复登记。请查询资助方列表。", "the sponsor is registered already: see the list of sponsors")


def sponsor_unknown() -> Refusal:
    return Refusal("sponsor.not_registered", None, "没有该资助方，请先登记。", "no such sponsor: register it first")


def payment_known() -> Refusal:
    return Refusal("sponsor.payment_known", None, "该资助方的这一笔到账已登记过，未重复入账。请核对银行流水号。",
                   "this payment of the sponsor's is booked already: check the bank's reference")


def product_unknown() -> Refusal:
    return Refusal("roster.product_unknown", None, "没有该产品，请在产品目录中选择。", "no such product: choose from the catalogue")


def header_wrong(column: int) -> Refusal:
    """`column` is the first whose name is not known, from 1; 0 where one is missing or stands twice."""
    zh = f"第 {column} 列的列名不认识" if column else "缺少列名，或有列名重复"
    en = f"the name of column {column} is not known" if column else "a column is missing, or stands twice"
    return Refusal("roster.header_wrong", None,
                   f"名册首行不是约定的列名：{zh}。须有“姓名”和“证件号码”（或“人员编号”），可有“人员类别”“档次”“手机号”“备注”；编码为 UTF-8 或 GB18030。",
                   f"the first line does not name the columns: {en}; there must be name, and identity or psn_no, there may be category,"
                   " tier, phone, note, in UTF-8 or GB18030", {"column": column})


def empty() -> Refusal:
    return Refusal("roster.empty", None, "名册中没有人员。请核对文件。", "there is nobody in the file: check it")


def too_long() -> Refusal:
    return Refusal("roster.too_long", None, f"名册超过 {MOST_LINES} 行，请分成几份。", f"the file has more than {MOST_LINES} lines: split it",
                   {"most": MOST_LINES})


def same_file(roster: int) -> Refusal:
    return Refusal("roster.same_file", None, f"同一份文件已作为名册 {roster} 收下，未重复处理。如要重新核对，请先撤销该名册。",
                   f"this very file is roster {roster} already and was not taken again: to have it checked anew, cancel that one first",
                   {"roster": roster})


def unknown() -> Refusal:
    return Refusal("roster.unknown", None, "没有该名册，请核对编号。", "no such roster: check its number")


def not_waiting(state: str) -> Refusal:
    return Refusal("roster.not_waiting", None, f"名册当前为“{STATES[state]}”，不能办理此步骤，未作任何处理。",
                   f"the roster is {state} and does not wait for that; nothing was done", {"state": state})


def same_person() -> Refusal:
    return Refusal("roster.same_person", None, "名册须由上传人以外的另一人确认。请换人确认。",
                   "a roster is confirmed by another person than who sent it: have a colleague confirm it")


def another_file() -> Refusal:
    return Refusal("roster.digest_differs", None, "所确认的文件摘要与名册不符，未作任何处理。请核对后确认。",
                   "the digest is another file's; nothing was done: look at this roster's report and confirm that")


def nothing_to_run() -> Refusal:
    return Refusal("roster.nobody_accepted", None, "名册核对后没有可以承保的人员，无须确认。请下载不受理清单。",
                   "the check accepted nobody, so there is nothing to confirm: see the rejected lines")


def short(free_fen: int, premium_fen: int) -> Refusal:
    return Refusal(of_orders.SPONSOR_SHORT, None,
                   f"资助账户可用 {yuan(free_fen)} 元（含授信），名册保费 {yuan(premium_fen)} 元，还差 {yuan(premium_fen - free_fen)} 元，请先补足。",
                   f"the sponsor has {yuan(free_fen)} yuan to spend, credit included, for premiums of {yuan(premium_fen)}: add"
                   f" {yuan(premium_fen - free_fen)} first",
                   {"free_fen": free_fen, "premium_fen": premium_fen, "short_fen": premium_fen - free_fen})


def not_over() -> Refusal:
    return Refusal("roster.not_over", None, "名册尚未办完，未作任何处理。", "not every part of the roster is done; nothing was done")


# ── of a line ────────────────────────────────────────────────────────────────────────────────────────────────────────

LINE_TOO_LONG: Final = Refusal("roster.line_too_long", None, "该行过长，不是一个人的信息。请核对引号与换行后补送。",
                               "the line is too long to be one person: check quotes and line breaks, and send it again")
NOT_TEXT: Final = Refusal("roster.line_unreadable", None, "该行不是本文件编码的文字，或含有控制字符。请另存为 UTF-8 后补送。",
                          "the line is no text in the file's encoding, or has control characters: save it as UTF-8 and send it again")
NO_NUMBER: Final = Refusal("roster.number_missing", None, "没有证件号码，也没有人员编号。请填写其一。",
                           "neither an identity number nor a person's number: give one of them")
NO_NAME: Final = Refusal("roster.name_missing", None, "没有姓名。请填写。", "there is no name: fill it in")
SCIENTIFIC: Final = Refusal("roster.identity_scientific", None, "证件号码被表格软件改成了科学计数法，数字已丢失。请将该列设为文本后重新填写。",
                            "a spreadsheet turned the identity number into powers of ten and lost its digits: format the column as text")
PERSON_UNKNOWN: Final = Refusal("roster.person_unknown", None, "不在本平台的参保人员之内。请核对号码，或先到医保经办机构登记。",
                                "nobody known here: check the number, or register with the agency first")
NAME_DIFFERS: Final = Refusal("roster.name_differs", None, "姓名与该号码登记的姓名不一致。请核对姓名与号码。",
                              "the name is not the one registered under this number: check both")
NUMBERS_DIFFER: Final = Refusal("roster.numbers_differ", None, "证件号码与人员编号不是同一人。请核对。",
                                "identity number and person's number are not the same person's: check both")
CATEGORY_UNKNOWN: Final = Refusal("roster.category_unknown", None, "不认识的人员类别。请按操作说明所列的类别填写，或留空。",
                                  "no such category: write one of those in the how-to, or leave it empty")
DUPLICATE: Final = Refusal("roster.duplicate", None, "此人在前面的行中已列过，以前一行的结果为准。",
                           "the person stands in an earlier line of this file: what became of that one holds")
OWN_POLICY: Final = Refusal(of_orders.ALREADY_INSURED, None, "此人本期已有本产品的保单或待办订单（本人投保或另有资助），本行不承保、不收费。",
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
