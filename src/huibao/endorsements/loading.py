"""What a batch of endorsements loads: whom it is about, identities and people under their locks, then what is true of them."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from huibao.catalogue.model import Programme
from huibao.db import sqlfile
from huibao.db.arrays import Byteas, Int8s
from huibao.db.wire import Wire
from huibao.endorsements.model import Answer, Change, Command, Correct, Endorsement, Expire
from huibao.endorsements.state import Person, Spell, State
from huibao.members import indexes
from huibao.settlement.loading import Loading

SQL: Final = sqlfile.load("huibao.endorsements")


async def load(wire: Wire, loading: Loading, programme: Programme, index_key: bytes, commands: Sequence[Command], at: datetime) -> State:
    """The state of a batch. Its people, and who shares accumulators with them, stay locked to the end of the transaction."""
    endorsements = sorted({c.endorsement for c in commands if isinstance(c, Answer | Expire)})
    settlements = sorted({c.settlement for c in commands if isinstance(c, Correct) and c.settlement is not None})
    named = wire.ask(SQL["named"], {"endorsements": Int8s(endorsements)})
    of = wire.ask(SQL["of_settlements"], {"settlements": Int8s(settlements)})
    await wire.go()
    asked_before = named.rows()
    whose: dict[int, int] = dict(of.rows())
    people = {person for _, _, person, _ in asked_before} | set(whose.values()) | {
        c.person for c in commands if isinstance(c, Change | Correct) and c.person is not None}
    wanted = {bytes(index) for *_, index in asked_before if index is not None}
    wanted |= {indexes.of_identity(index_key, programme.code, c.value) for c in commands if isinstance(c, Change) and c.kind == "identity"}
    wire.ask(SQL["lock_identities"], {"numbers": Int8s(sorted(_number(index) for index in wanted))})
    folds = any(isinstance(c, Correct) for c in commands) or any(kind == "correction" for _, kind, _, _ in asked_before)
    desk = await loading.load_people(wire, sorted(people), at, folds_again=folds)
    ids = Int8s(sorted(people))
    leads = wire.ask(SQL["led_by"], {"settlements": Int8s(settlements), "endorsements": Int8s(endorsements)})
    found = wire.ask(SQL["endorsements"], {"endorsements": Int8s(endorsements)})
    details = wire.ask(SQL["details"], {"people": ids})
    spells = wire.ask(SQL["standings"], {"people": ids})
    holders = wire.ask(SQL["holders"], {"indexes": Byteas(sorted(wanted))})
    await wire.go()
    spells_of: defaultdict[int, list[Spell]] = defaultdict(list)
    for person, *spell in spells.rows():
        spells_of[person].append(Spell(*spell))
    return State(
        desk=desk, index_key=index_key, people={row[0]: Person(row[0], row[1], row[2], bytes(row[3]), *row[4:]) for row in details.rows()},
        endorsements={row[0]: Endorsement(*row) for row in found.rows()},
        holders={bytes(index): person for index, person in holders.rows()}, whose=whose, leads=set(leads.rows()), spells=spells_of)


def _number(index: bytes) -> int:
    """What locks an identity that nobody may have yet: a part of its index."""
    return int.from_bytes(index[-8:], signed=True)
