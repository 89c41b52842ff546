"""The reference of sponsored groups: sponsors' money, files line by line, what a check and a run make of them, own policies that give way."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from huibao.policies.numbers import refund_number
from huibao.record.model import DONE, Answer
from huibao.sponsored.model import Checked, Confirm, Finished, Fund, Receive, Register, Steer
from tests.simulation.afterwards import Afterwards
from tests.simulation.days import day
from tests.simulation.goods import GOODS, Good
from tests.simulation.model import Cover, Found, Made, Model, add, same, same_figures
from tests.simulation.people import Payer

#: What became of the lines of rosters, and whether their part was checked: all that the reference is told.
LINES: Final = """
SELECT l.roster_id, l.line, p.state <> 'new', l.refused, l.order_id
FROM roster_line l JOIN roster_part p ON p.roster_id = l.roster_id AND l.line BETWEEN p.first_line AND p.last_line
ORDER BY l.roster_id, l.line
"""
#: What went back of the policies whose place lines took.
REFUNDS: Final = """
SELECT f.id, f.source, f.fen, f.state FROM refund f JOIN roster_line l ON l.replaces_order = f.order_id AND l.replaces_position = f.position
WHERE l.roster_id = %s AND l.line = %s ORDER BY f.id
"""
Rows = Callable[..., list[tuple[Any, ...]]]


@dataclass(slots=True)
class Entry:
    """A line of a file: whom it names, the hardship that it claims, why it was refused, or the order that it became."""

    person: int | None
    category: str | None
    refused: str | None = None
    is_checked: bool = False
    order: int | None = None
    replaces: int | None = None


@dataclass(slots=True)
class Roster:
    """A file that was received, line by line; what its check expects."""

    id: int
    name: str
    good: Good
    digest: bytes
    entries: dict[int, Entry]
    credential: int
    state: str = "checking"
    is_confirmed: bool = False
    accepted: int = 0
    replaces: int = 0
    returned_fen: int = 0

    @property
    def reserved_fen(self) -> int:
        return self.accepted * self.good.premium_fen

    @property
    def enrolled(self) -> int:
        return sum(one.order is not None for one in self.entries.values())

    @property
    def refused(self) -> int:
        return sum(one.refused is not None for one in self.entries.values())


@dataclass
class Rosters:
    """Sponsors by name, rosters by number; `files` are those that came in, by digest. `rows` reads what became of lines."""

    rows: Rows
    model: Model
    afterwards: Afterwards
    rosters: dict[int, Roster] = field(default_factory=dict)
    files: dict[bytes, dict[int, Entry]] = field(default_factory=dict)

    def meets(self) -> dict[type, Callable[[Any, datetime, Answer], None]]:
        """What compares the answer to each kind of command."""
        return {Register: self.register, Fund: self.fund, Receive: self.receive, Checked: self.checked, Confirm: self.confirm,
                Steer: self.steer, Finished: self.finished}

    # ── sponsors ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def register(self, command: Register, at: datetime, answer: Answer) -> None:  # noqa: ARG002 - the form of every comparison
        if command.name in self.model.payers:
            return same(answer, "sponsor.known")
        same(answer, DONE)
        self.model.payers[command.name] = Payer(json.loads(answer.body)["sponsor"], command.credit_limit_fen)
        return None

    def fund(self, command: Fund, at: datetime, answer: Answer) -> None:  # noqa: ARG002
        found = self._payer(command.sponsor)
        if found is None or command.reference in found.references:
            return same(answer, "sponsor.not_registered" if found is None else "sponsor.payment_known")
        same(answer, DONE)
        found.references.add(command.reference)
        found.balance_fen += command.fen
        return same_figures(json.loads(answer.body), fen=command.fen, balance_fen=found.balance_fen)

    def _payer(self, id: int) -> Payer | None:
        return next((one for one in self.model.payers.values() if one.id == id), None)

    # ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def receive(self, command: Receive, at: datetime, answer: Answer) -> None:  # noqa: ARG002
        name = next((name for name, one in self.model.payers.items() if one.id == command.sponsor), None)
        if name is None:
            return same(answer, "sponsor.not_registered")
        if command.product not in GOODS:
            return same(answer, "roster.product_unknown")
        if any((one.name, one.good.id, one.digest) == (name, command.product, command.digest) and one.state != "cancelled"
               for one in self.rosters.values()):
            return same(answer, "roster.same_file")
        same(answer, DONE)
        entries = {line: Entry(one.person, one.category, one.refused) for line, one in self.files[command.digest].items()}
        if command.lines != len(entries):
            raise Found(f"read {command.lines} lines, the reference {len(entries)}")
        self.rosters[command.roster] = Roster(command.roster, name, GOODS[command.product], command.digest, entries, command.credential)
        return None

    def checked(self, command: Checked, at: datetime, answer: Answer) -> None:
        self.look(at)
        found = self.rosters[command.roster]
        if found.state != "checking" or not all(one.is_checked for one in found.entries.values()):
            return same(answer, "roster.not_waiting" if found.state != "checking" else "roster.not_over")
        same(answer, DONE)
        found.state = "checked"
        return same_figures(json.loads(answer.body)["report"], accepted=found.accepted, rejected=found.refused,
                            premium_fen=found.reserved_fen, replaces=found.replaces, returned_fen=found.returned_fen)

    def confirm(self, command: Confirm, at: datetime, answer: Answer) -> None:  # noqa: ARG002
        found = self.rosters.get(command.roster)
        refused = self._not_confirmed(command, found)
        if refused or found is None:
            return same(answer, refused)
        same(answer, DONE)
        found.state, found.is_confirmed = "running", True
        self.model.payers[found.name].held_fen += found.reserved_fen
        return None

    def _not_confirmed(self, command: Confirm, found: Roster | None) -> str:
        if found is None or found.state != "checked":
            return "roster.unknown" if found is None else "roster.not_waiting"
        if command.credential == found.credential:
            return "roster.same_person"
        if command.digest != found.digest:
            return "roster.digest_differs"
        payer = self.model.payers[found.name]
        if not found.accepted:
            return "roster.nobody_accepted"
        return "sponsor.insufficient" if payer.balance_fen + payer.credit_fen - payer.held_fen < found.reserved_fen else ""

    def steer(self, command: Steer, at: datetime, answer: Answer) -> None:  # noqa: ARG002
        found = self.rosters.get(command.roster)
        if found is None:
            return same(answer, "roster.unknown")
        to = {("pause", "running"): "paused", ("resume", "paused"): "running"}.get((command.step, found.state))
        if command.step == "cancel" and found.state not in ("cancelled", "done"):
            to = "cancelled"
            self._release(found)
        same(answer, DONE if to else "roster.not_waiting")
        found.state = to or found.state
        return None

    def finished(self, command: Finished, at: datetime, answer: Answer) -> None:
        self.look(at)
        found = self.rosters[command.roster]
        if found.state not in ("running", "paused") or found.enrolled + found.refused < len(found.entries):
            return same(answer, "roster.not_over" if found.state in ("running", "paused") else "roster.not_waiting")
        same(answer, DONE)
        self._release(found)
        found.state = "done"
        return same_figures(json.loads(answer.body), lines=len(found.entries), enrolled=found.enrolled, rejected=found.refused,
                            premium_fen=found.enrolled * found.good.premium_fen)

    def _release(self, found: Roster) -> None:
        """What was set aside and not spent is the sponsor's again."""
        if found.is_confirmed:
            self.model.payers[found.name].held_fen -= found.reserved_fen - found.enrolled * found.good.premium_fen

    # ── line by line ─────────────────────────────────────────────────────────────────────────────────────────────────

    def look(self, at: datetime) -> None:
        """Decides the lines that were checked or run since it was last looked. Raises `Found` where a line came to something else."""
        for roster, line, is_checked, refused, order in self.rows(LINES):
            found = self.rosters.get(roster)
            entry = found.entries.get(line) if found is not None else None
            if found is None or entry is None:
                continue
            if is_checked and not entry.is_checked:
                self._check(found, line, entry, at)
            elif entry.refused is None and entry.order is None and (refused or order):
                self._run(found, line, entry, order, at)
            if (refused, order) != (entry.refused, entry.order):
                raise Found(f"line {line} of roster {roster} came to {refused or order}, the reference {entry.refused or entry.order}")

    def _check(self, found: Roster, line: int, entry: Entry, at: datetime) -> None:
        """What a line would come to now; who stands in an earlier line is named once."""
        entry.is_checked = True
        if entry.refused is not None:
            return
        if any(before < line and one.person == entry.person for before, one in found.entries.items()):
            entry.refused = "roster.duplicate"
            return
        entry.refused, own = self._judge(entry, found.good, at)
        if entry.refused is None:
            found.accepted += 1
        if own is not None:
            found.replaces += 1
            found.returned_fen += found.good.premium_fen

    def _run(self, found: Roster, line: int, entry: Entry, order: int | None, at: datetime) -> None:
        """A line becomes an order of its sponsor's, perhaps in the place of a policy that the person has bought."""
        entry.refused, own = self._judge(entry, found.good, at)
        if entry.refused is not None or order is None:
            return
        assert entry.person is not None, "a line that was accepted has its person"
        entry.order = order
        cover = Cover(entry.person, found.good, {}, 0, sponsor_fen=found.good.premium_fen)
        made = Made(order, entry.person, [cover], "completed", None, (), found.name, pay_with="sponsor")
        self.model.freeze([cover], at)
        self.model.begin(made, at)
        if own is not None:
            entry.replaces = own[0].id
            told = [{"refund": refund_number(self.afterwards.code, id), "source": source, "fen": fen, "state": state}
                    for id, source, fen, state in self.rows(REFUNDS, found.id, line)]
            self.afterwards.replaced(*own, day(at), told)
        self.model.orders[order] = made
        add(self.model.income, found.good.id, found.good.premium_fen)
        payer = self.model.payers[found.name]
        payer.balance_fen -= found.good.premium_fen
        payer.held_fen -= found.good.premium_fen

    def _judge(self, entry: Entry, good: Good, at: datetime) -> tuple[str | None, tuple[Made, int] | None]:
        """Why a line is refused; else the own policy whose place it takes, by its order and position, if there is one."""
        on, person = day(at), self.model.people[entry.person or 0]
        if entry.category is not None and entry.category != person.hardship_on(on):
            return "roster.category_not_entitled", None
        if not good.sold[0] <= on <= good.sold[1] or good.cover_from(on) > good.valid_to:
            return "product.not_on_sale", None
        if person.died is not None and person.died <= on:
            return "person.died", None
        own = [(made, n) for made in self.model.orders.values() if made.sponsor is None
               for n, cover in enumerate(made.covers, 1) if (cover.insured, cover.good.id, cover.state) == (person.id, good.id, "in-force")]
        gives_way = [(made, n) for made, n in own if self.model.rules.replaces_own and on < (made.covers[n - 1].since or on)]
        if not gives_way and self.model.live(person.id, good.id):
            return "roster.surrender_first" if own and self.model.rules.replaces_own else "policy.already_insured", None
        if not self.model.rules.cash_alone:
            return "join.not_provided", None
        return ("join.status_not_normal", None) if person.status != "1" else (None, gives_way[0] if gives_way else None)
