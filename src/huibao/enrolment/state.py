"""What a batch of orders is decided on, and what it did: loaded under locks, moved on in memory, written as one net."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import msgspec

from huibao.catalogue.model import Offer, Programme, Shelf
from huibao.core.sealing import Keyring
from huibao.db.arrays import Column, Dates, Int8s, Texts, Times
from huibao.enrolment.continuity import Earlier
from huibao.enrolment.model import Check, Entered, Order, Policy, Proposal, Reviewing, Vote
from huibao.enrolment.postings import Postings
from huibao.ledger.books import Books
from huibao.ledger.model import Account
from huibao.mandates.model import Mandate
from huibao.members.model import Member
from huibao.members.notices import Notice
from huibao.pool.streams import Adding
from huibao.scheme.running import kept_elsewhere

#: Who entered an order and those whose place it took: each by credential, and as which person where that is known.
Hands = tuple[tuple[int, int | None], ...]

_ENCODER: Final = msgspec.json.Encoder()
#: What a scheme refuses even with this on the accounts is refused before the system that keeps them is asked.
_PLENTY: Final = {"personal": 10**11, "savings": 10**11}


@dataclass(frozen=True, slots=True)
class Amended:
    """A change of who an order is for: by which order it was replaced, of whom, who asked, why."""

    id: int
    order: int
    buyer: int
    kind: str
    credential: int
    asker: int | None
    reason: str


@dataclass(slots=True)
class State:
    """People, books, live policies, orders and their reviews of a batch. `on` is the business date.

    `mandates` are those in force by principal and agent; `hands` say who entered each order and those whose place it took. `held` has the
    live policies of each person as the batch found them; `confirmed`, which proposals came to which order.
    Where another system keeps the accounts, `postings` are what it is asked, `told_free` what it said is free, by person, while that is
    split.
    """

    programme: Programme
    shelf: Shelf
    keyring: Keyring
    on: date
    people: Mapping[int, Member]
    books: Books
    live: set[tuple[int, str]]
    orders: dict[int, Order]
    reviews: dict[int, Reviewing] = field(default_factory=dict)
    mandates: Mapping[tuple[int, int], Sequence[Mandate]] = field(default_factory=dict)
    hands: dict[int, Hands] = field(default_factory=dict)
    held: Mapping[int, Sequence[Earlier]] = field(default_factory=dict)
    proposals: Mapping[tuple[int, int], Proposal] = field(default_factory=dict)
    confirmed: list[tuple[tuple[int, int], int]] = field(default_factory=list)
    postings: Postings = field(default_factory=Postings)
    told_free: dict[int, Mapping[str, int]] = field(default_factory=dict)
    pool: Adding = field(default_factory=Adding)
    new_orders: list[Order] = field(default_factory=list)
    amended: list[Amended] = field(default_factory=list)
    moved: dict[int, Order] = field(default_factory=dict)
    new_entries: list[Entered] = field(default_factory=list)
    new_reviews: list[Reviewing] = field(default_factory=list)
    moved_reviews: dict[int, Reviewing] = field(default_factory=dict)
    new_votes: list[tuple[Reviewing, Vote]] = field(default_factory=list)
    escalated: list[Order] = field(default_factory=list)
    refunded: list[tuple[int, Policy]] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    _product_accounts: dict[int, Account] = field(default_factory=dict)
    _starts: dict[int, tuple[date, int]] = field(default_factory=dict)

    @property
    def elsewhere(self) -> bool:
        """Whether people's accounts are kept by another system."""
        return kept_elsewhere(self.programme.scheme)

    def free(self, person: int) -> Mapping[str, int]:
        """What may be spent of a person's accounts, by kind; more than enough until the system that keeps them says how much."""
        if self.elsewhere:
            return self.told_free.get(person, _PLENTY)
        return {kind: account.free_fen for kind, account in self.books.purse(person).items()}

    def start(self, offer: Offer) -> tuple[date, int]:
        """The first day of cover of what is captured now, and the version of the pool's shares that binds it."""
        found = self._starts.get(offer.id)
        if found is None:
            since = offer.cover_from(self.on)
            found = self._starts[offer.id] = since, offer.share_on(since)
        return found

    def clearing(self, offer: Offer) -> Account:
        """Account money of a product on its way to the insurer."""
        return self._outside(offer.clearing_id, "clearing", offer)

    def income(self, offer: Offer) -> Account:
        """The insurer's income account of a product."""
        return self._outside(offer.income_id, "income", offer)

    def cash(self) -> Account:
        """People's cash: the world outside."""
        return self._outside(self.shelf.cash_id, "cash", None)

    def _outside(self, id: int, kind: str, offer: Offer | None) -> Account:
        """An account that this batch only adds to, or that has no bound: its balance need not be loaded."""
        found = self._product_accounts.get(id)
        if found is None:
            found = Account(id, None, kind, offer.product if offer else None, offer.lead if offer else None, True, "open", 0, 0)
            self._product_accounts[id] = found
        return found

    def add(self, order: Order) -> None:
        """Takes up a new order."""
        self.new_orders.append(order)
        for policy in order.policies:
            self.live.add((policy.insured, policy.product))

    def move(self, order: Order) -> None:
        """Marks an order that was there before as moved on; a new one is written as it ends up.

        Nobody can have a new order's number before its batch is committed, so no command finds it in `orders`.
        """
        if order.id in self.orders:
            self.moved[order.id] = order

    def open_review(self, review: Reviewing) -> None:
        """An order begins to wait for its review."""
        self.reviews[review.order] = review
        self.new_reviews.append(review)

    def move_review(self, review: Reviewing) -> None:
        """Marks a review that was there before as moved on."""
        if review not in self.new_reviews:
            self.moved_reviews[review.order] = review

    def void(self, order: Order) -> None:
        """An order that comes to nothing: its people may be insured again."""
        order.state = "void"
        for policy in order.policies:
            policy.state = "void"
            self.live.discard((policy.insured, policy.product))
        self.move(order)


def order_columns(orders: Sequence[Order]) -> dict[str, Column]:
    """Orders as the arrays of insert_orders."""
    return {
        "ids": Int8s([o.id for o in orders]),
        "buyers": Int8s([o.buyer for o in orders]),
        "offers": Int8s([o.offer for o in orders]),
        "pay_with": Texts([o.pay_with for o in orders]),
        "sponsors": Texts([o.sponsor for o in orders]),
        "premiums": Int8s([o.premium_fen for o in orders]),
        "cash": Int8s([o.cash_fen for o in orders]),
        "states": Texts([o.state for o in orders]),
        "reviews": Texts([o.review_by for o in orders]),
        "deadlines": Times([o.deadline for o in orders]),
        "credentials": Int8s([o.credential for o in orders]),
    }


def policy_columns(policies: Sequence[Policy]) -> dict[str, Column]:
    """Policies as the arrays of insert_policies."""
    return {
        "orders": Int8s([p.order for p in policies]),
        "positions": Int8s([p.position for p in policies]),
        "insured": Int8s([p.insured for p in policies]),
        "products": Texts([p.product for p in policies]),
        "relations": Texts([p.relation for p in policies]),
        "tiers": Texts([p.tier for p in policies]),
        "premiums": Int8s([p.premium_fen for p in policies]),
        "cash": Int8s([p.cash_fen for p in policies]),
        "shares": Int8s([p.share for p in policies]),
        "since": Dates([p.period_from for p in policies]),
        "until": Dates([p.period_to for p in policies]),
        "states": Texts([p.state for p in policies]),
        "facts": Texts([_ENCODER.encode(p.facts).decode() for p in policies]),
    }


def moved_columns(orders: Sequence[Order]) -> tuple[dict[str, Column], dict[str, Column]]:
    """Orders that moved on and their policies, as the arrays of move_orders and move_policies."""
    policies = [policy for order in orders for policy in order.policies]
    return (
        {
            "ids": Int8s([o.id for o in orders]),
            "states": Texts([o.state for o in orders]),
            "deadlines": Times([o.deadline for o in orders]),
            "cash": Int8s([o.cash_fen for o in orders]),
            "reviews": Texts([o.review_by for o in orders]),
        },
        {
            "orders": Int8s([p.order for p in policies]),
            "positions": Int8s([p.position for p in policies]),
            "states": Texts([p.state for p in policies]),
            "cash": Int8s([p.cash_fen for p in policies]),
            "shares": Int8s([p.share for p in policies]),
            "since": Dates([p.period_from for p in policies]),
            "until": Dates([p.period_to for p in policies]),
            # What was not loaded stays as it was frozen.
            "facts": Texts([_ENCODER.encode(p.facts).decode() if p.facts else None for p in policies]),
        },
    )


def entry_columns(entered: Sequence[Entered]) -> dict[str, Column]:
    """Entries as the arrays of insert_entries."""
    return {
        "orders": Int8s([e.order for e in entered]),
        "channels": Texts([e.entry.channel for e in entered]),
        "credentials": Int8s([e.credential for e in entered]),
        "people": Int8s([e.entry.person for e in entered]),
        "outlets": Texts([e.entry.outlet for e in entered]),
        "documents": Texts([e.entry.document for e in entered]),
        "digests": Texts([e.entry.digest for e in entered]),
        "mandates": Int8s([e.mandate for e in entered]),
        "relations": Texts([e.relation for e in entered]),
    }


def review_columns(reviews: Sequence[Reviewing]) -> dict[str, Column]:
    """Reviews that begin, as the arrays of insert_reviews; the batch in which one begins may end it, too."""
    return {
        "orders": Int8s([r.order for r in reviews]),
        "since": Times([r.since for r in reviews]),
        "entered_by": Texts([",".join(map(str, r.entered_by)) for r in reviews]),
        "reviewers": Int8s([r.reviewers for r in reviews]),
        "checked": _checked([r.checked for r in reviews]),
        "escalate_at": Times([r.escalate_at for r in reviews]),
        "void_at": Times([r.void_at for r in reviews]),
        "because": Texts([r.void_because for r in reviews]),
        "escalated": Times([r.escalated_at for r in reviews]),
        "states": Texts([r.state for r in reviews]),
    }


def vote_columns(votes: Sequence[tuple[Reviewing, Vote]]) -> dict[str, Column]:
    """Votes as the arrays of insert_votes."""
    return {
        "orders": Int8s([r.order for r, _ in votes]),
        "numbers": Int8s([v.number for _, v in votes]),
        "requests": Int8s([v.request for _, v in votes]),
        "credentials": Int8s([v.credential for _, v in votes]),
        "people": Int8s([v.person for _, v in votes]),
        "verdicts": Texts([v.verdict for _, v in votes]),
        "reasons": Texts([v.reason for _, v in votes]),
        "checked": _checked([v.checked for _, v in votes]),
    }


def _checked(checks: Sequence[tuple[Check, ...]]) -> Column:
    return Texts([_ENCODER.encode(one).decode() for one in checks])
