"""Catching up by file: a hospital whose line was down sends its settlements together, one a line.

Each line is settled under its own key, so a file that was cut short is sent again whole: what was taken up answers as
before, and the rest goes on. Lines wait behind people at desks.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from huibao.core.batcher import TurnedAway
from huibao.core.refusal import Refusal
from huibao.record.lane import CommandFailed
from huibao.record.model import DONE, Answer, untold
from huibao.web import problems, refusals
from huibao.web.commands import canonical
from huibao.web.operations import Call, Nothing, operation
from huibao.web.problems import Refused
from huibao.web.settlements import TOLD, SettlementMessage, command_of

MEDIA: Final = "application/x-ndjson"
MOST_BYTES: Final = 64 * 1024 * 1024
MOST_LINES: Final = 20_000
#: So many lines of a file are on their way at a time: a few batches, and never the whole queue.
AHEAD: Final = 256

_DECODE: Final = msgspec.json.Decoder(SettlementMessage, float_hook=Decimal).decode


class TakenLine(msgspec.Struct, frozen=True):
    """A line that was settled: `repeated` says that it was before. A reversal has the state of what it took back."""

    line: int
    settlement: str
    state: str
    pay_fen: int
    repeated: bool


class RejectedLine(msgspec.Struct, frozen=True):
    """A line that was not: why, and what to do."""

    line: int
    code: str
    zh: str
    en: str


class FileTold(msgspec.Struct, frozen=True):
    """What became of a file: every line is in one of the lists. `unanswered` lines are to be sent again, with the same key.

    `pay_fen` is what the file's settlements pay in all, each once, without those that it took back.
    """

    lines: int
    taken: tuple[TakenLine, ...]
    rejected: tuple[RejectedLine, ...]
    unanswered: tuple[int, ...]
    pay_fen: int


@operation("POST", "/v1/{programme}/settlement-files", asks=Nothing, answers=FileTold, status=200, keyed=True, refuses=(413, 415, 422),
           answered=FileTold(2, (TakenLine(1, TOLD.settlement, "offered", 1_200_000, False),),
                             (RejectedLine(2, "settlement.person_unknown", "人员编号不在本项目的参保人员之内。", "psn_no is nobody known here."),),
                             (), 1_200_000),
           media=MEDIA, most_bytes=MOST_BYTES)
async def settle_file(call: Call[Nothing]) -> FileTold:
    """Settles a file of settlements and reversals, one a line, in their order for each person; rejected lines say why.

    Cut short, it is sent again whole under the same key: what was taken up answers as before, and the rest goes on.
    """
    rows = call.raw.splitlines()
    if len(rows) > MOST_LINES:
        raise Refused(refusals.file_too_long(MOST_LINES))
    messages = [_read(row) for row in rows]
    people = _people(messages)
    answers: list[Answer | Refusal | None] = []
    for first in range(0, len(rows), AHEAD):
        window = range(first, min(first + AHEAD, len(rows)))
        groups: defaultdict[str, list[int]] = defaultdict(list)
        for n in window:
            groups[people[n]].append(n)
        told = await asyncio.gather(*(_one_by_one(call, messages, group) for group in groups.values()))
        found = dict(one for group in told for one in group)
        answers += [found[n] for n in window]
        if any(found[n] is None for n in window):
            break
    return _told(answers, len(rows))


def _read(row: bytes) -> SettlementMessage | Refusal:
    try:
        return _DECODE(row)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ArithmeticError) as error:
        return refusals.body_malformed(*problems.expected(error))


def _people(messages: Sequence[SettlementMessage | Refusal]) -> list[str]:
    """What keeps each line in its order among others: the person; of a reversal that names nobody, whose settlement it takes back."""
    found: list[str] = []
    of_settlement: dict[str, str] = {}
    for n, message in enumerate(messages):
        setlinfo = {} if isinstance(message, Refusal) else _setlinfo(message.answer)
        asked = {} if isinstance(message, Refusal) else _fields((message.request or {}).get("data"))
        original = str(asked.get("setl_id") or "")
        who = str(setlinfo.get("psn_no") or asked.get("psn_no") or of_settlement.get(original) or original or f"line {n}")
        of_settlement.setdefault(str(setlinfo.get("setl_id") or ""), who)
        found.append(who)
    return found


def _setlinfo(answer: dict[str, Any]) -> dict[str, Any]:
    output = _fields(answer.get("output")) or answer
    return _fields(output.get("setlinfo")) or output


def _fields(found: Any) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}


async def _one_by_one(
    call: Call[Nothing], messages: Sequence[SettlementMessage | Refusal], lines: Sequence[int]
) -> list[tuple[int, Answer | Refusal | None]]:
    """One person's lines in their order: after one without an answer none goes on, or a later bill would come before an earlier."""
    answers: list[tuple[int, Answer | Refusal | None]] = []
    for n in lines:
        is_cut = bool(answers) and answers[-1][1] is None
        answers.append((n, None if is_cut else await _line(call, n + 1, messages[n])))
    return answers


async def _line(call: Call[Nothing], number: int, message: SettlementMessage | Refusal) -> Answer | Refusal | None:
    """One line's answer; None where none came: its key will tell who sends it again."""
    if isinstance(message, Refusal):
        return message
    command = command_of(call, message, "file")
    if isinstance(command, Refusal):
        return command
    try:
        return await call.engine.submit(
            call.path["programme"], call.principal.name, "settle-file", f"{call.key}:{number}", canonical(message), command, "import")
    except (TurnedAway, CommandFailed):
        return None


def _told(answers: Sequence[Answer | Refusal | None], lines: int) -> FileTold:
    taken: list[TakenLine] = []
    rejected: list[RejectedLine] = []
    unanswered = [number for number, answer in enumerate(answers, 1) if answer is None]
    for number, answer in enumerate(answers, 1):
        if isinstance(answer, Answer) and answer.outcome == DONE:
            kept = _KEPT_OR_MOVED.decode(answer.body)
            taken.append(TakenLine(number, kept.settlement, kept.state, kept.pay_fen, answer.replayed))
        elif answer is not None:
            refused = untold(answer.body) if isinstance(answer, Answer) else answer
            rejected.append(RejectedLine(number, refused.code, refused.zh, refused.en))
    unanswered += range(len(answers) + 1, lines + 1)
    stands = {line.settlement: line.pay_fen if line.state in ("offered", "confirmed") else 0 for line in taken}
    return FileTold(lines, tuple(taken), tuple(rejected), tuple(unanswered), sum(stands.values()))


class _Said(msgspec.Struct, frozen=True):
    """What every answer about a settlement says."""

    settlement: str
    state: str
    pay_fen: int


_KEPT_OR_MOVED: Final = msgspec.json.Decoder(_Said)

OPERATIONS: Final = (settle_file,)
