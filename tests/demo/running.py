"""`huibao demo` as somebody starts it: a process with a folder, a server and two ports of its own, and a clock that stands still."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import psycopg

from huibao.app.secrets import Secrets
from huibao.core.clock import FileClock
from huibao.db.embedded import Embedded

ROOT: Final = Path(__file__).resolve().parents[2]
#: A day on which every example product is sold.
DAY: Final = datetime.fromisoformat("2026-06-01T10:00:00+08:00")
PATIENCE_S: Final = 60
#: The last line that is printed.
READY: Final = "停止：Ctrl+C"
_KEY: Final = re.compile(r"Idempotency-Key: (try-[^']+)'")
_BEARER: Final = re.compile(r"Authorization: Bearer ([^']+)'")


@dataclass(slots=True)
class Demo:
    """A demonstration that runs or not; its data stay until the end of the block that made it."""

    folder: Path
    port: int
    said: str = ""
    _process: "subprocess.Popen[bytes] | None" = field(default=None)

    @property
    def environment(self) -> dict[str, str]:
        given = {name: value for name, value in os.environ.items() if not name.startswith("HUIBAO_") and name != "DATABASE_URL"}
        return {**given, "HUIBAO_DATA": str(self.folder / "pg"), "HUIBAO_CLOCK": str(self.folder / "clock"), "NO_PROXY": "127.0.0.1"}

    @property
    def server(self) -> Embedded:
        return Embedded(self.folder / "pg")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def secrets(self) -> Secrets:
        return Secrets.open(self.folder / "secrets.json")

    def start(self, people: int) -> None:
        """Returns once everything has been printed."""
        out = self.folder / "out"
        with out.open("wb") as lines:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "huibao.cli", "demo", "--people", str(people), "--port", str(self.port)],
                cwd=ROOT, env=self.environment, stdout=lines, stderr=subprocess.STDOUT, start_new_session=True)
        until = time.monotonic() + PATIENCE_S
        while READY not in (said := out.read_text("utf-8")):
            assert self._process.poll() is None, f"it ended: {said}"
            assert time.monotonic() < until, f"it is not ready: {said}"
            time.sleep(0.05)
        self.said = said

    def interrupt(self, *, everybody: bool = True) -> int:
        """Ctrl+C reaches every process of the terminal, kill -INT only the first; its exit status."""
        assert self._process is not None
        if everybody:
            os.killpg(self._process.pid, signal.SIGINT)
        else:
            self._process.send_signal(signal.SIGINT)
        return self._process.wait(PATIENCE_S)

    def processes(self) -> list[int]:
        """The living processes of this demonstration but for its database, which knows nothing of our environment."""
        mark, found = f"HUIBAO_DATA={self.folder / 'pg'}".encode(), []
        for entry in Path("/proc").iterdir():
            with suppress(OSError):
                if entry.name.isdecimal() and mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
        return found

    def kill(self) -> None:
        """Ends what is left of it."""
        for process in self.processes():
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        if self._process is not None:
            self._process.wait(PATIENCE_S)

    def huibao(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Another command of the same installation, in another terminal."""
        return subprocess.run([sys.executable, "-m", "huibao.cli", *arguments], cwd=ROOT, env=self.environment, capture_output=True,
                              text=True, check=False, timeout=PATIENCE_S)

    def rows(self, programme: str, statement: str, given: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """What a statement reads in a programme's schema."""
        with psycopg.connect(self.server.url()) as connection:
            connection.execute("SELECT set_config('search_path', %s, false)", [f"p_{programme}"])
            return connection.execute(statement.encode(), given).fetchall()


@contextmanager
def demo_of_its_own(people: int, day: datetime = DAY) -> Iterator[Demo]:
    """A demonstration that was started for the first time; nothing of it is left afterwards."""
    with tempfile.TemporaryDirectory(prefix="huibao-demo-") as name:
        folder = Path(name)
        folder.chmod(0o711)                     # the server's user passes through it
        FileClock(folder / "clock", day)
        made = Demo(folder, _two_free_ports())
        try:
            made.start(people)
            yield made
        finally:
            made.kill()
            made.server.stop()


def commands(said: str) -> dict[str, str]:
    """The printed purchases by their key, each line as it stands there."""
    return {found[1]: line for line in said.splitlines() if line.startswith("curl ") and (found := _KEY.search(line))}


def bearer(command: str) -> str:
    """The credential in a printed command."""
    found = _BEARER.search(command)
    assert found is not None
    return found[1]


def paste(command: str) -> bytes:
    """What a shell prints when a line is pasted into it."""
    return subprocess.run(["bash", "-c", command], env={**os.environ, "NO_PROXY": "127.0.0.1"}, capture_output=True, check=True,
                          timeout=PATIENCE_S).stdout


def told(command: str) -> dict[str, Any]:
    """The answer to a pasted line."""
    answer: dict[str, Any] = json.loads(paste(command))
    return answer


def _two_free_ports() -> int:
    """A port that is free together with the next."""
    while True:
        with socket.socket() as first, socket.socket() as second, suppress(OSError, OverflowError):
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            second.bind(("127.0.0.1", port + 1))
            return port
