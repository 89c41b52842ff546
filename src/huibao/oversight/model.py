"""The words of reports on account money: amounts of a line, lines of orders, totals by a key, and the ledger beside them."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

import msgspec

#: What totals are drawn by.
By = Literal["product", "insurer", "account", "month"]


class Amounts(msgspec.Struct, frozen=True):
    """What became of account money, in fen.

    `held_fen` is set aside; `captured_fen` left the account for the product's clearing account; of it `reversed_fen` went back from
    there, `remitted_fen` is with the insurer, who gave `refunded_fen` back to the account and `elsewhere_fen` another way.
    """

    held_fen: int
    captured_fen: int
    reversed_fen: int
    remitted_fen: int
    refunded_fen: int
    elsewhere_fen: int

    @property
    def clearing_fen(self) -> int:
        """What waits in clearing to be remitted."""
        return self.captured_fen - self.reversed_fen - self.remitted_fen

    @property
    def spent_fen(self) -> int:
        """What was spent in the end: captured, and not given back by any way."""
        return self.captured_fen - self.reversed_fen - self.refunded_fen - self.elsewhere_fen

    def plus(self, other: "Amounts") -> "Amounts":
        return Amounts(*(one + another for one, another in zip(figures(self), figures(other), strict=True)))


NONE = Amounts(0, 0, 0, 0, 0, 0)


def figures(amounts: Amounts) -> tuple[int, ...]:
    """The six amounts in their order."""
    return tuple(getattr(amounts, name) for name in Amounts.__struct_fields__)


@dataclass(frozen=True, slots=True)
class Scope:
    """What is asked about: until which instant, of one product, area or buyer where one is named."""

    until: datetime
    product: str = ""
    area: str = ""
    buyer: int = 0


@dataclass(frozen=True, slots=True)
class Use:
    """What became of one account's money for one policy."""

    order: int
    position: int
    at: datetime
    product: str
    insurer: str
    account: str
    amounts: Amounts


@dataclass(frozen=True, slots=True)
class Total:
    """Amounts under one key, and of how many policies."""

    key: str
    policies: int
    amounts: Amounts


@dataclass(frozen=True, slots=True)
class Ledger:
    """The same off the transfers alone; `clearing_fen` is the balance of the clearing accounts."""

    captured_fen: int
    reversed_fen: int
    remitted_fen: int
    refunded_fen: int
    clearing_fen: int

    def agrees(self, amounts: Amounts) -> bool:
        """Whether orders come to what the ledger has, to the fen."""
        return (self.captured_fen, self.reversed_fen, self.remitted_fen, self.refunded_fen, self.clearing_fen) == (
            amounts.captured_fen, amounts.reversed_fen, amounts.remitted_fen, amounts.refunded_fen, amounts.clearing_fen)


@dataclass(frozen=True, slots=True)
class Report:
    """Totals as the books stood at the end of a business day."""

    on: date
    totals: tuple[Total, ...]
    all: Amounts
    ledger: Ledger
