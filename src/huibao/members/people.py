"""People as a batch needs them: locked in one order, then read in later statements than the locks."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from huibao.db import sqlfile
from huibao.db.arrays import Int8s
from huibao.db.wire import Asked, Wire
from huibao.members.model import Kin, Member
from huibao.scheme.asked import Enrolment, Person

SQL: Final = sqlfile.load("huibao.members")

Rows = Sequence[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class AskedPeople:
    """What was asked of people, on its way."""

    people: Asked
    enrolments: Asked
    standings: Asked
    kin: Asked


def lock(wire: Wire, people: Sequence[int], orders: Sequence[int]) -> Asked:
    """Queues the locks on people, named and by their orders; every later statement sees what was waited for."""
    if not orders:
        return wire.ask(SQL["lock_named"], {"people": Int8s(sorted(set(people)))})
    return wire.ask(SQL["lock_people"], {"people": Int8s(sorted(set(people))), "orders": Int8s(orders)})


def look(wire: Wire, people: Sequence[int]) -> Asked:
    """As `lock` for people that are named, for who only asks: what follows may be true no more when it is read."""
    return wire.ask(SQL["look_at_named"], {"people": Int8s(sorted(set(people)))})


def ask(wire: Wire, locked: Asked, people: Sequence[int], on: date, related: Iterable[int] | None = None) -> AskedPeople:
    """Queues what is true of people on a day; how they are related, of those alone whose relations matter, if that is said."""
    given = {"people": Int8s(sorted(set(people))), "on": on}
    kin = given if related is None else {"people": Int8s(sorted(set(related))), "on": on}
    return AskedPeople(locked, wire.ask(SQL["enrolments"], given), wire.ask(SQL["standings"], given), wire.ask(SQL["kin_among"], kin))


def read(asked: AskedPeople) -> dict[int, Member]:
    """The members by id; who is not there is not in it."""
    return read_rows(asked.people.rows(), asked.enrolments.rows(), asked.standings.rows(), asked.kin.rows())


def read_rows(people: Rows, enrolled: Rows, standings: Rows, kinship: Rows) -> dict[int, Member]:
    """The members by id, from what was read of them."""
    enrolments: defaultdict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for person_id, *enrolment in enrolled:
        enrolments[person_id].append(tuple(enrolment))
    hardship: dict[int, str] = {}
    chronic: set[int] = set()
    for person_id, kind, value in standings:
        if kind == "hardship":
            hardship.setdefault(person_id, value)
        elif kind == "chronic-benefit":
            chronic.add(person_id)
    kin: defaultdict[int, dict[int, Kin]] = defaultdict(dict)
    for person_id, relative_id, relation, account_family in kinship:
        kin[person_id][relative_id] = Kin(relation, account_family)
    alike: dict[tuple[Any, ...], Person] = {}          # of many people few differ in what schemes decide by

    def person(id: int) -> Person:
        key = (*enrolments[id], id in chronic)
        if key not in alike:
            alike[key] = Person(tuple(Enrolment(*one) for one in enrolments[id]), id in chronic)
        return alike[key]

    return {id: Member(id, born, died, wrapped, person(id), hardship.get(id, "none"), kin[id]) for id, born, died, wrapped in people}
