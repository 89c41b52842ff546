"""The differences of days as cases: opened once, found again the same, closed when they are no more; by the batch, for every comparison."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

#: Whose day it is.
W = TypeVar("W")
#: A difference.
D = TypeVar("D")

#: What differs, and why.
Named = tuple[str, str]


@dataclass(slots=True)
class Cases(Generic[W, D]):
    """What is open of earlier comparisons, by the row of its case, and what this batch `opened` and `closed`."""

    _open: dict[W, dict[Named, int]]
    closed: list[int] = field(default_factory=list)
    _opened: dict[W, dict[Named, D]] = field(default_factory=dict)

    @classmethod
    def read(cls, rows: Iterable[tuple[W, int, str, str]]) -> "Cases[W, D]":
        """From whose day each is, its row, its key and its cause."""
        found: defaultdict[W, dict[Named, int]] = defaultdict(dict)
        for whose, id, key, cause in rows:
            found[whose][key, cause] = id
        return cls(dict(found))

    @property
    def opened(self) -> list[tuple[W, D]]:
        """What is a case now that was none before the batch."""
        return [(whose, difference) for whose, found in self._opened.items() for difference in found.values()]

    def square(self, whose: W, found: Mapping[Named, D]) -> None:
        """A day was compared key by key. What an earlier comparison of this batch opened, and this one finds no more, was never a case."""
        known = self._open.get(whose, {})
        self.closed += [id for named, id in known.items() if named not in found]
        self._open[whose] = known = {named: id for named, id in known.items() if named in found}
        self._opened[whose] = {named: difference for named, difference in found.items() if named not in known}
