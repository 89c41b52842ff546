"""Columns as PostgreSQL takes them: however a column is laid out, the server reads the values that were meant, in their order."""

from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from huibao.db import arrays
from huibao.db.arrays import Byteas, Column, Dates, Int8s, Texts, Times, Uuids

TEXT: Final = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
TIMES: Final = st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds are naive
VALUES: Final[dict[type[Column], st.SearchStrategy[Any]]] = {
    Int8s: st.integers(-(1 << 63), (1 << 63) - 1),
    Texts: TEXT,
    Byteas: st.binary(max_size=5) | st.binary(min_size=32, max_size=32),
    Dates: st.dates(date(1900, 1, 1), date(2100, 1, 1)),
    Times: TIMES,
    Uuids: st.binary(min_size=16, max_size=16),
}
SAMPLES: Final[dict[type[Column], tuple[str, list[Any]]]] = {
    Int8s: ("bigint", [1, -(1 << 63), (1 << 63) - 1]),
    Texts: ("text", ["", "𠮷田䶮", "a"]),
    Byteas: ("bytea", [b"", b"\0" * 32, b"x"]),
    Dates: ("date", [date(1950, 1, 1), date(2000, 1, 1), date(2026, 2, 28)]),
    Times: ("timestamptz", [datetime(1970, 1, 1, tzinfo=UTC), datetime(2026, 1, 5, 9, 30, 1, 7, tzinfo=UTC)]),
    Uuids: ("uuid", [bytes(16), bytes(range(16))]),
}


def plain(column: type[Column], values: list[Any]) -> bytes:
    """The layout as the protocol has it, an element after the other."""
    elements = [b"\xff\xff\xff\xff" if value is None else column.element(value) for value in values]
    return b"".join(n.to_bytes(4, "big") for n in (1, None in values, column.element_oid, len(values), 1)) + b"".join(elements)


@pytest.mark.parametrize("column", VALUES, ids=lambda column: column.__name__)
@given(data=st.data())
def test_every_layout_is_that_of_its_elements(column: type[Column], data: st.DataObject) -> None:
    """One value, none, few, many, all different, of one length or of several, with gaps and without."""
    some = data.draw(st.lists(VALUES[column], max_size=6) | st.lists(st.none() | VALUES[column], max_size=6))
    for values in (some, some * 40, some[:1] * 80):
        assert column(values).binary() == column(tuple(values)).binary() == plain(column, values)


@pytest.mark.parametrize("gaps", [0, 1])
def test_the_server_reads_what_was_meant(owner_url: str, gaps: int) -> None:
    with psycopg.connect(owner_url) as connection:
        arrays.register(connection)
        for column, (kind, samples) in SAMPLES.items():
            values = samples * 40 + [None] * gaps
            read = connection.execute(f"SELECT unnest(%s::{kind}[])", [column(values)]).fetchall()
            assert [value.bytes if isinstance(value, UUID) else value for (value,) in read] == values
