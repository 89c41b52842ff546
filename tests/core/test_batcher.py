"""The batcher's queues: how many fit, whose turn it is, how many go together."""

import asyncio

import pytest

from huibao.core.batcher import Batcher, Bounds, TurnedAway
from tests.core.desk import Desk, Gate, drain, lane, play, send, settle

# ── bounds ───────────────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.parametrize(("bounds", "retry_after"), [
    (Bounds(waiting=3),                         1),     # one batch of 60 ms
    (Bounds(waiting=16, batch_ms=5_000),        5),
    (Bounds(waiting=17, batch_ms=5_000),       10),     # the 17th is in a second batch
    (Bounds(waiting=160, batch_ms=500),         5),
    (Bounds(waiting=1_600, batch_ms=60),        6),
    (Bounds(waiting=272, batch_ms=60),          2),     # 17 batches are 1.02 s
    (Bounds(waiting=10, most=4, batch_ms=500),  2),     # 4, 4 and 2
])
def test_a_queue_is_bounded(bounds: Bounds, retry_after: int) -> None:
    async def story() -> None:
        batcher = Batcher[int, str](bounds)
        inside = send(batcher, "a", range(bounds.waiting))
        await settle()
        with pytest.raises(TurnedAway) as turned_away:
            await batcher.submit("a", b"late", b"", 0)
        assert turned_away.value.retry_after == retry_after
        # Another programme's queue, and the imports' of this one, are their own.
        others = [*send(batcher, "b", [1]), *send(batcher, "a", [2], "import")]
        await settle()
        assert (batcher.waiting("a"), batcher.waiting("b")) == (bounds.waiting + 1, 1)
        await drain(batcher, "ab", Desk())
        assert await asyncio.gather(*inside, *others) == [*(f"a{n}" for n in range(bounds.waiting)), "b1", "a2"]
    play(story)


# ── whose turn ───────────────────────────────────────────────────────────────────────────────────────────────────────

def test_a_flooded_programme_does_not_starve_another() -> None:
    async def story() -> None:
        batcher, desk = Batcher[int, str](), Desk()
        callers = [*send(batcher, "a", range(80)), *send(batcher, "c", range(2)), *send(batcher, "b", range(20))]
        await settle()
        await drain(batcher, "abc", desk)
        await asyncio.gather(*callers)
        assert desk.batches == [
            ("a", list(range(16))), ("b", list(range(16))), ("c", [0, 1]),
            ("a", list(range(16, 37))), ("b", [16, 17, 18, 19]),
            ("a", list(range(37, 64))), ("a", list(range(64, 80))),
        ]
    play(story)


def test_who_comes_later_gets_the_next_turn() -> None:
    async def story() -> None:
        batcher, gate = Batcher[int, str](), Gate()
        flood = send(batcher, "a", range(60))
        serving = lane(batcher, "ab", gate.run)
        await settle()
        late = send(batcher, "b", [7])
        await settle()
        gate.opened.set()
        await asyncio.gather(*flood, *late)
        assert [name for name, _ in gate.batches] == ["a", "b", "a", "a"]
        await batcher.close()
        await serving
    play(story)


def test_imports_get_every_eighth_turn_while_people_wait() -> None:
    async def story() -> None:
        batcher, desk = Batcher[int, str](), Desk(*[61] * 100)      # too slow: soon one command a batch
        callers = [*send(batcher, "a", range(100, 104), "import"), *send(batcher, "a", range(60))]
        await settle()
        await drain(batcher, "a", desk)
        await asyncio.gather(*callers)
        imported = [commands[0] >= 100 for _, commands in desk.batches]
        assert imported == ([*[False] * 7, True] * 4 + [False] * 60)[:len(imported)]
        assert desk.sizes[:8] == [16, 8, 4, 2, 1, 1, 1, 1]
    play(story)


def test_imports_get_their_turn_while_people_of_another_programme_wait() -> None:
    async def story() -> None:
        batcher, desk = Batcher[int, str](), Desk(*[61] * 100)
        callers = [*send(batcher, "b", [100, 101], "import"), *send(batcher, "a", range(60))]
        await settle()
        await drain(batcher, "ab", desk)
        await asyncio.gather(*callers)
        assert [name for name, _ in desk.batches][:9] == ["a"] * 7 + ["b", "a"]
    play(story)


def test_people_of_another_programme_go_before_imports() -> None:
    async def story() -> None:
        batcher, desk = Batcher[int, str](), Desk()
        callers = [*send(batcher, "a", [1], "import"), *send(batcher, "b", [2])]
        await settle()
        await drain(batcher, "ab", desk)
        await asyncio.gather(*callers)
        assert desk.batches == [("b", [2]), ("a", [1])]
    play(story)


# ── how many ─────────────────────────────────────────────────────────────────────────────────────────────────────────

def test_a_single_command_goes_at_once() -> None:
    async def story() -> None:
        batcher, desk = Batcher[int, str](), Desk()
        serving = lane(batcher, "a", desk.run)
        await settle()
        assert await batcher.submit("a", b"k", b"", 5) == "a5"      # and no time has passed
        await batcher.close()
        await serving
        assert desk.batches == [("a", [5])]
    play(story)


def test_what_comes_while_a_batch_runs_goes_together() -> None:
    async def story() -> None:
        batcher, gate = Batcher[int, str](), Gate()
        serving = lane(batcher, "a", gate.run)
        callers = send(batcher, "a", [0])
        await settle()
        for n in (1, 2, 3):
            callers += send(batcher, "a", [n])
            await settle()
        gate.opened.set()
        await asyncio.gather(*callers)
        await batcher.close()
        await serving
        assert gate.batches == [("a", [0]), ("a", [1, 2, 3])]
    play(story)


@pytest.mark.parametrize(("most", "waiting", "takes_ms", "sizes"), [
    (64, 200, [0] * 9,                      [16, 21, 27, 34, 43, 54, 5]),               # a quarter more and one
    (64, 200, [60] * 9,                     [16, 21, 27, 34, 43, 54, 5]),               # in time is not too long
    (64, 100, [61] * 4,                     [16, 8, 4, 2, 1, 2, 3, 4, 6, 8, 11, 14, 18, 3]),
    (64, 200, [0, 0, 61, 0, 0],             [16, 21, 27, 13, 17, 22, 28, 36, 20]),      # half as much
    (64, 40,  [61, 0],                      [16, 8, 11, 5]),
    (64, 387, [0] * 9,                      [16, 21, 27, 34, 43, 54, 64, 64, 64]),      # Bounds.most
    (4,  10,  [],                           [4, 4, 2]),                                 # it binds the first batch too
    (16, 33,  [],                           [16, 16, 1]),
])
def test_a_batch_learns_how_many_it_takes(most: int, waiting: int, takes_ms: list[int], sizes: list[int]) -> None:
    async def story() -> None:
        batcher, desk = Batcher[int, str](Bounds(most=most)), Desk(*takes_ms)
        callers = send(batcher, "a", range(waiting))
        await settle()
        await drain(batcher, "a", desk)
        assert await asyncio.gather(*callers) == [f"a{n}" for n in range(waiting)]
        assert desk.sizes == sizes
    play(story)


def test_a_batch_that_is_not_full_teaches_no_more() -> None:
    async def story() -> None:
        batcher, desk = Batcher[int, str](), Desk()
        serving = lane(batcher, "a", desk.run)
        for n in range(50):
            await batcher.submit("a", b"%d" % n, b"", n)
        callers = send(batcher, "a", range(40))
        await asyncio.gather(*callers)
        await batcher.close()
        await serving
        assert max(desk.sizes) == 21
        assert 16 in desk.sizes
    play(story)


def test_one_slow_command_says_nothing_about_many() -> None:
    """It may have waited for a lock that another lane held."""
    async def story() -> None:
        batcher, desk = Batcher[int, str](), Desk(200)
        serving = lane(batcher, "a", desk.run)
        await batcher.submit("a", b"k", b"", 0)
        await asyncio.gather(*send(batcher, "a", range(32)))
        await batcher.close()
        await serving
        assert desk.sizes == [1, 16, 16]
    play(story)
