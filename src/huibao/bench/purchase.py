"""Orders: what a crowd of buyers asks of the service, and what the yardstick writes for each."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import psycopg
from rich.console import Console

from huibao.app.secrets import Secrets
from huibao.bench import market
from huibao.bench.market import SQL, Market
from huibao.bench.measuring import Bench, measure
from huibao.core.time import utc_now


class Purchases:
    """Payers who buy for themselves and their families; see `Trade`."""

    name: Final = "purchase"
    kind: Final = "purchase"
    what: Final = "order"
    script: Final = "purchase.pgbench.sql"
    scheme: Final = market.SCHEME.id
    area: Final = market.AREA
    wanted: Final = {"grant": {201}, "refuse": {422}, "replay": {201, 422}}

    def __init__(self, payers: int) -> None:
        self.payers = payers

    def found(self, connection: psycopg.Connection[Any], code: str, secrets: Secrets) -> None:
        market.found(connection, Market(code, self.payers), secrets, utc_now())

    def fill(self, url: str, code: str, secrets: Secrets) -> None:
        """Nothing: buyers come to an empty shop."""

    def requests(self, connection: psycopg.Connection[Any], code: str, secrets: Secrets) -> Iterator[tuple[str, bytes]]:
        row = connection.execute(SQL["terms"]).fetchone()
        assert row is not None, "a product on sale has terms"
        return market.orders(Market(code, self.payers), secrets, row[0], utc_now(), "bench")

    def given(self, connection: psycopg.Connection[Any]) -> Mapping[str, object]:
        del connection                                # sizes apart, an order is an order
        return {"product": market.PLAN.id, "near": min(market.NEAR, self.payers * market.FAMILY)}


def bench(console: Console, payers: int, count: int, rounds: int, workers: int, measured: type[Bench] = Bench) -> None:
    """Prints latency at few and many connections, what is written for each order, and the ratio."""
    measure(console, Purchases(payers), count, rounds, workers, measured)
