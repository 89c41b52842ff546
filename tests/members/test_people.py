"""What is true of a person, when, and since when it is known: any day can be asked about as of any instant."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any, Final

import pytest

from huibao.core.refusal import Refusal
from huibao.db.connect import connect_service
from huibao.db.wire import Wire
from huibao.members import people
from huibao.members.model import Kin, Member
from huibao.members.people import SQL
from huibao.scheme.asked import Enrolment
from tests import books
from tests.books import FOUNDED, City, Someone, buy, owner, refusal, rows, run, small_city
from tests.database import MakeProgramme

KNOWN: Final = datetime(2026, 6, 1, tzinfo=UTC)
#: On 1 June the agency learns that person 1 moved from employees' to residents' insurance on 1 April.
CORRECTED: Final = (
    ("close_enrolment", {"person": 1, "insurance": "310", "at": KNOWN}),
    ("insert_enrolment", {"person": 1, "insurance": "310", "status": "4", "area": "540000", "valid_from": date(2000, 1, 1),
                          "valid_to": date(2026, 3, 31), "at": KNOWN}),
    ("insert_enrolment", {"person": 1, "insurance": "390", "status": "1", "area": "540000", "valid_from": date(2026, 4, 1), "valid_to": None, "at": KNOWN}),
)


@pytest.fixture(scope="module")
def city(owner_url: str) -> Iterator[City]:
    made = small_city(books.founder(owner_url), "xizang", [
        Someone(1, personal="8000", kin="2 父母 账户；3 配偶", hardship="低保"), Someone(2, "1955-02-11", "居民 正常；职工 终止"),
        Someone(3, insurance="", chronic=True, died="2026-05-01")])
    with owner(made) as connection:
        for name, given in CORRECTED:
            connection.execute(SQL[name], given)
        connection.execute("UPDATE kinship SET valid_to = '2026-03-31', known_to = %s WHERE relative_id = 3", [KNOWN])
        connection.execute("UPDATE standing SET valid_to = '2026-06-30' WHERE person_id = 1")
    yield made
    assert books.verify(made) == []


AS_OF: Final = [
    # 哪一天        在什么时候问                                      当时所知
    ("2026-03-31",  datetime(2026, 5, 1, tzinfo=UTC),                 [("310", "1")]),
    ("2026-04-01",  datetime(2026, 5, 1, tzinfo=UTC),                 [("310", "1")]),
    ("2026-04-01",  datetime(2026, 5, 31, 23, 59, 59, tzinfo=UTC),    [("310", "1")]),
    ("2026-04-01",  KNOWN,                                            [("390", "1")]),
    ("2026-03-31",  KNOWN,                                            [("310", "4")]),
    ("2026-12-31",  datetime(2030, 1, 1, tzinfo=UTC),                 [("390", "1")]),
    ("1999-12-31",  KNOWN,                                            []),
    ("2026-04-01",  FOUNDED,                                          [("310", "1")]),
    ("2026-04-01",  datetime(2025, 9, 30, 23, 59, 59, tzinfo=UTC),    []),
]


@pytest.mark.parametrize("day, known, expected", AS_OF)
def test_enrolments_as_of(city: City, day: str, known: datetime, expected: list[tuple[str, str]]) -> None:
    with owner(city) as connection:
        found = connection.execute(SQL["enrolments_as_of"], {"person": 1, "on": date.fromisoformat(day), "known": known}).fetchall()
    assert [(insurance, status) for insurance, status, _ in found] == expected


@pytest.mark.parametrize("day, known, family", [
    ("2026-03-31",  KNOWN,                             [2]),
    ("2026-03-31",  datetime(2026, 5, 1, tzinfo=UTC),  [2, 3]),
    ("2026-04-01",  datetime(2026, 5, 1, tzinfo=UTC),  [2]),
    ("1999-12-31",  KNOWN,                             []),
])
def test_family_as_of(city: City, day: str, known: datetime, family: list[int]) -> None:
    with owner(city) as connection:
        found = connection.execute(SQL["family_of"], {"person": 1, "on": date.fromisoformat(day), "known": known}).fetchall()
    assert sorted(row[0] for row in found) == family


def members(city: City, ids: list[int], on: date) -> dict[int, Member]:
    """The members as a batch loads them on a day."""
    async def ask() -> dict[int, Member]:
        async with await connect_service(city.url) as connection:
            wire = Wire(connection)
            wire.ask("SELECT set_config('search_path', %(schema)s, false)", {"schema": city.schema})
            asked = people.ask(wire, people.lock(wire, ids, []), ids, on)
            await wire.go()
            return people.read(asked)

    return asyncio.run(ask())


def test_members_on_a_day(city: City) -> None:
    found = members(city, [3, 2, 1, 2, 999], date(2026, 4, 1))
    assert sorted(found) == [1, 2, 3]
    assert found[1].person.enrolments == (Enrolment("390", "1", "540000"),)
    assert found[2].person.enrolments == (Enrolment("310", "4", "540000"), Enrolment("390", "1", "540000"))
    assert found[3].person.enrolments == ()
    assert [found[id].hardship for id in (1, 2, 3)] == ["subsistence-allowance", "none", "none"]
    assert [found[id].person.chronic_benefit for id in (1, 2, 3)] == [False, False, True]
    assert found[1].kin == {2: Kin("parent", True)}
    assert (found[2].kin, found[3].kin) == ({}, {})
    assert (found[3].died, found[1].died) == (date(2026, 5, 1), None)


@pytest.mark.parametrize("day, hardship", [("2026-06-30", "subsistence-allowance"), ("2026-07-01", "none")])
def test_a_standing_ends_with_its_last_day(city: City, day: str, hardship: str) -> None:
    assert members(city, [1], date.fromisoformat(day))[1].hardship == hardship


def test_only_relatives_who_were_loaded_are_known(city: City) -> None:
    assert members(city, [1], date(2026, 3, 1))[1].kin == {}


def test_who_was_erased_has_no_key(programme: MakeProgramme) -> None:
    city = small_city(programme, "xizang", [Someone(1)])
    assert members(city, [1], date(2026, 1, 1))[1].wrapped is not None
    with owner(city) as connection:
        connection.execute("DELETE FROM person_key")
    assert members(city, [1], date(2026, 1, 1))[1].wrapped is None


@pytest.mark.clause("LZ-6", "LZ-7")
def test_a_purchase_is_decided_by_what_is_known_now(programme: MakeProgramme) -> None:
    city = small_city(programme, "liuzhou", [Someone(1, personal="500")])

    def asked() -> Refusal | str:
        [answer] = run(city, [buy(city, 1)])
        return refusal(answer) if answer.outcome != "done" else answer.outcome

    with owner(city) as connection:
        given: dict[str, Any] = {"person": 1, "insurance": "310", "status": "2", "area": "450200", "valid_from": date(2000, 1, 1), "valid_to": None}
        connection.execute(SQL["close_enrolment"], {**given, "at": KNOWN})
        connection.execute(SQL["insert_enrolment"], {**given, "at": KNOWN})
    refused = asked()
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.clause) == ("payer.status_not_normal", "LZ-6")
    with owner(city) as connection:
        later = KNOWN.replace(day=2)
        connection.execute(SQL["close_enrolment"], {**given, "at": later})
        connection.execute(SQL["insert_enrolment"], {**given, "status": "1", "at": later})
    assert asked() == "done"
    assert rows(city, "SELECT status, known_to IS NULL FROM enrolment ORDER BY known_from") == [("1", False), ("2", False), ("1", True)]


def test_a_person_is_found_by_the_whole_identity_only(city: City) -> None:
    with owner(city) as connection:
        assert connection.execute(SQL["find_by_identity"], {"identity": b"identity-2"}).fetchall() == [(2,)]
        assert connection.execute(SQL["find_by_identity"], {"identity": b"identity-"}).fetchall() == []
