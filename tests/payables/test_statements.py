"""What hospitals are owed: listed once, agreed or disputed, set off; also where several desks work at the same moment."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest

from huibao.payables.model import Answer, PaidOut, Prepay, Sent
from huibao.record.model import DONE
from huibao.settlement.model import Confirm
from tests.books import Someone, rows, small_city, verify
from tests.database import MakeProgramme
from tests.payables import desks
from tests.payables.desks import UPTO, agree, at_once, code, listed, propose, run, statement
from tests.record.clerk import lonely
from tests.settlement import rounds
from tests.settlement.ward import BILLED, Ward, bill, reversal

#: (20000 − 500 − 5500) × 70%
FIRST = 980_000


@pytest.fixture
def ward(programme: MakeProgramme) -> Iterator[Ward]:
    with Ward(small_city(programme, "liuzhou", [*lonely(12), Someone(99)])) as found:
        rounds.insure(found.city, *((n,) for n in range(1, 13)))
        yield found


def confirmed(ward: Ward, *people: int, hospital: str = "H1") -> None:
    """Each of these people's bills of 9,800 yuan is owed to the hospital."""
    bills = [bill(n, f"S{n}", city=ward.city, in_scope="20000" if hospital == "H1" else "17500", hospital=hospital) for n in people]
    ward.confirm(*ward.settle(*bills))


@pytest.mark.clause("LZ-10")
def test_a_statement_lists_everything_once(ward: Ward) -> None:
    confirmed(ward, 1, 2)
    city = ward.city
    [first, second] = run(city, propose(city), propose(city))
    assert (statement(first).fen, statement(first).lines, statement(first).state) == (2 * FIRST, 2, "proposed")
    assert code(second) == "statement.another_open"
    confirmed(ward, 3)
    assert [code(answer) for answer in run(city, propose(city))] == ["statement.another_open"]
    [agreed, again] = run(city, agree(first), agree(first))
    assert (statement(agreed).state, statement(agreed).payout_fen, code(again)) == ("agreed", 2 * FIRST, "statement.answered")
    [third] = run(city, propose(city))
    assert (statement(third).fen, statement(third).lines) == (FIRST, 1)
    assert listed(city) == [("H1", 2 * FIRST, 2, "agreed"), ("H1", FIRST, 1, "proposed")]
    assert rows(city, "SELECT hospital, fen, state FROM payout") == [("H1", 2 * FIRST, "due")]
    assert verify(city) == []


def test_who_may_propose_what_and_answer_it(ward: Ward) -> None:
    city = ward.city
    assert [code(answer) for answer in run(
        city, propose(city), propose(city, "H7"), propose(city, insurer="second"), replace(propose(city), product="none"))] == [
        "statement.nothing_due", "payable.hospital_unknown", "payable.product_unknown", "payable.product_unknown"]
    confirmed(ward, 1)
    assert [code(answer) for answer in run(city, propose(city, upto=date(2026, 4, 10)), propose(city, "H2"))] == ["statement.nothing_due"] * 2
    [made] = run(city, propose(city, insurer=None, upto=BILLED.date()))
    assert [code(answer) for answer in run(city, agree(made, "H2"), Answer(7, "H1", 999, True), Answer(7, "H\0", 999, True))] == ["statement.unknown"] * 3
    assert listed(city) == [("H1", FIRST, 1, "proposed")]
    assert verify(city) == []


def test_a_name_that_the_database_cannot_hold_is_nobodys(ward: Ward) -> None:
    city = ward.city
    assert [code(answer) for answer in run(city, propose(city, "H\0"), replace(propose(city), product="\0"), Answer(7, "H\0", 1, True),
                                           Prepay(7, "lead", "H\0", city.plan.id, 1))] == [
        "payable.hospital_unknown", "payable.product_unknown", "statement.unknown", "payable.hospital_unknown"]


def test_what_was_disputed_may_stand_in_another(ward: Ward) -> None:
    confirmed(ward, 1, 2)
    [made] = run(ward.city, propose(ward.city))
    [disputed] = run(ward.city, agree(made, agreed=False))
    assert statement(disputed).state == "disputed"
    [again] = run(ward.city, propose(ward.city))
    assert listed(ward.city) == [("H1", 2 * FIRST, 0, "disputed"), ("H1", 2 * FIRST, 2, "proposed")]
    assert code(run(ward.city, agree(made))[0]) == "statement.answered"
    assert statement(again).lines == 2
    assert verify(ward.city) == []


def test_disputed_and_proposed_again_in_one_batch(ward: Ward) -> None:
    """A batch decides one command after the other: what the first released, the second finds."""
    confirmed(ward, 1, 2)
    [made] = run(ward.city, propose(ward.city))
    [_, again] = run(ward.city, agree(made, agreed=False), propose(ward.city))
    assert code(again) == DONE
    assert statement(again).fen == 2 * FIRST
    assert verify(ward.city) == []


def test_what_was_taken_back_is_set_off(ward: Ward) -> None:
    """Alone it is below zero and waits; a settlement that was reversed before it was listed cancels itself."""
    confirmed(ward, 1, 2, 3)
    [made] = run(ward.city, propose(ward.city))
    run(ward.city, agree(made))
    ward.run(reversal("R1", "S1"))
    assert code(run(ward.city, propose(ward.city))[0]) == "statement.nothing_due"
    confirmed(ward, 4)
    assert code(run(ward.city, propose(ward.city))[0]) == "statement.nothing_due", "9,800 more and 9,800 less"
    confirmed(ward, 5, 6)
    ward.run(reversal("R6", "S6"))
    [after] = run(ward.city, propose(ward.city))
    assert (statement(after).fen, statement(after).lines) == (FIRST, 5)
    assert verify(ward.city) == []


@pytest.mark.parametrize("ahead", [1, FIRST - 1, FIRST, FIRST + 1, 3 * FIRST])
def test_what_was_paid_ahead_is_set_off_to_the_fen(ward: Ward, ahead: int) -> None:
    city = ward.city
    run(city, Prepay(7, "lead", "H1", city.plan.id, ahead))
    [(payout,)] = rows(city, "SELECT id FROM payout")
    confirmed(ward, 1, 2)
    [early] = run(city, propose(city, upto=BILLED.date()))
    run(city, agree(early, agreed=False))
    run(city, Sent(0, payout))
    run(city, PaidOut(0, payout))
    left = ahead
    for person, lines in ((0, 2), (3, 1)):
        if person:
            confirmed(ward, person)
        [made] = run(city, propose(city))
        [agreed] = run(city, agree(made))
        setoff = min(left, lines * FIRST)
        left -= setoff
        told = statement(agreed)
        assert (told.fen, told.setoff_fen, told.payout_fen) == (lines * FIRST, setoff, lines * FIRST - setoff)
        assert told.state == ("agreed" if setoff < lines * FIRST else "paid")
    assert rows(city, "SELECT sum(fen)::bigint FROM payout") == [(ahead + 3 * FIRST - (ahead - left),)]
    assert verify(city) == []


# ── at the same moment ───────────────────────────────────────────────────────────────────────────────────────────────

def test_two_who_propose_at_once_make_one_statement(ward: Ward) -> None:
    confirmed(ward, 1, 2)
    told = at_once(ward.city, [[propose(ward.city)]] * 6)
    assert sorted(code(answer) for [answer] in told) == [DONE] + ["statement.another_open"] * 5
    assert listed(ward.city) == [("H1", 2 * FIRST, 2, "proposed")]
    assert verify(ward.city) == []


def test_statements_of_several_hospitals_at_once_do_not_mix(ward: Ward) -> None:
    confirmed(ward, 1, 2)
    confirmed(ward, 3, hospital="H2")
    one, other = propose(ward.city, "H1"), propose(ward.city, "H2")
    told = at_once(ward.city, [[one, other], [other, one], [other], [one]])
    assert sorted(code(answer) for some in told for answer in some) == [DONE] * 2 + ["statement.another_open"] * 4
    assert sorted(listed(ward.city)) == [("H1", 2 * FIRST, 2, "proposed"), ("H2", 862_500, 1, "proposed")], "(17500 − 500 − 5500) × 75%"
    assert verify(ward.city) == []


def test_a_statement_that_is_agreed_and_disputed_at_once_is_one_of_them(ward: Ward) -> None:
    confirmed(ward, 1)
    [made] = run(ward.city, propose(ward.city))
    told = at_once(ward.city, [[agree(made, agreed=n % 2 == 0)] for n in range(6)])
    assert sorted(code(answer) for [answer] in told) == [DONE] + ["statement.answered"] * 5
    [(_, fen, lines, state)] = listed(ward.city)
    assert (fen, lines) == (FIRST, 1 if state == "agreed" else 0)
    assert rows(ward.city, "SELECT count(*) FROM payout") == [(int(state == "agreed"),)]
    assert verify(ward.city) == []


def test_prepaid_money_is_set_off_once_by_statements_that_are_agreed_at_once(ward: Ward) -> None:
    """One hospital, two products would each have their own; here two answers of one hospital meet."""
    city = ward.city
    run(city, Prepay(7, "lead", "H1", city.plan.id, FIRST))
    run(city, Sent(0, 1), PaidOut(0, 1))
    confirmed(ward, 1)
    [made] = run(city, propose(city))
    told = at_once(city, [[agree(made)], [agree(made)], [propose(city)]])
    assert sorted(code(answer) for [answer] in told[:2]) == [DONE, "statement.answered"]
    assert rows(city, "SELECT fen, setoff_fen, state FROM statement") == [(FIRST, FIRST, "paid")]
    assert verify(city) == []


def test_statements_are_proposed_while_desks_confirm(ward: Ward) -> None:
    """Whatever was committed when, each movement stands in one statement, and in the end nothing is left out."""
    city = ward.city
    offered = ward.settle(*(bill(n, f"S{n}", city=city, in_scope="20000") for n in range(1, 13)))

    async def story() -> None:
        async with rounds.desks(city, 3) as lanes:
            async def confirming(desk: int) -> None:
                for told in offered[desk::3]:
                    await rounds.ask(city, lanes[desk], {f"c{told.setl_id}": Confirm(7, ward.id(told), told.pay_fen)})

            async def proposing() -> None:
                for _ in range(4):
                    [answer] = await asyncio.to_thread(run, city, propose(city))
                    if answer.outcome == DONE:
                        await asyncio.to_thread(run, city, agree(answer))

            await asyncio.gather(proposing(), proposing(), *(confirming(desk) for desk in range(3)))

    asyncio.run(story())
    last = run(city, propose(city, upto=UPTO))
    assert code(last[0]) in {DONE, "statement.nothing_due", "statement.another_open"}
    for answer in last:
        if answer.outcome == DONE:
            run(city, agree(answer))
    assert rows(city, "SELECT sum(fen)::bigint FROM statement WHERE state = 'agreed'") == [(12 * FIRST,)]
    assert rows(city, "SELECT count(*), count(DISTINCT transfer_id) FROM statement_line") == [(12, 12)]
    assert verify(city) == []


def test_answers_are_json_that_both_sides_read(ward: Ward) -> None:
    confirmed(ward, 1)
    [made] = run(ward.city, desks.propose(ward.city))
    read = json.loads(made.body)
    assert (read["hospital"], read["upto"], read["zh"]) == ("H1", "2026-04-30", "待医院核对确认。")
