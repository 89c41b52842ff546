"""The tree is tidy: banned names, sizes with a ratchet, one sentence for each package. Each rule catches a planted offender."""

import ast
import re
from pathlib import Path
from typing import Final

import pytest

from tests.structure.sizes import functions, ratchet
from tests.structure.tidy_rules import RULES, TEST_WIDTH, WIDTH, Rule
from tests.structure.tree import PACKAGE, texts

FILE_LIMIT: Final = 400
FUNCTION_LIMIT: Final = 70

#: Longer than the limit, each with the reason why it is one thing; a number here may only go down.
LONG_FILES: Final[dict[str, int]] = {}
LONG_FUNCTIONS: Final[dict[str, int]] = {}

PYTHON: Final = {path: text for path, text in texts().items() if path.endswith(".py")}


def none(offenders: list[str]) -> None:
    """Says each offender on a line of its own, all of them."""
    assert offenders == [], "\n" + "\n".join(offenders)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_nothing_offends(rule: Rule) -> None:
    none([offender for path, text in texts().items() for offender in rule.offenders(path, text)])


HERE, BENEFITS, CLI = "src/huibao/pool/x.py", "src/huibao/benefits/x.py", "src/huibao/cli.py"

PLANTED = [
    # rule                                  where          what it must catch
    ("a binary float",                      BENEFITS,      "pay = float(text)"),
    ("a binary float",                      BENEFITS,      "pay = fen * 0.7"),
    ("a binary float",                      BENEFITS,      "pay = np.zeros(3, np.float64)"),
    ("a clock",                             HERE,          "at = datetime.now(UTC)"),
    ("a clock",                             HERE,          "at = dt.datetime.utcnow()"),
    ("a clock",                             HERE,          "clock = date.today"),
    ("a clock",                             HERE,          "at = time.time()"),
    ("a clock",                             HERE,          "from time import time"),
    ("chance without a seed",               HERE,          "x = random.randint(1, 6)"),
    ("chance without a seed",               HERE,          "x = random.Random()"),
    ("chance without a seed",               HERE,          "x = np.random.default_rng()"),
    ("chance without a seed",               HERE,          "x = np.random.normal(0, 1)"),
    ("chance without a seed",               HERE,          "from random import choice"),
    ("print",                               HERE,          "print(1)"),
    ("an except that catches everything",   HERE,          "try: f()\nexcept: pass"),
    ("an except that catches everything",   HERE,          "try: f()\nexcept Exception: pass"),
    ("an except that catches everything",   HERE,          "try: f()\nexcept (ValueError, BaseException) as e: pass"),
    ("unfinished work",                     HERE,          "x = 1  # TO" + "DO: later"),
    ("unfinished work",                     "tests/x.py",  "# FIX" + "ME"),
    ("unfinished work",                     "tests/x.py",  "# X" + "XX"),
    (f"a line of more than {WIDTH} characters", HERE,      "#" * (WIDTH + 1)),
    (f"a line of more than {TEST_WIDTH} characters", "tests/x.py", "#" * (TEST_WIDTH + 1)),
    ("a tab",                               "README.md",   "a\tb"),
    ("a trailing blank",                    "README.md",   "a "),
    ("no clean end",                        "README.md",   "a"),
    ("no clean end",                        "README.md",   "a\n\n"),
    ("a registry's host",                   "x.lock",      "--index https://py" + "pi.org/simple"),
    ("a registry's host",                   "README.md",   "regis" + "try.example"),
    ("a path of one machine",               "test",        "source /ro" + "ot/.bashrc"),
    ("a path of one machine",               "x.lock",      "via -r /ho" + "me/someone/lock"),
    ("a path of one machine",               "README.md",   "in /t" + "mp/v/bin"),
]

INNOCENT = [
    ("a binary float",                      BENEFITS,      '"""Not a float(…)."""\npay: int = fen * 7 // 10'),
    ("a binary float",                      CLI,           "seconds = float(text)"),
    ("a clock",                             HERE,          "began = time.perf_counter()\nday = at.date()\nt = datetime.time(1)"),
    ("a clock",                             "src/huibao/core/time.py", "at = datetime.now(UTC)"),
    ("chance without a seed",               HERE,          "x = random.Random(7).random()\ny = np.random.default_rng(seed=7)"),
    ("print",                               CLI,           "print(1)"),
    ("print",                               "src/huibao/bench/run.py", "print(1)"),
    ("an except that catches everything",   HERE,          "try: f()\nexcept (ValueError, OSError): pass"),
    (f"a line of more than {WIDTH} characters", HERE,      "#" + "保" * (WIDTH - 1)),
    ("a trailing blank",                    "README.md",   "a\n\nb\n"),
    ("no clean end",                        "README.md",   "a\n"),
    ("a registry's host",                   "README.md",   "pip install huibao"),
    ("a path of one machine",               "README.md",   "/usr/bin/python3, /var/lib/huibao, ./src/work/x, /workers"),
]


def offenders(name: str, path: str, text: str) -> list[str]:
    return next(rule for rule in RULES if rule.name == name).offenders(path, text)


@pytest.mark.parametrize(("name", "path", "text"), PLANTED)
def test_a_planted_offender_is_caught(name: str, path: str, text: str) -> None:
    assert len(offenders(name, path, text)) == 1


@pytest.mark.parametrize(("name", "path", "text"), INNOCENT)
def test_the_innocent_are_left_alone(name: str, path: str, text: str) -> None:
    assert offenders(name, path, text) == []


def test_every_rule_has_its_offender() -> None:
    assert {name for name, _, _ in PLANTED} == {rule.name for rule in RULES}


def test_files_fit_a_screen_or_three() -> None:
    none(ratchet(FILE_LIMIT, LONG_FILES, {path: text.count("\n") for path, text in PYTHON.items()}))


def test_functions_fit_the_eye() -> None:
    sizes = {f"{path}::{name}": size for path, text in PYTHON.items() for name, size in functions(text)}
    none(ratchet(FUNCTION_LIMIT, LONG_FUNCTIONS, sizes))


@pytest.mark.parametrize(("known", "size", "says"), [
    # in the table, lines now,  what the ratchet says
    (None,          70,         ""),
    (None,          71,         "x has 71 lines, the limit is 70: is it two things?"),
    (90,            90,         ""),
    (90,            91,         "x grew from 90 to 91 lines; an exception may only shrink"),
    (90,            80,         "x is down to 80 lines: write 80 instead of 90 in the table"),
    (90,            70,         "x is down to 70 lines: take it off the table"),
    (90,            None,       "x is gone: take it off the table"),
])
def test_the_ratchet_turns_one_way(known: int | None, size: int | None, says: str) -> None:
    exceptions = {} if known is None else {"x": known}
    sizes = {} if size is None else {"x": size}
    assert ratchet(70, exceptions, sizes) == ([says] if says else [])


def test_functions_are_measured_from_def_to_end() -> None:
    source = "class A:\n    @wraps\n    def f(self):\n        def g():\n            pass\n        return g\nasync def h(): ...\n"
    assert dict(functions(source)) == {"A.f": 4, "A.f.g": 2, "h": 1}


def sentences(source: str) -> int:
    """How many sentences a module's docstring has; a heading or a list is none."""
    return len(re.findall(r"[.。](?=\s|$)", ast.get_docstring(ast.parse(source)) or ""))


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("__init__.py")), ids=lambda path: path.parent.name)
def test_every_package_says_in_one_sentence_what_it_is(path: Path) -> None:
    assert sentences(path.read_text("utf-8")) == 1


@pytest.mark.parametrize(("source", "count"), [
    ('"""Shares of the pool, to the fen."""', 1),
    ('"""共保体的份额。"""', 1),
    ('"""Shares."""\nx = 1', 1),
    ("x = 1", 0),
    ('"""Shares"""', 0),
    ('"""Shares of 0.5. And more."""', 2),
])
def test_sentences_are_counted(source: str, count: int) -> None:
    assert sentences(source) == count
