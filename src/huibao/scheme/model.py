"""The words of a scheme: what an area's document decides, rule by rule, each with its clause and its dates.

A rule is a tuple of dated versions, of which at most one is in force on a day (`in_force`); an empty tuple is a
document that is silent. Amounts are fen, ratios ten-thousandths.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

from huibao.scheme.afterwards import Endorsing, Renewal
from huibao.scheme.basis import EXAMPLE, Basis, Cite, Rule, in_force

#: What a rule stands on is spoken of together with the rules.
__all__ = ["EXAMPLE", "Basis", "Cite", "Rule", "in_force"]


@dataclass(frozen=True, slots=True)
class Document:
    """The document a scheme renders. `status` is in-force, draft or example; `note` says what the text leaves open."""

    title: str
    number: str
    issuer: str
    issued: date
    status: str
    note: str


@dataclass(frozen=True, slots=True)
class Payer:
    """Whose account is spent; the status has a clause of its own for oneself and for a relative where they differ."""

    basis: Basis
    insurance: tuple[str, ...]
    status: tuple[str, ...]
    status_for_self: Cite
    status_for_relative: Cite


@dataclass(frozen=True, slots=True)
class Insured:
    """Who may be insured with account money."""

    basis: Basis
    insurance: tuple[str, ...]
    status: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Join:
    """Who may join at all, with whatever money: everyone, or the enrolled; and what a plan may not ask of them."""

    basis: Basis
    everyone: bool
    insurance: tuple[str, ...]
    status: tuple[str, ...]
    forbidden_conditions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Relations:
    basis: Basis
    allow: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChronicBenefit:
    """A payer who holds the outpatient chronic-disease benefit （门诊慢性病待遇） may not pay for relatives."""

    basis: Basis
    bars_relatives: bool


@dataclass(frozen=True, slots=True)
class Amount:
    fen: int
    cite: Cite


@dataclass(frozen=True, slots=True)
class Account:
    """The personal account as a means of payment. `excess` says who bears what limit and balances do not carry.

    `order_cite` and `excess_cite` are None where the document is silent: the personal account alone, and no mixing.
    `kept_by` is whose system keeps the accounts, "here" or "agency"; it is the same in every version.
    """

    basis: Basis
    open: bool
    minimum_balance: Amount | None
    yearly_limit: Amount | None
    limit_year: str
    order: tuple[str, ...]
    order_cite: Cite | None
    excess: str
    excess_cite: Cite | None
    kept_by: str = "here"


@dataclass(frozen=True, slots=True)
class ReviewRule:
    """Who reviews before account money moves. An order that takes more than `two_above` from accounts needs two reviewers."""

    basis: Basis
    by: str
    two_above: Amount | None = None


#: So long a clerk has an application to decide, unless the scheme says otherwise.
CLAIM_MINUTES: Final = 30


@dataclass(frozen=True, slots=True)
class ReviewClock:
    """Working days until a waiting review escalates and until it is void, and what a missed common start date means; for how many minutes
    an application is whose who took it."""

    basis: Basis
    escalate_days: int
    void_days: int
    missed_start: str
    claim_minutes: int = CLAIM_MINUTES


@dataclass(frozen=True, slots=True)
class Identity:
    """A purchase needs a passed check of identity and intent, at most so many minutes old."""

    basis: Basis
    minutes: int


@dataclass(frozen=True, slots=True)
class ConnectionRule:
    """A product sells online only once its insurer's system has passed the connection test."""

    basis: Basis
    tested: bool


@dataclass(frozen=True, slots=True)
class Kinds:
    basis: Basis
    sell: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CashOnly:
    """Product kinds that no account may pay for."""

    basis: Basis
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """A product is on sale once one of the routes of selection in `by` has confirmed it."""

    basis: Basis
    by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RefusedFeatures:
    basis: Basis
    features: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Premium:
    basis: Basis
    may_vary_by: tuple[str, ...]
    never_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """Whether a plan must pay both the in-scope part left to the person and the out-of-scope part."""

    basis: Basis
    both_sides: bool


@dataclass(frozen=True, slots=True)
class CommonIllness:
    """ICD-10 categories and ranges that a plan may not exclude; `codes_are_example` where the document names none."""

    basis: Basis
    codes: tuple[str, ...]
    codes_are_example: bool


@dataclass(frozen=True, slots=True)
class Hardship:
    basis: Basis
    categories: tuple[str, ...]
    favours: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PayerOrder:
    """Who pays a bill before this insurance, in order; the place of those in `plan_sets` is left to the plan."""

    basis: Basis
    first: tuple[str, ...]
    plan_sets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Selection:
    basis: Basis
    routes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cycle:
    """Years of one agreement; `in_principle` lets a recorded reason depart from it."""

    basis: Basis
    years: int
    in_principle: bool


@dataclass(frozen=True, slots=True)
class CostAndProfit:
    """The most that cost and profit may take of the premium; `reason_lifts` where the document says "in principle"."""

    basis: Basis
    most: int
    reason_lifts: bool


@dataclass(frozen=True, slots=True)
class PayoutRatio:
    """Below this net payout of all funds raised over an agreement period, a re-pricing is opened."""

    basis: Basis
    below: int


@dataclass(frozen=True, slots=True)
class Surplus:
    basis: Basis
    carried: bool


@dataclass(frozen=True, slots=True)
class Books:
    basis: Basis
    per_product: bool
    income_and_payout_apart: bool


@dataclass(frozen=True, slots=True)
class Desk:
    """How settlements at the discharge desk run.

    A hospital says within `confirm_hours` that it deducted; where it did not, nothing is due (`unconfirmed` is "void") or the
    insured is paid directly ("person"). After a reversal, `wait_days` are left for the same visit's new settlement before what
    came after is put right; what is more due then is paid within `pay_days`.
    """

    basis: Basis
    confirm_hours: int = 24
    unconfirmed: str = "person"
    wait_days: int = 3
    pay_days: int = 10


#: How a desk runs where the scheme is silent.
DESK: Final = Desk(Basis(EXAMPLE, date.min, None))


@dataclass(frozen=True, slots=True)
class Refund:
    """What of a premium goes back, goes back the way it came.

    Account money whose account can't be credited is paid elsewhere (`elsewhere`) once `people` clerks of the agency have
    confirmed that.
    """

    basis: Basis
    elsewhere: Cite = EXAMPLE
    people: int = 1
    confirm: Cite = EXAMPLE


#: How premiums go back where the scheme is silent.
REFUND: Final = Refund(Basis(EXAMPLE, date.min, None))


@dataclass(frozen=True, slots=True)
class MandateRule:
    """Who may act for another. A mandate runs at most `most_days`, and reaches the principal's account where `account` says so;
    registered `relatives` of the buyer may order and pay in cash without one.
    """

    basis: Basis
    account: bool = False
    most_days: int = 366
    relatives: tuple[str, ...] = ()


#: Where the scheme is silent, who has a mandate may order and pay in cash: the account stays closed to anyone else.
MANDATE: Final = MandateRule(Basis(EXAMPLE, date.min, None))


@dataclass(frozen=True, slots=True)
class Remitting:
    """When account money goes to insurers: on these days of the week and of the month, of a product from `minimum_fen` on.

    No day is none by itself. A changed receiving account is in force `account_days` working days after it was approved.
    """

    basis: Basis
    weekdays: tuple[str, ...] = ("mon",)
    month_days: tuple[int, ...] = ()
    minimum_fen: int = 0
    account_days: int = 2


#: How money is remitted where the scheme is silent.
REMITTING: Final = Remitting(Basis(EXAMPLE, date.min, None))


@dataclass(frozen=True, slots=True)
class Sponsored:
    """How people are enrolled whose premium a sponsor pays: whether each is told, and whether a policy that was bought for them gives way.

    Ending a contract is its holder's right, which only the scheme can give to somebody else. It gives it before the cover starts alone:
    all of the premium goes back the way it came, and the sponsor's policy begins on the very day. What has begun stays, its line is
    rejected, and they are told to have it surrendered first.
    """

    basis: Basis
    notice: bool = True
    replaces_own: bool = False


#: How sponsored people are enrolled where the scheme is silent.
SPONSORED: Final = Sponsored(Basis(EXAMPLE, date.min, None))


@dataclass(frozen=True, slots=True)
class Scheme:
    """One area's scheme as loaded. `admdvs` are the prefixes of the area codes it reaches."""

    id: str
    name: str
    admdvs: tuple[str, ...]
    acct_pay_counted: str
    document: Document
    payer: tuple[Payer, ...]
    insured: tuple[Insured, ...]
    join: tuple[Join, ...]
    relations: tuple[Relations, ...]
    chronic_benefit: tuple[ChronicBenefit, ...]
    account: tuple[Account, ...]
    review: tuple[ReviewRule, ...]
    review_clock: tuple[ReviewClock, ...]
    identity: tuple[Identity, ...]
    connection: tuple[ConnectionRule, ...]
    kinds: tuple[Kinds, ...]
    cash_only: tuple[CashOnly, ...]
    listing: tuple[Listing, ...]
    refused_features: tuple[RefusedFeatures, ...]
    premium: tuple[Premium, ...]
    coverage: tuple[Coverage, ...]
    common_illness: tuple[CommonIllness, ...]
    hardship: tuple[Hardship, ...]
    payer_order: tuple[PayerOrder, ...]
    selection: tuple[Selection, ...]
    cycle: tuple[Cycle, ...]
    cost_and_profit: tuple[CostAndProfit, ...]
    payout_ratio: tuple[PayoutRatio, ...]
    surplus: tuple[Surplus, ...]
    books: tuple[Books, ...]
    desk: tuple[Desk, ...]
    refund: tuple[Refund, ...]
    remittance: tuple[Remitting, ...]
    sponsored: tuple[Sponsored, ...]
    endorsement: tuple[Endorsing, ...]
    mandate: tuple[MandateRule, ...]
    renewal: tuple[Renewal, ...]
    digest: str
