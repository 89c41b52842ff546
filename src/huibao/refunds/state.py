"""What a batch of refunds is decided on, and what it did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from huibao.benefits.model import Surrender
from huibao.catalogue.model import Programme, Shelf
from huibao.core.sealing import Keyring, PersonKey, unwrap
from huibao.ledger.books import Books
from huibao.ledger.model import Account
from huibao.members.notices import Notice
from huibao.pool.streams import Adding
from huibao.refunds.model import ACCOUNTS, By, Cause, Credit, CreditDeclined, Found, Held, Part, Reason, Refund, Remitted, Repayment
from huibao.scheme.model import REFUND, in_force
from huibao.scheme.model import Refund as Rule


class Person(NamedTuple):
    """Who holds a policy; `wrapped` is None where the person was erased."""

    id: int
    area: str
    died: date | None
    wrapped: bytes | None


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What one clerk said just now."""

    refund: int
    request: int
    credential: int
    reason: Reason | Found
    is_withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Accepted:
    """How somebody accepted to be paid just now; the account itself is sealed with the event."""

    refund: int
    request: int
    credential: int
    by: By


@dataclass(slots=True)
class Made:
    """What a batch did."""

    surrendered: list[Held] = field(default_factory=list)
    refunds: list[tuple[Refund, int]] = field(default_factory=list)
    moved: dict[int, Refund] = field(default_factory=dict)
    repayments: list[Repayment] = field(default_factory=list)
    answered: list[Repayment] = field(default_factory=list)
    confirmed: list[Confirmed] = field(default_factory=list)
    withdrawn: list[tuple[int, int]] = field(default_factory=list)
    accepted: list[Accepted] = field(default_factory=list)
    declined: list[CreditDeclined] = field(default_factory=list)
    cases: list[tuple[Refund, str, Cause]] = field(default_factory=list)
    closed: list[tuple[int, Cause, str]] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    pool: Adding = field(default_factory=Adding)


@dataclass(slots=True)
class State:
    """Policies, refunds and repayments of a batch, with the accounts that they move. `on` is the business date.

    `references` says what each insurer's bank references paid already, `credits` has what another system was asked to credit, by
    posting, `numbers` are those that new refunds take.
    """

    programme: Programme
    shelf: Shelf
    keyring: Keyring
    on: date
    people: Mapping[int, Person]
    held: dict[tuple[int, int], Held]
    refunds: dict[int, Refund]
    repayments: dict[int, Repayment]
    references: dict[tuple[str, str], str]
    credits: dict[int, Credit]
    books: Books
    numbers: list[int]
    made: Made = field(default_factory=Made)
    _outside: dict[int, Account] = field(default_factory=dict)

    @property
    def rule(self) -> Rule:
        """How premiums go back here."""
        return in_force(self.programme.scheme.refund, self.on) or REFUND

    def terms(self, held: Held) -> Surrender:
        """What the plan says that the policy was sold under."""
        return self.shelf.wordings[held.offer].plan.surrender

    def policy_of(self, refund: Refund) -> Held:
        return self.held[refund.order, refund.position]

    def part_of(self, refund: Refund) -> Part:
        """What the refund's source paid."""
        return next(part for part in self.policy_of(refund).parts if part.source == refund.source)

    def key_of(self, person: int) -> PersonKey | None:
        """A person's data key; None where the person was erased."""
        known = self.people.get(person)
        return unwrap(self.keyring, self.programme.code, person, known.wrapped) if known is not None and known.wrapped is not None else None

    def lives(self, person: int) -> bool:
        known = self.people.get(person)
        return known is not None and (known.died is None or known.died > self.on)

    # ── accounts ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def takes(self, refund: Refund) -> bool:
        """Whether the account that paid can be credited: open or frozen, and neither a clerk nor who keeps it has said otherwise."""
        is_open = refund.source in ACCOUNTS and self.source(refund).state != "closed"
        return is_open and not refund.confirmed and refund.declined is None

    def is_with_insurer(self, refund: Refund) -> bool:
        """Whether the money is in the insurer's books: a bank may bring back what it had paid, long after it was owed."""
        return refund.source not in ACCOUNTS or self.stands(refund) == "remitted"

    def stands(self, refund: Refund) -> Remitted:
        """Where a refund's account money is. What an account did not take is a movement of its own into clearing again."""
        return refund.back_in or self.part_of(refund).remitted

    def source(self, refund: Refund) -> Account:
        """The very account that paid."""
        return self.books.accounts[self.part_of(refund).account]

    def clearing(self, held: Held) -> Account:
        return self._of(self.shelf.wordings[held.offer].clearing_id, "clearing", held)

    def income(self, held: Held) -> Account:
        return self._of(self.shelf.wordings[held.offer].income_id, "income", held)

    def cash(self) -> Account:
        return self._of(self.shelf.cash_id, "cash", None)

    def _of(self, id: int, kind: str, held: Held | None) -> Account:
        """A product's account. What goes back came in by it before and did not leave it, so its balance need not be loaded."""
        found = self._outside.get(id)
        if found is None:
            found = Account(id, None, kind, held.product if held else None, held.lead if held else None, True, "open", 0, 0)
            self._outside[id] = found
        return found

    # ── what happens ─────────────────────────────────────────────────────────────────────────────────────────────────

    def move(self, refund: Refund) -> None:
        """Marks a refund as moved on; one that this batch makes is written as it ends up."""
        if refund.id in self.refunds:
            self.made.moved[refund.id] = refund

    def tell(self, person: int, zh: str, en: str) -> None:
        """A notice, to who can still read it."""
        if self.lives(person):
            self.made.notices.append(Notice(person, zh, en))

    def open_case(self, refund: Refund, cause: Cause) -> None:
        """Somebody has to look into it, once."""
        if refund.case is None:
            refund.case = cause
            self.made.cases.append((refund, self.policy_of(refund).product, cause))

    def close_case(self, refund: Refund, outcome: str) -> None:
        if refund.case is not None:
            self.made.closed.append((refund.id, refund.case, outcome))
            refund.case = None

    def refunds_of(self, repayment: Repayment) -> Sequence[Refund]:
        return [self.refunds[id] for id in repayment.refunds]
