"""What nobody approved in time lapses by itself, once, and the person is told."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from huibao.app import caretaker
from huibao.endorsements.model import Actor, Change, Expire
from huibao.endorsements.state import PROPOSAL_DAYS
from huibao.record.model import DONE
from tests.app.clinic import clinic_of, clinic_street
from tests.app.street import Street
from tests.books import rows, verify
from tests.endorsements.office import register


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caretaker, "EVERY_S", 3_600)


@pytest.fixture
def street(pg_url: str) -> Iterator[Street]:
    with clinic_street(pg_url, 1) as made:
        yield made


@pytest.mark.clause("LZ-19")
def test_a_proposal_lapses_in_its_turn(street: Street) -> None:
    city = street.city
    register(city, 1, "王䶮", "110101198506150023")

    async def story(street: Street) -> None:
        async with clinic_of(street) as clinic:
            asked = await clinic.submit(Change(Actor(1, 1), 1, "bank-account", "6222000000000000009", "换卡"))
            assert asked.outcome == DONE
            await clinic.turn()
            assert rows(city, "SELECT state FROM endorsement") == [("proposed",)]
            city.clock.set(city.clock.now() + timedelta(days=PROPOSAL_DAYS))
            clinic.fails_at(lambda command: isinstance(command, Expire))
            await clinic.turn()
            assert rows(city, "SELECT state FROM endorsement") == [("proposed",)], "a fault of ours: the row is there, and is found again"
            clinic.fails_at(lambda _: False)
            await clinic.turn(2)

    street.live(story)
    assert rows(city, "SELECT state, ended_at = expires_at FROM endorsement") == [("expired", True)]
    assert [zh for (zh,) in rows(city, "SELECT zh FROM notice")] == ["您的赔付收款账户变更申请逾期未复核，未作变更。如仍需变更，请重新申请。"]
    assert verify(city) == []
