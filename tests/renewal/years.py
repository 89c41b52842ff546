"""A city that sells one product two years running; commands of every family on lanes of their own, and what comes of them."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any, Final

import msgspec

from huibao.app import families
from huibao.benefits.model import Plan
from huibao.core.batcher import Waiting
from huibao.db.connect import connect_service
from huibao.enrolment.model import Buy, InsuredWish
from huibao.record.lane import Lane
from huibao.record.model import Answer, body_digest, key_digest
from huibao.renewal.model import Asked, RenewalTold
from tests import books
from tests.books import KEYRING, City, Someone, another, buy, owner, rows, small_city
from tests.database import MakeProgramme

FIRST, SECOND, THIRD = "xizang-example-2026", "next-2027", "next-2028"
PEOPLE: Final = (
    Someone(1, "1985-06-15", personal="8000", kin="2 父母 账户；4 子女 账户；5 配偶 账户"),
    Someone(2, "1955-02-11", insurance="居民 正常"), Someone(4, "2016-09-01", insurance="居民 正常"),
    Someone(5, "1986-01-20", personal="9000", kin="1 配偶 账户"), Someone(6, "1980-01-01", personal="9000"))
_KEYS: Final = count(1)


def noon(on: date) -> datetime:
    return datetime(on.year, on.month, on.day, 4, tzinfo=UTC)


def following(plan: Plan, id: str, *changes: tuple[str, str], year: int = 2027, premium: str = "188") -> Plan:
    """The next year of a plan: its dates, what it renews, and what else changes."""
    dated = "\n".join(line for line in plan.text.splitlines() if line.startswith(("valid = ", "renews = ")))
    return another(plan, id, (dated, f'valid = {{ from = {year}-01-01, to = {year}-12-31 }}\nrenews = "{plan.id}"'), *changes, premium=premium)


def two_years(make: MakeProgramme, *changes: tuple[str, str], premium: str = "188", scheme: str = "xizang", **more: Any) -> City:
    """A city whose product of 2026 goes on in 2027, which sells from November to March."""
    city = small_city(make, scheme, PEOPLE, **more)
    with owner(city) as connection:
        books.put_on_sale(city, connection, following(city.plan, SECOND, *changes, premium=premium), date(2026, 11, 1), date(2027, 3, 31))
    return city


def serve(city: City, *commands: Any, at: datetime, keys: Sequence[str] | None = None) -> list[Answer]:
    """The answers of commands of one family, in one batch."""
    async def run() -> list[Answer]:
        works = families.works(city.running, KEYRING, bytes(32))
        queue = families.queue(city.code, commands[0])
        lane: Lane[Any, Any] = Lane(lambda: connect_service(city.url), city.clock, {queue: (city.schema, works[queue])})
        loop = asyncio.get_running_loop()
        batch = [Waiting[Any, Answer](key_digest("test", key), body_digest("test", "route", city.code, msgspec.json.encode(command)), command, 0,
                                      loop.create_future())
                 for key, command in zip(keys or [f"renewal-{next(_KEYS)}" for _ in commands], commands, strict=True)]
        try:
            answers = await lane.run(queue, batch)
        finally:
            await lane.close()
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return [answer for answer in answers if isinstance(answer, Answer)]

    city.clock.set(at, backwards=True)
    return asyncio.run(run())


def told(answer: Answer) -> RenewalTold:
    assert answer.outcome == "done", answer.body.decode()
    return msgspec.json.decode(answer.body, type=RenewalTold)


def asked(answer: Answer) -> Asked:
    assert answer.outcome == "done", answer.body.decode()
    return msgspec.json.decode(answer.body, type=Asked)


def confirm(city: City, buyer: int, *policies: tuple[int, int], at: datetime, fen: int | None, product: str = SECOND, **more: Any) -> Buy:
    """The order of somebody who confirms proposals, with everything agreed to."""
    insured = {(order, position): (who, tier) for order, position, who, tier in rows(city, "SELECT order_id, position, insured_id, tier FROM renewal")}
    command = buy(city, buyer, at=at, product=product, **more)
    wishes = tuple(InsuredWish(*insured.get(policy, (buyer, "base"))) for policy in policies)
    return Buy(command.credential, buyer, product, wishes, command.pay_with, command.consent, command.identity, renewing=policies, quoted_fen=fen)


def proposals(city: City) -> list[tuple[Any, ...]]:
    """State, premium, next reminder and reason of each proposal, by the policy that ends."""
    return rows(city, "SELECT insured_id, state, premium_fen, remind_on, why FROM renewal ORDER BY order_id, position")


def notices(city: City) -> list[tuple[int, str]]:
    return rows(city, "SELECT person_id, zh FROM notice ORDER BY id")


def money(city: City) -> list[tuple[Any, ...]]:
    """Everything that a silent charge would leave behind."""
    return rows(city, "SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM policy), (SELECT count(*) FROM hold),"
                      " (SELECT count(*) FROM transfer), (SELECT sum(held_fen) FROM account), (SELECT sum(debit_fen) FROM account)")


def day_of(at: datetime, days: int) -> datetime:
    return at + timedelta(days=days)
