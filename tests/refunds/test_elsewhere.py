"""Where an account cannot be credited: clerks confirm, the member or the heirs accept, the insurer pays; and who may not."""

from dataclasses import replace

import pytest

from huibao.refunds import own
from huibao.refunds.model import Accept, Confirm, DecideChannel, Evidence, PayElsewhere
from huibao.scheme import loading as schemes
from tests.books import City, Someone, another, owner, put_on_sale, rows, small_city, verify
from tests.database import MakeProgramme
from tests.refunds.counter import EVENING, SUMMER, Counter, code, moved, refund_id, repaid

PEOPLE = (Someone(1, personal="8000", kin="2 父母 账户"), Someone(2, "1955-02-11", insurance="居民 正常"), Someone(3, personal="8000"), Someone(4, personal="8000"))


@pytest.fixture
def city(programme: MakeProgramme) -> City:
    return small_city(programme, "xizang", PEOPLE)


def owed(counter: Counter) -> int:
    """A refund that the insurer owes to an account which was closed."""
    policy = counter.buys(1)
    counter.remits(policy)
    counter.closes(1)
    told = counter.surrenders(policy)
    return refund_id(counter.city, told.parts[0].refund)


def pays(counter: Counter, refund: int, insurer: str = "lead") -> str:
    return counter.pays(refund, insurer, SUMMER)


@pytest.mark.clause("LZ-15b")
def test_confirmed_accepted_and_paid_elsewhere(city: City) -> None:
    counter = Counter(city)
    refund = owed(counter)
    assert counter.cases() == [("refund.account_closed", True)]
    assert code(counter.accepts(refund, 1)) == "refund.not_elsewhere"
    assert moved(counter.confirms(refund)).confirmed == 1
    assert pays(counter, refund) == "refund.not_accepted"
    assert code(counter.repays(refund)) == "repayment.refund_not_owed", "what is paid elsewhere does not go by the agency"
    assert code(counter.accepts(refund, 2)) == "refund.unknown"
    assert moved(counter.accepts(refund, 1)).state == "owed"
    assert pays(counter, refund, "second") == "refund.unknown"
    assert pays(counter, refund) == "done"
    assert pays(counter, refund) == "refund.not_accepted"
    assert counter.refunds() == [("personal", 16_800, "done")]
    assert (counter.balance("income"), counter.balance("personal", 1)) == (0, 783_200)
    assert counter.cases() == [("refund.account_closed", False)]
    assert counter.told(1)[-1] == "您的退款 168.00 元已由保险公司支付到您登记的银行账户。"
    assert verify(city, SUMMER) == []


@pytest.mark.clause("LZ-15b")
def test_two_clerks_where_the_scheme_asks_for_two(city: City) -> None:
    """The rule of Liuzhou's file."""
    city.scheme = replace(city.scheme, refund=schemes.builtin("liuzhou").refund)
    counter = Counter(city)
    refund = owed(counter)
    first = moved(counter.confirms(refund, 9))
    assert (first.confirmed, first.needed) == (1, 2)
    assert code(counter.confirms(refund, 9)) == "refund.confirmed_by_you"
    assert code(counter.confirms(refund, 11, "other")) == "refund.reasons_differ"
    assert code(counter.accepts(refund, 1)) == "refund.not_elsewhere"
    assert moved(counter.confirms(refund, 11)).confirmed == 2
    assert moved(counter.accepts(refund, 1)).state == "owed"
    assert pays(counter, refund) == "done"
    assert verify(city, SUMMER) == []


@pytest.mark.clause("LZ-15b")
def test_a_wrong_reason_is_withdrawn_by_who_gave_it(city: City) -> None:
    city.scheme = replace(city.scheme, refund=schemes.builtin("liuzhou").refund)
    counter = Counter(city)
    refund = owed(counter)
    counter.confirms(refund, 9)
    assert code(counter.confirms(refund, 11, "other")) == "refund.reasons_differ"
    assert code(counter.withdraws(refund, 11)) == "refund.not_confirmed_by_you"
    assert (moved(counter.withdraws(refund, 9)).confirmed, code(counter.withdraws(refund, 9))) == (0, "refund.not_confirmed_by_you")
    assert code(counter.withdraws(99_999)) == "refund.unknown"
    assert counter.cases() == [("refund.account_closed", True)], "the account is closed all the same"
    assert [moved(counter.confirms(refund, clerk, "other")).confirmed for clerk in (11, 9)] == [1, 2]
    counter.withdraws(refund, 9)
    assert counter.told(1)[-1].startswith("经办机构撤回了对您的退款 168.00 元无法退回原账户的确认")
    assert code(counter.accepts(refund, 1)) == "refund.not_elsewhere"
    counter.confirms(refund, 9, "other")
    assert code(counter.accepts(refund, 1)) == "done"
    assert code(counter.withdraws(refund, 9)) == "refund.accepted_already"
    assert pays(counter, refund) == "done"
    assert code(counter.withdraws(refund, 9)) == "refund.not_waiting"
    assert verify(city, SUMMER) == []


@pytest.mark.clause("LZ-15b", "LZ-15a")
def test_what_was_confirmed_by_mistake_goes_its_way_again(city: City) -> None:
    """One is owed by the insurer, one is in a batch that comes back."""
    counter = Counter(city)
    first, second = counter.buys(1), counter.buys(3)
    counter.remits(first)
    refunds = [refund_id(city, counter.surrenders(first).parts[0].refund)]
    third = counter.buys(4)
    listed = counter.lists(third)
    refunds.append(refund_id(city, counter.surrenders(third).parts[0].refund))
    for refund in refunds:
        counter.confirms(refund, at=EVENING)
    counter.answered(listed, "failed")
    assert counter.resolves() == []
    assert code(counter.repays(refunds[0])) == "repayment.refund_not_owed"
    for refund in refunds:
        counter.withdraws(refund, at=EVENING)
    assert counter.cases() == [("refund.account_closed", False)] * 2
    assert counter.resolves() == ["done"]
    assert repaid(counter.receives(counter.repays(refunds[0]))).state == "received"
    assert [state for _, _, state in counter.refunds()] == ["done", "done"]
    assert counter.quote(second).fen > 0
    assert verify(city, SUMMER) == []


@pytest.mark.clause("LZ-15b")
def test_it_is_paid_by_the_last_acceptance_under_a_reference_of_its_own(city: City) -> None:
    """The insurer read an account, the member names another: it is not that one that was paid."""
    counter = Counter(city)
    first = owed(counter)
    other = counter.buys(3)
    counter.remits(other)
    counter.closes(3)
    second = refund_id(city, counter.surrenders(other).parts[0].refund)
    for refund, person in ((first, 1), (second, 3)):
        counter.confirms(refund)
        counter.accepts(refund, person)
    read = counter.accepted(first)
    counter.accepts(first, 1)
    assert counter.pays(first, at=SUMMER, acceptance=read) == "refund.another_acceptance"
    answers = counter.at_once([[PayElsewhere(8, "lead", refund, "B-9", counter.accepted(refund))] for refund in (first, second)], SUMMER)
    assert sorted(code(answer) for [answer] in answers) == ["done", "refund.reference_used"]
    left = first if rows(city, "SELECT FROM refund WHERE id = %s AND reference IS NULL", first) else second
    assert rows(city, "SELECT paid_by, reference FROM refund WHERE reference IS NOT NULL") == [("lead", "B-9")]
    assert counter.pays(left, at=SUMMER, reference="B-10") == "done"
    assert verify(city, SUMMER) == []


@pytest.mark.clause("LZ-15b")
def test_a_reference_that_paid_a_person_pays_nothing_to_the_agency(city: City) -> None:
    counter = Counter(city)
    first = owed(counter)
    counter.confirms(first)
    counter.accepts(first, 1)
    assert pays(counter, first) == "done"
    other, third = counter.buys(3), counter.buys(4)
    counter.remits(other)
    second, last = (refund_id(city, counter.surrenders(policy).parts[0].refund) for policy in (other, third))
    assert code(counter.repays(second, reference="B-9")) == "repayment.reference_used"
    assert code(counter.repays(second, reference="B-10")) == "done"
    counter.confirms(last)
    counter.accepts(last, 4)
    assert counter.pays(last, at=SUMMER, reference="B-10") == "refund.reference_used"


def test_nobody_reads_an_account_or_a_document_in_a_log() -> None:
    accept, confirm = Accept(10, 1, "heirs", "某人", "6222000000000000001", "公证书"), Confirm(9, 1, "closed", "柳医保函")
    shown = repr([accept, confirm, DecideChannel(9, 1, "elsewhere", "对账单"), Evidence("柳医保函", "某人", "6222000000000000001", "公证书")])
    assert not any(hidden in shown for hidden in ("某人", "6222", "公证书", "柳医保函", "对账单"))


@pytest.mark.clause("LZ-15b")
def test_refunds_of_who_died_go_to_the_heirs_and_relatives_policies_go_on(city: City) -> None:
    counter = Counter(city)
    order, _ = counter.buys(1, 1, 2)
    counter.remits((order, 1))
    counter.buries(1, "2026-03-02")
    counter.closes(1)
    assert code(counter.asks((order, 1), buyer=1)) == "surrender.holder_died"
    refund = refund_id(city, counter.surrenders((order, 1)).parts[0].refund)
    assert rows(city, "SELECT position, state FROM policy ORDER BY position") == [(1, "surrendered"), (2, "in-force")]
    assert counter.told(1) == [], "nobody writes to the dead"
    counter.confirms(refund, reason="deceased")
    assert code(counter.accepts(refund, 1)) == "refund.heirs_needed"
    assert code(counter.accepts(refund, 1, "heirs", "公证书")) == "refund.holder_lives", "heirs come to the counter"
    assert code(counter.accepts(refund, None, "heirs")) == "refund.evidence_needed"
    assert moved(counter.accepts(refund, None, "heirs", "继承公证书〔2026〕柳证字第 8 号")).zh.endswith("已登记收款方式。")
    assert pays(counter, refund) == "done"
    assert verify(city, SUMMER) == []


def test_who_lives_has_no_heirs(city: City) -> None:
    counter = Counter(city)
    refund = owed(counter)
    assert code(counter.confirms(refund, reason="deceased")) == "refund.holder_lives"
    counter.confirms(refund)
    assert code(counter.accepts(refund, None, "heirs", "公证书")) == "refund.holder_lives"


@pytest.mark.clause("LZ-15b", "LZ-15a")
def test_what_is_in_clearing_goes_on_to_the_insurer_where_its_account_is_closed(city: City) -> None:
    counter = Counter(city)
    policy = counter.buys(1)
    counter.closes(1)
    refund = refund_id(city, counter.surrenders(policy).parts[0].refund)
    assert (counter.refunds(), counter.cases()) == ([("personal", 16_800, "waiting")], [("refund.account_closed", True)])
    assert counter.resolves() == []
    counter.confirms(refund)
    counter.lets_go(policy)
    assert counter.resolves() == ["done"]
    assert counter.refunds() == [("personal", 16_800, "owed")]
    assert "不能计入您的个人账户" in counter.told(1)[-1], "nobody is told that a closed account will be credited"
    assert "请登记银行账户" in counter.told(1)[-1]
    counter.accepts(refund, 1)
    assert pays(counter, refund) == "done"
    assert verify(city, SUMMER) == []


@pytest.mark.clause("LZ-15a")
def test_an_account_that_opens_again_is_credited_after_all(city: City) -> None:
    counter = Counter(city)
    policy = counter.buys(1)
    counter.closes(1)
    counter.surrenders(policy)
    counter.closes(1, state="open")
    assert counter.resolves() == ["done"]
    assert (counter.refunds(), counter.cases()) == ([("personal", 16_800, "done")], [("refund.account_closed", False)])
    assert counter.balance("personal", 1) == 800_000
    assert verify(city) == []


@pytest.mark.clause("LZ-15a")
def test_money_that_arrives_for_a_closed_account_is_not_credited(city: City) -> None:
    counter = Counter(city)
    policy = counter.buys(1)
    counter.remits(policy)
    refund = refund_id(city, counter.surrenders(policy).parts[0].refund)
    made = counter.repays(refund)
    assert code(counter.confirms(refund)) == "refund.not_waiting", "it is on its way to the agency"
    counter.closes(1)
    assert code(counter.receives(made)) == "repayment.account_closed"
    assert code(counter.receives(made, 0)) == "done"
    counter.confirms(refund)
    counter.accepts(refund, 1)
    assert pays(counter, refund) == "done"
    assert verify(city, SUMMER) == []


@pytest.mark.clause("LZ-15b", "LZ-14")
def test_what_came_back_is_paid_elsewhere_by_nobody_until_the_insurer_has_it_again(city: City) -> None:
    """The bank's return file comes late; the insurer has other people's premium, and none of this refund."""
    counter = Counter(city)
    policy = counter.buys(1)
    listed = counter.lists(policy)
    counter.answered(listed, "paid")
    counter.remits(counter.buys(3))
    counter.closes(1)
    refund = refund_id(city, counter.surrenders(policy).parts[0].refund)
    counter.confirms(refund)
    counter.accepts(refund, 1)
    counter.comes_back(listed)
    assert pays(counter, refund) == "refund.not_accepted"
    assert counter.balance("income") == 16_800
    assert counter.resolves() == ["done"]
    assert (counter.refunds(), counter.resolves()) == ([("personal", 16_800, "waiting")], [])
    counter.lets_go(policy)
    assert counter.resolves() == ["done"]
    assert pays(counter, refund) == "done"
    assert counter.balance("income") == 16_800
    assert verify(city, SUMMER) == []


@pytest.mark.clause("LZ-15b")
def test_cash_that_the_channel_cannot_send_needs_no_clerk(city: City) -> None:
    with owner(city) as connection:
        put_on_sale(city, connection, another(city.plan, "dear", premium="2000"))
    counter = Counter(city)
    told = counter.surrenders(counter.buys(1, product="dear"))
    refund = refund_id(city, told.parts[1].refund)
    assert code(counter.accepts(refund, 1)) == "refund.not_elsewhere"
    assert code(counter.run(own.cash_declined(refund).command, at=EVENING)[0]) == "done"
    assert (counter.refunds()[1], counter.cases()) == (("cash", 50_000, "owed"), [("refund.channel_declined", True)])
    assert code(counter.confirms(refund)) == "refund.not_waiting"
    assert code(counter.repays(refund)) == "repayment.refund_not_owed"
    assert code(counter.accepts(refund, 1)) == "done"
    assert pays(counter, refund) == "done"
    assert counter.cases() == [("refund.channel_declined", False)]
    assert verify(city, SUMMER) == []


@pytest.mark.clause("LZ-15b")
def test_the_account_and_the_document_are_sealed(city: City) -> None:
    counter = Counter(city)
    refund = owed(counter)
    counter.confirms(refund)
    counter.accepts(refund, 1)
    said = str(rows(city, "SELECT * FROM refund_confirmation")) + str(rows(city, "SELECT * FROM refund_acceptance"))
    said += str([bytes(answer) for (answer,) in rows(city, "SELECT answer FROM event")])
    assert "6222000000000000001" not in said
    assert "12号" not in said
    assert rows(city, "SELECT kind, sealed IS NOT NULL FROM event WHERE kind LIKE 'refund-%%' ORDER BY seq") == [
        ("refund-confirmation", True), ("refund-acceptance", True)]


def test_who_was_erased_leaves_no_evidence_to_keep(city: City) -> None:
    counter = Counter(city)
    refund = owed(counter)
    with owner(city) as connection:
        connection.execute("DELETE FROM person_key WHERE person_id = 1")
    assert code(counter.confirms(refund)) == "refund.holder_erased"
