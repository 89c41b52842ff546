"""What a batch about sponsors and rosters is decided on, and what it did."""

from dataclasses import dataclass, field
from datetime import date

from huibao.catalogue.model import Programme, Shelf
from huibao.ledger.books import Books
from huibao.ledger.model import Account
from huibao.sponsored.model import Held, Payment, Report, Roster, Sponsor


@dataclass(slots=True)
class State:
    """Sponsors and rosters of a batch, with their accounts. `on` is the business date.

    `received` has rosters by sponsor, product and digest, `paid` the references of payments that are booked; `reports` and `held`
    what the lines of rosters come to that are checked, or over.
    """

    programme: Programme
    shelf: Shelf
    on: date
    sponsors: dict[int, Sponsor]
    rosters: dict[int, Roster]
    received: dict[tuple[int, str, bytes], int]
    paid: set[tuple[int, str]]
    reports: dict[int, Report]
    held: dict[int, Held]
    books: Books
    new_sponsors: list[tuple[Sponsor, int, int]] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    new_rosters: dict[int, tuple[int, Roster]] = field(default_factory=dict)
    moved: dict[int, Roster] = field(default_factory=dict)

    def named(self, name: str) -> Sponsor | None:
        return next((one for one in self.sponsors.values() if one.name == name), None)

    def account(self, sponsor: Sponsor) -> Account:
        found = self.books.sponsor(sponsor.name)
        assert found is not None, "a sponsor's account is opened before the sponsor is"
        return found

    def cash(self) -> Account:
        """People's and sponsors' money: the world outside, without a bound."""
        return Account(self.shelf.cash_id, None, "cash", None, None, True, "open", 0, 0)
