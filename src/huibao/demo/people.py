"""Carries a town of people into a programme's tables: sealed under keys of their own, copied in binary."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from psycopg import Connection

from huibao.core.sealing import Keyring, Place, new_person_key, seal
from huibao.db import sqlfile
from huibao.demo.population import Person, Population
from huibao.members import indexes

SQL: Final = sqlfile.load("huibao.demo")

_PERSON: Final = ("int8", "text", "date", "text", "text", "date", *("bytea",) * 6)


def load_people(
    connection: Connection[Any], programme: str, town: Population, at: datetime, keyring: Keyring, index_key: bytes
) -> None:
    """Writes everybody and all that is true of them, known since `at`. Within the caller's transaction and schema.

    Accounts have their opening balances; the transfers that these came by are the caller's.
    """
    sealed = [_sealed(person, programme, keyring, index_key) for person in town.people]
    _copy(connection, "copy_people", _PERSON, (row for row, _ in sealed))
    _copy(connection, "copy_keys", ("int8", "bytea"), ((row[0], wrapped) for row, wrapped in sealed))
    _copy(connection, "copy_enrolments", ("int8", "text", "text", "text", "date", "date", "timestamptz"),
          ((*enrolled, at) for enrolled in town.enrolments))
    _copy(connection, "copy_standings", ("int8", "text", "text", "date", "timestamptz"), ((*standing, at) for standing in town.standings))
    _copy(connection, "copy_kinships", ("int8", "int8", "text", "bool", "text", "date", "timestamptz"),
          ((*kinship, at) for kinship in town.kinships))
    _copy(connection, "copy_accounts", ("int8", "text", "bool", "text", "int8"),
          ((purse.person, purse.kind, False, purse.state, purse.fen) for purse in town.purses))
    connection.execute(SQL["next_person"])


def _copy(connection: Connection[Any], statement: str, types: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with connection.cursor() as cursor, cursor.copy(SQL[statement]) as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row(row)


def _sealed(person: Person, programme: str, keyring: Keyring, index_key: bytes) -> tuple[tuple[Any, ...], bytes]:
    """The row of a person, in the order of copy_people, and the wrapped key."""
    wrapped, key = new_person_key(keyring, programme, person.id)

    def sealed(column: str, text: str) -> bytes:
        return seal(key, text.encode(), Place(programme, "person", person.id, column))

    row = (
        person.id, person.psn_no, person.born, person.sex, person.area, person.died,
        indexes.of_identity(index_key, programme, person.identity),
        indexes.of_name(index_key, programme, person.name, person.born),
        indexes.of_phone(index_key, programme, person.phone) if person.phone else None,
        sealed("identity_sealed", person.identity),
        sealed("name_sealed", person.name),
        sealed("phone_sealed", person.phone) if person.phone else None,
    )
    return row, wrapped
