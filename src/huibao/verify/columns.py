"""Columns beside single settlements (k): the sealed messages of every product, folded again as columns, against what was paid.

Twice: what stands, against the targets, and the whole history with its reversals, against what was decided. People are taken a
few thousand rows at a time, so memory stays small. What columns cannot say is left out, and counted with the reason.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from typing import Any, Final

import msgspec
import psycopg
import pyarrow as pa

from huibao.benefits import arrays
from huibao.benefits.batch import Folded
from huibao.benefits.columns import ColumnFold
from huibao.benefits.model import OTHER_PAYER, Plan
from huibao.benefits.reading import Unreadable, amount
from huibao.core.sealing import Keyring, Place, SealBroken, open_sealed, unwrap
from huibao.db import sqlfile
from huibao.db.arrays import Int8s, register
from huibao.settlement.covers import CORRECTED, row_for
from huibao.settlement.evidence import Evidence, later, unpacked
from huibao.settlement.model import Cover, Scope
from huibao.verify.checks import MOST_NAMED, Finding, Subject
from huibao.verify.settlements import plans

SQL: Final = sqlfile.load("huibao.verify", "columns.sql")

#: Rows that are folded at a time; a person or household is never cut.
CHUNK_ROWS: Final = 20_000
#: So many keys are tried before the keyring is said to be another's.
_KEYS_TRIED: Final = 5

_FACTS: Final = msgspec.json.Decoder(dict[str, Any])

Plans = dict[int, tuple[str, Plan]]


class KeysUnfit(Exception):
    """The keys at hand are not those that the programme's evidence is sealed under."""


@dataclass(frozen=True, slots=True)
class _Paid:
    """What one policy pays of one settlement, as it is stored."""

    whose: int
    seq: int
    settlement: int
    setl_id: str
    psn_no: str
    state: str
    ended: int | None
    figures: Sequence[int]
    targets: Sequence[int]
    judged: bytes | None
    sealed: bytes | None
    wrapped: bytes | None
    order: int
    position: int
    person: int
    offer: int
    product: str
    share: int
    period_from: date
    period_to: date
    facts: str
    orders: Sequence[int]
    positions: Sequence[int]
    offers: Sequence[int]
    other_targets: Sequence[int]
    years_before: Sequence[int]

    def __str__(self) -> str:
        return f"settlement {self.settlement}, policy {self.position} of order {self.order}"

    @property
    def cover(self) -> Cover:
        """The policy as the desk sees it."""
        return Cover(self.order, self.position, self.person, self.offer, self.product, self.share, self.period_from, self.period_to,
                     _FACTS.decode(self.facts), Scope(self.product, self.whose))

    def before(self, plans: Plans) -> int:
        """What the policies that pay before this one would pay: older contract years first, then by product."""
        def place(offer: int) -> tuple[date, str]:
            product, plan = plans[offer]
            return plan.valid_from, product

        return sum(fen for offer, fen in zip(self.offers, self.other_targets, strict=True) if place(offer) < place(self.offer))


@dataclass(slots=True)
class _Pass:
    """One comparison: what was compared, what was left out and why, and who differs."""

    name: str
    compared: int = 0
    left: Counter[str] = field(default_factory=Counter)
    named: list[str] = field(default_factory=list)
    more: int = 0

    def offend(self, offender: str) -> None:
        if len(self.named) < MOST_NAMED:
            self.named.append(offender)
        else:
            self.more += 1

    def finding(self) -> Finding:
        why = f": {'; '.join(f'{count:,} {reason}' for reason, count in sorted(self.left.items()))}" if self.left else ""
        return Finding("k", self.name, tuple(self.named), self.more, f"{self.compared:,} compared, {self.left.total():,} left out{why}")


class _Rows:
    """Rows of whole groups on their way through one plan, and which of them are whose bills."""

    def __init__(self, fold: ColumnFold) -> None:
        self.fold = fold
        self.columns: dict[str, list[str | None]] = {name: [] for name in fold.columns()}
        self.bills: dict[int, _Paid] = {}
        self.count = 0

    def put(self, row: dict[str, Any], bill: _Paid | None = None) -> None:
        if bill is not None:
            self.bills[self.count] = bill
        for name, values in self.columns.items():
            value = row.get(name)
            values.append(None if value is None else str(value))
        self.count += 1

    def folded(self) -> Folded:
        """Everything so far through the plan."""
        return self.fold.fold(pa.table({name: pa.array(values, pa.string()) for name, values in self.columns.items()}))

    def bill(self, paid: _Paid, row: dict[str, Any], lines: Sequence[dict[str, Any]]) -> None:
        """A settlement with its lines, which stand right after it and bear its numbers."""
        self.put(row, paid)
        same = {name: row.get(name) for name in ("setl_id", "psn_no", "household_id")}
        for number, line in enumerate(lines, 1):
            self.put({"feedetl_sn": str(number), **{name: said for name, said in line.items() if said not in (None, "")}, **same})

    def reversal(self, paid: _Paid, row: dict[str, Any]) -> None:
        """A settlement is taken back: a row of its own number, without amounts."""
        self.put({"setl_id": f"{paid.setl_id} taken back", "reverses": row.get("setl_id"), "psn_no": row.get("psn_no"),
                  "household_id": row.get("household_id")})


def verify_columns(subject: Subject, keyring: Keyring) -> list[Finding]:
    """The findings of both comparisons, over all products. Raises `KeysUnfit` where not one key opens."""
    register(subject.connection)
    _fit(subject, keyring)
    stands, decided = _Pass("columns, what stands"), _Pass("columns, as decided")
    try:
        with subject.connection.transaction():
            known = plans(subject)
            for (product,) in subject.connection.execute(SQL["products"]).fetchall():
                _Product(subject, keyring, known, product, stands, decided).compare()
    except psycopg.DataError as unreadable:
        stands.offend(f"what is compared here cannot be read: {type(unreadable).__name__}")
    return [stands.finding(), decided.finding()]


def _fit(subject: Subject, keyring: Keyring) -> None:
    """Somebody's key may be damaged, which is a finding; that nobody's opens says that these are other keys."""
    wrapped = subject.connection.execute(SQL["some_keys"], {"most": _KEYS_TRIED}).fetchall()
    broken = 0
    for person, key in wrapped:
        try:
            unwrap(keyring, subject.code, person, bytes(key))
        except SealBroken:
            broken += 1
    if wrapped and broken == len(wrapped):
        raise KeysUnfit


class _Product:
    """One product's payments on their way through both comparisons."""

    def __init__(self, subject: Subject, keyring: Keyring, known: Plans, product: str, stands: _Pass, decided: _Pass) -> None:
        self.subject, self.keyring, self.plans, self.product = subject, keyring, known, product
        self.stands, self.decided = stands, decided
        self.folds: dict[str, ColumnFold] = {}
        self.standing: dict[str, _Rows] = {}
        self.history: dict[str, _Rows] = {}

    def compare(self) -> None:
        """Every group's payments, chunk by chunk."""
        households = Int8s([offer for offer, (_, plan) in self.plans.items() if plan.household])
        with self.subject.connection.cursor("verify_columns") as rows:
            rows.itersize = 500
            rows.execute(SQL["settled"], {"product": self.product, "households": households})
            for _, group in groupby((_Paid(*row) for row in rows), key=lambda paid: paid.whose):
                self._group(list(group))
        for digest in self.standing:
            self._standing(digest)
        for digest in self.history:
            self._history(digest)

    # ── one group ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _group(self, group: list[_Paid]) -> None:
        """Sets the rows of a person or household aside, and folds what has come together."""
        why = self._unsayable(group)
        bills = None if why else self._bills(group)
        if bills is None:
            for one in (self.stands, self.decided):
                one.left[why or "whose evidence cannot be opened"] += len(group)
            return
        plan = self.plans[group[0].offer][1]
        rows = self._rows(self.standing, plan)
        for paid, row, lines in bills:
            if paid.state in ("offered", "confirmed"):
                rows.bill(paid, row, lines)
        if rows.count >= CHUNK_ROWS:
            self._standing(plan.digest)
        if why := _undecidable(group):
            self.decided.left[why] += len(group)
            return
        rows = self._rows(self.history, plan)
        events = [(paid.seq, paid, row, lines) for paid, row, lines in bills]
        events += [(paid.ended, paid, row, ()) for paid, row, _ in bills if paid.ended is not None]
        for seq, paid, row, lines in sorted(events, key=lambda event: event[0]):
            if seq == paid.seq:
                rows.bill(paid, row, lines)
            else:
                rows.reversal(paid, row)
        if rows.count >= CHUNK_ROWS:
            self._history(plan.digest)

    def _unsayable(self, group: list[_Paid]) -> str:
        """Why columns cannot say what this group's settlements are; nothing where they can."""
        if any(paid.wrapped is None for paid in group):
            return "of somebody who was erased"
        if len({self.plans[paid.offer][1].digest for paid in group}) > 1:
            return "under two wordings of one household"
        if any(self.plans[offer][1].name == self.plans[paid.offer][1].name for paid in group for offer in paid.years_before):
            return "with a stay over two contract years"
        return ""

    def _bills(self, group: list[_Paid]) -> list[tuple[_Paid, dict[str, Any], tuple[dict[str, Any], ...]]] | None:
        """Each payment's message as its policy sees it, with its lines; None, and an offender, where one cannot be read."""
        found = []
        for paid in group:
            try:
                evidence = self._evidence(paid)
                others = (amount(evidence.row, OTHER_PAYER) or 0) + paid.before(self.plans)
                row = row_for(paid.cover, evidence.row, others, self.plans[paid.offer][1])
                # Who gave a policy back and bought again has the facts of each, and goes on with what was used.
                row["facts_version"] = f"{paid.order}.{paid.position};{row.get('facts_version', '')}"
                found.append((paid, row, evidence.lines))
            except (SealBroken, msgspec.MsgspecError, Unreadable):
                self.stands.offend(f"{paid}: its evidence cannot be opened")
                return None
        return found

    def _evidence(self, paid: _Paid) -> Evidence:
        """The sealed message, with what was judged of it later."""
        if paid.wrapped is None or paid.sealed is None:
            raise SealBroken(f"event of request {paid.settlement}: nothing is sealed")
        code = self.subject.code
        key = unwrap(self.keyring, code, paid.person, bytes(paid.wrapped))
        evidence = unpacked(open_sealed(key, bytes(paid.sealed), Place(code, "event", paid.settlement, "sealed")))
        if paid.judged is not None:
            decided = later(open_sealed(key, bytes(paid.judged), Place(code, "settlement", paid.settlement, "judged")))
            return msgspec.structs.replace(evidence, row=decided.told_in(evidence.row))
        return evidence

    # ── chunks ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _rows(self, of: dict[str, _Rows], plan: Plan) -> _Rows:
        if plan.digest not in self.folds:
            self.folds[plan.digest] = ColumnFold(plan, self.subject.scheme.acct_pay_counted == "inside-fund")
        return of.setdefault(plan.digest, _Rows(self.folds[plan.digest]))

    def _standing(self, digest: str) -> None:
        """What stands, each benefit against what it would pay now."""
        rows, self.standing[digest] = self.standing[digest], _Rows(self.folds[digest])
        if not rows.count:
            return
        folded = rows.folded()
        for n, paid in _taken_up(rows, folded, self.stands):
            self._differs(self.stands, paid, list(paid.targets), folded.result.pay[:, n].tolist())

    def _history(self, digest: str) -> None:
        """The history as it came, each figure of each benefit against what was decided."""
        rows, self.history[digest] = self.history[digest], _Rows(self.folds[digest])
        if not rows.count:
            return
        folded = rows.folded()
        its = folded.result
        for n, paid in _taken_up(rows, folded, self.decided):
            figures = [int(of[b, n]) for b in range(len(its.pay)) for of in (its.base, its.deductible, its.covered, its.payable, its.pay)]
            self._differs(self.decided, paid, list(paid.figures), figures)

    def _differs(self, of: _Pass, paid: _Paid, stored: list[int], columns: list[int]) -> None:
        of.compared += 1
        if stored != columns:
            of.offend(f"{paid}: {stored} fen are stored, columns say {columns}")


def _undecidable(group: Iterable[_Paid]) -> str:
    """Why a group's history cannot be told in one pass: what other policies paid, or was judged, changed on the way."""
    if any(len(paid.offers) > 1 for paid in group):
        return "with several policies"
    if any(CORRECTED in paid.cover.facts for paid in group):
        return "corrected later"
    return "judged later" if any(paid.judged is not None for paid in group) else ""


def _taken_up(rows: _Rows, folded: Folded, of: _Pass) -> Iterator[tuple[int, _Paid]]:
    """The place of each bill that the columns took up; others are offenders."""
    for rejection in folded.rejected:
        paid = rows.bills.get(rejection.line - 1)
        of.offend(f"{paid or 'a reversal'}: the columns do not take it up, {rejection.refusal.code}")
    for n, at in enumerate(folded.rows.tolist()):
        paid = rows.bills.get(at)
        if paid is not None and folded.result.status[n] <= arrays.REVERSED:
            yield n, paid
