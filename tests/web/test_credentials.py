"""Credentials: kept as digests, refused within two seconds of being revoked, looked up together, remembered within bounds."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from huibao.web import credentials
from huibao.web.credentials import Credentials, digest_of, new_token
from tests.web.running import BUYER, HERE, NOW, Desk

ME = f"/v1/{HERE}/me"


class Counting:
    """An engine whose queries for credentials are counted."""

    def __init__(self, desk: Desk) -> None:
        self.clock = desk.engine.clock
        self._engine = desk.engine
        self.queries = 0

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[Any]:
        self.queries += 1
        async with self._engine.shared() as connection:
            yield connection


def test_a_token_is_shown_once_and_kept_as_a_digest(desk: Desk) -> None:
    asked = {"role": "bureau", "label": "医保局看板", "expires_at": "2027-01-01T00:00:00+08:00"}
    issued = desk.send("POST", f"/v1/{HERE}/credentials", desk.token("administrator"), json=asked).json()
    token = issued["token"]

    async def kept() -> Any:
        async with desk.engine.shared() as connection:
            return await (await connection.execute("SELECT digest, role, label, programme, to_jsonb(credential)::text FROM credential"
                                                   " WHERE id = %s", [issued["credential"]])).fetchone()

    digest, *plain, whole = desk.run(kept())
    assert (digest, plain) == (digest_of(token), ["bureau", "医保局看板", HERE])
    assert token not in whole
    assert len({new_token().token for _ in range(100)}) == 100


def test_a_revoked_credential_is_refused_within_two_seconds(desk: Desk) -> None:
    id, token = desk.credential("member", person_id=BUYER, area="lost-phone")
    assert desk.send("GET", ME, token).status_code == 200
    path, administrator = f"/v1/{HERE}/credentials/{id}", desk.token("administrator")
    first, again = desk.send("DELETE", path, administrator), desk.send("DELETE", path, administrator)
    assert (first.status_code, first.json(), again.json()) == (200, {"credential": id, "revoked_at": "2026-01-05T01:30:00Z"}, first.json())
    assert credentials.FRESH_S == 2
    desk.run(asyncio.sleep(credentials.FRESH_S))
    refused = desk.send("GET", ME, token)
    assert (refused.status_code, refused.json()["code"]) == (401, "credential.invalid")


def test_an_expired_credential_is_refused_at_its_time(desk: Desk) -> None:
    token = desk.token("member", person_id=BUYER, expires_at=NOW + timedelta(hours=1))
    clock = desk.engine.clock
    try:
        clock.set(NOW + timedelta(minutes=59, seconds=59))
        assert desk.send("GET", ME, token).status_code == 200
        clock.set(NOW + timedelta(hours=1))
        assert desk.send("GET", ME, token).status_code == 401
    finally:
        clock.set(NOW, backwards=True)


@pytest.mark.parametrize(("wrong", "status", "code"), [
    ({"role": "member"},                             422, "credential.holder_needed"),
    ({"role": "insurer"},                            422, "credential.holder_needed"),
    ({"role": "provider"},                           422, "credential.holder_needed"),
    ({"expires_at": "2026-01-05T09:30:00+08:00"},    422, "credential.expired_already"),
    ({"scopes": ["orders", "fly"]},                  422, "credential.scopes_unknown"),
    ({"role": "member", "person_id": 9_999},         404, "person.unknown"),
    ({"role": "public"},                             400, "body.malformed"),
    ({"role": "root"},                               400, "body.malformed"),
    ({"expires_at": "2027-01-01"},                   400, "body.malformed"),
    ({"programme": "990001"},                        400, "body.malformed"),
])
def test_what_is_not_issued(desk: Desk, wrong: dict[str, Any], status: int, code: str) -> None:
    asked = {"role": "bureau", "label": "x", "expires_at": "2027-01-01T00:00:00Z"} | wrong
    refused = desk.send("POST", f"/v1/{HERE}/credentials", desk.token("administrator"), json=asked)
    assert (refused.status_code, refused.json()["code"]) == (status, code)


def test_another_programmes_credential_is_not_revoked_here(desk: Desk) -> None:
    id, _ = desk.credential("bureau", "990001")
    refused = desk.send("DELETE", f"/v1/{HERE}/credentials/{id}", desk.token("administrator"))
    assert (refused.status_code, refused.json()["code"]) == (404, "credential.unknown")


def test_a_crowd_is_looked_up_together(desk: Desk) -> None:
    tokens = [desk.token("agency", area=f"crowd-{n}") for n in range(20)]
    counting = Counting(desk)
    found = Credentials(counting)  # type: ignore[arg-type]  # the part of an engine that it needs

    async def crowd() -> list[Any]:
        return await asyncio.gather(*(found.find(token) for token in (*tokens, *tokens, new_token().token)))

    principals = desk.run(crowd())
    assert [principal and principal.area for principal in principals] == [f"crowd-{n}" for n in range(20)] * 2 + [None]
    assert counting.queries == 1
    desk.run(crowd())
    assert counting.queries == 2  # for the new token alone


def test_what_is_remembered_is_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "MOST_KNOWN", 2)
    monkeypatch.setattr(credentials, "MOST_UNKNOWN", 2)
    counting = Counting(desk)
    found = Credentials(counting)  # type: ignore[arg-type]  # the part of an engine that it needs
    known = [desk.token("agency", area=f"crowd-{n}") for n in range(4)]
    unknown = [new_token().token for _ in range(4)]
    for token in (*known, *unknown):
        desk.run(found.find(token))
    assert (len(found._known), len(found._unknown), counting.queries) == (2, 2, 8)
    for token in (known[-1], unknown[-1]):
        desk.run(found.find(token))
    assert counting.queries == 8


def test_a_failed_look_up_is_not_remembered(desk: Desk) -> None:
    token = desk.token("agency", area="after-an-outage")
    desk.engine.failing = ConnectionError("gone")
    with pytest.raises(ConnectionError):
        desk.run(Credentials(desk.engine).find(token))
    desk.engine.failing = None
    assert desk.run(Credentials(desk.engine).find(token)) is not None
