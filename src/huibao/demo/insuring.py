"""Residents of the demonstration who were insured in time: a city whose hospitals have somebody to settle for."""

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any, Final

import msgspec
from psycopg import AsyncConnection

from huibao.benefits import loading as plans
from huibao.catalogue.model import Programme
from huibao.catalogue.terms import TO_ACCEPT, terms_text
from huibao.core.batcher import Waiting
from huibao.core.chain import sm3
from huibao.core.clock import SimulatedClock
from huibao.core.sealing import Keyring
from huibao.core.time import SHANGHAI, business_date
from huibao.db.connect import connect_owner, connect_service
from huibao.demo.people import SQL
from huibao.demo.programmes import DemoProgramme
from huibao.enrolment.model import Buy, Command, Consent, IdentityCheck, InsuredWish, OrderTold, Paid, PayWith
from huibao.enrolment.work import Orders
from huibao.policies.numbers import read_number
from huibao.record.lane import Lane
from huibao.record.model import DONE, NOBODY, Answer, body_digest, key_digest
from huibao.scheme import loading as schemes
from huibao.scheme.model import in_force

#: So many residents of each programme are asked; whom scheme or plan does not take stays uninsured.
ASKED: Final = 60
#: So many others apply today where an agency reviews: its clerk has somebody in the queue.
APPLYING: Final = 24
#: Stands for the credentials under which people bought before the demonstration began.
THEIR_OWN: Final = 2**40
_CASH_FIRST: Final[tuple[PayWith, ...]] = ("cash", "account")


def insure(owner_url: str, programmes: Sequence[DemoProgramme], keyring: Keyring, at: datetime) -> None:
    """Sells each programme's first product as on the eve of its cover, once: to characters who bought it, and to some residents, for
    cash, or where a scheme takes no cash alone from the account. Where an agency reviews, others apply today to pay from their accounts."""
    for programme in programmes:
        with connect_owner(owner_url, "huibao demo") as connection, connection.transaction():
            connection.execute(SQL["enter"], {"schema": f"p_{programme.code}"})
            row = connection.execute(SQL["count_policies"]).fetchone()
            given = {"characters": len(programme.characters), "before": (at - timedelta(days=20 * 366)).date(), "most": ASKED + APPLYING}
            residents = [id for (id,) in connection.execute(SQL["residents"], given).fetchall()]
        sold = next((shown for shown in programme.products if shown.sale and shown.sale.since <= business_date(at)), None)
        if row is None or row[0] or sold is None or sold.sale is None:
            continue
        plan = plans.builtin(sold.plan)
        eve = datetime.combine(max(sold.sale.since, plan.valid_from - timedelta(days=1)), time(10), SHANGHAI)
        lead = "、".join(insurer.name for insurer in programme.insurers)
        terms = sm3(terms_text(plan, lead).encode()).hex()
        wish = plan.tier_ids[0] if plan.tiers else None
        running = Programme(programme.code, programme.name, programme.area, f"p_{programme.code}", schemes.builtin(programme.scheme))

        order = partial(_order, plan.id, terms)
        asyncio.run(_sell(owner_url, running, keyring, min(eve, at), [
            *(order(one.buyer, one.insured, one.tier, one.pay_with, min(eve, at)) for one in programme.bought),
            *(order(person, (person,), wish, pay_with, min(eve, at)) for pay_with in _CASH_FIRST for person in residents[:ASKED])]))
        if _reviews(running, business_date(at)) and business_date(at) <= sold.sale.until:
            asyncio.run(_sell(owner_url, running, keyring, at, [
                order(person, (person,), wish, "account", at) for person in residents[ASKED:]]))


def _order(product: str, terms: str, buyer: int, insured: Sequence[int], tier: str | None, pay_with: PayWith, at: datetime) -> Buy:
    """An order that somebody enters for these."""
    wishes = tuple(InsuredWish(person, tier) for person in insured)
    return Buy(THEIR_OWN, buyer, product, wishes, pay_with, Consent(terms, TO_ACCEPT, "demo", guardian=True),
               IdentityCheck(buyer, "counter", True, at, "demo"))


def _reviews(programme: Programme, on: date) -> bool:
    """Whether somebody reviews what accounts pay for; silence leaves it to the agency."""
    account, review = in_force(programme.scheme.account, on), in_force(programme.scheme.review, on)
    return account is not None and account.open and (review is None or review.by == "agency")


async def _sell(owner_url: str, programme: Programme, keyring: Keyring, at: datetime, orders: Sequence[Buy]) -> None:
    async def connect() -> AsyncConnection[Any]:
        return await connect_service(owner_url, "huibao demo")

    lane: Lane[Any, Any] = Lane(connect, SimulatedClock(at), {programme.code: (programme.schema, Orders(programme, keyring))})
    try:
        answers = await _batch(lane, programme.code, [(f"demo-{order.pay_with}-{order.buyer}", order) for order in orders])
        made = [msgspec.json.decode(answer.body, type=OrderTold) for answer in answers if answer.outcome == DONE]
        waiting = [order for order in made if order.state == "awaiting-payment"]
        numbers = [read_number(programme.code, order.order) for order in waiting]
        await _batch(lane, programme.code, [
            (f"demo-paid-{number[0]}", Paid(NOBODY, number[0], order.cash_fen, f"demo-{order.order}"))
            for order, number in zip(waiting, numbers, strict=True) if number is not None])
    finally:
        await lane.close()


async def _batch(lane: Lane[Any, Any], code: str, commands: Sequence[tuple[str, Command]]) -> list[Answer]:
    loop = asyncio.get_running_loop()
    batch = [Waiting[Any, Answer](key_digest("demo", key), body_digest("demo", "demo", code, key.encode()), command, 0,
                                   loop.create_future())
             for key, command in commands]
    answers = await lane.run(code, batch) if batch else []
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return [answer for answer in answers if isinstance(answer, Answer)]
