"""Commands wait here and leave in batches: one request is a batch of one, a crowd is a few batches of many.

A lane takes what waits for one programme, up to a number that it learns from how long batches take, and never waits
for more to come. Programmes take turns; what a person waits for goes before imports, which still get every
`IMPORT_TURN`th turn of a lane while there are any. Queues are bounded: what does not fit is turned away at once, and what waited
past its deadline is turned away when its turn comes, before anything was done for it.

Nothing here knows a database: a lane is given `run`, which answers a batch. One event loop owns a `Batcher`.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Final, Generic, Literal, TypeVar

C = TypeVar("C")
A = TypeVar("A")

Urgency = Literal["interactive", "import"]

#: While imports wait, every so many turns of a lane one is theirs.
IMPORT_TURN: Final = 8


class TurnedAway(Exception):
    """The service is too busy: nothing was done, and the same request may be sent again after `retry_after` seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"busy: try again in {retry_after} s")
        self.retry_after = retry_after


class Unanswered(TurnedAway):
    """The request was taken up and no answer came: whether it was carried out, its key will tell who asks again."""


@dataclass(slots=True, eq=False)
class Waiting(Generic[C, A]):
    """One command in the queue: its idempotency key and body digest, and the future its caller awaits.

    `deadline` is an instant of the event loop's own clock.
    """

    key: bytes
    body: bytes
    command: C
    deadline_ms: int
    answer: "asyncio.Future[A]"


@dataclass(slots=True)
class _Queue(Generic[C, A]):
    """What waits for one programme, and how large its next batch may be."""

    most: int
    interactive: deque[Waiting[C, A]] = field(default_factory=deque)
    imports: deque[Waiting[C, A]] = field(default_factory=deque)

    def __len__(self) -> int:
        return len(self.interactive) + len(self.imports)


@dataclass(frozen=True, slots=True)
class Bounds:
    """`waiting` per programme and urgency, `most` in a batch, `batch_ms` that a batch should not exceed."""

    waiting: int = 2_000
    most: int = 512
    batch_ms: int = 60
    patience_ms: int = 10_000


Run = Callable[[str, Sequence[Waiting[C, A]]], Awaitable[Sequence[A | Exception]]]


class Batcher(Generic[C, A]):
    """The queues of one process. `submit` on one side, lanes on the other."""

    def __init__(self, bounds: Bounds | None = None) -> None:
        self.bounds = bounds or Bounds()
        self._queues: dict[str, _Queue[C, A]] = {}
        self._bells: defaultdict[str, list[asyncio.Event]] = defaultdict(list)
        self._closed = False
        #: How many commands of people were handed to lanes so far: whether anybody is being served, files can see by it.
        self.served = 0

    async def submit(self, programme: str, key: bytes, body: bytes, command: C, urgency: Urgency = "interactive") -> A:
        """The command's answer, once a batch it was in is committed. Raises `TurnedAway`, or what the lane failed with.

        A caller that is cancelled takes its command out of the queue; one that is in a batch already is decided, and
        its answer kept for who asks again with the same key.
        """
        queue = self._queue(programme)
        waiting = queue.interactive if urgency == "interactive" else queue.imports
        if self._closed or len(waiting) >= self.bounds.waiting:
            raise TurnedAway(self._retry_after(queue))
        loop = asyncio.get_running_loop()
        item = Waiting[C, A](key, body, command, _now_ms(loop) + self.bounds.patience_ms, loop.create_future())
        waiting.append(item)
        for bell in self._bells[programme]:
            bell.set()
        try:
            return await item.answer
        finally:
            if item.answer.cancelled():
                with suppress(ValueError):          # it is in a batch already
                    waiting.remove(item)

    async def serve(self, programmes: Iterable[str], run: Run[C, A]) -> None:
        """One lane: takes batches of its programmes and hands each to `run`, until cancelled or closed and empty."""
        mine, bell, loop = deque(programmes), asyncio.Event(), asyncio.get_running_loop()
        for name in mine:
            self._bells[name].append(bell)
        try:
            for turn in count(1):
                while not any(len(self._queue(name)) for name in mine):
                    if self._closed:
                        return
                    bell.clear()
                    await bell.wait()
                name, source = self._whose_turn(mine, turn)
                batch = self._take(name, source, _now_ms(loop))
                if batch:
                    await self._carry_out(name, batch, run)
        finally:
            for name in mine:
                self._bells[name].remove(bell)

    async def close(self) -> None:
        """Turns new commands away; lanes end once what waits is answered."""
        self._closed = True
        for bells in self._bells.values():
            for bell in bells:
                bell.set()

    def waiting(self, programme: str) -> int:
        """How many commands wait for a programme now."""
        return len(self._queue(programme))

    def _queue(self, programme: str) -> _Queue[C, A]:
        return self._queues.setdefault(programme, _Queue(min(16, self.bounds.most)))

    def _whose_turn(self, mine: deque[str], turn: int) -> tuple[str, deque[Waiting[C, A]]]:
        """Whose batch is next, of a lane with something to do: people before files but for their turn, programmes in rounds."""
        first, second = ("imports", "interactive") if turn % IMPORT_TURN == 0 else ("interactive", "imports")
        for kind in (first, second):
            for _ in range(len(mine)):
                name = mine[0]
                mine.rotate(-1)
                waiting: deque[Waiting[C, A]] = getattr(self._queue(name), kind)
                if waiting:
                    return name, waiting
        raise AssertionError("a turn without anything to do")

    def _take(self, name: str, source: deque[Waiting[C, A]], now_ms: int) -> list[Waiting[C, A]]:
        queue, batch = self._queue(name), list[Waiting[C, A]]()
        while source and len(batch) < queue.most:
            item = source.popleft()
            if item.answer.cancelled():
                continue
            if item.deadline_ms < now_ms:
                item.answer.set_exception(TurnedAway(self._retry_after(queue)))
                continue
            batch.append(item)
        if source is queue.interactive:
            self.served += len(batch)
        return batch

    async def _carry_out(self, name: str, batch: Sequence[Waiting[C, A]], run: Run[C, A]) -> None:
        loop = asyncio.get_running_loop()
        began = _now_ms(loop)
        # A lane that is stopped in the middle tells its callers to ask again: their keys say what happened.
        answers: Sequence[A | Exception] = [Unanswered(1)] * len(batch)
        try:
            answers = await run(name, batch)
        finally:
            _finish(batch, answers)
        self._learn(name, len(batch), _now_ms(loop) - began)

    def _learn(self, name: str, size: int, took_ms: int) -> None:
        """Half as much next time where a batch took too long, a quarter more where a full one did not.

        One command alone says nothing about many: it may have waited for a lock.
        """
        queue = self._queue(name)
        if took_ms > self.bounds.batch_ms:
            if size > 1:
                queue.most = max(1, min(queue.most, size) // 2)
        elif size >= queue.most:
            queue.most = min(self.bounds.most, queue.most + queue.most // 4 + 1)

    def _retry_after(self, queue: _Queue[C, A]) -> int:
        """Whole seconds until what waits now should be done."""
        batches = -(-len(queue) // queue.most)
        return max(1, -(-batches * self.bounds.batch_ms // 1000))


def _finish(batch: Sequence[Waiting[C, A]], answers: Sequence[A | Exception]) -> None:
    for item, answer in zip(batch, answers, strict=True):
        if item.answer.done():
            continue
        if isinstance(answer, Exception):
            item.answer.set_exception(answer)
        else:
            item.answer.set_result(answer)


def _now_ms(loop: asyncio.AbstractEventLoop) -> int:
    return int(loop.time() * 1000)
