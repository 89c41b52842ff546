"""A simulated account platform: an agency's system with books of its own, that sets money aside, takes it, lets it go, gives it back.

Every change is one operation, and with a journal a line in a file before it is answered, so that its books outlive the process.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Final, Literal
from urllib.parse import unquote

import msgspec

from huibao.core.clock import Clock
from huibao.core.time import business_date
from huibao.gateways.accounts import (
    CHANGED,
    FIRST,
    UNKNOWN_CREDIT,
    UNKNOWN_HOLD,
    Balances,
    Cancel,
    Credit,
    Credited,
    Day,
    Freeze,
    Hold,
    Holder,
    HoldState,
    Page,
    Parts,
)
from huibao.gateways.signing import Instant
from huibao.gateways.simulators.model import Said, Simulator, no
from huibao.reconciliation.account_model import Listed, Total

#: Entries of a page.
PAGE: Final = 200
_NOTHING: Final = Parts(0, 0)

#: What is on the accounts of a person when they are asked about for the first time; None where there is no such person.
Openings = Callable[[str, str], Parts | None]


@dataclass(slots=True)
class Purse:
    """A person's two accounts: what is free on them, and whether anything may be spent."""

    personal_fen: int
    savings_fen: int
    state: Literal["open", "frozen", "closed"] = "open"

    @property
    def free(self) -> Parts:
        return Parts(self.personal_fen, self.savings_fen)

    def move(self, personal_fen: int, savings_fen: int) -> None:
        self.personal_fen += personal_fen
        self.savings_fen += savings_fen


@dataclass(slots=True)
class _Kept:
    """A key with what was asked under it, how it stands and since when; `credited` is what went back, by account."""

    programme: str
    psn_no: str
    parts: Parts
    state: HoldState
    at: datetime
    reason: str | None = None
    credited: dict[str, int] = field(default_factory=dict)
    asked: Freeze | None = None


@dataclass(slots=True)
class _Credit:
    programme: str
    asked: Credit
    state: Literal["credited", "declined"]
    at: datetime
    reason: str | None = None


class Line(msgspec.Struct, frozen=True):
    """A line of the journal: an operation as it was carried out, and when."""

    at: Instant
    method: str
    path: str
    body: str


class AccountSimulator(Simulator):
    """The platform. `purses` are people's accounts by programme and `psn_no`, `holds` and `credits` what was asked, by key."""

    def __init__(self, clock: Clock, secret: bytes, openings: Openings | None = None, journal: Path | None = None) -> None:
        super().__init__(clock, secret)
        self._openings = openings
        self._journal = journal
        self.purses: Final[dict[tuple[str, str], Purse]] = {}
        self.holds: Final[dict[str, _Kept]] = {}
        self.credits: Final[dict[str, _Credit]] = {}
        for line in _lines(journal):
            self._carry_out(line.at, line.method, line.path, line.body.encode())

    def open(self, programme: str, psn_no: str, personal_fen: int, savings_fen: int) -> Purse:
        """A person's accounts with what is on them."""
        return self.purses.setdefault((programme, psn_no), Purse(personal_fen, savings_fen))

    async def answer(self, method: str, path: str, body: bytes) -> Said:
        at = self.clock.now()
        said = self._read(method, path, body) or self._carry_out(at, method, path, body)
        if method == "POST" and path != "/balances" and said.status == 200 and self._journal is not None:
            with self._journal.open("ab") as file:
                file.write(msgspec.json.encode(Line(at, method, path, body.decode())) + b"\n")
        return self._distorted(said)

    def _read(self, method: str, path: str, body: bytes) -> Said | None:
        """What changes nothing."""
        match method, [unquote(part) for part in path.split("/")[1:]]:
            case "POST", ["balances"]:
                return self._balances(msgspec.json.decode(body, type=Holder))
            case "GET", ["holds", key]:
                return Said(200, _told(key, self.holds[key])) if key in self.holds else no(404, UNKNOWN_HOLD)
            case "GET", ["credits", key]:
                return Said(200, _credit_told(self.credits[key])) if key in self.credits else no(404, UNKNOWN_CREDIT)
            case "GET", ["days", programme, day]:
                return self._day(programme, day)
            case "GET", ["days", programme, day, "entries", after]:
                return self._page(programme, day, after)
        return None

    def _carry_out(self, at: datetime, method: str, path: str, body: bytes) -> Said:
        match method, [unquote(part) for part in path.split("/")[1:]]:
            case "POST", ["holds"]:
                return self._freeze(at, msgspec.json.decode(body, type=Freeze))
            case "POST", ["holds", key, "confirmation"]:
                return self._confirm(at, key, msgspec.json.decode(body, type=Parts))
            case "POST", ["holds", key, "cancellation"]:
                return self._cancel(at, key, msgspec.json.decode(body, type=Cancel))
            case "POST", ["credits"]:
                return self._give_back(at, msgspec.json.decode(body, type=Credit))
        return no(404, "path.unknown")

    # ── money ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _purse(self, programme: str, psn_no: str) -> Purse | None:
        known = self.purses.get((programme, psn_no))
        opening = self._openings(programme, psn_no) if known is None and self._openings is not None else None
        return self.open(programme, psn_no, opening.personal_fen, opening.savings_fen) if opening is not None else known

    def _balances(self, holder: Holder) -> Said:
        purse = self._purse(holder.programme, holder.psn_no)
        if purse is None or purse.state != "open":
            return no(409, f"account.{purse.state}" if purse else "account.unknown")
        return Said(200, Balances(holder.psn_no, purse.free))

    def _freeze(self, at: datetime, asked: Freeze) -> Said:
        kept = self.holds.get(asked.key)
        if kept is None:
            purse = self._purse(asked.programme, asked.psn_no)
            why = _why_not(purse, asked)
            kept = _Kept(asked.programme, asked.psn_no, asked.parts, "declined" if why else "frozen", at, why, asked=asked)
            self.holds[asked.key] = kept
            if purse is not None and not why:
                purse.move(-asked.parts.personal_fen, -asked.parts.savings_fen)
        if kept.asked not in (None, asked):
            return no(409, "hold.other_content")
        return Said(200, _told(asked.key, kept))

    def _confirm(self, at: datetime, key: str, parts: Parts) -> Said:
        kept = self.holds.get(key)
        if kept is None:
            return no(404, UNKNOWN_HOLD)
        if kept.asked is not None and kept.parts != parts:
            return no(409, "hold.other_content")
        if kept.state == "frozen":
            kept.state, kept.at = "confirmed", at
        return Said(200, _told(key, kept))

    def _cancel(self, at: datetime, key: str, asked: Cancel) -> Said:
        kept = self.holds.get(key)
        if kept is None:
            # It may be under way still: whatever comes under it later finds it cancelled.
            kept = self.holds[key] = _Kept(asked.programme, asked.psn_no, _NOTHING, "cancelled", at)
        if kept.state == "frozen":
            self.purses[kept.programme, kept.psn_no].move(kept.parts.personal_fen, kept.parts.savings_fen)
            kept.state, kept.at = "cancelled", at
        return Said(200, _told(key, kept))

    def _give_back(self, at: datetime, asked: Credit) -> Said:
        known = self.credits.get(asked.key)
        if known is None:
            kept = self.holds.get(asked.hold)
            if kept is None:
                return no(404, UNKNOWN_HOLD)
            purse = self.purses[kept.programme, kept.psn_no]
            why = _why_no_credit(kept, purse, asked)
            known = self.credits[asked.key] = _Credit(kept.programme, asked, "declined" if why else "credited", at, why)
            if not why:
                kept.credited[asked.account] = kept.credited.get(asked.account, 0) + asked.fen
                purse.move(*((asked.fen, 0) if asked.account == "personal" else (0, asked.fen)))
        return Said(200, _credit_told(known)) if known.asked == asked else no(409, "credit.other_content")

    # ── days ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _entries(self, programme: str, day: str) -> Iterator[Listed]:
        """What is of a day by its last change, by key; what never had money is no entry."""
        for key, kept in self.holds.items():
            if kept.programme == programme and _is_on(kept.at, day) and kept.parts != _NOTHING:
                yield Listed(key, "hold", kept.state, _sum(kept.parts), kept.parts.savings_fen)
        for key, credit in self.credits.items():
            if credit.programme == programme and _is_on(credit.at, day):
                yield Listed(key, "credit", credit.state, credit.asked.fen, credit.asked.fen if credit.asked.account == "savings" else 0)

    def _day(self, programme: str, day: str) -> Said:
        entries = list(self._entries(programme, day))
        return Said(200, Day(date.fromisoformat(day), _total(entries, "confirmed"), _total(entries, "credited")))

    def _page(self, programme: str, day: str, after: str) -> Said:
        found = sorted((one for one in self._entries(programme, day) if after == FIRST or one.key > after), key=lambda one: one.key)
        return Said(200, Page(tuple(found[:PAGE]), len(found) > PAGE))

    def _distorted(self, said: Said) -> Said:
        """The answer, with what faults make of its key and its amount."""
        message = said.message
        if isinstance(message, Balances) and self.faults.strikes("wrong-key"):
            message = msgspec.structs.replace(message, psn_no=message.psn_no + "0")
        if isinstance(message, Balances) and self.faults.strikes("wrong-amount"):
            message = msgspec.structs.replace(message, free=Parts(message.free.personal_fen + 1, message.free.savings_fen))
        if isinstance(message, Hold | Credited) and self.faults.strikes("wrong-key"):
            message = msgspec.structs.replace(message, key=message.key + "0")
        if isinstance(message, Hold) and self.faults.strikes("wrong-amount"):
            message = msgspec.structs.replace(message, parts=Parts(message.parts.personal_fen + 1, message.parts.savings_fen))
        if isinstance(message, Credited) and self.faults.strikes("wrong-amount"):
            message = msgspec.structs.replace(message, fen=message.fen + 1)
        return Said(said.status, message)


def _why_not(purse: Purse | None, asked: Freeze) -> str | None:
    if purse is None or purse.state != "open":
        return f"account.{purse.state}" if purse else "account.unknown"
    if purse.free != asked.free:
        return CHANGED
    enough = asked.parts.personal_fen <= purse.personal_fen and asked.parts.savings_fen <= purse.savings_fen
    return None if enough else "balance.insufficient"


def _why_no_credit(kept: _Kept, purse: Purse, asked: Credit) -> str | None:
    if kept.state != "confirmed":
        return "hold.not_confirmed"
    taken = kept.parts.personal_fen if asked.account == "personal" else kept.parts.savings_fen
    if kept.credited.get(asked.account, 0) + asked.fen > taken:
        return "credit.beyond_hold"
    return "account.closed" if purse.state == "closed" else None


def _told(key: str, kept: _Kept) -> Hold:
    return Hold(key, kept.state, kept.parts, kept.at, kept.reason)


def _credit_told(credit: _Credit) -> Credited:
    return Credited(credit.asked.key, credit.state, credit.asked.account, credit.asked.fen, credit.at, credit.reason)


def _is_on(at: datetime, day: str) -> bool:
    return business_date(at).isoformat() == day


def _sum(parts: Parts) -> int:
    return parts.personal_fen + parts.savings_fen


def _total(entries: list[Listed], state: str) -> Total:
    counted = [entry for entry in entries if entry.state == state]
    return Total(len(counted), sum(entry.fen for entry in counted), sum(entry.savings_fen for entry in counted))


def _lines(journal: Path | None) -> Iterator[Line]:
    """What a journal has; a last line that was cut off was never answered."""
    if journal is None or not journal.exists():
        return
    *whole, _ = journal.read_bytes().split(b"\n")
    for line in whole:
        yield msgspec.json.decode(line, type=Line)
