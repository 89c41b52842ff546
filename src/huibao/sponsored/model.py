"""The words of sponsored groups: commands, sponsors and rosters as a batch sees them, and what each side is told."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from huibao.core.refusal import Refusal
from huibao.enrolment.model import Buy

SponsorKind = Literal["subsidy", "charity", "donation", "employer"]
RosterState = Literal["checking", "checked", "running", "paused", "cancelled", "done"]
Step = Literal["pause", "resume", "cancel"]

#: So many lines are checked, and run, as one part.
PART = 512


@dataclass(frozen=True, slots=True)
class Register:
    """Somebody who pays for others. `credit_limit_fen` is how far it may spend ahead of its money."""

    credential: int
    name: str
    kind: SponsorKind
    credit_limit_fen: int


@dataclass(frozen=True, slots=True)
class Fund:
    """Money came from a sponsor, under the bank's own reference."""

    credential: int
    sponsor: int
    fen: int
    reference: str


@dataclass(frozen=True, slots=True)
class Receive:
    """A file was read to its end: its lines wait under the number `roster`. `last_line` is the file's own count, `lines` are the
    people in it."""

    credential: int
    sponsor: int
    product: str
    roster: int
    digest: bytes
    lines: int
    last_line: int


@dataclass(frozen=True, slots=True)
class Checked:
    """Every part of a roster is checked: the report is made."""

    credential: int
    roster: int


@dataclass(frozen=True, slots=True)
class Confirm:
    """A second person says that the file with this digest is to be run as reported."""

    credential: int
    roster: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Steer:
    """A roster is stopped for a while, goes on, or is given up; `why` where the service stops it by itself."""

    credential: int
    roster: int
    step: Step
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """Every part of a roster was run."""

    credential: int
    roster: int


Command = Register | Fund | Receive | Checked | Confirm | Steer | Finished


@dataclass(frozen=True, slots=True)
class Enrol:
    """One line of a roster's part that is run: the purchase that it is, and the hardship that it claims."""

    roster: int
    part: int
    line: int
    category: str | None
    buy: Buy


class Line(msgspec.Struct, frozen=True):
    """A line whose person is known: what the file says of it."""

    line: int
    person: int
    category: str | None
    tier: str | None


class Outcome(msgspec.Struct, frozen=True):
    """What became of a line: its order and premium, with the policy (order and position) whose place it took; or why there is none."""

    line: int
    order: int | None = None
    premium_fen: int | None = None
    why: Refusal | None = None
    replaces: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Sponsor:
    id: int
    name: str
    kind: SponsorKind


@dataclass(slots=True)
class Roster:
    """A roster while a batch moves it on. `parts_left` are not checked yet, or not run yet, whichever is next."""

    id: int
    sponsor: int
    product: str
    digest: bytes
    lines: int
    state: RosterState
    credential: int
    confirmed_by: int | None
    report: "Report | None"
    parts_left: int
    why: str | None = None
    last_line: int = 0


class CategoryLine(msgspec.Struct, frozen=True):
    """People of one hardship category, and their premium."""

    category: str
    zh: str
    count: int
    premium_fen: int


class ReasonLine(msgspec.Struct, frozen=True):
    """How many lines are rejected for one reason."""

    code: str
    count: int
    zh: str
    en: str


class Report(msgspec.Struct, frozen=True):
    """What a check found: nothing was bought. Accepted and rejected lines are all lines. So many of those accepted take the place of
    policies that people have bought themselves, of which `returned_fen` goes back to who paid."""

    accepted: int
    rejected: int
    premium_fen: int
    categories: tuple[CategoryLine, ...]
    reasons: tuple[ReasonLine, ...]
    replaces: int = 0
    returned_fen: int = 0


class RosterStatement(msgspec.Struct, frozen=True):
    """What a sponsor paid for by one file: enrolled, rejected and open lines are all lines; the premium is what it was charged, to the
    fen, and in capitals. So many of those enrolled took the place of policies that people had bought themselves, of which `returned_fen`
    goes back to who paid: no part of it is the sponsor's."""

    title: str
    roster: int
    digest: str
    sponsor: str
    kind: SponsorKind
    product: str
    product_name: str
    insurer: str
    insurer_name: str
    state: RosterState
    received_at: datetime
    confirmed_at: datetime | None
    ended_at: datetime | None
    lines: int
    enrolled: int
    rejected: int
    still_open: int
    premium_fen: int
    capital: str
    replaced: int
    returned_fen: int
    categories: tuple[CategoryLine, ...]
    reasons: tuple[ReasonLine, ...]


class SponsorTold(msgspec.Struct, frozen=True):
    """A sponsor with what it may spend: its balance, below zero where it owes, and its credit."""

    sponsor: int
    name: str
    kind: SponsorKind
    balance_fen: int
    credit_limit_fen: int


class PaymentTold(msgspec.Struct, frozen=True):
    """Money that was booked for a sponsor, and what it has now."""

    sponsor: int
    fen: int
    reference: str
    balance_fen: int


class RosterTold(msgspec.Struct, frozen=True, omit_defaults=True):
    """A roster as a step left it. `digest` is the SM3 of the file."""

    roster: int
    sponsor: int
    product: str
    digest: str
    lines: int
    state: RosterState
    zh: str
    report: Report | None = None
    why: str | None = None


class FinishedTold(msgspec.Struct, frozen=True):
    """What a run came to: accepted and rejected lines are all lines, and what the sponsor was charged is the sum of the premiums."""

    roster: int
    lines: int
    enrolled: int
    rejected: int
    premium_fen: int


@dataclass(frozen=True, slots=True)
class Held:
    """A roster's lines as they stand now, counted."""

    lines: int
    enrolled: int
    refused: int
    charged_fen: int


@dataclass(frozen=True, slots=True)
class Payment:
    """Money of a sponsor's that a batch books."""

    sponsor: int
    reference: str
    fen: int
    at: datetime
