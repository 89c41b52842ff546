"""The files of the project, as the structure tests look at them."""

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGE: Final = ROOT / "src" / "huibao"

_NOT_OURS: Final = frozenset({".git", ".venv", "build", "dist", "__pycache__", "node_modules"})


def _ours(name: str) -> bool:
    return name not in _NOT_OURS and not name.endswith(("_cache", ".egg-info")) and name != ".hypothesis"


@cache
def folders() -> tuple[Path, ...]:
    """Every folder of the project, the root first; tool caches and builds are not the project's."""
    return tuple(_folders(ROOT))


def _folders(folder: Path) -> Iterator[Path]:
    yield folder
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.is_dir(follow_symlinks=False) and _ours(entry.name):
            yield from _folders(Path(entry.path))


@cache
def files() -> tuple[Path, ...]:
    """Every file of the project."""
    return tuple(entry for folder in folders() for entry in sorted(folder.iterdir()) if entry.is_file() and _ours(entry.name))


@cache
def texts() -> dict[str, str]:
    """Every text file: its path from the root, with slashes, and what it says."""
    found = {}
    for path in files():
        data = path.read_bytes()
        if b"\0" not in data[:8192]:
            found[path.relative_to(ROOT).as_posix()] = data.decode("utf-8")
    return found
