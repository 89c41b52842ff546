"""What the desk is told: every payer of the bill, each policy's payment with its steps, what remains of deductibles and caps."""

from collections.abc import Iterator, Sequence
from typing import Final

from huibao.benefits.explain import explain
from huibao.benefits.fold import PAYABLE, SEEN, Key
from huibao.benefits.model import Plan
from huibao.benefits.reading import amount
from huibao.core.money import yuan
from huibao.policies.numbers import policy_number, settlement_number
from huibao.scheme.words import PAYERS
from huibao.settlement.model import (
    BenefitTold,
    MovedTold,
    PayerTold,
    Paying,
    PolicyKept,
    PolicyPaysTold,
    RemainingTold,
    Row,
    SettlementKept,
    SettlementTold,
    Taken,
)
from huibao.settlement.settle import Settled
from huibao.settlement.state import Reversed, State

OURS: Final = "commercial_pay"
_OTHER_FUND: Final = ("hifdm_pay", "伤残人员医疗保障基金")
_FUNDS_BY_NAME: Final = (*PAYERS.items(), _OTHER_FUND)
#: What funds paid that the message does not name one by one.
_FUNDS: Final = ("fund_pay_sumamt", "基金支付（未分项）")
_OTHERS: Final = (("hosp_part_amt", "医院负担"), (OURS, "商业补充医疗保险"), ("acct_pay", "个人账户支付"), ("psn_cash_pay", "个人现金支付"))


def settlement_told(state: State, settled: Settled, is_promise: bool, notes: Sequence[str]) -> SettlementTold:
    """The whole answer, with its explanation."""
    taken, row = settled.taken, settled.row
    number = settlement_number(state.programme.code, taken.id) if is_promise else ""
    zh, en = _sentence(taken, is_promise)
    return SettlementTold(
        settlement=number, setl_id=taken.setl_id, mdtrt_id=taken.mdtrt_id, state=taken.state if is_promise else "pre", payee=taken.payee,
        medfee_sumamt_fen=taken.medfee_fen, person_fen=taken.person_fen, pay_fen=taken.pay_fen,
        person_left_fen=taken.person_fen - taken.pay_fen, payers=tuple(_payers(row, taken, state.ground.acct_inside_fund)),
        policies=tuple(_policy(state, settled, paying) for paying in taken.paying), zh=zh, en=en, notes=tuple(notes),
        provisional=any(paying.bill is not None and paying.bill.provisional for paying in taken.paying),
        confirm_by=taken.deadline if is_promise else None)


def kept(state: State, taken: Taken, is_promise: bool = True) -> SettlementKept:
    """What the plain record keeps of it; of an estimate the number leads to the evidence and to nothing else."""
    code = state.programme.code
    return SettlementKept(
        settlement_number(code, taken.id), taken.state if is_promise else "pre", taken.payee, taken.pay_fen,
        tuple(PolicyKept(policy_number(code, paying.cover.order, paying.cover.position), paying.pay_fen) for paying in taken.paying))


def moved_told(state: State, taken: Taken, more_fen: int = 0, less_fen: int = 0) -> MovedTold:
    """How a settlement stands now."""
    zh, en = _sentence(taken, True)
    return MovedTold(
        settlement_number(state.programme.code, taken.id), taken.state, taken.payee, taken.pay_fen,
        sum(paying.posted_fen for paying in taken.paying), zh, en, more_fen, less_fen)


def parked_told(parked: Reversed) -> MovedTold:
    """A reversal whose original is not known."""
    return MovedTold("", "parked", "", 0, 0, "找不到所冲销的原结算，已挂起并列入待办；原结算此后送达的，不再赔付。",
                     "the settlement it takes back is not known: it is parked and shown; should the original come, it will not be paid.")


def _payers(row: Row, taken: Taken, is_inside: bool) -> Iterator[PayerTold]:
    """Everybody who bears a part of the bill, funds first; what this insurance pays comes off the cash, then off the account."""
    named = 0
    for name, zh in _FUNDS_BY_NAME:
        if name in row and (fen := amount(row, name) or 0):
            named += fen
            yield PayerTold(name, zh, fen)
    if (rest := (amount(row, _FUNDS[0]) or 0) - is_inside * (amount(row, "acct_pay") or 0) - named) > 0:
        yield PayerTold(*_FUNDS, rest)
    said = {name: amount(row, name) or 0 for name, _ in _OTHERS} | {OURS: taken.pay_fen}
    if not said["acct_pay"] and not said["psn_cash_pay"]:
        said["psn_cash_pay"] = taken.person_fen
    from_cash = min(said["psn_cash_pay"], taken.pay_fen)
    said["psn_cash_pay"] -= from_cash
    said["acct_pay"] -= min(said["acct_pay"], taken.pay_fen - from_cash)
    for name, zh in _OTHERS:
        if said[name] or name == OURS:
            yield PayerTold(name, zh, said[name])


def _policy(state: State, settled: Settled, paying: Paying) -> PolicyPaysTold:
    offer, bill = state.offer(paying.cover), paying.bill
    assert bill is not None, "what was just folded has its bill"
    said = explain(offer.plan, bill, paying.payments)
    benefits = tuple(
        BenefitTold(benefit.id, benefit.name, payment.base, payment.deductible, payment.covered, payment.payable, payment.pay)
        for benefit, payment in zip(offer.plan.benefits, paying.payments, strict=True) if payment.base)
    used = settled.used.get(paying.cover.scope, {})
    terms = bill.parts[0].terms
    return PolicyPaysTold(
        policy_number(state.programme.code, paying.cover.order, paying.cover.position), offer.product, offer.name, offer.lead,
        paying.pay_fen, benefits, said.zh, said.en,
        tuple(_remaining(offer.plan, bill.psn_no, bill.mdtrt_id, terms.deductibles, terms.caps, used)), offer.plan_digest.hex(),
        offer.engine)


def _remaining(
    plan: Plan, psn_no: str, mdtrt_id: str, deductibles: Sequence[int], caps: Sequence[int], used: dict[Key, int]
) -> Iterator[RemainingTold]:
    """Each deductible and cap with what is used of it after this settlement; caps per item are many, and left out."""
    for n, (deductible, fen) in enumerate(zip(plan.deductibles, deductibles, strict=True)):
        who, what = "" if deductible.scope == "household" else psn_no, mdtrt_id if deductible.per == "visit" else ""
        seen = min(fen, used.get((SEEN, n, who, what), 0))
        if fen:
            yield RemainingTold(deductible.name, "deductible", deductible.per, fen, seen, fen - seen)
    for n, (cap, fen) in enumerate(zip(plan.caps, caps, strict=True)):
        if cap.per in ("item", "unit"):
            continue
        who, what = "" if cap.scope == "household" else psn_no, mdtrt_id if cap.per == "visit" else ""
        paid = min(fen, used.get((PAYABLE, n, who, what), 0))
        yield RemainingTold(cap.name, "cap", cap.per, fen, paid, fen - paid)


def _sentence(taken: Taken, is_promise: bool) -> tuple[str, str]:
    """What the desk, or the insured, does now."""
    paid = yuan(taken.pay_fen)
    if not is_promise:
        return (f"预结算：按目前情况可赔付 {paid} 元，以正式结算为准。", f"Estimated: {paid} yuan as things stand; only the settlement itself promises.")
    if taken.state == "offered":
        return (f"可赔付 {paid} 元，请在收费时抵扣并确认。", f"{paid} yuan are offered: deduct them from what the patient pays, and confirm.")
    if taken.state in ("void", "reversed"):
        return "本结算已撤销，赔付作废。", "This settlement was taken back: nothing is paid for it."
    if not taken.pay_fen:
        return "本次没有可赔付的金额，说明见各保单。", "Nothing is paid for this bill; each policy says why."
    if taken.payee == "hospital":
        return f"已确认抵扣 {paid} 元，由承保机构与医院结算。", f"{paid} yuan were deducted, and the insurer owes them to the hospital."
    return f"赔付 {paid} 元，支付到本人登记的银行账户。", f"{paid} yuan are paid to the insured's registered bank account."
