"""The clause list, and who names its clauses: tests by a marker, rule files by a `clause` key."""

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from tests.structure.tree import ROOT, texts

LIST: Final = ROOT / "docs" / "reference" / "clauses.toml"

#: The form of a clause id. A rule file may also cite what is not in the list: a national document's number, an insurer's terms.
ID: Final = re.compile(r"[A-Z]{2}-\d+(\.\d+)?[a-z]?")


@cache
def wanted() -> dict[str, str]:
    """Each clause's id and what it asks for."""
    return {clause["id"]: clause["must"] for clause in tomllib.loads(LIST.read_text("utf-8"))["clause"]}


@cache
def named_by_tests() -> dict[str, tuple[str, ...]]:
    """Each clause that a test names, with the test files that do; read from their source, nothing is run."""
    named: dict[str, tuple[str, ...]] = {}
    for path, text in texts().items():
        if path.startswith("tests/") and path.endswith(".py"):
            for id in in_markers(text):
                named[id] = (*named.get(id, ()), path)
    return named


def in_markers(source: str) -> Iterator[str]:
    """The ids in `mark.clause("…")` of one test file."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "clause":
            for argument in node.args:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.value


def in_rules(file: Mapping[str, Any]) -> Iterator[str]:
    """The clause ids that a scheme or plan file names, as a `clause` key or under [clauses]."""
    for key, value in file.items():
        if key == "clause" and isinstance(value, str) and ID.fullmatch(value):
            yield value
        elif key == "clauses" and isinstance(value, dict):
            yield from filter(ID.fullmatch, value)
        else:
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, dict):
                    yield from in_rules(part)
