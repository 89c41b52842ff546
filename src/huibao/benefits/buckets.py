"""From the national settlement fields to the four parts of a bill that are left to the person.

The traps, as real messages show them: a province may count `acct_pay` inside `fund_pay_sumamt`; the hospital's share may
exceed what is left in scope and absorb cost over the price limit, so that in scope is negative; amounts may be null.
Every part is held at zero or above, and the parts add up to `psn_part_amt`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from huibao.core import money
from huibao.core.refusal import Refusal

#: Amounts of a settlement that the buckets are made of, by national name, and two that files may carry instead.
AMOUNTS: Final = ("medfee_sumamt", "inscp_scp_amt", "fulamt_ownpay_amt", "overlmt_selfpay", "preselfpay_amt", "fund_pay_sumamt",
                  "hosp_part_amt", "acct_pay", "psn_cash_pay", "psn_part_amt", "in_scope_self_pay", "other_insurance_pay")

Four = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Buckets:
    """What is left to the person, in fen by bucket (`model.BUCKETS`), and their sum as the message says it."""

    amounts: Four
    person_fen: int


def buckets(given: Mapping[str, int | None], acct_inside_fund: bool = False) -> Buckets | Refusal:
    """The buckets of one settlement from its amounts in fen; null is nothing said. Amounts are at least zero."""
    for name, amount in given.items():
        if amount is not None and not 0 <= amount < money.AMOUNT_LIMIT_FEN:
            return _refuse("settlement.amount_out_of_range", {"field": name, "amount_fen": amount},
                           f"{name} 为 {money.yuan(amount)} 元，超出可结算范围（0 至十亿元）。请核对后重新发送。",
                           f"{name} is {money.yuan(amount)} yuan, outside 0 to a thousand million: check it and send again.")
    account = given.get("acct_pay") or 0
    fund = (given.get("fund_pay_sumamt") or 0) - (account if acct_inside_fund else 0)
    hospital = given.get("hosp_part_amt") or 0
    full, over, pre = (given.get(n) or 0 for n in ("fulamt_ownpay_amt", "overlmt_selfpay", "preselfpay_amt"))
    inscp, total = given.get("inscp_scp_amt"), given.get("medfee_sumamt")
    if total is not None and inscp is not None and full + over + pre + inscp != total:
        return _refuse("settlement.parts_differ_from_total", {"medfee_sumamt_fen": total, "parts_fen": full + over + pre + inscp},
                       f"全自费、超限价、先行自付与范围内金额合计 {money.yuan(full + over + pre + inscp)} 元，"
                       f"与医疗费总额 {money.yuan(total)} 元不符。请核对费用明细后重新结算。",
                       "the four parts of the bill do not add up to medfee_sumamt: check the details and settle again.")
    person = _person(given, fund, hospital)
    if isinstance(person, Refusal):
        return person
    given_in_scope = given.get("in_scope_self_pay")
    if inscp is not None:
        in_scope = inscp - fund - hospital
    elif given_in_scope is not None:
        in_scope = given_in_scope
    else:
        in_scope = 0 if person is None else max(0, person - pre - over - full)
    parts = _held(in_scope, pre, over, full)
    if person is not None and sum(parts) != person:
        return _mismatch(person, sum(parts), account)
    return Buckets(parts, sum(parts))


def _person(given: Mapping[str, int | None], fund: int, hospital: int) -> int | Refusal | None:
    """What is left to the person as the message says it; None where it says nothing."""
    stated, account, cash = given.get("psn_part_amt"), given.get("acct_pay"), given.get("psn_cash_pay")
    paid = None if account is None or cash is None else account + cash
    if stated is not None and paid is not None and stated != paid:
        return _refuse("settlement.person_part_differs", {"psn_part_amt_fen": stated, "paid_fen": paid},
                       f"个人负担总金额 {money.yuan(stated)} 元，与个人账户支付加现金支付 {money.yuan(paid)} 元不符。请核对后重新结算。",
                       "psn_part_amt is not acct_pay plus psn_cash_pay: check and settle again.")
    if stated is not None:
        return stated
    if paid is not None:
        return paid
    total = given.get("medfee_sumamt")
    return None if total is None or given.get("fund_pay_sumamt") is None else max(0, total - fund - hospital)


def _held(in_scope: int, pre: int, over: int, full: int) -> Four:
    """No part below zero: what a hospital's share takes beyond the in-scope part comes off the parts it also absorbs."""
    short = max(0, -in_scope)
    from_over = min(over, short)
    from_pre = min(pre, short - from_over)
    from_full = min(full, short - from_over - from_pre)
    return max(0, in_scope), pre - from_pre, over - from_over, full - from_full


def _mismatch(person: int, parts: int, account: int) -> Refusal:
    likely = account and abs(person - parts) == account
    hint = "差额正好等于个人账户支付：请核对本省“基金支付总额是否含个人账户”的设置。" if likely else "请核对基金支付与个人负担后重新结算。"
    hint_en = ("the difference is exactly acct_pay: check whether this province counts it inside fund_pay_sumamt."
               if likely else "check what the funds paid and settle again.")
    return _refuse("settlement.buckets_differ_from_person_part", {"psn_part_amt_fen": person, "parts_fen": parts},
                   f"按各项推算个人负担为 {money.yuan(parts)} 元，报文为 {money.yuan(person)} 元，不能结算。{hint}",
                   f"the parts left to the person are {money.yuan(parts)} yuan, the message says {money.yuan(person)}: {hint_en}")


def _refuse(code: str, figures: dict[str, int | str], zh: str, en: str) -> Refusal:
    return Refusal(code, None, zh, en, figures)
