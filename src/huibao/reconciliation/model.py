"""The words of reconciliation, in the manner of the national 3201 (totals) and 3202 (details)."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

import msgspec

#: What a hospital says of one settlement on its own books.
Theirs = Literal["deducted", "not-deducted", "reversed"]


class Detail(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One settlement as the hospital has it: what it deducted for this insurance, in fen, and how it stands there."""

    setl_id: str
    fen: int
    state: Theirs = "deducted"


@dataclass(frozen=True, slots=True)
class Reconcile:
    """A hospital's day: how many settlements it deducted for, and how much; with every one of them, or without."""

    credential: int
    hospital: str
    day: date
    count: int
    fen: int
    details: tuple[Detail, ...] | None = None


@dataclass(frozen=True, slots=True)
class Ours:
    """One settlement as we have it. `setl_id` is known to both."""

    id: int
    setl_id: str
    hospital: str
    settled_on: date
    state: str
    payee: str
    pay_fen: int

    @property
    def counts(self) -> bool:
        """Whether it is among what this hospital is owed."""
        return self.state == "confirmed" and self.payee == "hospital" and self.pay_fen > 0


@dataclass(frozen=True, slots=True)
class Difference:
    """One settlement on which the two disagree, and the likely cause."""

    setl_id: str
    cause: str
    ours: Ours | None
    theirs: Detail | None

    @property
    def fen(self) -> int:
        """What the hospital has beyond what we have; below zero, what we have beyond it."""
        theirs = self.theirs.fen if self.theirs is not None and self.theirs.state == "deducted" else 0
        if self.cause == "other.hospital":
            return theirs                              # what another hospital deducted is not this one's to know
        return theirs - (self.ours.pay_fen if self.ours is not None and self.ours.counts else 0)


class DifferenceTold(msgspec.Struct, frozen=True):
    """A difference as the hospital and the insurer read it; amounts in fen."""

    setl_id: str
    settlement: str
    cause: str
    our_state: str
    our_fen: int
    their_state: str
    their_fen: int
    zh: str
    en: str


class OfferTold(msgspec.Struct, frozen=True):
    """An offer that the details answer: how much was deducted, or nothing; whether basic insurance `stands` at the hospital."""

    settlement: str
    fen: int
    stands: bool


class ReconciledTold(msgspec.Struct, frozen=True):
    """What came of a day. `result` is about totals; `waiting` were offered and neither confirmed nor withdrawn yet.

    `answered` are offers that the details themselves answer: confirmed or withdrawn at once.
    """

    day: date
    result: Literal["equal", "differs"]
    count: int
    fen: int
    our_count: int
    our_fen: int
    waiting: int
    differences: tuple[DifferenceTold, ...]
    answered: tuple[OfferTold, ...]
    zh: str
    en: str
