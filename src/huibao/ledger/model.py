"""The words of the books: accounts, the routes that money may take between them, holds, a purse."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

#: What an account is. `personal` and `savings` are a person's medical-insurance accounts; `sponsor` is prepaid by who
#: pays for others; `clearing` is account money owed to the insurer until it is remitted; `income` and `payout` are the
#: insurer's two bank accounts of one product （JL-3.1a）. `claims` has what a product's claims have cost so far; `hospital`
#: and `claimant` stand for who is paid for them: below zero is still owed, above zero was paid ahead. `insurer` is a
#: co-insurer's own money, `fund` and `cash` stand for the world outside.
AccountKind = Literal[
    "personal", "savings", "sponsor", "clearing", "income", "payout", "claims", "hospital", "claimant", "insurer", "fund", "cash"]
HoldEnd = Literal["posted", "voided"]

#: Accounts of one product: the hottest rows.
PRODUCT_KINDS: Final = ("clearing", "income", "payout", "claims", "hospital", "claimant", "insurer")

_PAYEES: Final = ("hospital", "claimant")

#: Each kind of transfer with the accounts it may leave and the accounts it may reach. What is not here does not move:
#: premiums never reach a payout account, nor claims leave an income account.
ROUTES: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "funding": (("fund",), ("personal", "savings")),
    "sponsor-funding": (("cash",), ("sponsor",)),
    "premium-account": (("personal", "savings"), ("clearing",)),
    "premium-cash": (("cash",), ("income",)),
    "premium-sponsor": (("sponsor",), ("income",)),
    "premium-remitted": (("clearing",), ("income",)),
    "remittance-returned": (("income",), ("clearing",)),
    "refund-reversed": (("clearing",), ("personal", "savings")),
    "refund-account": (("income",), ("personal", "savings")),
    "reversal-declined": (("personal", "savings"), ("clearing",)),
    "refund-declined": (("personal", "savings"), ("income",)),
    "refund-cash": (("income",), ("cash",)),
    "refund-sponsor": (("income",), ("sponsor",)),
    "refund-elsewhere": (("income",), ("cash",)),
    "claim-incurred": (_PAYEES, ("claims",)),
    "claim-taken-back": (("claims",), _PAYEES),
    "claim-advanced": (("insurer",), ("payout",)),
    "claim-paid": (("payout",), _PAYEES),
    "claim-returned": (_PAYEES, ("payout",)),
    "claim-recovered": (("insurer",), ("payout",)),
    "advance-repaid": (("payout",), ("insurer",)),
}


class BooksError(AssertionError):
    """A movement that the rules should have refused before: a bug, never an answer to a person."""


@dataclass(slots=True)
class Account:
    """An account as a batch sees it: amounts at load, moved on by what the batch decides. Only a sponsor's may have a credit limit."""

    id: int
    owner_id: int | None
    kind: str
    product: str | None
    party: str | None
    overdraft: bool
    state: str
    balance_fen: int
    held_fen: int
    credit_limit_fen: int = 0

    @property
    def free_fen(self) -> int:
        """What may be spent: the balance less what is held, and the credit; nothing where the account is not open."""
        return self.balance_fen - self.held_fen + self.credit_limit_fen if self.state == "open" else 0


class Transfer(msgspec.Struct, frozen=True):
    """A movement of money between two accounts, and what it is about."""

    kind: str
    debit_id: int
    credit_id: int
    fen: int
    person_id: int | None = None
    order_id: int | None = None
    position: int | None = None
    settlement_id: int | None = None
    payout_id: int | None = None
    recovery_id: int | None = None
    refund_id: int | None = None
    remittance_id: int | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """Money set aside. `id` None is one that this batch makes; `years` are the limit years it counts in.

    `try_` counts where another system keeps the account and had to be asked again.
    """

    account_id: int
    fen: int
    order_id: int
    position: int
    years: tuple[int, ...]
    id: int | None = None
    try_: int = 1


@dataclass(slots=True)
class Year:
    """What a person's accounts paid in a limit year and hold against it."""

    spent_fen: int = 0
    held_fen: int = 0
