"""Comparing a day with the system that keeps the accounts: which keys differ, and why they most likely do. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from huibao.reconciliation.account_model import Difference, Kept, Listed

_NOTHING: Final = ("cancelled", "declined")

#: What is said of each cause, and what to do.
CAUSES: Final[Mapping[str, tuple[str, str]]] = {
    "missing.here": ("经办机构有此笔，本平台没有。可能是他人使用了本平台的密钥或编号，请经办机构核对来源后退回。",
                     "theirs only: somebody may have used our secret or our numbers; find out where it came from and give it back."),
    "missing.there": ("本平台已扣款，经办机构明细没有此笔，多因入账延迟或记在他日。请经办机构核对。",
                      "ours only, most likely posted late or on another day there: have the agency look."),
    "amount.differs": ("两边金额不同。以经办机构扣款为准核对保费后更正。", "the amounts differ: check the premium against what was taken, and correct it."),
    "split.differs": (
        "总额相同，个人账户与储蓄账户各多少两边不同。两个账户各有余额：请经办机构核对后，按平台的记录在两个账户之间调整。",
        "the same in all, from other accounts, each with a balance of its own: look, and move it between the two as it stands here."),
    "taken.there": ("订单已作废，经办机构仍已扣款。请经办机构冲销退回账户。", "the order is void, and the money was taken: have it reversed to the account."),
    "frozen.there": ("订单已作废，经办机构仍在冻结。请经办机构解除冻结。", "the order is void, and the money is still set aside: have it released."),
    "not.taken.there": ("保单已生效，经办机构未扣款。请经办机构核对；确未扣款的，由经办机构补扣或按退保处理。",
                        "somebody is covered, and nothing was taken: have it taken, or the policy surrendered."),
    "credited.there": ("本平台记为未退回，经办机构已退回账户。请核对退款。", "given back there, and not here: check the refund."),
    "not.credited.there": ("本平台已退回，经办机构未入账。请经办机构补记。", "given back here, and not there: have it credited."),
}


def differences(ours_of_day: Iterable[Kept], details: Sequence[Listed], known: Mapping[str, Kept]) -> list[Difference]:
    """Where the two disagree, theirs in their order, then what only we have. `known` has every key of ours that details name."""
    found = []
    listed = {one.key: one for one in details}
    for theirs in details:
        ours = known.get(theirs.key)
        if cause := _cause(ours, theirs):
            found.append(Difference(theirs.key, cause, ours, theirs))
    return found + [Difference(ours.key, "missing.there" if ours.kind == "hold" else "not.credited.there", ours, None)
                    for ours in ours_of_day if ours.key not in listed]


def _cause(ours: Kept | None, theirs: Listed) -> str:
    """Why a key differs; empty where it does not, or is being asked about anyway."""
    if ours is None:
        return "" if theirs.state in _NOTHING else "missing.here"
    if ours.state == "doubt" or (ours.state in _NOTHING and theirs.state in _NOTHING):
        return ""
    if ours.state == theirs.state:
        if ours.fen != theirs.fen:
            return "amount.differs"
        return "" if ours.savings_fen == theirs.savings_fen or ours.state in _NOTHING else "split.differs"
    if ours.kind == "credit":
        return "credited.there" if theirs.state == "credited" else "not.credited.there"
    if ours.state in _NOTHING:
        return "taken.there" if theirs.state == "confirmed" else "frozen.there"
    return "not.taken.there" if ours.state == "confirmed" else "taken.there"
