"""What a batch of settlements is decided on, and what it did: loaded under locks, moved on in memory, written as one net."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any, Final

from huibao.benefits.terms import Compiled
from huibao.catalogue.model import Offer, Programme, Shelf
from huibao.core.sealing import Keyring, PersonKey, Place, open_sealed, unwrap
from huibao.ledger.books import Books
from huibao.ledger.model import Account
from huibao.members.notices import Notice
from huibao.pool.streams import Adding
from huibao.scheme.model import DESK, Desk, in_force
from huibao.settlement.covers import Ground, Used
from huibao.settlement.evidence import NOTHING_LATER, Later
from huibao.settlement.model import Cover, Hospital, Paying, Scope, Taken


@lru_cache(maxsize=16_384)
def _unwrapped(keyring: Keyring, programme: str, person: int, wrapped: bytes) -> PersonKey:
    """A person's key; an estimate is followed by its settlement, and that by others. Who was erased has nothing to unwrap."""
    return unwrap(keyring, programme, person, wrapped)


@dataclass(frozen=True, slots=True)
class Insured:
    """A person before the desk; `wrapped` is None where the person was erased."""

    id: int
    psn_no: str
    area: str
    wrapped: bytes | None


@dataclass(slots=True)
class Standing:
    """A settlement of a person's history: what stands, the message from which it can be folded again, what was decided later."""

    seq: int
    taken: Taken
    row: dict[str, Any]
    lines: tuple[dict[str, Any], ...]
    later: Later = NOTHING_LATER

    @property
    def folded(self) -> dict[str, Any]:
        """The message as it is folded now."""
        return self.later.told_in(self.row)


@dataclass(frozen=True, slots=True)
class Reversed:
    """A message that takes a settlement back; parked ones name no settlement."""

    id: int
    setl_id: str
    reverses: str
    settlement: int | None
    state: str
    hospital: str


@dataclass(slots=True)
class Case:
    """Something for a person to look into. `id` None is one that this batch opens."""

    kind: str
    cause: str
    fen: int
    settlement: int | None = None
    setl_id: str | None = None
    order: int | None = None
    position: int | None = None
    hospital: str | None = None
    due_on: date | None = None
    id: int | None = None


@dataclass(slots=True)
class Payout:
    """Money for a person's own account. `id` None is one that this batch makes."""

    product: str
    person: int
    settlement: int
    fen: int
    due_on: date | None = None
    id: int | None = None
    state: str = "due"


@dataclass(frozen=True, slots=True)
class Agreement:
    """What a person agreed to just now: to be paid to this sealed account, or, without one, no longer."""

    person: int
    credential: int
    account: bytes | None


@dataclass(slots=True)
class Made:
    """What a batch did, to be written."""

    settlements: list[Taken] = field(default_factory=list)
    moved: dict[int, Taken] = field(default_factory=dict)
    paid: dict[tuple[int, int, int], tuple[int, Paying]] = field(default_factory=dict)
    used: set[Scope] = field(default_factory=set)
    judged: dict[int, bytes] = field(default_factory=dict)
    corrected: dict[tuple[int, int], Cover] = field(default_factory=dict)
    reversals: list[Reversed] = field(default_factory=list)
    met: list[Reversed] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)
    closed: list[tuple[int, str]] = field(default_factory=list)
    changed: list[Case] = field(default_factory=list)
    payouts: list[Payout] = field(default_factory=list)
    cancelled: list[int] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    agreements: dict[int, Agreement] = field(default_factory=dict)


@dataclass(slots=True)
class State:
    """People, policies, accumulators, settlements and books of a batch. `on` is the business date.

    `closed` are people who were erased and whose history nobody can open any more.
    """

    programme: Programme
    shelf: Shelf
    keyring: Keyring
    ground: Ground
    on: date
    people: Mapping[int, Insured]
    hospitals: Mapping[str, Hospital]
    covers: Mapping[int, list[Cover]]
    used: Used
    stored: frozenset[Scope]
    known: dict[str, Taken]
    by_id: dict[int, Taken]
    visits: dict[tuple[int, str], date]
    away: Mapping[int, list[tuple[str, date, date | None]]]
    look_backs: dict[int, str]
    accounts: dict[int, bytes]
    agreed: frozenset[int]
    reversals: dict[str, Reversed]
    parked: dict[tuple[str, str], Reversed]
    met: set[tuple[str, str]]
    waiting: dict[int, Taken]
    cases: list[Case]
    payouts: list[Payout]
    history: dict[int, list[Standing]]
    sealed: Mapping[int, bytes]
    told: dict[int, bytes]
    closed: set[int]
    books: Books
    pool: Adding = field(default_factory=Adding)
    made: Made = field(default_factory=Made)
    _by_number: dict[str, Insured] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._by_number = {person.psn_no: person for person in self.people.values()}

    @property
    def desk(self) -> Desk:
        """The rules of the desk on this day."""
        return in_force(self.programme.scheme.desk, self.on) or DESK

    def by_number(self, psn_no: str) -> Insured | None:
        return self._by_number.get(psn_no)

    def key_of(self, person: int) -> PersonKey:
        """What seals a person's evidence."""
        wrapped = self.people[person].wrapped
        assert wrapped is not None, "who was erased is nobody: no settlement is taken up"
        return _unwrapped(self.keyring, self.programme.code, person, bytes(wrapped))

    def evidence(self, taken: Taken) -> bytes:
        """What was sealed when a settlement was taken up before this batch."""
        place = Place(self.programme.code, "event", taken.id, "sealed")
        return open_sealed(self.key_of(taken.person), self.sealed[taken.id], place)

    def offer(self, cover: Cover) -> Offer:
        return self.shelf.wordings[cover.offer]

    def scopes_of(self, people: Iterable[int]) -> set[Scope]:
        """Every accumulator that these people's policies use."""
        return {cover.scope for person in people for cover in self.covers.get(person, ())}

    def companions(self, person: int) -> frozenset[int]:
        """A person and whoever shares an accumulator with them, near or far: what must be folded together."""
        near, waiting = {person}, [person]
        while waiting:
            scopes = self.scopes_of([waiting.pop()])
            found = {other for other, covers in self.covers.items() if other not in near and any(cover.scope in scopes for cover in covers)}
            near |= found
            waiting += found
        return frozenset(near)

    # ── moving ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def take_up(self, taken: Taken, row: dict[str, Any], lines: tuple[dict[str, Any], ...]) -> None:
        """A new settlement: known from now on, and last in its person's history."""
        self.made.settlements.append(taken)
        self.known[taken.setl_id] = self.by_id[taken.id] = taken
        if taken.person in self.history:
            self.history[taken.person].append(Standing(_LAST + len(self.made.settlements), taken, row, lines))
        self.made.used |= {paying.cover.scope for paying in taken.paying}
        if taken.admitted_on is not None:
            stay = (taken.person, taken.mdtrt_id)
            self.visits[stay] = min(taken.admitted_on, self.visits.get(stay, taken.admitted_on))

    def move(self, taken: Taken) -> None:
        """Marks a settlement that was there before this batch as moved on."""
        if taken not in self.made.settlements:
            self.made.moved[taken.id] = taken

    def paid(self, taken: Taken, paying: Paying) -> None:
        """Marks a payment that was there before this batch as another now."""
        if taken not in self.made.settlements:
            self.made.paid[taken.id, paying.cover.order, paying.cover.position] = (taken.id, paying)

    # ── money ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def account(self, kind: str, offer: Offer, party: str | None = None) -> Account:
        """An account of a product's claims; loaded for each batch."""
        found = next((one for one in self.books.accounts.values()
                      if (one.kind, one.product) == (kind, offer.product) and party in {None, one.party}), None)
        assert found is not None, f"product {offer.product} has no account {kind} of {party}"
        return found


#: What this batch takes up comes after everything that was accepted before it.
_LAST: Final = 1 << 62

#: Plans ready for the desk, by offer: compiled once in a process, since the wording of an offer never changes.
Plans = Callable[[int], Compiled]

#: What the plain columns call the figures of a payment, one after another for each benefit.
FIGURES: Final = ("base", "deductible", "covered", "payable", "pay")
