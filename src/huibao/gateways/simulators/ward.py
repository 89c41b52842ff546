"""A hospital's own software for a day: bills of basic insurance, their settlement at the desk, and what goes wrong there.

It speaks to the platform as any hospital would, over HTTP under its own credential, and keeps books of its own: what it took
off what patients paid. From one seed a day runs the same each time: interim bills of one stay, two desks at once for one
patient, messages that come late, twice, broken or not at all, confirmations forgotten, bills taken back and settled again; in
the evening the day is compared.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final, Literal

import httpx

from huibao.core.money import plain_yuan
from huibao.core.time import SHANGHAI

#: Diagnoses of the ward: pneumonia, a fracture, hypertension, stomach ulcer, cataract, gallstones, a tumour.
_DIAGNOSES: Final = ("J18.900", "S72.000", "I10.x00", "K25.900", "H26.900", "K80.200", "C34.900")
_ITEMS: Final = ("XJ01CRA234B001010102345", "XB01ABD123A002010178901", "ZA12HAY0456010183456", "C0101021240000000567")

#: How a settlement stands in the hospital's own books.
Kept = Literal["deducted", "not-deducted", "reversed"]


@dataclass(frozen=True, slots=True)
class Patient:
    """Somebody on the ward, by the national number."""

    psn_no: str


@dataclass(slots=True)
class Bill:
    """A settlement of basic insurance in this hospital: what funds paid, and four parts that they left, in fen."""

    setl_id: str
    mdtrt_id: str
    patient: Patient
    admitted: datetime
    settled: datetime
    diagnosis: str
    med_type: str
    fund: int
    in_scope: int
    prepaid: int
    over: int
    self_paid: int
    lines: tuple[dict[str, str], ...] = ()
    number: str = ""
    offered: int = 0

    @property
    def person(self) -> int:
        return self.in_scope + self.prepaid + self.over + self.self_paid

    def message(self, transaction: str = "2304") -> dict[str, Any]:
        """The platform's answer as this hospital received it, with what it sent at admission and discharge."""
        setlinfo = {
            "setl_id": self.setl_id, "psn_no": self.patient.psn_no, "mdtrt_id": self.mdtrt_id, "setl_time": _time(self.settled),
            "med_type": self.med_type, "insutype": "310", "medfee_sumamt": plain_yuan(self.fund + self.person),
            "inscp_scp_amt": plain_yuan(self.fund + self.in_scope), "preselfpay_amt": plain_yuan(self.prepaid),
            "overlmt_selfpay": plain_yuan(self.over), "fulamt_ownpay_amt": plain_yuan(self.self_paid),
            "fund_pay_sumamt": plain_yuan(self.fund), "hifp_pay": plain_yuan(self.fund - self.fund // 5),
            "hifob_pay": plain_yuan(self.fund // 5), "acct_pay": "0.00", "psn_cash_pay": plain_yuan(self.person),
            "psn_part_amt": plain_yuan(self.person), "hosp_part_amt": None, "oth_pay": ""}
        return {"transaction": transaction, "answer": {"infcode": 0, "err_msg": None, "output": {"setlinfo": setlinfo, "setldetail": []}},
                "visit": {"begndate": _time(self.admitted)[:10], "enddate": _time(self.settled)[:10], "dise_codg": self.diagnosis},
                "lines": list(self.lines)}

    def reversal(self, setl_id: str, at: datetime) -> dict[str, Any]:
        """The platform's answer to a reversal: a settlement of its own, with the amounts turned and some left out."""
        setlinfo = {
            "setl_id": setl_id, "mdtrt_id": self.mdtrt_id, "setl_time": _time(at),
            "medfee_sumamt": f"-{plain_yuan(self.fund + self.person)}",
            "inscp_scp_amt": f"-{plain_yuan(self.fund + self.in_scope)}", "preselfpay_amt": f"-{plain_yuan(self.prepaid)}",
            "overlmt_selfpay": f"-{plain_yuan(self.over)}", "fulamt_ownpay_amt": f"-{plain_yuan(self.self_paid)}",
            "fund_pay_sumamt": f"-{plain_yuan(self.fund)}", "hosp_part_amt": None, "psn_part_amt": None}
        return {"transaction": "2305", "answer": {"infcode": "0", "output": {"setlinfo": setlinfo}},
                "request": {"data": {"setl_id": self.setl_id, "psn_no": self.patient.psn_no, "mdtrt_id": self.mdtrt_id}}}


@dataclass(slots=True)
class WardDay:
    """What a day came to. `told` has a line for people for each thing that happened; `compared` is the platform's last comparison."""

    told: list[str] = field(default_factory=list)
    settled: int = 0
    refused: int = 0
    repeated: int = 0
    reversed: int = 0
    deducted_fen: int = 0
    compared: dict[str, Any] = field(default_factory=dict)


class Ward:
    """One hospital's software. `books` has what it deducted by settlement, as it will list it in the evening."""

    def __init__(
        self, client: httpx.AsyncClient, url: str, token: str, hospital: str, patients: Sequence[Patient], seed: int, now: datetime
    ) -> None:
        """`url` is the platform's address with the programme: https://…/v1/540000."""
        self._client = client
        self._url = url
        self._token = token
        self._dice = Random(seed)  # noqa: S311 - a day that can be run again is what it is for
        self._name = f"{hospital}-{now:%m%d}-{seed}"
        self._now = now.astimezone(SHANGHAI).replace(hour=10, minute=0, second=0, microsecond=0)
        self._patients = list(patients)
        self._count = 0
        self.books: dict[str, tuple[Kept, int]] = {}
        self.day = WardDay()

    async def run(self, stays: int) -> WardDay:
        """So many stays, then the evening."""
        stories = (self._plain, self._interim, self._two_desks, self._twice, self._broken, self._reversed, self._forgotten, self._late,
                   self._plain)
        for n in range(stays):
            await stories[n % len(stories)](self._dice.choice(self._patients))
        await self._evening()
        return self.day

    # ── stories ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _plain(self, patient: Patient) -> None:
        """Asked beforehand, settled, deducted, confirmed."""
        bill = self._bill(patient, lines=3)
        await self._send("pre-settlements", {**bill.message("2303")})
        await self._settle(bill)
        await self._confirm(bill)

    async def _interim(self, patient: Patient) -> None:
        """A long stay, settled in three parts."""
        first = self._bill(patient)
        parts = [first, *(self._bill(patient, stay=first) for _ in range(2))]
        for bill in parts:
            await self._settle(bill)
            await self._confirm(bill)

    async def _two_desks(self, patient: Patient) -> None:
        """Two windows settle bills of one patient at the same moment."""
        bills = [self._bill(patient), self._bill(patient)]
        await asyncio.gather(*(self._settle(bill) for bill in bills))
        await asyncio.gather(*(self._confirm(bill) for bill in bills))

    async def _twice(self, patient: Patient) -> None:
        """The answer got lost, so the message goes again: under its own key, and by somebody else's hand under another."""
        bill = self._bill(patient)
        key = self._key()
        await asyncio.gather(*(self._settle(bill, key) for _ in range(2)))
        await self._settle(bill)
        await self._confirm(bill)

    async def _broken(self, patient: Patient) -> None:
        """A message that contradicts itself is refused, and mended."""
        bill = self._bill(patient)
        message = bill.message()
        message["answer"]["output"]["setlinfo"]["inscp_scp_amt"] = "1.00"
        await self._settle(bill, message=message)
        await self._settle(bill)
        await self._confirm(bill)

    async def _reversed(self, patient: Patient) -> None:
        """Settled, deducted, taken back since the diagnosis was mended, settled again; another stay lay between."""
        wrong, between = self._bill(patient), self._bill(patient)
        for bill in (wrong, between):
            await self._settle(bill)
            await self._confirm(bill)
        await self._reverse(wrong)
        again = self._bill(patient, stay=wrong)
        await self._settle(again)
        await self._confirm(again)

    async def _forgotten(self, patient: Patient) -> None:
        """Deducted and never confirmed; and another that the patient had paid in full by then."""
        bill = self._bill(patient)
        await self._settle(bill)
        if bill.number and bill.offered:
            self.books[bill.setl_id] = ("deducted", bill.offered)
        paid = self._bill(patient)
        await self._settle(paid)
        if paid.number:
            self.books[paid.setl_id] = ("not-deducted", 0)

    async def _late(self, patient: Patient) -> None:
        """The reversal overtakes its original: the line was down."""
        bill = self._bill(patient, days_ago=2)
        await self._reverse(bill)
        await self._settle(bill)
        self.books.pop(bill.setl_id, None)

    # ── bills ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _bill(self, patient: Patient, *, stay: Bill | None = None, lines: int = 0, days_ago: int = 0) -> Bill:
        self._count += 1
        dice, settled = self._dice, self._now - timedelta(days=days_ago)
        self_paid = dice.randrange(0, 6_000_000)
        return Bill(
            setl_id=f"S{self._name}-{self._count}", mdtrt_id=stay.mdtrt_id if stay else f"M{self._name}-{self._count}", patient=patient,
            admitted=stay.admitted if stay else settled - timedelta(days=dice.randrange(1, 12)), settled=settled,
            diagnosis=stay.diagnosis if stay else dice.choice(_DIAGNOSES), med_type="21", fund=dice.randrange(100_000, 5_000_000),
            in_scope=dice.randrange(0, 2_000_000), prepaid=dice.randrange(0, 500_000), over=dice.randrange(0, 200_000), self_paid=self_paid,
            lines=tuple(self._line(n, self_paid // (lines + 1)) for n in range(lines)))

    def _line(self, n: int, fen: int) -> dict[str, str]:
        """A line of what the patient pays alone."""
        amount = plain_yuan(fen)
        return {"feedetl_sn": str(n + 1), "med_list_codg": self._dice.choice(_ITEMS), "list_type": "101", "cnt": "1", "pric": amount,
                "det_item_fee_sumamt": amount, "fulamt_ownpay_amt": amount, "overlmt_amt": "0.00", "preselfpay_amt": "0.00",
                "inscp_scp_amt": "0.00", "chrgitm_lv": "03"}

    # ── the desk ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _settle(self, bill: Bill, key: str | None = None, message: dict[str, Any] | None = None) -> None:
        status, told, repeated = await self._send("settlements", message or bill.message(), key)
        if status == 201:
            bill.number, bill.offered = told["settlement"], told["pay_fen"] if told["state"] == "offered" else 0
            self.day.repeated += repeated
            self.day.settled += not repeated
            self._tell(f"结算 {bill.setl_id}：{told['zh']}")
        else:
            self.day.refused += 1
            self._tell(f"结算 {bill.setl_id} 被拒（{told.get('code')}）：{told.get('zh')}")

    async def _confirm(self, bill: Bill) -> None:
        """Takes it off what the patient pays, then says so."""
        if not bill.number or not bill.offered:
            return
        self.books[bill.setl_id] = ("deducted", bill.offered)
        status, told, _ = await self._send(f"settlements/{bill.number}/confirmations", {"deducted_fen": bill.offered})
        self._tell(f"确认 {bill.setl_id}：{told.get('zh') or status}")

    async def _reverse(self, bill: Bill) -> None:
        self._count += 1
        status, told, _ = await self._send("settlements", bill.reversal(f"R{self._name}-{self._count}", self._now))
        if status == 201:
            self.day.reversed += 1
            if bill.setl_id in self.books:
                self.books[bill.setl_id] = ("reversed", 0)
        self._tell(f"冲销 {bill.setl_id}：{told.get('zh') or status}")

    async def _evening(self) -> None:
        """Totals, and where they differ every settlement."""
        deducted = {setl_id: fen for setl_id, (state, fen) in self.books.items() if state == "deducted"}
        self.day.deducted_fen = sum(deducted.values())
        totals = {"day": _time(self._now)[:10], "count": len(deducted), "fen": self.day.deducted_fen}
        _, told, _ = await self._send("reconciliations", totals)
        self._tell(f"日对账：{told.get('zh')}")
        if told.get("result") != "equal" or told.get("waiting"):
            details = [{"setl_id": setl_id, "fen": fen, "state": state} for setl_id, (state, fen) in sorted(self.books.items())]
            _, told, _ = await self._send("reconciliations", {**totals, "details": details})
            self._tell(f"明细对账：{told.get('zh')}")
            _, told, _ = await self._send("reconciliations", {**totals, "details": details})
            self._tell(f"再次对账：{told.get('zh')}")
        self.day.compared = told

    async def _send(self, path: str, message: dict[str, Any], key: str | None = None) -> tuple[int, dict[str, Any], bool]:
        headers = {"Authorization": f"Bearer {self._token}", "Idempotency-Key": key or self._key()}
        answer = await self._client.post(f"{self._url}/{path}", json=message, headers=headers, timeout=60)
        return answer.status_code, answer.json(), "Idempotent-Replayed" in answer.headers

    def _key(self) -> str:
        self._count += 1
        return f"{self._name}-key-{self._count}"

    def _tell(self, line: str) -> None:
        self.day.told.append(line)


def _time(at: datetime) -> str:
    return f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"
