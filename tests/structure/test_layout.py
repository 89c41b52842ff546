"""Things are where their names say: tests mirror src, rule files load, pages are linked, commands exist, code names no city."""

import importlib
import os
from pathlib import Path
from typing import Any, Final

import click
import pytest

from huibao.benefits import loading as plans
from huibao.scheme import loading as schemes
from huibao.scheme.national_loading import builtin_national
from tests.structure.cities import City, cities
from tests.structure.pages import commands, links, pages, unlinked
from tests.structure.tree import PACKAGE, ROOT, files, folders

#: Folders of tests/ that are about the whole tree and not about one slice.
ACROSS_SLICES: Final = {"structure", "journeys", "simulation"}


def below(*parts: str) -> list[Path]:
    """The folders directly under one of the project's."""
    return [folder for folder in folders() if folder.parent == ROOT.joinpath(*parts)]


def test_every_test_folder_is_a_slice() -> None:
    slices = {path.stem for path in PACKAGE.iterdir() if path.suffix in {"", ".py"}}
    assert {folder.name for folder in below("tests")} <= slices | ACROSS_SLICES


def test_every_slice_has_tests() -> None:
    slices = {folder.name for folder in below("src", "huibao") if (folder / "__init__.py").exists()}
    assert slices <= {folder.name for folder in below("tests") if any(folder.rglob("test_*.py"))}


def test_no_folder_is_empty() -> None:
    held = {parent for path in files() for parent in path.parents}
    assert [folder for folder in folders() if folder not in held] == []


def test_no_module_is_empty() -> None:
    assert [path for path in files() if path.suffix == ".py" and not path.read_text("utf-8").strip()] == []


@pytest.mark.parametrize("id", schemes.builtin_ids())
def test_every_scheme_loads_from_the_package(id: str) -> None:
    assert schemes.builtin(id).id == id


@pytest.mark.parametrize("id", plans.builtin_ids())
def test_every_plan_loads_from_the_package(id: str) -> None:
    assert plans.builtin(id).id == id


def test_no_rule_file_is_left_out() -> None:
    national = ["national"] if builtin_national() else []
    assert sorted([*schemes.builtin_ids(), *national]) == sorted(path.stem for path in PACKAGE.glob("schemes/*"))
    assert sorted(plans.builtin_ids()) == sorted(path.stem for path in PACKAGE.glob("plans/*"))


# ── no city in code ──────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.parametrize("module", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_code_names_no_city(module: Path) -> None:
    assert [place for city in cities() for place in city.named_in(module.read_text("utf-8"))] == []


def test_the_schemes_cities_are_known() -> None:
    assert len(cities()) == len(schemes.builtin_ids()) > 0
    assert all(city.area_codes and all(city.words) for city in cities())


@pytest.mark.parametrize(("source", "found"), [
    ('if scheme.id == "atlantis": pass',        ["1: atlantis"]),
    ("# only in Atlantis",                      ["1: atlantis"]),
    ('x = 1\nname = "亚特市"',                  ["2: 亚特"]),
    ('area = "991234"',                         ['1: area code "991234"']),
    ('clause = "AT-5"',                         ['1: clause "AT-5"']),
    ('"""Cites ("AT-5"), as a docstring may."""\nx = "9912", "99", "881234", "write AT-5"', []),
])
def test_a_planted_city_is_caught(source: str, found: list[str]) -> None:
    city = City(words=("atlantis", "亚特"), area_codes=("99",), clause_letters=frozenset({"AT"}))
    assert list(city.named_in(source)) == found


# ── pages ────────────────────────────────────────────────────────────────────────────────────────────────────────────

def test_every_page_is_linked() -> None:
    assert unlinked() == []


def test_links_lead_somewhere() -> None:
    assert [f"{page.relative_to(ROOT)}: {target}" for page in pages() for target, file in links(page) if not file.exists()] == []


def missing(words: list[str], group: click.Group) -> str:
    """What a written command asks for that is not there; empty where it would run."""
    program, *rest = words
    if program.startswith("./"):
        return "" if os.access(ROOT / program, os.X_OK) else program
    command: click.Command = group
    for word in rest:
        if isinstance(command, click.Group) and not word.startswith("-"):
            if word not in command.commands:
                return word
            command = command.commands[word]
    known = {"--help", "--version"}.union(*([*parameter.opts, *parameter.secondary_opts] for parameter in command.params))
    return " ".join(word for word in rest if word.startswith("-") and word.partition("=")[0] not in known)


def test_written_commands_exist() -> None:
    main: Any = importlib.import_module("huibao.cli").main
    wrong = [f"{page.relative_to(ROOT)}: {' '.join(words)}: no {lacking}"
             for page in pages() for words in commands(page.read_text("utf-8")) if (lacking := missing(words, main))]
    assert wrong == []


@pytest.mark.parametrize(("page", "lacking"), [
    ("```sh\n./test -k money    # some\n```",                       [""]),
    ("```\n$ huibao settle plan.toml in.csv -o out.csv\n```",       [""]),
    ("```\n.venv/bin/huibao settle a \\\n  b --explain\n```",       [""]),
    ("```\n./no-such-script\n```",                                  ["./no-such-script"]),
    ("```\nhuibao setle a b\n```",                                  ["setle"]),
    ("```\nhuibao settle a b --explian\n```",                       ["--explian"]),
    ("Prose may say ./anything and huibao anything.",               []),
])
def test_a_planted_command_is_caught(page: str, lacking: list[str]) -> None:
    @click.group()
    def group() -> None: ...

    @group.command()
    @click.option("-o", "out")
    @click.option("--explain", is_flag=True)
    def settle(out: str, explain: bool) -> None: ...

    assert [missing(words, group) for words in commands(page)] == lacking


def test_a_planted_dead_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "there.md").write_text("there\n", "utf-8")
    page = tmp_path / "page.md"
    page.write_text("[a](there.md#part) [b](https://example.com/x) [c](#part) [d](gone.md)\n```\n[e](code)\n```\n", "utf-8")
    assert [(target, file.exists()) for target, file in links(page)] == [("there.md#part", True), ("gone.md", False)]
