"""The words of endorsements: what is asked for, the row that is kept of it, what people are told."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

import msgspec

Detail = Literal["name", "phone", "identity", "bank-account"]
Kind = Literal["name", "phone", "identity", "bank-account", "insured-added", "insured-removed", "correction"]
EndorsementState = Literal["proposed", "done", "rejected", "expired"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks or answers: the credential, the person whose own it is, the insurer that it speaks for."""

    credential: int
    person: int | None = None
    insurer: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A detail of a person is to be another. `evidence` is the reference under which the proof is kept."""

    by: Actor
    person: int
    kind: Detail
    value: str
    reason: str
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Correct:
    """A fact that benefits rest on is to be another: of a `person` from `since` on (to `until`), or of one `settlement`."""

    by: Actor
    fact: str
    value: str
    reason: str
    evidence: str
    person: int | None = None
    since: date | None = None
    until: date | None = None
    settlement: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A second person says whether what was proposed is to be done."""

    by: Actor
    endorsement: int
    approve: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Expire:
    """Nobody answered a proposal in time."""

    endorsement: int


Command = Change | Correct | Answer | Expire


class Content(msgspec.Struct, frozen=True):
    """What is sealed of an endorsement: what was, what is to be, why, and the reference of the proof."""

    before: str
    after: str
    reason: str
    evidence: str = ""


@dataclass(slots=True)
class Endorsement:
    """An endorsement while a batch moves it on."""

    id: int
    at: datetime
    kind: Kind
    person: int
    settlement: int | None
    fact: str | None
    effective_on: date
    until_on: date | None
    identity_index: bytes | None
    asked_by: int
    asker: int | None
    expires_at: datetime | None
    state: EndorsementState
    answered_by: int | None = None
    answerer: int | None = None
    sealed: bytes = b""
    ended_by: int | None = None


class EffectTold(msgspec.Struct, frozen=True):
    """What is due for a settlement under one policy, before and after a correction, in fen."""

    settlement: str
    policy: str
    before_fen: int
    after_fen: int


class PremiumTold(msgspec.Struct, frozen=True):
    """What a policy cost, and what it would have cost by the corrected facts, in fen; None where its plan has no premium for them."""

    policy: str
    charged_fen: int
    right_fen: int | None


class EndorsementTold(msgspec.Struct, frozen=True, omit_defaults=True):
    """How an endorsement stands, and what a correction came to: more due is paid, less due is a case for a person; `premiums` are those
    that would be others now, and stay as they are. In fen."""

    endorsement: int
    kind: str
    state: str
    zh: str
    en: str
    expires_at: datetime | None = None
    more_due_fen: int = 0
    less_due_fen: int = 0
    effects: tuple[EffectTold, ...] = ()
    premiums: tuple[PremiumTold, ...] = ()


class Steps(msgspec.Struct, frozen=True):
    """What a policy would pay of a settlement after a correction, step by step in both languages."""

    settlement: int
    policy: str
    zh: tuple[str, ...]
    en: tuple[str, ...]


class Answered(msgspec.Struct, frozen=True):
    """What is sealed with an answer: its reason, and the steps of every settlement of the person that would be another."""

    reason: str
    steps: tuple[Steps, ...] = ()
