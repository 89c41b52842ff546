"""What is sold: listed by a route of the scheme or refused with its clause, read again when it changes, with the notices of the law."""

import asyncio
from datetime import date
from typing import Final

import pytest
from psycopg import sql

from huibao.benefits import loading as plans
from huibao.catalogue import listing, shelf
from huibao.catalogue.model import Shelf
from huibao.catalogue.terms import TO_ACCEPT, terms_text
from huibao.core.chain import sm3
from huibao.db.connect import connect_service
from huibao.record.model import DONE, Connection
from huibao.scheme import loading as schemes
from tests import books
from tests.books import DAY, INSURERS, SINCE, UNTIL, City, another, buy, owner, rows, run, small_city
from tests.database import MakeProgramme

CITIES: Final = ("jilin", "liuzhou", "shenyang", "xinjiang", "xizang")


def on_shelf(city: City) -> Shelf:
    """The shelf as a lane would read it now."""
    async def ask() -> Shelf:
        async with await connect_service(city.url) as connection:
            await connection.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(city.schema)))
            row = await (await connection.execute(shelf.SQL["version"])).fetchone()
            assert row is not None
            return await shelf.load(connection, row[0])

    return asyncio.run(ask())


# ── listing ──────────────────────────────────────────────────────────────────────────────────────────────────────────

LISTED: Final = [
    # 方案        途径               改动                                                      结果                             条款
    ("liuzhou",   "tender",          (),                                                       "",                              ""),
    ("liuzhou",   "reviewed-list",   (),                                                       "product.route_not_provided",    "LZ-5"),
    ("liuzhou",   "tender",          (('kind = "medical"', 'kind = "accident"'),),             "product.kind_not_sold",         "LZ-2"),
    ("liuzhou",   "tender",          (('kind = "medical"', 'features = ["loan"]\nkind = "medical"'),), "product.feature_refused", "LZ-21"),
    ("xizang",    "reviewed-list",   (),                                                       "",                              ""),
    ("xizang",    "tender",          (),                                                       "product.route_not_provided",    "XZ-4"),
    ("xizang",    "reviewed-list",   (("features = []", 'features = ["investment"]'),),        "product.feature_refused",       "XZ-1"),
    ("xinjiang",  "expert-review",   (),                                                       "",                              ""),
    ("xinjiang",  "open-selection",  (),                                                       "",                              ""),
    ("xinjiang",  "reviewed-list",   (),                                                       "product.route_not_provided",    "XJ-3.1"),
    ("xinjiang",  "tender",          (('is = "insutype in (310, 390)"', 'is = "age < 60"'),),  "plan.join_condition_refused",   "XJ-2.1"),
    ("jilin",     "open-selection",  (),                                                       "",                              ""),
    ("jilin",     "reviewed-list",   (),                                                       "",                              ""),
    ("shenyang",  "tender",          (),                                                       "",                              ""),
    ("shenyang",  "tender",          (('expense = "13%"', 'expense = "16%"'),),                "cost.above_limit",              "SY-3.2"),
]


@pytest.mark.clause("LZ-5")
@pytest.mark.parametrize("scheme, route, changes, code, clause", LISTED)
def test_listing(programme: MakeProgramme, scheme: str, route: str, changes: tuple[tuple[str, str], ...], code: str, clause: str) -> None:
    city = small_city(programme, scheme)
    offered = another(city.plan, "offered", *changes, (f'scheme = "{scheme}"\n', ""))
    with owner(city) as connection:
        books.load(city, connection, offered)
        refused = listing.put_on_sale(connection, city.scheme, offered, SINCE, UNTIL, route)
    assert (refused.code if refused else "", (refused.clause or "") if refused else "") == (code, clause)
    [(state, listed_by)] = rows(city, "SELECT state, listed_by FROM product WHERE id = 'offered'")
    assert (state, listed_by) == (("readable", None) if refused else ("on-sale", route))
    assert run(city, [buy(city, 1, product="offered", pay_with="account" if offered.account == "open" else "cash")])[0].outcome == (
        "product.not_on_sale" if refused else DONE)


@pytest.mark.parametrize("until, code", [
    (date(2026, 12, 30), ""),
    (date(2026, 12, 31), "product.sale_too_long"),      # what is bought on the last day of cover would cover nothing
    (date(2027, 1, 1),   "product.sale_too_long"),
])
def test_a_sale_ends_while_there_is_a_day_left_to_cover(programme: MakeProgramme, until: date, code: str) -> None:
    city = small_city(programme, "liuzhou")
    offered = another(city.plan, "offered")
    with owner(city) as connection:
        books.load(city, connection, offered)
        refused = listing.put_on_sale(connection, city.scheme, offered, SINCE, until, "tender")
    assert (refused.code if refused else "") == code
    assert rows(city, "SELECT state, on_sale_to FROM product WHERE id = 'offered'") == [("readable", None) if code else ("on-sale", until)]
    if refused:
        assert refused.figures == {"until": until.isoformat(), "valid_to": "2026-12-31"}


def test_a_product_that_was_only_loaded_can_be_read(programme: MakeProgramme) -> None:
    city = small_city(programme, "liuzhou")
    with owner(city) as connection:
        books.load(city, connection, plans.builtin("liuzhou-huiminbao-2026"))
    offer = on_shelf(city).offers["liuzhou-huiminbao-2026"]
    assert (offer.state, offer.on_sale_from, offer.listed_by, offer.sells(DAY.date())) == ("readable", None, None, False)
    assert offer.label == ""
    assert offer.plan.name in offer.terms
    assert on_shelf(city).offers[city.plan.id].label == "示例"


def test_loading_a_product_again_changes_nothing(programme: MakeProgramme) -> None:
    city = small_city(programme, "xizang")
    tables = ("product", "offer", "rule_text", "account", "pool_share", "pool_total")
    before = [rows(city, f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables]  # noqa: S608
    with owner(city) as connection:
        books.load(city, connection, city.plan)
    assert [rows(city, f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables] == before  # noqa: S608


@pytest.mark.clause("JL-3.1a")
@pytest.mark.parametrize("scheme", CITIES)
def test_each_product_has_accounts_of_its_own(programme: MakeProgramme, scheme: str) -> None:
    city = small_city(programme, scheme)
    with owner(city) as connection:
        books.put_on_sale(city, connection, another(city.plan, "another"))
    own = [("claimant", "lead", True), ("claims", "lead", False), ("clearing", "lead", False), ("income", "lead", False),
           *(("insurer", insurer, True) for insurer in sorted(books.INSURERS)), ("payout", "lead", False)]
    assert rows(city, "SELECT product, kind, party, overdraft FROM account WHERE product IS NOT NULL ORDER BY 1, 2, 3") == [
        (product, *account) for product in sorted(["another", city.plan.id]) for account in own]
    offers = on_shelf(city).offers
    assert len({account for offer in offers.values() for account in (offer.clearing_id, offer.income_id)}) == 4


# ── changes are noticed ──────────────────────────────────────────────────────────────────────────────────────────────

def test_a_lane_reads_the_shelf_again_when_the_version_moved(programme: MakeProgramme) -> None:
    city = small_city(programme, "xizang")
    with books.Desk(city) as desk:
        asked = [buy(city, 1, who, product=product) for who, product in ((1, "new"), (1, city.plan.id), (2, "new"), (4, city.plan.id))]
        assert desk.run([asked[0]])[0].outcome == "product.unknown"
        assert desk.run([asked[1]])[0].outcome == DONE
        with owner(city) as connection:
            books.put_on_sale(city, connection, another(city.plan, "new"))
        assert desk.run([buy(city, 1, 2, product="new")])[0].outcome == DONE
        with owner(city) as connection:
            books.connect(connection, passed=False)
        assert desk.run([asked[3]])[0].outcome == "product.not_connected"


def test_a_lane_does_not_read_the_shelf_again_for_nothing(programme: MakeProgramme, monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[int] = []
    real = shelf.load

    async def counted(connection: Connection, version: int) -> Shelf:
        loads.append(version)
        return await real(connection, version)

    monkeypatch.setattr("huibao.enrolment.work.catalogue.load", counted)
    city = small_city(programme, "xizang")
    with books.Desk(city) as desk:
        for who in (1, 2, 4):
            desk.run([buy(city, 1, who)])
    assert len(loads) == 1


@pytest.mark.parametrize("change", ["load", "put_on_sale", "record_connection_test"])
def test_every_change_of_the_catalogue_raises_its_version(programme: MakeProgramme, change: str) -> None:
    city = small_city(programme, "xizang")
    before = on_shelf(city).version
    with owner(city) as connection:
        if change == "load":
            books.load(city, connection, another(city.plan, "new"))
        elif change == "put_on_sale":
            listing.put_on_sale(connection, city.scheme, city.plan, SINCE, UNTIL, "reviewed-list")
        else:
            books.connect(connection)
    assert on_shelf(city).version == before + 1


@pytest.mark.clause("XZ-6")
def test_the_latest_connection_test_of_the_lead_decides(programme: MakeProgramme) -> None:
    city = small_city(programme, "xizang")
    for insurer, passed, connected in (("second", False, True), ("lead", False, False), ("second", True, False), ("lead", True, True)):
        with owner(city) as connection:
            listing.record_connection_test(connection, insurer, passed, "报告", 1, DAY)
        assert on_shelf(city).offers[city.plan.id].connected is connected


@pytest.mark.parametrize("day, sells", [
    ("2025-10-31", False), ("2025-11-01", True), ("2026-12-30", True), ("2026-12-31", False),
])
def test_a_product_sells_from_its_first_to_its_last_day(programme: MakeProgramme, day: str, sells: bool) -> None:
    city = small_city(programme, "xizang")
    assert on_shelf(city).offers[city.plan.id].sells(date.fromisoformat(day)) is sells


# ── terms ────────────────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.clause("LZ-9")
@pytest.mark.parametrize("scheme", CITIES)
def test_the_terms_hold_what_a_buyer_must_read(scheme: str) -> None:
    plan = plans.builtin(f"{scheme}-example-2026")
    terms = terms_text(plan, "甲财产保险（示例）、乙人寿保险（示例）")
    for said in (plan.name, "保费：", "承保：甲财产保险（示例）、乙人寿保险（示例）", "不是基本医疗保险", "自愿参加", "不保证续保", "不会自动扣费",
                 "除外责任、等待期、既往症", str(plan.valid_from), str(plan.valid_to)):
        assert said in terms, said
    assert [exclusion.name for exclusion in plan.exclusions if exclusion.name not in terms] == []
    assert [benefit.name for benefit in plan.benefits if benefit.name not in terms] == []
    assert schemes.builtin(scheme).id == plan.scheme
    assert TO_ACCEPT == ("terms", "exclusions", "notice")


@pytest.mark.clause("LZ-9")
def test_a_consent_quotes_the_digest_of_the_terms_as_shown(programme: MakeProgramme) -> None:
    city = small_city(programme, "xizang")
    offer = on_shelf(city).offers[city.plan.id]
    assert offer.terms == terms_text(city.plan, "、".join(name for name, _ in INSURERS.values()))
    assert offer.terms_digest == sm3(offer.terms.encode())
    assert offer.terms_digest.hex() == books.terms(city)
