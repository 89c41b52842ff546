"""What people are told of a surrender and its refunds: every figure, where each part goes, and what comes next."""

from collections.abc import Sequence
from typing import Final

from huibao.benefits.model import Surrender
from huibao.benefits.surrender import in_words
from huibao.core.money import yuan
from huibao.policies.numbers import policy_number, refund_number
from huibao.refunds.model import (
    CHANNEL_PEOPLE,
    Grant,
    Held,
    Instead,
    Refund,
    RefundPart,
    RefundTold,
    Repayment,
    RepaymentTold,
    Share,
    SurrenderTold,
)
from huibao.scheme.model import Refund as Rule

SOURCE_ZH: Final = {"personal": "个人账户", "savings": "储蓄账户", "sponsor": "资助账户", "cash": "原支付渠道"}
SOURCE_EN: Final = {"personal": "personal account", "savings": "savings account", "sponsor": "sponsor's account", "cash": "cash channel"}

_UNIT_ZH: Final = {"days": "天", "months": "个月"}
#: Where a part stands, by its source's kind and state.
_STANDS: Final = {
    "waiting": ("资金在待答复的批次中或待另行支付，有结果后继续办理", "the money is in a batch that waits for its answer, or waits to be paid elsewhere"),
    "owed": ("资金已在保险公司，由其退还", "the money is with the insurer, who pays it back"),
    "sent": ("已交支付渠道办理", "on its way through the cash channel"),
    "done": ("已退回", "back where it came from"),
}


def surrender_told(
    code: str, held: Held, granted: Grant, terms: Surrender, rule: Rule, years: Sequence[int | None], refunds: Sequence[Refund] = ()
) -> SurrenderTold:
    """The whole answer; without refunds it is a quote. `years` are the limit years that its parts are given back to."""
    by_source = {refund.source: refund for refund in refunds}
    parts = tuple(_part(code, held, share, by_source.get(share.part.source), year)
                  for share, year in zip(granted.shares, years, strict=True))
    zh, en = _sum(granted, quoted=not refunds and held.state == "in-force")
    return SurrenderTold(
        policy=policy_number(code, held.order, held.position), state="quoted" if held.state == "in-force" else "surrendered",
        ground=granted.ground, ended_on=granted.ended_on, premium_fen=held.premium_fen,
        fee_fen=granted.unearned.fee_fen if granted.unearned else 0, fen=granted.fen, parts=parts,
        clauses=tuple(clause for clause in (terms.clause, rule.basis.cite.id) if clause is not None),
        steps=tuple(_steps(held, granted, terms)), zh=zh, en=en)


def _steps(held: Held, granted: Grant, terms: Surrender) -> list[str]:
    """How the amount came about, and how it was shared."""
    steps = [in_words(terms), f"保费 {yuan(held.premium_fen)} 元，保障期 {held.since} 至 {held.until}"]
    if granted.ground == "before-start":
        steps.append(f"保障尚未开始：全额退还 {yuan(granted.fen)} 元")
    elif granted.ground == "cooling":
        steps.append(f"犹豫期内尚未理赔结算：全额退还 {yuan(granted.fen)} 元，合同自始不承担保障")
    elif left := granted.unearned:
        unit = _UNIT_ZH[granted.ground]
        fee = f"，扣除手续费 {yuan(left.fee_fen)} 元" if left.fee_fen else ""
        steps.append(f"剩余 {left.left} {unit}，共 {left.whole} {unit}：{yuan(held.premium_fen)} × {left.left} ÷ {left.whole} = "
                     f"{yuan(left.gross_fen)} 元{fee}，退还 {yuan(left.fen)} 元")
    for share in granted.shares:
        odd = "（含按最大余数法分得的 1 分）" if share.odd else ""
        steps.append(f"{SOURCE_ZH[share.part.source]}支付 {yuan(share.part.fen)} 元，按比例退回 {yuan(share.fen)} 元{odd}")
    return steps


def _part(code: str, held: Held, share: Share, refund: Refund | None, year: int | None) -> RefundPart:
    source = share.part.source
    state = refund.state if refund else "quoted"
    zh, en = f"退回{SOURCE_ZH[source]} {yuan(share.fen)} 元", f"{yuan(share.fen)} yuan to the {SOURCE_EN[source]}"
    if refund is not None:
        zh, en = f"{zh}：{_STANDS[state][0]}", f"{en}: {_STANDS[state][1]}"
    if year is not None:
        zh, en = f"{zh}；{year} 年账户限额同额恢复", f"{en}; given back to the account's limit of {year}"
    return RefundPart(source, share.part.fen, share.fen, state, f"{zh}。", f"{en}.",
                      refund_number(code, refund.id) if refund else None, year)


def _sum(granted: Grant, quoted: bool) -> tuple[str, str]:
    back, end = yuan(granted.fen), granted.ended_on
    if quoted:
        return (f"现在退保可退 {back} 元，保障至 {end} 零时止。确认后提交退保。",
                f"surrendered now, {back} yuan go back, and the cover ends on {end} at 00:00: confirm to do so.")
    return (f"已退保，退还 {back} 元，保障至 {end} 零时止；此前的就诊仍可理赔。",
            f"surrendered: {back} yuan go back, and the cover ends on {end} at 00:00; visits before stay payable.")


def replaced_sum(granted: Grant, instead: Instead) -> tuple[str, str]:
    """That another policy stands in the place of one, without a day between them."""
    return (f"已改由{instead.sponsor}出资：自 {granted.ended_on} 零时起由保单 {instead.policy} 接替，保障不间断。",
            f"{instead.sponsor} pays for it now: policy {instead.policy} takes its place from {granted.ended_on}, 00:00, without a gap.")


def notice_of(
    code: str, held: Held, granted: Grant, refunds: Sequence[Refund], instead: Instead | None = None
) -> tuple[str, str]:
    """What the policyholder is told of a surrender, source by source."""
    zh, en = _sum(granted, quoted=False)
    if instead is not None:
        zh, en = replaced_sum(granted, instead)
        zh, en = f"{zh}退还 {yuan(granted.fen)} 元：", f"{en} {yuan(granted.fen)} yuan go back:"
    ways_zh = "；".join(f"{SOURCE_ZH[one.source]} {yuan(one.fen)} 元（{_STANDS[one.state][0]}）" for one in refunds)
    ways_en = "; ".join(f"{SOURCE_EN[one.source]} {yuan(one.fen)} yuan ({_STANDS[one.state][1]})" for one in refunds)
    number = policy_number(code, held.order, held.position)
    return f"保单 {number} {zh}{ways_zh}{'。' if refunds else ''}", f"policy {number} {en} {ways_en}".rstrip()


def refund_told(code: str, refund: Refund, rule: Rule) -> RefundTold:
    """How a refund stands."""
    zh, en = _STANDS[refund.state]
    confirmed = len(refund.confirmed)
    needed = CHANNEL_PEOPLE if refund.source == "cash" else rule.people
    if refund.state == "sent" and confirmed:
        zh = f"{zh}；{confirmed} 位经办人员已查明渠道的处理结果，须 {needed} 位"
        en = f"{en}; {confirmed} of {needed} clerks said what the channel did"
    elif refund.source != "cash" and refund.state != "done" and confirmed:
        zh = f"{zh}；{confirmed} 位经办人员已确认账户不能入账，须 {rule.people} 位"
        en = f"{en}; {confirmed} of {rule.people} clerks confirmed that its account cannot be credited"
    if refund.declined is not None and refund.state != "done":
        zh, en = f"{zh}；账户未能入账", f"{en}; its account did not take it"
    if refund.accepted and refund.state != "done":
        zh, en = f"{zh}；已登记收款方式", f"{en}; where to pay it is known"
    return RefundTold(refund_number(code, refund.id), refund.source, refund.fen, refund.state, f"{zh}。", f"{en}.",
                      confirmed, needed if confirmed else 0)


def repayment_told(code: str, found: Repayment) -> RepaymentTold:
    """A repayment as both sides read it."""
    zh, en = {
        "told": (f"保险公司已划款 {yuan(found.fen)} 元，待经办机构确认到账。", f"{yuan(found.fen)} yuan are on their way: the agency says what arrives"),
        "received": (f"{yuan(found.fen)} 元已到账，已计入各账户。", f"{yuan(found.fen)} yuan arrived, and the accounts are credited"),
        "disputed": ("经办机构未收到，所列退款退回待退。", "nothing arrived: what it listed is owed again"),
    }[found.state]
    return RepaymentTold(found.id, found.insurer, found.reference, tuple(refund_number(code, id) for id in found.refunds), found.fen,
                         found.state, zh, en)
