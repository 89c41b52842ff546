"""What a batch of payables is decided on, and what it did."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from huibao.catalogue.model import Offer, Programme, Shelf
from huibao.ledger.books import Books
from huibao.ledger.model import Account
from huibao.payables.model import Payout, Recovery, Statement


@dataclass(frozen=True, slots=True)
class Line:
    """A movement that a hospital is owed for, and that stands in no statement, or in one that this batch may end: `disputed`.

    Below zero was taken back.
    """

    transfer: int
    fen: int
    on: date
    disputed: int | None


@dataclass(frozen=True, slots=True)
class Pooled:
    """The co-insurers of a product under one version of its shares, in order, and what its claims and what was taken back come to."""

    version: int
    members: tuple[tuple[str, int], ...]
    claims_fen: int
    returned_fen: int


@dataclass(slots=True)
class State:
    """Hospitals, statements, payouts and recoveries of a batch, with the accounts they move. `on` is the business date.

    `taken_back` are settlements that do not stand any more, among those of the batch's payouts; `numbers` are those that new payouts take.
    """

    programme: Programme
    shelf: Shelf
    on: date
    hospitals: frozenset[str]
    lines: Mapping[tuple[str, str], list[Line]]
    prepaid: dict[tuple[str, str], int]
    statements: dict[int, Statement]
    payouts: dict[int, Payout]
    taken_back: frozenset[int]
    recoveries: dict[int, Recovery]
    pools: Mapping[str, list[Pooled]]
    called: dict[tuple[str, int, str], int]
    books: Books
    numbers: list[int]
    new_statements: list[Statement] = field(default_factory=list)
    moved_statements: dict[int, Statement] = field(default_factory=dict)
    released: list[int] = field(default_factory=list)
    new_payouts: list[Payout] = field(default_factory=list)
    moved_payouts: dict[int, Payout] = field(default_factory=dict)
    came_back: list[Payout] = field(default_factory=list)
    tried_again: list[int] = field(default_factory=list)
    squared: list[int] = field(default_factory=list)
    new_recoveries: list[Recovery] = field(default_factory=list)
    arrived: list[int] = field(default_factory=list)

    def led(self, product: str, insurer: str | None) -> Offer | None:
        """The product, where this insurer leads it; None asks for nobody in particular."""
        offer = self.shelf.offers.get(product)
        return offer if offer is not None and insurer in (None, offer.lead) else None

    def account(self, kind: str, product: str, party: str) -> Account:
        """An account of a product's claims; loaded for each batch."""
        found = next((one for one in self.books.accounts.values() if (one.kind, one.product, one.party) == (kind, product, party)), None)
        assert found is not None, f"product {product} has no account {kind} of {party}"
        return found

    def owed_to(self, payout: Payout) -> Account:
        """The account that stands for who is paid."""
        if payout.hospital is not None:
            return self.account("hospital", payout.product, payout.hospital)
        return self.account("claimant", payout.product, self.shelf.offers[payout.product].lead)
