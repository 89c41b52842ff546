"""From a surrender to the money: batches answered, insurers that pay back, channels that send or cannot, and what people are told."""

from datetime import datetime
from typing import Any

import pytest

from huibao.refunds import own
from huibao.refunds.model import DecideChannel, Repay, SurrenderTold, Withdraw
from huibao.settlement.model import Judge
from tests.books import City, Someone, another, owner, put_on_sale, refusal, rows, run, small_city, verify
from tests.books import buy as buying
from tests.database import MakeProgramme
from tests.refunds.counter import EVENING, SUMMER, Counter, code, refund_id, repaid
from tests.settlement.ward import BILLED, Ward, bill, found_hospitals, reversal

PEOPLE = (Someone(1, personal="8000", kin="2 父母 账户"), Someone(2, "1955-02-11", insurance="居民 正常"), Someone(3, personal="8000"))


@pytest.fixture
def city(programme: MakeProgramme) -> City:
    return small_city(programme, "xizang", PEOPLE)


@pytest.fixture
def dear(city: City) -> str:
    """2,000 yuan: 1,500 from the account, 500 in cash."""
    plan = another(city.plan, "dear", premium="2000")
    with owner(city) as connection:
        put_on_sale(city, connection, plan)
    return plan.id


def only(told: SurrenderTold, city: City) -> int:
    [part] = told.parts
    return refund_id(city, part.refund)


# ── account money ────────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.clause("LZ-15a")
def test_what_nobody_listed_is_back_at_once(city: City) -> None:
    counter = Counter(city)
    told = counter.surrenders(counter.buys(1))
    assert told.steps == (
        "退保：保障开始前全额退还保费；交费后 10 天犹豫期内、尚未理赔结算的全额退还；保障开始后按剩余天数退还；已赔付的不可退保",
        "保费 168.00 元，保障期 2026-03-03 至 2026-12-31", "保障尚未开始：全额退还 168.00 元", "个人账户支付 168.00 元，按比例退回 168.00 元")
    assert (counter.balance("personal", 1), counter.balance("clearing"), counter.spent(1)) == (800_000, 0, 0)
    assert counter.told(1) == [
        f"保单 {told.policy} 已退保，退还 168.00 元，保障至 2026-03-03 零时止；此前的就诊仍可理赔。个人账户 168.00 元（已退回）。"]
    assert counter.resolves() == []
    assert verify(city) == []


@pytest.mark.clause("LZ-15a", "LZ-14")
@pytest.mark.parametrize(("answer", "state", "where"), [("paid", "owed", "已随批次划转至保险公司"), ("failed", "done", "已退回您的个人账户")])
def test_what_a_batch_lists_waits_for_its_answer(city: City, answer: str, state: str, where: str) -> None:
    counter = Counter(city)
    policy = counter.buys(1)
    listed = counter.lists(policy)
    refund = only(counter.surrenders(policy), city)
    assert (counter.refunds(), counter.resolves()) == ([("personal", 16_800, "waiting")], [])
    assert code(counter.run(own.resolved(refund, "listed", listed, EVENING.date()).command)[0]) == "refund.nothing_new"
    counter.answered(listed, answer)  # type: ignore[arg-type]  # one of its answers
    assert counter.resolves() == ["done"]
    assert counter.refunds() == [("personal", 16_800, state)]
    assert where in counter.told(1)[-1]
    assert counter.resolves() == []
    assert verify(city) == []


@pytest.mark.clause("LZ-15a")
def test_what_the_insurer_has_it_pays_back_and_both_sides_agree_to_the_fen(city: City) -> None:
    counter = Counter(city)
    policies = [counter.buys(1), counter.buys(3)]
    counter.remits(policies[0])
    first, second = (only(counter.surrenders(policy), city) for policy in policies)

    assert code(counter.repays(first, second, fen=33_599)) == "repayment.sum_differs"
    assert code(counter.repays(first, first)) == "repayment.refunds_unknown"
    assert code(counter.repays(first, 99_999)) == "repayment.refunds_unknown"
    assert code(counter.repays(first, insurer="second")) == "repayment.refunds_unknown"
    made = counter.repays(first, second)
    assert (repaid(made).fen, repaid(made).state) == (33_600, "told")
    assert code(counter.repays(first, reference="B-2")) == "repayment.refund_not_owed"

    off = refusal(counter.receives(made, 33_601))
    assert (off.code, dict(off.figures)) == ("repayment.received_differs", {"fen": 33_600, "received_fen": 33_601})
    assert counter.refunds() == [("personal", 16_800, "owed")] * 2
    assert repaid(counter.receives(made)).state == "received"
    assert counter.refunds() == [("personal", 16_800, "done")] * 2
    assert [counter.balance("personal", person) for person in (1, 3)] == [800_000, 800_000]
    assert counter.balance("income") == 0
    assert code(counter.receives(made)) == "repayment.answered"
    assert verify(city) == []


def test_a_repayment_that_never_came_is_owed_again(city: City) -> None:
    counter = Counter(city)
    policy = counter.buys(1)
    counter.remits(policy)
    refund = only(counter.surrenders(policy), city)
    made = counter.repays(refund)
    assert code(counter.repays(refund, reference="B-1")) == "repayment.refund_not_owed"
    assert repaid(counter.receives(made, 0)).state == "disputed"
    assert repaid(counter.repays(refund, reference="B-1")).state == "told", "the reference was used by nobody after all"
    assert verify(city) == []


def test_a_reference_is_used_once(city: City) -> None:
    counter = Counter(city)
    policies = [counter.buys(1), counter.buys(3)]
    counter.remits(policies[0])
    first, second = (only(counter.surrenders(policy), city) for policy in policies)
    answers = counter.at_once([[Repay(8, "lead", (refund,), "B-1", 16_800)] for refund in (first, second)], SUMMER)
    assert sorted(code(answer) for [answer] in answers) == ["done", "repayment.reference_used"]
    assert verify(city) == []


def test_what_a_bank_sent_back_is_reversed_by_the_agency_after_all(city: City) -> None:
    counter = Counter(city)
    policy = counter.buys(1)
    listed = counter.lists(policy)
    counter.answered(listed, "paid")
    counter.surrenders(policy)
    counter.comes_back(listed)
    assert counter.refunds() == [("personal", 16_800, "owed")]
    assert counter.resolves() == ["done"]
    assert counter.refunds() == [("personal", 16_800, "done")]
    assert verify(city) == []


@pytest.mark.clause("LZ-15a")
def test_what_came_back_is_in_no_repayment(city: City) -> None:
    """The insurer does not have it: what it tells is refused, what it told is answered with nothing, and the agency reverses it."""
    counter = Counter(city)
    policy = counter.buys(1)
    listed = counter.lists(policy)
    counter.answered(listed, "paid")
    counter.remits(counter.buys(3))
    refund = only(counter.surrenders(policy), city)
    made = counter.repays(refund)
    counter.comes_back(listed)
    assert counter.resolves() == [], "it stands in a repayment"
    assert code(counter.receives(made)) == "repayment.came_back"
    assert (counter.balance("income"), counter.refunds()) == (16_800, [("personal", 16_800, "owed")]), "the other's premium is not touched"
    assert repaid(counter.receives(made, 0)).state == "disputed"
    assert code(counter.repays(refund)) == "repayment.refund_not_owed"
    assert counter.resolves() == ["done"]
    assert (counter.balance("personal", 1), counter.refunds()) == (800_000, [("personal", 16_800, "done")])
    assert verify(city, SUMMER) == []


@pytest.mark.clause("LZ-15a", "LZ-14")
def test_what_came_back_while_its_insurer_repays_goes_on_and_is_repaid_then(city: City) -> None:
    counter = Counter(city)
    policy = counter.buys(1)
    listed = counter.lists(policy)
    counter.answered(listed, "paid")
    refund = only(counter.surrenders(policy), city)
    made = counter.repays(refund)
    counter.comes_back(listed)
    again = counter.lists(policy)
    assert (code(counter.receives(made)), counter.resolves()) == ("repayment.came_back", [])
    counter.answered(again, "paid")
    assert repaid(counter.receives(made)).state == "received"
    assert (counter.balance("income"), counter.balance("personal", 1)) == (0, 800_000)
    assert verify(city, SUMMER) == []


# ── cash and sponsors ────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.clause("LZ-15a", "XZ-2")
def test_cash_goes_back_by_its_channel(city: City, dear: str) -> None:
    counter = Counter(city)
    told = counter.surrenders(counter.buys(1, product=dear))
    cash = refund_id(city, told.parts[1].refund)
    assert counter.refunds() == [("personal", 150_000, "done"), ("cash", 50_000, "sent")]
    assert [code(answer) for answer in counter.run(own.cash_arrived(cash, 49_999).command, own.cash_arrived(cash, 50_000).command,
                                                   own.cash_arrived(cash, 50_000).command, own.cash_declined(cash).command)] == [
        "refund.not_waiting", "done", "refund.not_waiting", "refund.not_waiting"]
    assert (counter.balance("income"), counter.balance("clearing"), counter.balance("personal", 1)) == (0, 0, 800_000)
    assert counter.told(1)[-1] == "您的退款 500.00 元已按原支付渠道退回。"
    assert verify(city) == []


@pytest.mark.clause("LZ-15a", "LZ-15b")
@pytest.mark.parametrize(("outcome", "state", "cases"), [
    ("sent-back", "done", [("refund.channel_differs", False)]),
    ("elsewhere", "owed", [("refund.channel_differs", False), ("refund.channel_declined", True)]),
])
def test_what_a_channel_is_odd_about_is_decided_by_a_person(city: City, dear: str, outcome: Any, state: str, cases: list[tuple[str, bool]]) -> None:
    counter = Counter(city)
    told = counter.surrenders(counter.buys(1, product=dear))
    account, cash = (refund_id(city, part.refund) for part in told.parts)
    decide = DecideChannel(9, cash, outcome, "对账单")
    assert [code(answer) for answer in counter.run(decide, DecideChannel(9, account, outcome, "对账单"), DecideChannel(9, 99_999, outcome, ""))] == [
        "refund.not_waiting", "refund.not_waiting", "refund.unknown"]
    assert [code(answer) for answer in counter.run(own.channel_differs(cash).command, own.channel_differs(cash).command,
                                                   own.channel_differs(account).command)] == ["done", "done", "refund.not_waiting"]
    assert (counter.refunds()[1], counter.cases()) == (("cash", 50_000, "sent"), [("refund.channel_differs", True)])
    assert sorted(code(answer) for batch in counter.at_once([[decide], [decide]]) for answer in batch) == ["done", "refund.confirmed_by_you"]
    assert (counter.refunds()[1], counter.cases()) == (("cash", 50_000, "sent"), [("refund.channel_differs", True)]), "one alone moves nothing"
    assert verify(city) == []
    second = [[DecideChannel(clerk, cash, outcome, "渠道回函")] for clerk in (10, 11)]
    assert sorted(code(answer) for batch in counter.at_once(second) for answer in batch) == ["done", "refund.not_waiting"]
    assert (counter.refunds()[1], counter.cases()) == (("cash", 50_000, state), cases)
    assert code(counter.run(Withdraw(9, cash))[0]) == "refund.not_waiting"
    assert code(counter.run(own.cash_arrived(cash, 50_000).command)[0]) == "refund.not_waiting"
    assert verify(city) == []


@pytest.mark.clause("LZ-15b")
def test_two_clerks_who_found_otherwise_decide_nothing(city: City, dear: str) -> None:
    """查明结果不一致：不办结；有误的由本人撤回之后，另两位一致才办结。"""
    counter = Counter(city)
    cash = refund_id(city, counter.surrenders(counter.buys(1, product=dear)).parts[1].refund)
    counter.run(own.channel_differs(cash).command)
    assert [code(answer) for answer in counter.run(
        DecideChannel(9, cash, "sent-back", "对账单"), DecideChannel(10, cash, "elsewhere", "回函"), Withdraw(10, cash), Withdraw(9, cash),
        DecideChannel(10, cash, "elsewhere", "回函"))] == ["done", "refund.reasons_differ", "refund.not_confirmed_by_you", "done", "done"]
    assert (counter.refunds()[1][2], counter.cases()) == ("sent", [("refund.channel_differs", True)])
    assert verify(city) == []
    [last] = counter.run(DecideChannel(9, cash, "elsewhere", "回函"))
    assert (code(last), counter.refunds()[1][2]) == ("done", "owed")
    assert verify(city) == []


@pytest.mark.clause("LZ-15b")
def test_a_channel_that_speaks_between_two_clerks_has_said_it(city: City, dear: str) -> None:
    """第二位经办人员办理之前渠道已退回：以渠道为准。"""
    counter = Counter(city)
    cash = refund_id(city, counter.surrenders(counter.buys(1, product=dear)).parts[1].refund)
    counter.run(own.channel_differs(cash).command, DecideChannel(9, cash, "elsewhere", "对账单"), own.cash_arrived(cash, 50_000).command)
    assert (counter.refunds()[1][2], code(counter.run(DecideChannel(10, cash, "elsewhere", "回函"))[0])) == ("done", "refund.not_waiting")
    assert verify(city) == []


@pytest.mark.clause("LZ-15a")
def test_a_sponsors_money_goes_back_to_the_sponsor(programme: MakeProgramme) -> None:
    city = small_city(programme, "shenyang", [Someone(7)], sponsors={"慈善": "198", "企业": "198"})
    counter = Counter(city)
    policy = counter.buys(7, pay_with="sponsor", sponsor="慈善")
    told = counter.surrenders(policy)
    assert [(part.source, part.fen, part.state) for part in told.parts] == [("sponsor", told.premium_fen, "done")]
    assert rows(city, "SELECT party, (credit_fen - debit_fen)::bigint FROM account WHERE kind = 'sponsor' ORDER BY party") == [("企业", 19_800), ("慈善", 19_800)]
    assert verify(city) == []


# ── refused ──────────────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.clause("LZ-15a", "LZ-19")
def test_an_order_that_waits_is_cancelled_and_not_surrendered(city: City, dear: str) -> None:
    [answer] = run(city, [buying(city, 1, product=dear)])
    assert b"awaiting-payment" in answer.body
    [(order,)] = rows(city, "SELECT id FROM orders")
    assert Counter(city).refuses((order, 1)) == "surrender.order_waits"


def test_what_is_refused(city: City) -> None:
    counter = Counter(city)
    policy = counter.buys(1, 2)
    assert code(counter.asks(policy, buyer=3)) == "policy.unknown"
    differs = refusal(counter.asks(policy, fen=26_801, buyer=1))
    assert (differs.code, dict(differs.figures)) == ("surrender.quote_differs", {"fen": 26_800, "told_fen": 26_801})
    counter.surrenders(policy)
    assert counter.refuses(policy, fen=0) == "surrender.already"
    assert counter.told(2) == ["您的保单已由投保人退保，保障至 2026-03-03 零时止；此前的就诊仍可理赔。"]
    assert verify(city) == []


def test_relatives_surrender_one_by_one_and_may_be_insured_again(city: City) -> None:
    counter = Counter(city)
    order, _ = counter.buys(1, 1, 2)
    counter.surrenders((order, 2))
    assert rows(city, "SELECT position, state FROM policy ORDER BY position") == [(1, "in-force"), (2, "surrendered")]
    counter.buys(1, 2)
    assert verify(city) == []


@pytest.mark.clause("LZ-15a")
@pytest.mark.parametrize(("plan", "at", "refused"), [
    ("allowed = false", EVENING, "surrender.not_allowed"),
    ('after = "none"',  SUMMER,  "surrender.nothing_after_start"),
    ('after = "days"',  SUMMER.replace(month=12, day=31), "surrender.cover_over"),
])
def test_what_the_terms_say(programme: MakeProgramme, plan: str, at: datetime, refused: str) -> None:
    city = small_city(programme, "xizang", PEOPLE)
    changed = another(city.plan, "other", ("cooling_days = 10\n", ""), ('after = "days"', plan))
    with owner(city) as connection:
        put_on_sale(city, connection, changed)
    counter = Counter(city)
    policy = counter.buys(1, product="other")
    assert counter.refuses(policy, at) == refused


# ── settlements ──────────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.clause("LZ-15a", "LZ-10")
def test_settlements_come_before_a_surrender(city: City) -> None:
    """Open: it waits. Paid: not any more. Taken back: by the terms again; and visits before it stay payable."""
    with owner(city) as connection:
        found_hospitals(city, connection)
    counter = Counter(city)
    policy = counter.buys(3)
    with Ward(city) as ward:
        [told] = ward.settle(bill(3, "S1", self_paid="30000", med_type="22", city=city))
        assert counter.refuses(policy, BILLED) == "surrender.settlement_open"
        ward.confirm(told)
        assert counter.refuses(policy, BILLED) == "surrender.settlement_open", "whether the illness is pre-existing is not decided"
        ward.run(Judge(7, ward.id(told), preexisting=False, reason="三年内没有同类疾病"))
        assert counter.refuses(policy, BILLED) == "surrender.benefit_paid"
        ward.run(reversal("R1", "S1"))
        back = counter.surrenders(policy, BILLED)
        assert (back.ground, back.ended_on.isoformat()) == ("days", "2026-04-12")
        [later] = ward.settle(bill(3, "S2", self_paid="30000", med_type="22", city=city))
        assert later.pay_fen > 0, "the visit was before the surrender"
    assert verify(city, BILLED) == []


def test_within_the_cooling_period_whoever_was_settled_with_gets_what_the_terms_say_of_later(city: City) -> None:
    """A bill below the deductible was settled: the contract has covered, and never both is given."""
    with owner(city) as connection:
        found_hospitals(city, connection)
    counter = Counter(city)
    policy = counter.buys(3)
    tenth = EVENING.replace(day=10)
    with Ward(city) as ward:
        ward.settle(bill(3, "S1", self_paid="100", begin=tenth.date().replace(day=5), end=tenth.date(), at=tenth, city=city))
    told = counter.surrenders(policy, tenth)
    assert (told.ground, told.fen) == ("days", 16_358)      # 16800 × 296 / 304 = 16357.89…
    assert verify(city, tenth) == []
