"""Days compared with the system that keeps the accounts, as one family: what is loaded, how each is decided and told, what is written."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Final

import msgspec

from huibao.catalogue.model import Programme
from huibao.core.money import yuan
from huibao.core.time import SHANGHAI
from huibao.db import sqlfile
from huibao.db.arrays import Dates, Int8s, Texts
from huibao.db.wire import Wire
from huibao.policies.numbers import order_number, read_number
from huibao.reconciliation.account_model import CompareAccounts, ComparedTold, Difference, DifferenceTold, Kept, Listed, Total
from huibao.reconciliation.account_rules import CAUSES, differences
from huibao.reconciliation.cases import Cases
from huibao.record.model import DONE, Decision

SQL: Final = sqlfile.load("huibao.reconciliation", "accounts.sql")

_ENCODER: Final = msgspec.json.Encoder()
_CREDIT: Final = re.compile(r"[0-9]{6}-C([0-9]{1,18})")


@dataclass(slots=True)
class State:
    """Our side of each day, every key of ours that details name, what is open of earlier comparisons; and what this batch found."""

    days: dict[date, list[Kept]]
    known: dict[str, Kept]
    cases: Cases[date, Difference]
    made: list[tuple[int, CompareAccounts, ComparedTold]] = field(default_factory=list)


class AccountDays:
    """`Work` of a programme's days beside the system that keeps its accounts."""

    def __init__(self, programme: Programme) -> None:
        self.programme = programme

    async def load(self, wire: Wire, commands: Sequence[CompareAccounts], at: datetime) -> State:  # noqa: ARG002 - the form of every family
        """Reads our side. No lock: what is known never changes, and what is found twice is one case."""
        asked = {command.day: wire.ask(SQL["of_day"], span(command.day)) for command in commands}
        named = wire.ask(SQL["of_orders"], keys_of(self.programme.code, [one for command in commands for one in command.details or ()]))
        cases = wire.ask(SQL["open_cases"], {"days": Dates([command.day for command in commands])})
        await wire.go()
        return State({day: kept(self.programme.code, rows.rows()) for day, rows in asked.items()},
                     {one.key: one for one in kept(self.programme.code, named.rows())}, Cases.read(cases.rows()))

    def decide(self, state: State, request_id: int, command: CompareAccounts, at: datetime) -> Decision:  # noqa: ARG002 - as above
        """Compares one day, and keeps what came of it."""
        answer = self._compare(state, command)
        state.made.append((request_id, command, answer))
        return Decision("account-day", DONE, _ENCODER.encode(answer), command.credential)

    def _compare(self, state: State, command: CompareAccounts) -> ComparedTold:
        ours = state.days.get(command.day, [])
        taken, credited = total(ours, "hold"), total(ours, "credit")
        found = differences(ours, command.details, state.known) if command.details is not None else []
        if command.details is not None:
            state.cases.square(command.day, {(one.key, one.cause): one for one in found})
        is_equal = (command.taken, command.credited) == (taken, credited) and not found
        zh, en = ("对账一致。", "The day agrees.") if is_equal else (
            f"对账不一致：经办机构扣款 {yuan(command.taken.fen)} 元，平台 {yuan(taken.fen)} 元，差异 {len(found)} 笔。",
            f"The day differs: {yuan(command.taken.fen)} yuan were taken there, {yuan(taken.fen)} here, {len(found)} differences.")
        return ComparedTold(
            command.day, "equal" if is_equal else "differs", command.taken.count, command.taken.fen, taken.count, taken.fen,
            command.credited.count, command.credited.fen, credited.count, credited.fen, tuple(map(_told, found)), zh, en)

    def write(self, wire: Wire, state: State, at: datetime) -> None:
        """Queues the comparisons and what they opened and closed."""
        if made := state.made:
            told = [answer for _, _, answer in made]
            wire.ask(SQL["insert_days"], {
                "at": at, "ids": Int8s([id for id, _, _ in made]), "days": Dates([a.day for a in told]),
                "taken_counts": Int8s([a.taken_count for a in told]), "taken": Int8s([a.taken_fen for a in told]),
                "credited_counts": Int8s([a.credited_count for a in told]), "credited": Int8s([a.credited_fen for a in told]),
                "our_taken_counts": Int8s([a.our_taken_count for a in told]), "our_taken": Int8s([a.our_taken_fen for a in told]),
                "our_credited_counts": Int8s([a.our_credited_count for a in told]),
                "our_credited": Int8s([a.our_credited_fen for a in told]),
                "detailed": Int8s([int(c.details is not None) for _, c, _ in made]), "results": Texts([a.result for a in told])})
        if closed := state.cases.closed:
            wire.ask(SQL["close_cases"], {"at": at, "ids": Int8s(closed)})
        if opened := state.cases.opened:
            wire.ask(SQL["insert_cases"], {
                "at": at, "causes": Texts([d.cause for _, d in opened]),
                "orders": Int8s([d.ours.order if d.ours else None for _, d in opened]), "days": Dates([day for day, _ in opened]),
                "fen": Int8s([d.fen for _, d in opened]), "keys": Texts([d.key for _, d in opened])})

    def write_hot(self, wire: Wire, state: State, at: datetime) -> None:
        """Nothing that every batch wants."""


def span(day: date) -> dict[str, datetime]:
    """From when to when a day is."""
    since = datetime.combine(day, time(), SHANGHAI)
    return {"since": since, "until": since + timedelta(days=1)}


def keys_of(programme: str, details: Iterable[Listed]) -> dict[str, Int8s]:
    """The orders and credits of ours that keys could name; what is no key of ours names none."""
    orders, credits_ = set(), set()
    for one in details:
        number = read_number(programme, one.key.rpartition("-")[0])
        if number is not None:
            orders.add(number[0])
        if match := _CREDIT.fullmatch(one.key):
            credits_.add(int(match[1]))
    return {"orders": Int8s(sorted(orders)), "credits": Int8s(sorted(credits_))}


def kept(programme: str, rows: Iterable[tuple[Any, ...]]) -> list[Kept]:
    """Our keys as `of_orders` and `of_day` have them."""
    found = []
    for order, try_, credit, personal, savings, state in rows:
        key = f"{programme}-C{credit}" if credit is not None else f"{order_number(programme, order)}-{try_}"
        found.append(Kept(key, "hold" if credit is None else "credit", order, state, personal, savings))
    return found


def total(ours: Iterable[Kept], kind: str) -> Total:
    """What was taken, or given back, of a day's keys."""
    counted = [one for one in ours if one.kind == kind]
    return Total(len(counted), sum(one.fen for one in counted), sum(one.savings_fen for one in counted))


def _told(one: Difference) -> DifferenceTold:
    zh, en = CAUSES[one.cause]
    return DifferenceTold(one.key, one.cause, one.ours.state if one.ours else "", one.ours.fen if one.ours else 0,
                          one.theirs.state if one.theirs else "", one.theirs.fen if one.theirs else 0, zh, en)
