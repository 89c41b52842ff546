"""Visits that do not fit one settlement, one year, one policy or one command: what each settlement then pays."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any, Final

import pytest

from huibao.benefits import loading as plans
from huibao.record.model import Answer
from huibao.settlement.model import Adjust, Command, Confirm, Settle, Withdraw
from tests.books import City, Someone, another, owner, put_on_sale, rows, small_city, verify
from tests.database import MakeProgramme
from tests.settlement.ward import BILLED, Ward, bill, moved, psn_no, reversal, settled

NEXT: Final = (("2026-12-31", "2027-12-31"), ("2026-01-01", "2027-01-01"))
DECEMBER: Final = datetime(2026, 12, 15, 2, tzinfo=UTC)
JANUARY: Final = datetime(2027, 1, 20, 2, tzinfo=UTC)
_LANES: Final = count(1)
LATER: Final = BILLED + timedelta(days=4)


def with_next_year(programme: MakeProgramme, scheme: str, *changes: tuple[str, str]) -> City:
    """A city that sells its product of 2026, changed so, and the same of 2027; person 1 has both."""
    this = another(plans.builtin(f"{scheme}-example-2026"), "this-year", *changes)
    city = small_city(programme, scheme, [Someone(1)], plan=this)
    with owner(city) as connection:
        put_on_sale(city, connection, another(this, "next-year", *NEXT))
    return city


def pays(ward: Ward, setl_id: str) -> list[tuple[Any, ...]]:
    """What each product pays of a settlement, in the order in which the answer lists them."""
    return rows(ward.city, "SELECT p.product, p.pay_fen FROM payment p JOIN settlement s ON s.id = p.settlement_id"
                " WHERE s.setl_id = %s ORDER BY p.product DESC", setl_id)


# ── one stay, several settlements ────────────────────────────────────────────────────────────────────────────────────

def test_a_stay_over_new_year_counts_at_its_first_admission(programme: MakeProgramme) -> None:
    """跨年住院分两段结算，按入院日判定，第二段的入院日写成元旦也算同一次。"""
    with Ward(small_city(programme, "xizang")) as ward:
        ward.insure(1)
        stay: dict[str, Any] = {"city": ward.city, "visit": "V", "med_type": "22"}
        ward.settle(bill(1, "A", self_paid="5000", begin=date(2026, 12, 20), end=date(2026, 12, 31), **stay), at=JANUARY)
        [second] = ward.settle(bill(1, "B", self_paid="2000", begin=date(2027, 1, 1), end=date(2027, 1, 19), **stay), at=JANUARY)
        assert second.pay_fen == 180000, "2000 × 90%, the deductible of the visit was used in its first part"
        assert verify(ward.city, JANUARY) == []


def test_an_admission_that_was_reversed_counts_no_more(programme: MakeProgramme) -> None:
    """误报的入院日冲销之后不再作数。 The first message said a day within the waiting period; it was reversed, the right one lies after it."""
    with Ward(small_city(programme, "xizang")) as ward:
        ward.insure(1)
        [wrong] = ward.settle(bill(1, "A", city=ward.city, visit="V", in_scope="30000", begin=date(2026, 3, 20)))
        assert wrong.pay_fen == 0
        ward.run(reversal("R", "A"))
        [right] = ward.settle(bill(1, "B", city=ward.city, visit="V", in_scope="30000", begin=date(2026, 4, 6)))
        assert right.pay_fen == 660000, "(30000 − 8000) × 30%"
        assert verify(ward.city) == []


# ── one stay, two contract years ─────────────────────────────────────────────────────────────────────────────────────

def test_two_contract_years_of_one_stay_share_its_deductible(programme: MakeProgramme) -> None:
    """两个保险年度的一次住院，次免赔额只用一次。 The visit's deductible does not feed the year's here, so that counting it twice would show."""
    with Ward(with_next_year(programme, "liuzhou", ("feeds = true", "feeds = false"))) as ward:
        ward.buys(1)
        ward.buys(1, at=DECEMBER, product="next-year")
        stay: dict[str, Any] = {"city": ward.city, "visit": "V"}
        first = bill(1, "A", in_scope="20000", begin=date(2026, 12, 20), end=date(2026, 12, 31), **stay)
        second = bill(1, "B", in_scope="20000", begin=date(2027, 1, 1), end=date(2027, 1, 19), **stay)
        third = bill(1, "C", in_scope="1000", begin=date(2027, 1, 19), end=date(2027, 1, 20), city=ward.city)
        ward.confirm(*ward.settle(first, second, third, at=JANUARY), at=JANUARY)
        assert pays(ward, "A") == [("this-year", 945000)], "(20000 − 500 − 6000) × 70%"
        assert pays(ward, "B") == [("next-year", 980000)], "(20000 − 6000) × 70%"
        assert pays(ward, "C") == [("next-year", 35000)], "another visit: (1000 − 500) × 70%"
        ward.run(reversal("R", "A"), at=JANUARY)
        [told] = ward.settle(bill(1, "D", in_scope="100", begin=date(2027, 1, 1), end=date(2027, 1, 20), **stay), at=JANUARY)
        assert told.pay_fen == 7000, "B is folded again without A and has used the 500 of the visit: 100 × 70%"
        assert rows(ward.city, "SELECT p.target_fen FROM payment p JOIN settlement s ON s.id = p.settlement_id WHERE s.setl_id = 'B'") == [(945000,)]
        assert verify(ward.city, JANUARY) == []


def test_the_second_years_part_may_come_first(programme: MakeProgramme) -> None:
    """后一年度的一段先到，次免赔额仍只用一次。"""
    with Ward(with_next_year(programme, "liuzhou", ("feeds = true", "feeds = false"))) as ward:
        ward.buys(1)
        ward.buys(1, at=DECEMBER, product="next-year")
        stay: dict[str, Any] = {"city": ward.city, "visit": "V", "in_scope": "20000"}
        ward.settle(bill(1, "B", begin=date(2027, 1, 1), end=date(2027, 1, 19), **stay), at=JANUARY)
        ward.settle(bill(1, "A", begin=date(2026, 12, 20), end=date(2026, 12, 31), **stay), at=JANUARY)
        assert pays(ward, "B") == [("next-year", 945000)], "(20000 − 500 − 6000) × 70%"
        assert pays(ward, "A") == [("this-year", 980000)], "(20000 − 6000) × 70%: B has used the 500 of the visit"
        assert verify(ward.city, JANUARY) == []


@pytest.mark.parametrize("changes", [pytest.param((), id="有顺延期_续保则不顺延"), pytest.param((("tail_days = 30\n", ""),), id="没有顺延期")])
def test_who_renewed_is_paid_by_days_from_both_years(programme: MakeProgramme, changes: tuple[tuple[str, str], ...]) -> None:
    """已续保的跨年住院，两个年度各按天数赔付。 Who renewed has no tail: ten of twenty days belong to each year, and each pays for its own half, whatever the other paid for its."""
    with Ward(with_next_year(programme, "shenyang", *changes)) as ward:
        ward.buys(1)
        ward.buys(1, at=DECEMBER, product="next-year")
        ward.looked_back(1)
        ward.settle(bill(1, "A", city=ward.city, in_scope="36000", begin=date(2026, 12, 22), end=date(2027, 1, 10)), at=JANUARY)
        assert pays(ward, "A") == [("this-year", 160000), ("next-year", 160000)], "(36000 × 10 ÷ 20 − 16000) × 80%, for each year"
        assert verify(ward.city, JANUARY) == []


# ── two policies of one person ───────────────────────────────────────────────────────────────────────────────────────

def _two_products(programme: MakeProgramme, *changes: tuple[str, str]) -> Ward:
    city = small_city(programme, "liuzhou", [Someone(1)], plan=another(plans.builtin("liuzhou-example-2026"), "a-product", *changes))
    with owner(city) as connection:
        put_on_sale(city, connection, another(city.plan, "b-product"))
    ward = Ward(city)
    ward.buys(1, product="b-product")
    ward.buys(1)
    return ward


def test_the_second_policy_sees_what_the_first_paid(programme: MakeProgramme) -> None:
    """两份不同产品的保单，第二份看到第一份付了多少。"""
    with _two_products(programme) as ward:
        [told] = ward.settle(bill(1, "A", city=ward.city, in_scope="20000"))
        assert [(policy.product, policy.pay_fen) for policy in told.policies] == [("a-product", 980000), ("b-product", 294000)]
        # 20000 − 9800 = 10200 are left to the second: (10200 − 500 − 5500) × 70%
        assert told.person_left_fen == 726000
        ward.confirm(told)
        assert rows(ward.city, "SELECT t.fen, a.product FROM transfer t JOIN account a ON a.id = t.credit_id WHERE t.settlement_id IS NOT NULL"
                    " ORDER BY a.product") == [(980000, "a-product"), (294000, "b-product")]
        assert verify(ward.city) == []


def test_policies_pay_in_their_order_when_folded_again(programme: MakeProgramme) -> None:
    """冲销一笔不相干的结算，两份保单的先后不变，谁也不多不少。The first to pay was bought last."""
    with _two_products(programme) as ward:
        _, b = ward.settle(bill(1, "A", city=ward.city, in_scope="20000", med_type="11"), bill(1, "B", city=ward.city, in_scope="20000"))
        ward.confirm(b)
        ward.run(reversal("R", "A"))
        assert rows(ward.city, "SELECT product, posted_fen, target_fen FROM payment WHERE posted_fen > 0 ORDER BY product") == [
            ("a-product", 980000, 980000), ("b-product", 294000, 294000)]
        assert verify(ward.city) == []


def test_two_policies_never_pay_more_than_the_cost(programme: MakeProgramme) -> None:
    """两份保单合计不超过个人负担。"""
    free = (('{ yuan = 500, per = "visit", feeds = true },\n    { yuan = 6000, per = "year" }', '{ yuan = 1, per = "year" }'),
            ("deductible = { year = 8000 }", "deductible = 1"), ('ratio = "70%"', 'ratio = "90%"'))
    with _two_products(programme, *free) as ward:
        [told] = ward.settle(bill(1, "A", city=ward.city, in_scope="20001"))
        assert [policy.pay_fen for policy in told.policies] == [1800000, 180000], "20000 × 90%, then of 2001 left (2001 − 1) × 90%"
        assert told.pay_fen + told.person_left_fen == told.person_fen == 2000100
        assert verify(ward.city) == []


def test_both_policies_see_what_another_insurance_paid(programme: MakeProgramme) -> None:
    """别的商业保险已付的，两份保单都看得到。"""
    with _two_products(programme) as ward:
        [told] = ward.settle(bill(1, "A", city=ward.city, in_scope="20000", other_insurance_pay="5000"))
        # (15000 − 6000) × 70% = 6300; then (15000 − 6300 − 6000) × 70% = 1890
        assert [policy.pay_fen for policy in told.policies] == [630000, 189000]


# ── several commands of one person at once ───────────────────────────────────────────────────────────────────────────

#: Each story as commands; `at once` runs them in one batch, `one by one` in a batch each.
def _reversed_at_once(city: City) -> Sequence[Command]:
    return [bill(1, "A", city=city, in_scope="20000"), bill(1, "B", city=city, in_scope="3000"), reversal("R", "A"), bill(1, "C", city=city, in_scope="20000")]


def _fed_and_reversed(city: City) -> Sequence[Command]:
    return [bill(1, "A", city=city, in_scope="20000", way="feed"), reversal("R", "A")]


def _fed_before_others(city: City) -> Sequence[Command]:
    return [bill(1, "A", city=city, in_scope="20000", way="feed"), bill(1, "B", city=city, in_scope="3000", way="feed"), reversal("R", "A")]


def _days(city: City) -> Sequence[Command]:
    return [bill(1, f"S{n}", city=city, visit="V", in_scope="1000", begin=date(2026, 4, day)) for n, day in enumerate((9, 5, 8))]


def _same_twice(city: City) -> Sequence[Command]:
    return [bill(1, "A", city=city, in_scope="20000"), bill(1, "A", city=city, in_scope="20000"), bill(1, "A", city=city, in_scope="20001"),
            bill(1, "B", city=city, in_scope="3000", promises=False), bill(1, "B", city=city, in_scope="3000")]


def _parked_first(city: City) -> Sequence[Command]:
    return [reversal("R", "A"), reversal("R", "A"), bill(1, "A", city=city, in_scope="20000"), reversal("R2", "A")]


STORIES: Final = [pytest.param(make, id=name) for name, make in (
    ("结算两笔_冲销第一笔_再结算", _reversed_at_once), ("推送之后随即冲销", _fed_and_reversed), ("推送两笔_冲销第一笔", _fed_before_others),
    ("一次住院三段_入院日不一", _days), ("同一结算两次_又有不同的", _same_twice), ("冲销先到", _parked_first))]


def state_of(ward: Ward) -> dict[str, list[tuple[Any, ...]]]:
    """What the commands left, whoever they ran with."""
    asked = {
        "settlements": "SELECT setl_id, state, payee, pay_fen, admitted_on, adjust_at FROM settlement ORDER BY setl_id",
        "payments": "SELECT s.setl_id, p.pay_fen, p.posted_fen, p.target_fen, p.figures, p.targets FROM payment p"
                    " JOIN settlement s ON s.id = p.settlement_id ORDER BY 1",
        "accumulators": "SELECT product, used::text FROM accumulator ORDER BY 1",
        "cases": "SELECT kind, cause, setl_id, fen, closed_at IS NULL FROM open_case WHERE closed_at IS NULL ORDER BY 1, 3",
        "payouts": "SELECT s.setl_id, p.fen, p.state FROM payout p JOIN settlement s ON s.id = p.settlement_id WHERE p.state <> 'cancelled' ORDER BY 1",
        "reversals": "SELECT setl_id, reverses, state FROM reversal ORDER BY 1",
        "accounts": "SELECT kind, party, credit_fen - debit_fen FROM account WHERE kind IN ('claims', 'claimant', 'hospital') AND credit_fen > 0 ORDER BY 1",
        "events": "SELECT kind, outcome FROM event WHERE kind NOT IN ('purchase', 'payment') ORDER BY seq"}
    return {name: rows(ward.city, statement.replace("used::text", f"replace(used::text, '{psn_no(ward.city, 1)}', 'psn')"))
            for name, statement in asked.items()}


@pytest.mark.parametrize("scheme", ["liuzhou", "shenyang"])
@pytest.mark.parametrize("story", STORIES)
def test_one_batch_is_as_one_by_one(programme: MakeProgramme, scheme: str, story: Any) -> None:
    """一批里的几条与逐条的一样。"""
    left = []
    for at_once in (True, False):
        with Ward(small_city(programme, scheme, [Someone(1)])) as ward:
            ward.buys(1)
            ward.agrees(1)
            commands = story(ward.city)
            answers = ward.run(*commands) if at_once else [answer for command in commands for answer in ward.run(command)]
            assert [answer.outcome for answer in answers] == [row[1] for row in state_of(ward)["events"]]
            assert verify(ward.city) == []
            left.append(state_of(ward))
    together, singly = left
    differs = [name for name in singly if together[name] != singly[name]]
    assert {name: together[name] for name in differs} == {name: singly[name] for name in differs}


def test_withdrawal_and_reversal_in_one_batch(programme: MakeProgramme) -> None:
    """改付本人与冲销在同一批，付款取消。"""
    with Ward(small_city(programme, "liuzhou", [Someone(1)])) as ward:
        ward.buys(1)
        [told] = ward.settle(bill(1, "A", city=ward.city, in_scope="20000"))
        ward.run(Withdraw(7, ward.id(told), True), reversal("R", "A"))
        assert rows(ward.city, "SELECT fen FROM payout WHERE state <> 'cancelled'") == []
        assert verify(ward.city) == []


def test_adjustment_and_reversal_in_one_batch(programme: MakeProgramme) -> None:
    """调整与冲销在同一批，补付取消，各归其账。 B gets 9,800 yuan more by the adjustment, for the person; B's reversal in the same batch takes them back from there."""
    with Ward(small_city(programme, "liuzhou", [Someone(1)])) as ward:
        ward.buys(1)
        [a, b] = ward.settle(bill(1, "A", city=ward.city, in_scope="306000", self_paid="194000"), bill(1, "B", city=ward.city, in_scope="20000"))
        assert (a.pay_fen, b.pay_fen) == (29950000, 50000), "210000 + 89500, then 500 are left of the limit"
        ward.confirm(a, b)
        ward.run(reversal("R", "A"))
        ward.run(Adjust(7, ward.id(a)), reversal("R2", "B"), at=LATER)
        assert rows(ward.city, "SELECT fen FROM payout WHERE state <> 'cancelled'") == []
        assert rows(ward.city, "SELECT kind, credit_fen - debit_fen FROM account WHERE kind IN ('claims', 'claimant', 'hospital') ORDER BY 1") == [
            ("claimant", 0), ("claims", 0), ("hospital", 0)]
        assert verify(ward.city, LATER) == []


def test_two_people_in_one_batch(programme: MakeProgramme) -> None:
    """两个人在同一批，各算各的。"""
    with Ward(small_city(programme, "liuzhou", [Someone(1), Someone(2)])) as ward:
        ward.buys(1)
        ward.buys(2)
        bills: list[Settle] = [bill(person, f"{person}-{n}", city=ward.city, in_scope="20000") for n in (1, 2) for person in (1, 2)]
        told = [settled(answer) for answer in ward.run(*bills)]
        assert [one.pay_fen for one in told] == [980000, 980000, 1365000, 1365000]
        answers = ward.run(*(Confirm(7, ward.id(one), one.pay_fen, "H1") for one in told), reversal("R", "1-1"))
        assert [moved(answer).posted_fen for answer in answers] == [980000, 980000, 1365000, 1365000, 0]
        assert verify(ward.city) == []


def test_folding_again_keeps_the_order_of_acceptance(programme: MakeProgramme) -> None:
    """一批受理的几笔，结算时间有先有后：重算仍按受理先后，谁也不多不少。"""
    with Ward(small_city(programme, "liuzhou", [Someone(1)])) as ward:
        ward.buys(1)
        parts: list[dict[str, Any]] = [{"self_paid": "9000"}, {"in_scope": "3000"}, {"in_scope": "306000"}, {"self_paid": "150000", "in_scope": "900"}, {"in_scope": "70000"}]
        bills = [bill(1, f"S{n}", city=ward.city, at=BILLED - timedelta(days=n), end=BILLED.date(), **given) for n, given in enumerate(parts)]
        told = [settled(answer) for answer in ward.run(bill(1, "X", city=ward.city, in_scope="1", med_type="11"), *bills)[1:]]
        # 9000 < 15000；3000 − 500 − 2500；(306000 − 500 − 2500) × 70%；(900 − 500) × 70% + (150000 − 6000) × 50%；限额 250000 余 37620，总限额余 15620
        assert [one.pay_fen for one in told] == [0, 0, 21210000, 28000 + 7200000, 1562000]
        ward.confirm(*told)
        ward.run(reversal("R", "X"))
        assert rows(ward.city, "SELECT count(*)::int FROM payment WHERE posted_fen <> target_fen") == [(0,)]
        assert rows(ward.city, "SELECT setl_id FROM settlement WHERE adjust_at IS NOT NULL") == []
        assert verify(ward.city) == []


# ── several lanes at the same time ───────────────────────────────────────────────────────────────────────────────────

def at_the_same_time(ward: Ward, *commands: Command) -> list[Answer]:
    """Each command in a batch and on a lane of its own, all under way together."""
    others = [Ward(ward.city, ward.runner) for _ in commands]

    async def together() -> list[Answer]:
        batches = (other._batch([command], [f"lane-{next(_LANES)}"]) for other, command in zip(others, commands, strict=True))
        found = [answer for [answer] in await asyncio.gather(*batches)]
        await asyncio.gather(*(other.lane.close() for other in others))
        return found

    ward.city.clock.set(BILLED, backwards=True)
    return ward.runner.run(together())


def test_the_same_at_the_same_time_has_one_effect(programme: MakeProgramme) -> None:
    """同一结算从几个窗口同时来，只有一次效果。"""
    with Ward(small_city(programme, "liuzhou", [Someone(1)])) as ward:
        ward.buys(1)
        answers = at_the_same_time(ward, *(bill(1, "A", city=ward.city, in_scope="20000") for _ in range(5)))
        assert {answer.body for answer in answers} == {answers[0].body}
        assert rows(ward.city, "SELECT setl_id, pay_fen FROM settlement") == [("A", 980000)]
        told = settled(answers[0])
        confirmed, taken_back = Confirm(7, ward.id(told), told.pay_fen, "H1"), reversal("R", "A")
        at_the_same_time(ward, confirmed, taken_back, confirmed, taken_back)
        assert rows(ward.city, "SELECT state FROM settlement") == [("reversed",)]
        assert rows(ward.city, "SELECT sum(credit_fen - debit_fen) FROM account WHERE kind IN ('claims', 'hospital')") == [(0,)]
        assert verify(ward.city) == []


def test_a_household_at_the_same_time_uses_one_deductible(programme: MakeProgramme) -> None:
    """一个家庭的几笔同时来，免赔额只用一次。"""
    family = [Someone(1, kin="2 配偶；3 子女"), Someone(2), Someone(3, "2016-09-01", "居民 正常")]
    with Ward(small_city(programme, "jilin", family)) as ward:
        ward.buys(1, 1, 2, 3)
        at_the_same_time(ward, *(bill(person, f"{person}-{n}", city=ward.city, in_scope="4000") for n in (1, 2) for person in (1, 2, 3)))
        assert rows(ward.city, "SELECT sum(pay_fen)::int, count(*)::int FROM settlement") == [(480000, 6)], "(24000 − 16000) × 60%"
        assert verify(ward.city) == []


def test_amounts_as_numbers_fold_again_the_same(programme: MakeProgramme) -> None:
    """数字写成数而不是字的报文，重算时一样。"""
    with Ward(small_city(programme, "liuzhou", [Someone(1)])) as ward:
        ward.buys(1)
        numbers: dict[str, Any] = {"medfee_sumamt": 3000, "inscp_scp_amt": Decimal("3000.00"), "psn_part_amt": 3000, "psn_cash_pay": Decimal(3000)}
        a, b = ward.settle(bill(1, "A", city=ward.city, in_scope="20000"), bill(1, "B", city=ward.city, in_scope="3000", **numbers))
        assert (a.pay_fen, b.pay_fen) == (980000, 175000)
        ward.run(reversal("R", "A"))
        assert rows(ward.city, "SELECT p.target_fen FROM payment p JOIN settlement s ON s.id = p.settlement_id WHERE s.setl_id = 'B'") == [(0,)]
        assert verify(ward.city) == []
