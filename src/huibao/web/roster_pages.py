"""Statements of rosters to print and to open in a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from typing import Final

from huibao.core.money import plain_yuan, yuan
from huibao.core.time import SHANGHAI
from huibao.sponsored.model import RosterStatement
from huibao.sponsored.words import KINDS, STATES

#: What tells spreadsheets that a file is UTF-8.
_MARK: Final = "\ufeff"
#: A cell that begins so is a formula to a spreadsheet.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def csv_lines(rows: Iterable[Sequence[object]]) -> bytes:
    """Rows as CSV; a text that a spreadsheet would take for a formula is marked as text."""
    made = io.StringIO()
    csv.writer(made).writerows([_cell(value) for value in row] for row in rows)
    return made.getvalue().encode()


def _cell(value: object) -> object:
    if value is None:
        return ""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


REJECTED_HEAD: Final = _MARK.encode() + csv_lines([("行", "代码", "条款", "原因", "reason")])


def statement_csv(found: RosterStatement) -> bytes:
    """A statement as two columns and a table: what a ledger is compared with."""
    rows: list[Sequence[object]] = [*_head(found), (), ("人员类别", "人数", "保费（元）")]
    rows += [(one.zh, one.count, plain_yuan(one.premium_fen)) for one in found.categories]
    rows += [("合计", found.enrolled, plain_yuan(found.premium_fen)), (), ("不受理原因", "人数")]
    rows += [(one.zh, one.count) for one in found.reasons]
    return _MARK.encode() + csv_lines([*rows, ("合计", found.rejected)])


def statement_page(found: RosterStatement) -> str:
    """A statement as one sheet of paper."""
    head = "".join(f"<tr><th>{escape(str(name))}<td>{escape(str(value))}" for name, value in _head(found))
    paid = "".join(f"<tr><td>{escape(one.zh)}<td>{one.count}<td>{yuan(one.premium_fen)}" for one in found.categories)
    refused = "".join(f"<tr><td>{escape(one.zh)}<td>{one.count}" for one in found.reasons)
    return f"""<!doctype html><html lang="zh"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{escape(found.title)} {found.roster}</title><link rel="icon" href="data:,">
<style>body{{font:15px/1.6 "LXGW WenKai",serif;margin:2rem auto;max-width:46rem;padding:0 1rem}}table{{width:100%;border-collapse:collapse}}
td,th{{border:1px solid #999;padding:.25rem .5rem;text-align:left;font-weight:normal;
overflow-wrap:anywhere}}td+td{{text-align:right}}h2{{font-size:1rem}}
@page{{size:A4;margin:2cm}}</style>
<h1>{escape(found.title)}</h1><table>{head}</table>
<h2>承保与保费</h2><table><tr><th>人员类别<th>人数<th>保费（元）{paid}<tr><td>合计<td>{found.enrolled}<td>{yuan(found.premium_fen)}</table>
<h2>不受理（不承保、不收费）</h2><table><tr><th>原因<th>人数{refused}<tr><td>合计<td>{found.rejected}</table></html>
"""


def _head(found: RosterStatement) -> list[tuple[str, object]]:
    return [
        ("名册编号", found.roster), ("资助方", found.sponsor), ("资助方式", KINDS[found.kind]), ("产品", f"{found.product_name}（{found.product}）"),
        ("主承保机构", found.insurer), ("状态", STATES[found.state]), ("文件摘要（SM3）", found.digest), ("收到", _when(found.received_at)),
        ("确认", _when(found.confirmed_at)), ("办结", _when(found.ended_at)), ("名册人数", found.lines), ("承保人数", found.enrolled),
        ("不受理人数", found.rejected), ("尚未办理人数", found.still_open), ("应付保费（元）", plain_yuan(found.premium_fen))]


def _when(at: datetime | None) -> str:
    return f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}" if at else "—"
