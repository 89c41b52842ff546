"""Bills: what a hospital's desks ask of the service, and what the yardstick writes for each."""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from importlib import resources
from random import Random
from typing import Any, Final
from unittest.mock import patch

import psycopg
from psycopg import AsyncConnection
from rich.console import Console

from huibao.app.secrets import Secrets
from huibao.bench.market import SQL
from huibao.bench.measuring import OURS, Bench, measure
from huibao.benefits import loading as plans
from huibao.benefits.terms import Compiled
from huibao.catalogue import listing
from huibao.catalogue.model import Programme
from huibao.catalogue.terms import TO_ACCEPT
from huibao.core import chain
from huibao.core.batcher import Waiting
from huibao.core.clock import SimulatedClock, SystemClock
from huibao.core.money import plain_yuan
from huibao.core.sealing import new_person_key
from huibao.core.time import SHANGHAI, utc_now
from huibao.db.connect import connect_owner, connect_service
from huibao.db.wire import Wire
from huibao.enrolment.model import Buy, Consent, IdentityCheck, InsuredWish, Paid
from huibao.enrolment.work import Orders
from huibao.gateways.national import Message, received
from huibao.record.batch import SQL as RECORD
from huibao.record.lane import Lane
from huibao.record.model import DONE, Answer, body_digest, key_digest
from huibao.scheme import loading as schemes
from huibao.settlement.model import Settle
from huibao.settlement.work import Desk
from huibao.web.credentials import digest_of

#: A plan that knows at the desk all that it asks, sold for cash without a review.
PLAN: Final = next(plan for plan in map(plans.builtin, plans.builtin_ids())
                   if plan.status == "example" and plan.scheme and not plan.household and "preexisting" not in Compiled(plan).facts)
SCHEME: Final = schemes.builtin(PLAN.scheme or "")
AREA: Final = SCHEME.admdvs[0].ljust(6, "0")
HOSPITAL: Final = "H00000000001"
#: Bills of a person: some meet in one batch, all meet the accumulators of those before.
EACH: Final = 4
#: Persons whose bills lie together: as many as come to a city's desks in some minutes.
NEAR: Final = 10_000
_SOLD_AT_ONCE: Final = 500
#: Stands for the credentials of the insured, who have none here.
_THEIRS: Final = 2**62


def insured_from() -> datetime:
    """When the policies were bought: long enough ago that no waiting period is left."""
    return utc_now() - timedelta(days=120)


class Bills:
    """A hospital that settles the bills of insured people, `lines` to each; see `Trade`."""

    kind: Final = "settlement"
    what: Final = "settlement"
    script: Final = "settle.pgbench.sql"
    scheme: Final = SCHEME.id
    area: Final = AREA
    wanted: Final = {"settle": {201}, "refuse": {422}, "replay": {201, 422}}

    def __init__(self, people: int, lines: int, name: str) -> None:
        self.people = people
        self.lines = lines
        self.name = name

    def found(self, connection: psycopg.Connection[Any], code: str, secrets: Secrets) -> None:
        at = insured_from()
        text = (resources.files("huibao") / "schemes" / f"{SCHEME.id}.toml").read_text("utf-8")
        connection.execute(RECORD["start_chain"], {"head": chain.genesis(code)})
        for kind in ("cash", "fund"):
            connection.execute(SQL["insert_outside"], {"kind": kind})
        listing.load_product(connection, SCHEME, text, PLAN, {"a": ("甲", 40), "b": ("乙", 35), "c": ("丙", 25)}, at)
        route = SCHEME.listing[0].by[0] if SCHEME.listing else "open-selection"
        refused = listing.put_on_sale(connection, SCHEME, PLAN, PLAN.valid_from, PLAN.valid_to - timedelta(days=1), route)
        assert refused is None, refused
        listing.record_connection_test(connection, "a", True, "measured", 0, at)
        connection.execute(SQL["insert_hospital"], {"hospital": HOSPITAL, "area": AREA, "since": PLAN.valid_from})
        connection.execute(SQL["copy_provider"], {
            "digest": digest_of(token(code)), "programme": code, "hospital": HOSPITAL, "at": at, "until": at + timedelta(days=1000)})
        with connection.cursor().copy(SQL["copy_person"]) as copy:
            for i in range(1, self.people + 1):
                mark = i.to_bytes(17, "big")
                copy.write_row((i, f"bench{i}", date(1970, 1, 1) + timedelta(days=i % 9000), "1", AREA, mark, mark, mark * 3, mark * 3))
        with connection.cursor().copy(SQL["copy_person_key"]) as copy:
            for i in range(1, self.people + 1):
                copy.write_row((i, new_person_key(secrets.keyring, code, i)[0]))
        with connection.cursor().copy(SQL["copy_enrolment"]) as copy:
            for i in range(1, self.people + 1):
                copy.write_row((i, "310", "1", AREA, date(2020, 1, 1), at))

    def fill(self, url: str, code: str, secrets: Secrets) -> None:
        """Everybody is insured, by the service's own commands."""
        programme = Programme(code, "bench", AREA, f"p_{code}", SCHEME)
        with connect_owner(url) as connection, connection.transaction():
            connection.execute("SELECT set_config('search_path', %s, true)", [f"p_{code}"])
            row = connection.execute(SQL["terms"]).fetchone()
        assert row is not None, "a product on sale has terms"
        asyncio.run(_insure(url, programme, secrets, range(1, self.people + 1), row[0].hex()))

    def requests(self, connection: psycopg.Connection[Any], code: str, secrets: Secrets) -> Iterator[tuple[str, bytes]]:
        """Of a hundred, five repeat an earlier request and two are of nobody known here; people come back within a window."""
        del connection, secrets                       # bills ask nothing of either
        chance = Random(7)  # noqa: S311 - a measurement, the same each time
        turns = [person for person in range(1, self.people + 1) for _ in range(EACH)]
        for start in range(0, len(turns), NEAR * EACH):
            window = turns[start : start + NEAR * EACH]
            chance.shuffle(window)
            turns[start : start + NEAR * EACH] = window
        sent: list[bytes] = []
        for number, person in enumerate(turns):
            die = chance.randrange(100)
            if die < 5 and len(sent) > 1000:
                yield "replay", sent[chance.randrange(len(sent) - 1000, len(sent) - 500)]
            is_known = not 5 <= die < 7
            request = self._request(code, number, f"bench{person}" if is_known else f"nobody{person}", chance)
            sent.append(request)
            yield "settle" if is_known else "refuse", request

    def given(self, connection: psycopg.Connection[Any]) -> Mapping[str, object]:
        row = connection.execute(SQL["usual_accumulator"]).fetchone()
        assert row is not None, "the service has settled something before the yardstick does"
        return {"used": row[0], "product": PLAN.id, "near": min(NEAR, self.people) * EACH, "each_person": EACH,
                "benefits": len(PLAN.benefits)}

    def _request(self, code: str, number: int, psn_no: str, chance: Random) -> bytes:
        fund, in_scope, prepaid, self_paid = (chance.randrange(10_000, most) for most in (5_000_000, 2_000_000, 300_000, 2_000_000))
        now = utc_now().astimezone(SHANGHAI)
        setlinfo = {
            "setl_id": f"{code}{number:010d}", "psn_no": psn_no, "mdtrt_id": f"M{code}{number:010d}",
            "setl_time": f"{now:%Y-%m-%d} 08:00:00",
            "med_type": "21", "insutype": "310", "medfee_sumamt": plain_yuan(fund + in_scope + prepaid + self_paid),
            "inscp_scp_amt": plain_yuan(fund + in_scope), "preselfpay_amt": plain_yuan(prepaid), "overlmt_selfpay": "0.00",
            "fulamt_ownpay_amt": plain_yuan(self_paid), "fund_pay_sumamt": plain_yuan(fund), "hifp_pay": plain_yuan(fund),
            "acct_pay": "0.00",
            "psn_cash_pay": plain_yuan(in_scope + prepaid + self_paid), "psn_part_amt": plain_yuan(in_scope + prepaid + self_paid)}
        body = json.dumps({
            "transaction": "2304", "answer": {"infcode": 0, "output": {"setlinfo": setlinfo}},
            "visit": {"begndate": f"{now - timedelta(days=5):%Y-%m-%d}", "enddate": f"{now:%Y-%m-%d}", "dise_codg": "J18.900"},
            "lines": [self._line(n, self_paid // (2 * self.lines)) for n in range(self.lines)]}).encode()
        head = (f"POST /v1/{code}/settlements HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token(code)}\r\n"
                f"Idempotency-Key: bench-{number:010d}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n")
        return head.encode() + body

    def _line(self, n: int, fen: int) -> dict[str, str]:
        amount = plain_yuan(fen)
        return {"feedetl_sn": str(n + 1), "med_list_codg": f"XJ01CRA234B0010101{n:05d}", "list_type": "101", "cnt": "1", "pric": amount,
                "det_item_fee_sumamt": amount, "fulamt_ownpay_amt": amount, "overlmt_amt": "0.00", "preselfpay_amt": "0.00",
                "inscp_scp_amt": "0.00", "chrgitm_lv": "03"}


def token(code: str) -> str:
    """The hospital's credential: of the right form, and the same in every run."""
    return "hb_" + f"{code}hospital".ljust(43, "_")


async def _insure(url: str, programme: Programme, secrets: Secrets, people: Sequence[int], terms: str) -> None:
    async def connect() -> AsyncConnection[Any]:
        return await connect_service(url, "huibao bench")

    at = insured_from()
    lane: Lane[Any, Any] = Lane(connect, SimulatedClock(at), {programme.code: (programme.schema, Orders(programme, secrets.keyring))})
    tier = PLAN.tier_ids[0] if PLAN.tiers else None
    try:
        for start in range(0, len(people), _SOLD_AT_ONCE):
            some = people[start : start + _SOLD_AT_ONCE]
            orders = await _run(lane, programme.code, [(f"buy-{person}", Buy(
                _THEIRS, person, PLAN.id, (InsuredWish(person, tier),), "cash", Consent(terms, TO_ACCEPT, "bench", guardian=True),
                IdentityCheck(person, "counter", True, at, "bench"))) for person in some])
            told = [json.loads(answer.body) for answer in orders]
            await _run(lane, programme.code, [
                (f"paid-{one['order']}", Paid(0, int(one["order"].split("-")[1]), one["cash_fen"], one["order"])) for one in told])
    finally:
        await lane.close()


async def _run(lane: Lane[Any, Any], code: str, commands: Sequence[tuple[str, Any]]) -> list[Answer]:
    loop = asyncio.get_running_loop()
    answers = await lane.run(code, [
        Waiting[Any, Answer](key_digest("bench", key), body_digest("bench", "bench", code, key.encode()), command, 0, loop.create_future())
        for key, command in commands])
    found = [answer for answer in answers if isinstance(answer, Answer) and answer.outcome == DONE]
    assert len(found) == len(commands), next(answer for answer in answers if answer not in found)
    return found


def bench(
    console: Console, people: int, count: int, rounds: int, workers: int, lines: int = 0, measured: type[Bench] = Bench
) -> None:
    """Prints latency at few and many connections, what is written for each settlement, and the ratio; of bills with lines also how
    many statements the service asks of the database for one."""
    measure(console, Bills(people, lines, "lines" if lines else "settle"), count, rounds, workers, measured, _count if lines else None)


def _count(console: Console, run: Bench) -> None:
    """Statements for a settlement that is alone in its batch, and for one of fifty: counted where they leave the service."""
    requests = [json.loads(request.partition(b"\r\n\r\n")[2]) for kind, request in run.requests[run.sent :] if kind == "settle"]
    programme = Programme(OURS, "bench", AREA, f"p_{OURS}", SCHEME)
    for size in (1, 50):
        commands = [_command(requests.pop()) for _ in range(size)]
        counted = asyncio.run(_statements(run.url, programme, run.secrets, commands))
        console.print(f"statements for each settlement, {size} in a batch: {counted / size:.1f}", highlight=False)


def _command(message: dict[str, Any]) -> Settle:
    found = received(message["transaction"], message["answer"], None, message["visit"], message["lines"])
    assert isinstance(found, Message), "the bills that are measured can be read"
    return Settle(0, "desk", HOSPITAL, found.row, found.lines)


async def _statements(url: str, programme: Programme, secrets: Secrets, commands: Sequence[Settle]) -> int:
    """How many statements a batch asks: a lane that has begun already, with nothing else to do."""
    async def connect() -> AsyncConnection[Any]:
        return await connect_service(url, "huibao bench")

    lane: Lane[Any, Any] = Lane(connect, SystemClock(), {programme.code: (
        programme.schema, Desk(programme, secrets.keyring, secrets.index_key))})
    asked, ask = [0], Wire.ask

    def counting(self: Wire, sql: str, given: Mapping[str, object] | None = None) -> Any:
        asked[0] += 1
        return ask(self, sql, given)

    with patch.object(Wire, "ask", counting):
        for n, some in enumerate((commands[:1], commands)):
            asked[0] = 0                               # the first batch also reads the shelf
            await _run(lane, programme.code, [(f"count-{len(commands)}-{n}-{i}", command) for i, command in enumerate(some)])
    await lane.close()
    return asked[0]
