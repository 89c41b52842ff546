"""Files of people whom a sponsor pays for: sent, checked, confirmed by a second person, watched, and told in the end."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from huibao.core.capital import capital
from huibao.core.chain import sm3
from huibao.core.time import SHANGHAI
from huibao.sponsored import refusals
from huibao.sponsored.model import (
    CategoryLine,
    Confirm,
    ReasonLine,
    Receive,
    Report,
    RosterState,
    RosterStatement,
    RosterTold,
    SponsorKind,
    Steer,
    Step,
)
from huibao.sponsored.reading import SheetRefused
from huibao.sponsored.refusals import PERSON_UNKNOWN
from huibao.sponsored.resolving import Resolver
from huibao.sponsored.uploading import take
from huibao.sponsored.words import CATEGORIES, STATEMENTS, STATES
from huibao.sponsored.work import SQL
from huibao.web import roster_pages as paper
from huibao.web.authorisation import Owners, reaches
from huibao.web.commands import canonical, told
from huibao.web.operations import Call, Nothing, operation
from huibao.web.problems import Refused, Reply
from huibao.web.reads import MOST_LISTED, insurer_names
from huibao.web.sponsors import After
from huibao.web.words import END

CSV: Final = "text/csv"
HTML: Final = "text/html"
#: A million lines of people, with room for notes.
MOST_BYTES: Final = 256 * 1024 * 1024
#: So many rejected lines are read at a time.
PAGE: Final = 1_000

_AT: Final = datetime(2026, 1, 5, 9, 30, tzinfo=SHANGHAI)
_DIGEST: Final = sm3("姓名,证件号码".encode()).hex()
_REPORT: Final = Report(2, 1, 18_000, (
    CategoryLine("none", CATEGORIES["none"], 1, 12_000),
    CategoryLine("subsistence-allowance", CATEGORIES["subsistence-allowance"], 1, 6_000)),
    (ReasonLine(PERSON_UNKNOWN.code, 1, PERSON_UNKNOWN.zh, PERSON_UNKNOWN.en),))
_TOLD: Final = RosterTold(8, 126, "example-2026", _DIGEST, 3, "checking", STATES["checking"])


@operation("POST", "/v1/{programme}/sponsors/{sponsor}/rosters/{product}", asks=Nothing, answers=RosterTold, status=201, keyed=True,
           refuses=(409, 422), answered=_TOLD, media=CSV, most_bytes=MOST_BYTES, streamed=True)
async def upload_roster(call: Call[Nothing]) -> Reply:
    """Takes a file of people whose premium a sponsor pays. It is checked next; nothing is bought before somebody else confirms it.

    CSV in UTF-8 or GB 18030 with a line of column names: 姓名 (name), 证件号码 (identity) or 人员编号 (psn_no), and where there are any
    人员类别 (category), 档次 (tier), 手机号 (phone), 备注 (note). The file is not kept, nor its phones and notes.
    """
    assert call.pieces is not None, "the operation is streamed"
    code, sponsor, product = call.path["programme"], int(call.path["sponsor"]), call.path["product"]
    resolver = Resolver(call.engine.index_key, code, call.principal.area)
    try:
        taken = await take(call.pieces, lambda: call.engine.writing(code), resolver, call.engine.clock.now())
    except SheetRefused as refused:
        raise Refused(refused.refusal) from None
    command = Receive(call.principal.id, sponsor, product, taken.roster, taken.digest, taken.lines, taken.last_line)
    # The number under which this try was staged is no part of what is asked: the same file, sent again, is the same request.
    asked = canonical((sponsor, product, taken.digest.hex()))
    return told(await call.engine.submit(code, call.principal.name, "upload_roster", call.key, asked, command), 201)


class Progress(msgspec.Struct, frozen=True):
    """How far a roster is: its parts, how many of them are checked and done, and what was bought so far."""

    parts: int
    checked: int
    done: int
    enrolled: int
    charged_fen: int


class RosterRead(msgspec.Struct, frozen=True):
    """A roster as it stands. `why` is the reason of a pause that nobody asked for."""

    roster: int
    at: datetime
    sponsor: int
    name: str
    kind: SponsorKind
    product: str
    digest: str
    lines: int
    state: RosterState
    zh: str
    report: Report | None
    why: str | None
    progress: Progress
    confirmed_at: datetime | None
    ended_at: datetime | None


@operation("GET", "/v1/{programme}/rosters/{roster}", asks=Nothing, answers=RosterRead,
           answered=RosterRead(8, _AT, 126, "某市民政局（示例）", "subsidy", "example-2026", _DIGEST, 3, "running", STATES["running"], _REPORT,
                               None, Progress(1, 1, 0, 0, 0), _AT, None))
async def roster(call: Call[Nothing]) -> RosterRead:
    """Reads a roster: the report of its check, and how far its run is."""
    return _read(await _row(call))


def _read(row: Sequence[Any]) -> RosterRead:
    (id, at, sponsor, name, kind, product, _, _, digest, lines, state, report, why, _, _, confirmed_at, ended_at, *progress) = row
    return RosterRead(id, at, sponsor, name, kind, product, digest.hex(), lines, state, STATES[state],
                      msgspec.convert(report, Report) if report else None, why, Progress(*progress), confirmed_at, ended_at)


async def _row(call: Call[Any]) -> Sequence[Any]:
    """A roster that the caller reaches."""
    async with call.engine.reading(call.path["programme"]) as connection:
        row = await (await connection.execute(SQL["roster"], {"roster": int(call.path["roster"])})).fetchone()
    if row is None or not reaches(call.principal, call.reach, Owners(insurers=(row[7],))):
        raise Refused(refusals.unknown())
    found: Sequence[Any] = row
    return found


class RosterLine(msgspec.Struct, frozen=True):
    """A roster in a list."""

    roster: int
    at: datetime
    sponsor: int
    product: str
    lines: int
    state: RosterState


class Rosters(msgspec.Struct, frozen=True):
    """Rosters, the newest first."""

    rosters: tuple[RosterLine, ...]


@operation("GET", "/v1/{programme}/rosters", asks=Nothing, answers=Rosters,
           answered=Rosters((RosterLine(8, _AT, 126, "example-2026", 3, "checked"),)))
async def rosters(call: Call[Nothing]) -> Rosters:
    """Lists rosters; an insurer those of products it leads."""
    insurer = (call.principal.insurer or "") if call.reach == "insurer" else ""
    async with call.engine.reading(call.path["programme"]) as connection:
        rows = await connection.execute(SQL["rosters_of"], {"insurer": insurer, "most": MOST_LISTED})
        return Rosters(tuple(RosterLine(*row) for row in await rows.fetchall()))


# ── rejected lines ───────────────────────────────────────────────────────────────────────────────────────────────────

class RejectedLine(msgspec.Struct, frozen=True):
    """A line of the file that is not insured, and not charged: why, and what to do. The header is line 1."""

    line: int
    code: str
    clause: str | None
    zh: str
    en: str


class RejectedLines(msgspec.Struct, frozen=True):
    """Rejected lines in order; `next` is what the following page comes after, where there is one."""

    rejected: tuple[RejectedLine, ...]
    next: int | None


@operation("GET", "/v1/{programme}/rosters/{roster}/rejected", asks=After, answers=RejectedLines, also=(CSV,),
           answered=RejectedLines((RejectedLine(4, PERSON_UNKNOWN.code, None, PERSON_UNKNOWN.zh, PERSON_UNKNOWN.en),), None))
async def roster_rejected(call: Call[After]) -> RejectedLines | Reply:
    """Reads rejected lines, a page at a time; where CSV is asked for, all of them as a file to open in a spreadsheet."""
    row, after = await _row(call), call.asked.after or 0
    if CSV.encode() in call.headers.get(b"accept", b""):
        return Reply(b"", 200, _named(f"rejected-{row[0]}.csv"), media_type=f"{CSV}; charset=utf-8", stream=_rejected_csv(call, after))
    found = await _rejected(call, after)
    return RejectedLines(tuple(found), found[-1].line if len(found) == PAGE else None)


async def _rejected(call: Call[Any], after: int) -> list[RejectedLine]:
    async with call.engine.reading(call.path["programme"]) as connection:
        given = {"roster": int(call.path["roster"]), "after": after, "most": PAGE}
        return [RejectedLine(*row) for row in await (await connection.execute(SQL["rejected"], given)).fetchall()]


async def _rejected_csv(call: Call[Any], after: int) -> AsyncIterator[bytes]:
    """Page after page, so that no list is held."""
    yield paper.REJECTED_HEAD
    while found := await _rejected(call, after):
        yield paper.csv_lines([(one.line, one.code, one.clause, one.zh, one.en) for one in found])
        after = found[-1].line


def _named(file: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{file}"'}


# ── steps ────────────────────────────────────────────────────────────────────────────────────────────────────────────

class Confirmation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which file is confirmed: the SM3 that its report shows, in hex."""

    digest: Annotated[str, Meta(pattern="^[0-9a-f]{64}" + END)]


@operation("POST", "/v1/{programme}/rosters/{roster}/confirmation", asks=Confirmation, answers=RosterTold, status=201, keyed=True,
           refuses=(409, 422), asked=Confirmation(_DIGEST),
           answered=msgspec.structs.replace(_TOLD, state="running", zh=STATES["running"], report=_REPORT))
async def confirm_roster(call: Call[Confirmation]) -> Reply:
    """Has a checked roster run; by another person than who sent it, and with the sponsor's money there."""
    number, asked = int(call.path["roster"]), call.asked
    command = Confirm(call.principal.id, number, bytes.fromhex(asked.digest))
    return told(await call.engine.submit(
        call.path["programme"], call.principal.name, "confirm_roster", call.key, canonical((number, asked)), command), 201)


class RosterStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to become of a roster: stopped for a while, going on, given up."""

    step: Step


@operation("POST", "/v1/{programme}/rosters/{roster}/steps", asks=RosterStep, answers=RosterTold, status=201, keyed=True,
           refuses=(409, 422), asked=RosterStep("pause"),
           answered=msgspec.structs.replace(_TOLD, state="paused", zh=STATES["paused"], report=_REPORT))
async def steer_roster(call: Call[RosterStep]) -> Reply:
    """Stops a run between two parts, lets it go on, or gives a roster up; what was bought by then stays bought."""
    number, asked = int(call.path["roster"]), call.asked
    command = Steer(call.principal.id, number, asked.step)
    return told(await call.engine.submit(
        call.path["programme"], call.principal.name, "steer_roster", call.key, canonical((number, asked)), command), 201)


# ── the statement ────────────────────────────────────────────────────────────────────────────────────────────────────

_STATEMENT: Final = RosterStatement(
    STATEMENTS["subsidy"], 8, _DIGEST, "某市民政局（示例）", "subsidy", "example-2026", "示例医疗保险", "anxin",
    "安心健康保险股份有限公司（示例）", "done", _AT, _AT, _AT, 3, 2, 1, 0, 18_000, capital(18_000), 1, 9_900, _REPORT.categories,
    _REPORT.reasons)


@operation("GET", "/v1/{programme}/rosters/{roster}/statement", asks=Nothing, answers=RosterStatement, also=(HTML, CSV),
           answered=_STATEMENT)
async def roster_statement(call: Call[Nothing]) -> RosterStatement | Reply:
    """Reads the statement of a roster, as JSON, as a page to print, or as CSV; an employer's is its group's （JL-4.3）."""
    found = await _statement(call, await _row(call))
    accepted = call.headers.get(b"accept", b"")
    if HTML.encode() in accepted:
        page = paper.statement_page(found, call.programme.name, call.engine.clock.now())
        return Reply(page.encode(), 200, media_type=f"{HTML}; charset=utf-8")
    if CSV.encode() in accepted:
        return Reply(paper.statement_csv(found), 200, _named(f"statement-{found.roster}.csv"), media_type=f"{CSV}; charset=utf-8")
    return found


async def _statement(call: Call[Any], row: Sequence[Any]) -> RosterStatement:
    (id, at, _, name, kind, product, product_name, lead, digest, lines, state, _, _, _, _, confirmed_at, ended_at, *_) = row
    async with call.engine.reading(call.path["programme"]) as connection:
        charged = await (await connection.execute(SQL["charged"], {"roster": id})).fetchall()
        reasons = await (await connection.execute(SQL["reasons"], {"rosters": [id]})).fetchall()
        [(replaced, returned_fen)] = await (await connection.execute(SQL["gave_way"], {"roster": id})).fetchall()
    categories = tuple(CategoryLine(category, CATEGORIES.get(category, category), count, fen) for category, count, fen in charged)
    enrolled, rejected = sum(one.count for one in categories), sum(count for _, _, count, _, _ in reasons)
    premium_fen, lead_name = sum(one.premium_fen for one in categories), (await insurer_names(call, [lead]))[lead]
    return RosterStatement(
        STATEMENTS[kind], id, digest.hex(), name, kind, product, product_name, lead, lead_name, state, at, confirmed_at, ended_at, lines,
        enrolled, rejected, lines - enrolled - rejected, premium_fen, capital(premium_fen), replaced, returned_fen, categories,
        tuple(ReasonLine(code, count, zh, en) for _, code, count, zh, en in reasons))


OPERATIONS: Final = (upload_roster, roster, rosters, roster_rejected, confirm_roster, steer_roster, roster_statement)
