"""What time it is: the machine's, or a simulated one that runs years in minutes.

Commands are told the time (`at`); only what starts them asks a clock. All clocks answer in UTC.
"""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from huibao.core.time import EPOCH, unix_us, utc_now


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> datetime:
        """The time, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return utc_now()


class SimulatedClock:
    """A clock that stands still until it is told to move."""

    def __init__(self, start: datetime) -> None:
        self.set(start, backwards=True)

    def now(self) -> datetime:
        return self._at

    def set(self, at: datetime, *, backwards: bool = False) -> None:
        """Makes it `at`, an aware time. Raises `ValueError` for an earlier time than now, unless `backwards` is meant."""
        if at.tzinfo is None:
            raise ValueError("a clock is set to a time with a zone")
        if not backwards and at < self.now():
            raise ValueError(f"{at} is before {self.now()}: a clock runs backwards only when asked to")
        self._keep(at.astimezone(UTC))

    def advance(self, by: timedelta) -> None:
        """Lets time pass. Raises `ValueError` for a negative time."""
        self.set(self.now() + by)

    def _keep(self, at: datetime) -> None:
        self._at = at


class FileClock(SimulatedClock):
    """A simulated clock that processes share: the time is the file's modification time, to the microsecond.

    One system call reads it and one sets it, whole, so that nobody sees half a time. By hand it is set with
    `touch -d 2025-12-31T16:00:00Z FILE`. One process moves it; any number read.
    """

    def __init__(self, path: Path, start: datetime | None = None) -> None:
        """Opens the clock, and with `start` makes it first or sets it anew.

        Without `start` the file must be there: `now` raises `FileNotFoundError` otherwise.
        """
        self._path = path
        if start is not None:
            path.touch()
            super().__init__(start)

    def now(self) -> datetime:
        return EPOCH + timedelta(microseconds=self._path.stat().st_mtime_ns // 1000)

    def _keep(self, at: datetime) -> None:
        nanoseconds = unix_us(at) * 1000
        os.utime(self._path, ns=(nanoseconds, nanoseconds))
        if self.now() != at:
            raise ValueError(f"the file system of {self._path} cannot hold {at} as a modification time")
