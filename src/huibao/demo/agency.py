"""`huibao demo accounts`: a city whose accounts the agency's own system keeps; that system falls silent, and is asked until it is known."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import httpx
import msgspec
from rich.console import Console

from huibao.app.accounts import Accounts
from huibao.app.engine import Engine
from huibao.app.settings import Settings
from huibao.benefits import loading as plans
from huibao.catalogue.terms import TO_ACCEPT, terms_text
from huibao.core.chain import sm3
from huibao.core.money import yuan
from huibao.db.connect import connect_owner, connect_service
from huibao.demo.founding import found
from huibao.demo.logins import grant, of_member
from huibao.demo.people import SQL
from huibao.demo.programmes import DemoProgramme, kept_elsewhere
from huibao.enrolment.model import Buy, Consent, IdentityCheck, InsuredWish, OrderState, OrderTold
from huibao.enrolment.tellings import standing
from huibao.gateways.accounts import HttpAccounts
from huibao.policies.numbers import order_number, read_number
from huibao.record.model import DONE, NOBODY
from huibao.web.credentials import digest_of

#: Residents of the city: enough for some runs of the story, each with three people of its own.
PEOPLE: Final = 60
#: What the story waits for an answer that does not come.
PATIENCE_S: Final = 1.0

#: What happens to the agency's system while each of three people buys: how it is said, and what it is told.
STORIES: Final = (
    ("经办机构系统正常", None),
    ("冻结办妥了却不答复", {"kind": "drop", "skip": 1}),
    ("扣款办妥了却不答复", {"kind": "drop", "skip": 2}),
)


def run(console: Console, settings: Settings) -> None:
    """Founds the city where it is not there yet, and tells the story against the running simulators."""
    programme = kept_elsewhere()
    at = settings.clock.now()
    secrets = settings.secrets
    found(settings.database_url, [programme], PEOPLE, at, secrets.keyring, secrets.index_key)
    buyers, tested = _buyers(settings, programme, at)
    if len(buyers) < len(STORIES):
        console.print(f"{programme.name} {programme.code} 的人都已投保，没有人可以再演示 (everybody here is insured)", highlight=False)
        return
    logging.getLogger("huibao.caretaker").addHandler(logging.NullHandler())    # what it would say is what the story tells
    for line in asyncio.run(_told(settings, programme, _credentials(settings, programme, buyers, at), tested)):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _credentials(settings: Settings, programme: DemoProgramme, buyers: Sequence[int], at: datetime) -> dict[int, int]:
    """Each buyer's own credential."""
    known = {buyer: of_member(programme.code, buyer, settings.secrets.token_secret) for buyer in buyers}
    with connect_owner(settings.database_url, "huibao demo") as connection, connection.transaction():
        grant(connection, list(known.values()), at)
        rows = {buyer: connection.execute(SQL["credential_of"], {"digest": digest_of(login.token)}).fetchone()
                for buyer, login in known.items()}
    return {buyer: int(row[0]) for buyer, row in rows.items() if row is not None}


def _buyers(settings: Settings, programme: DemoProgramme, at: datetime) -> tuple[list[int], bool]:
    """Employees who have no policy yet; and whether the insurer's system has passed its test."""
    with connect_owner(settings.database_url, "huibao demo") as connection, connection.transaction():
        connection.execute(SQL["enter"], {"schema": f"p_{programme.code}"})
        tested = all(passed for *_, passed in connection.execute(SQL["leads"]))
        rows = connection.execute(SQL["employees"], {"before": (at - timedelta(days=20 * 366)).date(), "most": len(STORIES)}).fetchall()
        return [id for (id,) in rows], tested


async def _told(settings: Settings, programme: DemoProgramme, buyers: Mapping[int, int], tested: bool) -> list[str]:
    """What happens, line by line. An insurer's system is tested once, before anything of its is sold （XZ-6）."""
    engine = Engine(settings)
    await engine.start()
    try:
        report = None if tested else await engine.try_insurer(programme.code, programme.insurers[0].id, NOBODY)
        if report is not None and not report.passed:
            return [f"{programme.insurers[0].name} 的系统未通过连通测试，请重新运行 ./demo 再试 (its system did not pass: run ./demo anew)", report.text]
        async with httpx.AsyncClient() as client, await connect_service(settings.database_url, "huibao demo") as connection:
            await connection.set_autocommit(True)
            port = HttpAccounts(client, settings.accounts_of(programme.code), settings.secrets.of_accounts(programme.code),
                                settings.clock, PATIENCE_S)
            story = _Story(engine, programme, buyers, Accounts(engine, lambda _: port), connection, client)
            for buyer, (said, fault) in zip(buyers, STORIES, strict=True):
                await story.tell(buyer, said, fault)
            await story.compare()
            return story.lines
    finally:
        await engine.stop()


class _Story:
    """The duties of the service about accounts, one turn at a time, and what they come to."""

    def __init__(
        self, engine: Engine, programme: DemoProgramme, buyers: Mapping[int, int], accounts: Accounts, connection: Any,
        client: httpx.AsyncClient,
    ) -> None:
        self._engine = engine
        self._credentials = buyers
        self._programme = programme
        self._accounts = accounts
        self._connection = connection
        self._client = client
        self.lines: list[str] = [f"── {programme.name} {programme.code}：账户由经办机构系统记账，模拟的系统在 {self._url}"]

    @property
    def _url(self) -> str:
        return self._engine.settings.accounts_of(self._programme.code)

    async def tell(self, buyer: int, said: str, fault: dict[str, Any] | None) -> None:
        """Somebody buys while this is the matter with the agency's system."""
        if fault is not None:
            command = f"curl -s -X POST {self._url}/faults -d '{msgspec.json.encode(fault).decode()}'"
            self.lines.append(f"# {said}：{command}")
            (await self._client.post(f"{self._url}/faults", json=fault)).raise_for_status()
        else:
            self.lines.append(f"# {said}")
        order = await self._buy(buyer)
        for turn in range(1, 7):
            await self._accounts.look_after(self._connection, self._engine.programmes[self._programme.code])
            state, asked = await self._stands(order)
            self.lines.append(f"   第 {turn} 轮：{asked} → {standing(state, 0)[0]}")
            if state in ("completed", "void"):
                break
        await self._client.delete(f"{self._url}/faults")

    async def _buy(self, buyer: int) -> int:
        """The order, taken up; its id."""
        at, code = self._engine.clock.now(), self._programme.code
        plan = plans.builtin(self._programme.products[0].plan)
        terms = sm3(terms_text(plan, self._programme.insurers[0].name).encode()).hex()
        wish = Buy(self._credentials[buyer], buyer, plan.id, (InsuredWish(buyer),), "account", Consent(terms, TO_ACCEPT, "demo"),
                   IdentityCheck(buyer, "counter", True, at, "demo"))
        answer = await self._engine.submit(code, "demo", "accounts", f"accounts-{buyer}", str(buyer).encode(), wish)
        assert answer.outcome == DONE, answer.body.decode()
        told = msgspec.json.decode(answer.body, type=OrderTold)
        number = read_number(code, told.order)
        assert number is not None, "an order has a number"
        self.lines.append(f"   订单 {told.order}，{yuan(told.premium_fen)} 元：{told.zh}")
        return number[0]

    async def _stands(self, order: int) -> tuple[OrderState, str]:
        """How an order stands, and what was asked for it so far."""
        async with self._engine.reading(self._programme.code) as reading:
            rows = await (await reading.execute(SQL["asked_elsewhere"], {"order": order})).fetchall()
        asked = "、".join(f"{_WORDS[kind]} {_STATES[state]}" for _, kind, state in rows if kind) or "尚未答复余额"
        return rows[0][0], asked

    async def compare(self) -> None:
        """Both sides' books of the day."""
        code = self._programme.code
        today = self._engine.clock.now()
        async with self._engine.reading(code) as reading:
            rows = await (await reading.execute(SQL["taken_elsewhere"])).fetchall()
        for order, fen, at in rows:
            self.lines.append(f"   已扣款 {order_number(code, order)} {yuan(fen)} 元，经办机构时间 {at:%H:%M:%S}")
        self.lines.append(f"── {today:%Y-%m-%d} 平台记账已扣 {len(rows)} 笔；次日 2 时起与经办机构逐日对账。"
                          f"查询未答复的请求：GET /v1/{code}/account-postings；对账与差异：GET /v1/{code}/account-days（重启演示后）")


_WORDS: Final = {"freeze": "冻结", "confirm": "扣款", "cancel": "解冻", "credit": "退回"}
_STATES: Final = {"wanted": "待发", "sent": "已发未答", "yes": "已办", "no": "未办"}
