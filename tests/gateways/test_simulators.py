"""The simulators: what a tester sees, how faults are told, and that they strike again the same from the same seed."""

from typing import Any

import httpx
import pytest

from huibao.gateways.simulators.faults import Fault, Faults
from tests.gateways.simulated import NOON, World, in_world

CODE, ORDER = "990000", "990000-000000000123-7"


def test_a_tester_pays_with_a_button() -> None:
    async def story(world: World) -> None:
        opened = await world.cash.open(CODE, ORDER, 12_900, None)
        till = await world.client.get(opened.pay_url)
        assert (till.status_code, till.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert all(said in till.text for said in ("不是真实支付", ORDER, "¥ 129.00", "立即支付"))
        assert await world.cash.ask(CODE, ORDER) == "unpaid"
        assert [("已支付" in (await world.client.post(opened.pay_url)).text) for _ in range(2)] == [True, True]
        assert len(world.came) == 1
        assert "已支付" in (await world.client.get(opened.pay_url)).text

    in_world(story)


def test_the_till_shows_what_it_was_sent_as_text() -> None:
    async def story(world: World) -> None:
        opened = await world.cash.open(CODE, "<script>", 1, None)
        assert "&lt;script&gt;" in (await world.client.get(f"{world.url}/cash/pay/{opened.reference}")).text

    in_world(story)


ASKED: list[tuple[str, str, str | None, int, str]] = [
    # method, path,                  body,                         status, says
    ("GET",   "/nobody/x",           None,                         404,    "system.unknown"),
    ("GET",   "/",                   None,                         404,    "system.unknown"),
    ("POST",  "/cash/payments",      "{}",                         401,    "signature.invalid"),
    ("GET",   "/cash/pay/none",      None,                         404,    "没有此付款单"),
    ("POST",  "/cash/faults",        '{"kind": "explode"}',        400,    "explode"),
    ("POST",  "/cash/faults",        '{"kind": "drop", "x": 1}',   400,    "unknown field `x`"),
    ("POST",  "/cash/faults",        '{"kind": "drop", "times": 0}', 400,  "`int` >= 1"),
    ("POST",  "/identity/faults",    '{"kind": "error"}',          204,    ""),
    ("POST",  "/hospital-H1/faults", '{"kind": "forget"}',         204,    ""),
    ("POST",  "/hospital-%48%31/faults", '{"kind": "forget"}',     204,    ""),
    ("POST",  "/hospital-H9/faults", '{"kind": "forget"}',         404,    "system.unknown"),
    ("GET",   "/hospital-H1/settlements/990000/1", None,           401,    "signature.invalid"),
    ("POST",  "/bank/payouts",       "{}",                         401,    "signature.invalid"),
    ("POST",  "/notices/notices",    "{}",                         401,    "signature.invalid"),
]


@pytest.mark.parametrize("method, path, body, status, says", ASKED)
def test_what_is_asked_without_a_signature(method: str, path: str, body: str | None, status: int, says: str) -> None:
    async def story(world: World) -> None:
        answer = await world.client.request(method, world.url + path, content=body)
        assert answer.status_code == status
        assert says in answer.text

    in_world(story)


def test_faults_are_taken_back() -> None:
    async def story(world: World) -> None:
        await world.fail("cash", Fault("error", times=None))
        assert (await world.client.delete(f"{world.url}/cash/faults")).status_code == 204
        assert await world.cash.ask(CODE, ORDER) == "unknown"

    in_world(story)


def test_simulators_are_mounted_under_a_path() -> None:
    async def story(world: World) -> None:
        async def mounted(scope: Any, receive: Any, send: Any) -> None:
            await world.simulators({**scope, "root_path": "/simulators"}, receive, send)

        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=mounted), base_url="http://here") as client:
            assert (await client.get("/simulators/cash/pay/none")).status_code == 404
            assert (await client.post("/simulators/cash/faults", content=b'{"kind": "error"}')).status_code == 204

    in_world(story)


# ── faults ───────────────────────────────────────────────────────────────────────────────────────────────────────────

def struck(*planned: Fault, occasions: int = 8) -> str:
    """At which occasions a dropped answer was to come."""
    faults = Faults()
    for fault in planned:
        faults.plan(fault)
    return "".join("x" if faults.strikes("drop") else "." for _ in range(occasions))


@pytest.mark.parametrize("planned, when", [
    ((),                                                              "........"),
    ((Fault("drop"),),                                                "x......."),
    ((Fault("drop", times=3),),                                       "xxx....."),
    ((Fault("drop", times=None),),                                    "xxxxxxxx"),
    ((Fault("drop"), Fault("drop")),                                  "xx......"),
    ((Fault("error"), Fault("drop", on="notices"), Fault("drop")),    "x......."),
    ((Fault("drop", times=None, per_mille=500, seed=1),),             "x....xxx"),
    ((Fault("drop", times=2, per_mille=500, seed=1),),                "x....x.."),
])
def test_when_faults_strike(planned: tuple[Fault, ...], when: str) -> None:
    assert struck(*planned) == when


@pytest.mark.parametrize("planned, when", [
    ((),                                                              "...."),
    ((Fault("drop", times=2),),                                       "xx.."),
    ((Fault("drop", times=None),),                                    "xxxx"),
    ((Fault("error"), Fault("drop", on="notices")),                   "...."),
    ((Fault("drop", times=1, per_mille=500, seed=1),),                "x..."),
    ((Fault("drop", times=1, per_mille=1),),                          "xxxx"),
])
def test_which_faults_may_still_come(planned: tuple[Fault, ...], when: str) -> None:
    faults = Faults()
    for fault in planned:
        faults.plan(fault)
    seen = ""
    for _ in when:
        seen += "x" if all(faults.may_strike("drop") for _ in range(2)) else "."
        faults.strikes("drop")
    assert seen == when


def test_the_time_is_the_clocks() -> None:
    async def story(world: World) -> None:
        assert (await world.identity.check(CODE, 1, "sms", "told")).at == NOON

    in_world(story)
