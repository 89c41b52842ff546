"""What a batch of remittance commands is decided on, and what it did."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from huibao.catalogue.model import Programme, Shelf
from huibao.core.refusal import Refusal
from huibao.core.sealing import Keyring
from huibao.ledger.books import Books
from huibao.remittance.model import Batch, Called, Case, Line, LineState, Make, Receiving
from huibao.scheme.model import REMITTING, Remitting, in_force


@dataclass(slots=True)
class Due:
    """What a batch may list: movements and what is left of each, side by side; and those whose account is not open, with why."""

    transfers: list[int] = field(default_factory=list)
    fen: list[int] = field(default_factory=list)
    not_open: list[tuple[int, int, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Listed:
    """A batch that was made, with what it lists."""

    batch: Batch
    due: Due


@dataclass(frozen=True, slots=True)
class Skipped:
    """A day of the schedule on which no batch was made, and why."""

    product: str
    insurer: str
    why: Refusal


@dataclass(frozen=True, slots=True)
class Run:
    """A day of the schedule: what came of it, and the batch if one was made."""

    product: str
    due_on: date
    outcome: str
    remittance: int | None


@dataclass(frozen=True, slots=True)
class Move:
    """Lines of a batch that go on: those named, or with `transfers` None all that stand `since`."""

    remittance: int
    since: LineState
    to: LineState
    reason: str | None = None
    transfers: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class NewCase:
    """What waits for a person from now on: about a batch, one movement of it, or a product as a whole."""

    cause: str
    product: str
    remittance: int | None
    fen: int
    transfer: int | None = None


@dataclass(slots=True)
class State:
    """Receiving accounts, batches, cases of a batch of commands, with the accounts that money moves between. `on` is the business date.

    `due` has what each `Make` may list; `lines` are those of batches that files are read against. `taken` are movements that commands
    of the batch listed, `kept` those that a person holds back in it.
    """

    programme: Programme
    shelf: Shelf
    keyring: Keyring
    at: datetime
    on: date
    due: Mapping[Make, Due]
    runs: set[tuple[str, date | None]]
    batches: dict[int, Batch]
    lines: Mapping[int, dict[int, Line]]
    accounts: dict[int, Receiving]
    calls: list[Called]
    cases: dict[int, Case]
    books: Books
    # What the batch did.
    taken: set[int] = field(default_factory=set)
    kept: set[int] = field(default_factory=set)
    new_accounts: list[Receiving] = field(default_factory=list)
    decided_accounts: list[Receiving] = field(default_factory=list)
    new_calls: list[Called] = field(default_factory=list)
    listed: list[Listed] = field(default_factory=list)
    new_runs: list[Run] = field(default_factory=list)
    moved: dict[int, Batch] = field(default_factory=dict)
    moves: list[Move] = field(default_factory=list)
    new_cases: list[NewCase] = field(default_factory=list)
    settled: list[tuple[int, str, str]] = field(default_factory=list)
    resolved: dict[int, Case] = field(default_factory=dict)

    @property
    def rule(self) -> Remitting:
        """How money is remitted today."""
        return in_force(self.programme.scheme.remittance, self.on) or REMITTING

    def receiving(self, insurer: str) -> Receiving | None:
        """The account that an insurer is paid to now: the latest that is in force."""
        return paid_to(self.accounts.values(), insurer, self.at)


def paid_to(accounts: Iterable[Receiving], insurer: str, at: datetime) -> Receiving | None:
    """Of an insurer's accounts the one that is in force at an instant: the latest that came into force."""
    found = [one for one in accounts if one.insurer == insurer and one.effective_at is not None and one.effective_at <= at]
    return max(found, key=lambda one: (one.effective_at, one.id), default=None)
