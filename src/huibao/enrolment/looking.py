"""Orders that wait as they would be decided now, for who only looks: nothing is locked, and what is read may be true no more at once."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any

from psycopg import AsyncConnection

from huibao.catalogue.model import Programme, Shelf
from huibao.core.sealing import Keyring
from huibao.db.arrays import Int8s
from huibao.enrolment.continuity import Earlier, earlier
from huibao.enrolment.loading import SQL, parts_from_holds, read_hands, read_orders, read_reviews
from huibao.enrolment.state import State
from huibao.ledger.books import SQL as LEDGER
from huibao.ledger.books import Books
from huibao.ledger.model import Account, Hold
from huibao.members.people import SQL as MEMBERS
from huibao.members.people import read_rows

Rows = Sequence[tuple[Any, ...]]


async def look(
    connection: AsyncConnection[Any], programme: Programme, shelf: Shelf, keyring: Keyring, ids: Sequence[int], on: date
) -> State:
    """What decides about these orders on a day, in the transaction of the connection."""
    async def ask(statement: str, **given: object) -> Rows:
        return await (await connection.execute(statement, given)).fetchall()

    orders = Int8s(ids)
    found = read_orders(await ask(SQL["orders"], orders=orders), await ask(SQL["policies_of_orders"], orders=orders))
    people = Int8s(sorted({one.buyer for one in found.values()} | {policy.insured for one in found.values() for policy in one.policies}))
    members = read_rows(await ask(MEMBERS["look_at_named"], people=people), await ask(MEMBERS["enrolments"], people=people, on=on),
                        await ask(MEMBERS["standings"], people=people, on=on), await ask(MEMBERS["kin_among"], people=people, on=on))
    holds = [Hold(account, fen, order, position, tuple(years), id)
             for id, account, fen, order, position, years in await ask(LEDGER["holds_of_orders"], orders=orders)]
    books = Books([Account(*row) for row in await ask(LEDGER["accounts_of"], people=people)],
                  await ask(LEDGER["years_of"], people=people), holds)
    parts_from_holds(found, books)
    held: defaultdict[int, list[Earlier]] = defaultdict(list)
    for person, *policy in await ask(SQL["live_policies"], people=people):
        held[person].append(earlier(*policy))
    live = {(person, one.product) for person, policies in held.items() for one in policies}
    return State(programme, shelf, keyring, on, members, books, live, found,
                 read_reviews(await ask(SQL["reviews"], orders=orders), await ask(SQL["votes"], orders=orders)),
                 hands=read_hands(await ask(SQL["hands"], orders=orders)), held=held)
