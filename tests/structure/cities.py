"""Where code names a city: by name, by area code, or by a clause of its document. Scheme files do; code may not."""

import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from tests.structure.clause_list import ID
from tests.structure.tree import PACKAGE


@dataclass(frozen=True, slots=True)
class City:
    """What gives a scheme's area away: its id and name, its codes' prefixes, the letters of its clauses."""

    words: tuple[str, ...]
    area_codes: tuple[str, ...]
    clause_letters: frozenset[str]

    def named_in(self, source: str) -> Iterator[str]:
        """Each place of a Python source that names the city, as "line: what"."""
        tree = ast.parse(source)
        for number, line in enumerate(source.split("\n"), 1):
            yield from (f"{number}: {word}" for word in self.words if word.lower() in line.lower())
        prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
                yield from (f"{node.lineno}: {given}" for given in self._given_away(node.value))

    def _given_away(self, text: str) -> Iterator[str]:
        # Only whole six-digit codes: shorter ones are also the national platform's transactions ("2101") and dictionaries ("22").
        if re.fullmatch(r"\d{6}", text) and text.startswith(self.area_codes):
            yield f'area code "{text}"'
        if ID.fullmatch(text) and text[:2] in self.clause_letters:
            yield f'clause "{text}"'


@cache
def cities() -> tuple[City, ...]:
    """Every city that a scheme of this package is for."""
    schemes = [tomllib.loads(path.read_text("utf-8")) for path in sorted(PACKAGE.glob("schemes/*.toml"))]
    return tuple(
        City(
            words=(scheme["id"], scheme["name"].rstrip("市省区")),
            area_codes=tuple(scheme["admdvs"]),
            clause_letters=frozenset(id[:2] for id in scheme.get("clauses", {}) if ID.fullmatch(id)),
        )
        for scheme in schemes
        if "admdvs" in scheme
    )
