"""Files as they come: encodings, quotes, broken lines, headers; nothing is held that is longer than a line, and no piece changes what is read."""

from collections.abc import Sequence
from typing import Final

import pytest

from huibao.sponsored.reading import LONGEST, Rejected, Row, Sheet, SheetRefused

HEAD: Final = "姓名,证件号码,人员类别,备注"
NUMBER: Final = "653101198506150012"


def read(content: bytes, piece: int = 1 << 20) -> list[Row | Rejected]:
    made, found = Sheet(), list[Row | Rejected]()
    for start in range(0, len(content), piece):
        found += made.feed(content[start : start + piece])
    return [*found, *made.end()]


def said(content: bytes, piece: int = 1 << 20) -> list[tuple[int, str]]:
    """Each line's name, or the code of its reason."""
    return [(one.line, one.name if isinstance(one, Row) else one.why.code) for one in read(content, piece)]


def lines(*rest: str, head: str = HEAD, end: str = "\n") -> str:
    return end.join((head, *rest)) + end


GOOD: Final = lines(f"古丽·买买提,{NUMBER},低保,", f"𠮷田䶮,{NUMBER},,", f"张三,{NUMBER},特困人员,住在三组")


@pytest.mark.parametrize("piece", [1, 7, 64, 1 << 20])
@pytest.mark.parametrize("content", [
    GOOD.encode(), GOOD.encode("utf-8-sig"), GOOD.encode("gb18030"), GOOD.replace("\n", "\r\n").encode(), GOOD.rstrip("\n").encode(),
    GOOD.replace(HEAD, "name,identity,category,note").encode(), GOOD.replace(HEAD, "name,identity,category,note").encode("gb18030"),
], ids=["utf-8", "marked", "gb18030", "crlf", "no last break", "ascii head", "ascii head, gb18030"])
def test_good_files_say_the_same_whatever_their_form_and_however_they_come(content: bytes, piece: int) -> None:
    assert said(content, piece) == [(2, "古丽·买买提"), (3, "𠮷田䶮"), (4, "张三")]
    assert [one.category for one in read(content, piece) if isinstance(one, Row)] == ["subsistence-allowance", None, "destitute"]


BROKEN: Final[Sequence[tuple[str, bytes, str]]] = [
    # 情景                       行                                                            读作
    ("少一列",                   f"李四,{NUMBER},".encode(),                                   "roster.line_uneven"),
    ("多一列",                   f"李四,{NUMBER},,,".encode(),                                 "roster.line_uneven"),
    ("引号没有闭合",             f'李四,{NUMBER},,"没有'.encode(),                             "roster.line_uneven"),
    ("引号里有逗号",             f'李四,{NUMBER},,"甲，乙, 丙"'.encode(),                      "李四"),
    ("空字符",                   f"李\0四,{NUMBER},,".encode(),                                "roster.line_unreadable"),
    ("行内回车",                 f"李四,{NUMBER},,甲\r乙".encode(),                            "roster.line_unreadable"),
    ("不是文字",                 b"\xff\xfe\xff,1,,",                                          "roster.line_unreadable"),
    ("没有号码",                 "李四,,,".encode(),                                           "roster.number_missing"),
    ("没有姓名",                 f",{NUMBER},,".encode(),                                      "roster.name_missing"),
    ("不认识的类别",             f"李四,{NUMBER},烈属,".encode(),                              "roster.category_unknown"),
    ("过长",                     b"x" * (LONGEST + 1),                                         "roster.line_too_long"),
    ("十兆字节的一行",           b"x" * (10 << 20),                                            "roster.line_too_long"),
]


@pytest.mark.parametrize(("line", "reads"), [pytest.param(line, reads, id=what) for what, line, reads in BROKEN])
def test_a_broken_line_is_rejected_and_swallows_no_other(line: bytes, reads: str) -> None:
    content = f"{HEAD}\n张三,{NUMBER},,\n".encode() + line + f"\n王五,{NUMBER},,\n".encode()
    assert said(content, 1 << 16) == [(2, "张三"), (3, reads), (4, "王五")]


def test_blank_lines_are_nothing_and_keep_their_numbers() -> None:
    assert said(lines("", f"张三,{NUMBER},,", ",,,", "  ", f"李四,{NUMBER},,").encode()) == [(3, "张三"), (6, "李四")]


@pytest.mark.parametrize("content", [
    b"", b"\n", b"\xff\xfe" + HEAD.encode("utf-16-le"), lines(f"张三,{NUMBER},,", head=f"张三,{NUMBER},,").encode(), lines(head="姓名,备注").encode(),
    lines(head="证件号码,备注").encode(), lines(head="姓名,姓名,证件号码").encode(), lines(head="姓名,证件号码,身份证号").encode(), b"x" * (1 << 20),
    lines(head="姓名,证件号码,银行卡号").encode(),
], ids=["empty", "blank", "utf-16", "no head", "no number", "no name", "a name twice", "a number twice", "one long line", "unknown column"])
def test_a_file_that_is_no_roster_is_refused_whole(content: bytes) -> None:
    with pytest.raises(SheetRefused) as refused:
        read(content, 1 << 16)
    assert refused.value.refusal.code == "roster.header_wrong"
    assert "张三" not in refused.value.refusal.zh


def test_one_broken_line_decides_no_encoding() -> None:
    head = "name,identity,category,note"
    content = b"\n".join([head.encode(), b"\xff\xfe,1,,", *(f"张三,{NUMBER},,".encode() for _ in range(3))])
    assert [what for _, what in said(content)] == ["roster.line_unreadable", "张三", "张三", "张三"]


def test_no_more_is_held_than_a_line() -> None:
    made = Sheet()
    list(made.feed(HEAD.encode() + b"\n"))
    for _ in range(64):
        assert [one for one in made.feed(b"x" * (1 << 16)) if isinstance(one, Row)] == []
        assert len(made._rest) <= LONGEST
