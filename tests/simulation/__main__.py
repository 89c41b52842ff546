"""Runs seeds of the simulation, or one of them again.

    python -m tests.simulation --seeds 1000-3000              a long run, on two processes
    python -m tests.simulation --seed 17 --steps 44 --trace   one history, command by command
    python -m tests.simulation --hunt                         which seed finds each planted fault that is not found as written

Ends with status 1 where something was found, and says with which seed, and after how many steps at the latest.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from time import perf_counter

from huibao.db.migrate import migrate
from tests.database import MADE_AT, new_database, server
from tests.simulation import hunting
from tests.simulation.plants import PLANTS
from tests.simulation.running import STEPS, Report, run, run_all, shortest, side_by_side, table

#: So many seeds are run before one says how it goes.
AT_ONCE = 50


@contextmanager
def databases(count: int) -> Iterator[list[str]]:
    """So many databases on a server of our own."""
    with server() as made, ExitStack() as stack:
        urls = [stack.enter_context(new_database(made.url(), f"huibao_simulation_{n}")) for n in range(count)]
        for url in urls:
            migrate(url, MADE_AT)
        yield urls


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def one(seed: int, steps: int, trace: bool) -> bool:
    """Runs one seed; says whether nothing was found."""
    with databases(1) as [url]:
        report = run(url, seed, steps)
        if report.failure is not None and not trace:
            report = shortest(url, report)
        if trace:
            say("\n".join(report.trace))
            say(table([report]))
    say(told(report))
    return report.failure is None


def many(seeds: Sequence[int], steps: int, processes: int) -> bool:
    """Runs many seeds; says whether nothing was found."""
    sound, reports, began = True, list[Report](), perf_counter()
    with databases(processes) as urls, side_by_side(urls) as pool:
        for n in range(0, len(seeds), AT_ONCE):
            reports += run_all(pool, urls, seeds[n:n + AT_ONCE], steps)
            for report in reports[-AT_ONCE:]:
                if report.failure is not None:
                    sound = False
                    say(told(shortest(urls[0], report)))
            say(f"{len(reports)} seeds, {sum(len(report.trace) for report in reports)} commands and registers,"
                f" {sum(report.deaths for report in reports)} deaths, {perf_counter() - began:.0f} s")
    say(table(reports))
    return sound


def hunt(processes: int) -> bool:
    """Writes down which seed finds each planted fault, hunted anew where it is not found as written; says whether all are found."""
    with databases(processes) as urls, side_by_side(urls) as pool:
        parts = pool.map(hunting.renewed, urls, [PLANTS[n::processes] for n in range(processes)])
        caught = [one for part in parts for one in part]
    hunting.write(caught)
    lost = {plant.__name__ for plant in PLANTS} - {one.fault for one in caught}
    say("\n".join([f"{one.fault}: seed {one.seed}, {one.steps} steps, {one.where}" for one in caught] + [f"{name}: not found" for name in sorted(lost)]))
    return not lost


def told(report: Report) -> str:
    """What came of a seed, and how it is run again."""
    if report.failure is None:
        return f"seed {report.seed}: nothing found in {report.steps} steps"
    return (f"seed {report.seed}: {report.failure.what}\n  again: python -m tests.simulation --seed {report.seed} --steps {report.steps} --trace")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", metavar="FIRST-LAST")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--trace", action="store_true")
    parser.add_argument("--hunt", action="store_true")
    asked = parser.parse_args()
    if asked.hunt:
        return 0 if hunt(asked.processes) else 1
    if asked.seed is not None:
        return 0 if one(asked.seed, asked.steps, asked.trace) else 1
    first, last = map(int, (asked.seeds or "0-49").split("-"))
    return 0 if many(range(first, last + 1), asked.steps, asked.processes) else 1


if __name__ == "__main__":
    raise SystemExit(main())
