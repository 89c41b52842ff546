"""What payables are refused for, each with what to do."""

from huibao.core.money import yuan
from huibao.core.refusal import Refusal


def product_not_led() -> Refusal:
    return Refusal("payable.product_unknown", None, "没有该产品，或贵公司不是该产品的主承保机构。请核对产品编号。",
                   "no such product, or you do not lead it: check the product.")


def hospital_unknown() -> Refusal:
    return Refusal("payable.hospital_unknown", None, "该医疗机构未在本项目登记。请核对机构编码。", "no such hospital here: check its code.")


def nothing_open(fen: int) -> Refusal:
    return Refusal("statement.nothing_due", None,
                   f"截至所选日期没有应付而未列入对账单的款项（合计 {yuan(fen)} 元）。抵减后为负的，留待下期抵扣。",
                   f"nothing is due up to that day ({yuan(fen)} yuan in all): what is below zero is set off next time.", {"fen": fen})


def another_open(statement: int) -> Refusal:
    return Refusal("statement.another_open", None, f"对账单 {statement} 尚待医院答复。请先办结后再列新的对账单。",
                   f"statement {statement} still waits for the hospital's answer: finish it first.", {"statement": statement})


def statement_unknown() -> Refusal:
    return Refusal("statement.unknown", None, "没有该对账单，请核对编号。", "no such statement: check its number.")


def already_answered(state: str) -> Refusal:
    zh = {"agreed": "已确认", "disputed": "已提出异议", "paid": "已支付"}[state]
    return Refusal("statement.answered", None, f"该对账单{zh}，不再等待答复，未作任何处理。", f"the statement is {state}; nothing was done.",
                   {"state": state})


def payout_not(state: str) -> Refusal:
    return Refusal("payout.not_waiting", None, "该笔付款已办结或尚未到此步骤，未作任何处理。", "this payout does not wait for that; nothing was done.",
                   {"state": state})


def recovery_not_called() -> Refusal:
    return Refusal("recovery.not_waiting", None, "没有待收的摊回款，未作任何处理。", "no such part waits to be received; nothing was done.")
