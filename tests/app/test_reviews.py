"""The agency's queue through the API, while the service serves: what a clerk reads and decides, what happens by itself, who comes first."""

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from datetime import timedelta
from typing import Any, LiteralString

import httpx
import pytest

from huibao.app import caretaker
from huibao.core.clock import SimulatedClock
from huibao.core.time import moment
from tests import books
from tests.app.hall import NEXT, PEOPLE, Hall, live, said
from tests.app.street import EVERY_S, Street, street_of, until
from tests.books import DAY, verify
from tests.mandates.desk import DIGEST

ESCALATES, VOID = moment("2026-03-10"), moment("2026-03-24")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caretaker, "EVERY_S", EVERY_S)


@pytest.fixture(scope="module")
def city(pg_url: str) -> Iterator[Street]:
    with street_of(pg_url, PEOPLE, premium="188", scheme="liuzhou") as made:
        yield made


@pytest.fixture
def street(city: Street) -> Iterator[Street]:
    """The same street each morning; whoever applied in another test has been decided."""
    city.city.clock.set(DAY, backwards=True)
    yield city
    assert city.rows("SELECT order_id FROM review WHERE state = 'open'") == []
    assert verify(city.city) == []


# ── one by one ───────────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.clause("LZ-14")
def test_a_clerk_reads_why_it_is_there_and_what_has_changed(street: Street) -> None:
    async def story(hall: Hall) -> None:
        who = next(NEXT)
        clerk, order = await hall.who("clerk"), await hall.applied(who, who + 1)
        [case] = (await hall.get(clerk, "/reviews"))["cases"]
        assert (case["order"], case["state"], case["buyer"], case["name"], case["account_fen"]) == (order, "open", who, "某**", 18_800)
        assert case["insured"] == [{"person": who + 1, "name": "某**", "relation": "parent", "premium_fen": 18_800}]
        assert ("LZ-14" in case["zh"], "188.00" in case["zh"], case["reviewers"], case["obstacle"], case["own"]) == (True, True, 1, None, False)
        assert [one["check"] for one in case["checks"] if one["changed"]] == []
        assert [case["escalate_at"], case["void_at"]] == ["2026-03-09T16:00:00Z", "2026-03-23T16:00:00Z"]
        await asyncio.to_thread(_suspend, street, who + 1)
        [case] = (await hall.get(clerk, "/reviews"))["cases"]
        assert [(one["check"], one["insured"], one["then"], one["now"]) for one in case["checks"] if one["changed"]] == [
            ("insured.enrolment", 1, "390/1/450200", "390/2/450200")]
        assert (case["obstacle"]["code"], case["obstacle"]["clause"]) == ("insured.status_not_normal", "LZ-7")
        refused = await hall.post(clerk, f"/reviews/{order}", {"verdict": "approve"})
        assert (refused.status_code, said(refused)) == (422, "insured.status_not_normal")
        rejected = await hall.post(clerk, f"/reviews/{order}", {"verdict": "reject", "reason": "not-eligible", "note": "母亲已停保"})
        assert (rejected.status_code, said(rejected)) == (200, "void")
        assert (await hall.get(clerk, "/reviews"))["cases"] == []
        [ended] = [case for case in (await hall.get(clerk, "/reviews?state=rejected&most=50"))["cases"] if case["order"] == order]
        assert [(one["then"], one["now"]) for one in ended["checks"] if one["changed"]] == [("390/1/450200", "390/2/450200")]
        read = await hall.get(await hall.member(who), f"/orders/{order}")
        assert (read["state"], read["review"]["state"], read["review"]["note"]) == ("void", "rejected", "母亲已停保")
        assert "参保状态" in read["review"]["zh"]
        audited = await hall.get(await hall.who("auditor", "auditor"), f"/orders/{order}")
        assert "note" not in audited["review"]
        [notice] = (await hall.get(await hall.member(who), "/notices"))["notices"]
        assert (notice["order"], "未通过审核" in notice["zh"]) == (order, True)

    live(street, story)


def _suspend(street: Street, person: int) -> None:
    with books.owner(street.city) as connection:
        connection.execute("UPDATE enrolment SET status = '2' WHERE person_id = %s", [person])


@pytest.mark.clause("LZ-14")
def test_until_it_is_captured_the_buyer_reads_not_yet_insured(street: Street) -> None:
    async def story(hall: Hall) -> None:
        who = next(NEXT)
        order, member = await hall.applied(who), await hall.member(who)
        read = await hall.get(member, f"/orders/{order}")
        assert (read["state"], read["zh"], read["en"]) == ("awaiting-review", "待审核，尚未承保。", "awaiting review, not yet insured")
        assert (read["review"], "period_from" in read["policies"][0]) == (
            {"state": "open", "since": "2026-03-02T02:00:00Z", "decided_by": "2026-03-23T16:00:00Z"}, False)
        approved = await hall.post(await hall.who("clerk"), f"/reviews/{order}", {"verdict": "approve"})
        assert (approved.status_code, approved.json()["policies"][0]["state"]) == (200, "in-force")
        read = await hall.get(member, f"/orders/{order}")
        assert (read["state"], "尚未承保" in read["zh"], read["review"]["state"]) == ("completed", False, "approved")
        again = await hall.post(await hall.who("other"), f"/reviews/{order}", {"verdict": "approve"})
        assert (again.status_code, said(again)) == (409, "review.not_waiting")

    live(street, story)


@pytest.mark.clause("LZ-14", "LZ-8")
def test_nobody_reviews_what_they_entered_or_are_party_to(street: Street) -> None:
    async def story(hall: Hall) -> None:
        who, colleague = next(NEXT), next(NEXT)
        entered, other = await hall.who("entering", person_id=colleague), await hall.who("other")
        same_person, buyer = await hall.who("entering again", person_id=colleague), await hall.who("buyer", person_id=who)
        counter = {"counter": {"outlet": "450200-07", "document": "signed-form", "digest": DIGEST}, "buyer": who}
        answer = await hall.post(entered, "/purchases", await hall.wish(who) | counter)
        order = str(answer.json()["order"])
        for clerk, own in ((entered, True), (same_person, True), (buyer, True), (other, False)):
            [case] = (await hall.get(clerk, "/reviews?channel=counter"))["cases"]
            assert (case["own"], case["channel"], case["outlet"]) == (own, "counter", "450200-07")
            decided = await hall.post(clerk, f"/reviews/{order}", {"verdict": "approve"})
            assert (decided.status_code, said(decided)) == ((403, "review.own_entry") if own else (200, "completed"))

    live(street, story)


def test_a_page_of_the_queue_leads_to_the_next(street: Street) -> None:
    async def story(hall: Hall) -> None:
        clerk, orders = await hall.who("clerk"), list((await hall.everybody(5)).values())
        found, path = [], "/reviews?most=2"
        while path:
            page = await hall.get(clerk, path)
            found += [case["order"] for case in page["cases"]]
            path = f"/reviews?most=2&after={page['next']}" if page["next"] else ""
            if path:
                mistyped = path[:-1] + str((int(path[-1]) + 1) % 10)
                assert said(await street.send("GET", mistyped, clerk)) == "page.after_unknown"
        assert found == orders
        bureau = await hall.get(await hall.who("bureau", "bureau"), "/reviews?most=1")
        assert bureau["cases"][0]["name"] is None, "names are for who decides"
        assert (await hall.get(await hall.who("elsewhere", area="450299"), "/reviews"))["cases"] == []
        refused = await hall.post(await hall.who("elsewhere"), f"/reviews/{orders[0]}", {"verdict": "approve"})
        assert (refused.status_code, said(refused)) == (404, "order.unknown")
        for asked in ("escalated=true", "product=nothing", "channel=agent", "channel=counter"):
            assert (await hall.get(clerk, f"/reviews?{asked}"))["cases"] == [], asked
        await hall.finish(*orders)

    live(street, story)


# ── a list in one go ─────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.clause("LZ-14")
def test_a_list_has_an_outcome_for_each_and_a_stale_one_spoils_no_other(street: Street) -> None:
    async def story(hall: Hall) -> None:
        clerk, applied = await hall.who("clerk"), await hall.everybody(8)
        orders, second = list(applied.values()), list(applied)[1]
        await hall.post(await hall.member(second), f"/orders/{orders[1]}/cancellation", None)
        unknown = f"{street.city.code}-000000999999-0"
        asked = {"orders": [*orders, unknown, orders[0]], "verdict": "approve"}
        decided = await hall.post(clerk, "/reviews/bulk", asked, "the-same-list")
        assert decided.status_code == 200, decided.text
        lines = {line["order"]: line["outcome"] for line in decided.json()["lines"]}
        assert lines == dict.fromkeys(orders, "done") | {orders[1]: "review.not_waiting", unknown: "order.unknown"}
        assert (decided.json()["done"], decided.json()["refused"]) == (7, 2)
        again = await hall.post(clerk, "/reviews/bulk", asked, "the-same-list")
        assert (again.json(), again.headers["idempotent-replayed"]) == (decided.json(), "true")
        other = await hall.post(clerk, "/reviews/bulk", {**asked, "verdict": "reject", "reason": "other"}, "the-same-list")
        assert (other.status_code, said(other)) == (409, "key.other_body")
        assert votes(street, orders) == 7

    live(street, story)


def test_the_same_list_twice_at_once_is_decided_once(street: Street) -> None:
    async def story(hall: Hall) -> None:
        clerk, orders = await hall.who("clerk"), list((await hall.everybody(8)).values())
        asked = {"orders": orders, "verdict": "reject", "reason": "documents-differ"}
        first, second = await asyncio.gather(*(hall.post(clerk, "/reviews/bulk", asked, "twice-at-once") for _ in range(2)))
        assert (first.json(), first.json()["done"]) == (second.json(), 8)
        assert votes(street, orders) == 8

    live(street, story)


def votes(street: Street, orders: Sequence[str]) -> int:
    """How many decisions there are on these orders."""
    [(many,)] = street.rows("SELECT count(*) FROM review_vote WHERE order_id = ANY(%s)", [int(order.split("-")[1]) for order in orders])
    return int(many)


# ── who comes first ──────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.clause("LZ-14")
def test_two_clerks_decide_the_same_application_at_the_same_instant(street: Street) -> None:
    async def story(hall: Hall) -> None:
        one, two = await hall.who("one"), await hall.who("two")
        orders = (await hall.everybody(10)).values()

        def both(order: str) -> tuple[Coroutine[Any, Any, httpx.Response], ...]:
            return (hall.post(one, f"/reviews/{order}", {"verdict": "approve"}),
                    hall.post(two, f"/reviews/{order}", {"verdict": "reject", "reason": "other"}))

        answers = await asyncio.gather(*(decision for order in orders for decision in both(order)))
        for approved, rejected in zip(answers[::2], answers[1::2], strict=True):
            assert (said(approved), said(rejected)) in {("completed", "review.not_waiting"), ("review.not_waiting", "void")}
            assert {approved.status_code, rejected.status_code} == {200, 409}

    live(street, story)


@pytest.mark.clause("LZ-14")
def test_what_is_late_becomes_a_case_and_then_void_by_itself(street: Street) -> None:
    async def story(hall: Hall) -> None:
        who = next(NEXT)
        order, bureau = await hall.applied(who), await hall.who("bureau", "bureau")
        street.city.clock.set(ESCALATES - timedelta(seconds=1))
        assert await late_reviews(hall, bureau) == []
        street.city.clock.set(ESCALATES)
        await until(lambda: _has(hall.get(bureau, "/reviews?escalated=true"), "cases"))
        [case] = await late_reviews(hall, bureau)
        assert (case["kind"], case["cause"], case["order"], case["due_on"]) == ("review", "review.overdue", order, "2026-03-23")
        street.city.clock.set(VOID)
        await until(lambda: _is(hall.state(order, who), "void"))
        late = await hall.post(await hall.who("clerk"), f"/reviews/{order}", {"verdict": "approve"})
        assert said(late) == "review.not_waiting"
        assert await late_reviews(hall, bureau) == []
        [notice] = (await hall.get(await hall.member(who), "/notices"))["notices"]
        assert "未能审结" in notice["zh"]

    live(street, story)


async def late_reviews(hall: Hall, who: str) -> list[dict[str, Any]]:
    return [case for case in (await hall.get(who, "/cases"))["cases"] if case["kind"] == "review"]


async def _has(asked: Coroutine[Any, Any, Any], name: str) -> bool:
    return bool((await asked)[name])


async def _is(asked: Coroutine[Any, Any, str], state: str) -> bool:
    return await asked == state


@pytest.mark.clause("LZ-14")
def test_an_approval_at_the_last_instant_or_void(street: Street) -> None:
    """Approvals come while the clock passes the deadline: each order is captured or void, whole."""
    async def story(hall: Hall) -> None:
        clerk, orders = await hall.who("clerk"), await hall.everybody(10)
        clock: SimulatedClock = street.city.clock
        clock.set(VOID - timedelta(seconds=1))
        await until(lambda: _none(street, "state = 'open' AND escalated_at IS NULL"))
        approvals = [asyncio.create_task(hall.post(clerk, f"/reviews/{order}", {"verdict": "approve"})) for order in list(orders.values())[:5]]
        await asyncio.sleep(0)
        clock.set(VOID)
        approvals += [asyncio.create_task(hall.post(clerk, f"/reviews/{order}", {"verdict": "approve"})) for order in list(orders.values())[5:]]
        ends = [said(answer) for answer in await asyncio.gather(*approvals)]
        assert set(ends) <= {"completed", "review.over", "review.not_waiting"}
        await until(lambda: _none(street, "state = 'open'"))
        states = dict(street.rows("SELECT buyer_id, state FROM orders"))
        assert [states[n] for n in orders] == ["completed" if end == "completed" else "void" for end in ends]

    live(street, story)


async def _none(street: Street, which: LiteralString) -> bool:
    return await asyncio.to_thread(street.rows, f"SELECT count(*) FROM review WHERE {which}") == [(0,)]  # noqa: S608 - our own words


# ── who acts for another ─────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.clause("XJ-3.4")
def test_a_neighbour_orders_under_a_mandate_until_it_is_revoked(street: Street) -> None:
    async def story(hall: Hall) -> None:
        who, next_door = next(NEXT), next(NEXT)
        old, neighbour = await hall.member(who), await hall.member(next_door)
        wish = await hall.wish(who, checked=next_door)
        assert said(await hall.post(neighbour, "/purchases", wish | {"principal": who})) == "mandate.account_not_given"
        proof = (await hall.wish(who))["identity_check"]
        asked = {"agent": next_door, "may": ["order", "pay"], "valid_to": "2026-12-31"}
        assert said(await hall.post(old, "/mandates", asked)) == "mandate.check_needed"
        assert said(await hall.post(old, "/mandates", asked | {"identity_check": wish["identity_check"]})) == "mandate.check_needed"
        given = (await hall.post(old, "/mandates", asked | {"identity_check": proof})).json()
        assert street.rows("SELECT evidence_digest FROM mandate") == [("ref",)], "the check's own reference"
        assert (given["principal"], given["agent"], given["state"], given["evidence"]) == (who, next_door, "in-force", "identity-check")
        for party in (old, neighbour):
            assert [one["mandate"] for one in (await hall.get(party, "/mandates"))["mandates"]] == [given["mandate"]]
        bought = await hall.post(neighbour, "/purchases", wish | {"principal": who})
        order = str(bought.json()["order"])
        assert (await hall.get(neighbour, f"/orders/{order}"))["state"] == "awaiting-review"
        [case] = (await hall.get(await hall.who("clerk"), "/reviews"))["cases"]
        assert (case["channel"], case["buyer"]) == ("agent", who)
        assert said(await hall.post(await hall.who("the neighbour at work", person_id=next_door), f"/reviews/{order}", {"verdict": "approve"})) == "review.own_entry"
        assert said(await hall.post(neighbour, f"/orders/{order}/cancellation", None)) == "order.unknown"
        revoked = await hall.post(old, f"/mandates/{given['mandate']}/revocation", None)
        assert revoked.json()["state"] == "revoked"
        assert (await street.send("GET", f"/orders/{order}", neighbour)).status_code == 404
        assert (await hall.get(old, f"/orders/{order}"))["state"] == "awaiting-review", "what was entered in time stands"
        await hall.finish(order)

    live(street, story)


@pytest.mark.clause("XJ-3.4")
def test_a_clerk_takes_a_mandate_at_the_counter(street: Street) -> None:
    async def story(hall: Hall) -> None:
        clerk, who, agent, other = await hall.who("clerk"), next(NEXT), next(NEXT), next(NEXT)
        asked = {"agent": agent, "may": ["order"], "valid_to": "2026-12-31"}
        assert said(await hall.post(clerk, "/mandates", asked)) == "mandate.evidence_needed"
        assert said(await hall.post(clerk, "/mandates", asked | {"principal": who, "evidence": "identity-check", "digest": DIGEST})) == "mandate.evidence_needed"
        guardian = await hall.post(clerk, "/mandates", asked | {"principal": who, "evidence": "guardianship", "digest": DIGEST})
        assert (guardian.status_code, said(guardian)) == (400, "body.malformed"), "nobody gives a guardianship, and nobody takes it back"
        given = (await hall.post(clerk, "/mandates", asked | {"principal": who, "evidence": "notarised", "digest": DIGEST})).json()
        assert (given["state"], given["evidence"]) == ("in-force", "notarised")
        stranger = await hall.member(other)
        assert said(await hall.post(stranger, f"/mandates/{given['mandate']}/revocation", None)) == "mandate.unknown"
        assert (await hall.get(clerk, f"/mandates?person={who}"))["mandates"] == [given]
        assert said(await hall.post(await hall.member(agent), f"/mandates/{given['mandate']}/revocation", None)) == "revoked"

    live(street, story)
