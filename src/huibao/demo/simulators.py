"""The outside systems of the demonstration, simulated in a process of their own.

Cash channel, identity service, insurers' and hospitals' systems, the bank of payouts, messages to phones.
"""

import os
from collections import defaultdict
from typing import Final

import httpx
from granian import Granian
from granian.constants import Interfaces

from huibao.app.settings import read
from huibao.db.connect import connect_owner
from huibao.db.settings import data_folder
from huibao.demo.people import SQL
from huibao.demo.programmes import kept_elsewhere
from huibao.gateways.accounts import Parts
from huibao.gateways.simulators.app import Secrets, Simulators, build

#: What is on everybody's accounts at the agency whose own system keeps them, until it is spent.
OPENING: Final = Parts(800_000, 50_000)

_PLATFORM: Final = "HUIBAO_DEMO_PLATFORM"
_PUBLIC: Final = "HUIBAO_DEMO_PUBLIC"


def serve(port: int, platform: str) -> None:
    """Serves them on this port until told to stop; the platform's address is where notices of payments go."""
    os.environ[_PLATFORM], os.environ[_PUBLIC] = platform, f"http://127.0.0.1:{port}"
    Granian("huibao.demo.simulators:application", factory=True, interface=Interfaces.ASGI, address="127.0.0.1", port=port,
            workers=1, log_access=False, workers_kill_timeout=5).serve()


def application() -> Simulators:
    """The simulated systems, with the insurers of the database's programmes, what each leads, and the hospitals."""
    settings = read()
    products: defaultdict[str, set[str]] = defaultdict(set)
    later = kept_elsewhere()                           # it is founded while these run, when somebody wants to see it
    products[later.insurers[0].id].update(shown.plan for shown in later.products)
    with connect_owner(settings.database_url, "huibao simulators") as connection:
        hospitals = [id for (id,) in connection.execute(SQL["providers"]).fetchall()]
        for (schema,) in connection.execute(SQL["schemas"]).fetchall():
            with connection.transaction():
                connection.execute(SQL["enter"], {"schema": schema})
                for insurer, led, _ in connection.execute(SQL["leads"]).fetchall():
                    products[insurer].update(led)
    secret = settings.secrets.channel_secret
    return build(
        settings.clock, Secrets(secret, secret, dict.fromkeys(products, secret), dict.fromkeys(hospitals, secret), secret, secret),
        os.environ[_PLATFORM] + "/v1/{programme}/payment-notices", os.environ[_PUBLIC], httpx.AsyncClient(), products, hospitals,
        openings=lambda _, __: OPENING, journal=data_folder().parent / "demo-accounts.jsonl")
