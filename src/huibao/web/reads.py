"""What several routes read alike: statements of the slices, a person's area, a sealed name."""

from collections.abc import Sequence
from typing import Any, Final

from huibao.core.sealing import Keyring, Place, open_sealed, unwrap
from huibao.db import sqlfile
from huibao.record.model import Sealed
from huibao.web import refusals
from huibao.web.authorisation import Owners, reaches
from huibao.web.operations import Call
from huibao.web.problems import Refused

SQL: Final = sqlfile.load("huibao.web")
ENROLMENT: Final = sqlfile.load("huibao.enrolment")
MEMBERS: Final = sqlfile.load("huibao.members")
LEDGER: Final = sqlfile.load("huibao.ledger")

#: The newest of a list; what is older is asked for one by one.
MOST_LISTED: Final = 100


async def area_of(call: Call[Any], person: int) -> None:
    """Refuses a person out of the caller's area like one who is not there; nothing is read for a caller without one."""
    if call.principal.area is None:
        return
    async with call.engine.reading(call.path["programme"]) as connection:
        row = await (await connection.execute(SQL["person_area"], {"person": person})).fetchone()
    if row is None or not reaches(call.principal, call.reach, Owners(area=row[0])):
        raise Refused(refusals.person_unknown())


async def whom(call: Call[Any], named: int | None) -> int:
    """Whom a request is about: a member says nobody and means themselves, staff name somebody of their area."""
    if call.reach == "own":
        if named is not None:
            raise Refused(refusals.person_is_self())
        return call.person
    if named is None:
        raise Refused(refusals.person_needed())
    await area_of(call, named)
    return named


async def insurer_names(call: Call[Any], insurers: Sequence[str]) -> dict[str, str]:
    """What insurers are called; the id of one that has no name."""
    async with call.engine.reading(call.path["programme"]) as connection:
        rows = await (await connection.execute(SQL["insurer_names"], {"insurers": list(insurers)})).fetchall()
    return {id: id for id in insurers} | dict(rows)


def opened_name(keyring: Keyring, programme: str, person: int, wrapped: bytes | None, sealed: bytes) -> str | None:
    """A person's name as it was written; None where the person was erased."""
    if wrapped is None:
        return None
    key = unwrap(keyring, programme, person, bytes(wrapped))
    return open_sealed(key, bytes(sealed), Place(programme, "person", person, "name_sealed")).decode()


def masked(name: str | None) -> str | None:
    """A name as relatives are shown: enough to tell them apart by, and no more."""
    return f"{name[0]}**" if name else name


def opened(call: Call[Any], sealed: Sealed) -> bytes | None:
    """A request's evidence, unsealed; None where the person was erased."""
    if sealed.wrapped is None:
        return None
    code = call.path["programme"]
    key = unwrap(call.engine.keyring, code, sealed.person_id, bytes(sealed.wrapped))
    return open_sealed(key, bytes(sealed.sealed), Place(code, "event", sealed.request_id, "sealed"))
