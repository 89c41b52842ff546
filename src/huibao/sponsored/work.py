"""The commands about sponsors and rosters as one family: what a batch of them loads, how each is decided and told, what is written."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from huibao.catalogue import shelf as catalogue
from huibao.catalogue.model import Programme, Shelf
from huibao.core.refusal import Refusal
from huibao.core.time import business_date
from huibao.db import sqlfile
from huibao.db.arrays import Byteas, Int8s, Texts
from huibao.db.wire import Asked, Wire
from huibao.ledger.books import Books
from huibao.ledger.model import Account
from huibao.record.model import DONE, Decision, told
from huibao.sponsored import rosters
from huibao.sponsored.model import (
    PART,
    CategoryLine,
    Checked,
    Command,
    Confirm,
    Finished,
    Fund,
    Held,
    ReasonLine,
    Receive,
    Register,
    Report,
    Roster,
    RosterTold,
    Sponsor,
    Steer,
)
from huibao.sponsored.state import State
from huibao.sponsored.words import CATEGORIES, STATES

SQL: Final = sqlfile.load("huibao.sponsored")

_ENCODER: Final = msgspec.json.Encoder()
_KINDS: Final = {Register: "sponsor", Fund: "sponsor-payment", Receive: "roster", Checked: "roster-checked", Confirm: "roster-confirmed",
                 Steer: "roster-steered", Finished: "roster-finished"}


class Sponsored:
    """`Work` of a programme's sponsors and rosters; keeps the shelf between batches."""

    def __init__(self, programme: Programme) -> None:
        self.programme = programme
        self._shelf: Shelf | None = None

    async def load(self, wire: Wire, commands: Sequence[Command], at: datetime) -> State:
        """Locks rosters, then the accounts of sponsors; reads what is true of them afterwards."""
        receives = [c for c in commands if isinstance(c, Receive)]
        checks = [c.roster for c in commands if isinstance(c, Checked)]
        named = {
            "names": Texts(sorted({c.name for c in commands if isinstance(c, Register)})),
            "sponsors": Int8s(sorted({c.sponsor for c in commands if isinstance(c, Fund | Receive)})),
            "rosters": Int8s(sorted({c.roster for c in commands if isinstance(c, Checked | Confirm | Steer | Finished)}))}
        wire.ask(SQL["lock_rosters"], named)
        wire.ask(SQL["open_sponsor_accounts"], named)
        accounts = wire.ask(SQL["lock_accounts"], named)
        sponsors = wire.ask(SQL["sponsors"], named)
        known = wire.ask(SQL["rosters"], named)
        received = wire.ask(SQL["received"], {
            "sponsors": Int8s([c.sponsor for c in receives]), "products": Texts([c.product for c in receives]),
            "digests": Byteas([c.digest for c in receives])})
        paid = wire.ask(SQL["paid"], {
            "sponsors": Int8s([c.sponsor for c in commands if isinstance(c, Fund)]),
            "references": Texts([c.reference for c in commands if isinstance(c, Fund)])})
        reports = await _reports(wire, checks) if checks else {}
        held = wire.ask(SQL["held"], {"rosters": Int8s([c.roster for c in commands if isinstance(c, Finished | Steer)])})
        version = wire.ask(catalogue.SQL["version"])
        await wire.go()
        [now] = version.row()
        if self._shelf is None or self._shelf.version != now:
            self._shelf = await catalogue.load(wire.plain(), now)
        return State(
            self.programme, self._shelf, business_date(at), {row[0]: Sponsor(*row) for row in sponsors.rows()},
            {row[0]: _roster(row) for row in known.rows()},
            {(sponsor, product, bytes(digest)): roster for sponsor, product, digest, roster in received.rows()}, set(paid.rows()), reports,
            {roster: Held(*counts) for roster, *counts in held.rows()}, Books(Account(*row) for row in accounts.rows()))

    def decide(self, state: State, request_id: int, command: Command, at: datetime) -> Decision:
        """Decides one command and moves the state on; what was refused leaves it as it was."""
        outcome = _decided(state, command, request_id, at)
        kind = _KINDS[type(command)]
        if isinstance(outcome, Refusal):
            return Decision(kind, outcome.code, told(outcome), command.credential)
        body = _ENCODER.encode(roster_told(outcome) if isinstance(outcome, Roster) else outcome)
        return Decision(kind, DONE, body, command.credential)

    def write(self, wire: Wire, state: State, at: datetime) -> None:
        """Queues sponsors, their payments, rosters."""
        _write_sponsors(wire, state, at)
        _write_rosters(wire, state, at)
        state.books.write(wire, at)

    def write_hot(self, wire: Wire, state: State, at: datetime) -> None:  # noqa: ARG002 - the form of every family
        """Queues the net on the world outside."""
        state.books.write_hot(wire)


def _decided(state: State, command: Command, request_id: int, at: datetime) -> msgspec.Struct | Roster | Refusal:
    match command:
        case Register():
            return rosters.register(state, command, request_id)
        case Fund():
            return rosters.fund(state, command, at)
        case Receive():
            return rosters.receive(state, command, request_id)
        case Checked():
            return rosters.checked(state, command)
        case Confirm():
            return rosters.confirm(state, command)
        case Steer():
            return rosters.steer(state, command)
        case Finished():
            return rosters.finished(state, command)


def roster_told(roster: Roster) -> RosterTold:
    """A roster as a step left it."""
    return RosterTold(roster.id, roster.sponsor, roster.product, roster.digest.hex(), roster.lines, roster.state, STATES[roster.state],
                      roster.report, roster.why)


def refusal_columns(why: Sequence[Refusal | None]) -> dict[str, Texts]:
    """Why lines are rejected, as arrays; a line that is not, has none."""
    return {
        "codes": Texts([one.code if one else None for one in why]), "clauses": Texts([one.clause if one else None for one in why]),
        "zh": Texts([one.zh if one else None for one in why]), "en": Texts([one.en if one else None for one in why])}


def _roster(row: Sequence[Any]) -> Roster:
    id, sponsor, product, digest, lines, state, credential, confirmed_by, report, left, why = row
    return Roster(id, sponsor, product, bytes(digest), lines, state, credential, confirmed_by,
                  msgspec.convert(report, Report) if report else None, left, why)


async def _reports(wire: Wire, checks: Sequence[int]) -> dict[int, Report]:
    """What the checks of these rosters found."""
    given = {"rosters": Int8s(checks)}
    held, categories, reasons, replaced = (wire.ask(SQL[name], given) for name in ("held", "categories", "reasons", "replaced"))
    await wire.go()
    back = {roster: (count, fen) for roster, count, fen in replaced.rows()}
    return {roster: msgspec.structs.replace(_report(roster, lines, refused, categories, reasons),
                                            replaces=back[roster][0], returned_fen=back[roster][1])
            for roster, lines, _, refused, _ in held.rows()}


def _report(roster: int, lines: int, refused: int, categories: Asked, reasons: Asked) -> Report:
    by_category: defaultdict[int, list[CategoryLine]] = defaultdict(list)
    for of, category, count, fen in categories.rows():
        by_category[of].append(CategoryLine(category, CATEGORIES.get(category, category), count, fen))
    found = by_category[roster]
    return Report(lines - refused, refused, sum(one.premium_fen for one in found), tuple(found),
                  tuple(ReasonLine(code, count, zh, en) for of, code, count, zh, en in reasons.rows() if of == roster))


def _write_sponsors(wire: Wire, state: State, at: datetime) -> None:
    if new := state.new_sponsors:
        names = Texts([sponsor.name for sponsor, _, _ in new])
        wire.ask(SQL["insert_sponsors"], {
            "at": at, "ids": Int8s([sponsor.id for sponsor, _, _ in new]), "names": names,
            "kinds": Texts([sponsor.kind for sponsor, _, _ in new]), "credentials": Int8s([credential for _, credential, _ in new])})
        wire.ask(SQL["set_credit"], {"names": names, "fen": Int8s([fen for _, _, fen in new])})
    if came := state.payments:
        wire.ask(SQL["insert_payments"], {
            "at": at, "sponsors": Int8s([one.sponsor for one in came]), "references": Texts([one.reference for one in came]),
            "fen": Int8s([one.fen for one in came])})


def _write_rosters(wire: Wire, state: State, at: datetime) -> None:
    if new := list(state.new_rosters.values()):
        wire.ask(SQL["insert_rosters"], {
            "at": at, "ids": Int8s([one.id for _, one in new]), "requests": Int8s([request for request, _ in new]),
            "sponsors": Int8s([one.sponsor for _, one in new]), "products": Texts([one.product for _, one in new]),
            "digests": Byteas([one.digest for _, one in new]), "lines": Int8s([one.lines for _, one in new]),
            "credentials": Int8s([one.credential for _, one in new])})
        for _, one in new:
            wire.ask(SQL["insert_parts"], {"roster": one.id, "part": PART, "last_line": one.last_line})
    if moved := list(state.moved.values()):
        wire.ask(SQL["move_rosters"], {
            "at": at, "ids": Int8s([one.id for one in moved]), "states": Texts([one.state for one in moved]),
            "reports": Texts([_ENCODER.encode(one.report).decode() if one.report else None for one in moved]),
            "confirmed": Int8s([one.confirmed_by for one in moved]), "why": Texts([one.why for one in moved])})
