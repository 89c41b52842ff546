"""The words of mandates （授权）: given by a principal to an agent, on record with its evidence, and revoked."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

import msgspec

#: What an agent may do: enter orders, and pay for them from the principal's account.
Act = Literal["order", "pay"]
#: How it is evidenced that the principal gave it.
Evidence = Literal["identity-check", "signed-form", "notarised"]
Standing = Literal["in-force", "not-yet", "over", "revoked"]


@dataclass(frozen=True, slots=True)
class Authorise:
    """A principal lets an agent act. `digest` is the SM3, in hex, of what was presented; of a check of the principal's identity, its own
    reference, and `checked_at` when it was passed. Both days are included.
    """

    credential: int
    principal: int
    agent: int
    may: tuple[Act, ...]
    valid_from: date
    valid_to: date
    evidence: Evidence
    digest: str
    checked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Revoke:
    """A mandate ends now. `person` None is the agency, which does it for either of the two."""

    credential: int
    mandate: int
    person: int | None = None


Command = Authorise | Revoke


@dataclass(slots=True)
class Mandate:
    """A mandate while a batch moves it on."""

    id: int
    principal: int
    agent: int
    may: tuple[Act, ...]
    valid_from: date
    valid_to: date
    evidence: Evidence
    digest: str
    credential: int
    revoked_at: datetime | None = None
    revoked_by: int | None = None


class MandateTold(msgspec.Struct, frozen=True, omit_defaults=True):
    """A mandate as both its parties read it."""

    mandate: int
    principal: int
    agent: int
    may: tuple[Act, ...]
    valid_from: date
    valid_to: date
    evidence: Evidence
    state: Standing
    zh: str
    en: str
    revoked_at: datetime | None = None
