"""The towns of the demonstration: the same every time, numbers that check, families that could be, shares as stated."""

import os
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from functools import cache
from hashlib import sha256
from itertools import pairwise
from random import Random
from typing import Final

import pytest

from huibao.core.identity import identity_warnings, normal_name
from huibao.core.time import whole_years
from huibao.demo.families import AS_OF
from huibao.demo.names import Style
from huibao.demo.population import Population, populate
from huibao.demo.programmes import OTHER_SIDE, builtin
from huibao.scheme import words

PROGRAMMES: Final = {programme.code: programme for programme in builtin()}


@cache
def town_of(code: str) -> Population:
    return populate(PROGRAMMES[code], 4000, 1)


@pytest.fixture(params=PROGRAMMES)
def town(request: pytest.FixtureRequest) -> Population:
    """Each town in turn."""
    return town_of(request.param)


# ── the same every time ──────────────────────────────────────────────────────────────────────────────────────────────

def digest(town: Population) -> str:
    return sha256(repr(town).encode()).hexdigest()


@pytest.mark.parametrize("code", PROGRAMMES)
def test_the_same_seed_gives_the_same_town(code: str) -> None:
    assert populate(PROGRAMMES[code], 4000, 1) == town_of(code)


def test_no_hash_of_the_process_decides() -> None:
    command = ("from huibao.demo.programmes import builtin; from huibao.demo.population import populate; from hashlib import sha256\n"
               "print(sha256(repr(populate(builtin()[0], 500, 7)).encode()).hexdigest())")
    said = {subprocess.run([sys.executable, "-c", command], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True,
                           check=True).stdout.strip() for seed in ("1", "2")}
    assert said == {digest(populate(builtin()[0], 500, 7))}


def test_another_seed_or_programme_is_another_town() -> None:
    one, other = list(PROGRAMMES.values())[:2]
    assert len({digest(town) for town in (populate(one, 100, 1), populate(one, 100, 2), populate(other, 100, 1))}) == 3


@pytest.mark.parametrize("people", [0, 1, 50, 333, 4000])
def test_a_town_has_as_many_people_as_asked_and_its_characters_at_least(people: int) -> None:
    for programme in PROGRAMMES.values():
        town = populate(programme, people, 1)
        assert len(town.people) == max(people, len(programme.characters))
        assert [person.id for person in town.people] == list(range(1, len(town.people) + 1))


def test_a_larger_town_begins_with_the_smaller_ones_people() -> None:
    for code, programme in PROGRAMMES.items():
        assert populate(programme, 1000, 1).people == town_of(code).people[:1000]


# ── people ───────────────────────────────────────────────────────────────────────────────────────────────────────────

def test_identity_numbers_check_and_belong_to_no_county(town: Population) -> None:
    for person in town.people:
        assert identity_warnings(person.identity) == ()
        assert (len(person.identity), person.identity[4:6]) == (18, "99")
        assert person.identity[6:14] == f"{person.born:%Y%m%d}"
        assert int(person.identity[16]) % 2 == int(person.sex == "1")
    assert len({person.identity for person in town.people}) == len({person.psn_no for person in town.people}) == len(town.people)


def test_phones_are_of_the_invented_range(town: Population) -> None:
    assert {person.phone[:7] for person in town.people if person.phone} == {"1900000"}
    assert all((person.phone is None) == (whole_years(person.born, AS_OF) < 12) for person in town.people)


def test_names_are_as_people_write_them(town: Population) -> None:
    assert [person.name for person in town.people if normal_name(person.name) != person.name or len(person.name) < 2] == []


def test_each_programme_has_names_of_its_own() -> None:
    names = {code: [person.name for person in town_of(code).people] for code in PROGRAMMES}
    dots = {code: sum("·" in name for name in names[code]) for code in names}
    compound = {code: sum(name.startswith(("爱新觉罗", "叶赫那拉", "瓜尔佳", "南宫", "独孤", "鲜于")) for name in names[code]) for code in names}
    rare = {code: sum(any(c in name for c in "䶮𬭎𠮷㛃𣲗") for name in names[code]) for code in names}
    assert dots == {"210100": 0, "220000": 0, "450200": 0, "540000": 203, "652900": 3204}
    assert compound == {"210100": 205, "220000": 164, "450200": 0, "540000": 0, "652900": 0}
    assert rare == {"210100": 14, "220000": 14, "450200": 15, "540000": 2, "652900": 2}


@pytest.mark.parametrize(("style", "line", "father", "child", "handed_down"), [
    (Style("surname", ("欧阳",), ("明",), ("静",), ()),      "欧阳",   "欧阳明",      "欧阳静",      "欧阳"),
    (Style("patronym", (), ("买买提",), ("古丽",), ()),      "买买提", "买买提·买买提", "古丽·买买提", "古丽"),
    (Style("single", (), ("巴桑",), ("卓玛",), ()),          "",       "巴桑",        "卓玛",        ""),
])
def test_a_name_hands_down_what_its_custom_says(style: Style, line: str, father: str, child: str, handed_down: str) -> None:
    rng = Random(1)  # noqa: S311 (a test's)
    assert style.line(rng) == line
    assert {style.father(rng, line), style.name(rng, "female", line)} == {father, child}
    assert style.hands_down(child, line) == handed_down


# ── families ─────────────────────────────────────────────────────────────────────────────────────────────────────────

def test_kinship_is_known_from_both_sides(town: Population) -> None:
    known = {(kin.person, kin.relative): kin for kin in town.kinships}
    assert len(known) == len(town.kinships)
    for (person, relative), kin in known.items():
        back = known[relative, person]
        assert OTHER_SIDE[kin.relation] == back.relation or OTHER_SIDE[back.relation] == kin.relation
        assert (kin.evidence, kin.valid_from) == (back.evidence, back.valid_from)
        assert kin.evidence


def test_parents_are_older_and_couples_are_adults(town: Population) -> None:
    born = {person.id: person.born for person in town.people}
    for kin in town.kinships:
        age_then = whole_years(born[kin.person], kin.valid_from)
        if kin.relation == "child":
            assert whole_years(born[kin.person], born[kin.relative]) >= 18
            assert kin.valid_from == born[kin.relative]
        elif kin.relation == "spouse":
            assert age_then >= 18
        elif kin.relation == "spouse-parent":
            assert whole_years(born[kin.relative], born[kin.person]) >= 17
            assert age_then >= 18
        assert kin.valid_from < AS_OF


def test_couples_share_their_children_and_nobody_has_two_mothers(town: Population) -> None:
    sex = {person.id: person.sex for person in town.people}
    parents = Counter((kin.person, sex[kin.relative]) for kin in town.kinships if kin.relation == "parent")
    assert set(parents.values()) == {1}


def test_only_who_has_an_account_registers_family_to_it(town: Population) -> None:
    holders = {purse.person for purse in town.purses}
    registered = [kin for kin in town.kinships if kin.account_family]
    assert {kin.person for kin in registered} <= holders
    assert {kin.relation for kin in registered} == {"spouse", "child", "parent"}


def test_some_parents_are_registered_to_an_account_and_some_are_not() -> None:
    town = town_of("540000")
    holders = {purse.person for purse in town.purses}
    parents = Counter(kin.account_family for kin in town.kinships if kin.relation == "parent" and kin.person in holders)
    assert parents == {True: 333, False: 706}


# ── what is true of them ─────────────────────────────────────────────────────────────────────────────────────────────

#: Per thousand people: the least and the most of any town. Beside them, the exact count in the town of 450200.
RANGES: Final = {
    "employees":             (430, 480, 1812),
    "residents":             (520, 560, 2194),
    "both":                  (0, 3, 6),
    "normal":                (930, 960, 3805),
    "paused":                (18, 28, 94),
    "ended":                 (22, 36, 107),
    "elsewhere":             (11, 24, 74),
    "hardship":              (35, 70, 212),
    "chronic benefit":       (55, 75, 232),
    "died":                  (1, 5, 12),
    "register family":       (160, 180, 680),
}


def counts(code: str) -> dict[str, int]:
    town, programme = town_of(code), PROGRAMMES[code]
    now = [enrolled for enrolled in town.enrolments if enrolled.valid_to is None]
    kinds = Counter(enrolled.insurance for enrolled in now)
    status = Counter(enrolled.status for enrolled in now)
    standings = Counter(standing.kind for standing in town.standings)
    return {
        "employees": kinds["310"], "residents": kinds["390"], "both": sum(n > 1 for n in Counter(e.person for e in now).values()),
        "normal": status["1"], "paused": status["2"], "ended": status["4"],
        "elsewhere": sum(enrolled.area not in programme.areas for enrolled in now),
        "hardship": standings["hardship"], "chronic benefit": standings["chronic-benefit"],
        "died": sum(person.died is not None for person in town.people),
        "register family": len({kin.person for kin in town.kinships if kin.account_family}),
    }


@pytest.mark.parametrize("code", PROGRAMMES)
def test_shares_of_the_people_are_within_their_ranges(code: str) -> None:
    found = counts(code)
    assert {name: n for name, n in found.items() if not RANGES[name][0] * 4 <= n <= RANGES[name][1] * 4} == {}


def test_the_counts_of_one_town() -> None:
    assert counts("450200") == {name: exact for name, (_, _, exact) in RANGES.items()}


@pytest.mark.parametrize(("code", "below", "above", "median_fen"), [
    ("210100", 475, 138, 529301),
    ("220000", 419, 143, 565070),
    ("450200", 443, 110, 561738),
    ("540000", 454, 123, 548426),
    ("652900", 463, 109, 533926),
])
def test_balances_lie_below_3000_yuan_and_above_20000(code: str, below: int, above: int, median_fen: int) -> None:
    fen = sorted(purse.fen for purse in town_of(code).purses if purse.kind == "personal" and purse.state == "open")
    assert (sum(f < 300_000 for f in fen), sum(f > 2_000_000 for f in fen), fen[len(fen) // 2]) == (below, above, median_fen)


@pytest.mark.parametrize(("code", "personal", "savings"), [
    # each: open, frozen, closed
    ("210100", (1748, 17, 48), (0, 0, 0)),
    ("220000", (1748, 9, 40), (0, 0, 0)),
    ("450200", (1738, 11, 31), (509, 7, 3)),
    ("540000", (1770, 11, 38), (0, 0, 0)),
    ("652900", (1765, 10, 32), (0, 0, 0)),
])
def test_accounts_by_kind_and_state(code: str, personal: tuple[int, ...], savings: tuple[int, ...]) -> None:
    found = Counter((purse.kind, purse.state) for purse in town_of(code).purses)
    for kind, wanted in (("personal", personal), ("savings", savings)):
        assert tuple(found[kind, state] for state in ("open", "frozen", "closed")) == wanted


def test_a_closed_account_is_empty_and_every_holder_is_an_employee(town: Population) -> None:
    employees = {enrolled.person for enrolled in town.enrolments if enrolled.insurance == "310"}
    assert {purse.fen for purse in town.purses if purse.state == "closed"} == {0}
    assert {purse.person for purse in town.purses} <= employees
    assert len({(purse.person, purse.kind) for purse in town.purses}) == len(town.purses)


def test_who_died_is_insured_no_more_and_has_no_open_account(town: Population) -> None:
    died = {person.id: person.died for person in town.people if person.died}
    now = {enrolled.person: enrolled for enrolled in town.enrolments if enrolled.valid_to is None}
    assert {(now[person].status, now[person].valid_from == day) for person, day in died.items()} == {("4", True)}
    assert {purse.state for purse in town.purses if purse.person in died} <= {"frozen"}


def test_each_insurance_of_a_person_has_one_status_on_each_day(town: Population) -> None:
    rows = sorted(town.enrolments, key=lambda enrolled: (enrolled.person, enrolled.insurance, enrolled.valid_from))
    for one, two in pairwise(rows):
        if (one.person, one.insurance) == (two.person, two.insurance):
            assert one.valid_to == two.valid_from - timedelta(days=1)
    born = {person.id: person.born for person in town.people}
    assert all(born[enrolled.person] <= enrolled.valid_from < AS_OF for enrolled in rows)


def test_hardship_is_of_the_known_kinds_and_orphans_have_no_parents(town: Population) -> None:
    hardship = {standing.person: standing.value for standing in town.standings if standing.kind == "hardship"}
    assert len(hardship) == sum(standing.kind == "hardship" for standing in town.standings)
    assert set(hardship.values()) <= set(words.HARDSHIPS)
    with_parents = {kin.person for kin in town.kinships if kin.relation == "parent"}
    assert {person for person, value in hardship.items() if value == "orphan"} & with_parents == set()
    assert {standing.value for standing in town.standings if standing.kind == "chronic-benefit"} == {"门诊慢性病待遇"}
