"""The words of refunds: commands, a policy and a refund as a batch sees them, and what people are told."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, Literal

import msgspec

from huibao.benefits.surrender import Unearned

#: Where a premium came from, in the order in which odd fens are given: accounts first, cash last.
Source = Literal["personal", "savings", "sponsor", "cash"]
SOURCES: Final[tuple[Source, ...]] = ("personal", "savings", "sponsor", "cash")
ACCOUNTS: Final = ("personal", "savings")

RefundState = Literal["waiting", "owed", "sent", "done"]
#: Where account money stands: not in a batch to the insurer, in one that waits for its answer, with the insurer.
Remitted = Literal["unlisted", "listed", "remitted"]
#: Why all of a premium goes back, or how the part is measured that does.
Ground = Literal["before-start", "cooling", "days", "months"]
Reason = Literal["closed", "deceased", "other"]
#: What a clerk found out of the cash channel: the amount is back with who paid, or it is not and is paid elsewhere.
Found = Literal["sent-back", "elsewhere"]
#: So many clerks decide what became of money that a cash channel speaks oddly about: who found it out, and another who looked.
CHANNEL_PEOPLE: Final = 2
By = Literal["member", "heirs"]
#: Why somebody has to look into a refund.
Cause = Literal["refund.account_closed", "refund.credit_declined", "refund.channel_declined", "refund.channel_differs"]


@dataclass(frozen=True, slots=True)
class Surrender:
    """A policy is given back. `fen` is what its holder was told goes back; `buyer` None is the agency, for who is at its counter."""

    credential: int
    order: int
    position: int
    fen: int
    buyer: int | None = None


@dataclass(frozen=True, slots=True)
class Resolve:
    """Account money that waited for the answer to a batch: what is true of it now decides."""

    credential: int
    refund: int


@dataclass(frozen=True, slots=True)
class CashArrived:
    """The cash channel sent a refund back the way it came."""

    credential: int
    refund: int
    fen: int


@dataclass(frozen=True, slots=True)
class CashDeclined:
    """The cash channel cannot: the card or wallet is no more, or the payment is too old."""

    credential: int
    refund: int


@dataclass(frozen=True, slots=True)
class ChannelDiffers:
    """The channel says that it sent another amount back than it was asked, or will not take what it is asked: a person decides."""

    credential: int
    refund: int


@dataclass(frozen=True, slots=True)
class DecideChannel:
    """What a clerk found out of the channel about such a refund, on this document: it is back, or the insurer has to pay it. It holds
    once another clerk has found the same."""

    credential: int
    refund: int
    outcome: Found
    document: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CreditDeclined:
    """The system that keeps the account will not take a refund that our books had credited: under which posting, when and why, in
    its word."""

    credential: int
    refund: int
    posting: int
    their_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Repay:
    """An insurer paid refunds of account money back to the agency, in one bank transfer. `insurer` None oversees all."""

    credential: int
    insurer: str | None
    refunds: tuple[int, ...]
    reference: str
    fen: int


@dataclass(frozen=True, slots=True)
class AnswerRepayment:
    """The agency says what arrived of a repayment; nothing where it did not come."""

    credential: int
    repayment: int
    fen: int


@dataclass(frozen=True, slots=True)
class Confirm:
    """A clerk of the agency confirms that the account cannot be credited, on this document."""

    credential: int
    refund: int
    reason: Reason
    document: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Withdraw:
    """A clerk takes the own confirmation back, until somebody accepted to be paid elsewhere."""

    credential: int
    refund: int


@dataclass(frozen=True, slots=True)
class Accept:
    """How the member, or the heirs, accept to be paid instead. `buyer` None is the agency, for who is at its counter."""

    credential: int
    refund: int
    by: By
    payee: str = field(repr=False)
    account: str = field(repr=False)
    evidence: str = field(repr=False)
    buyer: int | None = None


@dataclass(frozen=True, slots=True)
class PayElsewhere:
    """The insurer paid a refund as it was accepted, under its bank's reference. `acceptance` is the one that it read and paid by."""

    credential: int
    insurer: str | None
    refund: int
    reference: str
    acceptance: int


Command = (Surrender | Resolve | CashArrived | CashDeclined | ChannelDiffers | DecideChannel | CreditDeclined | Repay | AnswerRepayment
           | Confirm | Withdraw | Accept | PayElsewhere)


@dataclass(frozen=True, slots=True)
class Part:
    """What one source paid of a premium: by which movement, from which account, when, and where the money stands now."""

    source: Source
    transfer: int
    account: int
    fen: int
    on: date
    remitted: Remitted = "unlisted"


@dataclass(slots=True)
class Held:
    """A policy as a surrender sees it.

    `settled` says whether a settlement was ever taken up under it, `benefit_fen` what stands of them; `open_settlement` is one
    that is not finished.
    """

    order: int
    position: int
    buyer: int
    insured: int
    offer: int
    product: str
    lead: str
    sponsor: str | None
    premium_fen: int
    share: int
    state: str
    since: date | None
    until: date | None
    ended_on: date | None
    settled: bool = False
    benefit_fen: int = 0
    open_settlement: int | None = None
    parts: list[Part] = field(default_factory=list)


@dataclass(slots=True)
class Refund:
    """A refund while a batch moves it on.

    `confirmed` has the clerks and their reasons, of cash what they found out of the channel, `accepted` the number of the latest
    acceptance, `repayment` where it is listed, `case` what is open about it. `declined` is why the system that keeps the account
    would not take it, and `back_in` where the money stands that was reversed before that; `paid_by` and `reference` are the insurer's
    who paid it elsewhere, and its bank's.
    """

    id: int
    order: int
    position: int
    source: Source
    fen: int
    state: RefundState
    limit_year: int | None = None
    confirmed: dict[int, Reason | Found] = field(default_factory=dict)
    accepted: int | None = None
    repayment: int | None = None
    case: Cause | None = None
    declined: str | None = None
    back_in: Remitted | None = None
    paid_by: str | None = None
    reference: str | None = None


@dataclass(slots=True)
class Credit:
    """A refund that our books credited to an account which another system keeps, and that it was asked to credit. `is_reversed` says
    that the money came out of clearing, else out of the insurer's income account."""

    posting: int
    refund: int
    fen: int
    is_reversed: bool
    is_open: bool


@dataclass(slots=True)
class Repayment:
    """A repayment while a batch moves it on, with the refunds that it lists."""

    id: int
    insurer: str
    reference: str
    fen: int
    state: Literal["told", "received", "disputed"]
    refunds: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """What goes back to one source. `odd` says that a fen was left over and came here."""

    part: Part
    fen: int
    odd: bool


@dataclass(frozen=True, slots=True)
class Instead:
    """Why a policy ends that nobody gave back: who pays for the one that stands in its place, and its number."""

    sponsor: str
    policy: str


@dataclass(frozen=True, slots=True)
class Grant:
    """What a surrender gives back: why, from which day there is no cover, how it was measured, and to whom."""

    ground: Ground
    ended_on: date
    fen: int
    shares: tuple[Share, ...]
    unearned: Unearned | None = None


# ── what is told ─────────────────────────────────────────────────────────────────────────────────────────────────────

class RefundPart(msgspec.Struct, frozen=True, omit_defaults=True):
    """What goes back to one source: what it paid, what it gets, where that stands. A quote has no number yet."""

    source: str
    paid_fen: int
    fen: int
    state: str
    zh: str
    en: str
    refund: str | None = None
    limit_year: int | None = None


class SurrenderTold(msgspec.Struct, frozen=True):
    """What a surrender gives back, figure by figure. `state` is `quoted` where nothing was done yet."""

    policy: str
    state: str
    ground: str
    ended_on: date
    premium_fen: int
    fee_fen: int
    fen: int
    parts: tuple[RefundPart, ...]
    clauses: tuple[str, ...]
    steps: tuple[str, ...]
    zh: str
    en: str


class RefundTold(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a refund stands after a step."""

    refund: str
    source: str
    fen: int
    state: str
    zh: str
    en: str
    #: How many clerks have confirmed that its account cannot be credited, or what the cash channel did, and how many must.
    confirmed: int = 0
    needed: int = 0


class RepaymentTold(msgspec.Struct, frozen=True):
    """A repayment as both sides read it."""

    repayment: int
    insurer: str
    reference: str
    refunds: tuple[str, ...]
    fen: int
    state: str
    zh: str
    en: str


class Evidence(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is sealed of a confirmation or an acceptance."""

    document: str = ""
    payee: str = ""
    account: str = ""
    evidence: str = ""

    def __repr__(self) -> str:
        return "Evidence(…)"
