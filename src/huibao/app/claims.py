"""What the service does about settlements by itself: asks hospitals, puts right what followed a reversal, pays, collects, tells people.

Like the caretaker's other duties it reads rows that are there already, and every step may be done twice: what a bank or a
hospital was asked is asked again under the same number, and what comes of it is one request of ours.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import httpx
from psycopg import AsyncConnection

from huibao.app.duties import Apart, Round, lost, one, silent
from huibao.app.sql import SQL
from huibao.catalogue.model import Programme
from huibao.core.clock import Clock
from huibao.core.points import reached
from huibao.core.sealing import Keyring, Place, open_sealed, unwrap
from huibao.db import sqlfile
from huibao.endorsements import own as endorsements
from huibao.gateways.bank import Collection, Paid, Payout, PayoutBank, PayoutState, Received
from huibao.gateways.hospital import Deducted, HospitalDesk
from huibao.gateways.notices import NoticeChannel, NoticeMessage
from huibao.gateways.signing import Unreachable
from huibao.payables import own as payables
from huibao.record.model import DONE, Request
from huibao.settlement import own
from huibao.web.engine import Engine

_LOG: Final = logging.getLogger("huibao.caretaker")
_PAYABLES: Final = sqlfile.load("huibao.payables")
_ENDORSEMENTS: Final = sqlfile.load("huibao.endorsements")

#: So many offers of one hospital are asked about in a turn: a hundred of one that is slow keep no other waiting.
MOST_OF_ONE: Final = 20


class Outside:
    """The systems that claims need, from one address and one secret."""

    def __init__(self, client: httpx.AsyncClient, url: str, secret: bytes, clock: Clock) -> None:
        self.bank = PayoutBank(client, f"{url}/bank", secret, clock)
        self.notices = NoticeChannel(client, f"{url}/notices", secret, clock)
        self.hospital: Callable[[str, str], HospitalDesk] = lambda endpoint, id: HospitalDesk(client, endpoint, id, secret, clock)


class Claims:
    """The duties of one process about settlements, while it has the turn."""

    def __init__(self, engine: Engine, outside: Outside) -> None:
        self._engine = engine
        self._outside = outside
        self._round = Round(engine)

    async def look_after(self, connection: AsyncConnection[Any], programme: Programme) -> None:
        """One turn. What is the matter with one duty keeps no other waiting."""
        for duty in (self.ask_hospitals, self.put_right, self.lapse, self.pay_out, self.collect):
            with Apart(programme.code, duty.__name__, ends=lost):
                await duty(programme)
        with Apart(programme.code, "tell", ends=lost):
            await self.tell(connection, programme)

    # ── hospitals ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def ask_hospitals(self, programme: Programme) -> None:
        """Asks what became of offers that were not confirmed in time; nothing is assumed of one whose hospital is silent."""
        async with self._engine.reading(programme.code) as connection:
            endpoints = dict(await (await connection.execute(SQL["hospital_endpoints"])).fetchall())
            given = {"at": self._engine.clock.now(), "hospitals": list(endpoints), "most": MOST_OF_ONE}
            waiting = await (await connection.execute(SQL["offers_waiting"], given)).fetchall()
        gone: set[str] = set()
        for settlement, setl_id, hospital, deadline in waiting:
            if hospital in gone:
                continue
            desk = self._outside.hospital(endpoints[hospital], hospital)
            with Apart(programme.code, f"settlement {settlement} at hospital {hospital}", ends=lost):
                try:
                    await self._ask_hospital(programme, desk, settlement, setl_id, deadline)
                except Unreachable as failure:
                    if silent(failure):
                        gone.add(hospital)
                    raise

    async def _ask_hospital(self, programme: Programme, desk: HospitalDesk, settlement: int, setl_id: str, deadline: datetime) -> None:
        reached("hospital.before_ask")
        said = await desk.ask(programme.code, setl_id)
        reached("hospital.after_ask")
        if isinstance(said, Deducted):
            request: Request[Any] = own.confirmed(settlement, said.fen, deadline.isoformat())
        else:
            request = own.withdrawn(settlement, stands=said == "not-deducted")
        await self._engine.submit(programme.code, *request)

    # ── what followed ────────────────────────────────────────────────────────────────────────────────────────────────

    async def put_right(self, programme: Programme) -> None:
        """Ends waits after reversals."""
        async for settlement, adjust_at in self._round.each(programme, SQL["adjusting"], at=self._engine.clock.now()):
            await one(self._engine, programme, f"settlement {settlement}", own.adjusted(settlement, adjust_at))

    async def lapse(self, programme: Programme) -> None:
        """Ends what was proposed and nobody approved in time."""
        async for (endorsement,) in self._round.each(programme, _ENDORSEMENTS["waiting"], at=self._engine.clock.now()):
            await one(self._engine, programme, f"endorsement {endorsement}", endorsements.expired(endorsement))

    # ── money ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def pay_out(self, programme: Programme) -> None:
        """Tells the bank of payouts that are due, and asks about those it was told of."""
        async for id, *row in self._round.each(programme, _PAYABLES["payouts_waiting"]):
            with Apart(programme.code, f"payout {id}"):
                await self._pay_one(programme, id, *row)

    async def _pay_one(
        self, programme: Programme, id: int, product: str, hospital: str | None, person: int | None, fen: int, state: str, tries: int,
        sealed: bytes | None, wrapped: bytes | None,
    ) -> None:
        account = hospital or _opened(self._engine.keyring, programme.code, "bank_account", "sealed", person, sealed, wrapped)
        if account is None and state == "due":
            return                                     # the person has been told, and has not said yet where to
        if state == "due" and (await self._engine.submit(programme.code, *payables.sent(id, tries))).outcome != DONE:
            return                                     # it was taken back in the meantime
        reference = f"{programme.code}-payout-{id}-{tries}"
        payee = f"hospital:{hospital}" if hospital else "person"
        payout = Payout(reference, programme.code, product, payee, account, fen) if account is not None else None
        await self._pay(programme, id, tries, fen, reference, payout, is_new=state == "due")

    async def _pay(
        self, programme: Programme, id: int, tries: int, fen: int, reference: str, payout: Payout | None, is_new: bool
    ) -> None:
        """What was told before is asked about first: the bank has it, whatever account is known by now."""
        standing: PayoutState = "unknown" if is_new else await self._ask_bank(reference)
        if standing == "unknown" and payout is not None:
            reached("bank.before_pay")
            await self._outside.bank.pay(payout)
            reached("bank.after_pay")
            standing = await self._ask_bank(reference)
        if isinstance(standing, Paid) and standing.fen != fen:
            _LOG.error("%s: the bank paid %s fen for payout %s where %s were due", programme.code, standing.fen, id, fen)
        elif isinstance(standing, Paid):
            await self._engine.submit(programme.code, *payables.paid(id, tries))
        elif standing == "returned":
            await self._engine.submit(programme.code, *payables.came_back(id, tries))

    async def _ask_bank(self, reference: str) -> PayoutState:
        reached("bank.before_ask")
        standing = await self._outside.bank.ask(reference)
        reached("bank.after_ask")
        return standing

    async def collect(self, programme: Programme) -> None:
        """Asks for co-insurers' parts, and takes those that arrived whole."""
        async for id, product, insurer, fen in self._round.each(programme, _PAYABLES["recoveries_waiting"]):
            with Apart(programme.code, f"collection {id}"):
                await self._collect(programme, id, Collection(f"{programme.code}-recovery-{id}", programme.code, product, insurer, fen))

    async def _collect(self, programme: Programme, id: int, collection: Collection) -> None:
        reached("bank.before_collect")
        await self._outside.bank.collect(collection)
        standing = await self._outside.bank.ask_collection(collection.reference)
        reached("bank.after_collect")
        if isinstance(standing, Received) and standing.fen == collection.fen:
            await self._engine.submit(programme.code, *payables.received(id))
        elif isinstance(standing, Received):
            _LOG.error("%s: collection %s brought %s fen where %s were called in", programme.code, id, standing.fen, collection.fen)

    # ── people ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def tell(self, connection: AsyncConnection[Any], programme: Programme) -> None:
        """Sends people what they are to be told; the channel takes each once, however often it is asked."""
        async for id, person, zh, en, sealed, wrapped in self._round.each(programme, SQL["notices_waiting"]):
            with Apart(programme.code, f"notice {id}"):
                phone = _opened(self._engine.keyring, programme.code, "person", "phone_sealed", person, sealed, wrapped)
                reached("notice.before_send")
                taken = phone is not None and await self._outside.notices.send(NoticeMessage(f"{programme.code}-{id}", phone, zh, en))
                reached("notice.after_send")
                async with connection.transaction():
                    await connection.execute(SQL["look_and_write"], {"schema": programme.schema})
                    statement = SQL["notice_sent"] if taken else SQL["notice_declined"]
                    await connection.execute(statement, {"notice": id, **({"at": self._engine.clock.now()} if taken else {})})


def _opened(
    keyring: Keyring, programme: str, table: str, column: str, person: int | None, sealed: bytes | None, wrapped: bytes | None
) -> str | None:
    """A person's sealed text; None where there is none, or the person was erased."""
    if person is None or sealed is None or wrapped is None:
        return None
    key = unwrap(keyring, programme, person, bytes(wrapped))
    return open_sealed(key, bytes(sealed), Place(programme, table, person, column)).decode()
