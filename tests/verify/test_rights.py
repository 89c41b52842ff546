"""What the service's role may do to each table of a programme: a bug or a stolen password rewrites nothing of the record or the books."""

import asyncio
from typing import Final, LiteralString

import psycopg
import pytest
from psycopg import sql

from huibao.db.connect import SERVICE_ROLE, connect_service
from tests import books
from tests.books import City, buy, rows, run

#: Every table: whether the service may insert, the columns it may update, whether it may delete. It may read them all.
RIGHTS: Final = [
    # 表                    新增    可改的列                                                        删除
    ("person",              True,  "born died identity_index identity_sealed name_index name_sealed phone_index phone_sealed", False),
    ("person_key",          True,  "wrapped",                                                       True),
    ("enrolment",           True,  "known_to",                                                      False),
    ("standing",            True,  "known_to",                                                      False),
    ("kinship",             True,  "known_to",                                                      False),
    ("rule_text",           True,  "",                                                              False),
    ("product",             True,  "listed_by on_sale_from on_sale_to plan_digest state",           False),
    ("offer",               True,  "",                                                              False),
    ("connection_test",     True,  "",                                                              False),
    ("catalogue_version",   False, "version",                                                       False),
    ("account",             True,  "credit_fen credit_limit_fen debit_fen held_fen state",          False),
    ("transfer",            True,  "",                                                              False),
    ("hold",                True,  "",                                                              False),
    ("hold_end",            True,  "",                                                              False),
    ("account_year",        True,  "held_fen spent_fen",                                            False),
    ("pool_share",          True,  "",                                                              False),
    ("pool_total",          True,  "fen",                                                           False),
    ("pool_entry",          True,  "",                                                              False),
    ("orders",              True,  "cash_fen deadline review_by state",                             False),
    ("policy",              True,  "cash_fen ended_on facts period_from period_to share state",     False),
    ("request",             True,  "",                                                              False),
    ("event",               True,  "",                                                              False),
    ("link",                True,  "",                                                              False),
    ("chain_head",          True,  "head number seq",                                               False),
    ("payment_return",      True,  "",                                                              False),
    ("outbox_cursor",       True,  "at seq",                                                        False),
    ("hospital",            True,  "area designated_from designated_to desk grade name",            False),
    ("look_back",           True,  "known_to",                                                      False),
    ("agreement",           True,  "ended_at",                                                      False),
    ("bank_account",        True,  "known_to",                                                      False),
    ("settlement",          True,  "adjust_at deadline judged payee state",                         False),
    ("payment",             True,  "posted_fen target_fen targets",                                 False),
    ("accumulator",         True,  "used",                                                          False),
    ("reversal",            True,  "settlement_id state",                                           False),
    ("open_case",           True,  "closed_at fen outcome",                                         False),
    ("notice",              True,  "declined sent_at",                                              False),
    ("statement",           True,  "answered_at setoff_fen state",                                  False),
    ("statement_line",      True,  "",                                                              True),
    ("payout",              True,  "due_on ended_at state tries",                                   False),
    ("recovery",            True,  "ended_at state",                                                False),
    ("reconciliation",      True,  "",                                                              False),
    ("endorsement",         True,  "answered_by answerer_id ended_at ended_by state",               False),
    ("endorsement_effect",  True,  "",                                                              False),
    ("refund",              True,  "declined ended_at paid_by reference state",                     False),
    ("refund_confirmation", True,  "withdrawn_at",                                                  False),
    ("refund_acceptance",   True,  "",                                                              False),
    ("repayment",           True,  "answered_at state",                                             False),
    ("repayment_line",      True,  "",                                                              True),
    ("receiving_account",   True,  "decided_at decided_by effective_at state",                      False),
    ("receiving_call",      True,  "",                                                              False),
    ("remittance",          True,  "answered_at confirmed_at confirmed_fen state",                  False),
    ("remittance_line",     True,  "failed_at paid_at reason state",                                          False),
    ("remittance_run",      True,  "",                                                              False),
    ("sponsor",             True,  "",                                                              False),
    ("sponsor_payment",     True,  "",                                                              False),
    ("roster_upload",       True,  "",                                                              True),
    ("roster",              True,  "confirmed_at confirmed_by ended_at report state why",           False),
    ("roster_part",         True,  "accepted categories charged_fen enrolled premium_fen replaces returned_fen state", False),
    ("roster_line",         True,  "clause en order_id premium_fen refused replaces_order replaces_position zh",      True),
    ("order_entry",         True,  "",                                                              False),
    ("mandate",             True,  "revoked_at revoked_by",                                         False),
    ("review",              True,  "claimant_id claimed_at claimed_by claimed_until ended_at escalated_at state", False),
    ("review_vote",         True,  "",                                                              False),
    ("renewal",             True,  "bought ended_at remind_on state why",                           False),
    ("account_posting",     True,  "ended_at reason sent_at state their_at",                         False),
    ("account_day",         True,  "",                                                              False),
    ("migration",           False, "",                                                              False),
]


@pytest.fixture(scope="module")
def city(owner_url: str) -> City:
    made = books.small_city(books.founder(owner_url), "xizang")
    run(made, [buy(made, 1)])
    return made


def test_every_table_has_its_row(city: City) -> None:
    assert rows(city, "SELECT relname::text FROM pg_class WHERE relnamespace = %s::regnamespace AND relkind IN ('r', 'v', 'm') ORDER BY 1",
                city.schema) == sorted((table,) for table, *_ in RIGHTS)


@pytest.mark.clause("LZ-9")
@pytest.mark.parametrize("table, inserts, updates, deletes", RIGHTS)
def test_rights(city: City, table: str, inserts: bool, updates: str, deletes: bool) -> None:
    said = rows(city, "SELECT has_table_privilege(%(role)s, %(table)s, 'INSERT'), has_table_privilege(%(role)s, %(table)s, 'DELETE'),"
                      " has_table_privilege(%(role)s, %(table)s, 'TRUNCATE'), has_table_privilege(%(role)s, %(table)s, 'TRIGGER'),"
                      " has_table_privilege(%(role)s, %(table)s, 'REFERENCES'), ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = %(table)s::regclass"
                      " AND attnum > 0 AND has_column_privilege(%(role)s, %(table)s, attname, 'UPDATE') ORDER BY 1)"
                      .replace("%(role)s", f"'{SERVICE_ROLE}'").replace("%(table)s", f"'{city.schema}.{table}'"))
    assert said == [(inserts, deletes, False, False, False, updates.split())]


DENIED: Final[list[LiteralString]] = [
    f"{what} {table}" if what == "DELETE FROM" else f"{what} {table} SET {column} = {column}"
    for table, column in (("transfer", "fen"), ("event", "answer"), ("link", "head"), ("request", "body"), ("hold", "fen"), ("hold_end", "how"),
                          ("pool_entry", "fen"), ("payment_return", "at"), ("policy", "premium_fen"), ("orders", "premium_fen"), ("account", "overdraft"))
    for what in ("UPDATE", "DELETE FROM")
]


@pytest.mark.clause("LZ-9")
@pytest.mark.parametrize("statement", DENIED)
def test_the_service_is_denied(city: City, statement: LiteralString) -> None:
    async def attempt() -> None:
        async with await connect_service(city.url) as connection:
            await connection.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(city.schema)))
            await connection.execute(statement)

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        asyncio.run(attempt())
