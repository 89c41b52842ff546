"""What the benchmarks ask of DuckDB."""

from typing import Any

import duckdb


def ask(query: str) -> duckdb.DuckDBPyRelation:
    """A query with an answer."""
    found: Any = duckdb.sql(query)
    return found  # type: ignore[no-any-return]


def count(query: str) -> int:
    """The number that a query answers."""
    return int(ask(query).fetchall()[0][0])
