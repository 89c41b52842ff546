"""What a batch of endorsements is decided on, and what it did: people with their details beside the desk's state of the same people."""

from dataclasses import dataclass, field
from datetime import date
from typing import Final

import msgspec

from huibao.core.sealing import Place, open_sealed, seal
from huibao.endorsements.model import Content, Endorsement
from huibao.scheme.model import in_force
from huibao.settlement import state as desk
from huibao.settlement.correct import Changed

#: For so many days a proposal waits for a second person where the scheme is silent.
PROPOSAL_DAYS: Final = 15

_ENCODER: Final = msgspec.json.Encoder()
_CONTENT: Final = msgspec.json.Decoder(Content)


@dataclass(slots=True)
class Person:
    """What is known of a person, sealed, and where they are paid to; None where there is none."""

    id: int
    born: date
    died: date | None
    identity_index: bytes
    identity: bytes
    name: bytes
    phone: bytes | None
    account: bytes | None


@dataclass(frozen=True, slots=True)
class Spell:
    """A time in which a person is in a hardship category, or registered away. `is_new` is one that this batch makes."""

    kind: str
    value: str
    since: date
    until: date | None
    is_new: bool = False

    def holds(self, on: date) -> bool:
        return self.since <= on and (self.until is None or on <= self.until)


@dataclass(frozen=True, slots=True)
class Moved:
    """New details of a person: sealed, and what they are found by; None is what does not change."""

    identity_index: bytes | None = None
    identity: bytes | None = None
    name_index: bytes | None = None
    name: bytes | None = None
    phone_index: bytes | None = None
    phone: bytes | None = None


@dataclass(slots=True)
class State:
    """Endorsements and people of a batch. `desk` has the same people with their policies, and moves money and facts; `leads` are
    settlements, each with an insurer that leads what pays for it."""

    desk: desk.State
    index_key: bytes
    people: dict[int, Person]
    endorsements: dict[int, Endorsement]
    holders: dict[bytes, int]
    whose: dict[int, int]
    leads: set[tuple[int, str]]
    spells: dict[int, list[Spell]]
    new: list[Endorsement] = field(default_factory=list)
    ended: dict[int, Endorsement] = field(default_factory=dict)
    moved: dict[int, Moved] = field(default_factory=dict)
    accounts: dict[int, bytes] = field(default_factory=dict)
    look_backs: dict[int, bytes] = field(default_factory=dict)
    closed: list[tuple[int, Spell]] = field(default_factory=list)
    effects: list[tuple[int, Changed]] = field(default_factory=list)

    @property
    def proposal_days(self) -> int:
        """For how many days a proposal waits on this day, by the scheme where it says so."""
        rule = in_force(self.desk.programme.scheme.endorsement, self.desk.on)
        return rule.proposal_days if rule else PROPOSAL_DAYS

    def known(self, id: int) -> Person | None:
        """A person who is there and was not erased."""
        insured = self.desk.people.get(id)
        return self.people.get(id) if insured is not None and insured.wrapped is not None else None

    # ── sealing ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def seal(self, person: int, table: str, row: int, column: str, text: str) -> bytes:
        return seal(self.desk.key_of(person), text.encode(), Place(self.desk.programme.code, table, row, column))

    def open(self, person: int, table: str, row: int, column: str, sealed: bytes | None) -> str:
        """A sealed text; empty where there is none."""
        if sealed is None:
            return ""
        return open_sealed(self.desk.key_of(person), bytes(sealed), Place(self.desk.programme.code, table, row, column)).decode()

    def content(self, endorsement: Endorsement) -> Content:
        place = Place(self.desk.programme.code, "endorsement", endorsement.id, "sealed")
        return _CONTENT.decode(open_sealed(self.desk.key_of(endorsement.person), bytes(endorsement.sealed), place))

    def packed(self, person: int, row: int, content: Content) -> bytes:
        place = Place(self.desk.programme.code, "endorsement", row, "sealed")
        return seal(self.desk.key_of(person), _ENCODER.encode(content), place)
