"""Things that requests are about, each made when first asked for: orders, settlements, statements, payouts; and what to ask of them."""

import json
from itertools import count
from typing import Any, Final
from weakref import WeakKeyDictionary

from huibao.db.connect import connect_owner
from huibao.payables import own
from huibao.policies.numbers import read_number, refund_number
from tests.web.running import BUYER, HERE, HOSPITAL, NAMES, NOW, PRODUCT, SPENT, SPENT_TOO, STRANGER, Desk
from tests.web.wards import bill, number, reversal

_PHONES: Final = count(1)
_MADE: Final[WeakKeyDictionary[Desk, dict[tuple[str, ...], Any]]] = WeakKeyDictionary()


def parts(desk: Desk, person: int = BUYER, hospital: str = HOSPITAL) -> dict[str, str]:
    """Parts of paths that lead to somebody's things, at a hospital."""
    order = desk.order_of(person)
    proposal_of(desk, order)
    # First: money that is about to go back is listed in no batch.
    listed = remittance_of(desk)
    return {"programme": HERE, "product": PRODUCT, "insurer": "anxin", "order": order, "policy": f"{order}-01", "credential": "7",
            "settlement": settlement_of(desk, person, hospital)[0], "statement": statement_of(desk, hospital), "payout": payout_of(desk),
            "sponsor": sponsor_of(desk), "roster": roster_of(desk), "endorsement": endorsement_of(desk, person),
            "refund": refund_of(desk, person), "repayment": repayment_of(desk), **listed, "case": case_of(desk, order),
            "mandate": mandate_of(desk, person)}


def proposal_of(desk: Desk, order: str) -> None:
    """A proposal for the first policy of an order, as if its product were its own next year."""
    if ("proposal", order) not in (made := _MADE.setdefault(desk, {})):
        desk.run(_propose(desk, int(order.split("-")[1])))
        made["proposal", order] = True


async def _propose(desk: Desk, order: int) -> None:
    async with desk.engine.shared() as connection, connection.transaction():
        await connection.execute(f"SET LOCAL search_path TO p_{HERE}")
        await connection.execute(
            "INSERT INTO renewal SELECT o.id, 1, o.at, o.buyer_id, p.insured_id, p.product, o.offer_id, p.tier, p.premium_fen, p.period_to, 'open'"
            " FROM orders o JOIN policy p ON p.order_id = o.id AND p.position = 1 WHERE o.id = %s AND p.period_to IS NOT NULL", [order])


def _post(desk: Desk, path: str, who: str, asked: dict[str, Any]) -> dict[str, Any]:
    answer = desk.send("POST", f"/v1/{HERE}{path}", who, json=asked, headers={"Idempotency-Key": f"thing-{number()}"})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def settlement_of(desk: Desk, person: int, hospital: str) -> tuple[str, int]:
    """Number and payment of an offered settlement."""
    made = _MADE.setdefault(desk, {})
    key = ("settlement", str(person), hospital)
    if key not in made:
        desk.order_of(person)
        told = _post(desk, "/settlements", desk.token("provider", provider=hospital), bill(person))
        made[key] = (told["settlement"], told["pay_fen"])
    found: tuple[str, int] = made[key]
    return found


def statement_of(desk: Desk, hospital: str) -> str:
    """A statement of what is owed to a hospital."""
    made = _MADE.setdefault(desk, {})
    if ("statement", hospital) not in made:
        desk.order_of(BUYER)
        provider = desk.token("provider", provider=hospital)
        told = _post(desk, "/settlements", provider, bill(BUYER))
        _post(desk, f"/settlements/{told['settlement']}/confirmations", provider, {"deducted_fen": told["pay_fen"]})
        asked = {"hospital": hospital, "product": PRODUCT, "upto": "2026-12-31"}
        made["statement", hospital] = str(_post(desk, "/statements", desk.token("insurer", insurer="anxin"), asked)["statement"])
    return str(made["statement", hospital])


def mandate_of(desk: Desk, person: int) -> str:
    """A mandate that somebody gave to a neighbour."""
    made = _MADE.setdefault(desk, {})
    if ("mandate", str(person)) not in made:
        asked = mandate(desk, person, STRANGER if person != STRANGER else SPENT, is_own=False)
        made["mandate", str(person)] = str(_post(desk, "/mandates", desk.token("agency"), asked)["mandate"])
    return str(made["mandate", str(person)])


def mandate(desk: Desk, person: int, agent: int, *, is_own: bool) -> dict[str, Any]:
    """A mandate to order, given by who checks their own identity, or at a counter for who is named."""
    proof = {"identity_check": desk.checked(person)} if is_own else {"principal": person, "evidence": "signed-form", "digest": "0" * 64}
    return {"agent": agent, "may": ["order"], "valid_to": "2026-03-31", **proof}


def endorsement_of(desk: Desk, person: int) -> str:
    """A proposal that waits for an answer."""
    made = _MADE.setdefault(desk, {})
    if ("endorsement", str(person)) not in made:
        desk.order_of(person)
        made["endorsement", str(person)] = str(_post(desk, "/endorsements/corrections", desk.token("agency"), correction(desk, person, "2"))["endorsement"])
    return str(made["endorsement", str(person)])


def correction(desk: Desk, person: int, grade: str) -> dict[str, Any]:
    """The hospital of a settlement was of another grade."""
    return {"fact": "hospital_grade", "value": grade, "reason": "等级有误", "evidence": "批复 1", "settlement": settlement_of(desk, person, HOSPITAL)[0]}


def payout_of(desk: Desk) -> str:
    """A payout that came back from the bank."""
    made = _MADE.setdefault(desk, {})
    if ("payout",) not in made:
        asked = {"hospital": HOSPITAL, "product": PRODUCT, "fen": 100}
        _post(desk, "/prepayments", desk.token("insurer", insurer="anxin"), asked)

        async def returned() -> int:
            async with desk.engine.reading(HERE) as connection:
                row = await (await connection.execute("SELECT max(id) FROM payout")).fetchone()
            assert row is not None, "a payout was made just now"
            for request in (own.sent(row[0], 1), own.came_back(row[0], 1)):
                await desk.engine.submit(HERE, *request)
            return int(row[0])

        made["payout",] = str(desk.run(returned()))
    return str(made["payout",])


def sponsor_of(desk: Desk) -> str:
    """Somebody who pays for others."""
    made = _MADE.setdefault(desk, {})
    if ("sponsor",) not in made:
        asked = {"name": f"资助方{number()}（示例）", "kind": "charity", "credit_limit_fen": 0}
        made["sponsor",] = str(_post(desk, "/sponsors", desk.token("agency"), asked)["sponsor"])
    return str(made["sponsor",])


def roster_of(desk: Desk) -> str:
    """A file of people that waits for its check."""
    made = _MADE.setdefault(desk, {})
    if ("roster",) not in made:
        answer = desk.send("POST", f"/v1/{HERE}/sponsors/{sponsor_of(desk)}/rosters/{PRODUCT}", desk.token("agency"), content=roster_file(),
                           headers={"Idempotency-Key": f"thing-{number()}", "Content-Type": "text/csv"})
        assert answer.status_code == 201, answer.text
        made["roster",] = str(answer.json()["roster"])
    return str(made["roster",])


def roster_file() -> bytes:
    """A file of one person under a number that no other file has."""
    return f"姓名,证件号码,备注\n上官婉莹,990101198005061001,{number()}\n".encode()


def refund_of(desk: Desk, person: int) -> str:
    """A refund on its way to somebody; the policy goes on, so that others may have it."""
    made = _MADE.setdefault(desk, {})
    if ("refund", str(person)) not in made:
        order = _order_id(desk, person)
        id = 1_000_000 + order
        with connect_owner(desk.engine.url) as connection:
            connection.execute(f"INSERT INTO p_{HERE}.refund (id, request_id, at, order_id, position, source, fen, state)"  # noqa: S608
                               " VALUES (%s, %s, %s, %s, 1, 'cash', 100, 'sent')", [id, order, NOW, order])
        made["refund", str(person)] = refund_number(HERE, id)
    return str(made["refund", str(person)])


def repayment_of(desk: Desk) -> str:
    """A repayment that the agency has not answered yet."""
    made = _MADE.setdefault(desk, {})
    if ("repayment",) not in made:
        with connect_owner(desk.engine.url) as connection:
            connection.execute(f"INSERT INTO p_{HERE}.repayment VALUES (900, %s, 'anxin', 'B-0', 1, 100, 'told')", [NOW])  # noqa: S608
        made["repayment",] = "900"
    return str(made["repayment",])


def _order_id(desk: Desk, person: int) -> int:
    found = read_number(HERE, desk.order_of(person))
    assert found is not None, "an order has its number"
    return found[0]


def remittance_of(desk: Desk) -> dict[str, str]:
    """A batch that was listed for an account in force, and a change of that account that waits."""
    made = _MADE.setdefault(desk, {})
    if ("remittance",) not in made:
        desk.order_of(BUYER)
        clerk, second = (desk.token("agency", scopes=(scope, "decide_receiving_account", "call_back_insurer"))
                         for scope in ("register_receiving_account", "make_remittance"))
        new = {"bank": "某某银行", "holder": "安心（示例）", "number": "6222000000000000123", "phone": "0891-6330001"}
        first = _post(desk, "/insurers/anxin/receiving-accounts", clerk, new)["account"]
        _post(desk, f"/receiving-accounts/{first}/call-backs", second, {"number": new["phone"], "answer": "confirmed"})
        _post(desk, f"/receiving-accounts/{first}/decisions", second, {"approve": True})
        listed, waiting = _listed(desk, second), _post(desk, "/insurers/anxin/receiving-accounts", clerk, new)["account"]
        made["remittance",] = {"remittance": str(listed), "account": str(waiting)}
    found: dict[str, str] = made["remittance",]
    return found


def _listed(desk: Desk, who: str) -> int:
    """A batch, as if the delay of the account were over."""
    with connect_owner(desk.engine.url) as connection:
        connection.execute("SELECT set_config('search_path', %s, false)", [f"p_{HERE}"])
        connection.execute("UPDATE receiving_account SET decided_at = decided_at - interval '9 days', effective_at = decided_at")
    return int(_post(desk, "/remittances", who, {"product": PRODUCT})["remittance"])


def case_of(desk: Desk, order: str) -> str:
    """A case about account money of an order."""
    made = _MADE.setdefault(desk, {})
    if ("case", order) not in made:
        with connect_owner(desk.engine.url) as connection:
            connection.execute("SELECT set_config('search_path', %s, false)", [f"p_{HERE}"])
            row = connection.execute(
                "INSERT INTO open_case (at, kind, cause, product, remittance_id, transfer_id, order_id, position, fen)"
                " SELECT at, 'remittance', 'bank.failed', %s, 1, id, order_id, position, fen FROM transfer"
                " WHERE kind = 'premium-account' AND order_id = %s ORDER BY id LIMIT 1 RETURNING id", [PRODUCT, int(order.split("-")[1])]).fetchone()
        assert row is not None, "it was paid from an account"
        made["case", order] = str(row[0])
    found: str = made["case", order]
    return found


def asked(desk: Desk, operation: str, person: int = BUYER, hospital: str = HOSPITAL, *, is_own: bool = False) -> Any:
    """What an operation is asked of these things, as who names nobody else (`is_own`), or as who names them; bytes are no JSON."""
    message = bill(person) | {"hospital": hospital}
    return {
        "purchase": desk.wish(person),
        "check_identity": {"method": "sms", "proof": "passes"} | ({} if is_own else {"person": person}),
        "issue_credential": {"role": "bureau", "label": "x", "expires_at": "2027-01-01T00:00:00Z"},
        "notify_payment": {"order": desk.order_of(person), "fen": 1, "reference": "none"},
        "settle": message,
        "pre_settle": message | {"transaction": "2303"},
        "settle_file": b"\n".join(json.dumps(line).encode() for line in (message, reversal(number(), person), {"transaction": "9999"})),
        "confirm_settlement": {"deducted_fen": settlement_of(desk, person, hospital)[1]},
        "withdraw_settlement": {"basic_insurance": "not-settled"},
        "judge_settlement": {"preexisting": False, "reason": "三年内没有同类疾病"},
        "agree_to_payment": {"bank_account": "6222000000000000001"} | ({} if is_own else {"person": person}),
        "confirm_renewals": {"policies": [f"{desk.order_of(person)}-01"], "premium_fen": 18_800, "pay_with": "account",
                             "consent": desk.wish(person)["consent"], "identity_check": desk.checked(person)},
        "check_policy": {"policy": f"{desk.order_of(person)}-01", "insured": NAMES[person], "period_from": "2026-01-06"},
        "reconcile": {"day": "2026-03-10", "count": 0, "fen": 0},
        "propose_statement": {"hospital": hospital, "product": PRODUCT, "upto": "2026-12-31"},
        "answer_statement": {"agree": False},
        "register_sponsor": {"name": f"资助方{number()}（示例）", "kind": "employer"},
        "fund_sponsor": {"fen": 100, "reference": f"B{number()}"},
        "upload_roster": roster_file(),
        "confirm_roster": {"digest": "0" * 64},
        "steer_roster": {"step": "pause"},
        "change_detail": {"kind": "phone", "value": f"139{next(_PHONES):08d}", "reason": "换号"} | ({} if is_own else {"person": person}),
        "correct_fact": correction(desk, person, "1"),
        "give_mandate": mandate(desk, person, SPENT_TOO, is_own=is_own),
        "review_order": {"verdict": "reject", "reason": "other"},
        "review_list": {"orders": [desk.order_of(person)], "verdict": "approve"},
        "claim_reviews": {"orders": [desk.order_of(person)]},
        "amend_order": {"reason": "换人", "remove": person},
        "answer_endorsement": {"approve": False, "reason": "材料不符"},
        "surrender": {"refund_fen": 1},
        "repay": {"refunds": [refund_of(desk, person)], "fen": 100, "reference": "B-1"},
        "answer_repayment": {"received_fen": 1},
        "confirm_account_closed": {"reason": "closed", "document": "柳医保函〔2026〕12号"},
        "accept_refund": {"payee": "某人", "bank_account": "6222000000000000001"},
        "pay_refund": {"reference": "B-2", "acceptance": 1},
        "decide_channel_refund": {"outcome": "sent-back", "document": "支付渠道对账单"},
        "register_receiving_account": {"bank": "某某银行", "holder": "安心（示例）", "number": "6222000000000000999", "phone": "0891-6330002"},
        "call_back_insurer": {"number": "0891-6330001", "answer": "no-answer"},
        "decide_receiving_account": {"approve": False},
        "make_remittance": {"product": PRODUCT},
        "read_bank_return": b"record,entry,count,fen,result,reason\nline,1,,1,paid,\n",
        "confirm_remittance": {"count": 1, "fen": 1, "sm3": "0" * 64},
        "decide_remittance_case": {"how": "kept"},
        "prepay_hospital": {"hospital": hospital, "product": PRODUCT, "fen": 100},
    }.get(operation)
