"""A crowd over HTTP: many kept-alive connections, each sending its next request when the last is answered."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Final, cast

import uvloop

_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length:"


@dataclass(frozen=True, slots=True)
class Told:
    """One answer: its status, its body and how long it took, in seconds."""

    status: int
    body: bytes
    took_s: float


@dataclass(frozen=True, slots=True)
class Crowd:
    """What a crowd was told, in the order of `requests`, and how long it all took."""

    answers: Sequence[Told]
    took_s: float

    def percentile_ms(self, percent: int) -> float:
        ordered = sorted(answer.took_s for answer in self.answers)
        return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] * 1000


def run(port: int, requests: Sequence[bytes], connections: int) -> Crowd:
    """Sends all `requests`, whole HTTP/1.1 texts, over so many connections."""
    return uvloop.run(_run(port, requests, connections))


async def _run(port: int, requests: Sequence[bytes], connections: int) -> Crowd:
    loop = asyncio.get_running_loop()
    answers: list[Told | None] = [None] * len(requests)
    waiting = iter(range(len(requests)))
    clients = []
    for _ in range(min(connections, len(requests))):
        _, client = await loop.create_connection(lambda: _Client(requests, answers, waiting), "127.0.0.1", port)
        clients.append(client)
    began = perf_counter()
    for client in clients:
        client.next()
    await asyncio.gather(*(client.done for client in clients))
    took = perf_counter() - began
    return Crowd(cast("list[Told]", answers), took)


class _Client(asyncio.Protocol):
    """One connection. It reads what it needs of HTTP: the status, the length, the body."""

    def __init__(self, requests: Sequence[bytes], answers: list[Told | None], waiting: Iterator[int]) -> None:
        self._requests, self._answers, self._waiting = requests, answers, waiting
        self._buffer = b""
        self._number = -1
        self._sent = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def next(self) -> None:
        """Sends the next request that nobody has sent."""
        self._number = next(self._waiting, -1)
        if self._number < 0:
            self._transport.close()
            self.done.set_result(None)
            return
        self._sent = perf_counter()
        self._transport.write(self._requests[self._number])

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(_HEAD_END)
        if end < 0:
            return
        head = self._buffer[:end].lower()
        at = head.index(_LENGTH) + len(_LENGTH)
        length = int(head[at:].split(b"\r", 1)[0])
        body = self._buffer[end + 4 :]
        if len(body) < length:
            return
        self._buffer = b""
        self._answers[self._number] = Told(int(head[9:12]), body, perf_counter() - self._sent)
        self.next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionResetError("the service closed the connection"))
