"""What every rule of a scheme stands on: its clause, its dates, and which of its versions is in force on a day."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final, Protocol, TypeVar


@dataclass(frozen=True, slots=True)
class Cite:
    """Where a rule stands: the clause's id ("LZ-5") and its place in the document ("第五条").

    `id` is None where no document decides and the file sets an example of its own (`EXAMPLE`).
    """

    id: str | None
    place: str


EXAMPLE: Final = Cite(None, "")


@dataclass(frozen=True, slots=True)
class Basis:
    """A rule's clause and dates, both days included; `until` None is open."""

    cite: Cite
    since: date
    until: date | None

    def holds(self, on: date) -> bool:
        return self.since <= on and (self.until is None or on <= self.until)


class Rule(Protocol):
    @property
    def basis(self) -> Basis: ...


R = TypeVar("R", bound=Rule)


def in_force(versions: Iterable[R], on: date) -> R | None:
    """The version in force on `on`; None where there is none. The loader has refused overlaps."""
    for version in versions:
        if version.basis.holds(on):
            return version
    return None
