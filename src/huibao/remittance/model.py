"""The words of remittance: commands, receiving accounts, batches and their lines, and what each side is told."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, Literal

import msgspec

AccountState = Literal["proposed", "approved", "refused"]
CallAnswer = Literal["confirmed", "denied", "no-answer"]
BatchState = Literal["listed", "sent", "answered"]
LineState = Literal["listed", "paid", "failed"]
#: What a person decides of money that could not be remitted: list it next time all the same, or keep it back.
Resolution = Literal["remit", "kept"]

#: Why a line failed that was never part of what is paid.
NOT_OPEN: Final = {"frozen": "account.frozen", "closed": "account.closed"}
#: Why all lines of a batch failed that came back as a whole, and nobody said why.
CAME_BACK: Final = "bank.returned"


# ── receiving accounts ───────────────────────────────────────────────────────────────────────────────────────────────

@dataclass(frozen=True, slots=True)
class Register:
    """Somebody of the agency proposes where an insurer takes its money; `phone` is its number for call-backs from then on."""

    credential: int
    insurer: str
    bank: str
    holder: str
    number: str = field(repr=False)
    phone: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CallBack:
    """Somebody called the insurer about a proposed account, on the number on file, and says what was answered."""

    credential: int
    account: int
    number: str = field(repr=False)
    answer: CallAnswer


@dataclass(frozen=True, slots=True)
class Decide:
    """A second person approves a proposed account, or refuses it."""

    credential: int
    account: int
    approve: bool


# ── batches ──────────────────────────────────────────────────────────────────────────────────────────────────────────

@dataclass(frozen=True, slots=True)
class Make:
    """Everything of a product that was captured before `until` and stands in no batch. `due_on` is the schedule's day, if it asks."""

    credential: int
    product: str
    until: datetime
    due_on: date | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """A batch is about to be told to the bank."""

    credential: int
    remittance: int


@dataclass(frozen=True, slots=True)
class BankPaid:
    """The bank says that it paid so much for a batch."""

    credential: int
    remittance: int
    fen: int


@dataclass(frozen=True, slots=True)
class BankReturned:
    """The bank says that all of a batch came back."""

    credential: int
    remittance: int


@dataclass(frozen=True, slots=True)
class FileRow:
    """One row of a bank's return file as read; `number` is its line in the file. What a kind does not have is 0 or empty."""

    number: int
    kind: Literal["line", "batch", "total"]
    entry: int
    count: int
    fen: int
    result: Literal["paid", "failed"]
    reason: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was not taken: why, and what to do."""

    number: int
    code: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class ReadBack:
    """A bank's return file of a batch, read: what its rows say, and which could not be read."""

    credential: int
    remittance: int
    rows: tuple[FileRow, ...]
    rejected: tuple[Rejected, ...] = ()


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """The insurer says what it received of a batch; `same_file` whether the digest it names is of the batch's file."""

    credential: int
    insurer: str | None
    remittance: int
    count: int
    fen: int
    same_file: bool


@dataclass(frozen=True, slots=True)
class Resolve:
    """A person decides what becomes of money that could not be remitted."""

    credential: int
    case: int
    how: Resolution


Command = Register | CallBack | Decide | Make | Sent | BankPaid | BankReturned | ReadBack | Acknowledge | Resolve


# ── what a batch of commands moves on ────────────────────────────────────────────────────────────────────────────────

@dataclass(slots=True)
class Receiving:
    """A receiving account. What is sealed is opened where it is needed."""

    id: int
    insurer: str
    bank: str
    holder: str
    tail: str
    wrapped: bytes = field(repr=False)
    number: bytes = field(repr=False)
    phone: bytes = field(repr=False)
    proposed_by: int
    state: AccountState
    effective_at: datetime | None
    decided_by: int | None = None


@dataclass(frozen=True, slots=True)
class Called:
    """A call-back on record."""

    id: int
    account: int
    number_of: int
    called_by: int
    answer: CallAnswer


@dataclass(slots=True)
class Line:
    """A line of a batch while a file is read against it."""

    fen: int
    state: LineState


@dataclass(slots=True)
class Sum:
    """So many lines, and what they come to."""

    count: int = 0
    fen: int = 0

    def add(self, count: int, fen: int) -> None:
        self.count += count
        self.fen += fen


@dataclass(slots=True)
class Batch:
    """A batch: what it lists, and how its lines stand. Lines that failed before it was made are not among them."""

    id: int
    product: str
    insurer: str
    account: int
    until: datetime
    count: int
    fen: int
    state: BatchState
    listed: Sum = field(default_factory=Sum)
    paid: Sum = field(default_factory=Sum)
    failed: Sum = field(default_factory=Sum)
    confirmed_at: datetime | None = None
    confirmed_fen: int | None = None

    def sum(self, state: LineState) -> Sum:
        return {"listed": self.listed, "paid": self.paid, "failed": self.failed}[state]


@dataclass(slots=True)
class Case:
    """What waits for a person: of a batch as a whole, or of one movement in it."""

    id: int
    product: str
    cause: str
    remittance: int
    transfer: int | None
    outcome: str | None


# ── what is told ─────────────────────────────────────────────────────────────────────────────────────────────────────

class AccountTold(msgspec.Struct, frozen=True):
    """A receiving account as everybody reads it: its number masked. `effective_at` is from when batches are made for it."""

    account: int
    insurer: str
    bank: str
    holder: str
    number: str
    state: str
    proposed_by: int
    decided_by: int | None
    effective_at: datetime | None
    zh: str
    en: str


class CallBackTold(msgspec.Struct, frozen=True):
    """A call-back on record."""

    account: int
    answer: str
    zh: str
    en: str


class BatchTold(msgspec.Struct, frozen=True):
    """A batch, in fen: what it lists, and what of that was paid, failed, or is not answered yet. `remittance` 0 is none that was made.

    `not_open` are movements whose account was frozen or closed; they wait for a person and are no part of it.
    """

    remittance: int
    product: str
    insurer: str
    state: str
    count: int
    fen: int
    paid_count: int
    paid_fen: int
    failed_count: int
    failed_fen: int
    not_open: int
    zh: str
    en: str


class RejectedRow(msgspec.Struct, frozen=True):
    """A row of a bank's return file that was not taken: why, and what to do."""

    row: int
    code: str
    zh: str
    en: str


class BankFileTold(msgspec.Struct, frozen=True):
    """What became of a bank's return file: lines that are paid or failed by it, that stood so before, rows that were not taken.

    `returned` were paid, and came back. Of rejected rows the first are named, and all counted.
    """

    batch: BatchTold
    paid: int
    failed: int
    returned: int
    unchanged: int
    rejected: int
    rows: tuple[RejectedRow, ...]


class ReceiptTold(msgspec.Struct, frozen=True):
    """What came of an insurer's word: `agrees`, or a case was opened."""

    remittance: int
    agrees: bool
    count: int
    fen: int
    paid_count: int
    paid_fen: int
    zh: str
    en: str


class ResolvedTold(msgspec.Struct, frozen=True):
    """What was decided of a case."""

    case: int
    outcome: str
    zh: str
    en: str
