"""`huibao demo sponsor`: a small file of people whom a charity pays for, step by step, against the running demonstration.

The agency sends the file, the service checks it, somebody of the bureau confirms, the service runs it; the rejected lines and the
statement are left in a folder.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import httpx
from rich.console import Console

from huibao.app.settings import Settings
from huibao.core.money import yuan
from huibao.core.sealing import Place, open_sealed, unwrap
from huibao.db.connect import connect_owner
from huibao.demo.founding import Founded
from huibao.demo.logins import Login
from huibao.demo.people import SQL
from huibao.scheme.words import HARDSHIPS

SPONSOR: Final = "慈善总会（示例）"
#: People of the file; what is wrong with lines is put there on purpose.
PEOPLE: Final = 6
#: How long the service may take for a check or a run.
PATIENCE_S: Final = 30


@dataclass(frozen=True, slots=True)
class Office:
    """One programme over HTTP, as who works there; `mark` keeps the keys of two demonstrations apart."""

    console: Console
    client: httpx.Client
    founded: Founded
    settings: Settings
    agency: Login
    bureau: Login
    mark: str

    def get(self, path: str, accept: str = "application/json") -> httpx.Response:
        return self.client.get(f"/v1/{self.founded.code}{path}", headers={"Authorization": f"Bearer {self.agency.token}", "Accept": accept})

    def post(self, path: str, who: Login, key: str, **content: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {who.token}", "Idempotency-Key": f"demo-sponsor-{self.mark}-{key}"}
        headers |= content.pop("headers", {})
        found: dict[str, Any] = self.client.post(f"/v1/{self.founded.code}{path}", headers=headers, **content).json()
        return found

    def say(self, line: str) -> None:
        self.console.print(line, highlight=False, markup=False, soft_wrap=True)


def run(console: Console, url: str, founded: Founded, known: Sequence[Login], settings: Settings, folder: Path) -> bool:
    """One programme's file, told line by line; False where it sells nothing that a sponsor may pay for."""
    staff = {login.role: login for login in known if login.programme == founded.code and login.role in ("agency", "bureau")}
    with httpx.Client(base_url=url, timeout=60) as client:
        mark = f"{settings.clock.now():%Y%m%d%H%M%S%f}"
        office = Office(console, client, founded, settings, staff["agency"], staff["bureau"], mark)
        return any(_sponsored(office, product, folder) for product in founded.on_sale)


def _sponsored(office: Office, product: str, folder: Path) -> bool:
    """A product's file from its arrival to its statement."""
    office.post("/sponsors", office.agency, "register", json={"name": SPONSOR, "kind": "charity"})
    sponsor = next(one for one in office.get("/sponsors").json()["sponsors"] if one["name"] == SPONSOR)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"roster-{office.founded.code}.csv"
    file.write_text(_file(office, product), "utf-8")
    sent = office.post(f"/sponsors/{sponsor['sponsor']}/rosters/{product}", office.agency, product, content=file.read_bytes(),
                       headers={"Content-Type": "text/csv"})
    path = f"/rosters/{sent['roster']}"
    checked = _until(office, path, "checked")
    report = checked["report"]
    if not report["accepted"]:
        office.say(f"{office.founded.name} {product}：{report['reasons'][0]['zh']}")
        return False
    office.say(f"── {office.founded.name} {product}：{sponsor['name']}，余额 {yuan(sponsor['balance_fen'])} 元")
    office.say(f"名册 {file}：{checked['lines']} 人，可承保 {report['accepted']} 人 {yuan(report['premium_fen'])} 元，不受理 {report['rejected']} 人")
    for reason in report["reasons"]:
        office.say(f"   {reason['count']} 人 {reason['code']} {reason['zh']}")
    same = office.post(f"{path}/confirmation", office.agency, f"{product}-same", json={"digest": checked["digest"]})
    office.say(f"上传人自己确认：{same['zh']}")
    confirmed = office.post(f"{path}/confirmation", office.bureau, f"{product}-second", json={"digest": checked["digest"]})
    office.say(f"医保局确认：{confirmed['zh']}")
    over = _until(office, path, "done")
    office.say(f"办结：承保 {over['progress']['enrolled']} 人，资助方支付 {yuan(over['progress']['charged_fen'])} 元")
    _leave(office, path, folder / f"roster-{office.founded.code}-{sent['roster']}")
    return True


def _leave(office: Office, path: str, stem: Path) -> None:
    """Leaves the rejected lines and the statement."""
    left = (("rejected", ".rejected.csv", "text/csv"), ("statement", ".csv", "text/csv"), ("statement", ".html", "text/html"))
    for what, ending, media in left:
        stem.with_suffix(ending).write_bytes(office.get(f"{path}/{what}", media).content)
    office.say(f"不受理清单 {stem}.rejected.csv · 结算单 {stem}.csv、{stem}.html（可打印）")
    base = f"{office.client.base_url}".rstrip("/")
    office.say(f"curl -s {base}/v1/{office.founded.code}{path}/statement -H 'Authorization: Bearer {office.agency.token}'")


def _file(office: Office, product: str) -> str:
    """Residents with their categories; and a line twice, a name that differs, a number with a wrong digit."""
    given = {"before": (office.settings.clock.now() - timedelta(days=19 * 366)).date(), "characters": len(office.founded.characters),
             "product": product, "most": PEOPLE}
    lines = []
    with connect_owner(office.settings.database_url, "huibao demo") as connection, connection.transaction():
        connection.execute(SQL["enter"], {"schema": f"p_{office.founded.code}"})
        for id, name, identity, wrapped, hardship in connection.execute(SQL["uninsured"], given).fetchall():
            key = unwrap(office.settings.secrets.keyring, office.founded.code, id, wrapped)
            said, number = (open_sealed(key, sealed, Place(office.founded.code, "person", id, column)).decode()
                            for sealed, column in ((name, "name_sealed"), (identity, "identity_sealed")))
            lines.append(f"{said},{number},{HARDSHIPS.get(hardship, '')},")
    first, *_, last = lines
    name, number, *_ = last.split(",")
    wrong = [first, f"某某某,{number},,", f"{name},{number[:-1]}{'1' if number[-1] != '1' else '2'},,"]
    return "\n".join(["姓名,证件号码,人员类别,备注", *lines, *wrong[:2], f"{wrong[2]}{office.mark}", ""])


def _until(office: Office, path: str, state: str) -> dict[str, Any]:
    """The roster once it is in a state; as it stands where that takes too long."""
    until = time.perf_counter() + PATIENCE_S
    while True:
        found: dict[str, Any] = office.get(path).json()
        if found["state"] == state or time.perf_counter() > until:
            return found
        time.sleep(0.2)
