"""Insurers' systems: the connection test and what it finds, and the relay of what was recorded: in order, at least once."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import httpx
import msgspec
import pytest
from psycopg import AsyncConnection

from huibao.benefits import loading as plans
from huibao.core.clock import SimulatedClock
from huibao.db.connect import connect_service
from huibao.enrolment.model import Balances, Command, Paid, Posted, Release, Review
from huibao.gateways import insurers
from huibao.gateways.insurers import ConnectionReport, InsurerRefused, InsurerSystem, InsurerUnreachable, relay, try_connection
from huibao.gateways.simulators.faults import Fault
from huibao.policies.numbers import order_number, policy_number
from tests.books import DAY, City, Someone, another, buy, order, order_id, rows, run, small_city
from tests.database import MakeProgramme
from tests.gateways.simulated import TOO_LATE_MS, World, in_world
from tests.refunds.counter import EVENING, Counter

CODE = "990000"

# ── the connection test ──────────────────────────────────────────────────────────────────────────────────────────────

GOOD = ("承保通知：通过。", "重复通知：通过。", "同一序号、不同内容：通过。", "未知产品：通过。", "签名不符：通过。", "签名过期：通过。", "退保通知：通过。")


def tried(*faults: Fault, product: str = "plan") -> ConnectionReport:
    """The report on a system with these faults."""
    reports: list[ConnectionReport] = []

    async def story(world: World) -> None:
        await world.fail("insurer-lead", *faults)
        reports.append(await try_connection(world.insurer(), CODE, product))
        assert all(test is not None for test, _, _ in world.simulators.insurers["lead"].kept)

    in_world(story)
    return reports[0]


@pytest.mark.clause("XZ-6")
def test_a_good_system_passes_as_often_as_it_is_tried() -> None:
    async def story(world: World) -> None:
        for _ in range(2):
            assert await try_connection(world.insurer(), CODE, "plan") == ConnectionReport(True, GOOD)
        assert world.simulators.insurers["lead"].came == []

    in_world(story)


PLANTED = [
    # what is wrong with it                        which line, and what it says
    (Fault("wrong-digest"),                        0, "承保通知：未通过，答复的摘要与所发报文不符；应接收并答复报文摘要（SM3）。"),
    (Fault("error"),                               0, "承保通知：未通过，对方系统出错；应接收并答复报文摘要（SM3）。"),
    (Fault("drop"),                                0, "承保通知：未通过，限时内没有答复；应接收并答复报文摘要（SM3）。"),
    (Fault("delay", ms=TOO_LATE_MS),               0, "承保通知：未通过，限时内没有答复；应接收并答复报文摘要（SM3）。"),
    (Fault("half-answer"),                         0, "承保通知：未通过，连接不上，或连接中断；应接收并答复报文摘要（SM3）。"),
    (Fault("wrong-signature"),                     0, "承保通知：未通过，答复的签名不符，请核对密钥与时钟；应接收并答复报文摘要（SM3）。"),
    (Fault("stubborn"),                            1, "重复通知：未通过，被拒收（409 seq.known）；应与首次同样答复。"),
    (Fault("forgetful"),                           2, "同一序号、不同内容：未通过，被接收；应拒收并答复 409。"),
    (Fault("any-product"),                         3, "未知产品：未通过，被接收；应拒收并答复 422。"),
    (Fault("any-signature", times=1),              4, "签名不符：未通过，答复为 200；应拒收并答复 401。"),
    (Fault("any-signature", times=None),           5, "签名过期：未通过，答复为 200；应拒收并答复 401。"),
]


@pytest.mark.clause("XZ-6")
@pytest.mark.parametrize("fault, line, says", PLANTED, ids=[row[2] for row in PLANTED])
def test_a_planted_fault_is_found_and_named(fault: Fault, line: int, says: str) -> None:
    report = tried(fault)
    assert (report.passed, report.lines[line]) == (False, says)
    others = [(GOOD[n], told) for n, told in enumerate(report.lines) if n != line and fault.times]
    assert all(good == told for good, told in others)
    assert report.text.splitlines() == list(report.lines)


def test_an_address_that_is_none() -> None:
    async def story() -> None:
        async with httpx.AsyncClient() as client:
            for endpoint in ("", "insurer", "http://127.0.0.1:x", "ftp://127.0.0.1"):
                report = await try_connection(InsurerSystem(client, endpoint, "lead", b"secret", SimulatedClock(DAY)), CODE, "plan")
                assert [("连接不上" in line) for line in report.lines] == [True] * len(GOOD)

    asyncio.run(story())


def test_a_product_that_the_insurer_does_not_know() -> None:
    assert tried(product="another").lines[0] == "承保通知：未通过，被拒收（422 product.unknown）；应接收并答复报文摘要（SM3）。"


def test_a_secret_that_does_not_fit() -> None:
    async def story(world: World) -> None:
        world.simulators.insurers["lead"].secret = b"another"
        report = await try_connection(world.insurer(), CODE, "plan")
        assert not report.passed
        assert report.lines[0] == "承保通知：未通过，对方不认本平台的签名，请核对密钥与时钟；应接收并答复报文摘要（SM3）。"

    in_world(story)


# ── the relay ────────────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.fixture
def city(programme: MakeProgramme) -> City:
    return small_city(programme, "xizang", [Someone(n, personal="9000") for n in range(1, 13)])


def relayed(city: City, story: Callable[[World, Callable[..., Awaitable[int]]], Awaitable[None]]) -> None:
    """Lives a story in which `tell()` relays what the city recorded."""
    async def live(world: World) -> None:
        connection: AsyncConnection[Any] = await connect_service(city.url)

        async def tell(insurer: str = "lead") -> int:
            return await relay(connection, city.running, world.insurer(insurer), DAY)

        try:
            await story(world, tell)
        finally:
            await connection.close()

    in_world(live, products=[city.plan.id])


def recorded(city: City, *commands: Command) -> Sequence[int]:
    """Runs commands in one batch; the sequence numbers that they got."""
    before = cursor(city, "event")
    run(city, commands)
    return range(before + 1, before + 1 + len(commands))


def cursor(city: City, of: str = "lead") -> int:
    """How far an insurer was told, or where the record ends."""
    if of == "event":
        return int(rows(city, "SELECT COALESCE(max(seq), 0) FROM event")[0][0])
    return int(rows(city, "SELECT COALESCE(max(seq), 0) FROM outbox_cursor WHERE destination = %s", f"insurer:{of}")[0][0])


@pytest.mark.clause("XZ-6")
def test_an_insurer_is_told_what_it_needs_and_no_more(city: City) -> None:
    [answer] = run(city, [buy(city, 1)])
    told = order(answer)

    async def story(world: World, tell: Callable[..., Awaitable[int]]) -> None:
        assert await tell() == 1
        [message] = world.simulators.insurers["lead"].kept.values()
        [policy] = told.policies
        assert msgspec.json.decode(msgspec.json.encode(message)) == {
            "seq": 1, "at": "2026-03-02T02:00:00Z", "order": told.order, "product": city.plan.id,
            "policies": [{"number": policy.number, "insured": 1, "state": "in-force", "premium_fen": policy.premium_fen,
                          "parts": [{"source": "personal", "fen": policy.premium_fen}], "tier": policy.tier,
                          "period_from": str(policy.period_from), "period_to": str(policy.period_to)}]}
        assert await tell() == 0

    relayed(city, story)


@pytest.mark.clause("LZ-15a")
def test_an_insurer_is_told_of_a_surrender_and_of_what_goes_back(city: City) -> None:
    """Given back before its start and bought again: one policy is in force, and the other was told as it ended."""
    counter = Counter(city)
    first, other = counter.buys(1), counter.buys(2)
    counter.surrenders(first)
    counter.refuses(other, fen=1)
    again = counter.buys(1, at=EVENING)
    [(since, until)] = rows(city, "SELECT period_from, period_to FROM policy WHERE order_id = %s", first[0])

    async def story(world: World, tell: Callable[..., Awaitable[int]]) -> None:
        assert await tell() == 4
        system = world.simulators.insurers["lead"]
        told = {number: policy.state for number, policy in system.policies(city.code).items()}
        assert told == {policy_number(city.code, *first): "surrendered", policy_number(city.code, *other): "in-force",
                        policy_number(city.code, *again): "in-force"}
        ended = next(message for message in system.kept.values() if message.policies[0].state == "surrendered")
        assert msgspec.json.decode(msgspec.json.encode(ended)) == {
            "seq": 3, "at": "2026-03-02T10:00:00Z", "order": order_number(city.code, first[0]), "product": city.plan.id,
            "policies": [{"number": policy_number(city.code, *first), "insured": 1, "state": "surrendered", "premium_fen": 16_800,
                          "parts": [{"source": "personal", "fen": 16_800}], "tier": "base", "period_from": str(since),
                          "period_to": str(until), "ended_on": str(since), "returned_fen": 16_800}]}
        assert await tell("second") == 0

    relayed(city, story)


def test_only_cover_and_cash_of_its_own_products_concern_an_insurer(programme: MakeProgramme) -> None:
    """A refusal, an order that waits for its payment or review and one that is given up are no business of an insurer's."""
    city = small_city(programme, "liuzhou", [Someone(n, personal="9000") for n in range(1, 5)])

    waits, given_up, *_ = run(city, [buy(city, 1, pay_with="cash"), buy(city, 2, pay_with="cash"), buy(city, 3, consent=None), buy(city, 4)])
    run(city, [Paid(1, order_id(city, waits), order(waits).cash_fen, "r"), Release(1, order_id(city, given_up), "cancelled")])
    assert rows(city, "SELECT kind, outcome FROM event ORDER BY seq") == [
        ("purchase", "done"), ("purchase", "done"), ("purchase", "consent.terms_changed"), ("purchase", "done"),
        ("payment", "done"), ("release", "done")]

    async def story(world: World, tell: Callable[..., Awaitable[int]]) -> None:
        assert await tell() == 1
        assert world.simulators.insurers["lead"].came == [(5,)]
        assert await tell("second") == 0
        assert (cursor(city), cursor(city, "second")) == (6, 0)

    relayed(city, story)


def test_an_insurer_that_loses_answers_gets_everything_in_order(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(insurers, "WINDOW", 2)
    seqs = recorded(city, *(buy(city, n) for n in range(1, 11)))

    async def story(world: World, tell: Callable[..., Awaitable[int]]) -> None:
        await world.fail("insurer-lead", Fault("half-answer", times=None, per_mille=500, seed=4))
        failures, done = 0, False
        while not done:
            try:
                await tell()
                done = True
            except InsurerUnreachable:
                failures += 1
        system = world.simulators.insurers["lead"]
        assert failures > 2
        assert len(system.came) == failures + len(seqs) // 2
        assert list(dict.fromkeys(seq for envelope in system.came for seq in envelope)) == list(seqs)
        assert [seq for _, _, seq in system.kept] == list(seqs)
        assert cursor(city) == seqs[-1]

    relayed(city, story)


class _Killed(BaseException):
    """The process ends here."""


def test_killed_between_acknowledgement_and_cursor(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    seqs = recorded(city, *(buy(city, n) for n in range(1, 4)))

    async def killed(*_: object) -> None:
        raise _Killed

    async def story(world: World, tell: Callable[..., Awaitable[int]]) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(insurers, "_move", killed)
            with pytest.raises(_Killed):
                await tell()
        assert cursor(city) == 0
        assert await tell() == 3
        system = world.simulators.insurers["lead"]
        assert system.came == [tuple(seqs), tuple(seqs)]
        assert len(system.kept) == 3

    relayed(city, story)


def test_two_relays_at_once_skip_nothing(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(insurers, "WINDOW", 1)
    seqs = recorded(city, *(buy(city, n) for n in range(1, 7)))

    async def story(world: World, tell: Callable[..., Awaitable[int]]) -> None:
        async def another() -> None:
            async with await connect_service(city.url) as connection:
                await relay(connection, city.running, world.insurer(), DAY)

        await asyncio.gather(tell(), another())
        system = world.simulators.insurers["lead"]
        assert list(dict.fromkeys(seq for envelope in system.came for seq in envelope)) == list(seqs)
        assert cursor(city) == seqs[-1]

    relayed(city, story)


def test_who_declines_is_not_passed_over(city: City) -> None:
    recorded(city, buy(city, 1))

    async def story(world: World, tell: Callable[..., Awaitable[int]]) -> None:
        world.simulators.insurers["lead"]._products = ()
        with pytest.raises(InsurerRefused, match=r"insurer lead declined its messages from 1 on: 422 product\.unknown"):
            await tell()
        assert cursor(city) == 0
        world.simulators.insurers["lead"]._products = [city.plan.id]
        assert await tell() == 1

    relayed(city, story)


def test_who_is_down_delays_only_itself(city: City) -> None:
    recorded(city, buy(city, 1))

    async def story(world: World, tell: Callable[..., Awaitable[int]]) -> None:
        await world.fail("insurer-lead", Fault("error"))
        with pytest.raises(InsurerUnreachable):
            await tell()
        assert await tell("second") == 0
        assert (cursor(city), cursor(city, "second")) == (0, 0)

    relayed(city, story)


def test_cover_that_begins_elsewhere_is_told_of(programme: MakeProgramme) -> None:
    """Where another system keeps the accounts, an order completes with its answer, which nobody sent as an order or a payment."""
    city = small_city(programme, "yunlan", [Someone(1, personal="9000")], plan=another(plans.builtin("example-2026"), "cheap", premium="200"))
    [asked] = run(city, [buy(city, 1)])
    id = order_id(city, asked)
    run(city, [Balances(1, id, 1, 900_000, 0)])
    for _ in ("freeze", "confirm"):
        [(posting,)] = rows(city, "SELECT max(id) FROM account_posting WHERE order_id = %s", id)
        if rows(city, "SELECT state FROM orders") == [("awaiting-review",)]:
            run(city, [Review(9, None, id, "approve")])
        run(city, [Posted(1, id, posting, True, DAY)])

    async def story(world: World, tell: Callable[..., Awaitable[int]]) -> None:
        assert await tell() == 1
        assert [policy.state for policy in world.simulators.insurers["lead"].policies(city.code).values()] == ["in-force"]

    assert rows(city, "SELECT state FROM orders") == [("completed",)]
    relayed(city, story)
