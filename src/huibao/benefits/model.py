"""The words of a plan: what an insurer's terms decide, as loaded from its file.

Amounts are fen, ratios ten-thousandths. A plan is immutable; a policy stores the hash of its text.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal

from huibao.benefits.conditions import ALWAYS, Condition
from huibao.benefits.facts import Value

#: The four parts of a bill that are left to the person, in the order in which a bill states them: the in-scope part
#: after all funds, the part of class-B items paid first, the part over a price limit, and what is fully self-paid.
BUCKETS: Final = ("in_scope_self_pay", "preselfpay_amt", "overlmt_selfpay", "fulamt_ownpay_amt")
BUCKET_ZH: Final = ("医保范围内自付", "乙类先行自付", "超限价自费", "全自费")

#: Payers of the national message that a plan may stand before or after (`fund_pay_sumamt` is their sum), and the
#: column in which a file carries what another indemnity programme paid.
FUND_PAYERS: Final = ("hifp_pay", "cvlserv_pay", "hifes_pay", "hifmi_pay", "hifob_pay", "maf_pay", "hifdm_pay", "oth_pay")
OTHER_PAYER: Final = "other_insurance_pay"

VisitDate = Literal["admission", "discharge", "settlement", "split"]
Period = Literal["visit", "year"]
Per = Literal["visit", "year", "item", "unit"]
Scope = Literal["person", "household"]
WhenBoth = Literal["", "best", "first", "last"]
AfterStart = Literal["none", "days", "months"]


@dataclass(frozen=True, slots=True)
class Band:
    """From `above_fen` up to the next band: a ratio of what falls inside, and an amount due once when it is entered."""

    above_fen: int
    ratio: int
    flat_fen: int = 0


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount that varies with facts frozen at inception: the first, last or best of the variations that hold."""

    fen: int
    when: tuple[tuple[Condition, int], ...] = ()
    when_both: WhenBoth = ""


@dataclass(frozen=True, slots=True)
class Deductible:
    """What the insured bears first, of one benefit or shared by several.

    `proportion` splits what it takes over the parts of a bill; otherwise they use it up in the plan's order. `feeds`
    says whether what it took counts as seen by the deductibles further out.
    """

    id: str
    name: str
    benefits: tuple[int, ...]
    amount: Amount
    per: Period = "year"
    scope: Scope = "person"
    shared: bool = False
    proportion: bool = False
    feeds: bool = False


@dataclass(frozen=True, slots=True)
class Cap:
    """The most that is paid, of one benefit or over several, per item, visit or year."""

    id: str
    name: str
    benefits: tuple[int, ...]
    amount: Amount
    per: Per = "year"
    scope: Scope = "person"
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Limit:
    """The most expense that counts, per drug, implant, stay, year or unit, for the lines it is about."""

    name: str
    benefit: int
    amount_fen: int
    per: Per
    about: Condition = ALWAYS


@dataclass(frozen=True, slots=True)
class Variation:
    """What one `when` of a benefit changes in its bands: all of them, their ratios, or a share or points of these."""

    condition: Condition
    bands: tuple[Band, ...] | None = None
    ratios: tuple[int, ...] | None = None
    times: int | None = None
    points: int | None = None


@dataclass(frozen=True, slots=True)
class Benefit:
    """One benefit: which costs, and what is paid of what remains after the deductibles.

    `weights` has a ten-thousandth for each of `BUCKETS`. `from_zero` says that band edges are counted on the cost
    before the deductible; otherwise on what exceeds it.
    """

    id: str
    name: str
    weights: tuple[int, int, int, int]
    condition: Condition
    bands: tuple[Band, ...]
    from_zero: bool = False
    bands_per: Period = "year"
    variations: tuple[Variation, ...] = ()
    when_both: WhenBoth = ""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Visits that are not covered, and the words that say why."""

    name: str
    condition: Condition
    clause: str = ""
    benefits: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PremiumRow:
    condition: Condition
    fen: int


@dataclass(frozen=True, slots=True)
class Example:
    """A worked example: it runs as a test. `pays_fen` has one amount for each claim."""

    story: str
    person: Mapping[str, object]
    claims: tuple[Mapping[str, object], ...]
    pays_fen: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Preexisting:
    """How a plan defines pre-existing illness: groups of diagnoses, looked for so many years back."""

    look_back_years: int
    groups: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Surrender:
    """What of its premium a policy gives back that ends early.

    All of it before the first day of cover, and for `cooling_days` after it was paid; later that of the `after` left ("days", or
    whole "months"), less a fee: `fee_ratio` of it, or `fee_fen`. After a benefit was paid only where `after_benefit` says so.
    A plan that does not say has these defaults.
    """

    allowed: bool = True
    cooling_days: int = 0
    after: AfterStart = "none"
    fee_ratio: int = 0
    fee_fen: int = 0
    after_benefit: bool = False
    clause: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """An insurer's terms for one contract year."""

    id: str
    name: str
    kind: str
    status: str
    valid_from: date
    valid_to: date
    visit_counts_at: VisitDate
    benefits: tuple[Benefit, ...]
    tail_days: int = 0
    scheme: str | None = None
    account: str = "unstated"
    sources: tuple[str, ...] = ()
    tiers: tuple[tuple[str, str], ...] = ()
    premium: tuple[PremiumRow, ...] = ()
    join: Condition = ALWAYS
    features: tuple[str, ...] = ()
    expense_ratio: int | None = None
    profit_ratio: int | None = None
    ratio_reason: str = ""
    waiting_days: int = 0
    waiting_not_for: Condition | None = None
    before: tuple[str, ...] = ()
    preexisting: Preexisting | None = None
    surrender: Surrender = Surrender()
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    deductibles: tuple[Deductible, ...] = ()
    caps: tuple[Cap, ...] = ()
    limits: tuple[Limit, ...] = ()
    exclusions: tuple[Exclusion, ...] = ()
    examples: tuple[Example, ...] = ()
    notes: tuple[str, ...] = ()
    renews: str | None = None
    text: str = ""
    digest: str = ""

    @property
    def tier_ids(self) -> tuple[str, ...]:
        return tuple(tier for tier, _ in self.tiers)

    @property
    def household(self) -> bool:
        """Whether any accumulator is shared by a household, so that its members fold together."""
        return any(d.scope == "household" for d in self.deductibles) or any(c.scope == "household" for c in self.caps)


#: What a policy of a person is, for the arithmetic: facts frozen at inception, by name.
PolicyFacts = Mapping[str, Value]
