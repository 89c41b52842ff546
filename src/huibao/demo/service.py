"""`./demo`: founds five programmes, starts the outside systems and the service, and says what to try."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
from psycopg import Connection
from rich.console import Console

from huibao.app.settings import Settings, read
from huibao.core.clock import FileClock
from huibao.core.time import business_date
from huibao.db.connect import connect_owner
from huibao.db.migrate import migrate
from huibao.db.settings import data_folder
from huibao.demo import hints
from huibao.demo.founding import Founded, found, look
from huibao.demo.insuring import insure
from huibao.demo.logins import Login, grant, logins
from huibao.demo.people import SQL
from huibao.demo.programmes import builtin
from huibao.demo.receiving import open_accounts

#: How long the service may take to answer for the first time.
PATIENCE_S: Final = 60


@dataclass(frozen=True, slots=True)
class Ground:
    """What stands before the service starts."""

    settings: Settings
    founded: tuple[Founded, ...]
    logins: tuple[Login, ...]
    leads: tuple[tuple[str, str, bool], ...]


def run(console: Console, people: int, port: int, workers: int) -> None:
    """Runs the demonstration until it is interrupted."""
    began = time.perf_counter()
    ground = prepare(people, f"http://127.0.0.1:{port + 1}")
    url = f"http://127.0.0.1:{port}"
    with ExitStack() as running:
        for what, command in (("simulators", ("simulate", "--port", str(port + 1), "--platform", url)),
                              ("service", ("serve", "--port", str(port), "--workers", str(workers)))):
            running.enter_context(_process(what, command))
        _wait(f"{url}/health")
        _wait(f"http://127.0.0.1:{port + 1}/cash/faults")
        connect(url, ground)
        open_accounts(ground.settings.database_url, builtin(), ground.logins, ground.settings.secrets.keyring, ground.settings.clock.now())
        insure(ground.settings.database_url, builtin(), ground.settings.secrets.keyring, ground.settings.clock.now())
        if clock := os.environ.get("HUIBAO_CLOCK"):
            console.print(f"演示时钟停在 {ground.settings.clock.now():%Y-%m-%d}（HUIBAO_CLOCK={clock}）", highlight=False, soft_wrap=True)
        console.print(f"惠保演示已就绪（{time.perf_counter() - began:.1f} 秒）", style="bold", highlight=False)
        hints.show(console, url, ground.founded, ground.logins, ground.settings)
        _sleep()


def prepare(people: int, outside: str) -> Ground:
    """Migrates, founds what is missing, makes the credentials; a second time it is quick and changes nothing."""
    settings = _settings(outside)
    at = settings.clock.now()
    migrate(settings.database_url, at)
    founded = found(settings.database_url, builtin(), people, at, settings.secrets.keyring, settings.secrets.index_key)
    with connect_owner(settings.database_url, "huibao demo") as connection, connection.transaction():
        connection.execute(SQL["connect_insurers"], {"base": outside})
        connection.execute(SQL["connect_hospitals"], {"base": outside})
        ground = _ground(connection, settings, founded)
        grant(connection, ground.logins, at)
    return ground


def standing(outside: str) -> Ground | None:
    """What stands of a demonstration that was started before, only read; None where none was."""
    settings = _settings(outside)
    with connect_owner(settings.database_url, "huibao demo") as connection, connection.transaction():
        founded = look(connection, builtin(), business_date(settings.clock.now()))
        return _ground(connection, settings, founded) if founded is not None else None


def _settings(outside: str) -> Settings:
    os.environ.setdefault("HUIBAO_OUTSIDE", outside)
    _choose_clock()
    return read()


def _ground(connection: Connection[Any], settings: Settings, founded: tuple[Founded, ...]) -> Ground:
    leads: list[tuple[str, str, bool]] = []
    hospitals: list[tuple[str, str, str]] = []
    for one in founded:
        connection.execute(SQL["enter"], {"schema": f"p_{one.code}"})
        hospitals += [(one.code, id, name) for id, name in connection.execute(SQL["desks"]).fetchall()]
        leads += [(one.code, insurer, passed) for insurer, _, passed in connection.execute(SQL["leads"]).fetchall()]
    known = logins(founded, [(code, insurer) for code, insurer, _ in leads], hospitals, settings.secrets.token_secret)
    return Ground(settings, founded, tuple(known), tuple(leads))


def connect(url: str, ground: Ground) -> None:
    """Tests the systems of insurers that have not passed yet, through the API, as an administrator would （XZ-6）."""
    tokens = {login.programme: login.token for login in ground.logins if login.role == "administrator"}
    for programme, insurer, passed in ground.leads:
        if not passed:
            answer = httpx.post(f"{url}/v1/{programme}/insurers/{insurer}/connection-tests", timeout=60,
                                headers={"Authorization": f"Bearer {tokens[programme]}"})
            answer.raise_for_status()


def _choose_clock() -> None:
    """The machine's clock while the example products are sold; after that a simulated one that stands in their last week."""
    last = min(shown.sale.until for programme in builtin() for shown in programme.products if shown.sale and "example" in shown.plan)
    settings = read()
    if business_date(settings.clock.now()) <= last or "HUIBAO_CLOCK" in os.environ:
        return
    path = data_folder().parent / "demo-clock"
    if not path.exists():
        FileClock(path, datetime.fromisoformat(f"{last - timedelta(days=7)}T10:00:00+08:00"))
    os.environ["HUIBAO_CLOCK"] = str(path)


@contextmanager
def _process(name: str, command: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process of this program, its lines in a file beside the data; stopped with the block."""
    log = data_folder().parent / f"demo-{name}.log"
    with log.open("wb") as lines:
        started = subprocess.Popen([sys.executable, "-m", "huibao.cli", *command], stdout=lines, stderr=lines)  # noqa: S603 - ourselves
        try:
            yield started
        finally:
            started.terminate()
            try:
                started.wait(20)
            except subprocess.TimeoutExpired:
                started.kill()
                started.wait()


def _wait(url: str) -> None:
    """Returns once something answers there. Raises `TimeoutError` with where its lines are."""
    until = time.perf_counter() + PATIENCE_S
    while time.perf_counter() < until:
        try:
            httpx.get(url, timeout=2)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(f"{url} 没有应答，请看 {Path(data_folder().parent)}/demo-*.log (nothing answers; see its log)")


def _sleep() -> None:
    """Until the process is interrupted or told to end."""
    stopped: list[Any] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.append(True))
    while not stopped:
        time.sleep(0.2)
