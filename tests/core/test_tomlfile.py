"""Rule files: what is right is read, and every mistake is told with its file, its key and its mend, all at once."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huibao.core.money import plain_yuan
from huibao.core.tomlfile import FileRefused, Problem, Source, Table

Read = Callable[[Table], Any]


def each_a(table: Table) -> tuple[Any, ...]:
    """A list of tables, each with one key `a`."""
    return table.each("k", lambda item: item.whole("a"))


def source(text: str) -> Source:
    return Source("plan.toml", text)


def refusal(text: str, read: Read) -> tuple[Problem, ...]:
    """Every problem that reading `text` finds, unknown keys included; none where it is right."""
    file = source(text)
    try:
        root = file.root()
        read(root)
        root.close()
        file.done()
    except FileRefused as refused:
        return refused.problems
    return ()


@pytest.mark.parametrize(("text", "read", "value"), [
    # file                                 how it is read                          what it is
    ('k = "惠保"',                         lambda t: t.text("k"),                  "惠保"),
    ("",                                   lambda t: t.text("k", "惠保"),          "惠保"),
    ("",                                   lambda t: t.text("k", ""),              ""),
    ('k = "b"',                            lambda t: t.choice("k", ["a", "b"]),    "b"),
    ("",                                   lambda t: t.choice("k", ["a", "b"], "b"), "b"),
    ("k = false",                          lambda t: t.flag("k", True),            False),
    ("",                                   lambda t: t.flag("k", True),            True),
    ("k = 0",                              lambda t: t.whole("k"),                 0),
    ("k = 3",                              lambda t: t.whole("k", 1, least=1),     3),
    ("",                                   lambda t: t.whole("k", 1),              1),
    ("k = 1500",                           lambda t: t.yuan("k"),                  150_000),
    ("k = 10.99",                          lambda t: t.yuan("k"),                  1_099),
    ("k = 2.50",                           lambda t: t.yuan("k"),                  250),
    ("k = 9007199254740993.01",            lambda t: t.yuan("k"),                  900_719_925_474_099_301),
    ("",                                   lambda t: t.yuan("k", 77),              77),
    ('k = "37.5%"',                        lambda t: t.ratio("k"),                 3_750),
    ('k = "150%"',                         lambda t: t.ratio("k", most=20_000),    15_000),
    ("",                                   lambda t: t.ratio("k", "70%"),          7_000),
    ("k = 2024-02-29",                     lambda t: t.day("k"),                   date(2024, 2, 29)),
    ("",                                   lambda t: t.day("k", date(2025, 7, 1)), date(2025, 7, 1)),
    ("",                                   lambda t: t.optional_day("k"),          None),
    ("k = 2025-07-01",                     lambda t: t.optional_day("k"),          date(2025, 7, 1)),
    ('k = ["甲", "乙"]',                   lambda t: t.texts("k"),                 ("甲", "乙")),
    ("",                                   lambda t: t.texts("k", ()),             ()),
    ('k = ["b"]',                          lambda t: t.choices("k", ["a", "b"]),   ("b",)),
    ("[k]\na = 1",                         lambda t: t.table("k").whole("a"),      1),
    ("[[k]]\na = 1\n[[k]]\na = 2",         each_a,                                 (1, 2)),
    ("k = [{ a = 1 }, { a = 2 }]",         each_a,                                 (1, 2)),
    ("[k]\na = 1",                         each_a,                                 (1,)),
    ("",                                   each_a,                                 ()),
    ("k = 1",                              lambda t: (t.raw("k"), t.raw("l"), "k" in t, "l" in t), (1, None, True, False)),
])
def test_what_is_right_is_read(text: str, read: Read, value: object) -> None:
    file = source(text)
    root = file.root()
    assert read(root) == value
    root.close()
    file.done()


@pytest.mark.parametrize(("text", "read", "key", "zh", "en"), [
    # file                           how it is read                      key        mend in Chinese           and in English
    ("",                             lambda t: t.text("k"),              "k",       "缺少此键，请写文字",      "missing; write text"),
    ("k = 5",                        lambda t: t.text("k"),              "k",       "写作 5，应为文字",        "is 5; write text"),
    ('k = " "',                      lambda t: t.text("k"),              "k",       "应为文字",               "write text in quotes"),
    ('k = "yeer"',                   lambda t: t.choice("k", ["year"]),  "k",       "请写：year",              "mean 'year'?"),
    ("",                             lambda t: t.choice("k", ["year"]),  "k",       "缺少此键",               "missing"),
    ('k = "true"',                   lambda t: t.flag("k"),              "k",       "应为true 或 false",      "write true or false"),
    ("k = 1",                        lambda t: t.flag("k"),              "k",       "应为true 或 false",      "write true or false"),
    ("k = true",                     lambda t: t.whole("k"),             "k",       "应为不小于 0 的整数",    "of at least 0"),
    ("k = 1.0",                      lambda t: t.whole("k"),             "k",       "应为不小于 0 的整数",    "of at least 0"),
    ("k = 2",                        lambda t: t.whole("k", least=3),    "k",       "应为不小于 3 的整数",    "of at least 3"),
    ("",                             lambda t: t.yuan("k"),              "k",       "缺少此键，请写不为负",    "missing; write yuan"),
    ("k = -1",                       lambda t: t.yuan("k"),              "k",       "应为不为负",             "not negative"),
    ("k = 10.999",                   lambda t: t.yuan("k"),              "k",       "最多两位小数的元",       "two decimals at most"),
    ("k = inf",                      lambda t: t.yuan("k"),              "k",       "应为不为负",             "write yuan"),
    ("k = true",                     lambda t: t.yuan("k"),              "k",       "应为不为负",             "write yuan"),
    ('k = "1,200"',                  lambda t: t.yuan("k"),              "k",       "应为不为负",             "write yuan"),
    ("k = 0.7",                      lambda t: t.ratio("k"),             "k",       '百分数，如 "70%"',        'such as "70%"'),
    ('k = "101%"',                   lambda t: t.ratio("k"),             "k",       "不超过 100%",            "at most 100%"),
    ("",                             lambda t: t.ratio("k"),             "k",       "缺少此键",               "write a percentage"),
    ('k = "2025-07-01"',             lambda t: t.day("k"),               "k",       "应为日期，如 2025-07-01", "without quotes"),
    ("k = 2025-07-01T08:00:00",      lambda t: t.day("k"),               "k",       "应为日期",               "without quotes"),
    ("k = 5",                        lambda t: t.optional_day("k"),      "k",       "应为日期",               "without quotes"),
    ('k = "a"',                      lambda t: t.texts("k"),             "k",       "应为文字列表",           'such as ["a", "b"]'),
    ('k = ["a", 1]',                 lambda t: t.texts("k"),             "k",       "应为文字列表",           "a list of texts"),
    ("",                             lambda t: t.texts("k"),             "k",       "缺少此键",               "missing"),
    ('k = ["selff"]',                lambda t: t.choices("k", ["self"]), "k",       "请写：self",              "mean 'self'?"),
    ("k = 5",                        lambda t: t.table("k"),             "k",       "应为表 [k]",             "write a table [k]"),
    ("",                             lambda t: t.table("k").whole("a"),  "k.a",     "缺少此键",               "missing"),
    ("k = 5",                        lambda t: t.tables("k"),            "k",       "应为表的列表 [[k]]",     "tables [[k]]"),
    ("k = [1]",                      lambda t: t.tables("k"),            "k",       "应为表的列表 [[k]]",     "tables [[k]]"),
    ("[[k]]\na = 1\n[[k]]\na = -1",  each_a,                             "k[2].a",  "应为不小于 0",           "a whole number"),
    ("[[k]]\na = 1\nb = 2",          each_a,                             "k[1].b",  "不认识的键",             "unknown key"),
    ("caps = 1\ncap = 2",            lambda t: t.whole("cap"),           "caps",    "此处可写：cap",           "did you mean 'cap'?"),
    ("k = ",                         lambda t: t.whole("k"),             "（文件）",  "不是有效的 TOML",        "not valid TOML"),
    ("k = 1\nk = 2",                 lambda t: t.whole("k"),             "（文件）",  "不是有效的 TOML",        "not valid TOML"),
])
def test_a_mistake_names_file_key_and_mend(text: str, read: Read, key: str, zh: str, en: str) -> None:
    [problem] = refusal(text, read)
    assert (problem.file, problem.key) == ("plan.toml", key)
    assert zh in problem.zh
    assert en in problem.en
    said = str(problem)
    assert said.startswith(f"plan.toml · {key}：{problem.zh}\n")
    assert said.endswith(problem.en)


def test_all_mistakes_are_told_at_once_in_the_order_of_reading() -> None:
    found = refusal('a = "x"\nb = 5\nd = 1', lambda t: (t.whole("a"), t.text("b"), t.yuan("c")))
    assert [problem.key for problem in found] == ["a", "b", "c", "d"]


def test_the_refusal_says_every_problem() -> None:
    found = refusal("a = -1\nb = -1", lambda t: (t.whole("a"), t.whole("b")))
    said = str(FileRefused(found))
    assert all(str(problem) in said for problem in found)
    assert len(found) == 2


def test_a_rules_own_mistake_names_its_clause() -> None:
    file = source("[account]\n")
    file.root().table("account").problem("limit", "比下限还低，请提高", "is below the minimum; raise it", clause="AA-2")
    with pytest.raises(FileRefused) as refused:
        file.done()
    assert str(refused.value) == "plan.toml · account.limit〔AA-2〕：比下限还低，请提高\n    is below the minimum; raise it"


def test_a_mistake_of_a_whole_table_names_the_table() -> None:
    file = source("[account]\n")
    file.root().table("account").problem("", "空表，请删去", "is empty; take it out")
    assert [problem.key for problem in file.problems] == ["account"]


def test_a_file_is_called_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "惠保.toml"
    path.write_text('name = "惠保"\n', "utf-8")
    opened = Source.open(path)
    assert (opened.file, opened.root().text("name")) == ("惠保.toml", "惠保")


@given(st.integers(0, 10**13))
def test_an_amount_of_yuan_is_read_exactly(in_fen: int) -> None:
    assert source(f"k = {plain_yuan(in_fen)}").root().yuan("k") == in_fen


@given(st.dictionaries(st.from_regex(r"[a-z]{1,6}", fullmatch=True), st.integers(0, 9), max_size=6))
def test_every_key_nobody_asked_for_is_told_and_no_other(keys: dict[str, int]) -> None:
    asked = sorted(keys)[::2]
    text = "\n".join(f"{key} = {value}" for key, value in keys.items())
    found = refusal(text, lambda t: [t.whole(key) for key in asked])
    assert [problem.key for problem in found] == [key for key in keys if key not in asked]
