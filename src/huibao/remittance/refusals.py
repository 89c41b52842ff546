"""What remittance is refused for, each with what to do."""

from typing import Final

from huibao.core.money import yuan
from huibao.core.refusal import Refusal

NO_ACCOUNT: Final = "remittance.no_account"


# ── receiving accounts ───────────────────────────────────────────────────────────────────────────────────────────────

def insurer_not_lead() -> Refusal:
    return Refusal("receiving.insurer_unknown", None, "该公司在本项目没有主承保的产品，无需登记收款账户。请核对公司编号。",
                   "this insurer leads no product here, so nothing is remitted to it: check its id.")


def change_open(account: int) -> Refusal:
    return Refusal("receiving.change_open", None, f"已有一项收款账户变更（{account}）待复核。请先核准或退回，再提出新的变更。",
                   f"a change of account ({account}) waits for its second person: approve or refuse it first.", {"account": account})


def account_unknown() -> Refusal:
    return Refusal("receiving.unknown", None, "没有该收款账户变更，请核对编号。", "no such change of account: check its number.")


def already_decided(state: str) -> Refusal:
    zh = {"approved": "已核准", "refused": "已退回"}[state]
    return Refusal("receiving.decided", None, f"该收款账户变更{zh}，未作任何处理。如需更改，请提出新的变更。",
                   f"this change of account was {state}; nothing was done. Propose another to change it.", {"state": state})


def same_person() -> Refusal:
    return Refusal("receiving.same_person", None, "提出变更的人不能自己回访或复核，请由另一人办理。",
                   "who proposed a change may neither call back nor decide on it: another person has to.")


def other_number() -> Refusal:
    return Refusal("receiving.other_number", None, "所拨号码不是留存的回访号码。请按留存号码重新回访，不得使用变更函上的号码。",
                   "the number that was called is not the one on file: call that one, never a number from the request itself.")


def not_called() -> Refusal:
    return Refusal("receiving.not_called", None, "尚无保险公司确认变更的回访记录。请先按留存号码回访并登记，再核准。",
                   "no call-back on record confirms this change: call the number on file first, then approve.")


# ── batches ──────────────────────────────────────────────────────────────────────────────────────────────────────────

def product_unknown() -> Refusal:
    return Refusal("remittance.product_unknown", None, "没有该产品，请核对产品编号。", "no such product: check it.")


def not_over() -> Refusal:
    return Refusal("remittance.not_over", None, "截止日尚未到来，请选择今天或以前的日期。", "the cut-off lies ahead: choose today or a day before.")


def no_account(insurer: str) -> Refusal:
    return Refusal(NO_ACCOUNT, None, f"保险公司 {insurer} 没有已生效的收款账户。请先登记、回访、复核，生效后再划转。",
                   f"insurer {insurer} has no receiving account in force: register, call back and approve one first.", {"insurer": insurer})


def nothing_due() -> Refusal:
    return Refusal("remittance.nothing_due", None, "截止日前没有待划转的账户资金，无需成批。", "no account money waits up to that day: there is nothing to do.")


def below_minimum(fen: int, minimum: int) -> Refusal:
    return Refusal("remittance.below_minimum", None,
                   f"待划转 {yuan(fen)} 元，不足方案规定的 {yuan(minimum)} 元，留待下期；也可由经办人员发起。",
                   f"{yuan(fen)} yuan wait, less than the {yuan(minimum)} of the scheme: they stay until the next day, or until a person"
                   " makes the batch.", {"fen": fen, "minimum_fen": minimum})


def run_done(day: str) -> Refusal:
    return Refusal("remittance.run_done", None, f"{day} 的定期划转已办理，未作任何处理。", f"the schedule's batch of {day} was made before.", {"day": day})


def batch_unknown() -> Refusal:
    return Refusal("remittance.unknown", None, "没有该划转批次，请核对编号。", "no such batch: check its number.")


def not_waiting(state: str) -> Refusal:
    return Refusal("remittance.not_waiting", None, "该批次不在等待此步骤，未作任何处理。", "this batch does not wait for that; nothing was done.",
                   {"state": state})


def not_sent() -> Refusal:
    return Refusal("remittance.not_sent", None, "该批次尚未发送银行，不能导入银行回单。请待发送后再导入。",
                   "this batch was not sent to the bank yet, so nothing can have come back: read the file in afterwards.")


def not_answered() -> Refusal:
    return Refusal("remittance.not_answered", None, "银行尚未答复该批次的全部明细，请待银行答复后再确认收款。",
                   "the bank has not answered for all of this batch yet: confirm when it has.")


def income_short(fen: int, there_fen: int) -> Refusal:
    return Refusal("return.income_short", None,
                   f"退回 {yuan(fen)} 元，该产品收入账户仅余 {yuan(there_fen)} 元。请先与保险公司核对已退保费，再导入。",
                   f"{yuan(fen)} yuan came back and the product's income has {yuan(there_fen)}: settle refunds with the insurer first.",
                   {"fen": fen, "income_fen": there_fen})


def totals_differ(result: str, count: int, fen: int, rows: int, rows_fen: int) -> Refusal:
    zh = {"paid": "成功", "failed": "失败"}[result]
    return Refusal("return.totals_differ", None,
                   f"合计行为{zh} {count} 笔 {yuan(fen)} 元，明细为 {rows} 笔 {yuan(rows_fen)} 元，整个文件未导入。请核对文件是否完整，或补充明细。",
                   f"the total says {count} {result} with {yuan(fen)} yuan, the lines {rows} with {yuan(rows_fen)}; nothing of the file was"
                   " taken: check that it is whole, or have the lines sent.",
                   {"result": result, "count": count, "fen": fen, "lines": rows, "lines_fen": rows_fen})


# ── cases ────────────────────────────────────────────────────────────────────────────────────────────────────────────

def case_unknown() -> Refusal:
    return Refusal("remittance.case_unknown", None, "没有该待办，或不属于资金划转。请核对编号。", "no such case of a remittance: check its number.")


def case_closed(outcome: str) -> Refusal:
    return Refusal("remittance.case_closed", None, "该待办已办结，未作任何处理。", "this case was settled before; nothing was done.",
                   {"outcome": outcome})


def case_of_batch() -> Refusal:
    return Refusal("remittance.case_whole", None, "该待办涉及整批，待银行、保险公司答复或下批划转后自动办结。请处理其中各笔。",
                   "this case is about a whole batch: it closes with the bank's or the insurer's answer, or with the next batch.")
