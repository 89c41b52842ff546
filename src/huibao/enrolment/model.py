"""The words of enrolment: commands, consent, orders and policies as a batch sees them, and what a buyer is told."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

import msgspec

from huibao.benefits.facts import Facts

PayWith = Literal["account", "cash", "sponsor"]
OrderState = Literal["awaiting-account", "awaiting-payment", "awaiting-review", "completed", "void"]
PolicyState = Literal["pending", "in-force", "surrendered", "void"]
Verdict = Literal["approve", "reject"]
ReviewState = Literal["open", "approved", "rejected", "overdue", "withdrawn"]
Channel = Literal["counter", "agent"]
#: What a person's consent was presented as at a counter.
Document = Literal["signed-form", "electronic-form", "recording"]
#: Why an application is rejected, in a word that statistics count by.
Reason = Literal["not-eligible", "relation-unproven", "documents-differ", "identity-doubtful", "not-intended", "other"]

#: An order of a family: more people than this are an employer's or a sponsor's file.
MOST_INSURED = 20


class InsuredWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is to be insured, and in which tier where the plan has tiers."""

    member: int
    tier: str | None = None


class Consent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the buyer read, ticked and signed: kept as evidence, sealed and chained （LZ-9）.

    `terms` is the SM3 digest, in hex, of the terms as shown; `accepted` names each confirmation given; `signature` is
    the electronic signature or the reference under which it is kept; `guardian` is a guardian's separate consent for
    who is under 14.
    """

    terms: str
    accepted: tuple[str, ...]
    signature: str
    guardian: bool = False


@dataclass(frozen=True, slots=True)
class IdentityCheck:
    """A check of who is acting: by which means, how it ended and when. `reference` is the checking service's own."""

    person: int
    method: str
    passed: bool
    at: datetime
    reference: str


@dataclass(frozen=True, slots=True)
class Entry:
    """Who entered an order that its buyer did not enter: a clerk at a counter, or who acts for the buyer （LZ-8）.

    `person` is who entered it, where that is known here: always of an agent. A counter names its outlet, and the buyer's consent as
    presented: as what, and its SM3 digest in hex.
    """

    channel: Channel
    person: int | None = None
    outlet: str | None = None
    document: Document | None = None
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class Buy:
    """An order. `credential` entered it; `buyer` is the policyholder, whose account pays where one does; `entry` says who entered it
    where that was not the buyer. `renewing` are the expiring policies (order and position) whose proposals are confirmed with it, at
    the premium that was shown, `quoted_fen`.
    """

    credential: int
    buyer: int
    product: str
    insured: tuple[InsuredWish, ...]
    pay_with: PayWith
    consent: Consent | None = None
    identity: IdentityCheck | None = None
    sponsor: str | None = None
    entry: Entry | None = None
    renewing: tuple[tuple[int, int], ...] = ()
    quoted_fen: int | None = None


@dataclass(frozen=True, slots=True)
class Paid:
    """The cash channel says that an order's cash part was paid, under its own reference."""

    credential: int
    order: int
    fen: int
    reference: str


@dataclass(frozen=True, slots=True)
class Release:
    """An order that waits is given up: by its buyer, or because its time is over."""

    credential: int
    order: int
    why: Literal["cancelled", "expired"]
    buyer: int | None = None


@dataclass(frozen=True, slots=True)
class Amend:
    """Who an order that waits is for: somebody is added to it, or taken out of it. A new order stands in its place; `entry` says who
    entered that where the buyer did not.
    """

    credential: int
    order: int
    add: InsuredWish | None
    remove: int | None
    reason: str
    consent: Consent | None = None
    identity: IdentityCheck | None = None
    buyer: int | None = None
    entry: Entry | None = None


@dataclass(frozen=True, slots=True)
class Review:
    """A clerk's decision on an application. `reviewer` is the clerk's own person, where that is known here; `note` is said to the buyer
    beside the `reason` of a rejection, and kept under the buyer's seal.
    """

    credential: int
    reviewer: int | None
    order: int
    verdict: Verdict
    reason: Reason | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class ReviewList:
    """The list that a clerk decides or takes in one go, before its orders are, one by one: one key, one list."""

    credential: int
    orders: tuple[int, ...]
    verdict: Verdict | Literal["claim"]


@dataclass(frozen=True, slots=True)
class ClaimReview:
    """A clerk takes an application to decide: for some time nobody else does. `reviewer` as above."""

    credential: int
    reviewer: int | None
    order: int


@dataclass(frozen=True, slots=True)
class ReleaseReview:
    """A clerk lets go of an application that they had taken."""

    credential: int
    reviewer: int | None
    order: int


@dataclass(frozen=True, slots=True)
class Escalate:
    """A review was not decided in its first time: it becomes somebody's case. Who sends it saw that it was `due`: a clock that steps back
    undoes nothing of that.
    """

    credential: int
    order: int
    due: datetime | None = None


@dataclass(frozen=True, slots=True)
class Unreviewed:
    """A review was not decided in time: the order comes to nothing; `due` as above."""

    credential: int
    order: int
    due: datetime | None = None


@dataclass(frozen=True, slots=True)
class Balances:
    """What the system that keeps the accounts says is free on the buyer's, for the `try_`-th time that money is asked for.

    `unusable` is its word for why nothing may be spent there; the amounts are nothing then.
    """

    credential: int
    order: int
    try_: int
    personal_fen: int
    savings_fen: int
    unusable: str | None = None


@dataclass(frozen=True, slots=True)
class Posted:
    """What became of something that the system was asked to do for an order: done or declined, when by its clock, and why not."""

    credential: int
    order: int
    posting: int
    is_done: bool
    their_at: datetime
    reason: str | None = None


Command = Buy | Paid | Release | Amend | Review | ReviewList | ClaimReview | ReleaseReview | Escalate | Unreviewed | Balances | Posted


@dataclass(slots=True)
class Policy:
    """A policy of an order while a batch moves it on; its parts are account kind and fen.

    `facts` are frozen when it is decided: what the arithmetic of its benefits may ask of the insured.
    """

    order: int
    position: int
    insured: int
    product: str
    relation: str
    tier: str | None
    premium_fen: int
    parts: tuple[tuple[str, int], ...]
    cash_fen: int
    share: int
    facts: Facts
    state: PolicyState
    period_from: date | None = None
    period_to: date | None = None


@dataclass(slots=True)
class Order:
    """An order while a batch moves it on. `deadline` is until when it may wait for payment."""

    id: int
    at: datetime
    buyer: int
    offer: int
    product: str
    pay_with: PayWith
    sponsor: str | None
    premium_fen: int
    cash_fen: int
    state: OrderState
    review_by: str
    deadline: datetime | None
    credential: int
    policies: list[Policy]


#: A check of an application: what, of which insured by position (0: the buyer), and what was found.
Check = tuple[str, int, str]


@dataclass(frozen=True, slots=True)
class Vote:
    """What one reviewer decided, on which checks."""

    number: int
    request: int
    credential: int
    person: int | None
    verdict: Verdict
    reason: Reason | None
    checked: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Claim:
    """Who has an application to decide: by credential, as which person where that is known, since when, and until when it is theirs."""

    credential: int
    person: int | None
    since: datetime
    until: datetime


@dataclass(slots=True)
class Reviewing:
    """An order's review while a batch moves it on. `entered_by` are the credentials, sorted, of all who entered it or those whose place
    it took; `void_because` says what ends the time to decide.
    """

    order: int
    since: datetime
    entered_by: tuple[int, ...]
    reviewers: int
    checked: tuple[Check, ...]
    escalate_at: datetime
    void_at: datetime
    void_because: Literal["time", "missed-start"]
    escalated_at: datetime | None
    state: ReviewState
    votes: list[Vote]
    claim: Claim | None = None


@dataclass(frozen=True, slots=True)
class Entered:
    """An entry as it was taken up: by whose mandate, or as which registered relative of the buyer."""

    order: int
    credential: int
    entry: Entry
    mandate: int | None = None
    relation: str | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposal to be insured again, as an order that confirms it sees it."""

    buyer: int
    insured: int
    product: str


class PartTold(msgspec.Struct, frozen=True):
    """What one source pays: an account by kind, `cash` or `sponsor`."""

    source: str
    fen: int


class PolicyTold(msgspec.Struct, frozen=True, omit_defaults=True):
    """A policy as its buyer reads it."""

    number: str
    insured: int
    relation: str
    state: str
    premium_fen: int
    parts: tuple[PartTold, ...]
    tier: str | None = None
    period_from: date | None = None
    period_to: date | None = None


class OrderTold(msgspec.Struct, frozen=True, omit_defaults=True):
    """An order as its buyer reads it: what is paid from where, what it waits for, and under which clauses; `replaces` is the order in
    whose place it stands, `takes_over` the own policy of which a sponsor's takes the place."""

    order: str
    state: str
    product: str
    premium_fen: int
    account_fen: int
    cash_fen: int
    policies: tuple[PolicyTold, ...]
    plan_digest: str
    engine: str
    terms_digest: str
    clauses: tuple[str, ...]
    zh: str
    en: str
    sponsor_fen: int = 0
    pay_by: datetime | None = None
    replaces: str | None = None
    takes_over: str | None = None


class ClaimTold(msgspec.Struct, frozen=True, omit_defaults=True):
    """An application as its reviewer has it now, or had it; `took_over` is whose claim was over before."""

    order: str
    state: Literal["claimed", "released"]
    credential: int
    since: datetime
    until: datetime
    person: int | None = None
    took_over: int | None = None


class ListTold(msgspec.Struct, frozen=True):
    """A list that is decided, or taken, in one go."""

    orders: int
    verdict: Verdict | Literal["claim"]
