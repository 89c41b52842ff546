"""Rosters are checked and run by every process of the service, whoever has the turn."""

from collections.abc import Iterator

import psycopg
import pytest

from huibao.app import caretaker
from tests.app.street import EVERY_S, Street, street_of, until
from tests.books import DAY, owner
from tests.record.clerk import lonely

#: The lock that is the turn.
TURN = int.from_bytes("巡".encode())


@pytest.fixture
def street(pg_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Street]:
    monkeypatch.setattr(caretaker, "EVERY_S", EVERY_S)
    with street_of(pg_url, lonely(2)) as made:
        yield made


def arrive(street: Street) -> None:
    """A file of one line, as its upload leaves it."""
    with owner(street.city) as connection:
        connection.execute("INSERT INTO sponsor VALUES (900, '资助方', 'charity', %s, 1)", [DAY])
        connection.execute("INSERT INTO roster_upload VALUES (1, %s)", [DAY])
        connection.execute("INSERT INTO roster_line (roster_id, line, person_id) VALUES (1, 2, 1)")
        connection.execute("INSERT INTO roster (id, request_id, at, sponsor_id, product, digest, lines, state, credential)"
                           " VALUES (1, 901, %s, 900, %s, '', 1, 'checking', 1)", [DAY, street.city.plan.id])
        connection.execute("INSERT INTO roster_part (roster_id, number, first_line, last_line, state) VALUES (1, 0, 2, 513, 'new')")


def test_a_process_without_the_turn_does_its_share(street: Street) -> None:
    async def story(street: Street) -> None:
        with psycopg.connect(street.city.url, autocommit=True) as other:
            assert other.execute("SELECT pg_try_advisory_lock(%s)", [TURN]).fetchone() == (True,)
            async with street.serving():
                arrive(street)

                async def checked() -> bool:
                    return street.rows("SELECT state FROM roster") == [("checked",)]
                await until(checked)
    street.live(story)
