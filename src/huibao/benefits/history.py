"""A person's (or household's) settlements in acceptance order, with reversals: what was posted, and what would be right.

A reversal posts the stored payment negated, never recomputed; the survivors are folded again in their order into
*target*, and later settlements go on from there. `posted - target` of a survivor is an open case for people.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from huibao.benefits.fold import Key, Payment, Settlement, settle
from huibao.benefits.terms import Compiled
from huibao.core.refusal import Refusal

SETTLED: Final = "settled"
REVERSED: Final = "reversed"
REVERSAL: Final = "reversal"

#: Why an event can't be taken up, in the words of the rejected file.
UNKNOWN_ORIGINAL: Final = "reversal.original_unknown"
ALREADY_REVERSED: Final = "reversal.already_reversed"
AMOUNTS_DIFFER: Final = "reversal.amounts_differ"
DUPLICATE: Final = "settlement.duplicate"
FACTS_DIFFER: Final = "policy.facts_differ"


#: What is said to those who sent an event that can't be taken up.
NOT_TAKEN_UP: Final = {refusal.code: refusal for refusal in (
    Refusal(UNKNOWN_ORIGINAL, None, "找不到所冲销的原结算，已挂起。请核对原结算编号，或先补送原结算。",
            "the settlement it takes back is not known; parked: check `reverses`, or send the original first."),
    Refusal(ALREADY_REVERSED, None, "原结算已经冲销过，不再冲销。", "the settlement was taken back before."),
    Refusal(AMOUNTS_DIFFER, None, "冲销金额与原结算不符。请核对后重新发送。",
            "the amounts are not those of the original: check and send again."),
    Refusal(DUPLICATE, None, "该结算编号已经受理，不重复结算。", "this settlement was taken up before."),
    Refusal(FACTS_DIFFER, None, "承保时确定的事实与同一保单前面的结算不一致。请统一后重跑。",
            "facts frozen at inception differ from earlier settlements of the policy: make them one and run again."),
)}


@dataclass(frozen=True, slots=True)
class Reversal:
    """A message that takes a settlement back. `person_fen` is what it says was left to the person (None: it is silent)."""

    setl_id: str
    psn_no: str
    reverses: str
    person_fen: int | None = None


Event = Settlement | Reversal


@dataclass(slots=True)
class Entry:
    """What became of an event: its status (or the reason it was rejected), the payments posted with it, and the target."""

    event: Event
    status: str
    posted: tuple[Payment, ...] = ()
    target: tuple[Payment, ...] = ()

    @property
    def difference_fen(self) -> int:
        """Posted beyond target: more was paid than is right now (above zero), or less."""
        return sum(p.pay for p in self.posted) - sum(p.pay for p in self.target)


@dataclass(slots=True)
class History:
    """The fold so far: the entries in acceptance order and the accumulators that the survivors leave."""

    plan: Compiled
    explain: bool = False
    entries: list[Entry] = field(default_factory=list)
    used: dict[Key, int] = field(default_factory=dict)
    _live: dict[tuple[str, str], Entry] = field(default_factory=dict)
    _frozen: dict[tuple[str, str], int] = field(default_factory=dict)

    def accept(self, event: Event) -> Entry:
        """Takes up one event; the entry says what became of it."""
        entry = self._reversal(event) if isinstance(event, Reversal) else self._settlement(event)
        self.entries.append(entry)
        return entry

    def _settlement(self, bill: Settlement) -> Entry:
        if (bill.psn_no, bill.setl_id) in self._live:
            return Entry(bill, DUPLICATE)
        if self._frozen.setdefault((bill.psn_no, bill.version), bill.frozen) != bill.frozen:
            return Entry(bill, FACTS_DIFFER)
        payments, moved = settle(self.plan, self.used, bill, self.explain)
        self.used.update(moved)
        entry = self._live[bill.psn_no, bill.setl_id] = Entry(bill, SETTLED, payments, payments)
        return entry

    def _reversal(self, event: Reversal) -> Entry:
        if (event.psn_no, event.setl_id) in self._live:
            return Entry(event, DUPLICATE)
        original = self._live.get((event.psn_no, event.reverses))
        if original is None or isinstance(original.event, Reversal):
            return Entry(event, UNKNOWN_ORIGINAL)
        if original.status == REVERSED:
            return Entry(event, ALREADY_REVERSED)
        if event.person_fen not in (None, original.event.person_fen):
            return Entry(event, AMOUNTS_DIFFER)
        original.status = REVERSED
        original.target = negated(original.posted, 0)
        self._fold_again()
        entry = self._live[event.psn_no, event.setl_id] = Entry(event, REVERSAL, negated(original.posted, -1))
        return entry

    def _fold_again(self) -> None:
        self.used.clear()
        for entry in self.entries:
            if entry.status == SETTLED and isinstance(entry.event, Settlement):
                entry.target, moved = settle(self.plan, self.used, entry.event)
                self.used.update(moved)


def negated(payments: Sequence[Payment], sign: int) -> tuple[Payment, ...]:
    """Stored payments times `sign` (0 or -1), without their steps."""
    return tuple(Payment(sign * p.base, sign * p.deductible, sign * p.covered, sign * p.payable, sign * p.pay) for p in payments)


def history(plan: Compiled, events: Iterable[Event], explain: bool = False) -> list[Entry]:
    """Every event of one person or household, folded in the order given."""
    folded = History(plan, explain)
    for event in events:
        folded.accept(event)
    return folded.entries
