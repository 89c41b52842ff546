"""Commands a second over HTTP, beside the same rows in bare transactions through pgbench on the same server."""

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from statistics import median
from typing import Any, Final, Protocol
from urllib.error import URLError
from urllib.request import urlopen

import psycopg
from rich.console import Console

from huibao.app.secrets import Secrets
from huibao.bench import load
from huibao.bench.market import SQL
from huibao.core.time import utc_now
from huibao.db import arrays
from huibao.db.connect import connect_owner
from huibao.db.embedded import Embedded
from huibao.db.migrate import create_programme, migrate
from huibao.verify.run import verify_all

#: Two programmes of one database: the service's and the yardstick's, filled alike.
OURS, BARE = "990001", "990002"
CLIENTS: Final = (8, 16, 32, 64)
CONNECTIONS: Final = (1, 8, 256)
_WAKING: Final = 16


class Trade(Protocol):
    """What is measured: how a programme is filled, what is asked of the service and wanted of it, what the yardstick does instead.

    `tables` are those whose rows are compared; both sides start each run after a checkpoint, so that whole pages go to the WAL
    alike.
    """

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> str:
        """What its events are called."""
        ...

    @property
    def what(self) -> str:
        """What one of it is called."""
        ...

    @property
    def script(self) -> str: ...

    @property
    def scheme(self) -> str: ...

    @property
    def area(self) -> str: ...

    @property
    def wanted(self) -> Mapping[str, Collection[int]]: ...

    def found(self, connection: psycopg.Connection[Any], code: str, secrets: Secrets) -> None:
        """Fills the schema on the connection's search_path; the programme is there already."""
        ...

    def fill(self, url: str, code: str, secrets: Secrets) -> None:
        """What only the service's own commands may write, once the rest is committed."""
        ...

    def requests(self, connection: psycopg.Connection[Any], code: str, secrets: Secrets) -> Iterable[tuple[str, bytes]]:
        """Requests in the order in which a crowd sends them, each with what is wanted of it, by a name in `wanted`."""
        ...

    def given(self, connection: psycopg.Connection[Any]) -> Mapping[str, object]:
        """What the yardstick's script is told, so that it writes as much as the service did."""
        ...


@dataclass(frozen=True, slots=True)
class Written:
    """Rows inserted and updated per table, and bytes of WAL, over a number of commands."""

    count: int
    rows: dict[str, int]
    wal: int

    def each(self) -> tuple[float, int]:
        return sum(self.rows.values()) / self.count, self.wal // self.count


class Bench:
    """One server, one service, one yardstick; each run takes commands that no other run has taken."""

    def __init__(self, console: Console, folder: Path, trade: Trade, workers: int) -> None:
        self.console = console
        self.folder = folder
        self.trade = trade
        self.workers = workers
        self.server = Embedded(folder / "pg")
        self.taken = 0
        self.connection: psycopg.Connection[Any] | None = None

    def prepare(self) -> None:
        """The server with both programmes, and every request of ours in memory."""
        self.server.start()
        self.url = self.server.url()
        at = utc_now()
        migrate(self.url, at)
        self.secrets = Secrets.open(self.folder / "secrets.json")
        with connect_owner(self.url) as connection:
            for code in (OURS, BARE):
                create_programme(self.url, code, "bench", self.trade.scheme, self.trade.area, at)
                with connection.transaction():
                    connection.execute("SELECT set_config('search_path', %s, true)", [f"p_{code}, public"])
                    self.trade.found(connection, code, self.secrets)
                self.trade.fill(self.url, code, self.secrets)
            connection.execute("VACUUM ANALYZE")
        self.connection = psycopg.connect(self.url, autocommit=True)
        arrays.register(self.connection)
        self.connection.execute("SELECT set_config('search_path', %s, false)", [f"p_{OURS}"])
        self.requests = list(self.trade.requests(self.connection, OURS, self.secrets))
        self.sent = 0

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
        self.server.stop()

    # ── ours ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def service(self) -> Iterator[None]:
        """The service as an operator starts it, until the end of the block."""
        self.port = _free_port()
        environment = {**os.environ, "DATABASE_URL": self.url, "HUIBAO_SECRETS": str(self.folder / "secrets.json")}
        with (self.folder / "service.log").open("wb") as log:
            command = [sys.executable, "-m", "huibao.cli", "serve", "--port", str(self.port), "--workers", str(self.workers)]
            self.process = running = subprocess.Popen(command, env=environment, stdout=log, stderr=log)  # noqa: S603 - our own command
            try:
                self._until_up()
                yield
            finally:
                running.terminate()
                running.wait(30)

    def _until_up(self) -> None:
        for _ in range(200):
            try:
                with urlopen(f"http://127.0.0.1:{self.port}/health", timeout=2):
                    return
            except (URLError, OSError):
                time.sleep(0.1)
        raise RuntimeError((self.folder / "service.log").read_text("utf-8", "replace")[-2000:])

    def ours(self, count: int, connections: int) -> tuple[load.Crowd, Written]:
        """The next `count` requests over so many connections; every answer is what was wanted."""
        chosen = self.requests[self.sent : self.sent + count]
        self.sent += count
        with self._written(OURS, count) as written:
            crowd = load.run(self.port, [request for _, request in chosen], connections)
        wrong = [(kind, told.status, told.body[:300]) for (kind, _), told in zip(chosen, crowd.answers, strict=True)
                 if told.status not in self.trade.wanted[kind]]
        if wrong:
            raise AssertionError(f"{len(wrong)} of {count} answers are not what was wanted, such as {wrong[0]}")
        return crowd, written[0]

    # ── the yardstick ────────────────────────────────────────────────────────────────────────────────────────────────

    def bare(self, count: int, clients: int, sizes: tuple[int, int]) -> tuple[float, Written, Path]:
        """`count` commands by so many clients of pgbench: how many per second, what was written, the log of each one's time."""
        each = count // clients
        log = Path(tempfile.mkdtemp(dir=self.folder))
        log.chmod(0o777)
        assert self.connection is not None, "a bench is prepared first"
        given = {"n": 0, "each": each, "base": self.taken, "answer": sizes[0], "sealed": sizes[1], **self.trade.given(self.connection)}
        self.taken += each * clients
        kept = resources.files("huibao") / "bench" / self.trade.script
        with resources.as_file(kept) as script, self._written(BARE, each * clients) as written:
            done = subprocess.run(  # noqa: S603 - a program of PostgreSQL's
                [self.server.binaries / "pgbench", "--no-vacuum", "--protocol=prepared", "--log", f"--log-prefix={log}/took",
                 f"--client={clients}", f"--jobs={min(2, clients)}", f"--transactions={each}", f"--file={script}",
                 *(f"--define={name}={value}" for name, value in given.items()), self.url],
                capture_output=True, text=True, check=False, env={**os.environ, "PGOPTIONS": f"-c search_path=p_{BARE}"})
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])
        found = re.search(r"tps = ([0-9.]+)", done.stdout)
        assert found, done.stdout
        return float(found[1]), written[0], log

    def checkpoint(self) -> None:
        """What was written so far is none of the next run's business."""
        assert self.connection is not None, "a bench is prepared first"
        self.connection.execute("CHECKPOINT")

    @contextmanager
    def _written(self, code: str, count: int) -> Iterator[list[Written]]:
        """What is written in a programme during the block; the list has it afterwards."""
        self.checkpoint()
        before, events, wal = self._tuples(code), self._events(), self._wal()
        found: list[Written] = []
        yield found
        wal = self._wal() - wal
        after = self._reported(code, before.get("event", 0) + self._events() - events)
        found.append(Written(count, {table: n - before.get(table, 0) for table, n in after.items() if n != before.get(table, 0)}, wal))

    def _reported(self, code: str, events: int) -> dict[str, int]:
        """What was written so far. A backend reports at most once a second, and idle ten seconds late: repeated requests, which
        write nothing, wake the service's. pgbench's have reported when they ended."""
        for _ in range(150):
            found = self._tuples(code)
            if code == BARE or found.get("event", 0) >= events:
                return found
            load.run(self.port, [self.requests[self.sent - 1][1]] * _WAKING, _WAKING)
            time.sleep(0.1)
        raise AssertionError(f"the server has not counted {events} events")

    def _events(self) -> int:
        """How many commands the service has written."""
        return int(self._ask("events")[0])

    def _tuples(self, code: str) -> dict[str, int]:
        assert self.connection is not None, "a bench is prepared first"
        rows = self.connection.execute(SQL["tuples"], {"schema": f"p_{code}"}).fetchall()
        return {table: inserted + updated for table, inserted, updated in rows}

    def _wal(self) -> int:
        return int(self._ask("wal")[0])

    def sizes(self) -> tuple[int, int]:
        """How long our answers and our sealed evidence are: the yardstick writes as much."""
        answer, sealed = self._ask("sizes", {"kind": self.trade.kind})
        return int(answer), int(sealed)

    def _ask(self, statement: str, given: Mapping[str, object] | None = None) -> tuple[Any, ...]:
        """The row of a statement that always has one."""
        assert self.connection is not None, "a bench is prepared first"
        row: tuple[Any, ...] | None = self.connection.execute(SQL[statement], given).fetchone()
        assert row is not None
        return row


def measure(
    console: Console, trade: Trade, count: int, rounds: int, workers: int, bench: type[Bench] = Bench,
    also: Callable[[Console, Bench], None] | None = None,
) -> None:
    """Prints latency at few and many connections, what is written for each, and the ratio, as medians of interleaved rounds."""
    with tempfile.TemporaryDirectory(prefix="huibao-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        run = bench(console, folder, trade, workers)
        try:
            run.prepare()
            with run.service():
                line = _measure(run, count, rounds)
            if also is not None:
                also(console, run)
            say_sound(console, run)
            console.print(line, highlight=False, soft_wrap=True)
        finally:
            run.close()


def say_sound(console: Console, run: Bench) -> None:
    """Raises `AssertionError` with what offends where the books are not as they must be after a run."""
    unsound = [finding for verified in verify_all(run.url, utc_now(), OURS) for finding in verified.findings if finding.offenders]
    if unsound:
        raise AssertionError(f"the books are not sound after the run: {unsound}")
    console.print("verify：账实相符 (sound)", highlight=False)


def _measure(run: Bench, count: int, rounds: int) -> str:
    """What is printed last: the ratio beside both rates."""
    console = run.console
    run.ours(2_000, 64)                                # both warm: plans made, pages read
    sizes = run.sizes()
    run.bare(2_048, 8, sizes)
    ours_1, bare_1 = _latency(run, sizes)
    console.print(f"p50 at one connection: ours {ours_1:.2f} ms, yardstick {bare_1:.2f} ms ({ours_1 / bare_1:.1f} times)", highlight=False)
    for connections in CONNECTIONS[1:]:
        crowd, _ = run.ours(4_000, connections)
        p50, p99 = crowd.percentile_ms(50), crowd.percentile_ms(99)
        console.print(f"{connections} connections: p50 {p50:.1f} ms, p99 {p99:.1f} ms", highlight=False)
    clients = max(CLIENTS, key=lambda n: run.bare(count // 4, n, sizes)[0])
    rates: list[tuple[float, float]] = []
    written: list[tuple[Written, Written]] = []
    for _ in range(rounds):
        crowd, ours = run.ours(count, CONNECTIONS[-1])
        tps, bare, _ = run.bare(count, clients, sizes)
        rates.append((count / crowd.took_s, tps))
        written.append((ours, bare))
        console.print(f"  ours {count / crowd.took_s:,.0f}/s, yardstick {tps:,.0f}/s with {clients} clients", highlight=False)
    _compare(console, *written[-1])
    ours_rate, bare_rate = (median(column) for column in zip(*rates, strict=True))
    ratio = median(one / other for one, other in rates)
    return (f"{run.trade.name} ratio={ratio:.2f} ours={ours_rate:,.0f}/s yardstick={bare_rate:,.0f}/s "
            f"(pgbench, {clients} clients, prepared and pipelined: the same rows in one bare transaction per {run.trade.what})")


def _latency(run: Bench, sizes: tuple[int, int]) -> tuple[float, float]:
    crowd, _ = run.ours(1_000, 1)
    _, _, log = run.bare(1_000, 1, sizes)
    took = sorted(int(line.split()[2]) for path in log.iterdir() for line in path.read_text("utf-8").splitlines())
    return crowd.percentile_ms(50), took[len(took) // 2] / 1000


def _compare(console: Console, ours: Written, bare: Written) -> None:
    """Rows and WAL of each on both sides; those that a batch writes once have no counterpart."""
    tables: Sequence[str] = sorted(ours.rows.keys() | bare.rows.keys())
    for table in tables:
        mine, theirs = (side.rows.get(table, 0) / side.count for side in (ours, bare))
        console.print(f"  {table:12} ours {mine:.3f} yardstick {theirs:.3f}", highlight=False)
    (our_rows, our_wal), (bare_rows, bare_wal) = ours.each(), bare.each()
    console.print(f"rows each {our_rows:.2f} beside {bare_rows:.2f} ({our_rows / bare_rows - 1:+.1%}), "
                  f"WAL {our_wal:,} beside {bare_wal:,} bytes ({our_wal / bare_wal - 1:+.1%})", highlight=False)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
