"""Every changing endpoint, asked again: after success, after a 503, twenty times at once, with another body. One effect, one answer."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any, Final

import httpx
import msgspec
import pytest

from huibao.app import caretaker
from huibao.app.engine import Engine
from huibao.core.batcher import TurnedAway, Unanswered
from huibao.enrolment.model import Buy
from huibao.gateways.signing import HEADER, NOTICE, new_nonce, sign
from huibao.web.tokens import sign_check
from tests.app.street import EVERY_S, SECRET, Street, street_of
from tests.books import buy, verify
from tests.record.clerk import lonely

MANY: Final = 20
KEYED: Final = {"Idempotency-Key": "one-key-for-all"}
COUNTS: Final = "SELECT (SELECT count(*) FROM request), (SELECT count(*) FROM event), (SELECT count(*) FROM orders), (SELECT count(*) FROM hold_end)"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caretaker, "EVERY_S", EVERY_S)


@pytest.fixture
def street(pg_url: str) -> Iterator[Street]:
    with street_of(pg_url, lonely(4)) as made:
        yield made


async def wish(street: Street, **more: Any) -> dict[str, Any]:
    """What a member sends to buy for oneself."""
    command: Buy = await asyncio.to_thread(buy, street.city, 1)
    assert command.identity is not None
    consent = msgspec.to_builtins(command.consent)
    return {"product": command.product, "insured": msgspec.to_builtins(command.insured), "pay_with": "account", "consent": consent,
            "identity_check": sign_check(bytes(32), street.city.code, command.identity), **more}


async def at_once(street: Street, method: str, path: str, token: str | None, **given: Any) -> list[httpx.Response]:
    return list(await asyncio.gather(*(street.send(method, path, token, **given) for _ in range(MANY))))


def one_answer(answers: list[httpx.Response], status: int) -> httpx.Response:
    assert {(answer.status_code, answer.content) for answer in answers} == {(status, answers[0].content)}, answers[0].text
    return answers[0]


def turned_away(engine: Engine, monkeypatch: pytest.MonkeyPatch, failure: Exception, *, done: bool) -> None:
    """The next command is not answered, and may have been done."""
    submit = engine.submit

    async def once(*given: Any) -> Any:
        monkeypatch.setattr(engine, "submit", submit)
        if done:
            await submit(*given)
        raise failure

    monkeypatch.setattr(engine, "submit", once)


@pytest.mark.parametrize(("failure", "done"), [(TurnedAway(1), False), (Unanswered(1), False), (Unanswered(1), True)])
def test_orders_are_bought_and_given_up_once(street: Street, monkeypatch: pytest.MonkeyPatch, failure: Exception, done: bool) -> None:
    async def story(street: Street) -> None:
        async with street.serving() as engine:
            token, body = await street.token(engine, "member", person_id=1), await wish(street)
            turned_away(engine, monkeypatch, failure, done=done)
            lost = await street.send("POST", "/purchases", token, json=body, headers=KEYED)
            assert (lost.status_code, lost.headers["retry-after"].isdecimal()) == (503, True)
            first = one_answer(await at_once(street, "POST", "/purchases", token, json=body, headers=KEYED), 201)
            other = await street.send("POST", "/purchases", token, json={**body, "pay_with": "cash"}, headers=KEYED)
            assert (other.status_code, other.json()["code"]) == (409, "key.other_body")
            again = await street.send("POST", "/purchases", token, json=body, headers=KEYED)
            assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
            assert street.rows(COUNTS) == [(1, 1, 1, 0)]

            path = f"/orders/{first.json()['order']}/cancellation"
            turned_away(engine, monkeypatch, failure, done=done)
            assert (await street.send("POST", path, token, headers={"Idempotency-Key": "give-it-up"})).status_code == 503
            given_up = one_answer(await at_once(street, "POST", path, token, headers={"Idempotency-Key": "give-it-up"}), 200)
            assert given_up.json()["state"] == "void"
            reused = await street.send("POST", path, token, headers=KEYED)
            assert (reused.status_code, reused.json()["code"]) == (409, "key.other_body")
            assert street.rows(COUNTS) == [(2, 2, 1, 1)]

    street.live(story)
    assert verify(street.city) == []


def test_a_payment_is_opened_and_taken_once(street: Street) -> None:
    async def story(street: Street) -> None:
        async with street.serving() as engine:
            token = await street.token(engine, "member", person_id=1)
            order = await street.buy(engine, 1)
            opened = one_answer(await at_once(street, "POST", f"/orders/{order.order}/payments", token), 201).json()
            assert [len(tries) for tries in street.outside.cash._by_order.values()] == [1]
            await street.fail("cash", "drop", on="notices")
            await street.pay(opened["url"])

            def noticed(fen: int) -> dict[str, Any]:
                body = json.dumps({"order": order.order, "fen": fen, "reference": opened["reference"]}).encode()
                signature = sign(SECRET, NOTICE, body, street.city.clock.now(), new_nonce())
                return {"content": body, "headers": {HEADER: signature, "Content-Type": "application/json"}}

            told = one_answer(await at_once(street, "POST", "/payment-notices", None, **noticed(order.cash_fen)), 200)
            assert told.json() == {"outcome": "done"}
            other = await street.send("POST", "/payment-notices", None, **noticed(order.cash_fen + 1))
            assert (other.status_code, other.json()) == (200, {"outcome": "key.other_body"})
            assert street.state(order) == "completed"
            assert (street.kept_fen(), street.booked_fen(), street.returned()) == (order.cash_fen, order.cash_fen, [])

    street.live(story)
    assert verify(street.city) == []


def test_an_identity_check_asked_again_is_the_same(street: Street) -> None:
    async def story(street: Street) -> None:
        async with street.serving() as engine:
            token = await street.token(engine, "member", person_id=1)
            asked = {"method": "sms", "proof": "135790"}
            one_answer(await at_once(street, "POST", "/identity-checks", token, json=asked), 201)
            assert street.rows(COUNTS) == [(0, 0, 0, 0)]

    street.live(story)


def test_a_credential_is_revoked_once(street: Street) -> None:
    async def story(street: Street) -> None:
        async with street.serving() as engine:
            token = await street.token(engine, "administrator")
            new = {"role": "agency", "label": "窗口", "expires_at": "2027-01-01T00:00:00Z"}
            issued = (await street.send("POST", "/credentials", token, json=new)).json()
            path = f"/credentials/{issued['credential']}"
            first = one_answer(await at_once(street, "DELETE", path, token), 200)
            assert (await street.send("DELETE", path, token)).content == first.content

    street.live(story)
