"""A roster's CSV as it comes over the wire, piece by piece: what each line says of a person, or why it says nothing.

UTF-8, with or without a mark, or GB 18030. A row is a line, whatever stands in it: a quote that nobody closed must not swallow
the people that follow. No more is held than one line and, until the encoding is known, the file's beginning.
"""

import codecs
import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from huibao.core.refusal import Refusal
from huibao.scheme.words import HARDSHIPS
from huibao.sponsored import refusals

#: What the columns may be called; the first of each is what the documents say.
NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "identity": ("证件号码", "身份证号", "身份证号码", "identity"),
    "psn_no": ("人员编号", "个人编号", "psn_no"),
    "name": ("姓名", "name"),
    "category": ("人员类别", "困难类别", "类别", "category"),
    "tier": ("档次", "tier"),
    "phone": ("手机号", "联系电话", "phone"),
    "note": ("备注", "note"),
}
#: Categories as files write them: hardships by name or code; who claims none pays what the plan asks of anybody.
CATEGORIES: Final[Mapping[str, str | None]] = {
    **{code: code for code in HARDSHIPS}, **{name: code for code, name in HARDSHIPS.items()},
    "特困": "destitute", "低保": "subsistence-allowance", "": None, "none": None, "无": None, "普通": None, "职工": None, "员工": None}

#: Bytes of the longest line, and of the beginning that tells the encoding.
LONGEST: Final = 4096
_BEGINNING: Final = 1 << 16

_FIELDS: Final = {name: field for field, names in NAMES.items() for name in names}
_CONTROL: Final = re.compile("[\0-\x08\x0a-\x1f\x7f]")
_NOTHING: Final = re.compile(r"[\s,\"]*")


@dataclass(frozen=True, slots=True)
class Row:
    """What a line says. `line` is its number in the file, whose header is line 1; numbers and names are as written."""

    line: int
    identity: str
    psn_no: str
    name: str
    category: str | None
    tier: str | None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that names nobody."""

    line: int
    why: Refusal


class SheetRefused(Exception):
    """A file that is no roster: nothing of it is taken."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal


class Sheet:
    """A file while it is read. Blank lines are nothing. Raises `SheetRefused` once the header is there and is none."""

    def __init__(self) -> None:
        self._line = 0
        self._rest = b""
        self._is_skipping = False
        self._held: list[tuple[int, bytes]] = []
        self._held_bytes = 0
        self._encoding: str | None = None
        self._fields: list[str] = []

    def feed(self, data: bytes) -> Iterator[Row | Rejected]:
        """What the whole lines of the file so far say that said nothing before."""
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = b""
        for raw in lines:
            yield from self._whole(raw)
        if len(rest) > LONGEST and not self._is_skipping:
            yield from self._whole(rest)
            self._is_skipping = True
        elif not self._is_skipping:
            self._rest = rest

    def end(self) -> Iterator[Row | Rejected]:
        """What was held back, and the last line where no line break ends it."""
        if self._rest:
            yield from self._whole(self._rest)
            self._rest = b""
        if not self._fields:
            raise SheetRefused(refusals.header_wrong(0))
        yield from self._known()

    def _whole(self, raw: bytes) -> Iterator[Row | Rejected]:
        """A line; the end of one that is skipped is none."""
        if self._is_skipping:
            self._is_skipping = False
            return
        self._line += 1
        if self._line == 1:
            self._head(raw)
        elif self._encoding is not None:
            yield from self._said(self._line, raw)
        else:
            self._held.append((self._line, raw))
            self._held_bytes += len(raw) + 1
            if self._held_bytes >= _BEGINNING:
                yield from self._known()

    def _known(self) -> Iterator[Row | Rejected]:
        """The encoding as most lines of the beginning have it: one broken line decides nothing."""
        if self._encoding is None:
            telling = [raw for _, raw in self._held if not raw.isascii()]
            readable = sum(_decoded(raw, "utf-8") is not None for raw in telling)
            self._encoding = "utf-8" if 2 * readable >= len(telling) else "gb18030"
        held, self._held = self._held, []
        for line, raw in held:
            yield from self._said(line, raw)

    def _head(self, raw: bytes) -> None:
        """The names of the columns; in Chinese they tell the encoding."""
        has_mark = raw.startswith(codecs.BOM_UTF8)
        raw = raw.removeprefix(codecs.BOM_UTF8).removesuffix(b"\r")
        if has_mark or not raw.isascii():
            self._encoding = "utf-8" if _decoded(raw, "utf-8") is not None else "gb18030"
        text = _decoded(raw, self._encoding or "utf-8") if len(raw) <= LONGEST else None
        names = [name.strip() for name in _cells(text) or []] if text else []
        for number, name in enumerate(names, 1):
            if name not in _FIELDS:
                raise SheetRefused(refusals.header_wrong(number))
        self._fields = [_FIELDS[name] for name in names]
        if len(set(self._fields)) < len(names) or "name" not in self._fields or not {"identity", "psn_no"} & set(self._fields):
            raise SheetRefused(refusals.header_wrong(0))

    def _said(self, line: int, raw: bytes) -> Iterator[Row | Rejected]:
        if len(raw) > LONGEST:
            yield Rejected(line, refusals.LINE_TOO_LONG)
            return
        text = _decoded(raw.removesuffix(b"\r"), self._encoding or "utf-8")
        if text is None or _CONTROL.search(text):
            yield Rejected(line, refusals.NOT_TEXT)
        elif not _NOTHING.fullmatch(text):
            yield self._row(line, text)

    def _row(self, line: int, text: str) -> Row | Rejected:
        cells = _cells(text)
        if cells is None or len(cells) != len(self._fields):
            return Rejected(line, refusals.uneven(len(self._fields), len(cells or ())))
        said = dict(zip(self._fields, cells, strict=True))
        # An apostrophe before a number is how spreadsheets are told that it is text.
        identity, psn_no = (said.get(field, "").strip().lstrip("'’‘") for field in ("identity", "psn_no"))
        category = said.get("category", "").strip()
        if not identity and not psn_no:
            return Rejected(line, refusals.NO_NUMBER)
        if not said["name"].strip():
            return Rejected(line, refusals.NO_NAME)
        if category not in CATEGORIES:
            return Rejected(line, refusals.CATEGORY_UNKNOWN)
        return Row(line, identity, psn_no, said["name"], CATEGORIES[category], said.get("tier", "").strip() or None)


def _cells(text: str) -> Sequence[str] | None:
    """The values of one line; None where a quote is left open or stands in the wrong place."""
    if '"' not in text:
        return text.split(",")
    try:
        [cells] = csv.reader([text], strict=True)
    except (csv.Error, ValueError):
        return None
    return cells


def _decoded(data: bytes, code: str) -> str | None:
    try:
        return data.decode(code)
    except UnicodeDecodeError:
        return None
