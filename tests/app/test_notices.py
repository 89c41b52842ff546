"""What people are told reaches them once; a number that cannot be reached is known as such, and keeps nobody else waiting."""

from collections.abc import Iterator

import pytest

from huibao.app import caretaker
from tests.app.clinic import Clinic, clinic_of, clinic_street
from tests.app.street import Street
from tests.books import verify

STANDING = "SELECT person_id, sent_at IS NOT NULL, declined FROM notice ORDER BY id"
WAITS, SENT, DECLINED = (False, False), (True, False), (False, True)


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caretaker, "EVERY_S", 3_600)


@pytest.fixture
def street(pg_url: str) -> Iterator[Street]:
    with clinic_street(pg_url, 4) as made:
        yield made


async def told(clinic: Clinic, *people: int) -> None:
    """Each of these people has a notice to get."""
    for person in people:
        await clinic.withdraw(await clinic.settle(person, f"S{person}"))


def test_each_notice_is_sent_once_or_declined(street: Street) -> None:
    async def story(street: Street) -> None:
        async with clinic_of(street) as clinic:
            clinic.phone(1, "13800000001")
            clinic.phone(2, "0772-1234567")
            clinic.phone(4, "13800000004")
            await told(clinic, 1, 2, 3, 4)
            await clinic.turn(3)
            assert clinic.rows(STANDING) == [(1, *SENT), (2, *DECLINED), (3, *DECLINED), (4, *SENT)]
            assert [sent.phone for sent in street.outside.notices.sent] == ["13800000001", "13800000004"]
            assert clinic.asks("notices", "POST") == 3, "what is declined is not tried again"
            [one, _] = street.outside.notices.sent
            assert "9,800.00" in one.zh
            assert "9,800.00" in one.en

    street.live(story)
    assert verify(street.city) == []


def test_while_the_channel_is_down_notices_wait(street: Street) -> None:
    async def story(street: Street) -> None:
        async with clinic_of(street) as clinic:
            for person in (1, 2):
                clinic.phone(person, f"1380000000{person}")
            await told(clinic, 1, 2)
            for kind in ("error", "half-answer", "wrong-signature", "drop"):
                await street.fail("notices", kind)
                await clinic.turn()
                assert clinic.rows(STANDING) == [(1, *WAITS), (2, *WAITS)], kind
                await street.mend("notices")
            await clinic.turn(2)
            assert clinic.rows(STANDING) == [(1, *SENT), (2, *SENT)]
            assert sorted(sent.phone for sent in street.outside.notices.sent) == ["13800000001", "13800000002"]

    street.live(story)
    assert verify(street.city) == []


def test_a_number_that_has_changed_since_an_answer_was_lost_keeps_nobody_waiting(street: Street) -> None:
    """The channel has sent the first notice to the old number and will not take its reference for another."""
    async def story(street: Street) -> None:
        async with clinic_of(street) as clinic:
            for person in (1, 2):
                clinic.phone(person, f"1380000000{person}")
            await told(clinic, 1, 2)
            await street.fail("notices", "drop", times=1)
            await clinic.turn()
            assert clinic.rows(STANDING) == [(1, *WAITS), (2, *WAITS)]
            clinic.phone(1, "13900000001")
            await clinic.turn(2)
            assert clinic.rows(STANDING)[1] == (2, *SENT)

    street.live(story)
