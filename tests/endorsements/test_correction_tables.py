"""Facts corrected backwards through the real database, one story of a table each: what was paid, what is corrected, what is due now.

`tables/corrections.toml` is read like a case history; a story can be added there without knowing Python.
"""

import tomllib
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest

from huibao.benefits import loading as plans
from huibao.benefits.model import Plan
from huibao.endorsements.facts import CORRECTABLE
from huibao.endorsements.model import Answer, Correct
from huibao.record.model import DONE
from huibao.settlement.model import Settle
from huibao.verify.checks import Subject
from huibao.verify.columns import verify_columns
from tests import books
from tests.books import HARDSHIPS, KEYRING, Someone, another, owner, refusal, rows, verify
from tests.endorsements.office import CLERK, SECOND, Office, endorsed
from tests.settlement.test_settle_tables import Telling, move_in, outcome, plain
from tests.settlement.ward import BILLED, Ward, settled

STORIES: Final[list[Mapping[str, Any]]] = tomllib.loads((Path(__file__).parent / "tables" / "corrections.toml").read_text("utf-8"))["story"]
CITIES: Final = sorted({story["scheme"] for story in STORIES})
FACTS: Final = {found.zh: fact for fact, found in CORRECTABLE.items()}
VALUES: Final = {"无": "none", "是": "1", "否": "0", **HARDSHIPS}
#: The year's cap is one that three bills reach.
_CAPS: Final = {"xinjiang": (("yuan = 500000", "yuan = 20000"), ("yuan = 600000", "yuan = 20000"))}


def plan(scheme: str) -> Plan:
    built = plans.builtin(f"{scheme}-example-2026")
    return another(built, f"{scheme}-endorsed", *_CAPS[scheme]) if scheme in _CAPS else built


def person(n: int, story: Mapping[str, Any]) -> Someone:
    return Someone(n * 10 + 1, "1985-06-15", story.get("insurance", "职工 正常"), personal="3500", hardship=story.get("hardship", ""))


@pytest.fixture(scope="module")
def wards(owner_url: str) -> Iterator[Mapping[str, Ward]]:
    found = {}
    for scheme in CITIES:
        everyone = [person(n, story) for n, story in enumerate(STORIES) if story["scheme"] == scheme]
        found[scheme] = Ward(books.small_city(books.founder(owner_url), scheme, everyone, plan=plan(scheme)))
    yield found
    for ward in found.values():
        ward.__exit__()


def correction(telling: Telling, step: str) -> Correct:
    """更正 项目 值 and what it is of."""
    _, fact, value, *words = step.split(" ")
    said = dict(zip(words[::2], words[1::2], strict=True))
    days = {zh: date.fromisoformat(said[zh]) for zh in ("自", "至") if zh in said}
    settlement = telling.told[said["结算"]][0] if "结算" in said else None
    of = None if settlement is not None else telling.n * 10 + int(said.get("人", "1"))
    return Correct(CLERK, FACTS[fact], VALUES.get(value, value), "更正", "档案 1", of, days.get("自"), days.get("至"), settlement)


def corrected(office: Office, command: Correct) -> str:
    """Asked for by one, approved by another; what it came to, or why not."""
    [asked] = office.run(command)
    if asked.outcome != DONE:
        return refusal(asked).code
    [answer] = office.run(Answer(SECOND, endorsed(asked).endorsement, True))
    if answer.outcome != DONE:
        return refusal(answer).code
    told = endorsed(answer)
    premiums = "".join(f" 保费 {plain(one.charged_fen)} 应 {'无' if one.right_fen is None else plain(one.right_fen)}" for one in told.premiums)
    return f"补 {plain(told.more_due_fen)} 少 {plain(told.less_due_fen)}{premiums}"


def due(ward: Ward, telling: Telling, names: list[str]) -> str:
    found = [rows(ward.city, "SELECT sum(target_fen)::bigint FROM payment WHERE settlement_id = %s", telling.told[name][0])[0][0] for name in names]
    return " ".join(map(plain, found))


def columns(ward: Ward) -> list[str]:
    """Offenders among what columns say of the corrected history."""
    with owner(ward.city) as connection:
        found = verify_columns(Subject(connection, ward.city.code, ward.city.scheme, BILLED), KEYRING)
    return [offender for finding in found for offender in finding.offenders]


@pytest.mark.clause("XJ-3", "LZ-19")
@pytest.mark.parametrize("n", [pytest.param(n, id=f"{story['scheme']}-{story['name']}") for n, story in enumerate(STORIES)])
def test_story(wards: Mapping[str, Ward], n: int) -> None:
    story = STORIES[n]
    ward = wards[story["scheme"]]
    move_in(ward, n, story)
    telling = Telling(ward.city, n)
    with Office(ward.city) as office:
        for step, expected in story["steps"]:
            what, *rest = step.split(" ")
            if what == "更正":
                said = corrected(office, correction(telling, step))
            elif what == "应赔":
                said = due(ward, telling, rest)
            else:
                command = telling.command(step)
                [answer] = ward.run(command, at=telling.at)
                said = outcome(command, answer)
                if isinstance(command, Settle) and answer.outcome == DONE:
                    told = settled(answer)
                    telling.told[rest[0]] = (ward.id(told), told)
            assert (step, said) == (step, expected)
            assert verify(ward.city, BILLED) == [], step
    assert columns(ward) == []


def test_stories_have_names_of_their_own() -> None:
    names = [story["name"] for story in STORIES]
    assert sorted(set(names)) == sorted(names)
    assert {correction_.split(" ")[1] for story in STORIES for correction_, _ in story["steps"] if correction_.startswith("更正")} <= set(FACTS)
