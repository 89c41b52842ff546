"""What sponsors and their rosters are refused for, each with what to do."""

from huibao.core.money import yuan
from huibao.core.refusal import Refusal
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
    return Refusal("sponsor.insufficient", None,
                   f"资助账户可用 {yuan(free_fen)} 元（含授信），名册保费 {yuan(premium_fen)} 元，还差 {yuan(premium_fen - free_fen)} 元，请先补足。",
                   f"the sponsor has {yuan(free_fen)} yuan to spend, credit included, for premiums of {yuan(premium_fen)}: add"
                   f" {yuan(premium_fen - free_fen)} first",
                   {"free_fen": free_fen, "premium_fen": premium_fen, "short_fen": premium_fen - free_fen})


def not_over() -> Refusal:
    return Refusal("roster.not_over", None, "名册尚未办完，未作任何处理。", "not every part of the roster is done; nothing was done")
