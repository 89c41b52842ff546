"""The words of settlement: what hospitals and the agency send, what is kept of it, and what they are told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

import msgspec

from huibao.benefits.fold import Payment, Settlement
from huibao.benefits.reading import text

#: A message's fields under their national names; amounts as texts, exactly.
Row = Mapping[str, Any]

#: How a settlement came: from the hospital's desk, in a file with which a hospital catches up, or from the agency, which
#: tells of hospitals outside the desk.
Way = Literal["desk", "file", "feed"]
Payee = Literal["hospital", "person"]
SettlementState = Literal["offered", "confirmed", "void", "reversed"]


@dataclass(frozen=True, slots=True)
class Settle:
    """A settlement of basic insurance, to be settled here. `promises` is False for a pre-settlement.

    `hospital` is who sent it, or where the feed says that the person was; `row` and `lines` are as the hospital has them.
    """

    credential: int
    way: Way
    hospital: str
    row: Row
    lines: tuple[Row, ...] = ()
    notes: tuple[str, ...] = ()
    promises: bool = True

    @property
    def psn_no(self) -> str:
        return text(self.row, "psn_no")

    @property
    def setl_id(self) -> str:
        return text(self.row, "setl_id")

    @property
    def mdtrt_id(self) -> str:
        """The visit; a settlement that names none is a visit of its own."""
        return text(self.row, "mdtrt_id") or self.setl_id


@dataclass(frozen=True, slots=True)
class Reverse:
    """A settlement of basic insurance was taken back: `row` is the reversing settlement, its own number and the original's."""

    credential: int
    way: Way
    hospital: str
    row: Row

    @property
    def setl_id(self) -> str:
        return text(self.row, "setl_id")

    @property
    def reverses(self) -> str:
        return text(self.row, "reverses")


@dataclass(frozen=True, slots=True)
class Confirm:
    """The hospital deducted the offered amount from what the patient paid. `hospital` None is the service itself, having asked."""

    credential: int
    settlement: int
    fen: int
    hospital: str | None = None


@dataclass(frozen=True, slots=True)
class Withdraw:
    """The hospital did not deduct. Where the settlement of basic insurance `stands`, the scheme says whether the insured is paid."""

    credential: int
    settlement: int
    stands: bool
    hospital: str | None = None


@dataclass(frozen=True, slots=True)
class Adjust:
    """The wait after a reversal is over: what came after it is put right."""

    credential: int
    settlement: int


@dataclass(frozen=True, slots=True)
class Judge:
    """Somebody decided whether the illness of a provisional settlement is pre-existing; `reason` says on what evidence."""

    credential: int
    settlement: int
    preexisting: bool
    reason: str
    insurer: str | None = None


@dataclass(frozen=True, slots=True)
class Agree:
    """A person agrees to be paid without an application, to this bank account; or, without one, agrees no longer. `by_staff` where a
    clerk says so for them: another account than was known is then for two people to change."""

    credential: int
    person: int
    account: str | None
    by_staff: bool = False


Command = Settle | Reverse | Confirm | Withdraw | Adjust | Judge | Agree


@dataclass(frozen=True, slots=True)
class Hospital:
    """A hospital as the programme knows it, or as the feed describes one that it does not."""

    id: str
    name: str
    area: str
    grade: int | None
    designated_from: date | None
    designated_to: date | None
    desk: bool

    def designated(self, on: date) -> bool:
        return (self.designated_from is not None and self.designated_from <= on
                and (self.designated_to is None or on <= self.designated_to))


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose accumulators a policy uses: those of one product, of the insured or of the policyholder's household."""

    product: str
    whose: int


@dataclass(frozen=True, slots=True)
class Cover:
    """A policy as the desk sees it. `facts` were frozen when it was decided."""

    order: int
    position: int
    insured: int
    offer: int
    product: str
    share: int
    period_from: date
    period_to: date
    facts: Mapping[str, Any]
    scope: Scope


@dataclass(slots=True)
class Paying:
    """What one policy pays of a settlement. `posted_fen` has reached the books; `target` is what would be right now."""

    cover: Cover
    payments: tuple[Payment, ...]
    target: tuple[Payment, ...]
    posted_fen: int = 0
    bill: Settlement | None = None

    @property
    def pay_fen(self) -> int:
        return sum(payment.pay for payment in self.payments)

    @property
    def target_fen(self) -> int:
        return sum(payment.pay for payment in self.target)


@dataclass(slots=True)
class Taken:
    """A settlement that was taken up, while a batch moves it on."""

    id: int
    setl_id: str
    person: int
    hospital: str
    mdtrt_id: str
    way: Way
    at: datetime
    settled_on: date
    admitted_on: date | None
    medfee_fen: int
    person_fen: int
    pay_fen: int
    payee: Payee
    state: SettlementState
    deadline: datetime | None = None
    adjust_at: datetime | None = None
    paying: list[Paying] = field(default_factory=list)


class BenefitTold(msgspec.Struct, frozen=True):
    """What a benefit pays, in fen: the cost it looks at, what deductibles took, what remained, what bands made of it, what caps left."""

    benefit: str
    name: str
    base_fen: int
    deductible_fen: int
    covered_fen: int
    payable_fen: int
    pay_fen: int


class RemainingTold(msgspec.Struct, frozen=True):
    """A deductible or a cap after this settlement: how much of it is used, and what is left."""

    name: str
    kind: Literal["deductible", "cap"]
    per: str
    fen: int
    used_fen: int
    left_fen: int


class PolicyPaysTold(msgspec.Struct, frozen=True):
    """What one policy pays, with each step in both languages, and what remains of its deductibles and caps."""

    policy: str
    product: str
    name: str
    insurer: str
    pay_fen: int
    benefits: tuple[BenefitTold, ...]
    zh: tuple[str, ...]
    en: tuple[str, ...]
    remaining: tuple[RemainingTold, ...]
    plan_digest: str
    engine: str


class PayerTold(msgspec.Struct, frozen=True):
    """What one payer bears of the bill, by its national field; this insurance is `commercial_pay`."""

    payer: str
    zh: str
    fen: int


class SettlementTold(msgspec.Struct, frozen=True, omit_defaults=True):
    """A settlement as the desk reads it: every payer in one answer. Amounts in fen.

    `state` is `pre` for a pre-settlement, which promises nothing. `confirm_by` is until when the hospital says that it
    deducted `pay_fen`; `person_left_fen` is what the patient then still pays.
    """

    settlement: str
    setl_id: str
    mdtrt_id: str
    state: str
    payee: str
    medfee_sumamt_fen: int
    person_fen: int
    pay_fen: int
    person_left_fen: int
    payers: tuple[PayerTold, ...]
    policies: tuple[PolicyPaysTold, ...]
    zh: str
    en: str
    notes: tuple[str, ...] = ()
    provisional: bool = False
    confirm_by: datetime | None = None


class PolicyKept(msgspec.Struct, frozen=True):
    """What the plain record keeps of a policy's payment: whose and how much, and nothing of why."""

    policy: str
    pay_fen: int


class SettlementKept(msgspec.Struct, frozen=True):
    """What the plain record keeps of an answer; the whole answer is sealed with the evidence."""

    settlement: str
    state: str
    payee: str
    pay_fen: int
    policies: tuple[PolicyKept, ...]


class AgreedTold(msgspec.Struct, frozen=True):
    """Whether a person is paid without an application from now on."""

    agreed: bool
    zh: str
    en: str


class MovedTold(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a settlement stands after a confirmation, a withdrawal, a reversal, an adjustment or a judgement."""

    settlement: str
    state: str
    payee: str
    pay_fen: int
    posted_fen: int
    zh: str
    en: str
    more_due_fen: int = 0
    less_due_fen: int = 0
