"""Numbers that people read and type: an order's, a policy's within it, a settlement's.

An order of programme 540000 is 540000-000000000123-2, where 2 checks the digits before it; its second policy is
540000-000000000123-2-02. A settlement has an S before its digits, 540000-S000000000124-0, a refund an R. A slip of one digit or a
swap of neighbours is noticed.
"""

import re
from functools import lru_cache
from typing import Final

_NUMBER: Final = re.compile(r"([0-9]{6})-([0-9]{12})-([0-9])(?:-([0-9]{2}))?")

_LETTERED: Final = re.compile(r"([0-9]{6})-([RS])([0-9]{12})-([0-9])")

#: Damm's quasigroup: a check digit that catches all single errors and all swaps of neighbours.
_DAMM: Final = tuple({digit: int(next_) for digit, next_ in zip("0123456789", row, strict=True)} for row in (
    "0317598642", "7092154863", "4206871359", "1750983426", "6123045978",
    "3674209581", "5869720134", "8945362017", "9438617205", "2581436790"))


@lru_cache(maxsize=4096)
def order_number(programme: str, order: int) -> str:
    """The number of an order by its id."""
    digits = f"{order:012d}"
    return f"{programme}-{digits}-{_check(programme + digits)}"


def policy_number(programme: str, order: int, position: int) -> str:
    """The number of a policy: its order's, and its place in it from 1."""
    return f"{order_number(programme, order)}-{position:02d}"


def settlement_number(programme: str, settlement: int) -> str:
    """The number of a settlement by its id."""
    return _lettered(programme, "S", settlement)


def read_settlement(programme: str, number: str) -> int | None:
    """The id of a settlement; None for another programme's, a mistyped or no number."""
    return _read_lettered(programme, "S", number)


def refund_number(programme: str, refund: int) -> str:
    """The number of a refund by its id."""
    return _lettered(programme, "R", refund)


def read_refund(programme: str, number: str) -> int | None:
    """The id of a refund; None for another programme's, a mistyped or no number."""
    return _read_lettered(programme, "R", number)


@lru_cache(maxsize=4096)
def _lettered(programme: str, letter: str, id: int) -> str:
    digits = f"{id:012d}"
    return f"{programme}-{letter}{digits}-{_check(programme + digits)}"


def _read_lettered(programme: str, letter: str, number: str) -> int | None:
    match = _LETTERED.fullmatch(number.strip())
    if match is None or (match[1], match[2]) != (programme, letter) or str(_check(match[1] + match[3])) != match[4]:
        return None
    return int(match[3])


def read_number(programme: str, number: str) -> tuple[int, int | None] | None:
    """Order id and, for a policy's number, its place; None for another programme's, a mistyped or no number."""
    match = _NUMBER.fullmatch(number.strip())
    if match is None or match[1] != programme or str(_check(match[1] + match[2])) != match[3]:
        return None
    return int(match[2]), int(match[4]) if match[4] else None


def _check(digits: str) -> int:
    interim = 0
    for digit in digits:
        interim = _DAMM[interim][digit]
    return interim
