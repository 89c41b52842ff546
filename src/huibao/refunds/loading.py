"""What a batch of refunds loads: people and products under their locks, then what is true of them; and the same for a quote."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from psycopg import AsyncConnection

from huibao.catalogue import shelf as catalogue
from huibao.catalogue.model import Programme, Shelf
from huibao.core.sealing import Keyring
from huibao.core.time import business_date
from huibao.db import sqlfile
from huibao.db.arrays import Int8s, Texts
from huibao.db.wire import Wire
from huibao.ledger import books as ledger
from huibao.ledger.books import Books
from huibao.ledger.model import Account
from huibao.policies.numbers import refund_number
from huibao.refunds.model import (
    SOURCES,
    AnswerRepayment,
    Command,
    Credit,
    CreditDeclined,
    Held,
    Part,
    PayElsewhere,
    Refund,
    Repay,
    Repayment,
    Surrender,
)
from huibao.refunds.state import Person, State

SQL: Final = sqlfile.load("huibao.refunds")

Row = tuple[Any, ...]


class Loading:
    """Loads batches of one programme; keeps the shelf between them."""

    def __init__(self, programme: Programme, keyring: Keyring) -> None:
        self.programme = programme
        self._keyring = keyring
        self._shelf: Shelf | None = None

    async def load(self, wire: Wire, commands: Sequence[Command], at: datetime) -> State:
        """The state of a batch. Its people stay locked to the end of the transaction, and no batch lists their money meanwhile."""
        orders = sorted({command.order for command in commands if isinstance(command, Surrender)})
        repayments = Int8s(sorted({command.repayment for command in commands if isinstance(command, AnswerRepayment)}))
        references = sorted({command.reference for command in commands if isinstance(command, Repay | PayElsewhere)})
        refunds = Int8s(_refunds(commands))
        if references:
            wire.ask(SQL["lock_references"], {"numbers": Int8s(self._numbers(references))})
        people = wire.ask(SQL["lock_people"], {"orders": Int8s(orders), "refunds": refunds, "repayments": repayments})
        wire.ask(SQL["lock_products"], {"orders": Int8s(orders), "refunds": refunds, "repayments": repayments})
        repaid = wire.ask(SQL["repayments"], {"repayments": repayments})
        postings = Int8s(sorted({command.posting for command in commands if isinstance(command, CreditDeclined)}))
        credits_ = wire.ask(SQL["credits"], {"postings": postings})
        used = wire.ask(SQL["references"], {"references": Texts(references)})
        version = wire.ask(catalogue.SQL["version"])
        known = wire.ask(SQL["refunds"], {"refunds": refunds, "repayments": repayments})
        numbers = wire.ask(SQL["new_numbers"], {"count": len(SOURCES) * sum(isinstance(command, Surrender) for command in commands)})
        await wire.go()
        found = {row[0]: _refund(row) for row in known.rows()}
        about = Int8s(sorted({*orders, *(one.order for one in found.values())}))
        sponsors = wire.ask(SQL["lock_sponsors"], {"orders": about})
        policies = wire.ask(SQL["policies"], {"orders": about})
        parts = wire.ask(SQL["parts"], {"orders": about})
        everyone = Int8s([row[0] for row in people.rows()])
        accounts = wire.ask(ledger.SQL["accounts_of"], {"people": everyone})
        years = wire.ask(ledger.SQL["years_of"], {"people": everyone})
        await wire.go()
        [now] = version.row()
        if self._shelf is None or self._shelf.version != now:
            self._shelf = await catalogue.load(wire.plain(), now)
        return State(
            self.programme, self._shelf, self._keyring, business_date(at), {row[0]: Person(*row) for row in people.rows()},
            held(policies.rows(), parts.rows()), found,
            {row[0]: repayment(row) for row in repaid.rows()},
            self._used(used.rows()), {row[0]: Credit(*row) for row in credits_.rows()},
            Books([Account(*row) for row in (*accounts.rows(), *sponsors.rows())], years.rows()), [id for (id,) in numbers.rows()])

    def _used(self, rows: Sequence[Row]) -> dict[tuple[str, str], str]:
        """What each insurer's references paid, by the number that it is known by: a refund's, or a repayment's."""
        return {(insurer, reference): str(repayment) if refund is None else refund_number(self.programme.code, refund)
                for insurer, reference, repayment, refund in rows}

    def _numbers(self, references: Sequence[str]) -> list[int]:
        """What locks references: two payments under one come one after the other."""
        return sorted({int.from_bytes(sha256(f"{self.programme.code} repayment {one}".encode()).digest()[:8], signed=True)
                       for one in references})


async def quoted(connection: AsyncConnection[Any], order: int, position: int) -> Held | None:
    """A policy as a quote sees it; nothing is locked."""
    given = {"orders": [order]}
    policies = await (await connection.execute(SQL["policies"], given)).fetchall()
    parts = await (await connection.execute(SQL["parts"], given)).fetchall()
    return held(policies, parts).get((order, position))


def held(policies: Sequence[Row], parts: Sequence[Row]) -> dict[tuple[int, int], Held]:
    """Policies with what paid for them."""
    paid: defaultdict[tuple[int, int], list[Part]] = defaultdict(list)
    for order, position, *part in parts:
        source, transfer, account, fen, on, remitted = part
        paid[order, position].append(Part(source, transfer, account, fen, on, remitted))
    found = {(row[0], row[1]): Held(*row) for row in policies}
    for key, one in found.items():
        one.parts = paid[key]
    return found


def repayment(row: Row) -> Repayment:
    """A repayment with the refunds that it lists."""
    id, insurer, reference, fen, state, refunds = row
    return Repayment(id, insurer, reference, fen, state, tuple(refunds or ()))


def _refunds(commands: Sequence[Command]) -> list[int]:
    """The refunds that commands name."""
    found: set[int] = set()
    for command in commands:
        match command:
            case Repay():
                found.update(command.refunds)
            case Surrender() | AnswerRepayment():
                pass
            case _:
                found.add(command.refund)
    return sorted(found)


def _refund(row: Row) -> Refund:
    id, order, position, source, fen, state, year, clerks, reasons, *more = row
    return Refund(id, order, position, source, fen, state, year, dict(zip(clerks or (), reasons or (), strict=True)), *more)
