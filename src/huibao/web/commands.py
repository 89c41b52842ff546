"""Handing a command to the engine, and telling its answer as it was stored: the same bytes each time it is asked for."""

from typing import Any, Final

import msgspec

from huibao.record.model import DONE, Answer, untold
from huibao.web import problems
from huibao.web.engine import Command
from huibao.web.operations import Call
from huibao.web.problems import Reply

_ENCODER: Final = msgspec.json.Encoder()
_REPLAYED: Final = {"Idempotent-Replayed": "true"}
_NEW: Final[dict[str, str]] = {}


def canonical(asked: Any) -> bytes:
    """What was asked as the engine digests it: parsed, so that blanks and the order of fields do not matter."""
    return _ENCODER.encode(asked)


async def submit(call: Call[Any], route: str, asked: Any, command: Command) -> Answer:
    """The command's answer, under the caller's own idempotency key; `asked` has the path's parts, where they decide."""
    return await call.engine.submit(call.path["programme"], call.principal.name, route, call.key, canonical(asked), command)


def told(answer: Answer, status: int) -> Reply:
    """An answer as it is sent: what was done with `status`, a refusal as a problem; what was told before says so."""
    headers = _REPLAYED if answer.replayed else _NEW
    if answer.outcome == DONE:
        return Reply(answer.body, status, headers)
    return problems.reply(untold(answer.body), headers)
