"""The words of payables: commands, statements, payouts, recoveries, and what each side is told."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

import msgspec

StatementState = Literal["proposed", "agreed", "disputed", "paid"]
PayoutState = Literal["due", "sent", "paid", "returned", "cancelled"]


@dataclass(frozen=True, slots=True)
class Propose:
    """The lead lists what its product owes a hospital up to a day. `insurer` None is who oversees all of them."""

    credential: int
    insurer: str | None
    hospital: str
    product: str
    upto: date


@dataclass(frozen=True, slots=True)
class Answer:
    """The hospital agrees to a statement, or disputes it."""

    credential: int
    hospital: str
    statement: int
    agree: bool


@dataclass(frozen=True, slots=True)
class Prepay:
    """The lead pays a hospital ahead; later statements are set off against it."""

    credential: int
    insurer: str | None
    hospital: str
    product: str
    fen: int


@dataclass(frozen=True, slots=True)
class Call:
    """The lead calls its co-insurers' parts of a product's claims in."""

    credential: int
    insurer: str | None
    product: str


@dataclass(frozen=True, slots=True)
class Sent:
    """A payout is about to be told to the bank: from now on it is not taken back here."""

    credential: int
    payout: int


@dataclass(frozen=True, slots=True)
class PaidOut:
    """The bank paid."""

    credential: int
    payout: int


@dataclass(frozen=True, slots=True)
class CameBack:
    """The bank could not pay: the receiving account is no more."""

    credential: int
    payout: int


@dataclass(frozen=True, slots=True)
class Reissue:
    """A payout that came back is to be paid again, to the account that is known now."""

    credential: int
    insurer: str | None
    payout: int


@dataclass(frozen=True, slots=True)
class Received:
    """A co-insurer's part arrived."""

    credential: int
    recovery: int


Command = Propose | Answer | Prepay | Call | Sent | PaidOut | CameBack | Reissue | Received


@dataclass(slots=True)
class Statement:
    """A statement while a batch moves it on. `lines` are the movements that one made by this batch lists, `count` how many."""

    id: int
    hospital: str
    product: str
    upto: date
    fen: int
    setoff_fen: int
    state: StatementState
    count: int
    lines: tuple[int, ...] = ()


@dataclass(slots=True)
class Payout:
    """Money on its way, while a batch moves it on."""

    id: int
    product: str
    fen: int
    state: PayoutState
    due_on: date
    hospital: str | None = None
    statement: int | None = None
    person: int | None = None
    settlement: int | None = None
    tries: int = 1


@dataclass(slots=True)
class Recovery:
    """A co-insurer's part that was called in."""

    product: str
    version: int
    insurer: str
    fen: int
    state: Literal["called", "received"]
    id: int | None = None


class StatementTold(msgspec.Struct, frozen=True):
    """A statement as both sides read it. `payout_fen` is what is still paid after what was paid ahead was set off."""

    statement: int
    hospital: str
    product: str
    upto: date
    lines: int
    fen: int
    setoff_fen: int
    payout_fen: int
    state: str
    zh: str
    en: str


class PayoutTold(msgspec.Struct, frozen=True):
    """How a payout stands."""

    payout: int
    fen: int
    state: str


class CalledTold(msgspec.Struct, frozen=True):
    """One co-insurer's part that was called in."""

    insurer: str
    version: int
    fen: int


class CallTold(msgspec.Struct, frozen=True):
    """What was called in just now; nothing where everything was called before."""

    product: str
    called: tuple[CalledTold, ...]
