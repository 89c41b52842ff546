"""Money is an integer number of fen （分）; a ratio is an integer number of ten-thousandths.

Nothing here knows floating point: an amount arrives as text, as an integer of yuan or as a `Decimal`, and leaves as
an `int` of fen. A binary float is refused, since 2.675 yuan has none.
"""

import re
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache
from typing import Final

#: The whole of something: 100%.
WHOLE: Final = 10_000

#: No amount of a settlement reaches 1,000,000,000.00 yuan: `benefits` refuses it. Below that every product of the
#: benefit arithmetic fits 63 bits, so that columns and Python agree.
AMOUNT_LIMIT_FEN: Final = 100_000_000_000

#: An amount with more digits before its point than a database can keep is a mistake, and may take long to write out.
_MOST_DIGITS: Final = 60

_AMOUNT = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?")
_PLAIN = re.compile(r"[0-9]{1,15}\.[0-9]{2}")
_PERCENT = re.compile(r"([0-9]{1,3})(?:\.([0-9]{1,2}))?%")
#: Enough digits that no amount is cut before it is rounded.
_EXACT = Context(prec=200)
_NUMBERS: Final = (int, Decimal)


class MoneyError(ValueError):
    """A text that is not an amount of money, or not a ratio; the message says why."""


def fen(yuan: str | int | Decimal) -> int:
    """`yuan` in fen. More than two decimals are rounded half away from zero, so that a reversal is the exact negative.

    Raises `MoneyError` for floats, blanks, separators and whatever else is not a plain decimal number.
    """
    if isinstance(yuan, str):
        return _fen_of_text(yuan)
    if isinstance(yuan, bool) or not isinstance(yuan, _NUMBERS):
        raise MoneyError(f"{yuan!r} is not an amount: write yuan as text or as a decimal number")
    return _rounded(yuan)


#: A bill's amounts are asked for several times on the way from the message to what is told of it.
@lru_cache(maxsize=65_536)
def _fen_of_text(yuan: str) -> int:
    # Most amounts are written with two decimals: their digits are the fen.
    if _PLAIN.fullmatch(yuan):
        return int(yuan[:-3] + yuan[-2:])
    text = yuan.strip()
    if not _AMOUNT.fullmatch(text):
        raise MoneyError(f"{yuan!r} is not an amount in yuan: write digits with at most one point, such as 1234.50")
    return _rounded(Decimal(text))


def _rounded(yuan: int | Decimal) -> int:
    try:
        if not isinstance(yuan, int) and yuan.adjusted() > _MOST_DIGITS:
            raise MoneyError(f"an amount of {yuan.adjusted() + 1} digits is none")
        return int(_EXACT.scaleb(Decimal(yuan), 2).to_integral_value(ROUND_HALF_UP, _EXACT))
    except (ArithmeticError, ValueError) as error:
        raise error if isinstance(error, MoneyError) else MoneyError(f"{yuan!r} is not an amount in yuan") from None


@lru_cache(maxsize=65_536)
def yuan(amount_fen: int) -> str:
    """An amount as people read it: 5320000 fen is "53,200.00"."""
    sign = "-" if amount_fen < 0 else ""
    whole, cents = divmod(abs(amount_fen), 100)
    return f"{sign}{whole:,}.{cents:02d}"


def plain_yuan(amount_fen: int) -> str:
    """An amount as files carry it: 5320000 fen is "53200.00"."""
    return yuan(amount_fen).replace(",", "")


def ratio(text: str) -> int:
    """A percentage such as "70%" or "37.5%" in ten-thousandths; at most two decimals."""
    match = _PERCENT.fullmatch(text.strip())
    if not match:
        raise MoneyError(f'{text!r} is not a percentage: write "70%"')
    return int(match[1]) * 100 + int((match[2] or "0").ljust(2, "0"))


def percent(ten_thousandths: int) -> str:
    """A ratio as people read it: 7000 is "70%", 3750 is "37.5%"."""
    whole, rest = divmod(ten_thousandths, 100)
    return f"{whole}%" if rest == 0 else f"{whole}.{f'{rest:02d}'.rstrip('0')}%"


def half_up(numerator: int, denominator: int = WHOLE) -> int:
    """`numerator / denominator`, both at least zero, rounded half up."""
    return (2 * numerator + denominator) // (2 * denominator)


def apportion(total: int, weights: Iterable[int]) -> list[int]:
    """`total` split by `weights` on cumulative totals: it adds up exactly, and whole weights stay whole.

    All are at least zero. Where every weight is zero, so is every part, and the total is not placed.
    """
    listed = list(weights)
    whole = sum(listed)
    if whole == 0:
        return [0] * len(listed)
    parts, seen, placed = [], 0, 0
    for weight in listed:
        seen += weight
        upto = total * seen // whole
        parts.append(upto - placed)
        placed = upto
    return parts
