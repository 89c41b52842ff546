"""What was read, ticked, signed and checked: sealed under the buyer's key, chained, readable until the key is gone."""

import json
from typing import Any

import pytest

from huibao.core.sealing import Place, SealBroken, open_sealed, unwrap
from huibao.enrolment.model import Release
from huibao.record.model import DONE
from tests.books import DAY, KEYRING, City, buy, order, order_id, owner, rows, run, small_city, verify
from tests.database import MakeProgramme


def evidence(city: City, request: int, reader: int = 1) -> dict[str, Any]:
    """The evidence of a request, opened with a person's key."""
    [(wrapped,)] = rows(city, "SELECT wrapped FROM person_key WHERE person_id = %s", reader)
    [(sealed,)] = rows(city, "SELECT sealed FROM event WHERE request_id = %s", request)
    opened: dict[str, Any] = json.loads(open_sealed(unwrap(KEYRING, city.code, reader, wrapped), sealed, Place(city.code, "event", request, "sealed")))
    return opened


@pytest.mark.clause("LZ-9")
def test_the_evidence_of_an_order_opens_with_the_buyers_key(programme: MakeProgramme) -> None:
    city = small_city(programme, "liuzhou")
    asked = buy(city, 1)
    [answer] = run(city, [asked])
    assert evidence(city, order_id(city, answer)) == {
        "consent": {"terms": order(answer).terms_digest, "accepted": ["terms", "exclusions", "notice"], "signature": "签名", "guardian": True},
        "identity": {"person": 1, "method": "face", "passed": True, "at": "2026-03-02T01:59:00Z", "reference": "ref"}}
    with pytest.raises(SealBroken):
        evidence(city, order_id(city, answer), reader=5)


@pytest.mark.clause("LZ-9")
def test_no_plain_evidence_is_kept(programme: MakeProgramme) -> None:
    city = small_city(programme, "liuzhou")
    run(city, [buy(city, 1)])
    [(sealed,)] = rows(city, "SELECT sealed FROM event")
    assert "签名".encode() not in sealed
    assert rows(city, "SELECT count(*) FROM event e WHERE e::text LIKE '%%签名%%'") == [(0,)]


@pytest.mark.clause("LZ-9")
def test_a_refused_purchase_keeps_its_evidence_too(programme: MakeProgramme) -> None:
    city = small_city(programme, "liuzhou")
    [refused] = run(city, [buy(city, 6)])
    assert refused.outcome == "account.insufficient"
    [(request, person)] = rows(city, "SELECT request_id, person_id FROM event")
    assert person == 6
    assert evidence(city, request, reader=6)["identity"]["person"] == 6


@pytest.mark.clause("LZ-9")
def test_erasing_the_key_erases_the_evidence_and_leaves_the_chain_whole(programme: MakeProgramme) -> None:
    city = small_city(programme, "liuzhou")
    [answer] = run(city, [buy(city, 1)])
    run(city, [Release(1, order_id(city, answer), "cancelled", 1)], DAY)
    with owner(city) as connection:
        connection.execute("DELETE FROM person_key WHERE person_id = 1")
    assert rows(city, "SELECT count(*) FROM person_key WHERE person_id = 1") == [(0,)]
    with pytest.raises(ValueError, match="not enough values"):
        evidence(city, order_id(city, answer))
    assert verify(city) == []


@pytest.mark.clause("LZ-9")
def test_whose_key_was_erased_buys_nothing_any_more(programme: MakeProgramme) -> None:
    """Nothing could be kept of what they agreed to."""
    city = small_city(programme, "liuzhou")
    with owner(city) as connection:
        connection.execute("DELETE FROM person_key WHERE person_id = 1")
    assert [answer.outcome for answer in run(city, [buy(city, 1), buy(city, 5)])] == ["buyer.unknown", DONE]
    assert rows(city, "SELECT person_id, sealed IS NULL FROM event ORDER BY seq") == [(None, True), (5, False)]
    assert verify(city) == []


@pytest.mark.clause("LZ-9")
def test_evidence_that_was_altered_is_found(programme: MakeProgramme) -> None:
    city = small_city(programme, "liuzhou")
    [answer] = run(city, [buy(city, 1)])
    with owner(city) as connection:
        connection.execute("UPDATE event SET sealed = set_byte(sealed, 40, get_byte(sealed, 40) # 1)")
    with pytest.raises(SealBroken):
        evidence(city, order_id(city, answer))
    assert [offender.split(":")[0] for offender in verify(city)] == ["j chain of the record"]
