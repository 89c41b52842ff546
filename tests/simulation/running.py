"""Running seeds: a history step by step, what is looked at after each, the end of it, and the shortest prefix that fails."""

import asyncio
import gc
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import accumulate
from multiprocessing import get_context
from time import perf_counter
from typing import Final

from huibao.verify.run import verify_all
from tests.books import KEYRING
from tests.simulation import clerks, counters, hospitals, nature, offices, residents, sponsors, treasury
from tests.simulation.actions import ACTIONS
from tests.simulation.compare import compare
from tests.simulation.ending import quiet
from tests.simulation.founding import found, leave
from tests.simulation.model import Found
from tests.simulation.service import Killed, Reaper
from tests.simulation.world import World

STEPS: Final = 200
#: The whole oracle looks after so many steps, and at the end; what the reference knows is compared after each.
LOOK_EVERY: Final = 50

#: Whose actions there are.
ACTORS: Final = (residents, counters, clerks, sponsors, hospitals, offices, treasury, nature)


@dataclass(frozen=True, slots=True)
class Failure:
    """What was found, after which step: that one found it, or the oracle looked there."""

    step: int
    what: str


@dataclass
class Report:
    """How a seed did. `sound` says up to which step the oracle had found nothing."""

    seed: int
    steps: int
    failure: Failure | None = None
    sound: int = 0
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    acted: Counter[str] = field(default_factory=Counter)
    deaths: int = 0
    befell: Counter[str] = field(default_factory=Counter)
    trace: list[str] = field(default_factory=list)
    took_s: float = 0.0
    looked_s: float = 0.0


def run(url: str, seed: int, steps: int = STEPS, look_every: int = LOOK_EVERY) -> Report:
    """One seed's history in the database at `url`; nothing of it stays there."""
    began, report = perf_counter(), Report(seed, steps)
    with Reaper() as reaper:
        world = found(url, seed, reaper)
        try:
            asyncio.run(live(world, report, look_every))
        finally:
            leave(world)
    if report.failure is not None and report.failure.step <= steps:
        report.steps = report.failure.step
    report.counts, report.deaths, report.befell, report.trace = world.counts, world.deaths, Counter(world.wires.befell), world.trace
    report.took_s = perf_counter() - began
    return report


async def live(world: World, report: Report, look_every: int) -> None:
    try:
        for step in range(1, report.steps + 1):
            await _step(world, report, step)
            if step % look_every == 0:
                look(world, report)
                report.sound = step
        world.step, world.action = report.steps + 1, "the end"
        await quiet(world)
        await compare(world)
        look(world, report, end=True)
    except (Found, AssertionError) as failure:
        world.say(f"FOUND {failure}")
        report.failure = Failure(world.step, f"{world.action}: {failure}")
    finally:
        await world.end()


async def _step(world: World, report: Report, step: int) -> None:
    """Some time, one action, and what the reference says of it."""
    world.step = step
    nature.time_passes(world)
    weights = list(accumulate(action.weight for action in ACTIONS))
    [action] = world.dice.choices(ACTIONS, cum_weights=weights)
    world.action = action.name
    report.acted[action.name] += 1
    try:
        await action.act(world)
    except Killed:
        await world.die()
    await compare(world)


def look(world: World, report: Report, end: bool = False) -> None:
    """Everything that `huibao verify` looks at. Raises `Found`.

    Only the `end` says that something is late: before it, the duties run when the dice say so.
    """
    began = perf_counter()
    [verified] = verify_all(world.city.url, world.now if end else world.began, world.city.code, KEYRING if end else None)
    report.looked_s += perf_counter() - began
    offenders = [f"{one.letter} {one.name}: {offender}" for one in verified.findings for offender in one.offenders]
    if offenders:
        raise Found(f"verify: {'；'.join(offenders[:5])}")


# ── many ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

def side_by_side(urls: Sequence[str]) -> ProcessPoolExecutor:
    """As many processes as there are databases; they learn the product once."""
    return ProcessPoolExecutor(len(urls), mp_context=get_context("spawn"))


def run_all(processes: ProcessPoolExecutor, urls: Sequence[str], seeds: Sequence[int], steps: int = STEPS) -> list[Report]:
    """Every seed, each database with its own part of them."""
    parts = [(url, seeds[n::len(urls)], steps) for n, url in enumerate(urls)]
    found = [report for reports in processes.map(_part, parts) for report in reports]
    return sorted(found, key=lambda report: report.seed)


def _part(given: tuple[str, Sequence[int], int]) -> list[Report]:
    url, seeds, steps = given
    reports = []
    for seed in seeds:
        reports.append(run(url, seed, steps))
        gc.collect()
    return reports


def shortest(url: str, report: Report) -> Report:
    """The shortest prefix of a failing seed's history that fails.

    Where a look in the middle found something, the oracle looks after every step. What only the end finds may come and go
    from step to step: the prefix is halved while the shorter one fails too.
    """
    assert report.failure is not None
    if report.failure.step <= report.steps:
        again = run(url, report.seed, report.failure.step, look_every=1)
        return again if again.failure is not None else report
    sound, failing = 0, report
    while failing.steps - sound > 1:
        middle = run(url, report.seed, (sound + failing.steps) // 2)
        if middle.failure is None:
            sound = middle.steps
        else:
            failing = middle
    return failing


def table(reports: Sequence[Report]) -> str:
    """Commands by outcome, over all seeds."""
    counts: Counter[tuple[str, str]] = sum((report.counts for report in reports), Counter())
    kinds = sorted({kind for kind, _ in counts})
    return "\n".join(f"{kind:24} " + "  ".join(f"{outcome} {many}" for (_, outcome), many in sorted(
        ((key, many) for key, many in counts.items() if key[0] == kind), key=lambda one: -one[1])) for kind in kinds)
