"""Rosters: how fast a file becomes policies, beside the same rows in bare set-wise SQL; what it costs people meanwhile, and memory."""

import json
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from importlib import resources
from pathlib import Path
from statistics import median
from typing import Any, Final
from urllib.request import Request, urlopen

import psycopg
from rich.console import Console
from stdnum.cn import ric

from huibao.app.secrets import Secrets
from huibao.bench import load
from huibao.bench.market import SQL
from huibao.bench.measuring import OURS, Bench, say_sound
from huibao.benefits import loading as plans
from huibao.catalogue import listing
from huibao.core import chain
from huibao.core.identity import normal_identity, normal_name
from huibao.core.sealing import blind_index, new_person_key
from huibao.core.time import utc_now
from huibao.enrolment.model import IdentityCheck
from huibao.record.batch import SQL as RECORD
from huibao.scheme import loading as schemes
from huibao.sponsored.model import PART
from huibao.web.credentials import digest_of
from huibao.web.tokens import sign_check

#: Rosters are measured under a scheme that speaks of them.
SCHEME: Final = next(scheme for scheme in map(schemes.builtin, schemes.builtin_ids()) if scheme.sponsored)
PLAN: Final = next(plan for plan in map(plans.builtin, plans.builtin_ids()) if plan.scheme == SCHEME.id and plan.status == "example")
AREA: Final = SCHEME.admdvs[0].ljust(6, "0")
SPONSOR: Final = "测速资助方"
CLERKS: Final = ("clerk", "second")
#: People who buy for themselves while a file is run, over so many connections.
CONNECTIONS: Final = 8
#: Of them, so many first, that do not count, so many alone, and so many at a time beside the run.
PAYERS: Final = 12_000
WARM, ALONE, BESIDE = 1_000, 2_000, 500
_BORN: Final = date(1950, 1, 1)
_HEAD: Final = "姓名,证件号码,人员类别,备注\n"


def identity(n: int) -> str:
    """A number with its check digit, another for each person."""
    body = f"{990000 + n // 20_000_000:06d}{_born(n):%Y%m%d}{n // 20_000 % 1000:03d}"
    return str(body + ric.calc_check_digit(body + "0"))


def _born(n: int) -> date:
    return _BORN + timedelta(days=n % 20_000)


class Town:
    """`people` for rosters, and after them `payers` who buy for themselves; see `Trade`."""

    name: Final = "import"
    kind: Final = "purchase"
    what: Final = f"{PART} lines"
    script: Final = "roster.pgbench.sql"
    scheme: Final = SCHEME.id
    area: Final = AREA
    wanted: Final = {"grant": {201}}

    def __init__(self, people: int, payers: int) -> None:
        self.people = people
        self.payers = payers

    def token(self, code: str, who: object) -> str:
        return "hb_" + f"{code}x{who}".ljust(43, "_")

    def found(self, connection: psycopg.Connection[Any], code: str, secrets: Secrets) -> None:
        """Fills the schema on the connection's search_path, whole."""
        at = utc_now()
        text = (resources.files("huibao") / "schemes" / f"{SCHEME.id}.toml").read_text("utf-8")
        connection.execute(RECORD["start_chain"], {"head": chain.genesis(code)})
        for kind in ("cash", "fund"):
            connection.execute(SQL["insert_outside"], {"kind": kind})
        connection.execute(SQL["open_sponsor"], {"name": SPONSOR, "fen": 10**12, "at": at})
        listing.load_product(connection, SCHEME, text, PLAN, {"a": ("甲", 40), "b": ("乙", 35), "c": ("丙", 25)}, at)
        refused = listing.put_on_sale(connection, SCHEME, PLAN, PLAN.valid_from, PLAN.valid_to - timedelta(days=1), SCHEME.listing[0].by[0])
        assert refused is None, refused
        listing.record_connection_test(connection, "a", True, "measured", 0, at)
        self._people(connection, code, secrets, at)
        for label in CLERKS:
            connection.execute(SQL["copy_staff"], {
                "digest": digest_of(self.token(code, label)), "label": label, "programme": code, "at": at, "until": at + timedelta(days=1)})

    def _people(self, connection: psycopg.Connection[Any], code: str, secrets: Secrets, at: datetime) -> None:
        everyone = range(1, self.people + self.payers + 1)
        with connection.cursor().copy(SQL["copy_person"]) as copy:
            for n in everyone:
                mark = n.to_bytes(17, "big")
                indexes = (blind_index(secrets.index_key, code, "identity", normal_identity(identity(n))),
                           blind_index(secrets.index_key, code, "name_birth", f"{normal_name(self.called(n))}|{_born(n)}"))
                copy.write_row((n, f"bench{n}", _born(n), "1", AREA, *indexes, mark * 3, mark * 3))
        with connection.cursor().copy(SQL["copy_person_key"]) as copy:
            for n in everyone:
                copy.write_row((n, new_person_key(secrets.keyring, code, n)[0]))
        with connection.cursor().copy(SQL["copy_enrolment"]) as copy:
            for n in everyone:
                copy.write_row((n, "310", "1", AREA, date(2020, 1, 1), at))
        with connection.cursor().copy(SQL["copy_roster_lines"]) as copy:
            for n in range(1, self.people + 1) if code != OURS else ():
                copy.write_row((1, n, n))
        connection.execute(SQL["open_accounts"], {"payers": self.people + self.payers, "family": 1, "fen": 1_000_000, "at": at})
        with connection.cursor().copy(SQL["copy_credential"]) as copy:
            for n in range(self.people + 1, self.people + self.payers + 1):
                copy.write_row((digest_of(self.token(code, n)), "member", "bench", code, n, at, at + timedelta(days=1)))

    def called(self, n: int) -> str:
        return f"{'王李张刘陈杨赵黄周吴'[n % 10]}{'伟芳娜敏静丽强磊军洋'[n // 10 % 10]}{'𠮷䶮一二三四五六七八'[n // 100 % 10]}"

    def fill(self, url: str, code: str, secrets: Secrets) -> None:
        """Nothing: files come to an empty city."""

    def requests(self, connection: psycopg.Connection[Any], code: str, secrets: Secrets) -> Iterator[tuple[str, bytes]]:
        """Purchases of the payers."""
        row = connection.execute(SQL["terms"]).fetchone()
        assert row is not None, "a product on sale has terms"
        for n in range(self.people + 1, self.people + self.payers + 1):
            check = sign_check(secrets.token_secret, code, IdentityCheck(n, "face", True, utc_now(), f"check-{n}"))
            body = json.dumps({
                "product": PLAN.id, "insured": [{"member": n}], "pay_with": "account",
                "consent": {"terms": row[0].hex(), "accepted": ["terms", "exclusions", "notice"], "signature": f"sign-{n}"},
                "identity_check": check}).encode()
            head = (f"POST /v1/{code}/purchases HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self.token(code, n)}\r\n"
                    f"Idempotency-Key: purchase-{n}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n")
            yield "grant", head.encode() + body

    def given(self, connection: psycopg.Connection[Any]) -> Mapping[str, object]:
        row = connection.execute(SQL["roster_sizes"]).fetchone()
        assert row is not None, "a query of figures has a row"
        return {"product": PLAN.id, "lines": PART, "zh": row[1] or 60, "en": row[2] or 100}


class RosterBench(Bench):
    """A bench that sends files, and watches the service's memory."""

    trade: Town

    def file(self, first: int, count: int) -> Path:
        """A roster of people from `first` on."""
        path = self.folder / f"roster-{first}.csv"
        with path.open("w", encoding="utf-8") as made:
            made.write(_HEAD)
            made.writelines(f"{self.trade.called(n)},{identity(n)},,第{n % 90}组\n" for n in range(first, first + count))
        return path

    def send(self, method: str, path: str, who: str, data: Any = None, **headers: str) -> Any:
        given = {"Authorization": f"Bearer {self.trade.token(OURS, who)}"} | {name.replace("_", "-"): it for name, it in headers.items()}
        request = Request(f"http://127.0.0.1:{self.port}/v1/{OURS}{path}", data, given, method=method)
        with urlopen(request, timeout=600) as answer:  # noqa: S310 - as above
            return json.loads(answer.read())

    def upload(self, path: Path) -> tuple[int, str]:
        """Number and digest of a file that was sent."""
        [sponsor] = self._ask("sponsor_number")
        with path.open("rb") as content:
            told = self.send("POST", f"/sponsors/{sponsor}/rosters/{PLAN.id}", "clerk", content, Idempotency_Key=f"upload-{path.stem}",
                             Content_Type="text/csv", Content_Length=str(path.stat().st_size))
        return told["roster"], told["digest"]

    def until(self, roster: int, state: str) -> tuple[float, int]:
        """Waits for a roster; how long its run took, and how many were enrolled."""
        while True:
            found, took, _, enrolled = self._ask("roster_state", {"roster": roster})
            if found == state:
                return took or 0.0, int(enrolled or 0)
            if found == "paused":
                raise AssertionError(f"roster {roster} is paused")
            time.sleep(0.05)

    def confirm(self, roster: int, digest: str) -> None:
        self.send("POST", f"/rosters/{roster}/confirmation", "second", json.dumps({"digest": digest}).encode(),
                  Idempotency_Key=f"confirm-{roster}", Content_Type="application/json")

    def memory_mb(self) -> int:
        """The most that a process of the service has had in memory since it started."""
        most = [int(line.split()[1]) // 1024 for pid in _family(self.process.pid) for line in _status(pid) if line.startswith("VmHWM")]
        return max(most, default=0)


def _family(pid: int) -> Iterator[int]:
    """A process and those that it started."""
    yield pid
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in path.read_text("utf-8").split():
            yield from _family(int(child))


def _status(pid: int) -> Sequence[str]:
    try:
        return Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    except OSError:
        return ()


def bench(console: Console, rows: int, rounds: int, workers: int) -> None:
    """Prints how fast rosters of so many lines are taken, checked and run, the ratio, what people wait beside it, and memory."""
    with tempfile.TemporaryDirectory(prefix="huibao-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        run = RosterBench(console, folder, Town(rows * (rounds + 1), PAYERS), workers)
        try:
            run.prepare()
            with run.service():
                line = _measure(run, rows, rounds)
                _beside(run, rows, rounds)
                console.print(f"memory: {run.memory_mb()} MB at most in a process of the service", highlight=False)
            say_sound(console, run)
            console.print(line, highlight=False, soft_wrap=True)
        finally:
            run.close()


def _measure(run: RosterBench, rows: int, rounds: int) -> str:
    rates: list[tuple[float, float]] = []
    for n in range(rounds):
        path = run.file(1 + n * rows, rows)
        began = time.perf_counter()
        roster, digest = run.upload(path)
        uploaded = time.perf_counter()
        run.until(roster, "checked")
        checked = time.perf_counter()
        run.checkpoint()
        run.confirm(roster, digest)
        took, enrolled = run.until(roster, "done")
        assert enrolled == rows, f"{enrolled} of {rows} lines were enrolled"
        answer, *_ = run._ask("roster_sizes")  # noqa: SLF001 - one bench
        transactions = rows // PART
        tps = max(run.bare(transactions // 2, clients, (answer, 0))[0] for clients in (1, 2)) * PART
        rates.append((rows / took, tps))
        run.console.print(f"  read {rows / (uploaded - began):,.0f}/s, checked {rows / (checked - uploaded):,.0f}/s,"
                          f" run {rows / took:,.0f}/s, yardstick {tps:,.0f}/s", highlight=False)
    ours, bare = (median(column) for column in zip(*rates, strict=True))
    ratio = median(one / other for one, other in rates)
    return (f"import ratio={ratio:.2f} ours={ours:,.0f}/s yardstick={bare:,.0f}/s (pgbench: the same rows set-wise, {PART} lines in one"
            " bare transaction)")


def _beside(run: RosterBench, rows: int, rounds: int) -> None:
    """What people who buy wait, alone and beside a run."""
    run.ours(WARM, CONNECTIONS)
    alone, _ = run.ours(ALONE, CONNECTIONS)
    roster, digest = run.upload(run.file(1 + rounds * rows, rows))
    run.until(roster, "checked")
    run.confirm(roster, digest)
    crowds = []
    while run._ask("roster_state", {"roster": roster})[0] == "running" and len(run.requests) - run.sent >= BESIDE:  # noqa: SLF001
        crowds.append(load.run(run.port, [request for _, request in run.requests[run.sent : run.sent + BESIDE]], CONNECTIONS))
        run.sent += BESIDE
    _, _, _, enrolled = run._ask("roster_state", {"roster": roster})  # noqa: SLF001 - one bench
    beside = load.Crowd([answer for crowd in crowds for answer in crowd.answers], sum(crowd.took_s for crowd in crowds))
    wrong = [answer for answer in beside.answers if answer.status != 201]
    assert not wrong, f"{len(wrong)} purchases were refused, such as {wrong[0].body[:200]!r}"
    run.console.print(
        f"{CONNECTIONS} connections: alone p50 {alone.percentile_ms(50):.1f} ms, p99 {alone.percentile_ms(99):.1f} ms,"
        f" {len(alone.answers) / alone.took_s:,.0f}/s; beside a run p50 {beside.percentile_ms(50):.1f} ms,"
        f" p99 {beside.percentile_ms(99):.1f} ms ({beside.percentile_ms(99) / alone.percentile_ms(99):.1f} times),"
        f" {len(beside.answers) / beside.took_s:,.0f}/s, and the run {enrolled / beside.took_s:,.0f}/s", highlight=False)
    run.until(roster, "done")
