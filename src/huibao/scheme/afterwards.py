"""What a scheme decides about what comes after a purchase: changes of what was agreed, and the next year."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from huibao.scheme.basis import EXAMPLE, Basis


@dataclass(frozen=True, slots=True)
class Endorsing:
    """How changes of what was agreed run: what needs a second person waits for one so many days."""

    basis: Basis
    proposal_days: int = 15


@dataclass(frozen=True, slots=True)
class Renewal:
    """How people are asked whether they want to be insured again: never charged unless they confirm afresh.

    A proposal goes `remind_days[0]` days before a policy ends, a reminder on each of the others. Cover goes on without a break where
    the next begins at most `gap_days` days after the one before ended.
    """

    basis: Basis
    remind_days: tuple[int, ...] = (30, 7)
    gap_days: int = 60


#: How people are asked where the scheme is silent.
RENEWAL: Final = Renewal(Basis(EXAMPLE, date.min, None))
