"""The reference of account money on its way to insurers: batches line by line, what the bank says of them, and what insurers acknowledge."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from huibao.record.model import DONE, Answer
from huibao.remittance import refusals
from huibao.remittance.model import Acknowledge, BankPaid, BankReturned, FileRow, Make, ReadBack, Sent
from tests.simulation.model import Cover, Found, Made, Model, add, same, same_figures

ACCOUNTS: Final = ("personal", "savings")
#: Why there is no batch: to who asks the code, on a day of the schedule the words.
NOTHING_DUE: Final = (refusals.nothing_due().code, refusals.nothing_due().en)
NO_ACCOUNT: Final = (refusals.no_account("lead").code, refusals.no_account("lead").en)
#: A movement of account money: of which order, which policy in it, from which account.
Movement = tuple[int, int, str]
#: Where a movement's money is by how its line stands.
STANDS: Final = {"listed": "listed", "paid": "remitted", "failed": "unlisted"}


@dataclass(slots=True)
class Back:
    """A refund: what of it goes where, and how it stands; whether it was taken back out of clearing."""

    id: int
    made: Made
    cover: Cover
    position: int
    source: str
    fen: int
    state: str
    repayment: int | None = None
    is_reversed: bool = False

    @property
    def movement(self) -> Movement:
        return (self.made.id, self.position, self.source)


@dataclass(slots=True)
class Batch:
    """Account money on its way to an insurer: of what, and how each line stands; `answered` is a batch that nothing waits in."""

    product: str
    lines: dict[Movement, int]
    states: dict[Movement, str]
    is_sent: bool = False

    def total(self, *states: str) -> tuple[int, int]:
        """How many lines stand so, and their fen."""
        fen = [self.lines[movement] for movement, state in self.states.items() if state in states]
        return len(fen), sum(fen)

    @property
    def is_answered(self) -> bool:
        return "listed" not in self.states.values()

    @property
    def waits_for_bank(self) -> bool:
        return self.is_sent and not self.is_answered


@dataclass
class Remitting:
    """Where account money stands, batches by number, refunds out of it; `entries` are the numbers of movements in the bank's files."""

    model: Model
    standing: dict[Movement, str] = field(default_factory=dict)
    batches: dict[int, Batch] = field(default_factory=dict)
    days: set[tuple[str, date | None]] = field(default_factory=set)
    backs: list[Back] = field(default_factory=list)
    entries: dict[int, Movement] = field(default_factory=dict)

    def meets(self) -> dict[type, Callable[[Any, datetime, Answer], None]]:
        """What compares the answer to each kind of command."""
        return {Make: self.make, Sent: self.sent, Acknowledge: self.acknowledge, BankPaid: self.bank_paid, BankReturned: self.bank_returned,
                ReadBack: self.read_back}

    # ── batches ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def due(self, product: str, until: datetime) -> dict[Movement, int]:
        """What waits in clearing from before `until`, of accounts that are open; what came back and is about to be refunded stays."""
        refunded = {back.movement for back in self.backs if back.state in ("waiting", "owed") and back.repayment is None}
        return {movement: fen for movement, cover, fen in self.movements() if cover.good.id == product and cover.begun is not None
                and cover.begun < until and fen and movement not in refunded and self.standing.get(movement, "unlisted") == "unlisted"
                and self.model.people[self.model.orders[movement[0]].buyer].state == "open"}

    def movements(self) -> Iterator[tuple[Movement, Cover, int]]:
        """Every movement into clearing, with what is left of it that nobody took back."""
        reversed_ = {back.movement: back.fen for back in self.backs if back.is_reversed}
        for made in self.model.orders.values():
            for position, cover in enumerate(made.covers, 1):
                for kind, fen in cover.parts.items() if cover.begun is not None else ():
                    movement = (made.id, position, kind)
                    yield movement, cover, fen - reversed_.get(movement, 0)

    def make(self, command: Make, at: datetime, answer: Answer) -> None:  # noqa: ARG002 - the form of every comparison
        """Whether a batch is made, of what. A day of the schedule without one is done, too, and says why in its words."""
        lines = self.due(command.product, command.until)
        if answer.outcome == "remittance.run_done" and (command.product, command.due_on) in self.days:
            return
        told = json.loads(answer.body)
        if command.due_on is not None:
            self.days.add((command.product, command.due_on))
        why = answer.outcome if answer.outcome != DONE else "" if told["remittance"] else told["en"]
        allowed = {"", *NO_ACCOUNT} if lines else {"", *NO_ACCOUNT, *NOTHING_DUE}
        if why not in allowed:
            raise Found(f"made no batch of {len(lines)} movements: {why}")
        if not why:
            same_figures(told, count=len(lines), fen=sum(lines.values()))
            self.batches[told["remittance"]] = Batch(command.product, lines, dict.fromkeys(lines, "listed"))
            self.standing |= dict.fromkeys(lines, "listed")

    def acknowledge(self, command: Acknowledge, at: datetime, answer: Answer) -> None:  # noqa: ARG002
        """The insurer's word beside the bank's: what both say is on record, what differs is somebody's case."""
        batch = self.batches.get(command.remittance)
        if batch is None or command.insurer not in (None, "lead"):
            return same(answer, "remittance.unknown")
        if not batch.is_answered:
            return same(answer, "remittance.not_answered")
        same(answer, DONE)
        count, fen = batch.total("paid")
        agrees = (command.count, command.fen) == (count, fen) and command.same_file
        return same_figures(json.loads(answer.body), agrees=agrees, paid_count=count, paid_fen=fen)

    # ── the bank ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def sent(self, command: Sent, at: datetime, answer: Answer) -> None:  # noqa: ARG002
        batch = self.batches.get(command.remittance)
        if batch is None or batch.is_answered:
            return same(answer, "remittance.unknown" if batch is None else "remittance.not_waiting")
        batch.is_sent = True
        return same(answer, DONE)

    def bank_paid(self, command: BankPaid, at: datetime, answer: Answer) -> None:  # noqa: ARG002
        """All that is not known to have failed is paid; another sum is somebody's case, and waits for the bank's file."""
        batch = self._waiting(command.remittance, answer)
        if batch is not None and command.fen == batch.total("listed", "paid")[1]:
            self._whole(batch, "paid")

    def bank_returned(self, command: BankReturned, at: datetime, answer: Answer) -> None:  # noqa: ARG002
        batch = self._waiting(command.remittance, answer)
        if batch is not None:
            self._whole(batch, "failed")

    def _waiting(self, id: int, answer: Answer) -> Batch | None:
        """The batch that the bank's word is about, if it waits for one."""
        batch = self.batches.get(id)
        waits = batch is not None and batch.waits_for_bank
        same(answer, DONE if waits else "remittance.unknown" if batch is None else "remittance.not_waiting")
        return batch if waits else None

    def _whole(self, batch: Batch, to: str) -> None:
        for movement in [movement for movement, state in batch.states.items() if state == "listed"]:
            self._goes(batch, movement, to)

    def _goes(self, batch: Batch, movement: Movement, to: str) -> None:
        """A line is paid, or failed, or comes back that was paid; its money goes with it."""
        fen = batch.lines[movement] if to == "paid" else -batch.lines[movement] if batch.states[movement] == "paid" else 0
        add(self.model.clearing, batch.product, -fen)
        add(self.model.income, batch.product, fen)
        batch.states[movement], self.standing[movement] = to, STANDS[to]

    # ── the bank's file ──────────────────────────────────────────────────────────────────────────────────────────────

    def read_back(self, command: ReadBack, at: datetime, answer: Answer) -> None:  # noqa: ARG002
        """Each row is taken or rejected by itself; a total that does not fit refuses all, and what came back must be there."""
        batch = self.batches.get(command.remittance)
        if batch is None or not (batch.is_sent or batch.is_answered):
            return same(answer, "remittance.unknown" if batch is None else "remittance.not_sent")
        named, goes, rejected = self._lines(batch, command.rows)
        for row in command.rows:
            if row.kind == "total" and not self._fits(batch, row, command.rows, named, goes):
                return same(answer, "return.totals_differ")
        moves = [(batch.states[movement], to, batch.lines[movement]) for movement, to in goes.items() if batch.states[movement] != to]
        returned = [fen for before, _, fen in moves if before == "paid"]
        if sum(returned) > self.model.income.get(batch.product, 0) + sum(fen for _, to, fen in moves if to == "paid"):
            return same(answer, "return.income_short")
        same(answer, DONE)
        same_figures(json.loads(answer.body), paid=sum(to == "paid" for _, to, _ in moves), returned=len(returned), rejected=rejected,
                     failed=sum((before, to) == ("listed", "failed") for before, to, _ in moves), unchanged=len(goes) - len(moves))
        for movement, to in goes.items():
            if batch.states[movement] != to:
                self._goes(batch, movement, to)
        return None

    def _lines(self, batch: Batch, rows: tuple[FileRow, ...]) -> tuple[set[int], dict[Movement, str], int]:
        """Which entries the file names, where each that is taken goes, and how many rows are not taken."""
        named, goes, rejected = set[int](), dict[Movement, str](), 0
        for row in (row for row in rows if row.kind == "line"):
            movement = self.entries.get(row.entry, (0, 0, ""))
            known = movement in batch.lines and row.entry not in named and row.fen == batch.lines[movement]
            if known and (row.result, batch.states[movement]) != ("paid", "failed"):
                goes[movement] = row.result
            else:
                rejected += 1
            named.add(row.entry)
        return named, goes, rejected

    def _fits(self, batch: Batch, row: FileRow, rows: tuple[FileRow, ...], named: set[int], goes: dict[Movement, str]) -> bool:
        """Whether a total is that of its rows, or of those and all that no row names; these go its way then."""
        said = [one.fen for one in rows if one.kind == "line" and one.result == row.result]
        rest = [movement for movement, state in batch.states.items()
                if state != "failed" and movement not in goes and not any(self.entries.get(entry) == movement for entry in named)]
        if (row.count, row.fen) == (len(said), sum(said)):
            return True
        if (row.count, row.fen) != (len(said) + len(rest), sum(said) + sum(batch.lines[movement] for movement in rest)):
            return False
        goes |= dict.fromkeys(rest, row.result)
        return True
