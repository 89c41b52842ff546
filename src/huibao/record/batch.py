"""One batch of commands in one transaction: keys, locks, truth, decisions, effects, record.

The order is the contract:

1. the keys, sorted; what another lane is inserting is waited for, what is there already gets its stored answer;
2. every scarce row is locked in one global order (`Work.load`), with a time limit;
3. what decides is read in later statements than the locks: at READ COMMITTED only those see what was waited for;
4. the commands are decided in order, in memory, each seeing what the ones before it did;
5. the effects are written set-wise, and last of all the chain's head is locked;
6. under the head's lock the hottest rows move (product accounts, pool totals: they need no order of their own then), and
   the record gets its sequence: the order of commits.

Three round trips: keys to truth, effects to head, record to commit.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, TypeVar

from huibao.core import chain
from huibao.core.batcher import Waiting
from huibao.core.points import reached
from huibao.db import sqlfile
from huibao.db.arrays import Byteas, Int8s, Texts, Uuids
from huibao.db.wire import Wire
from huibao.record.model import KEY_USED, OTHER_BODY, Answer, Decision, Sealed, Work, told

C = TypeVar("C")
S = TypeVar("S")

SQL: Final = sqlfile.load("huibao.record")

#: How long a batch waits for a row that another lane holds.
LOCK_TIMEOUT: Final = "3s"

_USED: Final = Answer(OTHER_BODY, told(KEY_USED))


async def run(
    wire: Wire, schema: str, work: Work[C, S], batch: Sequence[Waiting[C, Answer]], at: datetime
) -> list[Answer]:
    """The answers of a batch, in its order, once they are committed. Raises psycopg's errors; nothing is done then."""
    reached("batch.before_keys")
    first = {item.key: item for item in reversed(batch)}
    keys = Uuids(sorted(first))
    wire.ask(SQL["begin"])
    wire.ask(SQL["enter"], {"schema": schema, "lock_timeout": LOCK_TIMEOUT})
    bodies = Byteas([first[key].body for key in keys.values])
    inserted = wire.ask(SQL["insert_requests"], {"keys": keys, "bodies": bodies})
    stored = wire.ask(SQL["stored_answers"], {"keys": keys})
    state = await work.load(wire, [item.command for item in first.values()], at)
    new: dict[bytes, int] = dict(inserted.rows())
    known = {key: (body, Answer(outcome, answer, True, Sealed(*evidence) if evidence[2] is not None else None))
             for key, body, outcome, answer, *evidence in stored.rows()}

    decided: list[tuple[int, Decision]] = []
    fresh: dict[bytes, Answer] = {}
    for item in batch:
        if item.key in new and first[item.key] is item:
            decision = work.decide(state, new[item.key], item.command, at)
            decided.append((new[item.key], decision))
            fresh[item.key] = Answer(decision.outcome, decision.told or decision.body, decision.again)
            known[item.key] = (item.body, fresh[item.key])
    reached("batch.before_effects")
    if decided:
        await _write(wire, work, state, decided, at)
    reached("batch.before_commit")
    wire.ask(SQL["commit"])
    await wire.go()
    reached("batch.after_commit")
    return [_answer(item, fresh.get(item.key) if first[item.key] is item else None, *known[item.key]) for item in batch]


async def _write(
    wire: Wire, work: Work[C, S], state: S, decided: Sequence[tuple[int, Decision]], at: datetime
) -> None:
    """Effects, then the head of the chain, then the record under the head's lock."""
    work.write(wire, state, at)
    contents = [chain.contents(decision.body, decision.sealed) for _, decision in decided]
    # From here to the commit one lane of the programme at a time: what follows is short.
    asked = wire.ask(SQL["lock_head"])
    await wire.go()
    number, last_seq, head = asked.row()
    digests = [
        chain.digest_over(digested, seq, request_id, at, decision.kind, decision.outcome, decision.credential, decision.person_id)
        for seq, ((request_id, decision), digested) in enumerate(zip(decided, contents, strict=True), last_seq + 1)
    ]
    end = {"number": number + 1, "last_seq": last_seq + len(decided), "head": chain.link(head, last_seq + 1, digests)}
    work.write_hot(wire, state, at)
    decisions = [decision for _, decision in decided]
    wire.ask(SQL["insert_events"], {
        "at": at,
        "seqs": Int8s(range(last_seq + 1, last_seq + 1 + len(decided))),
        "requests": Int8s([request_id for request_id, _ in decided]),
        "kinds": Texts([d.kind for d in decisions]),
        "outcomes": Texts([d.outcome for d in decisions]),
        "credentials": Int8s([d.credential for d in decisions]),
        "people": Int8s([d.person_id for d in decisions]),
        "answers": Byteas([d.body for d in decisions]),
        "sealed": Byteas([d.sealed for d in decisions]),
        "digests": Byteas(digests),
    })
    wire.ask(SQL["insert_link"], {"first_seq": last_seq + 1, "at": at, **end})
    wire.ask(SQL["move_head"], end)


def _answer(item: Waiting[C, Answer], fresh: Answer | None, body: bytes, kept: Answer) -> Answer:
    """What one caller is told: what was decided just now for this very request, or what its key keeps."""
    if fresh is not None:
        return fresh
    return replace(kept, replayed=True) if item.body == body else _USED
