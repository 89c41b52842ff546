"""Every clause that a test or a rule file names is in the list; which ones nobody names yet is printed when tests end."""

import tomllib
from pathlib import Path

import pytest

from tests.structure.clause_list import LIST, in_markers, in_rules, named_by_tests, wanted
from tests.structure.tree import PACKAGE, ROOT

RULE_FILES = sorted([*PACKAGE.glob("schemes/*.toml"), *PACKAGE.glob("plans/*.toml")])


def test_the_list_names_each_clause_once() -> None:
    ids = [clause["id"] for clause in tomllib.loads(LIST.read_text("utf-8"))["clause"]]
    assert len(ids) == len(set(ids)) > 0


def test_tests_name_clauses_of_the_list() -> None:
    assert {id: where for id, where in named_by_tests().items() if id not in wanted()} == {}


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.stem)
def test_rule_files_name_clauses_of_the_list(path: Path) -> None:
    assert [id for id in in_rules(tomllib.loads(path.read_text("utf-8"))) if id not in wanted()] == []


def test_the_list_agrees_with_the_one_it_came_from() -> None:
    origin = ROOT.parent / "shared" / "clauses.toml"
    if not origin.exists():
        pytest.skip("the list that ours was copied from is not beside this tree")
    assert {clause["id"]: clause["must"] for clause in tomllib.loads(origin.read_text("utf-8"))["clause"]} == wanted()


def test_a_marker_is_read_wherever_it_stands() -> None:
    source = 'pytestmark = pytest.mark.clause("AA-1")\n@mark.clause("AA-2", "AA-3b")\ndef test_it(): not_a.claws("AA-4")\n'
    assert sorted(in_markers(source)) == ["AA-1", "AA-2", "AA-3b"]


def test_a_rule_files_clause_is_read_at_any_depth() -> None:
    file = tomllib.loads(
        'clauses = { "AA-1" = "第一条", "国发 3号" = "三" }\n'
        '[a]\nclause = "AA-2.1"\n[[a.b]]\nlimit = { yuan = 1, clause = "AA-3" }\n[[a.b]]\nclause = "条款 2.5"\n'
    )
    assert sorted(in_rules(file)) == ["AA-1", "AA-2.1", "AA-3"]
