"""A cable that is cut: between a lane and its server, after so many bytes in one direction."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, urlsplit

Way = Literal["asked", "answered"]


@dataclass(slots=True)
class Cable:
    """A proxy before the server's socket. The first connection through it is cut, those after it are whole.

    `cut_after` bytes of `way` pass, the next one ends both directions; None cuts nothing. `passed` counts.
    """

    url: str
    way: Way = "answered"
    cut_after: int | None = None
    passed: int = 0
    connections: int = 0


@asynccontextmanager
async def through(cable: Cable, folder: Path) -> AsyncIterator[str]:
    """The URL that leads to the server through `cable`; `folder`, which is there, gets the socket."""
    [server_folder] = parse_qs(urlsplit(cable.url).query)["host"]
    tasks: set[asyncio.Task[None]] = set()

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        cable.connections += 1
        hurt = cable.connections == 1
        far_reader, far_writer = await asyncio.open_unix_connection(f"{server_folder}/.s.PGSQL.5432")

        def cut() -> None:
            far_writer.transport.abort()
            writer.transport.abort()

        async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter, way: Way) -> None:
            with suppress(OSError):
                while data := await source.read(1 << 16):
                    if hurt and way == cable.way:
                        if cable.cut_after is not None and cable.passed + len(data) > cable.cut_after:
                            target.write(data[: cable.cut_after - cable.passed])
                            cable.passed = cable.cut_after
                            await target.drain()
                            return cut()
                        cable.passed += len(data)
                    target.write(data)
                    await target.drain()
            return cut()

        for one in (pump(reader, far_writer, "asked"), pump(far_reader, writer, "answered")):
            task = asyncio.create_task(one)
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    proxy = await asyncio.start_unix_server(accepted, folder / ".s.PGSQL.5432")
    try:
        yield cable.url.replace(urlsplit(cable.url).query, f"host={folder}&port=5432")
    finally:
        proxy.close()
        await asyncio.gather(*tasks)
