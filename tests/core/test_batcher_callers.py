"""The batcher's callers: who is late, who leaves, and what they are told when a lane ends."""

import asyncio
from collections.abc import Sequence
from random import Random

import pytest

from huibao.core.batcher import Batcher, Bounds, TurnedAway, Unanswered
from tests.core.desk import Batch, Desk, Gate, drain, lane, pass_ms, play, send, settle

# ── who is late, who leaves ──────────────────────────────────────────────────────────────────────────────────────────

def test_who_waited_past_the_deadline_is_turned_away_before_anything_is_done() -> None:
    async def story() -> None:
        batcher, desk = Batcher[int, str](Bounds(patience_ms=1_000)), Desk()
        late = send(batcher, "a", [0, 1])
        await settle()
        pass_ms(1)
        in_time = send(batcher, "a", [2])
        await settle()
        pass_ms(1_000)
        await drain(batcher, "a", desk)
        answers = await asyncio.gather(*late, *in_time, return_exceptions=True)
        assert [type(answer) for answer in answers] == [TurnedAway, TurnedAway, str]
        assert desk.batches == [("a", [2])]
    play(story)


def test_a_cancelled_caller_is_not_served() -> None:
    async def story() -> None:
        batcher, desk = Batcher[int, str](), Desk()
        callers = send(batcher, "a", range(4))
        await settle()
        callers[1].cancel()
        callers[2].cancel()
        await settle()
        await drain(batcher, "a", desk)
        assert desk.batches == [("a", [0, 3])]
        assert await callers[0] == "a0"
        assert await callers[3] == "a3"
        assert callers[1].cancelled()
        assert callers[2].cancelled()
    play(story)


def test_a_cancelled_caller_gives_its_place_back() -> None:
    async def story() -> None:
        batcher = Batcher[int, str](Bounds(waiting=4))
        gone = [*send(batcher, "a", range(3)), *send(batcher, "a", [3], "import")]
        await settle()
        for caller in gone:
            caller.cancel()
        await settle()
        assert batcher.waiting("a") == 0
        others = send(batcher, "a", range(4, 8))
        await settle()
        await drain(batcher, "a", Desk())
        assert await asyncio.gather(*others) == ["a4", "a5", "a6", "a7"]
    play(story)


def test_a_caller_that_leaves_as_soon_as_it_came_is_not_served() -> None:
    """While four lanes are being woken for the caller before it."""
    async def story() -> None:
        batcher, desk = Batcher[int, str](), Desk()
        serving = [lane(batcher, "a", desk.run) for _ in range(4)]
        await settle()
        stays = send(batcher, "a", [1])
        await asyncio.sleep(0)
        gone = send(batcher, "a", [2])
        await asyncio.sleep(0)
        gone[0].cancel()
        await settle()
        assert gone[0].cancelled()
        assert await stays[0] == "a1"
        assert desk.batches == [("a", [1])]
        await batcher.close()
        await asyncio.gather(*serving)
    play(story)


def test_where_all_callers_left_nothing_runs() -> None:
    async def story() -> None:
        batcher, desk = Batcher[int, str](), Desk()
        callers = send(batcher, "a", range(4))
        await settle()
        for caller in callers:
            caller.cancel()
        await settle()
        serving = lane(batcher, "a", desk.run)
        await settle()
        assert await batcher.submit("a", b"k", b"", 9) == "a9"
        await batcher.close()
        await serving
        assert desk.batches == [("a", [9])]
    play(story)


def test_who_leaves_in_the_middle_of_a_batch_kills_no_lane() -> None:
    async def story() -> None:
        batcher, gate = Batcher[int, str](), Gate()
        callers = send(batcher, "a", range(3))
        serving = lane(batcher, "a", gate.run)
        await settle()
        callers[1].cancel()
        await settle()
        assert callers[1].cancelled()
        assert not serving.done()
        gate.opened.set()
        assert [await callers[0], await callers[2]] == ["a0", "a2"]
        assert await batcher.submit("a", b"next", b"", 4) == "a4"
        await batcher.close()
        await serving
    play(story)


# ── lanes that end ───────────────────────────────────────────────────────────────────────────────────────────────────

def test_a_lane_that_is_stopped_tells_its_callers_and_leaves_the_queue_to_others() -> None:
    async def story() -> None:
        batcher, gate, desk = Batcher[int, str](), Gate(), Desk()
        mine = send(batcher, "a", range(2))
        stopped = lane(batcher, "a", gate.run)
        await settle()
        queued = send(batcher, "a", [5])
        await settle()
        stopped.cancel()
        told = await asyncio.gather(*mine, return_exceptions=True)
        assert [(type(one), one.retry_after) for one in told if isinstance(one, TurnedAway)] == [(Unanswered, 1)] * 2
        await drain(batcher, "a", desk)
        assert await queued[0] == "a5"
        assert stopped.cancelled()
    play(story)


def test_a_lane_that_breaks_tells_its_callers() -> None:
    async def broken(_: str, __: Batch) -> Sequence[str | Exception]:
        raise RuntimeError("a bug that nobody expected")

    async def story() -> None:
        batcher = Batcher[int, str]()
        callers = send(batcher, "a", range(2))
        serving = lane(batcher, "a", broken)
        told = await asyncio.gather(*callers, return_exceptions=True)
        assert [type(one) for one in told] == [Unanswered] * 2
        with pytest.raises(RuntimeError, match="nobody expected"):
            await serving
    play(story)


def test_what_a_command_fails_with_reaches_its_caller_alone() -> None:
    async def some(_: str, batch: Batch) -> Sequence[str | Exception]:
        return [KeyError(item.command) if item.command == 1 else "good" for item in batch]

    async def story() -> None:
        batcher = Batcher[int, str]()
        callers = send(batcher, "a", range(3))
        serving = lane(batcher, "a", some)
        told = await asyncio.gather(*callers, return_exceptions=True)
        assert [told[0], type(told[1]), told[2]] == ["good", KeyError, "good"]
        await batcher.close()
        await serving
    play(story)


def test_closing_answers_what_waits_and_turns_away_what_comes() -> None:
    async def story() -> None:
        batcher, gate = Batcher[int, str](), Gate()
        callers = send(batcher, "a", range(40))
        serving = [lane(batcher, "a", gate.run), lane(batcher, "b", gate.run)]
        await settle()
        await batcher.close()
        with pytest.raises(TurnedAway):
            await batcher.submit("a", b"late", b"", 99)
        gate.opened.set()
        assert await asyncio.gather(*callers) == [f"a{n}" for n in range(40)]
        await asyncio.gather(*serving)
        assert batcher.waiting("a") == 0
    play(story)


@pytest.mark.parametrize("seed", range(20))
def test_whoever_comes_and_goes_each_command_is_run_once_at_most(seed: int) -> None:
    """Three lanes, two programmes, callers that come at any moment and some that leave."""
    async def story() -> None:
        rng, batcher = Random(seed), Batcher[int, str](Bounds(batch_ms=5))  # noqa: S311 - a seed replays it
        desk = Desk(*rng.choices([0, 3, 9], k=1_000))
        serving = [lane(batcher, names, desk.run) for names in ("ab", "ba", "b")]
        callers, left = [], set()
        for n in range(300):
            callers += send(batcher, rng.choice("ab"), [n], rng.choice(("interactive", "import")))
            if rng.randrange(4) == 0:
                await asyncio.sleep(0)
            if rng.randrange(10) == 0:
                left.add(leaves := rng.randrange(n + 1))
                callers[leaves].cancel()
        answers = await asyncio.gather(*callers, return_exceptions=True)
        await batcher.close()
        await asyncio.gather(*serving)
        run = [command for _, commands in desk.batches for command in commands]
        assert len(run) == len(set(run))
        assert {n for n, answer in enumerate(answers) if isinstance(answer, BaseException)} <= left
        assert all(n in left or answers[n] in {f"a{n}", f"b{n}"} for n in range(300))
    play(story)
