"""The simulation finds every planted fault: each in the history that is known to find it, and for long in any of the fifty."""

from typing import Final

import pytest

from tests.simulation.hunting import Catch, hunt, written
from tests.simulation.plants import PLANTS, Plant

CAUGHT: Final = {one.fault: one for one in written()}


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_a_planted_fault_is_found(urls: list[str], plant: Plant) -> None:
    """Where actions have changed, a seed is another history: then the fault is hunted again, and the table written anew."""
    known: Catch = CAUGHT[plant.__name__]
    assert known.again(urls[0], plant).failure is not None, (
        f"nothing was found in {known.steps} steps of seed {known.seed}; hunt again: python -m tests.simulation --hunt")


def test_the_table_names_what_is_planted() -> None:
    assert [*CAUGHT] == [plant.__name__ for plant in PLANTS]


@pytest.mark.long
@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_a_planted_fault_is_hunted_down(urls: list[str], plant: Plant) -> None:
    """However the histories go: one of the fifty finds it."""
    assert hunt(urls[0], plant) is not None
