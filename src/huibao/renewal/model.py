"""The words of renewal: what is done to a proposal, a policy that expires, and what its buyer reads."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

import msgspec

from huibao.benefits.facts import Facts
from huibao.enrolment.model import PayWith

RenewalState = Literal["open", "confirmed", "declined", "lapsed"]
#: A proposal is known by the policy that expires: its order and its position there.
Key = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Propose:
    """Policies of these orders are about to end, and their products go on in another year: their buyer is to be asked, once for all."""

    credential: int
    buyer: int
    orders: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Remind:
    """The day has come on which a buyer is asked again about policies of these orders, once for all."""

    credential: int
    buyer: int
    orders: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Decline:
    """The buyer does not want it, and is not asked again."""

    credential: int
    order: int
    position: int
    buyer: int


Command = Propose | Remind | Decline


@dataclass(frozen=True, slots=True)
class Expiring:
    """A policy whose last day comes. `family` is how many policies of its order are in force; `pay_with` who paid for it, and how."""

    order: int
    position: int
    buyer: int
    pay_with: PayWith
    insured: int
    product: str
    tier: str | None
    premium_fen: int
    period_to: date
    state: str
    family: int


@dataclass(slots=True)
class Renewal:
    """A proposal while a batch moves it on. `why` says why there is nothing to confirm, where there is not."""

    order: int
    position: int
    at: datetime
    buyer: int
    insured: int
    product: str
    offer: int
    tier: str | None
    premium_fen: int
    ends_on: date
    state: RenewalState
    remind_on: date | None = None
    why: str | None = None

    @property
    def key(self) -> Key:
        return self.order, self.position


@dataclass(frozen=True, slots=True)
class Quoted:
    """What the next year would be for somebody: its tier, facts and premium; `why` where there is nothing to confirm."""

    tier: str | None
    facts: Facts
    premium_fen: int
    why: str | None = None


class Asked(msgspec.Struct, frozen=True):
    """Of how many policies the buyer was asked, and of how many there was nothing to ask."""

    open: int
    lapsed: int


class RenewalTold(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a proposal stands. `policy` is the one that expires."""

    policy: str
    product: str
    premium_fen: int
    ends_on: date
    state: str
    zh: str
    en: str
    remind_on: date | None = None
    why: str | None = None
