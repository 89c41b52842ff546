"""What anyone may read without signing in: programmes, products, premiums in words, terms."""

from datetime import date
from typing import Final

import msgspec

from huibao.benefits.conditions import ALWAYS, in_words
from huibao.benefits.model import Plan
from huibao.catalogue.model import Offer
from huibao.catalogue.terms import TO_ACCEPT
from huibao.core.money import yuan
from huibao.core.time import business_date
from huibao.scheme import words
from huibao.scheme.sentences import called
from huibao.web import refusals
from huibao.web.operations import Call, Nothing, operation
from huibao.web.problems import Refused


class ProgrammeLine(msgspec.Struct, frozen=True):
    """A programme and the document that decides in it."""

    programme: str
    name: str
    document: str
    document_status: str


class Programmes(msgspec.Struct, frozen=True):
    """The programmes that this service runs."""

    programmes: tuple[ProgrammeLine, ...]


class ProductLine(msgspec.Struct, frozen=True):
    """A product in the catalogue; `label` 示例 is an example and no real insurance. `connected` is its insurer's system."""

    product: str
    name: str
    label: str
    kind: str
    state: str
    on_sale_from: date | None
    on_sale_to: date | None
    insurer: str
    listed_by: str | None
    connected: bool


class Products(msgspec.Struct, frozen=True):
    """A programme's catalogue."""

    products: tuple[ProductLine, ...]


class PremiumLine(msgspec.Struct, frozen=True):
    """A premium and whom it is for; the first line that fits is the one."""

    when: str
    premium_fen: int
    zh: str


class ProductRead(msgspec.Struct, frozen=True):
    """A product with its terms; a purchase quotes `terms_digest` and confirms each of `to_accept`."""

    product: ProductLine
    valid_from: date
    valid_to: date
    tiers: dict[str, str]
    premium: tuple[PremiumLine, ...]
    terms: str
    terms_digest: str
    to_accept: tuple[str, ...]
    plan_digest: str
    engine: str


_LINE: Final = ProductLine("example-2026", "示例产品", "示例", "医疗保险", "on-sale", date(2026, 1, 1), date(2026, 3, 31), "anxin",
                           "tender", True)
_PRODUCT: Final = ProductRead(_LINE, date(2026, 1, 1), date(2026, 12, 31), {"base": "基础版"}, (PremiumLine("任何情形", 16_800, "168.00 元"),),
                              "示例产品……\n", "7c1f" * 16, TO_ACCEPT, "93bd" * 16, "1")


@operation("GET", "/v1/programmes", asks=Nothing, answers=Programmes,
           answered=Programmes((ProgrammeLine("990000", "示例市", "《示例办法》", "example"),)))
async def programmes(call: Call[Nothing]) -> Programmes:
    """Lists the programmes that this service runs."""
    return Programmes(tuple(
        ProgrammeLine(code, programme.name, called(programme.scheme.document), programme.scheme.document.status)
        for code, programme in sorted(call.engine.programmes.items())))


@operation("GET", "/v1/{programme}/products", asks=Nothing, answers=Products, answered=Products((_LINE,)))
async def products(call: Call[Nothing]) -> Products:
    """Lists a programme's products: those on sale, and those that can only be read."""
    shelf = await call.engine.shelf(call.path["programme"])
    today = business_date(call.engine.clock.now())
    return Products(tuple(_line(offer, today) for offer in shelf.offers.values()))


@operation("GET", "/v1/{programme}/products/{product}", asks=Nothing, answers=ProductRead, answered=_PRODUCT)
async def product(call: Call[Nothing]) -> ProductRead:
    """Reads a product: premiums in words, the terms as a buyer agrees to them, their digest."""
    shelf = await call.engine.shelf(call.path["programme"])
    offer = shelf.offers.get(call.path["product"])
    if offer is None:
        raise Refused(refusals.product_unknown())
    plan = offer.plan
    return ProductRead(_line(offer, business_date(call.engine.clock.now())), plan.valid_from, plan.valid_to, dict(plan.tiers),
                       _premium(plan), offer.terms, offer.terms_digest.hex(), TO_ACCEPT, plan.digest, offer.engine)


def _line(offer: Offer, today: date) -> ProductLine:
    state = offer.state if offer.state != "on-sale" or offer.sells(today) else "readable"
    return ProductLine(offer.product, offer.name, offer.label, words.KINDS[offer.plan.kind], state, offer.on_sale_from, offer.on_sale_to,
                       offer.lead, offer.listed_by, offer.connected)


def _premium(plan: Plan) -> tuple[PremiumLine, ...]:
    return tuple(
        PremiumLine(in_words(row.condition) if row.condition != ALWAYS else "其他情形" if n else "任何情形", row.fen, f"{yuan(row.fen)} 元")
        for n, row in enumerate(plan.premium))


OPERATIONS: Final = (programmes, products, product)
