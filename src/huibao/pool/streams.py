"""Cumulative totals of a product's streams, and the statement that members read off them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from psycopg import AsyncConnection, Connection

from huibao.db import sqlfile
from huibao.db.arrays import Int8s, Texts
from huibao.db.wire import Wire
from huibao.pool.shares import of_total

SQL: Final = sqlfile.load("huibao.pool")

STREAMS: Final = ("premium", "premium-returned", "claim", "claim-returned")

#: Product, version of the shares, stream.
Stream = tuple[str, int, str]


class Adding:
    """What one batch adds to streams."""

    def __init__(self) -> None:
        self._fen: defaultdict[Stream, int] = defaultdict(int)

    def add(self, product: str, version: int, stream: str, fen: int) -> None:
        if fen:
            self._fen[product, version, stream] += fen

    def write(self, wire: Wire, at: datetime) -> None:
        """Queues the additions; under the lock of the chain's head."""
        if not self._fen:
            return
        keys, fen = zip(*sorted(self._fen.items()), strict=True)
        products, versions, streams = zip(*keys, strict=True)
        wire.ask(SQL["add"], {
            "at": at, "products": Texts(products), "versions": Int8s(versions), "streams": Texts(streams), "fen": Int8s(fen)})


@dataclass(frozen=True, slots=True)
class MemberPart:
    """What one insurer has of one stream, under one version of the shares."""

    version: int
    since: date
    stream: str
    insurer: str
    weight: int
    fen: int


async def statement(connection: AsyncConnection[Any], product: str) -> list[MemberPart]:
    """Every member's part of every stream of a product so far; those of a stream add up to its total."""
    async with connection.pipeline():
        shares = await connection.execute(SQL["shares"], {"product": product})
        totals = await connection.execute(SQL["totals"], {"product": product})
        members: defaultdict[int, list[tuple[date, str, int]]] = defaultdict(list)
        for version, since, insurer, weight in await shares.fetchall():
            members[version].append((since, insurer, weight))
        rows = await totals.fetchall()
    return [
        MemberPart(version, since, stream, insurer, weight, part)
        for version, stream, total in rows
        for (since, insurer, weight), part in zip(members[version], of_total(total, [m[2] for m in members[version]]), strict=True)
    ]


def open_pool(connection: Connection[Any], product: str, version: int, members: Mapping[str, int], since: date) -> None:
    """Sets the shares of a product from a day on, weights by insurer in order; later policies are bound by them."""
    positions: Sequence[int] = range(len(members))
    connection.execute(SQL["insert_shares"], {
        "product": product, "version": version, "since": since, "positions": list(positions), "insurers": list(members),
        "weights": list(members.values())})
    connection.execute(SQL["insert_totals"], {"product": product, "version": version, "streams": list(STREAMS)})
