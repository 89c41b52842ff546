"""Named statements: what a file may look like, and every mistake that it may hold."""

import pytest

from huibao.db.errors import SqlFileRefused
from huibao.db.sqlfile import load, parse

READ = [
    # a file                                                    its statements
    ("",                                                        {}),
    ("-- What this slice asks.\n",                              {}),
    ("-- :name a\n-- Asks.\nSELECT 1",                          {"a": "SELECT 1"}),
    ("-- Head.\n\n-- :name a\n-- Asks.\n-- More.\n\nSELECT 1;\n", {"a": "SELECT 1"}),
    ("-- :name a\n-- 问一。\nSELECT 1;\n\n-- :name b_2\n-- 问二。\nSELECT 2;", {"a": "SELECT 1", "b_2": "SELECT 2"}),
    ("-- :name a\n-- Asks.\nSELECT %(x)s, %s;",                 {"a": "SELECT %(x)s, %s"}),
    ("-- :name a\n-- Asks 100%.\nSELECT 1 -- 100% sure\n, 2;",  {"a": "SELECT 1  \n, 2"}),
    ("-- :name a\n-- Asks.\nSELECT/* a\nb; */1;",               {"a": "SELECT 1"}),
    ("-- :name a\n-- Asks.\nSELECT ';', '--it''s', \"a;b--\", '/*';", {"a": "SELECT ';', '--it''s', \"a;b--\", '/*'"}),
    ("-- :name a\n-- Asks.\nDO $x$ BEGIN a; -- b\nEND $x$;",    {"a": "DO $x$ BEGIN a; -- b\nEND $x$"}),
    ("-- :name a\n-- Asks.\n;SELECT 1;;",                       {"a": "SELECT 1"}),
]

MISTAKES = [
    # a file                                                    what is said, by line
    ("SELECT 1;",                                               ["1: '' is no name"]),
    ("SELECT 1;\n-- :name a\n-- Asks.\nSELECT 2;",              ["1: '' is no name"]),
    ("-- :name\n-- Asks.\nSELECT 1;",                           ["1: '' is no name"]),
    ("-- :name Two words\n-- Asks.\nSELECT 1;",                 ["1: 'Two words' is no name"]),
    ("-- :name a-b\n-- Asks.\nSELECT 1;",                       ["1: 'a-b' is no name"]),
    ("-- :name a\nSELECT 1;",                                   ["1: a does not say what it does"]),
    ("-- :name a\n--\nSELECT 1;",                               ["1: a does not say what it does"]),
    ("-- :name a\n-- ────\nSELECT 1;",                          ["1: a does not say what it does"]),
    ("-- :name a\nSELECT 1; -- too late",                       ["1: a does not say what it does"]),
    ("-- :name a\n-- Asks.\n",                                  ["1: a has no statement"]),
    ("-- :name a\n-- Asks.\n-- SELECT 1;\n;",                   ["1: a has no statement"]),
    ("-- :name a\n-- Asks.\nSELECT 1; SELECT 2;",               ["1: a has 2 statements"]),
    ("-- :name a\n-- Asks.\nSELECT 1;\n-- :name a\n-- Asks.\nSELECT 2;", ["4: a stands here twice"]),
    ("\n-- :name a\nSELECT 1;\n-- :name B\nSELECT 2;\n-- :name c\n-- Asks.\n",
     ["2: a does not say what it does", "4: 'B' is no name", "6: c has no statement"]),
]


@pytest.mark.parametrize(("text", "statements"), READ)
def test_statements_are_read_by_name(text: str, statements: dict[str, str]) -> None:
    assert dict(parse("x.sql", text)) == statements


@pytest.mark.parametrize(("text", "says"), MISTAKES)
def test_every_mistake_is_named_with_its_line(text: str, says: list[str]) -> None:
    with pytest.raises(SqlFileRefused) as refused:
        parse("x.sql", text)
    said = [line.strip() for line in refused.value.en.splitlines()]
    assert [line.startswith(f"x.sql:{one}") for line, one in zip(said, says, strict=True)] == [True] * len(says), said
    assert refused.value.zh == f"x.sql 有 {len(says)} 处错误。"


def test_a_file_is_read_from_its_package(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path_factory.mktemp("site")
    package = site / "some_slice"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "queries.sql").write_text("-- :name one\n-- 一。\nSELECT 1;\n", "utf-8")
    (package / "other.sql").write_text("SELECT 1;\n", "utf-8")
    monkeypatch.syspath_prepend(site)
    assert load("some_slice")["one"] == "SELECT 1"
    with pytest.raises(SqlFileRefused, match=r"some_slice/other\.sql:1"):
        load("some_slice", "other.sql")
