"""`huibao demo remit`: account money on its way to an insurer, step by step, against the running demonstration.

Some residents buy with their accounts, the agency lists a batch, the caretaker tells the simulated bank and asks it, the insurer
compares the file with what arrived and confirms; the file and the statement to be signed are left in a folder.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import httpx
from rich.console import Console

from huibao.app.settings import Settings
from huibao.benefits import loading as plans
from huibao.catalogue.terms import TO_ACCEPT
from huibao.core.chain import sm3
from huibao.core.money import yuan
from huibao.db.connect import connect_owner
from huibao.demo.founding import Founded
from huibao.demo.logins import Login
from huibao.demo.people import SQL
from huibao.enrolment.model import IdentityCheck
from huibao.web.tokens import sign_check

#: So many residents are asked; whom scheme or plan does not take stays uninsured.
ASKED: Final = 12
#: Enough on an account for every minimum balance of the demonstration.
WEALTHY_FEN: Final = 400_000
#: How long the bank may take.
PATIENCE_S: Final = 30


@dataclass(frozen=True, slots=True)
class Counter:
    """One programme over HTTP, as who works there."""

    console: Console
    client: httpx.Client
    founded: Founded
    settings: Settings
    agency: Login
    insurer: Login

    def get(self, path: str, who: Login, accept: str = "application/json") -> httpx.Response:
        return self.client.get(f"/v1/{self.founded.code}{path}", headers={"Authorization": f"Bearer {who.token}", "Accept": accept})

    def post(self, path: str, who: Login, key: str, asked: dict[str, Any]) -> httpx.Response:
        return self.client.post(f"/v1/{self.founded.code}{path}", json=asked,
                                headers={"Authorization": f"Bearer {who.token}", "Idempotency-Key": key})

    def say(self, line: str) -> None:
        self.console.print(line, highlight=False, markup=False, soft_wrap=True)


def run(console: Console, url: str, founded: Founded, known: tuple[Login, ...], settings: Settings, folder: Path) -> bool:
    """One programme's batch, told line by line; False where it has no account money to remit."""
    mine = [login for login in known if login.programme == founded.code]
    agency = next(login for login in mine if login.role == "agency")
    with httpx.Client(base_url=url, timeout=60) as client:
        for insurer in (login for login in mine if login.role == "insurer"):
            counter = Counter(console, client, founded, settings, agency, insurer)
            for product in founded.on_sale:
                if _remit(counter, product, folder):
                    return True
    return False


def _remit(counter: Counter, product: str, folder: Path) -> bool:
    """A product's batch from purchase to receipt."""
    bought = sum(_buys(counter, product))
    key = f"demo-remit-{counter.settings.clock.now():%Y%m%d%H%M%S%f}"
    made = counter.post("/remittances", counter.agency, key, {"product": product})
    counter.say(f"── {counter.founded.name} {product}：{bought} 位居民用个人账户投保")
    batch = made.json() if made.status_code == 201 else _earlier(counter, product)
    if batch is None:
        counter.say(made.json()["zh"])
        return False
    counter.say(f"列批 {batch['remittance']}：{batch['count']} 笔 {yuan(batch['fen'])} 元，划往 {batch['insurer']}")
    path = f"/remittances/{batch['remittance']}"
    answered = _answered(counter, path)
    counter.say(f"银行：{answered['state']}，已付 {yuan(answered['paid_fen'])} 元，{answered['bank']} {answered['account']}")
    file = counter.get(f"{path}/file", counter.insurer, "text/csv").content
    head, _, total = file.rstrip(b"\n").rpartition(b"\n")
    digest = sm3(head + b"\n").hex()
    counter.say(f"文件末行：{total.decode()}")
    receipt = counter.post(f"{path}/receipts", counter.insurer, f"{key}-receipt",
                           {"count": answered["paid_count"], "fen": answered["paid_fen"], "sm3": digest})
    counter.say(f"保险公司：{receipt.json()['zh']}")
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / f"remittance-{counter.founded.code}-{batch['remittance']}"
    stem.with_suffix(".csv").write_bytes(file)
    stem.with_suffix(".html").write_bytes(counter.get(f"{path}/statement", counter.agency, "text/html").content)
    counter.say(f"文件 {stem}.csv · 对账单（A4，可打印）{stem}.html")
    base = f"{counter.client.base_url}".rstrip("/")
    counter.say(f"curl -s {base}/v1/{counter.founded.code}/remittance-days -H 'Authorization: Bearer {counter.agency.token}'")
    return True


def _earlier(counter: Counter, product: str) -> dict[str, Any] | None:
    """The newest batch that lists anything, such as one that the schedule made; None where there is none."""
    found: list[dict[str, Any]] = counter.get(f"/remittances?product={product}", counter.agency).json()["remittances"]
    return next((batch for batch in found if batch["count"]), None)


def _buys(counter: Counter, product: str) -> Iterator[bool]:
    """Whether each of some residents was insured, at the agency's counter."""
    plan, at = plans.builtin(product), counter.settings.clock.now()
    given = {"before": (at - timedelta(days=19 * 366)).date(), "fen": WEALTHY_FEN, "characters": len(counter.founded.characters),
             "most": ASKED}
    with connect_owner(counter.settings.database_url, "huibao demo") as connection, connection.transaction():
        connection.execute(SQL["enter"], {"schema": f"p_{counter.founded.code}"})
        residents = [id for (id,) in connection.execute(SQL["account_holders"], given).fetchall()]
    terms = counter.get(f"/products/{product}", counter.agency).json()["terms_digest"]
    for person in residents:
        passed = IdentityCheck(person, "counter", True, at, f"demo-{at:%Y%m%d%H%M%S}")
        told = counter.post("/purchases", counter.agency, f"demo-remit-{product}-{person}", {
            "product": product, "buyer": person, "pay_with": "account",
            "insured": [{"member": person} | ({"tier": plan.tier_ids[0]} if plan.tiers else {})],
            "consent": {"terms": terms, "accepted": list(TO_ACCEPT), "signature": "demo", "guardian": True},
            "identity_check": sign_check(counter.settings.secrets.token_secret, counter.founded.code, passed)})
        yield told.status_code == 201 and told.json()["state"] == "completed"


def _answered(counter: Counter, path: str) -> dict[str, Any]:
    """The batch once the bank has answered; as it stands where it takes too long."""
    until = time.perf_counter() + PATIENCE_S
    while True:
        batch: dict[str, Any] = counter.get(path, counter.agency).json()
        if batch["state"] == "answered" or time.perf_counter() > until:
            return batch
        time.sleep(0.2)
