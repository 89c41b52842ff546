"""Who speaks: bearer tokens, kept as digests, looked up together and believed for two seconds.

A token is `hb_` and 32 random bytes in base64url; it is shown once, when it is issued. What is not known is remembered
too, so that guessing costs us no query; both memories are bounded. A revoked credential is refused everywhere within
`FRESH_S`, and an expired one at its time.
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from secrets import token_urlsafe
from typing import Any, Final, Literal, NamedTuple

from psycopg import AsyncConnection

from huibao.db import sqlfile
from huibao.web.engine import Engine

SQL: Final = sqlfile.load("huibao.web")

Role = Literal["member", "agency", "bureau", "insurer", "provider", "regulator", "actuary", "auditor", "administrator"]

#: How long what was read of a credential is believed.
FRESH_S: Final = 2
#: How many credentials a process remembers, and how many tokens that are none.
MOST_KNOWN: Final = 16_384
MOST_UNKNOWN: Final = 4_096

_PREFIX: Final = "hb_"
_LENGTH: Final = len(_PREFIX) + 43


@dataclass(frozen=True, slots=True)
class Principal:
    """Who acts: a credential's role, and what narrows it. `programme` None is every programme; `scopes` empty is all."""

    id: int
    role: Role
    programme: str | None
    person_id: int | None
    insurer: str | None
    provider: str | None
    area: str | None
    scopes: tuple[str, ...]
    label: str

    @property
    def name(self) -> str:
        """Whose idempotency keys are whose: a member's are the person's, whatever credential is used."""
        return f"member:{self.person_id}" if self.role == "member" else f"credential:{self.id}"


@dataclass(frozen=True, slots=True)
class Credential:
    principal: Principal
    expires_at: datetime
    revoked_at: datetime | None

    def valid(self, at: datetime) -> bool:
        return at < self.expires_at and (self.revoked_at is None or at < self.revoked_at)


@dataclass(frozen=True, slots=True)
class Grant:
    """What a new credential is to be."""

    role: Role
    label: str
    programme: str | None
    expires_at: datetime
    person_id: int | None = None
    insurer: str | None = None
    provider: str | None = None
    area: str | None = None
    scopes: tuple[str, ...] = ()


class NewToken(NamedTuple):
    """A token, and the digest that is kept of it."""

    token: str
    digest: bytes


def new_token() -> NewToken:
    """A token nobody has had."""
    token = _PREFIX + token_urlsafe(32)
    return NewToken(token, digest_of(token))


def digest_of(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def columns(grant: Grant, digest: bytes, at: datetime) -> dict[str, Any]:
    """A grant as the parameters of `insert_credential`."""
    return {
        "digest": digest, "role": grant.role, "label": grant.label, "programme": grant.programme, "person_id": grant.person_id,
        "insurer": grant.insurer, "provider": grant.provider, "area": grant.area, "scopes": list(grant.scopes),
        "at": at, "expires_at": grant.expires_at,
    }


async def issue(connection: AsyncConnection[Any], grant: Grant, at: datetime) -> tuple[int, str]:
    """A new credential: its id, and the token to hand over."""
    token, digest = new_token()
    row = await (await connection.execute(SQL["insert_credential"], columns(grant, digest, at))).fetchone()
    assert row is not None, "an insert that returns has a row"
    return row[0], token


async def revoke(connection: AsyncConnection[Any], programme: str, id: int, at: datetime) -> datetime | None:
    """Ends a credential of a programme, and answers since when; None where the programme has no such one."""
    row = await (await connection.execute(SQL["revoke_credential"], {"id": id, "programme": programme, "at": at})).fetchone()
    return row[0] if row else None


class _Remembered(NamedTuple):
    until: float
    credential: Credential | None


class Credentials:
    """Credentials by token, for one process. One event loop owns it.

    One query runs at a time, for all tokens that came while the one before it ran: a crowd of people who come once each
    costs few queries.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: dict[bytes, _Remembered] = {}
        self._unknown: dict[bytes, _Remembered] = {}
        self._turn = asyncio.Lock()
        self._wanted: set[bytes] = set()
        self._reading: asyncio.Task[Mapping[bytes, Credential]] | None = None

    async def find(self, token: str) -> Principal | None:
        """Who has this token now; None where it is none, has expired or was revoked."""
        if len(token) != _LENGTH or not token.startswith(_PREFIX) or not token.isascii():
            return None
        digest = digest_of(token)
        remembered = self._known.get(digest) or self._unknown.get(digest)
        if remembered is None or remembered.until <= asyncio.get_running_loop().time():
            credential = (await self._read_with_others(digest)).get(digest)
        else:
            credential = remembered.credential
        return credential.principal if credential and credential.valid(self._engine.clock.now()) else None

    async def _read_with_others(self, digest: bytes) -> Mapping[bytes, Credential]:
        self._wanted.add(digest)
        if self._reading is None:
            self._reading = asyncio.create_task(self._read())
        return await asyncio.shield(self._reading)

    async def _read(self) -> Mapping[bytes, Credential]:
        async with self._turn:
            digests, self._wanted, self._reading = list(self._wanted), set(), None
            # What is read from here on is true of now or later, so now is when it starts to age.
            until = asyncio.get_running_loop().time() + FRESH_S
            async with self._engine.shared() as connection:
                rows = await (await connection.execute(SQL["credentials"], {"digests": digests})).fetchall()
        found = dict(map(_credential, rows))
        self._remember(digests, found, until)
        return found

    def _remember(self, digests: Sequence[bytes], found: Mapping[bytes, Credential], until: float) -> None:
        for digest in digests:
            credential = found.get(digest)
            memory, most = (self._known, MOST_KNOWN) if credential else (self._unknown, MOST_UNKNOWN)
            self._known.pop(digest, None)
            self._unknown.pop(digest, None)
            memory[digest] = _Remembered(until, credential)
            if len(memory) > most:
                del memory[next(iter(memory))]


def _credential(row: Sequence[Any]) -> tuple[bytes, Credential]:
    digest, id, role, programme, person, insurer, provider, area, scopes, label, expires_at, revoked_at = row
    principal = Principal(id, role, programme, person, insurer, provider, area, tuple(scopes), label)
    return bytes(digest), Credential(principal, expires_at, revoked_at)
