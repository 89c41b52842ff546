"""One line of JSON for each request, and for each failure: what an operator needs, and nothing of any person.

A line has the route's template and never the path, no query, body, name, number or token. A failure is told by its type
and by where it happened: what an exception says may quote the row that it failed on.
"""

import io
import logging
import sys
import traceback
from datetime import datetime
from itertools import count
from secrets import token_hex
from time import perf_counter_ns
from typing import BinaryIO, Final, NamedTuple

import msgspec

LOG: Final = logging.getLogger("huibao.web")

_ENCODER: Final = msgspec.json.Encoder()
_PROCESS: Final = token_hex(6)
_NUMBERS: Final = count(1)


#: Where lines of requests go without `logging`; unbuffered, so that a process that is killed has written them.
_direct: io.RawIOBase | BinaryIO | None = None


class Line(msgspec.Struct):
    """A request, filled in as it becomes known. `request` is the id that the answer carries as `X-Request-Id`."""

    request: str
    route: str | None = None
    programme: str | None = None
    role: str = "public"
    credential: int | None = None
    status: int = 500
    outcome: str = "error"
    at: datetime | None = None
    ms: float = 0


class Failure(msgspec.Struct):
    request: str
    failure: str
    where: list[str]


class Begun(NamedTuple):
    """A request that has come: its line, and the instant to count its duration from."""

    line: Line
    ns: int


def begin(route: str | None) -> Begun:
    return Begun(Line(f"{_PROCESS}-{next(_NUMBERS)}", route), perf_counter_ns())


def end(log: Begun, at: datetime) -> None:
    """Writes the line."""
    if LOG.isEnabledFor(logging.INFO):
        log.line.at, log.line.ms = at, (perf_counter_ns() - log.ns) // 1000 / 1000
        line = _ENCODER.encode(log.line)
        if _direct is not None:
            _direct.write(line + b"\n")
        else:
            LOG.info(line.decode())


def failure(request: str, error: BaseException) -> None:
    """Writes what failed and where, innermost last."""
    frames = traceback.extract_tb(error.__traceback__)
    where = [f"{frame.filename.rpartition('/site-packages/')[2]}:{frame.lineno} {frame.name}" for frame in frames[-12:]]
    LOG.error(_ENCODER.encode(Failure(request, type(error).__qualname__, where)).decode())


def to_stderr() -> None:
    """Sends the lines to standard error, bare: each is JSON already.

    Those of requests go there directly: a record of `logging` costs as much as all the rest of a request.
    """
    global _direct  # noqa: PLW0603 - one standard error per process
    _direct = sys.stderr.buffer.raw if isinstance(sys.stderr.buffer, io.BufferedWriter) else sys.stderr.buffer
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    LOG.handlers[:] = [handler]
    LOG.propagate = False
    LOG.setLevel(logging.INFO)
