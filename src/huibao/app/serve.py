"""The service's processes: workers that share a port and a database, started again when one dies."""

from granian import Granian
from granian.constants import Interfaces, Loops


def serve(host: str, port: int, workers: int) -> None:
    """Serves until the process is told to stop."""
    Granian(
        "huibao.app.asgi:application", factory=True, interface=Interfaces.ASGI, address=host, port=port, workers=workers,
        loop=Loops.uvloop, backlog=2048, log_access=False, respawn_failed_workers=True, workers_kill_timeout=15,
    ).serve()
