"""The authorisation table, run both ways: what it grants is let in, what it does not is refused and leaves nothing behind."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pytest

from huibao.policies.numbers import settlement_number
from huibao.web import desk as desks
from huibao.web import endorsements, openapi, orders, payables, policies, reads, refunds, remittances, settled, settlements, surrenders
from huibao.web.app import OPERATIONS, build
from huibao.web.authorisation import ROLES, TABLE, Owners, Reach, TableWrong, agree, reaches, read
from huibao.web.credentials import Principal
from huibao.web.operations import JSON, PATH_PARTS, Operation
from huibao.web.routing import Router
from huibao.web.service import Service
from tests.web import things
from tests.web.running import AREA, BUYER, ELSEWHERE, FAR, HERE, HOSPITAL, OTHER_HOSPITAL, STRANGER, Desk

BY_ID: Final[Mapping[str, Operation[Any]]] = {one.id: one for one in OPERATIONS}


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is about: somebody's things here or elsewhere, an insurer's, a hospital's."""

    name: str
    person: int = BUYER
    insurer: str = "anxin"
    hospital: str = HOSPITAL
    programme: str = HERE


TARGETS: Final = (
    Target("own"),
    Target("another's", person=STRANGER),
    Target("another area's", person=FAR),
    Target("another insurer's", insurer="zhongtai"),
    Target("another hospital's", hospital=OTHER_HOSPITAL),
    Target("another programme's", programme=ELSEWHERE),
)

#: Each role's credential, by what narrows it. An agency comes twice: its area may be set.
CALLERS: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("public", {}), ("member", {"person_id": BUYER}), ("agency", {}), ("agency", {"area": AREA}), ("bureau", {}),
    ("insurer", {"insurer": "anxin"}), ("insurer", {"insurer": "zhongtai"}), ("provider", {"provider": HOSPITAL}), ("regulator", {}),
    ("actuary", {}), ("auditor", {}), ("administrator", {}),
)

OF_A_PERSON: Final = {"order", "policy", "cancel_order", "open_payment", "settlement", "judge_settlement", "amend_order", "endorsement",
                      "answer_endorsement", "review_order", "claim_review", "release_review",
                      "revoke_mandate", "policy_endorsements", "correct_fact", "decline_renewal", "confirm_renewals",
                      "quote_surrender", "surrender", "refund", "confirm_account_closed", "accept_refund",
                      "decide_remittance_case", "withdraw_confirmation", "decide_channel_refund"}
OF_AN_INSURER: Final = {"connection_tests"}
OF_A_POOL: Final = {"pool_statement"}
OF_A_HOSPITAL: Final = {"settlement", "confirm_settlement", "withdraw_settlement", "statement", "answer_statement"}
NAMING: Final = {"purchase", "check_identity", "settle", "agree_to_payment", "change_detail", "give_mandate"}
#: Lists of what one reaches: there is nothing to be refused, and nothing of others in them (test_settled, test_payables_routes).
LISTS: Final = {"cases", "payables", "payouts", "rosters", "endorsements", "refunds", "repayments", "receiving_accounts", "remittances",
                "remittance_days", "account_postings", "account_days", "reviews", "review_list", "review_totals", "claim_reviews"}
#: What is said of another's is what is said of nothing, by another status than 404.
OTHERWISE: Final = {"propose_statement": 422, "prepay_hospital": 422, "call_recoveries": 422, "reissue_payout": 409, "repay": 422}
#: A hospital says in its own name alone whose a settlement is; in a file each line has its own refusal (test_files).
OWN_NAME: Final = {"settle", "pre_settle"}


def expected(operation: str, role: str, narrowed: Mapping[str, Any], target: Target) -> int | None:
    """The status of the refusal; None where the caller is let in."""
    reach = TABLE[operation][role]
    if reach == "no":
        return 401 if role == "public" else 403
    if reach == "all":
        return None
    if target.programme != HERE:
        return 404
    if reach == "whole":
        return 403 if "area" in narrowed else None
    if reach == "hospital" and operation in OWN_NAME and target.hospital != HOSPITAL:
        return 403
    within = {
        "own": operation not in OF_A_PERSON or target.person == BUYER,
        "insurer": operation in LISTS or narrowed.get("insurer") == (target.insurer if operation in OF_AN_INSURER else "anxin"),
        "hospital": operation not in OF_A_HOSPITAL or target.hospital == HOSPITAL,
        "programme": "area" not in narrowed or operation not in OF_A_PERSON | NAMING or target.person != FAR,
    }
    return None if within[reach] else OTHERWISE.get(operation, 404)


def send(desk: Desk, operation: Operation[Any], role: str, narrowed: Mapping[str, Any], target: Target) -> int:
    who = None if role == "public" else desk.token(role, **narrowed)  # type: ignore[arg-type]  # a role, read off the table
    parts = things.parts(desk, target.person, target.hospital) | {"programme": target.programme, "insurer": target.insurer}
    parts["credential"] = str(desk.credential("actuary", area="to-be-revoked")[0])
    key = f"{operation.id}-{role}-{target.person}-{target.hospital}-{target.programme}"
    asked = things.asked(desk, operation.id, target.person, target.hospital, is_own=role == "member")
    if operation.id == "purchase":
        asked = desk.wish(BUYER) if role == "member" else desk.wish(target.person) | ({"buyer": target.person, **desk.at_counter()} if role == "agency" else {})
    body: dict[str, Any] = {"content": asked} if isinstance(asked, bytes) else {"json": asked}
    headers = {"Idempotency-Key": key} | ({"Content-Type": operation.media} if isinstance(asked, bytes) else {})
    return desk.send(operation.method, operation.path.format_map(parts), who, headers=headers, **body).status_code


_EFFECTS: Final = """
SELECT (SELECT count(*) FROM orders WHERE state <> 'void'), (SELECT count(*) FROM transfer), (SELECT count(*) FROM hold),
       (SELECT count(*) FROM public.credential), (SELECT count(revoked_at) FROM public.credential),
       (SELECT jsonb_object_agg(id, state || payee) FROM settlement), (SELECT count(*) FROM payment), (SELECT sum(posted_fen) FROM payment),
       (SELECT count(*) FROM reversal), (SELECT count(*) FROM open_case), (SELECT count(closed_at) FROM open_case),
       (SELECT jsonb_object_agg(id, state) FROM statement), (SELECT count(*) FROM statement_line),
       (SELECT jsonb_object_agg(id, state) FROM payout), (SELECT count(*) FROM recovery), (SELECT count(*) FROM reconciliation),
       (SELECT count(*) FROM agreement), (SELECT count(*) FROM bank_account), (SELECT count(*) FROM notice),
       (SELECT count(*) FROM sponsor), (SELECT count(*) FROM sponsor_payment), (SELECT jsonb_object_agg(id, state) FROM roster),
       (SELECT count(*) FROM roster_line), (SELECT jsonb_object_agg(order_id, state) FROM renewal),
       (SELECT jsonb_object_agg(id, revoked_at) FROM mandate), (SELECT count(*) FROM order_entry), (SELECT count(*) FROM review_vote),
       (SELECT count(claimed_by) FROM review),
       (SELECT jsonb_object_agg(id, state) FROM endorsement), (SELECT jsonb_agg(phone_index ORDER BY id) FROM person),
       (SELECT count(*) FROM refund), (SELECT jsonb_object_agg(id, state) FROM repayment), (SELECT count(*) FROM refund_confirmation),
       (SELECT count(*) FROM refund_acceptance),
       (SELECT jsonb_object_agg(id, state) FROM receiving_account), (SELECT count(*) FROM receiving_call),
       (SELECT jsonb_object_agg(id, state || (confirmed_at IS NULL)) FROM remittance), (SELECT count(*) FROM remittance_line),
       (SELECT jsonb_agg(used ORDER BY whose, product) FROM accumulator)
"""


def effects(desk: Desk) -> list[Any]:
    """What a refused request may not change."""
    async def count() -> list[Any]:
        found = []
        for code in (HERE, ELSEWHERE):
            async with desk.engine.reading(code) as connection:
                found.append(await (await connection.execute(_EFFECTS)).fetchone())
        return found

    return [*desk.run(count()), len(desk.engine.cash.opened)]


def mistakes(desk: Desk, operation: Operation[Any]) -> list[str]:
    """Where an operation and the table disagree, over all callers and targets."""
    for target in TARGETS:
        things.parts(desk, target.person, target.hospital)
    desk.credential("actuary", area="to-be-revoked")
    for role, narrowed in CALLERS:
        if role != "public":
            desk.token(role, **narrowed)  # type: ignore[arg-type]  # a role, read off the table
    wrong = []
    for role, narrowed in CALLERS:
        for target in TARGETS:
            before = effects(desk)
            status, refusal = send(desk, operation, role, narrowed, target), expected(operation.id, role, narrowed, target)
            if operation.id == "notify_payment" and refusal is None:
                refusal = 401  # let in by the table, turned away for want of a signature
            if status != refusal and (refusal is not None or status in {401, 403, 404}):
                wrong.append(f"{role} {dict(narrowed)} on {target.name}: {status}, expected {refusal or 'to be let in'}")
            if refusal is not None and effects(desk) != before:
                wrong.append(f"{role} {dict(narrowed)} on {target.name}: refused, and yet something changed")
    return wrong


@pytest.mark.parametrize("operation", BY_ID.values(), ids=lambda operation: operation.id)
def test_every_role_on_every_route(desk: Desk, operation: Operation[Any]) -> None:
    assert mistakes(desk, operation) == []


@pytest.mark.parametrize(("module", "operation", "caught"), [
    (orders,   "order",            ["member", "agency"]),
    (orders,   "open_payment",     ["member"]),
    (policies, "policy",           ["member", "agency", "insurer"]),
    (desks,    "pool_statement",   ["insurer"]),
    (desks,    "connection_tests", ["insurer"]),
    (reads,    "purchase",         ["agency"]),
    (reads,    "check_identity",   ["agency"]),
    (reads,    "agree_to_payment", ["agency"]),
    (settled,  "settlement",       ["member", "agency", "insurer", "provider"]),
    (surrenders, "quote_surrender", ["member", "agency"]),
    (refunds,  "refund",           ["member", "agency", "insurer"]),
    (refunds,  "repayment",        ["insurer"]),
    (remittances, "decide_remittance_case", ["agency"]),
    (payables, "statement",        ["insurer", "provider"]),
    (endorsements, "endorsement",  ["member", "agency", "insurer"]),
    (endorsements, "policy_endorsements", ["member", "agency", "insurer"]),
    (endorsements, "answer_endorsement", ["agency"]),
    (endorsements, "amend_order",  ["agency"]),
    (reads,    "change_detail",    ["agency"]),
    (endorsements, "correct_fact", ["agency"]),
    (settlements, "settle",        ["agency"]),
])
def test_a_route_that_forgets_to_ask_is_caught(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, module: Any, operation: str, caught: list[str]
) -> None:
    monkeypatch.setattr(module, "reaches", lambda *_: True)
    assert list(dict.fromkeys(wrong.partition(" ")[0] for wrong in mistakes(desk, BY_ID[operation]))) == caught


def test_what_is_out_of_reach_looks_like_what_is_not_there(desk: Desk) -> None:
    theirs, none = desk.order_of(STRANGER), "990000-000000099999-9"
    for path in ("/orders/{}", "/policies/{}-01"):
        answers = [desk.send("GET", f"/v1/{HERE}{path.format(number)}", desk.member()) for number in (theirs, none)]
        assert answers[0].content == answers[1].content
        assert answers[0].status_code == 404
    theirs = things.settlement_of(desk, STRANGER, OTHER_HOSPITAL)[0]
    for who in (desk.member(), desk.token("insurer", insurer="zhongtai"), desk.token("provider", provider=HOSPITAL)):
        answers = [desk.send("GET", f"/v1/{HERE}/settlements/{number}", who) for number in (theirs, settlement_number(HERE, 99_999))]
        assert (answers[0].status_code, answers[0].content) == (404, answers[1].content)
    elsewhere, nowhere = (desk.send("GET", f"/v1/{code}/me", desk.member()) for code in (ELSEWHERE, "999999"))
    assert (elsewhere.status_code, elsewhere.content) == (404, nowhere.content)


def test_scopes_narrow_a_role(desk: Desk) -> None:
    who = desk.token("member", person_id=BUYER, scopes=("orders",))
    assert desk.send("GET", f"/v1/{HERE}/orders", who).status_code == 200
    refused = desk.send("GET", f"/v1/{HERE}/me", who)
    assert (refused.status_code, refused.json()["code"]) == (403, "access.scope")
    assert desk.send("GET", f"/v1/{HERE}/products", who).status_code == 200


THINGS: Final = {
    "own": Owners(people=(BUYER,)), "another's": Owners(people=(STRANGER,)), "own insurer's": Owners(insurers=("anxin",)),
    "other insurer's": Owners(insurers=("zhongtai",)), "own hospital's": Owners(hospitals=(HOSPITAL,)),
    "other hospital's": Owners(hospitals=(OTHER_HOSPITAL,)), "own area": Owners(area=AREA), "other area": Owners(area="9999"), "no area": Owners()}


@pytest.mark.parametrize(("reach", "what"), [
    ("no",        []),
    ("own",       ["own"]),
    ("insurer",   ["own insurer's"]),
    ("hospital",  ["own hospital's"]),
    ("programme", ["own", "another's", "own insurer's", "other insurer's", "own hospital's", "other hospital's", "own area", "no area"]),
    ("all",       list(THINGS)),
])
def test_how_far_a_reach_goes(reach: Reach, what: list[str]) -> None:
    caller = Principal(1, "agency", HERE, BUYER, "anxin", HOSPITAL, AREA, (), "")
    assert [name for name, thing in THINGS.items() if reaches(caller, reach, thing)] == what


# ── the table's own form ─────────────────────────────────────────────────────────────────────────────────────────────

def test_every_route_has_a_row_and_every_row_a_route(desk: Desk) -> None:
    router = Router([(one.method, one.path, one.id) for one in OPERATIONS])
    for one in OPERATIONS:
        found = router.find(one.path.format(**{name: PATH_PARTS[name].example for name in one.parts}))
        assert found is not None
        assert found[0][one.method] == one.id
        assert found[1] == {name: PATH_PARTS[name].example for name in one.parts}
    assert TABLE.keys() == BY_ID.keys() | {openapi.ID}


def test_a_route_without_a_row_is_not_built(desk: Desk) -> None:
    planted = Operation("planted", "GET", "/v1/planted", BY_ID["health"].handle, BY_ID["health"].asks, None, 200, False, (), None, None, 0, JSON)
    with pytest.raises(TableWrong, match="route planted has no row"):
        build(desk.engine, (*OPERATIONS, planted))


def test_a_row_without_a_route_is_not_built(desk: Desk) -> None:
    with pytest.raises(TableWrong, match="row purchase has no route"):
        build(desk.engine, tuple(one for one in OPERATIONS if one.id != "purchase"))
    assert isinstance(build(desk.engine), Service)


@pytest.mark.parametrize(("row", "says"), [
    ("x " + ". " * 10,                   ""),
    ("x " + ". " * 9,                    "has not one cell for each role"),
    ("x " + ". " * 11,                   "has not one cell for each role"),
    ("x " + ". " * 9 + "everything",     "'everything' is no reach"),
    ("x " + ". " * 10 + "\nx " + ". " * 10, "stands here twice"),
])
def test_a_table_that_cannot_be_read_is_refused(row: str, says: str) -> None:
    table = f"operation {' '.join(ROLES)}\n{row}"
    if not says:
        assert read(table)["x"] == dict.fromkeys(ROLES, "no")
        return
    with pytest.raises(TableWrong, match=says):
        read(table)


def test_a_role_without_a_column_is_refused() -> None:
    with pytest.raises(TableWrong, match="the columns are"):
        read("operation public member\nx . .")


def test_agreement_names_every_offender() -> None:
    with pytest.raises(TableWrong, match="route a has no row; route b has no row; row c has no route"):
        agree(["b", "a", "d"], {"c": {}, "d": {}})
