"""The words of a question to a scheme: a person, a product, a purchase to decide."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Enrolment:
    """One basic insurance of a person: national `insutype`, `psn_insu_stas` and `insuplc_admdvs`."""

    insurance: str
    status: str
    area: str


@dataclass(frozen=True, slots=True)
class Person:
    """What decides about a person: each enrolment (310 and 390 can both be active), and the chronic benefit."""

    enrolments: tuple[Enrolment, ...]
    chronic_benefit: bool = False


@dataclass(frozen=True, slots=True)
class Product:
    """What decides about a product in the year asked about; `listed` is the scheme's own confirmation of it."""

    kind: str
    features: tuple[str, ...] = ()
    listed: bool = True
    account_open: bool = True


@dataclass(frozen=True, slots=True)
class Purchase:
    """A purchase to decide.

    For oneself `payer` and `insured` are the same person. `account_family` says that the insured is registered to the
    payer's account. `balances_fen` is per account (`personal`, `savings`), before this order and net of other holds;
    `paid_this_year_fen` is what the payer's account has paid in the limit's year, live holds included. `taken_fen`, per
    account, is what insured persons before this one take in the same order: the minimum balance is that before the
    order, what may be spent is what they leave.
    """

    payer: Person
    insured: Person
    relation: str
    product: Product
    premium_fen: int
    pay_with: str
    balances_fen: tuple[tuple[str, int], ...] = ()
    paid_this_year_fen: int = 0
    account_family: bool = False
    taken_fen: tuple[tuple[str, int], ...] = ()

    def __post_init__(self) -> None:
        amounts = [self.premium_fen, self.paid_this_year_fen, *(fen for _, fen in self.balances_fen),
                   *(fen for _, fen in self.taken_fen)]
        if min(amounts) < 0:
            raise ValueError("premium, balances and earlier payments are at least zero")
        if self.pay_with not in ("account", "cash"):
            raise ValueError(f"a purchase is paid with account or cash, not {self.pay_with!r}")
