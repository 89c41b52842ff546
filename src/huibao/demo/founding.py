"""Founds the demonstration's programmes in a database: books, products, insurers and people.

Each programme is founded in one transaction: a start that was cut short has left nothing of it, and the next begins
again. What is there stays; a start with the same data changes nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from importlib import resources
from typing import Any

from psycopg import Connection

from huibao import ENGINE
from huibao.benefits import loading as plans
from huibao.benefits.model import Plan
from huibao.catalogue.listing import load_product, not_for_sale, put_on_sale
from huibao.core.chain import genesis
from huibao.core.sealing import Keyring
from huibao.core.time import business_date
from huibao.db.connect import connect_owner
from huibao.db.migrate import create_programme
from huibao.demo.people import SQL, load_people
from huibao.demo.population import populate
from huibao.demo.programmes import Character, DemoProgramme, Sale
from huibao.record.batch import SQL as RECORD
from huibao.scheme import loading as schemes
from huibao.scheme.model import Scheme
from huibao.scheme.running import kept_elsewhere


@dataclass(frozen=True, slots=True)
class Readable:
    """A product that is shown and not sold, and why, in Chinese; `clause` where the scheme refuses it under one."""

    product: str
    why: str
    clause: str | None = None


@dataclass(frozen=True, slots=True)
class Founded:
    """A programme as it is now; `new` says that its people were made just now. `on_sale` holds products sold at this time."""

    code: str
    name: str
    new: bool
    people: int
    on_sale: tuple[str, ...]
    readable: tuple[Readable, ...]
    characters: tuple[Character, ...]


def found(
    owner_url: str, programmes: Sequence[DemoProgramme], people: int, at: datetime, keyring: Keyring, index_key: bytes, seed: int = 1
) -> tuple[Founded, ...]:
    """Founds what is not there yet, with so many people over all programmes, and answers what each has now.

    The database has the shared tables already (`db.migrate.migrate`). A programme that has people keeps them, however
    many are asked for. Raises `ProgrammeRefused` where a code is another programme's.
    """
    founded = []
    for programme, share in zip(programmes, shares(people, len(programmes)), strict=True):
        create_programme(owner_url, programme.code, programme.name, programme.scheme, programme.area, at)
        shelf = _Shelf.of(programme)
        with connect_owner(owner_url, "huibao demo") as connection, connection.transaction():
            connection.execute(SQL["enter"], {"schema": f"p_{programme.code}"})
            # Two starts at the same time come one after the other: the head of the chain is one row.
            connection.execute(RECORD["start_chain"], {"head": genesis(programme.code)})
            connection.execute(RECORD["lock_head"])
            shelf.fill(connection, at)
            _register_hospitals(connection, programme, at)
            there = _count(connection)
            if not there:
                _open_books(connection, programme)
                town = populate(programme, share, seed)
                if kept_elsewhere(shelf.scheme):
                    town.purses.clear()                # what is on them is the agency's own system's to say
                load_people(connection, programme.code, town, at, keyring, index_key)
                _fund(connection, at)
                connection.execute(SQL["analyze"])
            founded.append(_as_it_stands(connection, shelf, business_date(at), new=not there))
    return tuple(founded)


def look(connection: Connection[Any], programmes: Sequence[DemoProgramme], on: date) -> tuple[Founded, ...] | None:
    """What each programme has on this day; None where one was never founded. Nothing is changed, nobody is waited for."""
    seen = []
    for programme in programmes:
        row = connection.execute(SQL["founded"], {"schema": f"p_{programme.code}"}).fetchone()
        if row is None or not row[0]:
            return None
        connection.execute(SQL["enter"], {"schema": f"p_{programme.code}"})
        seen.append(_as_it_stands(connection, _Shelf.of(programme), on, new=False))
    return tuple(seen)


def _as_it_stands(connection: Connection[Any], shelf: "_Shelf", on: date, *, new: bool) -> Founded:
    on_sale, readable = shelf.look(connection, on)
    programme = shelf.programme
    return Founded(programme.code, programme.name, new, _count(connection), on_sale, readable, programme.characters)


def shares(people: int, programmes: int) -> Iterator[int]:
    """So many people over so many programmes, evenly; the first have the odd ones."""
    each, odd = divmod(people, programmes)
    return (each + (n < odd) for n in range(programmes))


# ── products ─────────────────────────────────────────────────────────────────────────────────────────────────────────

@dataclass(frozen=True, slots=True)
class _Shelf:
    """What a programme shows, read from its files before any row is locked; each plan with its sale, or why it has none."""

    programme: DemoProgramme
    scheme: Scheme
    scheme_text: str
    shown: tuple[tuple[Plan, Sale | None, str], ...]

    @classmethod
    def of(cls, programme: DemoProgramme) -> "_Shelf":
        file = f"{programme.scheme}.toml"
        text = (resources.files("huibao") / "schemes" / file).read_text("utf-8")
        shown = tuple((plans.builtin(one.plan), one.sale, one.reason) for one in programme.products)
        return cls(programme, schemes.load_text(file, text), text, shown)

    def fill(self, connection: Connection[Any], at: datetime) -> None:
        """Loads every product in its present wording, and puts on sale what may be sold now."""
        for insurer in self.programme.insurers:
            connection.execute(SQL["insert_insurer"], {"id": insurer.id, "name": insurer.name, "at": at})
        known = {product: (state, wording) for product, state, *wording in connection.execute(SQL["known_products"])}
        insurers = {insurer.id: (insurer.name, insurer.weight) for insurer in self.programme.insurers}
        for plan, sale, _ in self.shown:
            state, wording = known.get(plan.id, ("", []))
            if wording != [plan.text, self.scheme_text, ENGINE]:
                load_product(connection, self.scheme, self.scheme_text, plan, insurers, at)
            if sale is not None and state != "on-sale" and self._why_not(plan, sale, business_date(at), state) is None:
                put_on_sale(connection, self.scheme, plan, sale.since, sale.until, sale.route)

    def look(self, connection: Connection[Any], on: date) -> tuple[tuple[str, ...], tuple[Readable, ...]]:
        """What is sold on this day; the rest with the reason."""
        states = {product: state for product, state, *_ in connection.execute(SQL["known_products"])}
        on_sale, readable = [], []
        for plan, sale, reason in self.shown:
            state = states.get(plan.id, "")
            why = Readable(plan.id, reason) if sale is None else self._why_not(plan, sale, on, state)
            if why is None and state != "on-sale":
                why = Readable(plan.id, "尚未上架，重新运行 ./demo 后上架")
            if why is None:
                on_sale.append(plan.id)
            else:
                readable.append(why)
        return tuple(on_sale), tuple(readable)

    def _why_not(self, plan: Plan, sale: Sale, on: date, state: str) -> Readable | None:
        """Why a product is not sold on this day; None where it is, or may be."""
        if not sale.since <= on <= sale.until:
            return Readable(plan.id, f"不在投保期内（{sale.since} 至 {sale.until}）")
        if state == "stopped":
            return Readable(plan.id, "已停售")
        refused = not_for_sale(self.scheme, plan, sale.since, sale.until, sale.route) if state != "on-sale" else None
        return Readable(plan.id, refused.zh, refused.clause) if refused else None


def _register_hospitals(connection: Connection[Any], programme: DemoProgramme, at: datetime) -> None:
    """Hospitals of the city, designated since its first product is sold; and others whose settlements come from the agency."""
    since = min(shown.sale.since for shown in programme.products if shown.sale)
    for one in programme.hospitals:
        given = {"id": one.id, "name": one.name, "area": one.area, "grade": one.grade,
                 "since": since if one.desk else None, "desk": one.desk, "at": at}
        connection.execute(SQL["insert_provider"], given)
        connection.execute(SQL["insert_hospital"], given)


# ── books ────────────────────────────────────────────────────────────────────────────────────────────────────────────

def _open_books(connection: Connection[Any], programme: DemoProgramme) -> None:
    connection.execute(SQL["open_outside"])
    for sponsor in programme.sponsors:
        connection.execute(SQL["open_sponsor"], {"party": sponsor.name, "fen": sponsor.fen})


def _fund(connection: Connection[Any], at: datetime) -> None:
    """What accounts open with, as transfers."""
    connection.execute(SQL["fund_accounts"], {"at": at, "transfer": "funding", "outside": "fund", "kinds": ["personal", "savings"]})
    connection.execute(SQL["fund_accounts"], {"at": at, "transfer": "sponsor-funding", "outside": "cash", "kinds": ["sponsor"]})


def _count(connection: Connection[Any]) -> int:
    row = connection.execute(SQL["count_people"]).fetchone()
    assert row is not None
    return int(row[0])
