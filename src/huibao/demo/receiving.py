"""Where the demonstration's insurers take their money: proposed, called back and approved by three people, some days ago."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from psycopg import AsyncConnection

from huibao.catalogue.model import Programme
from huibao.core.batcher import Waiting
from huibao.core.clock import SimulatedClock
from huibao.core.sealing import Keyring
from huibao.db.connect import connect_owner, connect_service
from huibao.demo.logins import Login
from huibao.demo.people import SQL
from huibao.demo.programmes import DemoProgramme
from huibao.record.lane import Lane
from huibao.record.model import DONE, Answer, body_digest, key_digest
from huibao.remittance.model import AccountTold, CallBack, Command, Decide, Register
from huibao.remittance.work import Remittances
from huibao.scheme import loading as schemes
from huibao.web.credentials import digest_of

#: Long enough ago that the delay of every scheme is over.
AGO: Final = timedelta(days=20)
PHONE: Final = "0990-0001000"


def open_accounts(owner_url: str, programmes: Sequence[DemoProgramme], known: Sequence[Login], keyring: Keyring, at: datetime) -> None:
    """Each programme's lead insurer has an account in force; one that is there stays."""
    for programme in programmes:
        lead = programme.insurers[0]
        with connect_owner(owner_url, "huibao demo") as connection, connection.transaction():
            connection.execute(SQL["enter"], {"schema": f"p_{programme.code}"})
            row = connection.execute(SQL["count_receiving"], {"insurer": lead.id}).fetchone()
            people = [connection.execute(SQL["credential_of"], {"digest": digest_of(login.token)}).fetchone() for login in known
                      if (login.programme, login.role) == (programme.code, "agency")]
        if row and row[0]:
            continue
        clerk, second = [person[0] for person in people if person]
        running = Programme(programme.code, programme.name, programme.area, f"p_{programme.code}", schemes.builtin(programme.scheme))
        asyncio.run(_open(owner_url, running, keyring, at - AGO, lead.id, lead.name, clerk, second))


async def _open(
    owner_url: str, programme: Programme, keyring: Keyring, at: datetime, insurer: str, name: str, clerk: int, second: int
) -> None:
    async def connect() -> AsyncConnection[Any]:
        return await connect_service(owner_url, "huibao demo")

    lane: Lane[Any, Any] = Lane(connect, SimulatedClock(at), {programme.code: (programme.schema, Remittances(programme, keyring))})
    try:
        number = f"6222{programme.code}000000817"
        proposed = await _done(lane, programme.code, "register", Register(clerk, insurer, "示例银行营业部", name, number, PHONE))
        account = msgspec.json.decode(proposed.body, type=AccountTold).account
        await _done(lane, programme.code, "call", CallBack(second, account, PHONE, "confirmed"))
        await _done(lane, programme.code, "approve", Decide(second, account, True))
    finally:
        await lane.close()


async def _done(lane: Lane[Any, Any], code: str, what: str, command: Command) -> Answer:
    key = f"demo-receiving-{what}"
    waiting: Waiting[Any, Answer] = Waiting(
        key_digest("demo", key), body_digest("demo", "demo", code, key.encode()), command, 0, asyncio.get_running_loop().create_future())
    [answer] = await lane.run(code, [waiting])
    if isinstance(answer, Exception):
        raise answer
    assert answer.outcome == DONE, answer.body.decode()
    return answer
