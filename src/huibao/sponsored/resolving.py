"""Who the lines of a roster are: found by blind index, compared by name, and of what the file says no more is kept than that."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from psycopg import AsyncConnection

from huibao.core.identity import CONVERTED, identity_warnings, normal_identity, normal_name
from huibao.core.refusal import Refusal
from huibao.core.sealing import blind_index
from huibao.db.arrays import Byteas, Int8s, Texts
from huibao.record.batch import SQL as RECORD
from huibao.sponsored import refusals
from huibao.sponsored.reading import Rejected, Row
from huibao.sponsored.work import SQL, refusal_columns

_POWER_OF_TEN: Final = ("E+", "e+", "Ｅ＋")


@dataclass(frozen=True, slots=True)
class Found:
    """A person whom a line may mean."""

    id: int
    born: date
    name_index: bytes
    area: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """A line with its person, or with why it has none."""

    line: int
    person: int | None
    category: str | None
    tier: str | None
    why: Refusal | None


class Resolver:
    """Resolves lines of one programme's files; `area` narrows whom the caller reaches."""

    def __init__(self, index_key: bytes, programme: str, area: str | None) -> None:
        self._index_key = index_key
        self._programme = programme
        self._area = area

    async def resolve(self, connection: AsyncConnection[Any], read: Sequence[Row | Rejected]) -> list[Resolved]:
        """Every line with its person, in their order."""
        rows = [one for one in read if isinstance(one, Row)]
        indexes = {row.line: blind_index(self._index_key, self._programme, "identity", normal_identity(row.identity))
                   for row in rows if row.identity}
        numbers = [row.psn_no for row in rows if row.psn_no]
        by_index: dict[bytes, Found] = {}
        by_number: dict[str, Found] = {}
        if indexes:
            found = await connection.execute(SQL["people_by_identity"], {"indexes": Byteas(list(indexes.values()))})
            by_index = {bytes(key): Found(id, born, bytes(name), area) for key, id, born, name, area in await found.fetchall()}
        if numbers:
            found = await connection.execute(SQL["people_by_number"], {"numbers": Texts(numbers)})
            by_number = {key: Found(id, born, bytes(name), area) for key, id, born, name, area in await found.fetchall()}
        return [Resolved(one.line, None, None, None, one.why) if isinstance(one, Rejected)
                else self._one(one, by_index.get(indexes.get(one.line, b"")), by_number.get(one.psn_no)) for one in read]

    def _one(self, row: Row, by_identity: Found | None, by_number: Found | None) -> Resolved:
        person = by_identity if row.identity else by_number
        why = self._wrong(row, person, by_number)
        if person is None or why is not None:
            return Resolved(row.line, None, None, None, why or refusals.PERSON_UNKNOWN)
        return Resolved(row.line, person.id, row.category, row.tier, None)

    def _wrong(self, row: Row, person: Found | None, by_number: Found | None) -> Refusal | None:
        if person is None or self._area not in {None, person.area}:
            return _unknown(row)
        if row.identity and row.psn_no and by_number != person:
            return refusals.NUMBERS_DIFFER
        said = blind_index(self._index_key, self._programme, "name_birth", f"{normal_name(row.name)}|{person.born.isoformat()}")
        return None if said == person.name_index else refusals.NAME_DIFFERS


def _unknown(row: Row) -> Refusal:
    """A number that nobody has: perhaps since it is none. One that somebody has is never turned away for its digits."""
    if any(sign in row.identity for sign in _POWER_OF_TEN):
        return refusals.SCIENTIFIC
    warning = next((one for one in identity_warnings(row.identity) if one is not CONVERTED), None)
    return refusals.malformed(warning.zh, warning.en) if warning else refusals.PERSON_UNKNOWN


async def stage(connection: AsyncConnection[Any], roster: int, lines: Sequence[Resolved]) -> None:
    """Writes lines under the number that their file will have. In the caller's transaction, whose commit does not wait for the disk:
    the lines are a roster's once `Receive` is committed, which does, and which comes after them in the log."""
    await connection.execute(RECORD["need_not_wait"])
    await connection.execute(SQL["insert_lines"], {
        "roster": roster,
        "lines": Int8s([one.line for one in lines]),
        "people": Int8s([one.person for one in lines]),
        "categories": Texts([one.category for one in lines]),
        "tiers": Texts([one.tier for one in lines]),
        **refusal_columns([one.why for one in lines]),
    })
