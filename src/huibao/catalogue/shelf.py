"""What a programme sells, held in memory and read again when the catalogue's version has moved."""

from functools import lru_cache
from typing import Any, Final

from psycopg import AsyncConnection

from huibao.benefits import loading
from huibao.benefits.model import Plan
from huibao.catalogue.model import Offer, Shelf
from huibao.db import sqlfile

SQL: Final = sqlfile.load("huibao.catalogue")


async def load(connection: AsyncConnection[Any], version: int) -> Shelf:
    """The shelf at `version`, which was read in the same transaction."""
    rows = await (await connection.execute(SQL["offers"])).fetchall()
    cash = await (await connection.execute(SQL["cash_account"])).fetchone()
    assert cash is not None, "the account of people's cash is made with the programme"
    offers = [
        Offer(offer, product, name, label, state, since, until, listed_by, lead, plan_of(product, plan), plan_digest, terms, digest, engine,
              tuple(zip(since_days, versions, strict=True)), clearing, income, connected)
        for product, name, state, since, until, listed_by, label, lead, offer, plan_digest, digest, engine, plan, terms,
        since_days, versions, clearing, income, connected in rows
    ]
    return Shelf(version, {offer.product: offer for offer in offers}, {offer.id: offer for offer in offers}, cash[0])


@lru_cache(maxsize=512)
def plan_of(product: str, text: str) -> Plan:
    """The plan in a stored text: it was checked when it was listed."""
    return loading.load_text(f"{product}.toml", text)
