"""Columns as PostgreSQL arrays, in binary, each of one type whatever its values: a statement is prepared once.

Left to itself the driver gives a list of small integers another type than a list of large ones, one of only None no type,
and one of texts no binary form.
"""

from collections.abc import Sequence
from datetime import date, datetime
from struct import Struct
from typing import Any, ClassVar, Final
from uuid import UUID

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
        parts = [_NULL if value is None else self.element(value) for value in self.values]
        return _HEADER.pack(1, _NULL in parts, self.element_oid, len(parts), 1) + b"".join(parts)

    @staticmethod
    def element(value: Any) -> bytes:
        """A value after its length."""
        raise NotImplementedError


class Int8s(Column):
    """bigint[]: integers."""

    __slots__ = ()
    array_oid, element_oid = 1016, 20

    def binary(self) -> bytes:
        """As any column; a long one without gaps is laid out at once."""
        if len(self.values) < _LONG or None in self.values:
            return super().binary()
        elements = np.empty(len(self.values), _INT8S)
        elements["length"], elements["value"] = 8, self.values
        return _HEADER.pack(1, False, self.element_oid, len(elements), 1) + elements.tobytes()

    @staticmethod
    def element(value: int) -> bytes:
        return _INT8.pack(8, value)


class Texts(Column):
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

    @staticmethod
    def element(value: bytes) -> bytes:
        return _LENGTH.pack(len(value)) + value


class Dates(Column):
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


class Uuids(Column):
    """uuid[]: uuid.UUID."""

    __slots__ = ()
    array_oid, element_oid = 2951, 2950

    @staticmethod
    def element(value: UUID) -> bytes:
        return _LENGTH.pack(16) + value.bytes


def scalar(value: object) -> tuple[int, bytes]:
    """A single value with its type, in the binary form that it has as an element."""
    column = next(column for kind, column in _SINGLE if isinstance(value, kind))
    return column.element_oid, column.element(value)[4:]


#: datetime before date, since it is one.
_SINGLE: Final[tuple[tuple[type, type[Column]], ...]] = (
    (int, Int8s), (str, Texts), (bytes, Byteas), (datetime, Times), (date, Dates), (UUID, Uuids))


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
