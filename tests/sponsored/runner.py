"""A process that runs rosters until there is nothing left to do, or until it dies where `HUIBAO_DIE_AT` says.

    python -m tests.sponsored.runner URL PROGRAMME SCHEME CLOCK OWN

OWN is "replaced" where the scheme lets own purchases give way.
"""

import asyncio
import sys
from dataclasses import replace
from datetime import datetime

from huibao.benefits import loading as plans
from huibao.core.clock import SimulatedClock
from huibao.scheme import loading as schemes
from tests.books import City
from tests.sponsored.agency import Agency


def main() -> None:
    url, code, name, when, own = sys.argv[1:]
    scheme = schemes.builtin(name)
    if own == "replaced":
        scheme = replace(scheme, sponsored=(replace(scheme.sponsored[0], replaces_own=True),))
    clock = SimulatedClock(datetime.fromisoformat(when))
    city = City(url, code, scheme, plans.builtin(f"{name}-example-2026"), clock)
    asyncio.run(Agency(city, {}, clock).runner())


if __name__ == "__main__":
    main()
