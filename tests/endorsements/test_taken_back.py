"""Proposals about a settlement that basic insurance has taken back since: who answers is told so, and may still withdraw or send back."""

from collections.abc import Iterator
from itertools import count
from typing import Final

import pytest

from huibao.endorsements.model import Actor, Answer, Correct
from huibao.record.model import DONE
from tests.books import City, founder, owner, refusal, small_city, verify
from tests.endorsements.office import CLERK, INSURER, SECOND, Office, endorsed
from tests.record.clerk import lonely
from tests.settlement.rounds import insure
from tests.settlement.ward import BILLED, Ward, bill, found_hospitals, reversal

_NUMBERS: Final = count(1)
COLLEAGUE: Final = Actor(104, insurer="lead")
ELSEWHERE: Final = Actor(105, insurer="second")

ANSWERED: Final = [
    # 谁申请      谁答复        答复     结算仍在时                  结算已被冲销时
    (INSURER,     INSURER,      "同意",  "endorsement.four_eyes",    "endorsement.settlement_ended"),
    (INSURER,     INSURER,      "退回",  "rejected",                 "rejected"),
    (INSURER,     COLLEAGUE,    "同意",  "done",                     "endorsement.settlement_ended"),
    (INSURER,     CLERK,        "同意",  "done",                     "endorsement.settlement_ended"),
    (INSURER,     ELSEWHERE,    "同意",  "endorsement.unknown",      "endorsement.unknown"),
    (INSURER,     ELSEWHERE,    "退回",  "endorsement.unknown",      "endorsement.unknown"),
    (CLERK,       CLERK,        "同意",  "endorsement.four_eyes",    "endorsement.settlement_ended"),
    (CLERK,       INSURER,      "退回",  "rejected",                 "rejected"),
    (CLERK,       SECOND,       "退回",  "rejected",                 "rejected"),
]


@pytest.fixture(scope="module")
def city(owner_url: str) -> Iterator[City]:
    made = small_city(founder(owner_url), "liuzhou", lonely(1))
    insure(made, (1,))
    with owner(made) as connection:
        found_hospitals(made, connection)
    yield made
    assert verify(made, BILLED) == []


@pytest.mark.parametrize("is_reversed", [False, True], ids=["stands", "reversed"])
@pytest.mark.parametrize(("by", "answers", "says", "standing", "ended"), ANSWERED)
def test_who_is_told_what(city: City, by: Actor, answers: Actor, says: str, standing: str, ended: str, *, is_reversed: bool) -> None:
    number = f"S{next(_NUMBERS)}"
    with Ward(city) as ward, Office(city) as office:
        [told] = ward.settle(bill(1, number, in_scope="20000", city=city))
        ward.confirm(told)
        asked = office.asks(Correct(by, "hospital_grade", "1", "更正", "档案 1", settlement=ward.id(told)))
        if is_reversed:
            assert [answer.outcome for answer in ward.run(reversal(f"R{number}", number))] == [DONE]
        [answer] = office.run(Answer(answers, asked.endorsement, says == "同意"))
    assert (endorsed(answer).state if answer.outcome == DONE else refusal(answer).code) == (ended if is_reversed else standing)


def test_what_is_to_be_done_is_said(city: City) -> None:
    """Nothing can be corrected of it any more: the proposal is sent back."""
    with Ward(city) as ward, Office(city) as office:
        [told] = ward.settle(bill(1, "T1", in_scope="20000", city=city))
        ward.confirm(told)
        asked = office.asks(Correct(INSURER, "hospital_grade", "1", "更正", "档案 1", settlement=ward.id(told)))
        ward.run(reversal("RT1", "T1"))
        [answer] = office.run(Answer(COLLEAGUE, asked.endorsement, True))
    assert "退回" in refusal(answer).zh
    assert "reject" in refusal(answer).en
