"""Rule files people write: read key by key, and every mistake reported with its file, key, clause and mend.

A reader goes on after a mistake (with a harmless value in its place), so that an author sees all of them at once;
`Source.done()` raises when there were any. Keys nobody asked for are mistakes too.
"""

import difflib
import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from huibao.core import money

T = TypeVar("T")
Choice = TypeVar("Choice", bound=str)


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a rule file: where, what, under which clause, and what to write instead."""

    file: str
    key: str
    zh: str
    en: str
    clause: str | None = None

    def __str__(self) -> str:
        clause = f"〔{self.clause}〕" if self.clause else ""
        return f"{self.file} · {self.key}{clause}：{self.zh}\n    {self.en}"


class FileRefused(Exception):
    """A rule file that does not load; `problems` lists every reason found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


@dataclass(slots=True)
class Source:
    """A rule file while it is read."""

    file: str
    text: str
    problems: list[Problem] = field(default_factory=list)

    @classmethod
    def open(cls, path: Path) -> "Source":
        return cls(path.name, path.read_text("utf-8"))

    def root(self) -> "Table":
        """The whole file as a table. Raises `FileRefused` where it is not TOML."""
        try:
            return Table(self, "", tomllib.loads(self.text, parse_float=Decimal))
        except tomllib.TOMLDecodeError as error:
            self.problem("", f"不是有效的 TOML 文件：{error}", f"not valid TOML: {error}")
            raise FileRefused(self.problems) from None

    def problem(self, key: str, zh: str, en: str, clause: str | None = None) -> None:
        self.problems.append(Problem(self.file, key or "（文件）", zh, en, clause))

    def done(self) -> None:
        """Raises `FileRefused` with every problem found, if any."""
        if self.problems:
            raise FileRefused(self.problems)


class Table:
    """A TOML table that is read key by key; what was not asked for is a mistake (`close`)."""

    def __init__(self, source: Source, path: str, values: dict[str, Any]) -> None:
        self.source = source
        self.path = path
        self._values = values
        self._asked: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def at(self, key: str) -> str:
        """The full path of a key, as messages name it."""
        return f"{self.path}.{key}" if self.path else key

    def keys(self) -> list[str]:
        return list(self._values)

    def problem(self, key: str, zh: str, en: str, clause: str | None = None) -> None:
        self.source.problem(self.at(key) if key else self.path, zh, en, clause)

    def raw(self, key: str) -> Any:
        """The value as TOML has it, or None."""
        self._asked.add(key)
        return self._values.get(key)

    def text(self, key: str, default: str | None = None) -> str:
        value = self._need(key, default)
        if isinstance(value, str) and (value.strip() or default == ""):
            return value
        return self._wrong(key, value, "文字", 'text in quotes, such as "…"', default or "", default is not None)

    def choice(self, key: str, allowed: Iterable[Choice], default: Choice | None = None) -> Choice:
        options = {str(option): option for option in allowed}
        value = self.raw(key)
        if isinstance(value, str) and value in options:
            return options[value]
        if value is not None or default is None:
            said = f"“{value}”不在可选值之内" if value is not None else "缺少此键"
            said_en = f"{value!r} is not a known value{_nearest(str(value), list(options))}" if value is not None else "missing"
            self.problem(key, f"{said}，请写：{'、'.join(options)}", f"{said_en}; write one of: {', '.join(options)}")
        return default if default is not None else next(iter(options.values()))

    def flag(self, key: str, default: bool | None = None) -> bool:
        value = self._need(key, default)
        if isinstance(value, bool):
            return value
        return self._wrong(key, value, "true 或 false", "true or false", bool(default), default is not None)

    def whole(self, key: str, default: int | None = None, least: int = 0) -> int:
        value = self._need(key, default)
        if isinstance(value, int) and not isinstance(value, bool) and value >= least:
            return value
        return self._wrong(key, value, f"不小于 {least} 的整数", f"a whole number of at least {least}", default or least,
                           default is not None)

    def yuan(self, key: str, default_fen: int | None = None) -> int:
        """An amount written in yuan, in fen."""
        value = self._need(key, default_fen)
        if key not in self._values and default_fen is not None:
            return default_fen
        return self.amount(key, value)

    def amount(self, key: str, value: Any) -> int:
        """`value`, found under `key`, as an amount of yuan that is not negative, in fen."""
        try:
            amount = -1 if value is None else money.fen(value)
            if amount >= 0 and Decimal(str(value)) * 100 == amount:
                return amount
        except money.MoneyError:
            pass
        return self._wrong(key, value, "不为负、最多两位小数的元", "yuan, not negative, two decimals at most", 0, False)

    def ratio(self, key: str, default: str | None = None, most: int = money.WHOLE) -> int:
        """A percentage, in ten-thousandths."""
        value = self._need(key, default)
        return self.percentage(key, value, most)

    def percentage(self, key: str, value: Any, most: int = money.WHOLE) -> int:
        """`value`, found under `key`, as a percentage, in ten-thousandths."""
        try:
            if isinstance(value, str) and (read := money.ratio(value)) <= most:
                return read
        except money.MoneyError:
            pass
        return self._wrong(key, value, f"不超过 {money.percent(most)} 的百分数，如 \"70%\"",
                           f'a percentage in quotes of at most {money.percent(most)}, such as "70%"', 0, False)

    def day(self, key: str, default: date | None = None) -> date:
        value = self._need(key, default)
        if type(value) is date:
            return value
        return self._wrong(key, value, "日期，如 2025-07-01", "a date without quotes, such as 2025-07-01",
                           default or date(2000, 1, 1), default is not None)

    def optional_day(self, key: str) -> date | None:
        return self.day(key) if key in self._values else None

    def texts(self, key: str, default: Sequence[str] | None = None) -> tuple[str, ...]:
        value = self._need(key, default)
        if isinstance(value, list | tuple) and all(isinstance(v, str) and v.strip() for v in value):
            return tuple(value)
        return self._wrong(key, value, "文字列表，如 [\"甲\", \"乙\"]", 'a list of texts, such as ["a", "b"]',
                           tuple(default or ()), default is not None)

    def choices(self, key: str, allowed: Iterable[str], default: Sequence[str] | None = None) -> tuple[str, ...]:
        options = list(allowed)
        values = self.texts(key, default)
        for value in values:
            if value not in options:
                self.problem(key, f"“{value}”不在可选值之内，请写：{'、'.join(options)}",
                             f"{value!r} is not a known value{_nearest(value, options)}; "
                             f"write some of: {', '.join(options)}")
        return tuple(v for v in values if v in options)

    def table(self, key: str) -> "Table":
        """A sub-table; an absent one reads as empty, so that its needed keys are reported by name."""
        value = self.raw(key)
        if value is not None and not isinstance(value, dict):
            self._wrong(key, value, f"表 [{self.at(key)}]", f"a table [{self.at(key)}]", None, True)
            value = {}
        return Table(self.source, self.at(key), value or {})

    def tables(self, key: str) -> list["Table"]:
        """An array of tables (`[[key]]`, or a list of inline tables); absent reads as empty."""
        value = self.raw(key)
        if value is None:
            return []
        if isinstance(value, dict):
            value = [value]
        if not isinstance(value, list) or not all(isinstance(v, dict) for v in value):
            self._wrong(key, value, f"表的列表 [[{self.at(key)}]]", f"a list of tables [[{self.at(key)}]]", None, True)
            return []
        return [Table(self.source, f"{self.at(key)}[{i}]", v) for i, v in enumerate(value, 1)]

    def each(self, key: str, read: Callable[["Table"], Any]) -> tuple[Any, ...]:
        """Every table of an array, read and closed."""
        out = []
        for table in self.tables(key):
            out.append(read(table))
            table.close()
        return tuple(out)

    def close(self) -> None:
        """Reports every key that nobody asked for."""
        for key in self._values:
            if key not in self._asked:
                known = sorted(self._asked)
                self.problem(key, f"不认识的键；此处可写：{'、'.join(known)}",
                             f"unknown key{_nearest(key, known)}; known here: {', '.join(known)}")

    def _need(self, key: str, default: Any) -> Any:
        value = self.raw(key)
        return default if value is None else value

    def _wrong(self, key: str, value: Any, zh: str, en: str, fallback: T, optional: bool) -> T:
        if value is None:
            if not optional:
                self.problem(key, f"缺少此键，请写{zh}", f"missing; write {en}")
        else:
            self.problem(key, f"写作 {_shown(value)}，应为{zh}", f"is {_shown(value)}; write {en}")
        return fallback


def _shown(value: Any) -> str:
    """A value as the author wrote it."""
    return str(value) if isinstance(value, Decimal) else repr(value)


def _nearest(word: str, options: Sequence[str]) -> str:
    close = difflib.get_close_matches(word, options, 1)
    return f" (did you mean {close[0]!r}?)" if close else ""
