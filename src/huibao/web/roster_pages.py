"""Statements of rosters to print and to open in a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from huibao.core.money import plain_yuan, yuan
from huibao.core.time import SHANGHAI
from huibao.sponsored.model import RosterStatement
from huibao.sponsored.words import KINDS, STATEMENTS_EN, STATES
from huibao.web import paper
from huibao.web.paper import Both, Column

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
    rows: list[Sequence[object]] = [("名册编号", found.roster)]
    rows += [(zh, value if isinstance(value, str) else value.zh) for zh, _, value in _facts(found)]
    rows += [(f"{column.zh}人数", count) for column, count in zip(_PEOPLE, _people(found), strict=True)]
    rows += [("应付保费（元）", plain_yuan(found.premium_fen)), ("替换自购保单数", found.replaced),
             ("退还自购保费（元）", plain_yuan(found.returned_fen))]
    rows += [(), ("人员类别", "人数", "保费（元）"), *((one.zh, one.count, plain_yuan(one.premium_fen)) for one in found.categories)]
    rows += [("合计", found.enrolled, plain_yuan(found.premium_fen)), (), ("不受理原因", "人数"), *((one.zh, one.count) for one in found.reasons)]
    return _MARK.encode() + csv_lines([*rows, ("合计", found.rejected)])


_PEOPLE: Final = tuple(Column(zh, en, "figures") for zh, en in (
    ("名册", "in the file"), ("承保", "enrolled"), ("不受理", "rejected"), ("尚未办理", "still open")))
_CATEGORIES: Final = (Column("人员类别", "category", "names"), Column("人数", "people", "figures"), Column("保费", "premium", "figures"))
_REASONS: Final = (Column("原因", "reason", "names"), Column("人数", "people", "figures"))
_RETURNED: Final = (Column("退还自购保费", "own premium that goes back", "names"), Column("保单", "policies", "figures"),
                    Column("退还", "returned", "figures"))


def statement_page(found: RosterStatement, programme: str, at: datetime) -> str:
    """A statement as sheets of A4, signed by sponsor, agency and insurer."""
    paid = [(Both(one.zh, one.category if one.category != "none" else "no hardship"), f"{one.count:,}", yuan(one.premium_fen))
            for one in found.categories]
    refused = [(Both(one.zh, one.en), f"{one.count:,}") for one in found.reasons]
    title = Both(found.title, STATEMENTS_EN[found.kind])
    return (
        paper.head(title, f"No. {found.roster}", _facts(found))
        + paper.table(Both("人数", "People"), _PEOPLE, [tuple(f"{count:,}" for count in _people(found))])
        + paper.table(Both("承保与保费", "Enrolled, with premium in yuan"), _CATEGORIES, paid,
                      ("合计 total", f"{found.enrolled:,}", yuan(found.premium_fen)))
        + paper.amount(Both("应付保费", "premium payable"), found.premium_fen)
        + (_given_back(found) if found.replaced else "")
        + paper.table(Both("不受理（不承保、不收费）", "Rejected: neither covered nor charged"), _REASONS, refused,
                      ("合计 total", f"{found.rejected:,}"))
        + paper.foot(at, (Both(found.sponsor, "sponsor"), paper.agency(programme), Both(found.insurer_name, "insurer")), found.digest))


def _given_back(found: RosterStatement) -> str:
    why = Both("生效前由资助保单替换的自购保单，保费全额按原渠道退还个人，不由资助方承担。",
               "Bought by the people themselves and replaced before they began: all goes back the way it came, at no cost to the sponsor.")
    return paper.table(Both("替换的自购保单", "Own policies replaced, yuan"), _RETURNED, [(why, f"{found.replaced:,}", yuan(found.returned_fen))])


def _facts(found: RosterStatement) -> list[tuple[str, str, paper.Cell]]:
    return [
        ("资助方", "sponsor", found.sponsor), ("资助方式", "kind", Both(KINDS[found.kind], found.kind)),
        ("产品", "product", f"{found.product_name}（{found.product}）"), ("主承保机构", "lead insurer", f"{found.insurer_name}（{found.insurer}）"),
        ("状态", "state", Both(STATES[found.state], found.state)), ("文件摘要（SM3）", "digest of the file", found.digest),
        ("收到", "received", _when(found.received_at)), ("确认", "confirmed", _when(found.confirmed_at)), ("办结", "done", _when(found.ended_at))]


def _people(found: RosterStatement) -> tuple[int, ...]:
    return found.lines, found.enrolled, found.rejected, found.still_open


def _when(at: datetime | None) -> str:
    return f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}" if at else "—"
