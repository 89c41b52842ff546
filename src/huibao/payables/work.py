"""The commands of payables as one family: what a batch of them loads, how each is decided and told, what is written."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from huibao.catalogue import shelf as catalogue
from huibao.catalogue.model import Programme, Shelf
from huibao.core.money import yuan
from huibao.core.refusal import Refusal
from huibao.core.time import business_date
from huibao.db import sqlfile
from huibao.db.arrays import Dates, Int8s, Texts
from huibao.db.wire import Asked, Wire
from huibao.ledger import books as ledger
from huibao.ledger.books import Books
from huibao.ledger.model import Account
from huibao.payables import payouts, statements
from huibao.payables.model import (
    Answer,
    Call,
    CalledTold,
    CallTold,
    CameBack,
    Command,
    PaidOut,
    Payout,
    PayoutTold,
    Prepay,
    Propose,
    Received,
    Recovery,
    Reissue,
    Sent,
    Statement,
    StatementTold,
)
from huibao.payables.state import Line, Pooled, State
from huibao.record.model import DONE, Decision, told

SQL: Final = sqlfile.load("huibao.payables")

_ENCODER: Final = msgspec.json.Encoder()
_KINDS: Final = {Propose: "statement", Answer: "statement-answer", Prepay: "prepayment", Call: "recovery-call", Sent: "payout-sent",
                 PaidOut: "payout-paid", CameBack: "payout-returned", Reissue: "payout-again", Received: "recovery"}


class Payables:
    """`Work` of a programme's payables; keeps the shelf between batches."""

    def __init__(self, programme: Programme) -> None:
        self.programme = programme
        self._shelf: Shelf | None = None

    async def load(self, wire: Wire, commands: Sequence[Command], at: datetime) -> State:
        """Locks hospitals, products, statements, payouts and parts, in that order; reads what is true of them afterwards."""
        hospitals = sorted({c.hospital for c in commands if isinstance(c, Propose | Answer | Prepay) and "\0" not in c.hospital})
        products = sorted({c.product for c in commands if isinstance(c, Call) and "\0" not in c.product})
        found = wire.ask(SQL["lock_hospitals"], {"hospitals": Texts(hospitals)})
        wire.ask(SQL["lock_products"], {"products": Texts(products)})
        payouts_ = wire.ask(SQL["payouts"], {"payouts": Int8s(sorted(
            {c.payout for c in commands if isinstance(c, Sent | PaidOut | CameBack | Reissue)}))})
        recoveries = wire.ask(SQL["recoveries"], {"recoveries": Int8s(sorted({c.recovery for c in commands if isinstance(c, Received)}))})
        version = wire.ask(catalogue.SQL["version"])
        lines = wire.ask(SQL["open_lines"], {
            "hospitals": Texts(sorted({c.hospital for c in commands if isinstance(c, Propose)} & set(hospitals))),
            "answered": Int8s(sorted({c.statement for c in commands if isinstance(c, Answer)}))})
        prepaid = wire.ask(SQL["prepaid"], {"hospitals": Texts(hospitals)})
        shares = wire.ask(SQL["shares"], {"products": Texts(products)})
        called = wire.ask(SQL["called"], {"products": Texts(products)})
        numbers = wire.ask(SQL["new_numbers"], {"count": sum(isinstance(c, Answer | Prepay) for c in commands)})
        await wire.go()
        moving = [Payout(*row) for row in payouts_.rows()]
        named = {c.statement for c in commands if isinstance(c, Answer)} | {one.statement for one in moving if one.statement is not None}
        known = wire.ask(SQL["statements"], {"statements": Int8s(sorted(named)), "hospitals": Texts(hospitals)})
        taken_back = wire.ask(SQL["taken_back"], {"settlements": Int8s(sorted({one.settlement for one in moving if one.settlement}))})
        await wire.go()
        [now] = version.row()
        if self._shelf is None or self._shelf.version != now:
            self._shelf = await catalogue.load(wire.plain(), now)
        return State(
            self.programme, self._shelf, business_date(at), frozenset(id for (id,) in found.rows()), _lines(lines.rows()),
            {(hospital, product): fen for hospital, product, fen in prepaid.rows()}, {row[0]: Statement(*row) for row in known.rows()},
            {one.id: one for one in moving}, frozenset(id for (id,) in taken_back.rows()),
            {row[5]: Recovery(*row) for row in recoveries.rows()},
            _pools(shares.rows()), {(product, version_, insurer): fen for product, version_, insurer, fen in called.rows()},
            await self._books(wire, moving, recoveries), [id for (id,) in numbers.rows()])

    async def _books(self, wire: Wire, moving: Sequence[Payout], recoveries: Asked) -> Books:
        """The accounts of what is paid or received."""
        products = sorted({one.product for one in moving} | {row[0] for row in recoveries.rows()})
        if not products:
            return Books()
        claims = wire.ask(ledger.SQL["claim_accounts"], {"products": Texts(products)})
        hospitals = sorted({one.hospital for one in moving if one.hospital is not None})
        # Who is paid ahead may not have been paid before.
        wanted = sorted({(one.product, one.hospital) for one in moving if one.hospital is not None})
        wire.ask(ledger.SQL["open_hospital_accounts"], {
            "products": Texts([product for product, _ in wanted]), "hospitals": Texts([hospital for _, hospital in wanted])})
        theirs = wire.ask(ledger.SQL["hospital_accounts"], {"hospitals": Texts(hospitals)})
        await wire.go()
        return Books(Account(*row) for row in (*claims.rows(), *theirs.rows()))

    def decide(self, state: State, request_id: int, command: Command, at: datetime) -> Decision:  # noqa: ARG002 - the form of every family
        """Decides one command and moves the state on; what was refused leaves it as it was."""
        outcome = _decided(state, command, request_id)
        kind = _KINDS[type(command)]
        if isinstance(outcome, Refusal):
            return Decision(kind, outcome.code, told(outcome), command.credential)
        return Decision(kind, DONE, _ENCODER.encode(_told(command, outcome)), command.credential)

    def write(self, wire: Wire, state: State, at: datetime) -> None:
        """Queues statements, payouts, parts, and the movements of money."""
        _write_statements(wire, state, at)
        _write_payouts(wire, state, at)
        if new := state.new_recoveries:
            wire.ask(SQL["insert_recoveries"], {
                "at": at, "products": Texts([r.product for r in new]), "versions": Int8s([r.version for r in new]),
                "insurers": Texts([r.insurer for r in new]), "fen": Int8s([r.fen for r in new])})
        if state.arrived:
            wire.ask(SQL["move_recoveries"], {"at": at, "ids": Int8s(state.arrived)})
        state.books.write(wire, at)

    def write_hot(self, wire: Wire, state: State, at: datetime) -> None:  # noqa: ARG002 - as above
        """Queues the net on the products' accounts."""
        state.books.write_hot(wire)


def _decided(state: State, command: Command, request_id: int) -> Statement | Payout | Recovery | list[Recovery] | Refusal:
    match command:
        case Propose():
            return statements.propose(state, command, request_id)
        case Answer():
            return statements.answer(state, command)
        case Prepay():
            return statements.prepay(state, command)
        case Call():
            return payouts.call(state, command)
        case Sent():
            return payouts.sent(state, command)
        case PaidOut():
            return payouts.paid(state, command)
        case CameBack():
            return payouts.came_back(state, command)
        case Reissue():
            return payouts.reissue(state, command)
        case Received():
            return payouts.received(state, command)


def _told(command: Command, outcome: Statement | Payout | Recovery | list[Recovery]) -> msgspec.Struct:
    match outcome:
        case Statement():
            return statement_told(outcome)
        case Payout():
            return PayoutTold(outcome.id, outcome.fen, outcome.state)
        case Recovery():
            return CalledTold(outcome.insurer, outcome.version, outcome.fen)
    assert isinstance(command, Call), "only a call answers with many parts"
    return CallTold(command.product, tuple(CalledTold(one.insurer, one.version, one.fen) for one in outcome))


def statement_told(found: Statement) -> StatementTold:
    """A statement as both sides read it."""
    left = found.fen - found.setoff_fen
    zh, en = {
        "proposed": ("待医院核对确认。", "waits for the hospital to agree"),
        "agreed": (f"医院已确认，将支付 {yuan(left)} 元。", f"agreed: {yuan(left)} yuan will be paid"),
        "disputed": ("医院有异议，所列款项退回待列。", "disputed: what it listed may stand in another"),
        "paid": ("已结清。", "settled in full"),
    }[found.state]
    return StatementTold(found.id, found.hospital, found.product, found.upto, found.count, found.fen, found.setoff_fen, left,
                         found.state, zh, en)


def _lines(rows: Sequence[tuple[Any, ...]]) -> dict[tuple[str, str], list[Line]]:
    found: defaultdict[tuple[str, str], list[Line]] = defaultdict(list)
    for hospital, product, transfer, fen, on, disputed in rows:
        found[hospital, product].append(Line(transfer, fen, on, disputed))
    return found


def _pools(rows: Sequence[tuple[Any, ...]]) -> dict[str, list[Pooled]]:
    members: defaultdict[tuple[str, int], list[tuple[str, int]]] = defaultdict(list)
    claims: dict[tuple[str, int], tuple[int, int]] = {}
    for product, version, insurer, weight, _, claim, returned in rows:
        members[product, version].append((insurer, weight))
        claims[product, version] = (claim or 0, returned or 0)
    found: defaultdict[str, list[Pooled]] = defaultdict(list)
    for (product, version), of in members.items():
        found[product].append(Pooled(version, tuple(of), *claims[product, version]))
    return found


def _write_statements(wire: Wire, state: State, at: datetime) -> None:
    if new := state.new_statements:
        wire.ask(SQL["insert_statements"], {
            "at": at, "ids": Int8s([s.id for s in new]), "hospitals": Texts([s.hospital for s in new]),
            "products": Texts([s.product for s in new]), "upto": Dates([s.upto for s in new]), "fen": Int8s([s.fen for s in new])})
        wire.ask(SQL["insert_lines"], {
            "transfers": Int8s([line for s in new for line in s.lines]), "statements": Int8s([s.id for s in new for _ in s.lines])})
    if state.released:
        wire.ask(SQL["release_lines"], {"statements": Int8s(state.released)})
    if moved := list(state.moved_statements.values()):
        wire.ask(SQL["move_statements"], {
            "at": at, "ids": Int8s([s.id for s in moved]), "states": Texts([s.state for s in moved]),
            "setoff": Int8s([s.setoff_fen for s in moved])})


def _write_payouts(wire: Wire, state: State, at: datetime) -> None:
    if new := state.new_payouts:
        wire.ask(SQL["insert_payouts"], {
            "at": at, "ids": Int8s([p.id for p in new]), "products": Texts([p.product for p in new]),
            "hospitals": Texts([p.hospital for p in new]), "statements": Int8s([p.statement for p in new]),
            "fen": Int8s([p.fen for p in new]), "due": Dates([p.due_on for p in new])})
    if moved := list(state.moved_payouts.values()):
        wire.ask(SQL["move_payouts"], {
            "at": at, "ids": Int8s([p.id for p in moved]), "states": Texts([p.state for p in moved]),
            "due": Dates([p.due_on for p in moved]), "tries": Int8s([p.tries for p in moved])})
    if back := state.came_back:
        wire.ask(SQL["insert_cases"], {
            "at": at, "settlements": Int8s([p.settlement for p in back]), "hospitals": Texts([p.hospital for p in back]),
            "products": Texts([p.product for p in back]), "payouts": Int8s([p.id for p in back]), "fen": Int8s([p.fen for p in back])})
    if state.squared:
        wire.ask(SQL["close_reversed"], {"at": at, "settlements": Int8s(state.squared)})
    if state.tried_again:
        wire.ask(SQL["close_cases"], {"at": at, "payouts": Int8s(state.tried_again)})
