"""Comparing a day: which settlements differ, and why they most likely do. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from huibao.core.money import yuan
from huibao.reconciliation.model import Detail, Difference, Ours

#: Causes that the details themselves put right: the hospital has answered what it was going to be asked.
ANSWERED: Final = {"offer.deducted", "offer.not_deducted", "offer.reversed"}

#: What is said of each cause, and what to do.
CAUSES: Final[Mapping[str, tuple[str, str]]] = {
    "offer.deducted": ("医院已抵扣而未确认，现按明细确认。", "deducted and never confirmed: confirmed by this list."),
    "offer.not_deducted": ("医院未抵扣，按规则改为直接赔付本人或作废。", "not deducted: paid to the insured or void, as the scheme says."),
    "offer.reversed": ("医院已冲销，未抵扣，现作废。", "reversed at the hospital and never deducted: void."),
    "missing.here": ("本平台没有该结算，多因断线未送达。请用文件补送。", "not known here, most likely never sent: send it in a file."),
    "missing.there": ("医院明细没有该结算，多因漏报或记在他日。请医院核对。", "not on the hospital's list, most likely left out or on another day: check it."),
    "amount.differs": ("抵扣金额与确认金额不同。请医院核对收费。", "the hospital deducted another amount than it confirmed: check the charge."),
    "reversed.here": ("本平台已冲销或作废，医院仍按已抵扣。请医院补收并更正。", "taken back here, and still deducted there: mend it at the hospital."),
    "reversed.there": ("医院已冲销，冲销报文未送达。请补送冲销。", "reversed at the hospital, and the reversal never came: send it."),
    "paid.to_person": ("已直接赔付本人，医院又作抵扣，重复赔付。请医院补收。", "paid to the insured already, and deducted as well: mend it at the hospital."),
    "other.hospital": ("该结算属于另一家医院。请核对结算编号。", "this settlement is another hospital's: check its number."),
    "listed.twice": ("同一结算在明细中出现两次。请删去其一。", "this settlement is listed twice: take one out."),
    "other.day": ("该结算在本平台记在另一日。请按结算日期归集。", "this settlement belongs to another day here: list it by its settlement date."),
}


def differences(
    hospital: str, day_ours: Sequence[Ours], details: Sequence[Detail], known: Mapping[str, Ours]
) -> list[Difference]:
    """Where the two disagree, theirs in their order, then what only we have. `known` has every settlement that details name."""
    found: list[Difference] = []
    listed = {detail.setl_id for detail in details}
    by_id = {ours.setl_id: ours for ours in day_ours}
    seen: set[str] = set()
    for detail in details:
        if detail.setl_id in seen:
            if not any(one.setl_id == detail.setl_id for one in found):
                found.append(Difference(detail.setl_id, "listed.twice", by_id.get(detail.setl_id), detail))
            continue
        seen.add(detail.setl_id)
        ours = by_id.get(detail.setl_id) or known.get(detail.setl_id)
        cause = _cause(hospital, detail, ours, is_of_day=detail.setl_id in by_id)
        if cause:
            found.append(Difference(detail.setl_id, cause, ours, detail))
    for ours in day_ours:
        if ours.setl_id in listed:
            continue
        if ours.counts:
            found.append(Difference(ours.setl_id, "missing.there", ours, None))
        elif ours.state == "offered":
            found.append(Difference(ours.setl_id, "offer.not_deducted", ours, None))
    return found


def _cause(hospital: str, detail: Detail, ours: Ours | None, is_of_day: bool) -> str:
    """Why one settlement differs; empty where it does not."""
    is_deducted = detail.state == "deducted" and detail.fen > 0
    if ours is None:
        return "missing.here" if is_deducted else ""
    if ours.hospital != hospital:
        return "other.hospital"
    if not is_of_day and is_deducted and ours.counts:
        return "other.day"
    if ours.state == "offered":
        if not is_deducted:
            return "offer.reversed" if detail.state == "reversed" else "offer.not_deducted"
        return "offer.deducted" if detail.fen == ours.pay_fen else "amount.differs"
    if ours.counts and is_deducted:
        return "" if detail.fen == ours.pay_fen else "amount.differs"
    if ours.counts:
        return "reversed.there" if detail.state == "reversed" else "missing.there"
    if not is_deducted:
        return ""
    if ours.state in ("void", "reversed"):
        return "reversed.here"
    return "paid.to_person" if ours.payee == "person" else "amount.differs"


def sentence(is_equal: bool, our_fen: int, fen: int, left: int, answered: int) -> tuple[str, str]:
    """What came of a day, for both sides, and what is to be done."""
    if is_equal:
        return "对账一致。", "The day agrees."
    zh, en = f"对账不一致：医院 {yuan(fen)} 元，平台 {yuan(our_fen)} 元", f"The day differs: {yuan(fen)} yuan there, {yuan(our_fen)} here"
    if left:
        return f"{zh}，差异 {left} 笔，请按各笔提示处理。", f"{en}, {left} differences: follow what each says."
    if answered:
        return f"{zh}；{answered} 笔待确认的结算已由明细答复，请再核对一次。", f"{en}; the details answered {answered} open offers: compare once more."
    return f"{zh}，请发送明细核对。", f"{en}: send the details."
