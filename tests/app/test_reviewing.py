"""The agency's queue as many clerks work it off at once, while the service serves: who has which, what a long one is narrowed to, counted."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest

from huibao.app import caretaker
from tests import books
from tests.app.hall import PEOPLE, Hall, live, said
from tests.app.street import EVERY_S, Street, street_of
from tests.books import DAY, verify


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


# ── who has which ────────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.clause("LZ-14")
def test_a_clerk_takes_an_application_and_the_queue_says_so(street: Street) -> None:
    async def story(hall: Hall) -> None:
        one, two = await hall.who("one"), await hall.who("two")
        mine, free = (await hall.everybody(2)).values()
        taken = (await hall.post(one, f"/reviews/{mine}/claim", None)).json()
        assert (taken["order"], taken["state"], taken["until"]) == (mine, "claimed", "2026-03-02T02:30:00Z")
        again = await hall.post(one, f"/reviews/{mine}/claim", None)
        assert (again.status_code, again.json()) == (200, taken)
        for who, is_mine in ((one, True), (two, False)):
            shown = {case["order"]: case["claim"] for case in (await hall.get(who, "/reviews"))["cases"]}
            assert shown[free] is None
            assert (shown[mine]["credential"], shown[mine]["label"], shown[mine]["mine"]) == (taken["credential"], "test", is_mine)
            assert (shown[mine]["since"], shown[mine]["until"]) == (taken["since"], taken["until"])
        lists = {(who, which): [case["order"] for case in (await hall.get(token, f"/reviews?claimed={which}"))["cases"]]
                 for who, token in (("one", one), ("two", two)) for which in ("nobody", "me", "another")}
        assert lists == {("one", "nobody"): [free], ("one", "me"): [mine], ("one", "another"): [],
                         ("two", "nobody"): [free], ("two", "me"): [], ("two", "another"): [mine]}
        refused = await hall.post(two, f"/reviews/{mine}", {"verdict": "approve"})
        assert (refused.status_code, said(refused), refused.json()["figures"]["credential"]) == (409, "review.claimed", taken["credential"])
        decided = (await hall.post(two, "/reviews/bulk", {"orders": [mine, free], "verdict": "approve"})).json()
        assert [line["outcome"] for line in decided["lines"]] == ["review.claimed", "done"]
        assert said(await hall.post(two, f"/reviews/{mine}/claim/release", None)) == "review.claimed"
        released = await hall.post(one, f"/reviews/{mine}/claim/release", None)
        assert (released.status_code, released.json()["state"]) == (200, "released")
        assert said(await hall.post(two, f"/reviews/{mine}", {"verdict": "approve"})) == "completed"
        assert said(await hall.post(await hall.who("elsewhere", area="450299"), f"/reviews/{mine}/claim", None)) == "order.unknown"

    live(street, story)


@pytest.mark.clause("LZ-14")
def test_a_list_is_taken_line_by_line_and_taken_over_when_its_time_is_over(street: Street) -> None:
    async def story(hall: Hall) -> None:
        one, two = await hall.who("one"), await hall.who("two")
        orders = list((await hall.everybody(3)).values())
        asked = {"orders": orders[:2]}
        taken = await hall.post(one, "/reviews/claims", asked, "one-takes-two")
        assert [(line["outcome"], line["state"]) for line in taken.json()["lines"]] == [("done", "claimed")] * 2
        assert "2026-03-02 10:30 前由您审核" in taken.json()["lines"][0]["zh"]
        again = await hall.post(one, "/reviews/claims", asked, "one-takes-two")
        assert (again.json(), again.headers["idempotent-replayed"]) == (taken.json(), "true")
        other = await hall.post(one, "/reviews/bulk", asked | {"verdict": "approve"}, "one-takes-two")
        assert said(other) == "key.other_body"
        lines = (await hall.post(two, "/reviews/claims", {"orders": orders})).json()["lines"]
        assert [line["outcome"] for line in lines] == ["review.claimed", "review.claimed", "done"]
        street.city.clock.set(DAY + timedelta(minutes=30))
        over = (await hall.post(two, f"/reviews/{orders[0]}/claim", None)).json()
        assert (over["state"], over["took_over"] != over["credential"]) == ("claimed", True)
        await hall.finish(orders[2])
        await hall.post(two, f"/reviews/{orders[0]}", {"verdict": "approve"})
        await hall.post(two, f"/reviews/{orders[1]}", {"verdict": "approve"})

    live(street, story)


@pytest.mark.clause("LZ-14")
def test_two_clerks_take_the_same_application_at_the_same_instant(street: Street) -> None:
    async def story(hall: Hall) -> None:
        clerks = {"one": await hall.who("one"), "two": await hall.who("two")}
        orders = list((await hall.everybody(10)).values())
        answers = await asyncio.gather(*(hall.post(who, f"/reviews/{order}/claim", None) for order in orders for who in clerks.values()))
        first, second = ([said(answer) for answer in answers[n::2]] for n in (0, 1))
        assert [{a, b} for a, b in zip(first, second, strict=True)] == [{"claimed", "review.claimed"}] * 10
        decided = await asyncio.gather(*(hall.post(who, f"/reviews/{order}", {"verdict": "approve"}) for order in orders for who in clerks.values()))
        won = [said(answer) == "claimed" for answer in answers]
        assert [said(answer) for answer, has in zip(decided, won, strict=True) if has] == ["completed"] * 10
        assert {said(answer) for answer, has in zip(decided, won, strict=True) if not has} <= {"review.claimed", "review.not_waiting"}

    live(street, story)


# ── many at once ─────────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.clause("LZ-14")
def test_a_long_queue_is_narrowed_and_counted(street: Street) -> None:
    async def story(hall: Hall) -> None:
        clerk, applied = await hall.who("clerk"), await hall.everybody(4)
        (late, suspended, *_), orders = applied, list(applied.values())
        with books.owner(street.city) as connection:
            connection.execute("UPDATE enrolment SET status = '2' WHERE person_id = %s", [suspended])
            connection.execute("UPDATE review SET void_at = void_at - interval '3 days', reviewers = 2"
                               " WHERE order_id = (SELECT id FROM orders WHERE buyer_id = %s)", [late])
        await hall.post(clerk, f"/reviews/{orders[3]}/claim", None)
        asked = {"due=2026-03-20": orders[:1], "due=2026-03-23": orders, "due=2026-03-19": [], "needs=one": orders[1:], "needs=first-of-two": orders[:1],
                 "needs=second-of-two": [], "clear=true": [orders[0], *orders[2:]], "clear=false": orders[1:2], "reason=other": [],
                 "claimed=me": orders[3:], "channel=online&escalated=false": orders, "clear=true&claimed=nobody": [orders[0], orders[2]]}
        assert {query: [case["order"] for case in (await hall.get(clerk, f"/reviews?{query}"))["cases"]] for query in asked} == asked
        page = await hall.get(clerk, "/reviews?clear=false&most=1")
        assert ([case["order"] for case in page["cases"]], page["next"]) == (orders[1:2], orders[1])
        rest = await hall.get(clerk, f"/reviews?clear=false&most=1&after={page['next']}")
        assert (rest["cases"], rest["next"]) == ([], None)
        told = await hall.get(await hall.who("bureau", "bureau"), "/reviews/totals")
        assert (told["waiting"], told["oldest"], told["next_void_at"]) == (4, "2026-03-02T02:00:00Z", "2026-03-20T16:00:00Z")
        assert {(one["by"], one["value"]): one["count"] for one in told["totals"]} == {
            ("channel", "online"): 4, ("claimed", "another"): 1, ("claimed", "nobody"): 3, ("due", "2026-03-20"): 1, ("due", "2026-03-23"): 3,
            ("escalated", "false"): 4, ("needs", "first-of-two"): 1, ("needs", "one"): 3, ("product", street.city.plan.id): 4}
        for one in told["totals"]:
            if one["by"] not in {"claimed", "due"}:
                narrowed = await hall.get(clerk, f"/reviews?{one['by']}={one['value']}")
                assert len(narrowed["cases"]) == one["count"], one
        rejected = (await hall.get(clerk, f"/reviews/totals?product={street.city.plan.id}"))["rejected"]
        await hall.post(clerk, f"/reviews/{orders[3]}/claim/release", None)
        await hall.finish(*orders)
        [other] = [one for one in (await hall.get(clerk, "/reviews/totals"))["rejected"] if one["value"] == "other"]
        assert other["count"] == sum(one["count"] for one in rejected if one["value"] == "other") + 4
        ended = (await hall.get(clerk, "/reviews?state=rejected&reason=other&most=50"))["cases"]
        assert set(orders) <= {case["order"] for case in ended}
        assert (await hall.get(await hall.who("elsewhere", area="450299"), "/reviews/totals"))["waiting"] == 0

    live(street, story)
