"""Founding the demonstration: books that add up, nothing personal in the clear, products in their year, again and again the same."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, Final

import psycopg
import pytest
from psycopg import sql

from huibao.benefits import loading as plans
from huibao.core.chain import genesis
from huibao.core.identity import normal_identity, normal_name, normal_phone
from huibao.core.sealing import Keyring, Place, blind_index, open_sealed, unwrap
from huibao.db.migrate import migrate
from huibao.demo import founding
from huibao.demo.founding import Founded, found, look, shares
from huibao.demo.population import Population, populate
from huibao.demo.programmes import DemoProgramme, builtin
from huibao.ledger.model import ROUTES
from huibao.pool.shares import of_total
from tests.database import new_database

AT: Final = datetime(2026, 3, 1, 4, tzinfo=UTC)
PEOPLE: Final = 301
KEYRING: Final = Keyring({1: bytes(range(16))}, 1)
INDEX_KEY: Final = bytes(range(32))
PROGRAMMES: Final = builtin()

each_programme = pytest.mark.parametrize("programme", PROGRAMMES, ids=[programme.code for programme in PROGRAMMES])

#: The demonstration as founded once: where, and what was answered.
Demo = tuple[str, tuple[Founded, ...]]


@pytest.fixture(scope="module")
def demo(pg_url: str) -> Iterator[Demo]:
    with new_database(pg_url, "huibao_demo") as url:
        migrate(url, AT)
        yield url, found(url, PROGRAMMES, PEOPLE, AT, KEYRING, INDEX_KEY)


@pytest.fixture
def empty(pg_url: str) -> Iterator[str]:
    """A database with the shared tables only."""
    with new_database(pg_url, "huibao_demo_again") as url:
        migrate(url, AT)
        yield url


def rows(url: str, query: str, *given: Any, code: str = "") -> list[tuple[Any, ...]]:
    """The answer to a query in a programme's schema."""
    with psycopg.connect(url, options=f"-c search_path={f'p_{code}' if code else 'public'} -c TimeZone=UTC") as connection:
        return connection.execute(query.encode(), given).fetchall()


def town(programme: DemoProgramme) -> Population:
    return populate(programme, dict(zip(PROGRAMMES, shares(PEOPLE, len(PROGRAMMES)), strict=True))[programme], 1)


def contents(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table with its place and the transaction that wrote it, and every sequence."""
    with psycopg.connect(url) as connection:
        tables = connection.execute("SELECT schemaname, tablename FROM pg_tables WHERE schemaname ~ '^(p_|public)' ORDER BY 1, 2").fetchall()
        found = {".".join(table): connection.execute(
            sql.SQL("SELECT ctid::text, xmin::text, t::text FROM {} t ORDER BY 1").format(sql.Identifier(*table))).fetchall() for table in tables}
        found["sequences"] = connection.execute("SELECT schemaname, sequencename, last_value FROM pg_sequences ORDER BY 1, 2").fetchall()
    return found


# ── people ───────────────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.parametrize(("people", "programmes", "wanted"), [(20_000, 5, [4000] * 5), (7, 3, [3, 2, 2]), (0, 2, [0, 0]), (5, 1, [5])])
def test_people_are_shared_evenly(people: int, programmes: int, wanted: list[int]) -> None:
    assert list(shares(people, programmes)) == wanted


@each_programme
def test_what_is_stored_is_the_town(demo: Demo, programme: DemoProgramme) -> None:
    made, code = town(programme), programme.code
    assert rows(demo[0], "SELECT id, psn_no, sex, born, area, died FROM person ORDER BY id", code=code) == [
        (p.id, p.psn_no, p.sex, p.born, p.area, p.died) for p in made.people]
    assert sorted(rows(demo[0], "SELECT person_id, insurance, status, area, valid_from, valid_to, known_from, known_to FROM enrolment",
                       code=code), key=str) == sorted(((*e, AT, None) for e in made.enrolments), key=str)
    assert sorted(rows(demo[0], "SELECT person_id, kind, value, valid_from, known_from FROM standing", code=code)) == sorted(
        (*s, AT) for s in made.standings)
    assert sorted(rows(demo[0], "SELECT person_id, relative_id, relation, account_family, evidence, valid_from, known_from FROM kinship",
                       code=code)) == sorted((*k, AT) for k in made.kinships)


@each_programme
def test_sealed_fields_open_and_are_found_by_their_indexes(demo: Demo, programme: DemoProgramme) -> None:
    code = programme.code
    stored = rows(demo[0], "SELECT p.id, p.identity_sealed, p.name_sealed, p.phone_sealed, p.identity_index, p.name_index, p.phone_index, k.wrapped"
                           " FROM person p JOIN person_key k ON k.person_id = p.id ORDER BY p.id", code=code)
    for person, (id, identity, name, phone, *indexes, wrapped) in zip(town(programme).people, stored, strict=True):
        key = unwrap(KEYRING, code, id, wrapped)
        assert open_sealed(key, identity, Place(code, "person", id, "identity_sealed")).decode() == person.identity
        assert open_sealed(key, name, Place(code, "person", id, "name_sealed")).decode() == person.name
        assert (open_sealed(key, phone, Place(code, "person", id, "phone_sealed")).decode() if phone else None) == person.phone
        assert indexes == [
            blind_index(INDEX_KEY, code, "identity", normal_identity(person.identity)),
            blind_index(INDEX_KEY, code, "name_birth", f"{normal_name(person.name)}|{person.born.isoformat()}"),
            blind_index(INDEX_KEY, code, "phone", normal_phone(person.phone)) if person.phone else None,
        ]


def test_nothing_personal_stands_in_the_clear(demo: Demo) -> None:
    # As text, a row shows its bytes in hex: what was stored there unsealed would be found too.
    stored = "\n".join(row for name, table in contents(demo[0]).items() if name != "sequences" for _, _, row in table)
    for programme in PROGRAMMES:
        for person in town(programme).people:
            for secret in filter(None, (person.identity, person.phone, person.name)):
                assert secret.encode().hex() not in stored
                assert secret not in stored


@each_programme
def test_who_comes_later_gets_the_next_number(demo: Demo, programme: DemoProgramme) -> None:
    assert rows(demo[0], "SELECT last_value, is_called FROM person_id_seq", code=programme.code) == [(len(town(programme).people), True)]


# ── books ────────────────────────────────────────────────────────────────────────────────────────────────────────────

@each_programme
def test_accounts_have_what_transfers_brought_them(demo: Demo, programme: DemoProgramme) -> None:
    assert rows(demo[0], """
        SELECT a.id FROM account a
        WHERE debit_fen <> (SELECT COALESCE(sum(fen), 0) FROM transfer t WHERE t.debit_id = a.id)
           OR credit_fen <> (SELECT COALESCE(sum(fen), 0) FROM transfer t WHERE t.credit_id = a.id) OR held_fen <> 0""", code=programme.code) == []
    ways = set(rows(demo[0], "SELECT t.kind, d.kind, c.kind FROM transfer t JOIN account d ON d.id = debit_id JOIN account c ON c.id = credit_id",
                    code=programme.code))
    assert all(leaves in ROUTES[kind][0] and reaches in ROUTES[kind][1] for kind, leaves, reaches in ways)
    assert {kind for kind, _, _ in ways} == {"funding", "sponsor-funding"}


@each_programme
def test_people_have_the_accounts_of_the_town(demo: Demo, programme: DemoProgramme) -> None:
    query = "SELECT owner_id, kind, state, credit_fen - debit_fen FROM account WHERE owner_id IS NOT NULL"
    assert sorted(rows(demo[0], query, code=programme.code)) == sorted(town(programme).purses)
    assert rows(demo[0], "SELECT count(*) FROM transfer t JOIN account a ON a.id = t.credit_id WHERE t.person_id IS DISTINCT FROM a.owner_id",
                code=programme.code) == [(0,)]


@each_programme
def test_the_world_outside_owes_what_it_gave(demo: Demo, programme: DemoProgramme) -> None:
    outside = rows(demo[0], "SELECT kind, overdraft, credit_fen - debit_fen FROM account WHERE kind IN ('fund', 'cash') ORDER BY kind DESC",
                   code=programme.code)
    assert outside == [("fund", True, -sum(purse.fen for purse in town(programme).purses)),
                       ("cash", True, -sum(sponsor.fen for sponsor in programme.sponsors))]
    assert rows(demo[0], "SELECT party, credit_fen - debit_fen FROM account WHERE kind = 'sponsor'", code=programme.code) == [
        ("慈善总会（示例）", 20_000_000)]


@each_programme
def test_the_chain_starts_at_its_genesis(demo: Demo, programme: DemoProgramme) -> None:
    assert rows(demo[0], "SELECT number, seq, head FROM chain_head", code=programme.code) == [(0, 0, genesis(programme.code))]


# ── products ─────────────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.parametrize(("at", "on_sale", "clauses"), [
    (datetime(2025, 6, 1, tzinfo=UTC), ["aksu-huiminbao-2025", "chuncheng-jixiangbao-2025"], {"huiliaobao-2025": "SY-3.2"}),
    (datetime(2025, 12, 30, 16, tzinfo=UTC), [  # in Shanghai the last day of the year
        "jilin-example-2026", "liuzhou-example-2026", "shenyang-example-2026", "xinjiang-example-2026", "xizang-example-2026"], {}),
    (datetime(2026, 3, 1, tzinfo=UTC), [
        "jilin-example-2026", "liuzhou-example-2026", "liuzhou-huiminbao-2026", "shenyang-example-2026", "xinjiang-example-2026",
        "xizang-example-2026"], {}),
    (datetime(2026, 11, 1, tzinfo=UTC), [
        "jilin-example-2026", "liuzhou-example-2026", "liuzhou-huiminbao-2026", "shenyang-example-2026", "xinjiang-example-2026",
        "xizang-example-2026", "xizang-example-2027"], {}),
    (datetime(2027, 1, 1, tzinfo=UTC), ["xizang-example-2027"], {}),
    (datetime(2027, 4, 1, tzinfo=UTC), [], {}),
])
def test_what_is_on_sale_on_a_day(empty: str, at: datetime, on_sale: list[str], clauses: dict[str, str]) -> None:
    founded = found(empty, PROGRAMMES, 0, at, KEYRING, INDEX_KEY)
    assert sorted(product for programme in founded for product in programme.on_sale) == on_sale
    assert {r.product: r.clause for programme in founded for r in programme.readable if r.clause} == clauses
    assert all(readable.why for programme in founded for readable in programme.readable)
    stored = {product: state for p in PROGRAMMES for product, state in rows(empty, "SELECT id, state FROM product", code=p.code)}
    assert sorted(product for product, state in stored.items() if state == "on-sale") == on_sale
    assert set(stored) == {shown.plan for programme in PROGRAMMES for shown in programme.products}


@each_programme
def test_what_is_on_sale_is_in_its_year_and_waits_for_its_insurers_test(demo: Demo, programme: DemoProgramme) -> None:
    code = programme.code
    for product, since, until, lead, label in rows(
            demo[0], "SELECT id, on_sale_from, on_sale_to, lead, label FROM product WHERE state = 'on-sale'", code=code):
        plan = plans.builtin(product)
        assert plan.valid_from <= AT.date() <= plan.valid_to
        assert since <= AT.date() <= until < plan.valid_to
        assert lead == programme.insurers[0].id
        assert label == ("示例" if plan.status == "example" else "")
    assert rows(demo[0], "SELECT insurer FROM connection_test", code=code) == []


@each_programme
def test_the_pool_is_the_programmes(demo: Demo, programme: DemoProgramme) -> None:
    for shown in programme.products:
        members = rows(demo[0], "SELECT insurer, weight FROM pool_share WHERE product = %s ORDER BY position", shown.plan, code=programme.code)
        assert members == [(insurer.id, insurer.weight) for insurer in programme.insurers]
        assert sum(of_total(13_801, [weight for _, weight in members])) == 13_801


def test_insurers_are_known_by_name(demo: Demo) -> None:
    wanted = {(insurer.id, insurer.name) for programme in PROGRAMMES for insurer in programme.insurers}
    assert set(rows(demo[0], "SELECT id, name FROM insurer")) == wanted


# ── again ────────────────────────────────────────────────────────────────────────────────────────────────────────────

def test_the_answer_says_what_there_is(demo: Demo) -> None:
    assert [(one.code, one.name, one.new, one.people) for one in demo[1]] == [
        ("210100", "沈阳", True, 61), ("220000", "吉林", True, 60), ("450200", "柳州", True, 60), ("540000", "西藏", True, 60),
        ("652900", "阿克苏", True, 60)]
    assert [one.characters for one in demo[1]] == [programme.characters for programme in PROGRAMMES]


def test_a_second_start_changes_nothing(demo: Demo) -> None:
    before = contents(demo[0])
    again = found(demo[0], PROGRAMMES, PEOPLE, datetime(2026, 3, 2, tzinfo=UTC), KEYRING, INDEX_KEY)
    assert again == tuple(replace(one, new=False) for one in demo[1])
    assert contents(demo[0]) == before


@pytest.mark.parametrize("day", [date(2026, 3, 1), date(2027, 1, 1)])
def test_a_look_says_the_same_and_changes_nothing(demo: Demo, day: date) -> None:
    before = contents(demo[0])
    with psycopg.connect(demo[0]) as connection:
        connection.read_only = True
        seen = look(connection, PROGRAMMES, day)
    assert contents(demo[0]) == before
    assert seen is not None
    assert [(one.code, one.people, one.new) for one in seen] == [(one.code, one.people, False) for one in demo[1]]
    if day == AT.date():
        assert seen == tuple(replace(one, new=False) for one in demo[1])
    assert [one.on_sale for one in seen] == ([one.on_sale for one in demo[1]] if day == AT.date() else [()] * 5)


def test_a_look_does_not_sell_what_no_start_has_put_on_sale(empty: str) -> None:
    found(empty, PROGRAMMES[2:3], 0, datetime(2025, 12, 1, tzinfo=UTC), KEYRING, INDEX_KEY)
    with psycopg.connect(empty) as connection:
        [seen] = look(connection, PROGRAMMES[2:3], date(2026, 1, 1)) or ()
    assert (seen.on_sale, [(one.product, one.why) for one in seen.readable][:1]) == (
        ("liuzhou-example-2026",), [("liuzhou-huiminbao-2026", "尚未上架，重新运行 ./demo 后上架")])


def test_there_is_nothing_to_look_at_before_the_first_start(empty: str) -> None:
    with psycopg.connect(empty) as connection:
        assert look(connection, PROGRAMMES, AT.date()) is None


def test_another_number_of_people_keeps_those_who_are_there(demo: Demo) -> None:
    again = found(demo[0], PROGRAMMES, 10 * PEOPLE, AT, KEYRING, INDEX_KEY)
    assert [(one.new, one.people) for one in again] == [(False, one.people) for one in demo[1]]


def test_a_start_that_is_cut_short_begins_that_programme_again(empty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = founding._fund

    def cut_short(connection: psycopg.Connection[Any], at: datetime) -> None:
        """Dies in the second programme, with everybody copied and no account funded."""
        if connection.execute("SELECT current_schema()").fetchone() == (f"p_{PROGRAMMES[1].code}",):
            rows(empty, "SELECT pg_terminate_backend(%s)", connection.info.backend_pid)
        whole(connection, at)

    monkeypatch.setattr(founding, "_fund", cut_short)
    with pytest.raises(psycopg.OperationalError):
        found(empty, PROGRAMMES, 100, AT, KEYRING, INDEX_KEY)
    assert rows(empty, "SELECT count(*) FROM person", code=PROGRAMMES[0].code) == [(20,)]
    assert rows(empty, "SELECT id FROM person UNION SELECT id FROM account UNION SELECT seq FROM chain_head", code=PROGRAMMES[1].code) == []
    monkeypatch.undo()
    again = found(empty, PROGRAMMES, 100, AT, KEYRING, INDEX_KEY)
    assert [(one.new, one.people) for one in again] == [(False, 20), (True, 20), (True, 20), (True, 20), (True, 20)]


def test_two_starts_at_the_same_time_make_one_demonstration(empty: str) -> None:
    with ThreadPoolExecutor() as pool:
        starts = [pool.submit(found, empty, PROGRAMMES, 200, AT, KEYRING, INDEX_KEY) for _ in range(2)]
        one, two = (start.result() for start in starts)
    assert [(a.new != b.new, a.people, b.people) for a, b in zip(one, two, strict=True)] == [(True, 40, 40)] * 5
    assert [rows(empty, "SELECT count(*) FROM account WHERE kind IN ('fund', 'cash')", code=p.code) for p in PROGRAMMES] == [[(2,)]] * 5


def test_a_product_comes_on_sale_with_a_later_start(empty: str) -> None:
    def on_sale(at: datetime) -> list[str]:
        return [product for one in found(empty, PROGRAMMES[2:3], 0, at, KEYRING, INDEX_KEY) for product in one.on_sale]

    assert on_sale(datetime(2025, 12, 1, tzinfo=UTC)) == ["liuzhou-example-2026"]
    assert on_sale(datetime(2026, 1, 1, tzinfo=UTC)) == ["liuzhou-example-2026", "liuzhou-huiminbao-2026"]
    assert rows(empty, "SELECT id, on_sale_from FROM product ORDER BY id", code=PROGRAMMES[2].code) == [
        ("liuzhou-example-2026", date(2025, 11, 1)), ("liuzhou-huiminbao-2026", date(2026, 1, 1))]


def test_a_stopped_product_stays_stopped(empty: str) -> None:
    one = PROGRAMMES[3]
    found(empty, [one], 0, AT, KEYRING, INDEX_KEY)
    with psycopg.connect(empty) as connection:
        connection.execute(sql.SQL("UPDATE {} SET state = 'stopped'").format(sql.Identifier(f"p_{one.code}", "product")))
    (again,) = found(empty, [one], 0, AT, KEYRING, INDEX_KEY)
    assert (again.on_sale, [readable.why for readable in again.readable]) == ((), ["已停售", "不在投保期内（2026-11-01 至 2027-03-31）"])
