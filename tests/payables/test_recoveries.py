"""Co-insurers' parts of claims: called in by share on the total so far, each fen once, whoever calls at the same moment."""

import asyncio
from collections.abc import Iterator

import pytest

from huibao.payables.model import Received
from huibao.pool.shares import of_total
from huibao.record.model import DONE
from huibao.settlement.model import Confirm
from tests.books import INSURERS, owner, rows, small_city, verify
from tests.database import MakeProgramme
from tests.payables.desks import at_once, call, called, code, run
from tests.record.clerk import lonely
from tests.settlement import rounds
from tests.settlement.ward import Ward, bill, reversal

WEIGHTS = [weight for _, weight in INSURERS.values()]
FIRST = 980_000


@pytest.fixture
def ward(programme: MakeProgramme) -> Iterator[Ward]:
    with Ward(small_city(programme, "liuzhou", lonely(12))) as found:
        rounds.insure(found.city, *((n,) for n in range(1, 13)))
        yield found


def confirmed(ward: Ward, *bills: tuple[int, str]) -> int:
    """Bills by person and yuan, as owed; what they cost in all, in fen."""
    told = ward.settle(*(bill(n, f"S{n}", city=ward.city, in_scope=yuan) for n, yuan in bills))
    ward.confirm(*told)
    return sum(one.pay_fen for one in told)


def parts(total: int) -> dict[str, int]:
    return dict(zip(INSURERS, of_total(total, WEIGHTS), strict=True))


@pytest.mark.clause("XJ-2.3")
def test_parts_are_called_in_on_the_total_so_far(ward: Ward) -> None:
    """Odd fens do not run against the same member each time: after every call, what was called is the share of the total."""
    total, so_far = 0, {"second": 0, "third": 0}
    for n, yuan in enumerate(("20000.01", "19999.99", "7777.77", "12345.67", "6666.66"), 1):
        total += confirmed(ward, (n, yuan))
        [answer] = run(ward.city, call(ward.city))
        for insurer, fen in called(answer).items():
            so_far[insurer] += fen
        assert so_far == {insurer: fen for insurer, fen in parts(total).items() if insurer != "lead"}
    assert called(run(ward.city, call(ward.city))[0]) == {}
    assert rows(ward.city, "SELECT sum(fen)::bigint FROM recovery") == [(total - parts(total)["lead"],)]
    assert verify(ward.city) == []


def test_who_may_call(ward: Ward) -> None:
    confirmed(ward, (1, "20000"))
    assert [code(answer) for answer in run(ward.city, call(ward.city, "second"), call(ward.city, "nobody"))] == ["payable.product_unknown"] * 2
    assert called(run(ward.city, call(ward.city, None))[0]) == {"second": 343_000, "third": 245_000}


def test_what_was_taken_back_is_made_up_for_before_more_is_called(ward: Ward) -> None:
    confirmed(ward, (1, "20000"), (2, "20000"))
    run(ward.city, call(ward.city))
    ward.run(reversal("R1", "S1"))
    assert called(run(ward.city, call(ward.city))[0]) == {}
    confirmed(ward, (3, "20000"))
    assert called(run(ward.city, call(ward.city))[0]) == {}
    confirmed(ward, (4, "20000"))
    assert called(run(ward.city, call(ward.city))[0]) == {"second": 343_000, "third": 245_000}
    assert rows(ward.city, "SELECT insurer, sum(fen)::bigint FROM recovery GROUP BY 1 ORDER BY 1") == [
        (insurer, fen) for insurer, fen in parts(3 * FIRST).items() if insurer != "lead"]
    assert verify(ward.city) == []


def test_twice_in_one_batch_is_once(ward: Ward) -> None:
    confirmed(ward, (1, "20000"))
    [first, second] = run(ward.city, call(ward.city), call(ward.city))
    assert (called(first), called(second)) == ({"second": 343_000, "third": 245_000}, {})
    assert verify(ward.city) == []


def test_one_fen_is_not_paid_back(programme: MakeProgramme) -> None:
    """With shares of 3 : 3 : 1 the largest remainder takes a fen from the third as the total grows: called in, it stays."""
    with Ward(small_city(programme, "liuzhou", lonely(4))) as ward:
        rounds.insure(ward.city, (1,), (2,))
        with owner(ward.city) as connection:
            connection.execute("UPDATE pool_share SET weight = CASE insurer WHEN 'third' THEN 1 ELSE 3 END")
        called_in = {"second": 0, "third": 0}
        for total in (3, 4):
            with owner(ward.city) as connection:
                connection.execute("UPDATE pool_total SET fen = %s WHERE stream = 'claim'", [total])
            for insurer, fen in called(run(ward.city, call(ward.city))[0]).items():
                called_in[insurer] += fen
            due = dict(zip(INSURERS, of_total(total, [3, 3, 1]), strict=True))
            assert all(0 <= fen - due[insurer] <= 1 for insurer, fen in called_in.items()), (total, called_in)


# ── at the same moment ───────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.clause("XJ-2.3")
def test_two_who_call_at_once_call_once(ward: Ward) -> None:
    confirmed(ward, (1, "20000"))
    told = at_once(ward.city, [[call(ward.city)]] * 6)
    found = [called(answer) for [answer] in told]
    assert sorted(found, key=len) == [{}] * 5 + [{"second": 343_000, "third": 245_000}]
    assert verify(ward.city) == []


def test_a_part_that_arrives_twice_at_once_is_booked_once(ward: Ward) -> None:
    confirmed(ward, (1, "20000"))
    run(ward.city, call(ward.city))
    [(first,), (second,)] = rows(ward.city, "SELECT id FROM recovery ORDER BY id")
    told = at_once(ward.city, [[Received(0, first), Received(0, second)], [Received(0, second), Received(0, first)], [Received(0, first)] * 2])
    assert sorted(code(answer) for some in told for answer in some) == [DONE] * 2 + ["recovery.not_waiting"] * 4
    assert rows(ward.city, "SELECT kind, fen FROM transfer WHERE recovery_id IS NOT NULL ORDER BY 1, 2") == [
        (kind, fen) for kind in ("advance-repaid", "claim-recovered") for fen in (245_000, 343_000)]
    assert verify(ward.city) == []


@pytest.mark.clause("XJ-2.3")
def test_parts_are_called_in_while_desks_confirm(ward: Ward) -> None:
    city = ward.city
    offered = ward.settle(*(bill(n, f"S{n}", city=city, in_scope=f"20000.{n:02}") for n in range(1, 13)))

    async def story() -> None:
        async with rounds.desks(city, 3) as lanes:
            async def confirming(desk: int) -> None:
                for told in offered[desk::3]:
                    await rounds.ask(city, lanes[desk], {f"c{told.setl_id}": Confirm(7, ward.id(told), told.pay_fen)})

            async def calling() -> None:
                for _ in range(4):
                    await asyncio.to_thread(run, city, call(city))

            await asyncio.gather(calling(), calling(), *(confirming(desk) for desk in range(3)))

    asyncio.run(story())
    run(city, call(city))
    total = sum(told.pay_fen for told in offered)
    assert rows(city, "SELECT insurer, sum(fen)::bigint FROM recovery GROUP BY 1 ORDER BY 1") == [
        (insurer, fen) for insurer, fen in parts(total).items() if insurer != "lead"]
    assert verify(city) == []
