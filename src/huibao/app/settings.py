"""Settings, read once from the environment; what was read cannot change under the program.

| variable | |
|---|---|
| `DATABASE_URL` | the owner's URL of a PostgreSQL; else the embedded one |
| `HUIBAO_DATA` | where the embedded one keeps its data |
| `HUIBAO_SECRETS` | the file of keys; else `secrets.json` beside the data |
| `HUIBAO_CLOCK` | a file whose modification time is the time: a simulated clock that processes share |
| `HUIBAO_LANES` | database connections per process on which commands run (4) |
| `HUIBAO_ACCOUNTS` | where the agency's system of accounts answers, with `{programme}` where each has its own (`…/accounts` of the next) |
| `HUIBAO_OUTSIDE` | where the cash channel (`…/cash`) and the identity service (`…/identity`) answer |
"""

import os
from dataclasses import dataclass
from pathlib import Path

from huibao.app.secrets import Secrets
from huibao.core.clock import Clock, FileClock, SystemClock
from huibao.db import settings as database

#: Where `huibao demo` runs its simulators.
OUTSIDE = "http://127.0.0.1:8451"


@dataclass(frozen=True, slots=True)
class Settings:
    """How one process runs."""

    database_url: str
    secrets: Secrets
    clock: Clock
    lanes: int
    outside_url: str
    accounts_url: str = ""

    def accounts_of(self, programme: str) -> str:
        """Where the system answers that keeps a programme's accounts."""
        return (self.accounts_url or f"{self.outside_url}/accounts").replace("{programme}", programme)


class SettingWrong(ValueError):
    """A variable of the environment that cannot be understood; the message says what may stand there."""


def read() -> Settings:
    """The settings of this process; starts the embedded database where no other is named. Raises `SettingWrong`."""
    lanes = os.environ.get("HUIBAO_LANES") or "4"
    if not lanes.isdecimal() or int(lanes) < 1:
        raise SettingWrong(f"HUIBAO_LANES={lanes}：应为不小于 1 的整数 (a whole number of at least 1)")
    return Settings(
        database_url=database.open_database(),
        secrets=Secrets.open(secrets_file()),
        clock=clock(),
        lanes=int(lanes),
        outside_url=(os.environ.get("HUIBAO_OUTSIDE") or OUTSIDE).rstrip("/"),
        accounts_url=(os.environ.get("HUIBAO_ACCOUNTS") or "").rstrip("/"),
    )


def secrets_file() -> Path:
    """Where the keys are."""
    return Path(os.environ.get("HUIBAO_SECRETS") or database.data_folder().parent / "secrets.json")


def clock() -> Clock:
    """Where the time comes from."""
    file = os.environ.get("HUIBAO_CLOCK")
    return FileClock(Path(file)) if file else SystemClock()
