"""Which seed finds a planted fault, after how few steps: hunted once and written down, so that a test runs just that."""

import csv
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Final

import pytest

from tests.simulation.plants import PLANTS, Plant
from tests.simulation.running import STEPS, Report, run

#: Of the fifty seeds of every test run; a fault that none of them finds is not found.
SEEDS: Final = range(50)
#: What only the end finds is looked for at the end of shorter histories, too.
PREFIXES: Final = (20, 40, 60, 80, 100, 125, 150, 175)
TABLE: Final = Path(__file__).with_name("planted.csv")


@dataclass(frozen=True, slots=True)
class Catch:
    """A fault, the seed whose history finds it, of how many steps, and where in it: at a step, or at the end."""

    fault: str
    seed: int
    steps: int
    where: str

    def again(self, url: str, plant: Plant) -> Report:
        """That history with the fault in the product. The oracle looks at its last step and at its end."""
        with pytest.MonkeyPatch.context() as patch:
            plant(patch)
            return run(url, self.seed, self.steps, look_every=self.steps)


def written() -> list[Catch]:
    """What was caught when it was hunted last."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return [Catch(row["fault"], int(row["seed"]), int(row["steps"]), row["where"]) for row in csv.DictReader(file)]


def write(caught: Sequence[Catch]) -> None:
    """The table, in the order of the faults."""
    order = [plant.__name__ for plant in PLANTS]
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(field.name for field in fields(Catch))
        rows.writerows(astuple(one) for one in sorted(caught, key=lambda one: order.index(one.fault)))


def renewed(url: str, plants: Sequence[Plant]) -> list[Catch]:
    """What finds these faults: as it is written where that still does, else hunted anew; without those that nothing finds."""
    known = {one.fault: one for one in written()} if TABLE.exists() else {}
    caught = []
    for plant in plants:
        one = known.get(plant.__name__)
        found = one if one is not None and one.again(url, plant).failure is not None else hunt(url, plant)
        caught += [found] if found is not None else []
    return caught


def hunt(url: str, plant: Plant) -> Catch | None:
    """Runs seed after seed with the fault in the product until one finds it, then the shortest history of it that does."""
    for seed in SEEDS:
        with pytest.MonkeyPatch.context() as patch:
            plant(patch)
            report = run(url, seed)
        if report.failure is not None:
            return _shortest(url, plant, Catch(plant.__name__, seed, min(report.failure.step, STEPS), report.failure.what.split(":")[0]))
    return None


def _shortest(url: str, plant: Plant, caught: Catch) -> Catch:
    if caught.where != "the end":
        return caught
    shorter = (Catch(caught.fault, caught.seed, steps, caught.where) for steps in PREFIXES)
    return next((one for one in shorter if one.again(url, plant).failure is not None), caught)
