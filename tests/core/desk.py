"""Desks for a batcher without a database, and callers for it.

Time stands still unless a story moves it: the loop's clock is the story's own.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

from huibao.core.batcher import Batcher, Urgency, Waiting

T = TypeVar("T")
Batch = Sequence[Waiting[int, str]]


class Loop(asyncio.SelectorEventLoop):
    """An event loop whose clock a story moves."""

    now_s = 1_000.0

    def time(self) -> float:
        return self.now_s


def pass_ms(ms: int) -> None:
    """Lets the story's time pass."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, Loop)
    loop.now_s += ms / 1000


def play(story: Callable[[], Coroutine[Any, Any, T]]) -> T:
    with asyncio.Runner(loop_factory=Loop) as runner:
        return runner.run(story())


async def settle() -> None:
    """Lets everybody go as far as they can."""
    for _ in range(20):
        await asyncio.sleep(0)


class Desk:
    """A `run` that notes its batches and answers each command with its number; `takes_ms` says how long each takes."""

    def __init__(self, *takes_ms: int) -> None:
        self.batches: list[tuple[str, list[int]]] = []
        self._takes_ms = list(takes_ms)

    async def run(self, name: str, batch: Batch) -> Sequence[str | Exception]:
        self.batches.append((name, [item.command for item in batch]))
        pass_ms(self._takes_ms.pop(0) if self._takes_ms else 0)
        await asyncio.sleep(0)
        return [f"{name}{item.command}" for item in batch]

    @property
    def sizes(self) -> list[int]:
        return [len(commands) for _, commands in self.batches]


class Gate(Desk):
    """A desk whose batches wait until it is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.opened = asyncio.Event()

    async def run(self, name: str, batch: Batch) -> Sequence[str | Exception]:
        answers = await super().run(name, batch)
        await self.opened.wait()
        return answers


def send(batcher: Batcher[int, str], name: str, numbers: Sequence[int], urgency: Urgency = "interactive") -> list[asyncio.Task[str]]:
    """Callers of a programme, each with a number."""
    return [asyncio.create_task(batcher.submit(name, b"%d" % n, b"", n, urgency)) for n in numbers]


def lane(batcher: Batcher[int, str], names: str, run: Callable[[str, Batch], Awaitable[Sequence[str | Exception]]]) -> asyncio.Task[None]:
    return asyncio.create_task(batcher.serve(names, run))


async def drain(batcher: Batcher[int, str], names: str, desk: Desk, lanes: int = 1) -> None:
    """Serves all that waits and closes."""
    serving = [lane(batcher, names, desk.run) for _ in range(lanes)]
    await settle()
    await batcher.close()
    await asyncio.gather(*serving)
