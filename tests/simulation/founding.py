"""Founding a simulated city: a programme, its people, what it sells, its hospitals; in a database that has no other use."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

import psycopg

from huibao.core.identity import normal_name
from huibao.core.sealing import blind_index
from huibao.db.migrate import create_programme
from huibao.scheme.model import SPONSORED
from huibao.sponsored import work as sponsored
from tests import books
from tests.app.street import SECRETS
from tests.books import FOUNDED, owner
from tests.database import MADE_AT, Programme
from tests.settlement.ward import found_hospitals, psn_no
from tests.simulation.care import DESKS, Care
from tests.simulation.goods import GOODS
from tests.simulation.model import Model
from tests.simulation.people import RULES, SOMEONE
from tests.simulation.service import INSURERS, OUTSIDE, Reaper
from tests.simulation.world import World

#: So many lines are a part of a roster here, for files are small.
PART: Final = 3


def code_of(seed: int) -> str:
    """The programme's code; the same for a seed whenever it runs."""
    return f"{100_000 + seed % 800_000}"


def found(url: str, seed: int, reaper: Reaper) -> World:
    """The seed's city, new, in the database at `url`."""
    dice = Random(seed)  # noqa: S311 - one seed decides everything
    rules = RULES[seed % len(RULES)]
    first, *others = GOODS.values()
    setattr(sponsored, "PART", PART)  # noqa: B010 - a number in a number's place

    def make(name: str = "模拟", scheme: str = "", area: str = "9900") -> Programme:
        create_programme(url, code_of(seed), name, scheme, area, MADE_AT)
        return Programme(url, code_of(seed))

    city = books.small_city(make, rules.scheme, SOMEONE, plan=first.plan(rules.scheme), since=first.sold[0], until=first.sold[1])
    if rules.replaces_own:
        city.scheme = replace(city.scheme, sponsored=(replace(SPONSORED, replaces_own=True),))
    with owner(city) as connection:
        for one in SOMEONE:
            known = blind_index(SECRETS.index_key, city.code, "name_birth", f"{normal_name(f'某人{one.id}')}|{one.born}")
            connection.execute("UPDATE person SET name_index = %s WHERE id = %s", [known, one.id])
        found_hospitals(city, connection)
        for good in others:
            books.put_on_sale(city, connection, good.plan(rules.scheme), *good.sold)
        _connect(connection)
    # Some live through a spring, some through a New Year.
    start = datetime(2026, 1, 5, 1, tzinfo=UTC) + timedelta(days=dice.choice((dice.randrange(300), 290 + dice.randrange(60))))
    city.clock.set(start, backwards=True)
    model = Model(rules, {good: books.terms(city, good) for good in GOODS})
    return World(seed, city, dice, reaper, model, Care(model, {psn_no(city, one.id): one.id for one in SOMEONE}))


def _connect(connection: psycopg.Connection[Any]) -> None:
    """Insurers' and hospitals' systems have an address."""
    for id in INSURERS:
        connection.execute("INSERT INTO public.insurer VALUES (%(id)s, '某公司', %(url)s, %(at)s) ON CONFLICT (id) DO NOTHING",
                           {"id": id, "url": f"{OUTSIDE}/insurer-{id}", "at": FOUNDED})
    for id in DESKS:
        connection.execute("INSERT INTO public.provider VALUES (%(id)s, '某医院', '9900', %(at)s, %(url)s) ON CONFLICT (id) DO NOTHING",
                           {"id": id, "url": f"{OUTSIDE}/hospital-{id}", "at": FOUNDED})


def leave(world: World) -> None:
    """The city is gone, with everything in it."""
    with owner(world.city) as connection:
        connection.execute(f'DROP SCHEMA "{world.city.schema}" CASCADE')
        connection.execute("DELETE FROM public.programme WHERE code = %s", [world.city.code])
