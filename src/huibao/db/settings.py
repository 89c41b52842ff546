"""Which database: the one in DATABASE_URL, else our own, in HUIBAO_DATA or its usual folder."""

import os
from pathlib import Path

from huibao.db.embedded import Embedded, default_folder


def database_url() -> str | None:
    """The owner's URL that the environment names, or None."""
    return os.environ.get("DATABASE_URL") or None


def data_folder() -> Path:
    """Where the embedded server keeps its data."""
    folder = os.environ.get("HUIBAO_DATA")
    return Path(folder) if folder else default_folder()


def open_database() -> str:
    """The owner's URL of a database that is there: DATABASE_URL as given, else the embedded server's, started when it is not running."""
    if url := database_url():
        return url
    server = Embedded(data_folder())
    server.start()
    return server.url()
