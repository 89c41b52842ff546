"""Statements as sheets of A4 that both sides sign, and as pages on a phone: what every one of them looks like, in both languages."""

from collections.abc import Sequence
from datetime import date, datetime
from html import escape
from typing import Final, Literal, NamedTuple

from huibao.core.capital import capital
from huibao.core.money import yuan
from huibao.core.time import SHANGHAI


class Both(NamedTuple):
    """Something in both languages, or a name with its code."""

    zh: str
    en: str


Cell = str | Both


class Column(NamedTuple):
    """A column by its heads: of figures, of names that are read as words, or of codes."""

    zh: str
    en: str
    of: Literal["figures", "names", "codes"] = "codes"


_STYLE: Final = """
@page{size:A4;margin:16mm 14mm 18mm;@bottom-right{content:counter(page) " / " counter(pages);font:9pt sans-serif;color:#555}}
*{box-sizing:border-box}
body{font:10.5pt/1.5 "Noto Sans CJK SC","Source Han Sans SC","PingFang SC","Microsoft YaHei","LXGW WenKai",system-ui,sans-serif;color:#111;
max-width:182mm;margin:12mm auto;padding:0 4mm}
h1{font-size:16pt;text-align:center;margin:0;letter-spacing:.08em}
.en{color:#555;font-size:.82em;font-weight:normal}h1 .en{display:block;letter-spacing:0;font-size:.65em}td .en{display:block}
.no{text-align:center;margin:.3em 0 1.2em}
h2{font-size:11pt;margin:1.4em 0 .4em;border-left:3px solid #111;padding-left:.5em}
table{width:100%;border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{border:.6pt solid #999;padding:.28em .5em;text-align:left;vertical-align:top}
th{font-weight:600;background:#f4f4f2;white-space:nowrap}th .en{display:block}
.figures{text-align:right;white-space:nowrap}.facts th{width:24%}.facts td{overflow-wrap:anywhere}
.tight{font-size:9pt}.sum td{font-weight:600;background:#fafaf8}
.lines{font-size:8.5pt}thead{display:table-header-group}tr{break-inside:avoid}
.capital{border:.9pt solid #111;padding:.55em .7em;margin:1em 0;display:flex;flex-wrap:wrap;justify-content:space-between;gap:.2em 1em;
align-items:baseline;break-inside:avoid}
.capital b{font-size:12pt}
.sign{display:grid;grid-template-columns:1fr 1fr;gap:0 8mm;margin-top:9mm;break-inside:avoid}
.sign div{border-bottom:.6pt solid #111;height:15mm;display:flex;flex-wrap:wrap;align-items:flex-end;align-content:flex-end;
padding-bottom:1mm}
.foot{color:#555;font-size:8.5pt;margin-top:1em;overflow-wrap:anywhere}
@media print{body{margin:0;padding:0;max-width:none}}
@media screen and (max-width:40rem){body{margin:4mm auto}.sign{grid-template-columns:1fr}
.facts th{width:36%;white-space:normal}.names{min-width:9em}.codes{white-space:nowrap}.capital span:first-child{flex-basis:100%}
.wide{overflow-x:auto;background:linear-gradient(90deg,#fff 40%,#fff0) 0 0/2.5rem 100% no-repeat local,
linear-gradient(270deg,#fff 40%,#fff0) 100% 0/2.5rem 100% no-repeat local,
linear-gradient(90deg,#0006,#0000) 0 0/.75rem 100% no-repeat,linear-gradient(270deg,#0006,#0000) 100% 0/.75rem 100% no-repeat}
.wide th,.wide .sum td{background:none}}
"""
#: Where a table ends that was opened.
TABLE_END: Final = "</tbody></table></div>"


def head(title: Both, number: str, facts: Sequence[tuple[str, str, Cell]]) -> str:
    """The top of a statement: what it is, its number, and what it is about as rows of Chinese, English and value."""
    rows = "".join(f"<tr>{_th(Both(zh, en))}<td>{_said(value)}" for zh, en, value in facts)
    return (f'<!doctype html><html lang="zh"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            f'<title>{escape(title.zh)} {escape(number)}</title><link rel="icon" href="data:,"><style>{_STYLE}</style>'
            f'<h1>{_said(title)}</h1><p class="no">{escape(number)}</p><table class="facts">{rows}</table>')


def table(title: Both, columns: Sequence[Column], rows: Sequence[Sequence[Cell]], total: Sequence[Cell] = ()) -> str:
    """A table under its title, on a narrow page as wide as it needs; the last row is the total of the others."""
    body = "".join(row(columns, cells) for cells in rows) + (row(columns, total, "sum") if total else "")
    return f"{table_head(title, columns)}{body}{TABLE_END}"


def table_head(title: Both, columns: Sequence[Column], style: Literal["tight", "lines"] = "tight") -> str:
    """Where a table begins whose rows come one after the other."""
    heads = "".join(_th(Both(one.zh, one.en), one.of) for one in columns)
    return f'<h2>{_said(title)}</h2><div class="wide"><table class="{style}"><thead><tr>{heads}</thead><tbody>'


def row(columns: Sequence[Column], cells: Sequence[Cell], style: str = "") -> str:
    """A row of a table, a cell for each column."""
    return (f'<tr class="{style}">' if style else "<tr>") + "".join(
        f'<td class="{column.of}">{_said(cell)}' for column, cell in zip(columns, cells, strict=True))


def amount(what: Both, fen: int) -> str:
    """What is signed for, in capitals and in figures."""
    return (f'<div class="capital"><span>{escape(what.zh)}（大写） <span class="en">{escape(what.en)}, in capitals</span></span>'
            f'<b>{capital(fen)}</b><span class="figures">¥ {yuan(fen)}</span></div>')


def foot(at: datetime, parties: Sequence[Both], digest: str = "") -> str:
    """Places for the signatures of who made it and of its parties, by name and role; when and of what it was drawn."""
    of = f"文件摘要 SM3 {digest}<br>" if digest else ""
    places = [Both("制表", "prepared by"), Both("复核", "checked by"), *(Both(f"{one.zh}（盖章）", f"{one.en}, seal") for one in parties)]
    places += [Both("日期", "date")] * (2 - len(places) % 2)               # each line has two
    signs = "".join(f'<div>{escape(zh)}：&nbsp;<span class="en">{escape(en)}</span></div>' for zh, en in places)
    return (f'<div class="sign">{signs}</div><p class="foot">{of}{when(at)}（北京时间）生成，金额单位：元。'
            f'<span class="en">Drawn at this time in Beijing; amounts in yuan.</span></p></html>')


def agency(programme: str) -> Both:
    """The agency of a programme as it signs."""
    return Both(f"{programme}医疗保障经办机构", "agency")


def when(at: datetime | None) -> str:
    return f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}" if at else "—"


def day(on: date) -> str:
    return f"{on.year} 年 {on.month} 月 {on.day} 日"


def _said(cell: Cell) -> str:
    return escape(cell) if isinstance(cell, str) else f'{escape(cell.zh)} <span class="en">{escape(cell.en)}</span>'


def _th(both: Both, style: str = "") -> str:
    return f'<th class="{style}">{_said(both)}' if style else f"<th>{_said(both)}"
