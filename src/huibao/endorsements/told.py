"""What endorsements say: to who asks and who answers, and to the person it is about; never what was changed from or to."""

from typing import Final

from huibao.core.money import yuan
from huibao.endorsements.facts import CORRECTABLE
from huibao.endorsements.model import EffectTold, Endorsement, EndorsementTold, Kind
from huibao.endorsements.premiums import other_now
from huibao.endorsements.state import State
from huibao.members.notices import Notice
from huibao.policies.numbers import policy_number, settlement_number
from huibao.settlement.correct import Corrected

#: What each kind is called.
KINDS: Final[dict[Kind, tuple[str, str]]] = {
    "name": ("姓名", "name"), "phone": ("手机号码", "phone number"), "identity": ("证件号码", "identity number"),
    "bank-account": ("赔付收款账户", "bank account for benefits"), "insured-added": ("增加被保险人", "insured person added"),
    "insured-removed": ("减少被保险人", "insured person taken out"), "correction": ("承保事实更正", "correction of a fact"),
}

#: What is said of premiums that would be others.
_PREMIUMS: Final = (
    "按更正后的事实，所列保单的保费应为另一数额：保障不变，系统不补收、不退还，差额由承保公司与投保人办理。",
    ("; the premiums that are listed would be others by the corrected fact: the cover stays, nothing is charged or sent back by itself,"
     " and the insurer settles the difference with the policyholder"))


def named(kind: Kind, fact: str | None) -> tuple[str, str]:
    """What is changed, in both languages."""
    return (CORRECTABLE[fact].zh, fact.replace("_", " ")) if fact is not None else KINDS[kind]


def endorsement_told(state: State, found: Endorsement, came_to: Corrected) -> EndorsementTold:
    """How an endorsement stands, and what it came to."""
    code = state.desk.programme.code
    zh, en = _sentence(found, came_to)
    premiums = other_now(state, found)
    if premiums:
        zh, en = zh + _PREMIUMS[0], f"{en}{_PREMIUMS[1]}"
    effects = tuple(EffectTold(settlement_number(code, one.taken.id), policy_number(code, *one.policy), one.before_fen, one.after_fen)
                    for one in came_to.changed)
    return EndorsementTold(found.id, found.kind, found.state, zh, en, found.expires_at if found.state == "proposed" else None,
                           came_to.more_fen, came_to.less_fen, effects, premiums)


def _sentence(found: Endorsement, came_to: Corrected) -> tuple[str, str]:
    zh, en = named(found.kind, found.fact)
    if found.state == "proposed":
        return (f"{zh}的变更已受理，须由另一人复核后生效，逾期未复核即作废。",
                f"{en}: taken down; it holds when another person has approved it, and lapses if nobody does in time")
    if found.state == "rejected":
        return f"{zh}的变更已退回，未作变更。", f"{en}: sent back, nothing was changed"
    if found.state == "expired":
        return f"{zh}的变更逾期未复核，已作废。", f"{en}: nobody answered in time, nothing was changed"
    if found.kind != "correction":
        return f"{zh}已变更。", f"{en}: changed"
    if not came_to.changed:
        return f"{zh}已更正，已有的赔付不受影响。", f"{en}: corrected; nothing that was paid would be another"
    more, less = yuan(came_to.more_fen), yuan(came_to.less_fen)
    said_zh = f"{zh}已更正，{len(came_to.changed)} 笔赔付已重算：应补 {more} 元，将在时限内支付；多付 {less} 元，转人工处理，不自动扣回。"
    return said_zh, (f"{en}: corrected; {len(came_to.changed)} payments were folded again: {more} yuan more are due and will be paid in"
                     f" time; {less} yuan less are due, which people look into and nothing debits")


# ── to the person ────────────────────────────────────────────────────────────────────────────────────────────────────

def tell_asked(state: State, found: Endorsement) -> None:
    """Who did not ask for it themselves learns that somebody did."""
    if found.asker == found.person or found.kind == "phone":
        return
    zh, en = named(found.kind, found.fact)
    _tell(state, found, f"已受理您的{zh}变更申请，待复核。如非本人要求，请立即联系经办机构。",
          f"A change of your {en} was asked for and waits for approval. If it was not for you, tell the agency at once.")


def tell_done(state: State, found: Endorsement) -> None:
    zh, en = named(found.kind, found.fact)
    _tell(state, found, f"您的{zh}已变更。如非本人要求，请立即联系经办机构。",
          f"Your {en} was changed. If it was not for you, tell the agency at once.")


def tell_not_done(state: State, found: Endorsement) -> None:
    zh, en = named(found.kind, found.fact)
    why_zh, why_en = ("未获复核通过", "was not approved") if found.state == "rejected" else ("逾期未复核", "was not answered in time")
    _tell(state, found, f"您的{zh}变更申请{why_zh}，未作变更。如仍需变更，请重新申请。",
          f"The change of your {en} {why_en}; nothing was changed. Ask anew if it is still needed.")


def _tell(state: State, found: Endorsement, zh: str, en: str) -> None:
    state.desk.made.notices.append(Notice(found.person, zh, en, found.settlement))
