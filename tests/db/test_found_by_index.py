"""What a command, a desk or a page asks for is found by an index: a statement that reads a whole table is quick in a test and stops a
city. Said by the server, with sequential scans priced out: one that is planned all the same had no other way."""

from collections.abc import Iterator
from importlib import resources
from typing import Any, Final

import psycopg

from huibao.db import sqlfile
from huibao.db.wire import numbered
from tests.database import MakeProgramme

#: Slices whose statements are asked all day; verification, benchmarks and the demonstration read everything, and may.
SLICES: Final = ("app", "catalogue", "endorsements", "enrolment", "gateways", "ledger", "mandates", "members", "oversight", "payables",
                 "pool", "reconciliation", "record", "refunds", "remittance", "renewal", "settlement", "sponsored", "web")

#: Tables of one row, or of as many as there are products, insurers, sponsors or days.
SMALL: Final = frozenset({
    "chain_head", "catalogue_version", "product", "offer", "insurer", "programme", "provider", "sponsor", "receiving_account",
    "account_day", "pool_share", "pool_total", "rule_text", "roster", "roster_upload", "connection_test", "outbox_cursor", "hospital"})

#: Statements that read a whole table, and why they may.
WHOLE: Final = {
    "oversight report": "a report on everything there is, for an auditor",
    "renewal totals": "a report on everything there is",
    "payables payouts_of": "a page in the order of the key: it stops where the page is full",
    "reconciliation compared": "stops at the first row",
    "settlement lock_households": "a household's policies are found from its members; without rows the server does not see that",
    "web order_agent": "one mandate by its key; without rows the server sees no difference",
    "mandates mandates_of": "one person's, joined by key in the order of the page",
}

#: Statements of which the server does not know what a parameter is without being given one; they change rows by key.
UNTYPED: Final = frozenset({"enrolment move_reviews", "payables move_payouts", "refunds move_refunds", "renewal move_renewals"})


def statements() -> Iterator[tuple[str, str]]:
    for package in SLICES:
        for file in sorted(resources.files(f"huibao.{package}").iterdir(), key=lambda file: file.name):
            if file.name.endswith(".sql"):
                for name, text in sqlfile.parse(file.name, file.read_text("utf-8")).items():
                    if text.lstrip().startswith(("SELECT", "WITH", "UPDATE", "DELETE")):
                        yield f"{package} {name}", text


def scans(plan: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What a plan reads without a condition on an index: the table, and the index where it goes along one."""
    kind = plan["Node Type"]
    if kind == "Seq Scan" or (kind in ("Index Scan", "Index Only Scan", "Bitmap Index Scan") and "Index Cond" not in plan):
        yield plan.get("Relation Name", ""), plan.get("Index Name", "")
    for below in plan.get("Plans", ()):
        yield from scans(below)


def test_nothing_that_is_asked_all_day_reads_a_whole_table(programme: MakeProgramme) -> None:
    made = programme()
    found: dict[str, set[str]] = {}
    untyped: set[str] = set()
    with psycopg.connect(made.url, autocommit=True) as connection:
        connection.execute("SELECT set_config('search_path', %s, false), set_config('enable_seqscan', 'off', false),"
                           " set_config('enable_hashjoin', 'off', false), set_config('enable_mergejoin', 'off', false)",
                           [f"{made.schema}, public"])
        # What is open, waiting or due stands in an index of its own, which is short.
        short = {name for (name,) in connection.execute("SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indpred IS NOT NULL")}
        for name, text in statements():
            try:
                [(plan,)] = connection.execute(b"EXPLAIN (GENERIC_PLAN, FORMAT JSON) " + numbered(text)[0]).fetchall()
            except psycopg.errors.DatatypeMismatch:
                untyped.add(name)
                continue
            whole = {table or index for table, index in scans(plan[0]["Plan"]) if index not in short and table not in SMALL}
            if whole:
                found[name] = whole
    assert found.keys() == WHOLE.keys(), {name: tables for name, tables in found.items() if name not in WHOLE}
    assert untyped == UNTYPED
