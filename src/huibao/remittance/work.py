"""The commands of remittance as one family: what a batch of them loads, how each is decided and told, what is written."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from huibao.catalogue import shelf as catalogue
from huibao.catalogue.model import Programme, Shelf
from huibao.core.refusal import Refusal
from huibao.core.sealing import Keyring
from huibao.core.time import business_date
from huibao.db import sqlfile
from huibao.db.arrays import Dates, Int8s, Texts, Times
from huibao.db.wire import Wire
from huibao.ledger.books import Books
from huibao.ledger.model import Account
from huibao.record.model import DONE, Decision, told
from huibao.remittance import accounts, batches, returns
from huibao.remittance.model import (
    NOT_OPEN,
    Acknowledge,
    BankPaid,
    BankReturned,
    Batch,
    CallBack,
    Called,
    Case,
    Command,
    Decide,
    Line,
    Make,
    ReadBack,
    Receiving,
    Register,
    Resolve,
    Sent,
    Sum,
)
from huibao.remittance.state import Due, Listed, Skipped, State
from huibao.remittance.writing import write

SQL: Final = sqlfile.load("huibao.remittance")

_ENCODER: Final = msgspec.json.Encoder()
_KINDS: Final = {
    Register: "receiving-account", CallBack: "receiving-call", Decide: "receiving-decision", Make: "remittance", Sent: "remittance-sent",
    BankPaid: "remittance-paid", BankReturned: "remittance-returned", ReadBack: "remittance-file", Acknowledge: "remittance-receipt",
    Resolve: "remittance-case"}


class Remittances:
    """`Work` of a programme's remittances; keeps the shelf between batches."""

    def __init__(self, programme: Programme, keyring: Keyring) -> None:
        self.programme = programme
        self._keyring = keyring
        self._shelf: Shelf | None = None

    async def load(self, wire: Wire, commands: Sequence[Command], at: datetime) -> State:
        """Locks the products that commands are about; reads what is true of them afterwards."""
        makes = [c for c in dict.fromkeys(c for c in commands if isinstance(c, Make)) if "\0" not in c.product]
        remittances = sorted({c.remittance for c in commands if isinstance(c, Sent | BankPaid | BankReturned | ReadBack | Acknowledge)})
        named = Int8s(sorted({c.account for c in commands if isinstance(c, CallBack | Decide)}))
        registered = {c.insurer for c in commands if isinstance(c, Register) and "\0" not in c.insurer}
        cases = Int8s(sorted({c.case for c in commands if isinstance(c, Resolve)}))
        wire.ask(SQL["lock_products"], {
            "products": Texts(sorted({c.product for c in makes})), "insurers": Texts(sorted(registered)),
            "remittances": Int8s(remittances), "cases": cases, "accounts": named})
        version = wire.ask(catalogue.SQL["version"])
        await wire.go()
        [now] = version.row()
        if self._shelf is None or self._shelf.version != now:
            self._shelf = await catalogue.load(wire.plain(), now)
        offers = self._shelf.offers
        makes = [c for c in makes if c.product in offers]
        insurers = registered | {offers[c.product].lead for c in makes}

        due = wire.ask(SQL["due"], {"clearings": Int8s([offers[c.product].clearing_id for c in makes]),
                                    "untils": Times([c.until for c in makes])})
        days = [(c.product, c.due_on) for c in makes if c.due_on is not None]
        runs = wire.ask(SQL["runs"], {"products": Texts([product for product, _ in days]), "days": Dates([day for _, day in days])})
        found = wire.ask(SQL["batches"], {"remittances": Int8s(remittances)})
        lines = wire.ask(SQL["lines_of"], {"remittances": Int8s(sorted({c.remittance for c in commands if isinstance(c, ReadBack)}))})
        known = wire.ask(SQL["accounts"], {"accounts": named, "insurers": Texts(sorted(insurers))})
        calls = wire.ask(SQL["calls"], {"accounts": named})
        waiting = wire.ask(SQL["cases"], {"cases": cases})
        await wire.go()
        loaded = [_batch(row) for row in found.rows()]
        return State(
            self.programme, self._shelf, self._keyring, at, business_date(at), _due(makes, due.rows()), set(runs.rows()),
            {one.id: one for one in loaded}, _lines(lines.rows()), {row[0]: Receiving(*row) for row in known.rows()},
            [Called(*row) for row in calls.rows()], {row[0]: Case(*row) for row in waiting.rows()}, await self._books(wire, loaded))

    async def _books(self, wire: Wire, moving: Sequence[Batch]) -> Books:
        """The accounts of batches that may be paid or come back."""
        assert self._shelf is not None, "the shelf is read before the books"
        offers = [self._shelf.offers[batch.product] for batch in moving]
        if not offers:
            return Books()
        found = wire.ask(SQL["money"], {"accounts": Int8s(sorted({id for one in offers for id in (one.clearing_id, one.income_id)}))})
        await wire.go()
        return Books(Account(*row) for row in found.rows())

    def decide(self, state: State, request_id: int, command: Command, at: datetime) -> Decision:  # noqa: ARG002 - the form of every family
        """Decides one command and moves the state on; what was refused leaves it as it was."""
        outcome = _decided(state, command, request_id)
        kind = _KINDS[type(command)]
        if isinstance(outcome, Refusal):
            return Decision(kind, outcome.code, told(outcome), command.credential)
        return Decision(kind, DONE, _ENCODER.encode(outcome), command.credential)

    def write(self, wire: Wire, state: State, at: datetime) -> None:
        """Queues accounts, batches, lines, cases, and the movements of money."""
        write(wire, state, at)
        state.books.write(wire, at)

    def write_hot(self, wire: Wire, state: State, at: datetime) -> None:  # noqa: ARG002 - as above
        """Queues the net on the products' accounts."""
        state.books.write_hot(wire)


def _decided(state: State, command: Command, request_id: int) -> msgspec.Struct | Refusal:
    """What came of a command, as it is told."""
    match command:
        case Register():
            return _of(accounts.register(state, command, request_id))
        case CallBack():
            return _of(accounts.call_back(state, command, request_id))
        case Decide():
            return _of(accounts.decide(state, command))
        case Make():
            return _of(batches.make(state, command, request_id))
        case Sent():
            return _of(batches.sent(state, command))
        case BankPaid():
            return _of(batches.paid(state, command))
        case BankReturned():
            return _of(batches.returned(state, command))
        case ReadBack():
            return returns.read_back(state, command)
        case Acknowledge():
            return batches.acknowledge(state, command)
        case Resolve():
            return _of(batches.resolve(state, command))


def _of(outcome: Receiving | Called | Listed | Skipped | Batch | Case | Refusal) -> msgspec.Struct | Refusal:
    match outcome:
        case Receiving():
            return accounts.account_told(outcome)
        case Called():
            return accounts.called_told(outcome)
        case Listed():
            return batches.batch_told(outcome.batch, len(outcome.due.not_open))
        case Skipped():
            return batches.skipped_told(outcome)
        case Batch():
            return batches.batch_told(outcome)
        case Case():
            return batches.resolved_told(outcome)
        case Refusal():
            return outcome


def _due(makes: Sequence[Make], rows: Sequence[tuple[Any, ...]]) -> dict[Make, Due]:
    found = {make: Due() for make in makes}
    for n, transfers, fen, waiting, waiting_fen, states in rows:
        not_open = zip(waiting or (), waiting_fen or (), states or (), strict=True)
        found[makes[n - 1]] = Due(transfers or [], fen or [], [(transfer, left, NOT_OPEN[state]) for transfer, left, state in not_open])
    return found


def _batch(row: tuple[Any, ...]) -> Batch:
    id, product, insurer, account, until, count, fen, state, confirmed_at, confirmed_fen, *sums = row
    listed, paid, failed = (Sum(*sums[n : n + 2]) for n in (0, 2, 4))
    return Batch(id, product, insurer, account, until, count, fen, state, listed, paid, failed, confirmed_at, confirmed_fen)


def _lines(rows: Sequence[tuple[Any, ...]]) -> dict[int, dict[int, Line]]:
    return {remittance: {transfer: Line(fen, state) for transfer, fen, state in zip(transfers, amounts, states, strict=True)}
            for remittance, transfers, amounts, states in rows}
