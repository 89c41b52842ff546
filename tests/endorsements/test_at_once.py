"""Corrections beside settlements, beside each other, twice and killed on the way: one effect, the same answer, and columns agree."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import permutations
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huibao.core.money import plain_yuan
from huibao.core.points import POINTS
from huibao.endorsements.model import Answer, Command, Correct, EndorsementTold
from huibao.endorsements.state import State
from huibao.record.lane import Lane
from huibao.record.model import DONE
from huibao.record.model import Answer as Told
from huibao.verify.checks import Subject
from huibao.verify.columns import verify_columns
from tests import books
from tests.books import KEYRING, City, Someone, owner, refusal, rows, small_city, verify
from tests.database import MakeProgramme
from tests.endorsements.office import CLERK, SECOND, Office, ask, change, endorsed, register, work
from tests.record.clerk import lonely, service
from tests.settlement.rounds import QUICK, at_once, each_at_once, insure
from tests.settlement.ward import BILLED, Ward, bill, found_hospitals

ROOT: Final = Path(__file__).parents[2]
START: Final = date(2026, 1, 1)


def town(programme: MakeProgramme, people: int) -> City:
    city = small_city(programme, "liuzhou", lonely(people))
    insure(city, *((n,) for n in range(1, people + 1)))
    with owner(city) as connection:
        found_hospitals(city, connection)
    city.clock.set(BILLED)
    return city


def columns(city: City) -> list[str]:
    with owner(city) as connection:
        found = verify_columns(Subject(connection, city.code, city.scheme, BILLED), KEYRING)
    return [offender for finding in found for offender in finding.offenders]


async def _lanes(city: City, batches: Sequence[Sequence[Command]]) -> list[list[Told]]:
    lanes = [Lane[Command, State](service(city, QUICK), city.clock, {city.code: (city.schema, work(city))}) for _ in batches]
    try:
        return list(await asyncio.gather(*(ask(city, lane, batch) for lane, batch in zip(lanes, batches, strict=True))))
    finally:
        await asyncio.gather(*(lane.close() for lane in lanes))


def together(city: City, *batches: Sequence[Command]) -> list[Told]:
    """Each batch by a clerk of its own, all at the same moment."""
    return [answer for told in asyncio.run(_lanes(city, batches)) for answer in told]


def proposed(office: Office, person: int, fact: str, value: str, since: date | None = START) -> EndorsementTold:
    return office.asks(Correct(CLERK, fact, value, "更正", "档案", person, since))


# ── the same moment ──────────────────────────────────────────────────────────────────────────────────────────────────

def test_eight_clerks_approve_one_proposal_once(programme: MakeProgramme) -> None:
    city = town(programme, 1)
    with Office(city) as office, Ward(city) as ward:
        ward.confirm(*ward.settle(bill(1, "S1", in_scope="20000", city=city)))
        asked = proposed(office, 1, "insutype", "390")
        answers = together(city, *([Answer(SECOND, asked.endorsement, True)] for _ in range(8)))
    assert sorted(answer.outcome for answer in answers) == sorted([DONE, *["endorsement.not_waiting"] * 7])
    assert rows(city, "SELECT before_fen, after_fen FROM endorsement_effect") == [(980_000, 840_000)]
    assert rows(city, "SELECT kind, fen FROM open_case WHERE closed_at IS NULL") == [("less-due", 140_000)]
    assert verify(city) == []
    assert columns(city) == []


def test_two_people_get_one_identity_at_once(programme: MakeProgramme) -> None:
    """Whoever comes first has it; the other is refused, and the database never had to."""
    city = town(programme, 8)
    for person in range(1, 9):
        register(city, person, f"甲{person}", f"11010119850615{person:04d}")
    with Office(city) as office:
        asked = [office.asks(change(person, "identity", "110101198506159999")) for person in range(1, 9)]
    answers = together(city, *([Answer(SECOND, one.endorsement, True)] for one in asked))
    assert sorted(answer.outcome for answer in answers) == sorted([DONE, *["endorsement.identity_taken"] * 7])
    assert verify(city) == []


@pytest.mark.clause("LZ-10", "XJ-3")
def test_corrections_beside_settlements_of_the_same_person(programme: MakeProgramme) -> None:
    """Four desks settle, two clerks approve, for each of ten people at the same moment: every figure is that of one fold."""
    city, dice = town(programme, 10), Random(5)  # noqa: S311 - a seed replays it
    at_once(city, [{f"first-{n}": bill(n, f"first-{n}", in_scope="9000", hospital="H2", city=city)} for n in range(1, 11)])
    first = dict(rows(city, "SELECT person_id, id FROM settlement"))
    with Office(city) as office:
        asked = {n: [proposed(office, n, "insutype", "390"), office.asks(Correct(CLERK, "hospital_grade", "3", "x", "y", settlement=first[n]))]
                 for n in range(1, 11)}
    for n in range(1, 11):
        bills: list[Mapping[str, Any]] = [
            {f"{n}-{k}": bill(n, f"{n}-{k}", in_scope=plain_yuan(dice.randint(100_000, 900_000)), city=city)} for k in range(4)]

        async def moment(bills: list[Mapping[str, Any]] = bills, n: int = n) -> tuple[Any, list[list[Told]]]:
            desks = asyncio.to_thread(each_at_once, city, bills)
            clerks = _lanes(city, [[Answer(SECOND, one.endorsement, True)] for one in asked[n]])
            return await asyncio.gather(desks, clerks)

        settled, approved = asyncio.run(moment())
        assert all(isinstance(answer, Told) and answer.outcome == DONE for told in settled for answer in told.values())
        assert [answer.outcome for told in approved for answer in told] == [DONE, DONE]
    assert verify(city) == []
    assert columns(city) == []


def test_who_shares_a_deductible_is_folded_too(programme: MakeProgramme) -> None:
    """吉林：家庭共用免赔额 20000。丈夫的出生日期更正与二人的赔付无关，但二人一起重算；妻子的说明里没有丈夫的事实。"""
    city = small_city(programme, "jilin", (Someone(1, kin="2 配偶"), Someone(2)), plan=_by_age())
    with Office(city) as office, Ward(city) as ward:
        ward.buys(1, 1, 2)
        ward.confirm(*ward.settle(bill(2, "W1", self_paid="15000", city=city), bill(1, "H1", self_paid="15000", city=city)))
        assert dict(rows(city, "SELECT setl_id, pay_fen FROM settlement")) == {"W1": 0, "H1": 600_000}  # (30000 − 20000) × 60%
        told = office.corrects(2, "born", "1950-01-01", since=START)
        # 六十岁以上 80%：妻子的仍在免赔额内，丈夫的用到同样多
        assert [(one.before_fen, one.after_fen) for one in told.effects] == []
        ward.confirm(*ward.settle(bill(2, "W2", self_paid="1000", city=city)))
        assert rows(city, "SELECT pay_fen FROM settlement WHERE setl_id = 'W2'") == [(80_000,)]
    assert verify(city) == []
    assert columns(city) == []


def _by_age() -> Any:
    from huibao.benefits import loading  # noqa: PLC0415 - for this plan alone

    return books.another(loading.builtin("jilin-example-2026"), "jilin-by-age", (
        '''  [[benefit.when]]
  is = "innovative"
  ratio = "75%"
''', '''  [[benefit.when]]
  is = "age >= 60"
  ratio = "80%"
'''))


# ── killed on the way ────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.parametrize("point", [point for point in POINTS if point.startswith("batch.")])
def test_killed_on_the_way_it_is_done_once(programme: MakeProgramme, point: str) -> None:
    city = town(programme, 1)
    with Office(city) as office, Ward(city) as ward:
        ward.confirm(*ward.settle(bill(1, "S1", in_scope="20000", hospital="H1", city=city)))
        asked = proposed(office, 1, "insutype", "390")
        died = subprocess.run([sys.executable, "-m", "tests.endorsements.dying", city.url, city.code, str(asked.endorsement), "the-key"],
                              cwd=ROOT, env={**os.environ, "HUIBAO_DIE_AT": point}, capture_output=True, timeout=60, check=False)
        assert died.returncode == -9, died.stderr.decode()
        [first] = office.run(Answer(SECOND, asked.endorsement, True), keys=["the-key"])
        [again] = office.run(Answer(SECOND, asked.endorsement, True), keys=["the-key"])
    assert endorsed(first).less_due_fen == 140_000
    assert (first.body, first.replayed) == (again.body, point == "batch.after_commit")
    assert rows(city, "SELECT count(*) FROM endorsement_effect") == [(1,)]
    assert verify(city) == []
    assert columns(city) == []


# ── properties ───────────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.fixture(scope="module")
def crowd(owner_url: str) -> Iterator[tuple[City, Ward, Office, Iterator[int]]]:
    city = small_city(books.founder(owner_url), "liuzhou", lonely(400))
    insure(city, *((n,) for n in range(1, 401)))
    with Ward(city) as ward, Office(city) as office:
        yield city, ward, office, iter(range(1, 401))
    assert verify(city, BILLED) == []
    assert columns(city) == []


def targets(city: City, person: int) -> list[tuple[Any, ...]]:
    return rows(city, "SELECT s.setl_id, p.targets FROM payment p JOIN settlement s ON s.id = p.settlement_id WHERE s.person_id = %s ORDER BY 1", person)


BILLS: Final = st.lists(st.tuples(st.integers(1, 40_000), st.sampled_from(["H1", "H2"])), min_size=1, max_size=4)


def settle(crowd: tuple[City, Ward, Office, Iterator[int]], bills: list[tuple[int, str]]) -> tuple[int, list[int]]:
    """Somebody new with these bills in scope; the person, and the settlements."""
    city, ward, _, people = crowd
    person = next(people)
    told = ward.settle(*(bill(person, f"{person}-{n}", in_scope=str(yuan), hospital=hospital, city=city) for n, (yuan, hospital) in enumerate(bills)))
    ward.confirm(*(one for one in told if one.pay_fen))
    return person, [ward.id(one) for one in told]


@settings(max_examples=25)
@given(bills=BILLS, grade=st.sampled_from(["1", "2", "3"]))
def test_correcting_and_correcting_back_is_nothing(crowd: tuple[City, Ward, Office, Iterator[int]], bills: list[tuple[int, str]], grade: str) -> None:
    person, settlements = settle(crowd, bills)
    city, _, office, _ = crowd
    before, was = targets(city, person), {"H1": "3", "H2": "2"}[bills[0][1]]
    office.corrects(person, "insutype", "390", START)
    if grade != was:
        office.corrects_visit(settlements[0], "hospital_grade", grade)
        office.corrects_visit(settlements[0], "hospital_grade", was)
    office.corrects(person, "insutype", "310", START)
    assert targets(city, person) == before


@settings(max_examples=15)
@given(bills=BILLS, order=st.sampled_from(list(permutations(range(2)))))
def test_the_order_of_two_corrections_does_not_matter(crowd: tuple[City, Ward, Office, Iterator[int]], bills: list[tuple[int, str]],
                                                      order: tuple[int, int]) -> None:
    found = []
    for turn in (order, order[::-1]):
        person, settlements = settle(crowd, bills)
        office = crowd[2]
        grade = {"H1": "2", "H2": "3"}[bills[0][1]]
        for which in turn:
            if which:
                office.corrects(person, "insutype", "390", START)
            else:
                office.corrects_visit(settlements[0], "hospital_grade", grade)
        found.append([figures for _, figures in targets(crowd[0], person)])
    assert found[0] == found[1]


# ── what was said, and the books of a month that is over ─────────────────────────────────────────────────────────────

@pytest.mark.clause("XJ-3")
def test_what_was_said_stays_and_closed_months_are_not_touched(programme: MakeProgramme) -> None:
    city = town(programme, 1)
    later = BILLED.replace(month=6)
    with Office(city) as office, Ward(city) as ward:
        ward.agrees(1)
        ward.confirm(*ward.settle(bill(1, "S1", in_scope="20000", city=city)))
        [(settlement,)] = rows(city, "SELECT id FROM settlement")
        said = rows(city, "SELECT seq, answer, sealed, digest FROM event ORDER BY seq")
        booked = rows(city, "SELECT * FROM transfer ORDER BY id")
        told = office.corrects_visit(settlement, "hospital_grade", "2", at=later)
    assert told.more_due_fen == 70_000
    assert rows(city, "SELECT seq, answer, sealed, digest FROM event ORDER BY seq LIMIT %s", len(said)) == said
    assert rows(city, "SELECT * FROM transfer ORDER BY id LIMIT %s", len(booked)) == booked
    assert rows(city, "SELECT at, kind, fen FROM transfer ORDER BY id OFFSET %s", len(booked)) == [(later, "claim-incurred", 70_000)]
    assert rows(city, "SELECT fen, state, due_on FROM payout") == [(70_000, "due", date(2026, 6, 21))], "within ten days, to the account agreed to"
    assert verify(city) == []


@pytest.mark.clause("XJ-3")
def test_a_correction_that_cannot_be_folded_is_refused(programme: MakeProgramme) -> None:
    city = small_city(programme, "jilin", (Someone(1, kin="2 配偶"), Someone(2)))
    with Office(city) as office, Ward(city) as ward:
        ward.buys(1, 1, 2)
        ward.settle(bill(2, "W1", self_paid="15000", city=city))
        asked = office.asks(Correct(CLERK, "insutype", "390", "x", "y", 1, START))
        with owner(city) as connection:
            connection.execute("DELETE FROM person_key WHERE person_id = 2")
        [answer] = office.run(Answer(SECOND, asked.endorsement, True))
    assert refusal(answer).code == "settlement.kin_erased"
