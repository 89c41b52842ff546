"""The words of the catalogue: a programme, and its products as they can be bought."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from huibao.benefits.model import Plan
from huibao.scheme.asked import Product
from huibao.scheme.model import Scheme


@dataclass(frozen=True, slots=True)
class Programme:
    """One city or province: its code, the schema of its tables, the scheme that decides."""

    code: str
    name: str
    area: str
    schema: str
    scheme: Scheme


@dataclass(frozen=True, slots=True)
class Offer:
    """A product in the wording in which it is sold now.

    `plan_digest` and `terms_digest` are the SM3 of the plan's text and of `terms`, which is what a buyer reads and agrees
    to. `connected` says whether the lead insurer's system passed its latest test. Accounts are ids in the programme's books.
    """

    id: int
    product: str
    name: str
    label: str
    state: str
    on_sale_from: date | None
    on_sale_to: date | None
    listed_by: str | None
    lead: str
    plan: Plan
    plan_digest: bytes
    terms: str
    terms_digest: bytes
    engine: str
    shares: tuple[tuple[date, int], ...]
    clearing_id: int
    income_id: int
    connected: bool

    def sells(self, on: date) -> bool:
        return (self.state == "on-sale" and self.on_sale_from is not None and self.on_sale_to is not None
                and self.on_sale_from <= on <= self.on_sale_to)

    def cover_from(self, on: date) -> date:
        """The first day of cover of what is captured on a day: the plan's first day, or the next day where that is later."""
        return max(self.plan.valid_from, on + timedelta(days=1))

    def share_on(self, day: date) -> int:
        """The version of the pool's shares that binds a policy which starts on a day; the first, before any."""
        return next((version for since, version in reversed(self.shares) if since <= day), self.shares[0][1])

    @property
    def decided_by(self) -> Product:
        """What a scheme decides a purchase by."""
        return Product(self.plan.kind, self.plan.features, self.listed_by is not None, self.plan.account != "closed")


@dataclass(frozen=True, slots=True)
class Shelf:
    """What a programme offers by product, every wording it was ever sold under by id, and the account of people's cash.

    As of a version of the catalogue.
    """

    version: int
    offers: Mapping[str, Offer]
    wordings: Mapping[int, Offer]
    cash_id: int

    def renews(self, product: str) -> str | None:
        """The product whose next year a product is."""
        return self.offers[product].plan.renews if product in self.offers else None
