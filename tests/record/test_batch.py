"""The contract of a batch, point by point, on the real database: keys, order, refusals, neighbours, sequence."""

import asyncio
import builtins
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import psycopg
import pytest

from huibao.core.batcher import Batcher
from huibao.db.connect import connect_service
from huibao.enrolment.model import Buy, Command
from huibao.enrolment.state import State
from huibao.enrolment.work import Orders
from huibao.ledger.model import Transfer
from huibao.record import batch
from huibao.record.lane import CommandFailed
from huibao.record.model import DONE, OTHER_BODY, Answer, Connection, Decision
from tests.books import KEYRING, PEOPLE, City, Someone, everything, order, owner, refusal, rows, verify
from tests.database import MakeProgramme
from tests.record.clerk import Clerk, Form, Told, at_once, counted, keys_stored, lonely, outcomes, together, town, waiting

PARENT_OF_MANY = (
    Someone(1, personal="8000", kin="2 父母 账户；3 父母 账户；4 子女 账户；5 配偶 账户"),
    Someone(2, "1955-02-11", "居民 正常"), Someone(3, "1957-10-08", "居民 正常"), Someone(4, "2016-09-01", "居民 正常"), Someone(5),
)


def answers(told: Sequence[Told]) -> list[Answer]:
    assert all(isinstance(one, Answer) for one in told), outcomes(told)
    return [one for one in told if isinstance(one, Answer)]


# ── one after the other, in one batch ────────────────────────────────────────────────────────────────────────────────

@pytest.mark.clause("XZ-2")
def test_orders_of_one_batch_meet_each_others_spending_of_the_year(programme: MakeProgramme) -> None:
    city = town(programme, PARENT_OF_MANY, premium="600")
    form = Form(city)
    told = answers(at_once(city, *((f"k{n}", form(1, n)) for n in (1, 2, 3, 4, 5))))
    # of 1,500 yuan a year: 600, 600, 300 and the rest in cash, then cash alone
    assert [(order(one).account_fen, order(one).cash_fen) for one in told] == [
        (60000, 0), (60000, 0), (30000, 30000), (0, 60000), (0, 60000)]
    assert verify(city) == []


@pytest.mark.clause("LZ-24")
def test_orders_of_one_batch_meet_each_others_spending_of_the_accounts(programme: MakeProgramme) -> None:
    """Two accounts of 100 yuan, a premium of 60: the personal account first, also over several orders at once."""
    people = [replace(PARENT_OF_MANY[0], personal="100", savings="100"), *PARENT_OF_MANY[1:]]
    city = town(programme, people, premium="60", scheme="liuzhou")
    form = Form(city)
    told = answers(at_once(city, *((f"k{n}", form(1, n)) for n in (1, 2, 3, 4))))
    assert [[(part.source, part.fen) for part in order(one).policies[0].parts] for one in told[:3]] == [
        [("personal", 6000)], [("personal", 4000), ("savings", 2000)], [("savings", 6000)]]
    assert refusal(told[3]).code == "account.insufficient"
    assert refusal(told[3]).figures["balance_fen"] == 2000
    assert verify(city) == []


def test_two_orders_for_one_insured_in_one_batch(programme: MakeProgramme) -> None:
    city = town(programme, PEOPLE)
    form = Form(city)
    assert outcomes(at_once(city, ("a", form(1, 4)), ("b", form(5, 4)))) == [DONE, "policy.already_insured"]
    assert verify(city) == []


def test_the_order_of_a_batch_is_that_of_its_commands_not_of_its_keys(programme: MakeProgramme) -> None:
    for keys in ("ab", "ba"):
        city = town(programme, [Someone(1, personal="100", kin="2 子女"), Someone(2)], premium="60", scheme="liuzhou")
        form = Form(city)
        told = at_once(city, (keys[0], form(1)), (keys[1], form(1, 2)))
        assert outcomes(told) == [DONE, "account.insufficient"]
        assert rows(city, "SELECT kind, outcome FROM event ORDER BY seq") == [("purchase", DONE), ("purchase", "account.insufficient")]


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

def test_a_key_with_the_same_body_gets_the_same_bytes(programme: MakeProgramme) -> None:
    city = town(programme, PEOPLE)
    form = Form(city)
    [first] = answers(at_once(city, ("k", form(1))))
    before, had = everything(city), counted(city)
    [again, other] = answers(at_once(city, ("k", form(1)), ("l", form(5))))
    assert (again.outcome, again.body, again.replayed, first.replayed) == (DONE, first.body, True, False)
    assert other.outcome == DONE
    assert counted(city) == replace(had, requests=2, events=2, orders=2)
    after = everything(city)
    assert answers(at_once(city, ("k", form(1)), ("l", form(5))))[1].body == other.body
    assert before != after == everything(city)
    assert verify(city) == []


def test_a_key_with_another_body_is_refused_and_its_answer_stays(programme: MakeProgramme) -> None:
    city = town(programme, PEOPLE)
    form = Form(city)
    [first] = answers(at_once(city, ("k", form(1))))
    before, had = everything(city), counted(city)
    [other] = answers(at_once(city, ("k", form(5))))
    assert (other.outcome, refusal(other).code) == (OTHER_BODY, OTHER_BODY)
    assert (everything(city), counted(city)) == (before, had)
    [again] = answers(at_once(city, ("k", form(1))))
    assert (again.body, again.replayed) == (first.body, True)
    assert verify(city) == []


@pytest.mark.parametrize(("keys", "buyers", "told", "effects"), [
    # keys      buyers      outcomes                                    orders
    ("kk",      (1, 1),     [DONE, DONE],                               1),
    ("kkk",     (1, 1, 1),  [DONE, DONE, DONE],                         1),
    ("kk",      (1, 5),     [DONE, OTHER_BODY],                         1),
    ("kkk",     (1, 5, 1),  [DONE, OTHER_BODY, DONE],                   1),
    ("klkl",    (1, 5, 1, 5), [DONE, DONE, DONE, DONE],                 2),
    ("klk",     (1, 1, 1),  [DONE, "policy.already_insured", DONE],     1),
])
def test_one_key_twice_in_a_batch(programme: MakeProgramme, keys: str, buyers: tuple[int, ...], told: list[str], effects: int) -> None:
    city = town(programme, PEOPLE)
    form = Form(city)
    said = answers(at_once(city, *((key, form(buyer)) for key, buyer in zip(keys, buyers, strict=True))))
    assert outcomes(said) == told
    first = {key: said[n] for n, key in reversed(list(enumerate(keys)))}
    for n, key in enumerate(keys):
        if said[n].outcome != OTHER_BODY:
            assert said[n].body == first[key].body
            assert said[n].replayed is (n != keys.index(key))
    assert counted(city).orders == effects
    assert keys_stored(city, *set(keys)) == [1] * len(set(keys))
    assert verify(city) == []


def test_a_refusal_is_kept_although_money_has_come_since(programme: MakeProgramme) -> None:
    city = town(programme, [Someone(1, personal="2999.99")])
    form = Form(city)
    [first] = answers(at_once(city, ("k", form(1))))
    assert refusal(first).code == "account.balance_below_minimum"
    with owner(city) as connection:
        connection.execute("INSERT INTO transfer (at, kind, debit_id, credit_id, fen, person_id)"
                           " SELECT now(), 'funding', f.id, a.id, 1, 1 FROM account f, account a WHERE f.kind = 'fund' AND a.owner_id = 1")
        connection.execute("UPDATE account SET debit_fen = debit_fen + 1 WHERE kind = 'fund'")
        connection.execute("UPDATE account SET credit_fen = credit_fen + 1 WHERE owner_id = 1")
    [again, anew] = answers(at_once(city, ("k", form(1)), ("l", form(1))))
    assert (again.outcome, again.body, again.replayed) == (first.outcome, first.body, True)
    assert anew.outcome == DONE
    assert verify(city) == []


def test_a_refused_command_writes_nothing_but_its_record(programme: MakeProgramme) -> None:
    city = town(programme, PEOPLE)
    before = everything(city)
    told = at_once(city, ("k", Form(city)(6)), ("l", replace(Form(city)(1), product="nothing")))
    assert outcomes(told) == ["account.balance_below_minimum", "product.unknown"]
    assert everything(city) == before
    assert (counted(city).requests, counted(city).events) == (2, 2)
    assert verify(city) == []


def test_many_lanes_with_one_key_decide_once(programme: MakeProgramme) -> None:
    city = town(programme, PEOPLE)
    form = Form(city)

    async def story() -> list[list[Told]]:
        clerks = [Clerk(city) for _ in range(8)]
        told = await together(*(clerk.ask(("k", form(1)), (f"own-{n}", form(1))) for n, clerk in enumerate(clerks)))
        await together(*(clerk.lane.close() for clerk in clerks))
        return told

    told = [answers(one) for one in asyncio.run(story())]
    assert len({one[0].body for one in told}) == 1
    assert {one[0].outcome for one in told} == {DONE}
    assert sorted(one[0].replayed for one in told) == [False] + [True] * 7
    assert [outcomes(one[1:]) for one in told] == [["policy.already_insured"]] * 8
    assert counted(city).orders == 1
    assert verify(city) == []


# ── a bad command among good ones ────────────────────────────────────────────────────────────────────────────────────

QUOTED = "某人的手机号一九〇〇〇"


class Faulty(Orders):
    """Our own work with a fault: what person 3 asks for breaks, in the decision or in the database; alone it may break otherwise."""

    def __init__(self, city: City, fault: str, alone: str) -> None:
        super().__init__(city.running, KEYRING)
        self.fault, self.alone = fault, alone

    def decide(self, state: State, request_id: int, command: Command, at: datetime) -> Decision:
        decision = super().decide(state, request_id, command, at)
        if isinstance(command, Buy) and command.buyer == 3:
            match self.fault if 1 in state.people else self.alone:
                case "check":
                    state.new_orders[-1].pay_with = QUOTED  # type: ignore[assignment]
                case "unique":
                    state.new_orders.append(state.new_orders[-1])
                case "not null":
                    state.books.transfers.append(Transfer("funding", 1, None, 5))  # type: ignore[arg-type]
                case "overdrawn":
                    state.books._net[state.books.purse(3)["personal"].id][0] += 10_000_000
                case name:
                    raise getattr(builtins, name)(QUOTED)
        return decision


def alarms(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What operators are told, without the places in our code."""
    return [record.message.partition(" at ")[0] for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize(("fault", "alone", "said", "said_alone"), [
    ("KeyError",        "KeyError",         "KeyError",                                         "KeyError"),
    ("AssertionError",  "AssertionError",   "AssertionError",                                   "AssertionError"),
    ("StopIteration",   "RecursionError",   "RuntimeError",                                     "RecursionError"),
    ("OSError",         "MemoryError",      "OSError",                                          "MemoryError"),
    ("check",           "check",            "CheckViolation 23514 orders_pay_with_check orders", "CheckViolation 23514 orders_pay_with_check orders"),
    ("unique",          "unique",           "UniqueViolation 23505 orders_pkey orders",         "UniqueViolation 23505 orders_pkey orders"),
    ("not null",        "not null",         "NotNullViolation 23502  transfer",                 "NotNullViolation 23502  transfer"),
    ("overdrawn",       "ValueError",       "CheckViolation 23514 account_check account",       "ValueError"),
])
def test_a_bad_command_fails_alone(
    programme: MakeProgramme, fault: str, alone: str, said: str, said_alone: str, caplog: pytest.LogCaptureFixture
) -> None:
    city = town(programme, lonely(5))
    form = Form(city)
    orders = [(f"k{n}", form(n)) for n in range(1, 6)]
    told = at_once(city, *orders, work=Faulty(city, fault, alone))
    assert outcomes(told) == [DONE, DONE, "CommandFailed", DONE, DONE]
    assert keys_stored(city, *(key for key, _ in orders)) == [1, 1, 0, 1, 1]
    assert counted(city).orders == 4
    assert verify(city) == []
    assert alarms(caplog) == [f"a batch of 5 failed: {said}", f"a batch of 1 failed: {said_alone}"]
    assert [words for words in (QUOTED, "Failing row", "already exists") if words in caplog.text] == []
    # Once the fault is mended the same key does what it asked for, and the others get what they got.
    again = answers(at_once(city, *orders))
    assert [one.replayed for one in again] == [True, True, False, True, True]
    assert outcomes(again) == [DONE] * 5
    assert verify(city) == []


def test_a_command_that_names_nobody_possible_fails_alone(programme: MakeProgramme) -> None:
    """A number beyond 64 bits, which the web layer lets nobody send: it breaks the batch before anything is decided."""
    city = town(programme, lonely(3))
    form = Form(city)
    assert outcomes(at_once(city, ("k1", form(1)), ("k2", form(2, 2**63)), ("k3", form(3)))) == [DONE, "CommandFailed", DONE]
    assert verify(city) == []


def test_a_lane_outlives_a_key_that_does_not_open(programme: MakeProgramme, caplog: pytest.LogCaptureFixture) -> None:
    """A person's key under a master key that this process has not: the next command is served, and this one once it opens."""
    city = town(programme, lonely(2))
    form = Form(city)

    def spoil() -> None:
        with owner(city) as connection:
            connection.execute("UPDATE person_key SET wrapped = set_byte(wrapped, 20, 255 - get_byte(wrapped, 20)) WHERE person_id = 1")

    async def story() -> list[Told]:
        batcher = Batcher[Command, Answer]()

        async def ask(key: str, buyer: int) -> Told:
            item = waiting(city, key, form(buyer))
            try:
                return await batcher.submit(city.code, item.key, item.body, item.command)
            except CommandFailed as failed:
                return failed

        async with Clerk(city) as clerk:
            serving = asyncio.create_task(batcher.serve([city.code], clerk.lane.run))
            spoil()
            told = [await ask("a", 1), await ask("b", 2)]
            spoil()
            told.append(await ask("a", 1))
            await batcher.close()
            await serving
        return told

    assert outcomes(asyncio.run(story())) == ["CommandFailed", DONE, DONE]
    assert alarms(caplog) == ["a batch of 1 failed: SealBroken"]
    assert verify(city) == []


def test_the_databases_own_words_would_hold_row_values(programme: MakeProgramme) -> None:
    """The planted fault of the test above: what the log leaves out is there to be left out."""
    city = town(programme, lonely(5))
    with owner(city) as connection, pytest.raises(psycopg.errors.CheckViolation, match=QUOTED), connection.transaction():
        connection.execute("INSERT INTO orders VALUES (1, now(), 1, 1, NULL, %s, 1, 0, 'void', 'none', NULL, 1)", [QUOTED])


# ── sequence ─────────────────────────────────────────────────────────────────────────────────────────────────────────

async def _write_and_watch(city: City, lanes: int, each: int) -> tuple[list[Told], bool]:
    """Purchases of people of their own by several lanes; and whether a reader ever saw a number before a lower one."""
    form, done, gap = Form(city), False, False

    async def lane_of(lane: int) -> list[Told]:
        told: list[Told] = []
        async with Clerk(city) as clerk:
            for n in range(each):
                told += await clerk.ask(*((f"k{person}", form(person)) for person in (2 * (lane * each + n) + 1, 2 * (lane * each + n) + 2)))
        return told

    async def watch() -> None:
        nonlocal gap
        connection = await _reader(city)
        while not done:
            row = await (await connection.execute("SELECT count(*) < COALESCE(max(seq), 0) FROM event")).fetchone()
            gap = gap or bool(row and row[0])
        await connection.close()

    watching = asyncio.create_task(watch())
    told = await together(*(lane_of(lane) for lane in range(lanes)))
    done = True
    await watching
    return [one for lane in told for one in lane], gap


async def _reader(city: City) -> Connection:
    connection: Connection = await connect_service(city.url)
    await connection.execute("SELECT set_config('search_path', %s, false)", [city.schema])
    return connection


def test_sequence_is_the_order_of_commits(programme: MakeProgramme) -> None:
    """A reader who has seen a number never meets a lower one later, and the chain over it is whole."""
    city = town(programme, lonely(120))
    told, gap = asyncio.run(_write_and_watch(city, lanes=3, each=20))
    assert set(outcomes(told)) == {DONE}
    assert not gap
    assert rows(city, "SELECT min(seq), max(seq), count(*) FROM event") == [(1, 120, 120)]
    assert rows(city, "SELECT count(*), max(number) FROM link") == [(60, 60)]
    assert verify(city) == []


def test_without_the_lock_on_the_head_lanes_would_take_the_same_numbers(
    programme: MakeProgramme, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The planted fault: the head is read and not locked."""
    city = town(programme, lonely(120))
    unlocked = batch.SQL["lock_head"].removesuffix(" FOR NO KEY UPDATE")
    assert unlocked != batch.SQL["lock_head"]
    monkeypatch.setattr(batch, "SQL", {**batch.SQL, "lock_head": unlocked})
    asyncio.run(_write_and_watch(city, lanes=3, each=20))
    assert "23505 event_pkey event" in caplog.text or "23505 link_pkey link" in caplog.text
