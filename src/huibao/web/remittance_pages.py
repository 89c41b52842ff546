"""Statements of remittances as sheets of A4: totals by product, the amount in capitals, room for signatures, in both languages."""

from collections.abc import Sequence
from datetime import date, datetime
from html import escape
from typing import Final, NamedTuple

from huibao.core.capital import capital
from huibao.core.money import yuan
from huibao.core.time import SHANGHAI

_STATES: Final = {
    "listed": "已列 listed", "sent": "已发送 sent", "answered": "已答复 answered", "paid": "已付 paid", "failed": "未付 failed"}


class Total(NamedTuple):
    """What a product's batches come to."""

    product: str
    name: str
    batches: int
    lines: int
    fen: int
    paid_fen: int
    failed_fen: int


class Line(NamedTuple):
    """A line as it is printed."""

    entry: int
    order: str
    policy: str
    fen: int
    state: str


_STYLE: Final = """
@page{size:A4;margin:16mm 14mm 18mm;@bottom-right{content:counter(page) " / " counter(pages);font:9pt sans-serif;color:#555}}
*{box-sizing:border-box}
body{font:10.5pt/1.5 "Noto Sans CJK SC","Source Han Sans SC","PingFang SC","Microsoft YaHei","LXGW WenKai",system-ui,sans-serif;color:#111;
max-width:182mm;margin:12mm auto;padding:0 4mm}
h1{font-size:16pt;text-align:center;margin:0;letter-spacing:.08em}
.en{color:#555;font-size:.82em}h1 .en{display:block;letter-spacing:0;font-weight:normal}
.no{text-align:center;margin:.3em 0 1.2em}
h2{font-size:11pt;margin:1.4em 0 .4em;border-left:3px solid #111;padding-left:.5em}
table{width:100%;border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{border:.6pt solid #999;padding:.28em .5em;text-align:left;vertical-align:top}
th{font-weight:600;background:#f4f4f2;white-space:nowrap}th .en{display:block;font-weight:normal}
.n{text-align:right;white-space:nowrap}.facts th{width:24%}
.tight{font-size:9pt}.sum td{font-weight:600;background:#fafaf8}
.capital{border:.9pt solid #111;padding:.55em .7em;margin:1em 0;display:flex;justify-content:space-between;gap:1em;align-items:baseline}
.capital b{font-size:12pt}
.sign{display:grid;grid-template-columns:1fr 1fr;gap:0 8mm;margin-top:9mm;break-inside:avoid}
.sign div{border-bottom:.6pt solid #111;height:15mm;display:flex;align-items:flex-end;padding-bottom:1mm}
.lines{font-size:8.5pt}.lines thead{display:table-header-group}.lines tr{break-inside:avoid}
.foot{color:#555;font-size:8.5pt;margin-top:1em;overflow-wrap:anywhere}
@media print{body{margin:0;padding:0;max-width:none}}
@media (max-width:40rem){body{margin:4mm auto}.facts th{width:38%}.sign{grid-template-columns:1fr}.wide{overflow-x:auto}}
"""


def head(title: str, title_en: str, number: str, facts: Sequence[tuple[str, str, str]]) -> str:
    """The top of a statement: what it is, its number, and what it is about as rows of Chinese, English and value."""
    rows = "".join(f"<tr>{_th(zh, en)}<td>{escape(value)}" for zh, en, value in facts)
    return (f'<!doctype html><html lang="zh"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            f'<title>{escape(title)} {escape(number)}</title><link rel="icon" href="data:,"><style>{_STYLE}</style>'
            f'<h1>{escape(title)}<span class="en">{escape(title_en)}</span></h1><p class="no">{escape(number)}</p>'
            f'<table class="facts">{rows}</table>')


def totals(found: Sequence[Total]) -> str:
    """Totals by product, their sum, and what was paid in capitals."""
    rows = "".join(
        f'<tr><td>{escape(one.name)}<br><span class="en">{escape(one.product)}</span><td class="n">{one.batches}<td class="n">{one.lines:,}'
        f'<td class="n">{yuan(one.fen)}<td class="n">{yuan(one.paid_fen)}<td class="n">{yuan(one.failed_fen)}' for one in found)
    count, fen, paid, failed = (sum(column) for column in zip(*((one.lines, one.fen, one.paid_fen, one.failed_fen) for one in found),
                                                              strict=True)) if found else (0, 0, 0, 0)
    batches = sum(one.batches for one in found)
    return (f'<h2>按产品合计 <span class="en">Totals by product, yuan</span></h2><div class="wide"><table><thead><tr>{_th("产品", "product")}'
            f'{_th("批次", "batches")}{_th("笔数", "lines")}{_th("列入金额", "listed")}{_th("银行已付", "paid")}{_th("未付", "failed")}</thead>'
            f'<tbody>{rows}<tr class="sum"><td>合计 total<td class="n">{batches}<td class="n">{count:,}<td class="n">{yuan(fen)}'
            f'<td class="n">{yuan(paid)}<td class="n">{yuan(failed)}</tbody></table></div>'
            f'<div class="capital"><span>已付金额（大写） <span class="en">paid, in capitals</span></span><b>{capital(paid)}</b>'
            f'<span class="n">¥ {yuan(paid)}</span></div>')


def table(title: str, title_en: str, heads: Sequence[tuple[str, str]], rows: Sequence[Sequence[str]], numbers: int) -> str:
    """A table whose last `numbers` columns are figures."""
    texts = len(heads) - numbers
    body = "".join("<tr>" + "".join(f'<td{"" if n < texts else " class=n"}>{escape(cell)}' for n, cell in enumerate(row)) for row in rows)
    return (f'<h2>{escape(title)} <span class="en">{escape(title_en)}</span></h2><div class="wide"><table class="tight"><thead><tr>'
            f'{"".join(_th(zh, en) for zh, en in heads)}</thead><tbody>{body}</tbody></table></div>')


def lines_head() -> str:
    """Where the lines of a batch begin."""
    heads = (("序号", "no."), ("明细编号", "entry"), ("订单号", "order"), ("保单号", "policy"), ("状态", "state"), ("金额", "yuan"))
    return ('<h2>明细 <span class="en">Lines</span></h2><div class="wide"><table class="lines"><thead><tr>'
            f'{"".join(_th(zh, en) for zh, en in heads)}</thead><tbody>')


def lines(first: int, found: Sequence[Line]) -> str:
    """Lines from the number `first` on."""
    return "".join(
        f'<tr><td class="n">{n}<td class="n">{one.entry}<td>{one.order}<td>{one.policy}<td>{_STATES.get(one.state, one.state)}'
        f'<td class="n">{yuan(one.fen)}' for n, one in enumerate(found, first))


LINES_END: Final = "</tbody></table></div>"


def foot(at: datetime, agency: str, insurer: str, digest: str = "") -> str:
    """Signatures, and when and of what it was drawn."""
    of = f"文件摘要 SM3 {digest}<br>" if digest else ""
    signs = "".join(f"<div>{zh}&nbsp;<span class=en>{en}</span></div>" for zh, en in (
        ("制表：", "prepared by"), ("复核：", "checked by"), (f"{escape(agency)}（盖章）：", "agency, seal"),
        (f"{escape(insurer)}（盖章）：", "insurer, seal"), ("日期：", "date"), ("日期：", "date")))
    return (f'<div class="sign">{signs}</div><p class="foot">{of}{when(at)}（北京时间）生成，金额单位：元。'
            f'<span class="en">Drawn at this time in Beijing; amounts in yuan.</span></p></html>')


def state(code: str) -> str:
    return _STATES.get(code, code)


def when(at: datetime | None) -> str:
    return f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}" if at else "—"


def day(on: date) -> str:
    return f"{on.year} 年 {on.month} 月 {on.day} 日"


def _th(zh: str, en: str) -> str:
    return f'<th>{escape(zh)}<span class="en">{escape(en)}</span>'
