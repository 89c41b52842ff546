"""Seeded afternoons with every fault and deaths in between: both sides' books agree in the end, and no order hangs."""

from typing import Final

import pytest

from huibao.app import accounts as duties
from tests.database import MakeProgramme
from tests.journeys import agency_seeds
from tests.journeys.agency import agency_city
from tests.journeys.agency_seeds import PEOPLE, Step, lived, shrunk, steps_of

SEEDS: Final = [*range(1, 33), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(33, 1001))]


@pytest.mark.clause("SY-3.6", "XZ-2")
@pytest.mark.parametrize("seed", SEEDS)
def test_an_afternoon(programme: MakeProgramme, seed: int) -> None:
    steps = steps_of(seed)
    if wrong := lived(agency_city(programme, PEOPLE), steps):
        fewest = shrunk(lambda some: lived(agency_city(programme, PEOPLE), some), steps)
        said = lived(agency_city(programme, PEOPLE), fewest)
        raise AssertionError(f"seed {seed}: {wrong}\nthe fewest steps that end badly, to be lived again with lived(city, [...]):\n"
                             + "\n".join(f"    {step!r}," for step in fewest) + f"\n{said}")


def test_the_same_seed_is_the_same_afternoon() -> None:
    assert steps_of(7) == steps_of(7) != steps_of(8)
    assert {step.what for seed in range(1, 33) for step in steps_of(seed)} == set(agency_seeds._WEIGHTS)


def test_a_failure_is_shrunk_to_its_cause() -> None:
    steps = [Step("turn", n) for n in range(20)]
    steps[7], steps[15] = Step("buy", 7), Step("kill", 15)
    assert shrunk(lambda some: ["bad"] if {"buy", "kill"} <= {step.what for step in some} else [], steps) == [steps[7], steps[15]]


def test_a_service_that_assumes_instead_of_asking_is_caught(programme: MakeProgramme, monkeypatch: pytest.MonkeyPatch) -> None:
    """The naive version, kept as one that must fail: an order that got no answer in time is void, whatever the agency did."""
    monkeypatch.setattr("huibao.enrolment.asking.give_up", lambda *_: False)
    assert any(lived(agency_city(programme, PEOPLE), steps_of(seed)) for seed in range(1, 9))


def test_a_service_that_takes_any_answer_is_caught(programme: MakeProgramme, monkeypatch: pytest.MonkeyPatch) -> None:
    """Naive in another way: whatever is answered about a key counts as done."""
    monkeypatch.setitem(duties._WANTED, "freeze", "declined")
    assert any(lived(agency_city(programme, PEOPLE), steps_of(seed)) for seed in range(1, 9))
