"""A process that runs rosters until there is nothing left to do, or until it dies where `HUIBAO_DIE_AT` says.

    python -m tests.sponsored.runner URL PROGRAMME SCHEME CLOCK
"""

import asyncio
import sys
from datetime import datetime

from huibao.benefits import loading as plans
from huibao.core.clock import SimulatedClock
from huibao.scheme import loading as schemes
from tests.books import City
from tests.sponsored.agency import Agency


def main() -> None:
    url, code, scheme, when = sys.argv[1:]
    clock = SimulatedClock(datetime.fromisoformat(when))
    city = City(url, code, schemes.builtin(scheme), plans.builtin(f"{scheme}-example-2026"), clock)
    asyncio.run(Agency(city, {}, clock).runner())


if __name__ == "__main__":
    main()
