"""Columns of national fields to numbers: amounts to fen, dates to days, facts to codes.

Each is the reader of `reading` and `money` made fast: what the fast path does not understand goes, value by value, to
the same Python function that reads a single row, so that both understand the same texts.
"""

import re
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

import numba
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from huibao.benefits.arrays import Codes, Ints
from huibao.benefits.reading import BLANKS
from huibao.core import money
from huibao.core.time import business_date, moment

Mask = NDArray[np.bool_]
Hashes = NDArray[np.uint64]
Column = Any  # a pyarrow Array; pyarrow has no types

#: Nothing was said.
NULL: Final = -(1 << 62)
#: Something was said that no reader understands, or that is far beyond any bill.
BAD: Final = NULL + 1

#: Far beyond any bill, and well inside 63 bits.
_MOST_YUAN: Final = 10 ** 14

_EPOCH: Final = date(1970, 1, 1).toordinal()
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CLOCK: Final = r"^([T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?)?$"


def fen(column: Column) -> Ints:
    """Yuan in fen: `NULL` where nothing stands, `BAD` where no amount does."""
    kind = column.type
    if pa.types.is_null(kind):
        return np.full(len(column), NULL, np.int64)
    if pa.types.is_decimal128(kind) and kind.scale == 2 and kind.precision <= 18:
        return _with_nulls(np.frombuffer(column.buffers()[1], np.int64)[::2][column.offset: column.offset + len(column)], column)
    if pa.types.is_integer(kind):
        whole = pc.min_element_wise(column, pa.scalar(_MOST_YUAN, kind)) if pa.types.is_uint64(kind) else column
        whole = whole.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
        return _with_nulls(np.clip(whole, -_MOST_YUAN, _MOST_YUAN) * 100, column)
    text = column.cast(pa.large_string())
    is_number = pa.types.is_decimal(kind) or pa.types.is_floating(kind)
    return _reread(text, _parse_fen(*_bytes(text)), _fen_of_number if is_number else _fen_of)


def _with_nulls(values: Ints, column: Column) -> Ints:
    if column.null_count == 0:
        return values
    return np.where(column.is_valid().to_numpy(zero_copy_only=False), values, NULL)


def _fen_of(text: str) -> int:
    """One amount that the fast path did not understand."""
    if not text.strip(BLANKS):
        return NULL
    return _held(text)


def _fen_of_number(text: str) -> int:
    """One amount that was a number and is written with an exponent."""
    return _held(Decimal(text))


def _held(yuan: str | Decimal) -> int:
    try:
        amount = money.fen(yuan)
    except money.MoneyError:
        return BAD
    return amount if abs(amount) < 100 * _MOST_YUAN else BAD


def _reread(text: Column, values: Ints, read: Callable[[str], int]) -> Ints:
    for i in np.flatnonzero(values == BAD):
        values[i] = read(text[int(i)].as_py())
    return values


def _bytes(text: Column) -> tuple[Ints, NDArray[np.uint8]]:
    """Offsets and bytes of a large string array, nulls as blanks."""
    return _raw(text.fill_null(""), np.int64)


def _raw(text: Column, width: Any) -> tuple[Ints, NDArray[np.uint8]]:
    _, offsets, data = text.buffers()
    at = np.frombuffer(offsets, width)[text.offset: text.offset + len(text) + 1]
    return at, np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(1, np.uint8)


@numba.njit(cache=True)
def _parse_fen(at: Any, data: Any) -> Any:
    """`[+-]digits[.digits]`, rounded half away from zero; `NULL` for nothing, `BAD` for anything else."""
    out = np.empty(len(at) - 1, np.int64)
    for i in range(len(at) - 1):
        low, high = at[i], at[i + 1]
        if low == high:
            out[i] = NULL
            continue
        sign = np.int64(1)
        if data[low] == 43 or data[low] == 45:
            sign = 44 - np.int64(data[low])
            low += 1
        value, digits, decimals, up = np.int64(0), 0, -1, False
        good = True
        for k in range(low, high):
            c = data[k]
            if c == 46 and decimals < 0 and digits > 0:
                decimals = 0
            elif 48 <= c <= 57 and digits < 16:
                digits += 1
                if decimals == 2:
                    up = c >= 53
                if decimals < 2:
                    value = value * 10 + (np.int64(c) - 48)
                if decimals >= 0:
                    decimals += 1
            else:
                good = False
                break
        if not good or digits == 0:
            out[i] = BAD
            continue
        for _ in range(max(0, decimals), 2):
            value *= 10
        out[i] = sign * (value + (1 if up else 0))
    return out


def days(column: Column) -> Ints:
    """Business dates as days since 1970: `NULL` where nothing stands, `BAD` where no date does."""
    kind = column.type
    if pa.types.is_null(kind):
        return np.full(len(column), NULL, np.int64)
    if pa.types.is_date(kind) or (pa.types.is_timestamp(kind) and kind.tz is None):
        found = column.cast(pa.timestamp("us"), safe=False).cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
        return _with_nulls(found // 86_400_000_000, column)
    if pa.types.is_timestamp(kind):
        local = pc.local_timestamp(column.cast(pa.timestamp("us", "Asia/Shanghai"), safe=False))
        return days(local)
    text = column.cast(pa.large_string())
    head = pc.utf8_slice_codeunits(text, 0, 10)
    coded = head.dictionary_encode()
    of_word = np.array([_day_of(word) if not word or _DAY.fullmatch(word) else BAD
                        for word in coded.dictionary.to_pylist()] + [NULL], np.int64)
    found = of_word[coded.indices.fill_null(len(of_word) - 1).to_numpy(zero_copy_only=False)]
    tail_good = pc.match_substring_regex(pc.utf8_slice_codeunits(text, 10), _CLOCK).fill_null(True)
    found[~tail_good.to_numpy(zero_copy_only=False)] = BAD
    return _reread(text, found, _day_of)


def _day_of(text: str) -> int:
    if not text.strip():
        return NULL
    try:
        return business_date(moment(text)).toordinal() - _EPOCH
    except ValueError:
        return BAD


def day_number(day: date) -> int:
    """A date as days since 1970."""
    return day.toordinal() - _EPOCH


def coded(columns: Sequence[Column]) -> tuple[Codes, list[tuple[Any, ...]]]:
    """Rows of several columns as codes into their distinct combinations."""
    codes = np.zeros(len(columns[0]), np.int64)
    combinations: list[tuple[Any, ...]] = [()]
    for column in columns:
        if pa.types.is_null(column.type):
            combinations = [(*combination, None) for combination in combinations]
            continue
        encoded = column.dictionary_encode("encode")
        words = encoded.dictionary.to_pylist()
        codes = codes * len(words) + encoded.indices.to_numpy(zero_copy_only=False)
        if len(combinations) == 1:
            combinations = [(*combinations[0], word) for word in words]
        else:
            again = pa.array(codes).dictionary_encode()
            codes = again.indices.to_numpy().astype(np.int64)
            pairs = (divmod(code, len(words)) for code in again.dictionary.to_pylist())
            combinations = [(*combinations[one], words[other]) for one, other in pairs]
    return codes.astype(np.int32), combinations


def numbered(column: Column) -> Codes:
    """Each distinct value of a column as a number of this batch."""
    return np.asarray(column.dictionary_encode("encode").indices.to_numpy(zero_copy_only=False), dtype=np.int32)


def trimmed(column: Column) -> Column:
    """A column as text without surrounding blanks; nothing is a blank."""
    return pc.utf8_trim(column.cast(pa.large_string()), BLANKS).fill_null("")


def hashed(column: Column) -> Hashes:
    """A number for each text, equal for equal texts; 0 where nothing stands. Surrounding blanks do not count."""
    if pa.types.is_null(column.type):
        return np.zeros(len(column), np.uint64)
    if pa.types.is_string(column.type):
        at, data = _raw(column.fill_null(""), np.int32)
    else:
        at, data = _bytes(column.cast(pa.large_string()))
    return np.asarray(_hash(at, data))


@numba.njit(cache=True)
def _blank(data: Any, low: int, high: int) -> int:
    """How many bytes of white space a text begins with at `low`: 0, 1, 2 (no-break space) or 3 (ideographic space)."""
    c = data[low]
    if c == 32 or 9 <= c <= 13:
        return 1
    if c == 0xC2 and high - low >= 2 and data[low + 1] == 0xA0:
        return 2
    if c == 0xE3 and high - low >= 3 and data[low + 1] == 0x80 and data[low + 2] == 0x80:
        return 3
    return 0


@numba.njit(cache=True)
def _hash(at: Any, data: Any) -> Any:
    """A 64-bit hash of each text between its blanks; odd, or 0 where nothing stands."""
    out = np.empty(len(at) - 1, np.uint64)
    for i in range(len(at) - 1):
        low, high = at[i], at[i + 1]
        while low < high and (data[low] <= 32 or data[low] >= 0xC2):
            wide = _blank(data, low, high)
            if wide == 0:
                break
            low += wide
        # The end is looked at only where it may be a blank: white space, or the last byte of a wide one.
        while low < high and (data[high - 1] <= 32 or data[high - 1] == 0xA0 or data[high - 1] == 0x80):
            wide = 0
            for back in range(1, min(4, high - low + 1)):
                if _blank(data, high - back, high) == back:
                    wide = back
            if wide == 0:
                break
            high -= wide
        h = np.uint64(0xCBF29CE484222325)
        for k in range(low, high):
            h = (h ^ np.uint64(data[k])) * np.uint64(0x100000001B3)
        h ^= h >> np.uint64(32)
        h *= np.uint64(0x9E3779B97F4A7C15)
        out[i] = np.uint64(0) if low == high else h | np.uint64(1)
    return out
