"""The words of people: a member as a decision sees one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from huibao.scheme.asked import Person


@dataclass(frozen=True, slots=True)
class Kin:
    """How someone is related to a member, and whether registered to the member's account."""

    relation: str
    account_family: bool


@dataclass(frozen=True, slots=True)
class Member:
    """A person on a day: what schemes decide by, the relatives among the people loaded with it, the wrapped data key.

    `wrapped` is None where the person was erased.
    """

    id: int
    born: date
    died: date | None
    wrapped: bytes | None
    person: Person
    hardship: str
    kin: Mapping[int, Kin]
