"""The commands of reconciliation as one family: what a batch of them loads, how each is decided and told, what is written."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

import msgspec

from huibao.catalogue.model import Programme
from huibao.core.refusal import Refusal
from huibao.db import sqlfile
from huibao.db.arrays import Dates, Int8s, Texts
from huibao.db.wire import Wire
from huibao.policies.numbers import settlement_number
from huibao.reconciliation.cases import Cases
from huibao.reconciliation.model import Difference, DifferenceTold, OfferTold, Ours, Reconcile, ReconciledTold
from huibao.reconciliation.rules import ANSWERED, CAUSES, differences, sentence
from huibao.record.model import DONE, Decision, told

SQL: Final = sqlfile.load("huibao.reconciliation")

_ENCODER: Final = msgspec.json.Encoder()


@dataclass(slots=True)
class State:
    """Days of hospitals as we have them, what details name, what is open of earlier comparisons; and what this batch found."""

    hospitals: frozenset[str]
    days: dict[tuple[str, date], list[Ours]]
    named: dict[str, Ours]
    cases: Cases[tuple[str, date], Difference]
    made: list[tuple[int, Reconcile, ReconciledTold]] = field(default_factory=list)


class Reconciliations:
    """`Work` of a programme's reconciliations."""

    def __init__(self, programme: Programme) -> None:
        self.programme = programme

    async def load(self, wire: Wire, commands: Sequence[Reconcile], at: datetime) -> State:  # noqa: ARG002 - the form of every family
        """Locks the hospitals; reads their days."""
        hospitals = Texts([command.hospital for command in commands])
        days = Dates([command.day for command in commands])
        found = wire.ask(SQL["lock_hospitals"], {"hospitals": Texts(sorted(set(hospitals.values)))})
        ours = wire.ask(SQL["days"], {"hospitals": hospitals, "days": days})
        setl_ids = sorted({detail.setl_id for command in commands for detail in command.details or () if "\0" not in detail.setl_id})
        named = wire.ask(SQL["named"], {"setl_ids": Texts(setl_ids)})
        cases = wire.ask(SQL["open_cases"], {"hospitals": hospitals, "days": days})
        await wire.go()
        by_day: defaultdict[tuple[str, date], list[Ours]] = defaultdict(list)
        for row in ours.rows():
            by_day[row[2], row[3]].append(Ours(*row))
        before = (((hospital, day), id, setl_id, cause) for id, hospital, day, setl_id, cause in cases.rows())
        return State(frozenset(id for (id,) in found.rows()), by_day, {row[1]: Ours(*row) for row in named.rows()}, Cases.read(before))

    def decide(self, state: State, request_id: int, command: Reconcile, at: datetime) -> Decision:  # noqa: ARG002 - as above
        """Compares one day, and keeps what came of it."""
        if command.hospital not in state.hospitals:
            refused = Refusal("reconciliation.hospital_unknown", None, "该医疗机构未在本项目登记。请核对机构编码。",
                              "no such hospital here: check its code.")
            return Decision("reconciliation", refused.code, told(refused), command.credential)
        answer = self._compare(state, command)
        state.made.append((request_id, command, answer))
        return Decision("reconciliation", DONE, _ENCODER.encode(answer), command.credential)

    def _compare(self, state: State, command: Reconcile) -> ReconciledTold:
        whose = (command.hospital, command.day)
        ours = state.days.get(whose, [])
        counted = [one for one in ours if one.counts]
        our_fen = sum(one.pay_fen for one in counted)
        found = differences(command.hospital, ours, command.details, state.named) if command.details is not None else []
        answered = [one for one in found if one.cause in ANSWERED]
        left = [one for one in found if one.cause not in ANSWERED]
        if command.details is not None:
            state.cases.square(whose, {(one.setl_id, one.cause): one for one in left})
        is_equal = (command.count, command.fen) == (len(counted), our_fen) and not left
        zh, en = sentence(is_equal, our_fen, command.fen, len(left), len(answered))
        return ReconciledTold(
            command.day, "equal" if is_equal else "differs", command.count, command.fen, len(counted), our_fen,
            sum(one.state == "offered" for one in ours), tuple(self._told(one) for one in left),
            tuple(OfferTold(self._number(one), one.theirs.fen if one.theirs and one.cause == "offer.deducted" else 0,
                            one.cause != "offer.reversed") for one in answered),
            zh, en)

    def _number(self, one: Difference) -> str:
        return settlement_number(self.programme.code, one.ours.id) if one.ours is not None else ""

    def _told(self, one: Difference) -> DifferenceTold:
        zh, en = CAUSES[one.cause]
        is_another = one.cause == "other.hospital"      # whose it is instead, and how much, is not this hospital's to know
        ours = None if is_another else one.ours
        return DifferenceTold(
            one.setl_id, "" if is_another else self._number(one), one.cause, ours.state if ours else "", ours.pay_fen if ours else 0,
            one.theirs.state if one.theirs else "", one.theirs.fen if one.theirs else 0, zh, en)

    def write(self, wire: Wire, state: State, at: datetime) -> None:
        """Queues the comparisons and what they opened and closed."""
        if made := state.made:
            wire.ask(SQL["insert_reconciliations"], {
                "at": at, "ids": Int8s([id for id, _, _ in made]), "hospitals": Texts([c.hospital for _, c, _ in made]),
                "days": Dates([c.day for _, c, _ in made]), "counts": Int8s([c.count for _, c, _ in made]),
                "fen": Int8s([c.fen for _, c, _ in made]), "our_counts": Int8s([a.our_count for _, _, a in made]),
                "our_fen": Int8s([a.our_fen for _, _, a in made]),
                "detailed": Int8s([int(c.details is not None) for _, c, _ in made]), "results": Texts([a.result for _, _, a in made])})
        if closed := state.cases.closed:
            wire.ask(SQL["close_cases"], {"at": at, "ids": Int8s(closed)})
        if opened := state.cases.opened:
            wire.ask(SQL["insert_cases"], {
                "at": at, "causes": Texts([d.cause for _, d in opened]),
                "settlements": Int8s([d.ours.id if d.ours and d.cause != "other.hospital" else None for _, d in opened]),
                "setl_ids": Texts([d.setl_id for _, d in opened]), "hospitals": Texts([hospital for (hospital, _), _ in opened]),
                "days": Dates([day for (_, day), _ in opened]), "fen": Int8s([d.fen for _, d in opened])})

    def write_hot(self, wire: Wire, state: State, at: datetime) -> None:
        """Nothing that every batch wants."""
