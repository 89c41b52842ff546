"""What a batch of the desk loads: people under their locks, then what is true of them, then what only some commands ask for."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Any, Final

import msgspec

from huibao.benefits.fold import Payment
from huibao.benefits.terms import Compiled
from huibao.catalogue import shelf as catalogue
from huibao.catalogue.model import Programme, Shelf
from huibao.core.sealing import Keyring, Place, open_sealed, unwrap
from huibao.core.time import business_date
from huibao.db import sqlfile
from huibao.db.arrays import Int8s, Texts
from huibao.db.wire import Asked, Wire
from huibao.ledger import books as ledger
from huibao.ledger.books import Books
from huibao.ledger.model import Account
from huibao.settlement import accumulators
from huibao.settlement.covers import Ground, turn
from huibao.settlement.evidence import NOTHING_LATER, later, unpacked
from huibao.settlement.model import (
    Adjust,
    Agree,
    Command,
    Cover,
    Hospital,
    Judge,
    Paying,
    Reverse,
    Scope,
    Settle,
    Taken,
    Withdraw,
)
from huibao.settlement.state import FIGURES, Case, Insured, Payout, Reversed, Standing, State

SQL: Final = sqlfile.load("huibao.settlement")

_FACTS: Final = msgspec.json.Decoder(dict[str, Any])
#: Columns of `known`, `named`, `history` and `stays` that make a settlement; what was judged and sealed follows.
#: Commands that name no settlement of ours, and those after which what came later is folded again.
_NAMELESS: Final = (Settle, Reverse, Agree)
_FOLDS_AGAIN: Final = (Reverse, Withdraw, Adjust, Judge)

_TAKEN: Final = 16
_ADJUST_AT: Final = 15


@dataclass(slots=True)
class _Asked:
    """What the commands of a batch name."""

    psn_nos: list[str]
    people: list[int]
    settlements: list[int]
    originals: list[str]
    setl_ids: list[str]
    reversals: list[str]
    hospitals: list[str]
    visits: list[str]
    folds_again: bool
    moves_money: bool
    agree: list[int]

    @classmethod
    def of(cls, commands: Sequence[Command]) -> "_Asked":
        settles = [command for command in commands if isinstance(command, Settle)]
        takes_back = [command for command in commands if isinstance(command, Reverse)]
        named = [command.settlement for command in commands if not isinstance(command, _NAMELESS)]
        return cls(
            psn_nos=_some(command.psn_no for command in settles),
            people=sorted({command.person for command in commands if isinstance(command, Agree)}),
            settlements=sorted(set(named)),
            originals=_some(command.reverses for command in takes_back),
            setl_ids=_some([*(command.setl_id for command in settles), *(command.reverses for command in takes_back)]),
            reversals=_some(command.setl_id for command in takes_back),
            hospitals=_some(command.hospital for command in settles),
            visits=_some(command.mdtrt_id for command in settles),
            folds_again=any(isinstance(command, _FOLDS_AGAIN) for command in commands),
            moves_money=any(not isinstance(command, Settle) or command.way == "feed" for command in commands),
            agree=sorted({command.person for command in commands if isinstance(command, Agree)}))

    @classmethod
    def of_people(cls, people: Sequence[int], folds_again: bool) -> "_Asked":
        return cls([], sorted(set(people)), [], [], [], [], [], [], folds_again, folds_again, [])

    def numbers(self, programme: str) -> list[int]:
        """What locks the numbers of a batch, in order: two messages about one number come one after the other, also where nobody
        has it yet."""
        return sorted({int.from_bytes(sha256(f"{programme} {number}".encode()).digest()[:8], signed=True)
                       for number in (*self.setl_ids, *self.reversals)})


def _some(texts: Iterable[str]) -> list[str]:
    """What may be looked for: nothing has a name that the database cannot hold."""
    return sorted({text for text in texts if text and "\0" not in text})


class Loading:
    """Loads batches of one programme; keeps the shelf, and plans made ready, between them."""

    def __init__(self, programme: Programme, keyring: Keyring, hide: Callable[[str], str]) -> None:
        self.programme = programme
        self._keyring = keyring
        self._shelf: Shelf | None = None
        self._plans: dict[int, Compiled] = {}
        self._ground = Ground(self._plan, programme.scheme.acct_pay_counted == "inside-fund", hide)

    def _plan(self, offer: int) -> Compiled:
        found = self._plans.get(offer)
        if found is None:
            assert self._shelf is not None, "the shelf is loaded before anything is settled"
            found = self._plans[offer] = Compiled(self._shelf.wordings[offer].plan)
        return found

    async def load(self, wire: Wire, commands: Sequence[Command], at: datetime) -> State:
        """The state of a batch. Its people stay locked to the end of the transaction."""
        return await self._load(wire, _Asked.of(commands), at)

    async def load_people(self, wire: Wire, people: Sequence[int], at: datetime, *, folds_again: bool) -> State:
        """The state of these people alone, for commands of another family; with their history where it is to be folded again."""
        return await self._load(wire, _Asked.of_people(people, folds_again), at)

    async def _load(self, wire: Wire, asked: _Asked, at: datetime) -> State:
        people, shelf = await self._lock(wire, asked)
        ids = Int8s(sorted(people))
        known = wire.ask(SQL["known"], {"setl_ids": Texts(asked.setl_ids)}) if asked.setl_ids else None
        named = wire.ask(SQL["named"], {"settlements": Int8s(asked.settlements)}) if asked.settlements else None
        hospitals = wire.ask(SQL["hospitals"], {"hospitals": Texts(asked.hospitals)})
        covers = wire.ask(SQL["covers"], {"people": ids})
        used = self._ask_used(wire, shelf, ids)
        stays = wire.ask(SQL["stays"], {"people": ids, "visits": Texts(asked.visits)})
        about = wire.ask(SQL["known_of_people"], {"people": ids})
        agreed = wire.ask(SQL["agreed"], {"people": ids}) if asked.moves_money else None
        accounts = wire.ask(SQL["accounts"], {"people": Int8s(asked.agree)}) if asked.agree else None
        reversals = wire.ask(SQL["reversals"], {"setl_ids": Texts(asked.reversals), "originals": Texts(asked.setl_ids)})
        history = wire.ask(SQL["history"], {"people": ids}) if asked.folds_again else None
        await wire.go()
        covers_of = _covers(covers.rows(), shelf)
        accumulated = {Scope(product, whose): accumulators.read(text) for whose, product, text in used.rows()}
        waiting = [row for row in stays.rows() if row[_ADJUST_AT] is not None]
        taken, sealed = _taken([*_rows(known), *_rows(named), *_rows(history), *waiting])
        early = [Reversed(*row) for row in reversals.rows()]
        parked = {(one.hospital, one.reverses): one for one in early if one.state == "parked"}
        met = {(one.hospital, one.reverses) for one in early if one.state == "met"}
        state = State(
            programme=self.programme, shelf=shelf, keyring=self._keyring, ground=self._ground, on=business_date(at), people=people,
            hospitals={row[0]: Hospital(*row) for row in hospitals.rows()}, covers=covers_of, used=accumulated,
            stored=frozenset(accumulated), known={one.setl_id: one for one in taken.values()}, by_id=taken,
            visits=_began(stays.rows()), away=_away(about.rows()),
            look_backs=self._looked(people, about.rows()),
            accounts={person: bytes(sealed) for person, sealed in _rows(accounts)}, agreed=frozenset(person for (person,) in _rows(agreed)),
            reversals={one.setl_id: one for one in early}, parked=parked, met=met,
            waiting={one.id: one for one in taken.values() if one.adjust_at is not None}, cases=[], payouts=[], history={},
            sealed=sealed, told={}, closed=set(), books=Books())
        if taken:
            await self._details(wire, state, asked)
        elif asked.moves_money:
            await self._accounts(wire, state, [])
        if history is not None:
            self._history(state, history.rows())
        return state

    async def _lock(self, wire: Wire, asked: _Asked) -> tuple[dict[int, Insured], Shelf]:
        """The people of a batch under their locks, and what is on the shelf now: which products households share is needed first."""
        while True:
            if self._shelf is None:
                now = wire.ask(catalogue.SQL["version"])
                await wire.go()
                self._shelf = await catalogue.load(wire.plain(), now.row()[0])
            shelf, shared = self._shelf, _households(self._shelf)
            wire.ask(SQL["lock_numbers"], {"numbers": Int8s(asked.numbers(self.programme.code))})
            given: dict[str, object] = {
                "psn_nos": Texts(asked.psn_nos), "people": Int8s(asked.people), "settlements": Int8s(asked.settlements),
                "originals": Texts(asked.originals)}
            if shared:
                locked = wire.ask(SQL["lock_households"], {**given, "products": Texts(shared)})
            else:
                locked = wire.ask(SQL["lock_insured"], given)
            version = wire.ask(catalogue.SQL["version"])
            await wire.go()
            if version.row()[0] == shelf.version:
                return {row[0]: Insured(*row) for row in locked.rows()}, shelf
            self._shelf = None

    def _ask_used(self, wire: Wire, shelf: Shelf, people: Int8s) -> Asked:
        shared = _households(shelf)
        if shared:
            return wire.ask(SQL["household_accumulators"], {"people": people, "products": Texts(shared)})
        return wire.ask(SQL["accumulators"], {"people": people})

    async def _details(self, wire: Wire, state: State, asked: _Asked) -> None:
        """What policies pay of settlements that were there before, what is open about them, and the accounts they may move."""
        ids = Int8s(sorted(state.by_id))
        payments = wire.ask(SQL["payments"], {"settlements": ids})
        cases = wire.ask(SQL["open_cases"], {"settlements": ids})
        payouts = wire.ask(SQL["payouts"], {"settlements": ids}) if asked.folds_again else None
        await wire.go()
        covers = {(cover.order, cover.position): cover for of in state.covers.values() for cover in of}
        for settlement, order, position, posted, figures, targets in payments.rows():
            if state.by_id[settlement].person not in state.people:
                continue                               # another person's, of whom only the number was used
            state.by_id[settlement].paying.append(_paying(covers[order, position], posted, figures, targets))
        for one in state.by_id.values():
            one.paying.sort(key=lambda paying: turn(paying.cover, self._plan))
        state.cases.extend(Case(kind, cause, fen, settlement, setl_id, order, position, id=id)
                           for id, kind, cause, settlement, setl_id, order, position, fen in cases.rows())
        state.payouts.extend(Payout(product, state.by_id[settlement].person, settlement, fen, id=id, state=its)
                             for id, settlement, product, fen, its in _rows(payouts))
        if asked.moves_money:
            await self._accounts(wire, state, sorted({one.hospital for one in state.by_id.values()}))

    async def _accounts(self, wire: Wire, state: State, hospitals: Sequence[str]) -> None:
        """The accounts of claims; a hospital that a product pays for the first time gets one."""
        products = Texts(sorted(state.shelf.offers))
        claims = wire.ask(ledger.SQL["claim_accounts"], {"products": products})
        of_hospitals = wire.ask(ledger.SQL["hospital_accounts"], {"hospitals": Texts(hospitals)})
        await wire.go()
        have = {(row[3], row[4]) for row in of_hospitals.rows()}
        wanted = {(paying.cover.product, one.hospital) for one in state.by_id.values() for paying in one.paying}
        if missing := sorted(wanted - have):
            wire.ask(ledger.SQL["open_hospital_accounts"], {
                "products": Texts([product for product, _ in missing]), "hospitals": Texts([hospital for _, hospital in missing])})
            of_hospitals = wire.ask(ledger.SQL["hospital_accounts"], {"hospitals": Texts(hospitals)})
            await wire.go()
        state.books = Books(Account(*row) for row in (*claims.rows(), *of_hospitals.rows()))

    def _history(self, state: State, rows: Sequence[tuple[Any, ...]]) -> None:
        """Every person's settlements that stand, each with its message as it was folded, and what was judged of it later."""
        state.history.update({person: [] for person in state.people})
        for row in rows:
            taken, judged, seq = state.by_id[row[0]], row[_TAKEN], row[_TAKEN + 2]
            if state.people[taken.person].wrapped is None:
                state.closed.add(taken.person)
                continue
            evidence, decided = unpacked(state.evidence(taken)), NOTHING_LATER
            if judged is not None:
                place = Place(self.programme.code, "settlement", taken.id, "judged")
                decided = later(open_sealed(state.key_of(taken.person), bytes(judged), place))
            state.history[taken.person].append(Standing(seq, taken, evidence.row, evidence.lines, decided))

    def _looked(self, people: Mapping[int, Insured], rows: Sequence[tuple[Any, ...]]) -> dict[int, str]:
        """What was found of people's earlier diagnoses; nobody's, where the person was erased."""
        found = {}
        for person, _, _, _, sealed in rows:
            wrapped = people[person].wrapped
            if sealed is not None and wrapped is not None:
                key = unwrap(self._keyring, self.programme.code, person, wrapped)
                place = Place(self.programme.code, "look_back", person, "sealed")
                found[person] = open_sealed(key, bytes(sealed), place).decode()
        return found


def _households(shelf: Shelf) -> list[str]:
    """The products whose policies share accumulators within a household."""
    return sorted({offer.product for offer in shelf.wordings.values() if offer.plan.household})


def _rows(asked: Asked | None) -> Sequence[tuple[Any, ...]]:
    return asked.rows() if asked is not None else ()


def _covers(rows: Sequence[tuple[Any, ...]], shelf: Shelf) -> dict[int, list[Cover]]:
    found: defaultdict[int, list[Cover]] = defaultdict(list)
    for order, position, insured, offer, product, share, since, until, facts, buyer in rows:
        whose = buyer if shelf.wordings[offer].plan.household else insured
        found[insured].append(
            Cover(order, position, insured, offer, product, share, since, until, _FACTS.decode(facts), Scope(product, whose)))
    return found


def _taken(rows: Sequence[tuple[Any, ...]]) -> tuple[dict[int, Taken], dict[int, bytes]]:
    """Settlements by id, each once, and what was sealed with them where it was asked for."""
    taken: dict[int, Taken] = {}
    sealed: dict[int, bytes] = {}
    for row in rows:
        taken.setdefault(row[0], Taken(*row[:_TAKEN]))
        if row[_TAKEN + 1] is not None:
            sealed[row[0]] = bytes(row[_TAKEN + 1])
    return taken, sealed


def _paying(cover: Cover, posted: int, figures: Sequence[int], targets: Sequence[int]) -> Paying:
    width = len(FIGURES)
    payments = []
    for n in range(0, len(figures), width):
        base, deductible, covered, payable, pay = figures[n : n + width]
        payments.append(Payment(base, deductible, covered, payable, pay))
    return Paying(cover, tuple(payments), tuple(Payment(pay=pay) for pay in targets), posted)


def _away(rows: Sequence[tuple[Any, ...]]) -> dict[int, list[tuple[str, date, date | None]]]:
    found: defaultdict[int, list[tuple[str, date, date | None]]] = defaultdict(list)
    for person, kind, since, until, _ in rows:
        if kind is not None:
            found[person].append((kind, since, until))
    return found


def _began(rows: Sequence[tuple[Any, ...]]) -> dict[tuple[int, str], date]:
    """When stays began: the first day that any settlement of theirs tells of."""
    found: dict[tuple[int, str], date] = {}
    for row in rows:
        stay, admitted = (row[2], row[4]), row[8]
        if admitted is not None and row[13] in ("offered", "confirmed"):
            found[stay] = min(admitted, found.get(stay, admitted))
    return found
