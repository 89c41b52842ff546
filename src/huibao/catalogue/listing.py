"""Loading a product with its texts, accounts and pool, and putting it on sale; by the owner or the service."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from psycopg import Connection

from huibao import ENGINE
from huibao.benefits.listing import refusals
from huibao.benefits.model import Plan
from huibao.catalogue.shelf import SQL
from huibao.catalogue.terms import terms_text
from huibao.core.chain import sm3
from huibao.core.refusal import Refusal
from huibao.ledger.books import SQL as LEDGER
from huibao.pool.streams import open_pool
from huibao.scheme.model import Scheme, in_force
from huibao.scheme.sentences import refuse

#: The version of the language that plan and scheme files are written in; old versions load for ever.
SYNTAX = 1


def load_product(
    connection: Connection[Any], scheme: Scheme, scheme_text: str, plan: Plan, insurers: Mapping[str, tuple[str, int]], at: datetime
) -> None:
    """A product as readable, once: texts, wording, its accounts, its pool.

    `insurers` has name and weight of each co-insurer by id, the lead first. Within the caller's transaction and schema.
    """
    lead = next(iter(insurers))
    terms = terms_text(plan, "、".join(name for name, _ in insurers.values()))
    texts = {"plan": (plan.id, plan.text), "scheme": (scheme.id, scheme_text), "terms": (plan.id, terms)}
    digests = {kind: sm3(body.encode()) for kind, (_, body) in texts.items()}
    for kind, (name, body) in texts.items():
        connection.execute(SQL["insert_text"], {"digest": digests[kind], "kind": kind, "name": name, "syntax": SYNTAX,
                                                "body": body, "at": at})
    connection.execute(SQL["insert_product"], {"id": plan.id, "name": plan.name, "plan": digests["plan"], "lead": lead,
                                               "label": "示例" if plan.status == "example" else ""})
    for kind in ("clearing", "income", "payout"):
        connection.execute(SQL["insert_product_account"], {"kind": kind, "product": plan.id, "party": lead})
    connection.execute(LEDGER["open_claim_accounts"], {
        "product": plan.id, "kinds": ["claims", "claimant", *("insurer" for _ in insurers)], "parties": [lead, lead, *insurers]})
    connection.execute(SQL["insert_offer"], {"product": plan.id, **digests, "engine": ENGINE, "at": at})
    open_pool(connection, plan.id, 1, {insurer: weight for insurer, (_, weight) in insurers.items()}, plan.valid_from)
    connection.execute(SQL["raise_version"])


def put_on_sale(
    connection: Connection[Any], scheme: Scheme, plan: Plan, since: date, until: date, route: str
) -> Refusal | None:
    """Puts a loaded product on sale, or says under which clause it cannot be. Within the caller's transaction."""
    refused = not_for_sale(scheme, plan, since, until, route)
    if refused is None:
        connection.execute(SQL["list_product"], {"id": plan.id, "since": since, "until": until, "route": route})
        connection.execute(SQL["raise_version"])
    return refused


def not_for_sale(scheme: Scheme, plan: Plan, since: date, until: date, route: str) -> Refusal | None:
    """Why a product cannot be sold in this time, selected on this route; None where it can."""
    refused = next(iter(refusals(plan, scheme)), None)
    if refused:
        return refused
    listing = in_force(scheme.listing, since)
    if listing and route not in listing.by:
        return refuse(scheme, listing.basis.cite, "product.route_not_provided",
                      f"上架途径应为{'、'.join(listing.by)}，不是 {route}，请按规定的途径遴选后再上架",
                      f"{route} is no route of selection here: select by {', '.join(listing.by)}", route=route)
    if until >= plan.valid_to:
        return Refusal("product.sale_too_long", None,
                       f"投保期应在保障期最后一天（{plan.valid_to}）之前结束，否则次日没有保障可言，请提前结束。",
                       f"the sale must end before the last day of cover ({plan.valid_to}): what is bought then would cover nothing",
                       {"until": until.isoformat(), "valid_to": plan.valid_to.isoformat()})
    return None


def record_connection_test(
    connection: Connection[Any], insurer: str, passed: bool, report: str, credential: int, at: datetime
) -> None:
    """Keeps a test of an insurer's system; the latest one decides whether its products sell. In the caller's transaction."""
    connection.execute(SQL["insert_connection_test"], {"insurer": insurer, "at": at, "passed": passed, "report": report,
                                                       "credential": credential})
    connection.execute(SQL["raise_version"])
