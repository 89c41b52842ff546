"""How a simulator is told to fail: what, how often, and from which seed."""

from random import Random
from typing import Annotated, Final, Literal

import msgspec

#: What befalls answers, and what befalls notices.
On = Literal["answers", "notices"]

Kind = Literal[
    "delay",             # late by `ms`
    "drop",              # done, and never answered; a notice is never sent
    "error",             # 500, nothing done
    "half-answer",       # done, and the connection closed after `bytes` of the answer's body
    "duplicate",         # a notice comes twice
    "reorder",           # a notice is held back until after the next one
    "wrong-amount",      # one fen more than was paid, or deducted
    "wrong-signature",   # signed with another secret
    "lose",              # the request is lost on its way: nothing done, and never answered
    "late",              # the request is carried out after the next one, and never answered
    "repeat",            # the request comes twice
    "garbage",           # done, and answered with what nobody can read
    "wrong-key",         # the answer is about another key
    # A bank, or a cash channel about refunds, at each time that it is asked:
    "hold",              # a payout stays pending, a collection waits, a refund is processed
    "return",            # a payout comes back, a refund is declined; not one that was paid already
    "partial",           # of a payout only half is paid
    # A hospital's system:
    "forget",            # knows of no such settlement
    # An insurer's system that was not built as agreed:
    "wrong-digest",      # acknowledges something else
    "any-signature",     # does not look at signatures
    "any-product",       # takes products that it does not know
    "forgetful",         # does not notice that a sequence number was used
    "stubborn",          # declines what it has already
]


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fault to come: with a chance of `per_mille`, drawn from `seed`, until it has struck `times`; without `times`, for good.

    The first `skip` occasions are spared.
    """

    kind: Kind
    on: On = "answers"
    times: Annotated[int, msgspec.Meta(ge=1)] | None = 1
    per_mille: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1000
    seed: int = 0
    ms: Annotated[int, msgspec.Meta(ge=0)] = 1000
    bytes: Annotated[int, msgspec.Meta(ge=0)] = 10
    skip: Annotated[int, msgspec.Meta(ge=0)] = 0


class Faults:
    """The faults that a simulator was told of; asked at each occasion, in the order in which they were told."""

    def __init__(self) -> None:
        self._planned: list[_Planned] = []

    def plan(self, fault: Fault) -> None:
        self._planned.append(_Planned(fault))

    def clear(self) -> None:
        self._planned.clear()

    def strikes(self, kind: Kind, on: On = "answers") -> Fault | None:
        """The fault of this kind that strikes now; each is given its chance and counted."""
        for planned in self._planned:
            if planned.is_of(kind, on) and planned.strikes():
                return planned.fault
        return None

    def may_strike(self, kind: Kind, on: On = "answers") -> bool:
        """Whether a fault of this kind is still to come, or may; nothing is counted."""
        return any(planned.is_of(kind, on) and planned.left != 0 for planned in self._planned)


class _Planned:
    """A fault, how often it may still strike, and its dice."""

    def __init__(self, fault: Fault) -> None:
        self.fault: Final = fault
        self.left = fault.times
        self._spared = fault.skip
        self._dice = Random(fault.seed)  # noqa: S311  # a failure that can be run again is what it is for

    def is_of(self, kind: Kind, on: On) -> bool:
        return (self.fault.kind, self.fault.on) == (kind, on)

    def strikes(self) -> bool:
        if self._spared:
            self._spared -= 1
            return False
        if self.left == 0 or self._dice.randrange(1000) >= self.fault.per_mille:
            return False
        if self.left is not None:
            self.left -= 1
        return True
