"""For staff: credentials, what each member of a pool has, how insurers' systems did."""

from datetime import date, datetime
from itertools import groupby
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from huibao.core.time import SHANGHAI
from huibao.db import sqlfile
from huibao.pool.streams import statement
from huibao.web import credentials, refusals
from huibao.web.authorisation import TABLE, Owners, reaches
from huibao.web.credentials import Grant, Role
from huibao.web.operations import Call, Nothing, operation
from huibao.web.problems import Refused
from huibao.web.reads import SQL
from huibao.web.words import Id, PersonId, Text

_CATALOGUE: Final = sqlfile.load("huibao.catalogue")
_AT: Final = datetime(2026, 1, 5, 9, 30, tzinfo=SHANGHAI)


class Part(msgspec.Struct, frozen=True):
    """What one insurer has of a stream."""

    insurer: str
    weight: int
    fen: int


class PoolStream(msgspec.Struct, frozen=True):
    """One stream of a product under one version of the shares; the parts add up to `total_fen`."""

    stream: str
    version: int
    since: date
    total_fen: int
    parts: tuple[Part, ...]


class PoolStatement(msgspec.Struct, frozen=True):
    """What each member of a product's pool has of premiums and claims so far （XJ-2.3）."""

    product: str
    streams: tuple[PoolStream, ...]


_POOL: Final = PoolStatement("example-2026", (
    PoolStream("premium", 1, date(2026, 1, 1), 16_801, (Part("anxin", 6, 10_081), Part("hongtu", 4, 6_720))),))


@operation("GET", "/v1/{programme}/products/{product}/pool", asks=Nothing, answers=PoolStatement, answered=_POOL)
async def pool_statement(call: Call[Nothing]) -> PoolStatement:
    """Reads what each insurer of a product's pool has of each stream, to the fen; for the pool's insurers and who oversees them."""
    product = call.path["product"]
    async with call.engine.reading(call.path["programme"]) as connection:
        found = await statement(connection, product)
    if not found or not reaches(call.principal, call.reach, Owners(insurers={part.insurer for part in found})):
        raise Refused(refusals.product_unknown())
    streams = []
    for (version, stream), members in groupby(found, key=lambda part: (part.version, part.stream)):
        parts = list(members)
        streams.append(PoolStream(stream, version, parts[0].since, sum(part.fen for part in parts),
                                  tuple(Part(part.insurer, part.weight, part.fen) for part in parts)))
    return PoolStatement(product, tuple(streams))


class ConnectionTest(msgspec.Struct, frozen=True):
    """A try of an insurer's system."""

    at: datetime
    passed: bool
    report: str


class ConnectionTests(msgspec.Struct, frozen=True):
    """The newest tries of an insurer's system; the latest decides whether its products sell."""

    insurer: str
    tests: tuple[ConnectionTest, ...]


@operation("GET", "/v1/{programme}/insurers/{insurer}/connection-tests", asks=Nothing, answers=ConnectionTests,
           answered=ConnectionTests("anxin", (ConnectionTest(_AT, True, "全部报文往返一致。"),)))
async def connection_tests(call: Call[Nothing]) -> ConnectionTests:
    """Lists how an insurer's system did against the platform, newest first （XZ-6）."""
    insurer = call.path["insurer"]
    if not reaches(call.principal, call.reach, Owners(insurers=(insurer,))):
        raise Refused(refusals.insurer_unknown())
    async with call.engine.reading(call.path["programme"]) as connection:
        rows = await connection.execute(_CATALOGUE["connection_tests"], {"insurer": insurer})
        return ConnectionTests(insurer, tuple(ConnectionTest(*row) for row in await rows.fetchall()))


class Tried(msgspec.Struct, frozen=True):
    """How an insurer's system did just now, a line for each thing tried."""

    passed: bool
    lines: tuple[str, ...]


@operation("POST", "/v1/{programme}/insurers/{insurer}/connection-tests", asks=Nothing, answers=Tried, status=201, refuses=(422,),
           answered=Tried(True, ("承保通知：通过。", "签名不符：通过。")))
async def try_connection(call: Call[Nothing]) -> Tried:
    """Tries an insurer's system and records how it did; its products sell online only while the latest try passed （XZ-6）."""
    report = await call.engine.try_insurer(call.path["programme"], call.path["insurer"], call.principal.id)
    if report is None:
        raise Refused(refusals.insurer_not_connected())
    return Tried(report.passed, report.lines)


class NewCredential(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A credential to issue. A member's names the person, an insurer's and a provider's their own; `area` narrows staff.

    `scopes` are operations; none means all that the role may. `label` says whose it is without naming anyone.
    """

    role: Role
    label: Text
    expires_at: Annotated[datetime, Meta(tz=True)]
    person_id: PersonId | None = None
    insurer: Id | None = None
    provider: Id | None = None
    area: Id | None = None
    scopes: Annotated[tuple[Id, ...], Meta(max_length=64)] = ()


class IssuedCredential(msgspec.Struct, frozen=True):
    """A credential and its token, which is shown this once."""

    credential: int
    token: str


_NEW: Final = NewCredential("agency", "经办大厅三号窗口", datetime(2027, 1, 1, tzinfo=SHANGHAI), area="9900", scopes=("purchase", "order"))


@operation("POST", "/v1/{programme}/credentials", asks=NewCredential, answers=IssuedCredential, status=201, refuses=(422,),
           asked=_NEW, answered=IssuedCredential(42, "hb_" + "A" * 43))
async def issue_credential(call: Call[NewCredential]) -> IssuedCredential:
    """Issues a credential for this programme; its token is shown once."""
    asked, programme, at = call.asked, call.path["programme"], call.engine.clock.now()
    holder = {"member": asked.person_id, "insurer": asked.insurer, "provider": asked.provider}
    if asked.role in holder and holder[asked.role] is None:
        raise Refused(refusals.holder_needed(asked.role))
    if asked.expires_at <= at:
        raise Refused(refusals.expired_already())
    if unknown := sorted(set(asked.scopes) - TABLE.keys()):
        raise Refused(refusals.scopes_unknown(len(unknown)))
    if asked.person_id is not None:
        async with call.engine.reading(programme) as connection:
            if await (await connection.execute(SQL["person_area"], {"person": asked.person_id})).fetchone() is None:
                raise Refused(refusals.person_unknown())
    grant = Grant(asked.role, asked.label, programme, asked.expires_at, asked.person_id, asked.insurer, asked.provider, asked.area,
                  asked.scopes)
    async with call.engine.shared() as connection:
        return IssuedCredential(*await credentials.issue(connection, grant, at))


class RevokedCredential(msgspec.Struct, frozen=True):
    """A credential that is refused from `revoked_at` on, everywhere within two seconds."""

    credential: int
    revoked_at: datetime


@operation("DELETE", "/v1/{programme}/credentials/{credential}", asks=Nothing, answers=RevokedCredential,
           answered=RevokedCredential(42, _AT))
async def revoke_credential(call: Call[Nothing]) -> RevokedCredential:
    """Revokes a credential of this programme; revoking again changes nothing."""
    id = int(call.path["credential"])
    async with call.engine.shared() as connection:
        since = await credentials.revoke(connection, call.path["programme"], id, call.engine.clock.now())
    if since is None:
        raise Refused(refusals.credential_unknown())
    return RevokedCredential(id, since)


OPERATIONS: Final = (pool_statement, connection_tests, try_connection, issue_credential, revoke_credential)
