"""The agency's hall: applications of members, clerks with credentials of their own, each request under a key of its own."""

import asyncio
from typing import Any, Final

import httpx

from huibao.app.engine import Engine
from huibao.enrolment.model import IdentityCheck
from huibao.web.tokens import sign_check
from tests.app.street import SECRETS, Street
from tests.books import Someone, terms

#: Each buyer with a parent, who is the next number.
BUYERS: Final = range(10, 1_630, 10)
PEOPLE: Final = tuple(one for n in BUYERS for one in (Someone(n, "1980-05-06", personal="2000", kin=f"{n + 1} 父母"),
                                                      Someone(n + 1, "1955-03-20", "居民 正常")))
NEXT: Final = iter(BUYERS)


class Hall:
    """The agency's hall: who comes with which credential, under keys of their own."""

    def __init__(self, street: Street, engine: Engine) -> None:
        self.street, self.engine = street, engine
        self.tokens: dict[str, str] = {}
        self._keys = 0

    async def who(self, name: str, role: Any = "agency", **narrowed: Any) -> str:
        if name not in self.tokens:
            self.tokens[name] = await self.street.token(self.engine, role, **narrowed)
        return self.tokens[name]

    async def member(self, person: int) -> str:
        return await self.who(f"member-{person}", "member", person_id=person)

    async def post(self, who: str, path: str, asked: Any, key: str = "") -> httpx.Response:
        self._keys += 1
        return await self.street.send("POST", path, who, json=asked, headers={"Idempotency-Key": key or f"key-{self._keys:08d}"})

    async def get(self, who: str, path: str) -> Any:
        answer = await self.street.send("GET", path, who)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def wish(self, buyer: int, insured: int | None = None, checked: int | None = None, **more: Any) -> dict[str, Any]:
        check = IdentityCheck(checked or buyer, "sms", True, self.street.city.clock.now(), "ref")
        consent = {"terms": await asyncio.to_thread(terms, self.street.city), "accepted": ["terms", "exclusions", "notice"], "signature": "签名"}
        return {"product": self.street.city.plan.id, "insured": [{"member": insured or buyer}], "pay_with": "account", "consent": consent,
                "identity_check": sign_check(SECRETS.token_secret, self.street.city.code, check)} | more

    async def applied(self, buyer: int, insured: int | None = None) -> str:
        """An application of a member, by its number."""
        answer = await self.post(await self.member(buyer), "/purchases", await self.wish(buyer, insured))
        assert (answer.status_code, answer.json()["state"]) == (201, "awaiting-review"), answer.text
        return str(answer.json()["order"])

    async def everybody(self, many: int) -> dict[int, str]:
        """So many applications by buyer."""
        return {who: await self.applied(who) for who in [next(NEXT) for _ in range(many)]}

    async def finish(self, *orders: str) -> None:
        """What still waits is rejected."""
        for order in orders:
            assert said(await self.post(await self.who("closing"), f"/reviews/{order}", {"verdict": "reject", "reason": "other"})) == "void"

    async def state(self, order: str, buyer: int) -> str:
        return str((await self.get(await self.member(buyer), f"/orders/{order}"))["state"])


def live(street: Street, story: Any) -> None:
    """Lives a story in the hall of a street."""
    async def told(street: Street) -> None:
        async with street.serving() as engine:
            await story(Hall(street, engine))

    street.live(told)


def said(answer: httpx.Response) -> str:
    body = answer.json()
    return str(body.get("code") or body["state"])
