"""The written pages: their links and the commands that they tell a reader to type."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.structure.tree import ROOT, files

_FENCE: Final = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
_LINK: Final = re.compile(r"\[[^\]]*\]\(<?([^)>\s]+)>?[^)]*\)")
_COMMAND: Final = re.compile(r"^(?:\$ )?((?:\./|(?:\.venv/bin/)?huibao\b)[^#\n]*)", re.MULTILINE)


def pages() -> list[Path]:
    """Every Markdown page of the project."""
    return [path for path in files() if path.suffix == ".md"]


def links(page: Path) -> Iterator[tuple[str, Path]]:
    """Each relative link of a page: as written, and the file that it means."""
    for target in _LINK.findall(_FENCE.sub("", page.read_text("utf-8"))):
        if not re.match(r"[a-z][a-z+.-]*:|#", target):
            yield target, (page.parent / target.partition("#")[0]).resolve()


def commands(text: str) -> Iterator[list[str]]:
    """Each of our own commands in a page's code blocks, as words: `./test -k name`, `huibao settle PLAN CLAIMS`."""
    for block in _FENCE.findall(text):
        for line in _COMMAND.findall(block.replace("\\\n", " ")):
            yield line.removeprefix(".venv/bin/").split()


def unlinked() -> list[str]:
    """Files under docs/ that neither the top README nor docs/README.md leads to."""
    linked = {target for page in (ROOT / "README.md", ROOT / "docs" / "README.md") for _, target in links(page)}
    return [path.relative_to(ROOT).as_posix() for path in files()
            if path.is_relative_to(ROOT / "docs") and path not in linked and path != ROOT / "docs" / "README.md"
            and path.suffix not in {".png", ".svg"}]
