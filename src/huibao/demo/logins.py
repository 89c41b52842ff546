"""The demonstration's credentials: the same at every start, since each is drawn from the installation's own secret."""

from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from huibao.demo.founding import Founded
from huibao.demo.people import SQL
from huibao.web.credentials import Role, digest_of
from huibao.web.tokens import mac

#: Staff of each programme that need nothing more than their role; of the agency two, for what one alone may not do.
STAFF: Final[tuple[tuple[Role, str, str], ...]] = (
    ("agency", "agency", "经办机构"), ("agency", "agency-2", "经办复核"), ("bureau", "bureau", "医保局"), ("regulator", "regulator", "金融监管"),
    ("actuary", "actuary", "精算"), ("auditor", "auditor", "审计"), ("administrator", "administrator", "管理员"))


@dataclass(frozen=True, slots=True)
class Login:
    """A credential of the demonstration with its token, and whose it is."""

    programme: str
    role: Role
    label: str
    token: str
    person: int | None = None
    insurer: str | None = None
    provider: str | None = None


def logins(
    founded: Sequence[Founded], insurers: Sequence[tuple[str, str]], hospitals: Sequence[tuple[str, str, str]], secret: bytes
) -> Iterator[Login]:
    """Every login of every programme: its characters, its staff, its insurers and hospitals (programme, id and name)."""
    for one in founded:
        for character in one.characters:
            yield _login(one.code, "member", character.name, secret, str(character.id), person=character.id)
        for role, who, label in STAFF:
            yield _login(one.code, role, label, secret, who)
        for programme, insurer in insurers:
            if programme == one.code:
                yield _login(one.code, "insurer", insurer, secret, insurer, insurer=insurer)
        for programme, hospital, name in hospitals:
            if programme == one.code:
                yield _login(one.code, "provider", name, secret, hospital, provider=hospital)


def of_member(programme: str, person: int, secret: bytes) -> Login:
    """A resident's own login."""
    return _login(programme, "member", "居民", secret, str(person), person=person)


def _login(
    programme: str, role: Role, label: str, secret: bytes, who: str, *,
    person: int | None = None, insurer: str | None = None, provider: str | None = None,
) -> Login:
    drawn = mac(secret, f"demo\0{programme}\0{role}\0{who}".encode())
    return Login(programme, role, label, "hb_" + urlsafe_b64encode(drawn).decode().rstrip("="), person, insurer, provider)


def grant(connection: Connection[Any], known: Sequence[Login], at: datetime) -> None:
    """Makes the credentials that are not there yet."""
    for login in known:
        connection.execute(SQL["insert_login"], {
            "digest": digest_of(login.token), "role": login.role, "label": login.label, "programme": login.programme,
            "person": login.person, "insurer": login.insurer, "provider": login.provider, "at": at, "until": at + timedelta(days=3650)})
