"""Columns as PostgreSQL arrays, in binary, each of one type whatever its values: a statement is prepared once.

Left to itself the driver gives a list of small integers another type than a list of large ones, one of only None no type,
and one of texts no binary form.
"""

from collections.abc import Sequence
from datetime import date, datetime
from struct import Struct
from typing import Any, ClassVar, Final

import numpy as np
from psycopg import AsyncConnection, Connection
from psycopg.adapt import Buffer, Dumper
from psycopg.pq import Format

from huibao.core.time import unix_us

_HEADER: Final = Struct(">iiIii")
_LENGTH: Final = Struct(">i")
_NULL: Final = _LENGTH.pack(-1)
_INT8: Final = Struct(">iq")
_INT4: Final = Struct(">ii")
#: From so many elements on it is worth the call.
_LONG: Final = 64
_INT8S: Final = np.dtype([("length", ">i4"), ("value", ">i8")])
#: PostgreSQL counts from 2000-01-01.
_EPOCH_US: Final = 946_684_800_000_000
_EPOCH_DAY: Final = date(2000, 1, 1).toordinal()


class Column:
    """The values of a column; None is NULL."""

    __slots__ = ("values",)
    array_oid: ClassVar[int]
    element_oid: ClassVar[int]

    def __init__(self, values: Sequence[Any]) -> None:
        self.values = values

    def binary(self) -> bytes:
        """The array as PostgreSQL sends and takes it: a header, then each element after its length."""
        values = self.values
        if values and values.count(values[0]) < len(values):
            elements = self.elements()
        else:
            # Most columns of a batch have one value, or none at all.
            elements = b"".join(_NULL if value is None else self.element(value) for value in values[:1]) * len(values)
        return _HEADER.pack(1, None in values, self.element_oid, len(values), 1) + elements

    def elements(self) -> bytes:
        """Values that are not all the same, each after its length."""
        return b"".join([_NULL if value is None else self.element(value) for value in self.values])

    @staticmethod
    def element(value: Any) -> bytes:
        """A value after its length."""
        raise NotImplementedError


class Int8s(Column):
    """bigint[]: integers."""

    __slots__ = ()
    array_oid, element_oid = 1016, 20

    def elements(self) -> bytes:
        """As of any column; a long one without gaps is laid out at once."""
        if len(self.values) < _LONG or None in self.values:
            return super().elements()
        laid = np.empty(len(self.values), _INT8S)
        laid["length"], laid["value"] = 8, self.values
        return laid.tobytes()

    @staticmethod
    def element(value: int) -> bytes:
        return _INT8.pack(8, value)


class _Repeating(Column):
    """Values that come again and again: each is laid out once."""

    __slots__ = ()

    def elements(self) -> bytes:
        """As of any column."""
        known = {value: _NULL if value is None else self.element(value) for value in set(self.values)}
        return b"".join([known[value] for value in self.values])


class Texts(_Repeating):
    """text[]: str."""

    __slots__ = ()
    array_oid, element_oid = 1009, 25

    @staticmethod
    def element(value: str) -> bytes:
        data = value.encode()
        return _LENGTH.pack(len(data)) + data


class Byteas(Column):
    """bytea[]: bytes."""

    __slots__ = ()
    array_oid, element_oid = 1001, 17

    def elements(self) -> bytes:
        """As of any column; digests, which are all of one length, are laid out at once."""
        if None in self.values or len({len(value) for value in self.values}) > 1:
            return super().elements()
        length = _LENGTH.pack(len(self.values[0]))
        return length + length.join(self.values)

    @staticmethod
    def element(value: bytes) -> bytes:
        return _LENGTH.pack(len(value)) + value


class Dates(_Repeating):
    """date[]: datetime.date."""

    __slots__ = ()
    array_oid, element_oid = 1182, 1082

    @staticmethod
    def element(value: date) -> bytes:
        return _INT4.pack(4, value.toordinal() - _EPOCH_DAY)


class Times(Column):
    """timestamptz[]: aware datetime.datetime, to the microsecond."""

    __slots__ = ()
    array_oid, element_oid = 1185, 1184

    @staticmethod
    def element(value: datetime) -> bytes:
        return _INT8.pack(8, unix_us(value) - _EPOCH_US)


class Uuids(Byteas):
    """uuid[]: their 16 bytes."""

    __slots__ = ()
    array_oid, element_oid = 2951, 2950


def scalar(value: object) -> tuple[int, bytes]:
    """A single value with its type, in the binary form that it has as an element."""
    column = next(column for kind, column in _SINGLE if isinstance(value, kind))
    return column.element_oid, column.element(value)[4:]


#: datetime before date, since it is one.
_SINGLE: Final[tuple[tuple[type, type[Column]], ...]] = (
    (int, Int8s), (str, Texts), (bytes, Byteas), (datetime, Times), (date, Dates))


class _ColumnDumper(Dumper):
    """A column as an ordinary parameter of psycopg's."""

    format = Format.BINARY

    def dump(self, obj: Column) -> Buffer:
        return obj.binary()


def register(connection: AsyncConnection[Any] | Connection[Any]) -> None:
    """Teaches a connection the columns of this module."""
    for column in (Int8s, Texts, Byteas, Dates, Times, Uuids):
        dumper = type(f"{column.__name__}Dumper", (_ColumnDumper,), {"oid": column.array_oid})
        connection.adapters.register_dumper(column, dumper)
