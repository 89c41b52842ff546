"""Many desks at once: each a lane with a connection of its own, one batch or several at the same moment."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

from huibao.core.batcher import Waiting
from huibao.enrolment.model import Paid, PayWith
from huibao.record.lane import Lane
from huibao.record.model import Answer, body_digest, key_digest
from huibao.settlement.model import Command
from huibao.settlement.state import State
from huibao.settlement.work import Desk
from tests.books import KEYRING, City, buy, order, order_id, rows
from tests.books import Desk as Orders
from tests.record.clerk import Told, service
from tests.settlement.ward import INDEX_KEY

#: A deadlock, where there is one, is found at once.
QUICK: Final = "-c deadlock_timeout=20ms"


def insure(city: City, *families: Sequence[int], product: str | None = None) -> None:
    """Each family's first member buys for all of them, in cash where the city takes it."""
    pay_with: PayWith = "account" if city.scheme.id == "xizang" else "cash"
    with Orders(city) as counter:
        made = counter.run([buy(city, family[0], *family, product=product, pay_with=pay_with) for family in families])
        owed = [Paid(1, order_id(city, answer), order(answer).cash_fen, "ref") for answer in made if order(answer).cash_fen]
        paid = counter.run(owed) if owed else []
        assert sum(order(answer).state == "completed" for answer in (*made, *paid)) == len(families)


@asynccontextmanager
async def desks(city: City, count: int) -> AsyncIterator[list[Lane[Command, State]]]:
    """So many desks that settle at once, each with a lane and a connection of its own."""
    lanes = [Lane[Command, State](service(city, QUICK), city.clock, {city.code: (city.schema, Desk(city.running, KEYRING, INDEX_KEY))})
             for _ in range(count)]
    try:
        yield lanes
    finally:
        await asyncio.gather(*(lane.close() for lane in lanes))


async def ask(city: City, lane: Lane[Command, State], commands: Mapping[str, Command]) -> dict[str, Told]:
    """What one batch of a desk is told, by key."""
    loop = asyncio.get_running_loop()
    batch = [Waiting[Command, Answer](key_digest("ward", key), body_digest("ward", "desk", city.code, repr(command).encode()), command, 0,
                                      loop.create_future()) for key, command in commands.items()]
    return dict(zip(commands, await lane.run(city.code, batch), strict=True))


def each_at_once(city: City, batches: Sequence[Mapping[str, Command]]) -> list[dict[str, Told]]:
    """Every batch at a desk of its own, all at the same moment."""
    async def story() -> list[dict[str, Told]]:
        async with desks(city, len(batches)) as lanes:
            return list(await asyncio.gather(*(ask(city, lane, batch) for lane, batch in zip(lanes, batches, strict=True))))

    return asyncio.run(story())


def at_once(city: City, batches: Sequence[Mapping[str, Command]]) -> dict[str, Told]:
    """As `each_at_once`, where every key comes once."""
    return {key: answer for told in each_at_once(city, batches) for key, answer in told.items()}


def accepted(city: City, keys: Sequence[str]) -> list[str]:
    """Keys in the order in which their commands were accepted."""
    seqs = {bytes(key.bytes): seq for key, seq in rows(city, "SELECT r.key, e.seq FROM request r JOIN event e ON e.request_id = r.id")}
    return sorted(keys, key=lambda key: seqs[key_digest("ward", key)])
