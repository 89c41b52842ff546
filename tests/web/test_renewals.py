"""Renewal over the API: what one is asked, confirming, declining, what the bureau counts; others' proposals are not there."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, Final

import pytest

from huibao.benefits import loading as plans
from huibao.catalogue.listing import load_product, put_on_sale
from huibao.catalogue.shelf import SQL
from huibao.catalogue.terms import terms_text
from huibao.core.chain import sm3
from huibao.core.money import fen
from huibao.db.connect import connect_owner
from huibao.db.migrate import migrate
from huibao.renewal import own
from huibao.scheme import loading as schemes
from tests.database import MADE_AT, new_database
from tests.renewal.years import following
from tests.web.running import BUYER, HERE, NEW, NEW_TOO, PARENT, PRODUCT, STRANGER, Desk, Running, made

DECEMBER: Final = datetime(2026, 12, 1, 4, tzinfo=UTC)
NEXT: Final = "next-2027"


@pytest.fixture(scope="module")
def here(pg_url: str) -> Iterator[Desk]:
    """A service of its own, in which it is December and the next year is on sale; three people's policies end."""
    with new_database(pg_url, "huibao_renewals") as url, asyncio.Runner() as runner:
        migrate(url, MADE_AT)
        desk = Desk(made(url), runner)
        for buyer in (BUYER, STRANGER, NEW, NEW_TOO):
            desk.order_of(buyer)
        assert desk.buy("a-parent-too", BUYER, insured=PARENT).status_code == 201
        with connect_owner(url) as connection, connection.transaction():
            connection.execute(f"SET LOCAL search_path TO p_{HERE}")
            scheme, plan = schemes.builtin("xizang"), following(plans.builtin(PRODUCT), NEXT)
            load_product(connection, scheme, "scheme", plan, {"anxin": ("安心", 1)}, DECEMBER)
            assert put_on_sale(connection, scheme, plan, date(2026, 11, 1), date(2027, 3, 31), "reviewed-list") is None
        desk.engine.clock.set(DECEMBER)
        propose(desk.engine, desk)
        yield desk
        runner.run(desk.engine.close())


def propose(engine: Running, desk: Desk) -> None:
    async def all_of_them() -> None:
        async with engine.reading(HERE) as connection:
            rows = await (await connection.execute("SELECT buyer_id, array_agg(id) FROM orders GROUP BY 1 ORDER BY 1")).fetchall()
        for buyer, orders in rows:
            await engine.submit(HERE, *own.proposed(buyer, orders, DECEMBER.date()))

    desk.run(all_of_them())


def proposals(desk: Desk, person: int) -> dict[str, Any]:
    """What somebody reads; tokens of the first day are still good."""
    answer = desk.send("GET", f"/v1/{HERE}/renewals", desk.member(person))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def confirmation(desk: Desk, person: int, *policies: str, premium: str = "188", **change: Any) -> Any:
    wanted = proposals(desk, person)["renewals"][0]
    body = {"policies": policies, "premium_fen": fen(premium), "pay_with": "account", "identity_check": desk.checked(person),
            "consent": {"terms": wanted["terms_digest"], "accepted": ["terms", "exclusions", "notice"], "signature": "sign:2"}} | change
    return desk.send("POST", f"/v1/{HERE}/renewals/confirmations", desk.member(person), json=body,
                     headers={"Idempotency-Key": f"confirm-{person}-{sorted(change)}-{policies[0]}-{premium}"})


def test_prices_changes_and_what_the_account_could_pay(here: Desk) -> None:
    told = proposals(here, STRANGER)
    [line] = told["renewals"]
    assert (line["premium_fen"], line["premium_before_fen"], line["ends_on"], line["state"]) == (fen("188"), fen("168"), "2026-12-31", "open")
    assert (line["name"], line["product"], line["confirm_by"]) == ("欧阳青霜", NEXT, "2027-03-31")
    assert any(change.startswith("原为：保费：") for change in line["changes"])
    assert told["usable_fen"] == fen("1332")                # of the year's 1500, 168 are spent
    assert "insured" in line
    assert "order" not in line


@pytest.mark.clause("LZ-19", "LZ-9")
def test_a_family_confirms_together(here: Desk) -> None:
    lines = proposals(here, BUYER)["renewals"]
    policies = [line["policy"] for line in lines]
    assert sum(line["premium_fen"] for line in lines) == fen("376")
    short = confirmation(here, BUYER, *policies, premium="375")
    assert (short.status_code, short.json()["code"]) == (409, "renewal.quote_changed")
    answer = confirmation(here, BUYER, *policies, premium="376")
    assert (answer.status_code, answer.json()["state"], answer.json()["account_fen"]) == (201, "completed", fen("376"))
    assert {(line["state"], line.get("order")) for line in proposals(here, BUYER)["renewals"]} == {("confirmed", answer.json()["order"])}
    again = confirmation(here, BUYER, *policies, premium="376")
    assert (again.json(), again.headers["idempotent-replayed"]) == (answer.json(), "true")


def test_declined_is_declined(here: Desk) -> None:
    [line] = proposals(here, NEW)["renewals"]
    path = f"/v1/{HERE}/renewals/{line['policy']}/refusals"
    answer = here.send("POST", path, here.member(NEW), headers={"Idempotency-Key": "decline-1"})
    assert (answer.status_code, answer.json()["state"]) == (201, "declined")
    assert proposals(here, NEW)["renewals"][0]["state"] == "declined"


@pytest.mark.clause("LZ-20")
def test_anothers_proposal_is_not_there(here: Desk) -> None:
    [line] = proposals(here, NEW_TOO)["renewals"]
    none = "990000-000000099999-9-01"
    for path, body in (("refusals", None), ("confirmations", line["policy"])):
        answers = []
        for number in (line["policy"], none):
            if body is None:
                answers.append(here.send("POST", f"/v1/{HERE}/renewals/{number}/{path}", here.member(STRANGER), headers={"Idempotency-Key": f"x-{number}"}))
            else:
                answers.append(confirmation(here, STRANGER, number))
        assert [answer.status_code for answer in answers] == [404, 404]
        assert answers[0].content == answers[1].content


@pytest.mark.clause("LZ-4a")
def test_the_bureau_counts(here: Desk) -> None:
    [total] = here.send("GET", f"/v1/{HERE}/renewal-totals", here.token("bureau")).json()["totals"]
    assert (total["product"], total["proposed"]) == (NEXT, 5)
    assert total["proposed"] == total["open"] + total["confirmed"] + total["declined"] + total["lapsed"]
    assert total["premium_fen"] == fen("188") * total["confirmed"]
    assert here.send("GET", f"/v1/{HERE}/renewal-totals", here.token("bureau", area="9902")).json()["totals"] == []


@pytest.mark.clause("XJ-4.2")
def test_changes_are_those_of_the_terms_agreed_to(here: Desk) -> None:
    """The next year is worded anew after people were asked: its terms are what is agreed to, and what changes is shown of them."""
    [before] = proposals(here, NEW_TOO)["renewals"]
    plan = following(plans.builtin(PRODUCT), NEXT, ("days = 30", "days = 20"))
    texts = {"plan": plan.text, "scheme": "scheme", "terms": terms_text(plan, "安心")}
    with connect_owner(here.engine.url) as connection, connection.transaction():
        connection.execute(f"SET LOCAL search_path TO p_{HERE}")
        for kind, body in texts.items():
            connection.execute(SQL["insert_text"], {
                "digest": sm3(body.encode()), "kind": kind, "name": NEXT, "syntax": 1, "body": body, "at": DECEMBER})
        digests = {kind: sm3(body.encode()) for kind, body in texts.items()}
        connection.execute(SQL["insert_offer"], {"product": NEXT, **digests, "engine": "1", "at": DECEMBER})
        connection.execute(SQL["raise_version"])
    [after] = proposals(here, NEW_TOO)["renewals"]
    assert after["terms_digest"] != before["terms_digest"]
    [added] = set(after["changes"]) - set(before["changes"])
    assert added.count("等待期 30 天") == added.count("等待期 20 天") == 1


def test_of_accounts_that_another_system_keeps_no_balance_is_told(here: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is booked of them is what was taken from them: somebody with plenty there must not read that there is nothing."""
    assert proposals(here, STRANGER)["usable_fen"] > 0
    programme = here.engine.programmes[HERE]
    monkeypatch.setitem(here.engine.programmes, HERE, replace(programme, scheme=schemes.builtin("yunlan")))
    assert proposals(here, STRANGER)["usable_fen"] is None
