"""A refusal is a result, not an exception: what was refused, under which clause, on which figures, and what to do."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Refusal:
    """An outcome of a command or a decision that was not granted.

    `code` is stable and dotted (`account.balance_below_minimum`); `clause` names the rule ("XZ-2") or is None where no
    document decides. `figures` are the values that decided, amounts in fen under names that end in `_fen`.
    """

    code: str
    clause: str | None
    zh: str
    en: str
    figures: Mapping[str, int | str] = field(default_factory=dict)
