"""The words of comparing a day with the system that keeps the accounts: totals, then every key, and where the two differ."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal

import msgspec

Kind = Literal["hold", "credit"]
State = Literal["frozen", "confirmed", "cancelled", "declined", "credited"]
#: Some amount, or none.
Amount = Annotated[int, msgspec.Meta(ge=0)]


@dataclass(frozen=True, slots=True)
class Total:
    """So many, together so much in fen, `savings_fen` of it on savings accounts."""

    count: Amount
    fen: Amount
    savings_fen: Amount


@dataclass(frozen=True, slots=True)
class Listed:
    """A key as that system has it, `savings_fen` of it on the savings account. A hold is `frozen`, `confirmed`, `cancelled` or `declined`,
    a credit `credited` or `declined`."""

    key: str
    kind: Kind
    state: State
    fen: Amount
    savings_fen: Amount


@dataclass(frozen=True, slots=True)
class Kept:
    """A key as we have it: of which order, how it stands, over how much; `doubt` is not known yet."""

    key: str
    kind: Kind
    order: int
    state: State | Literal["doubt"]
    personal_fen: int
    savings_fen: int

    @property
    def fen(self) -> int:
        return self.personal_fen + self.savings_fen


@dataclass(frozen=True, slots=True)
class CompareAccounts:
    """A day by that system's clock: its totals, and with every key of the day, or without."""

    credential: int
    day: date
    taken: Total
    credited: Total
    details: tuple[Listed, ...] | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """One key on which the two disagree, and the likely cause."""

    key: str
    cause: str
    ours: Kept | None
    theirs: Listed | None

    @property
    def fen(self) -> int:
        """What they have taken, or given back, beyond what we have; below zero, what we have beyond it. Where the accounts alone are
        others, what they have beyond ours on the savings account."""
        if self.cause == "split.differs" and self.ours is not None and self.theirs is not None:
            return self.theirs.savings_fen - self.ours.savings_fen
        return _moved(self.theirs) - _moved(self.ours)


class DifferenceTold(msgspec.Struct, frozen=True):
    """A difference as the agency reads it."""

    key: str
    cause: str
    our_state: str
    our_fen: int
    their_state: str
    their_fen: int
    zh: str
    en: str


class ComparedTold(msgspec.Struct, frozen=True):
    """What came of a day."""

    day: date
    result: Literal["equal", "differs"]
    taken_count: int
    taken_fen: int
    our_taken_count: int
    our_taken_fen: int
    credited_count: int
    credited_fen: int
    our_credited_count: int
    our_credited_fen: int
    differences: tuple[DifferenceTold, ...]
    zh: str
    en: str


def _moved(one: Kept | Listed | None) -> int:
    if one is None or one.state not in ("confirmed", "credited"):
        return 0
    return one.fen
