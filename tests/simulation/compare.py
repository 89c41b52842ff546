"""The database beside the reference, after every step: one statement reads what both know, and each difference is named."""

from datetime import datetime
from typing import Any, Final

from tests.simulation.model import Found
from tests.simulation.world import World

#: Everything that the reference knows too, and three sums that hold whatever it knows.
STANDS: Final = """
SELECT json_build_object(
    'accounts', (SELECT json_agg(json_build_array(owner_id, kind, credit_fen - debit_fen, held_fen) ORDER BY owner_id, kind)
                 FROM account WHERE owner_id IS NOT NULL),
    'years', (SELECT json_agg(json_build_array(person_id, year, spent_fen, held_fen) ORDER BY person_id, year)
              FROM account_year WHERE spent_fen > 0 OR held_fen > 0),
    'products', (SELECT json_agg(json_build_array(kind, product, credit_fen - debit_fen) ORDER BY kind, product)
                 FROM account WHERE kind IN ('clearing', 'income', 'claims') AND credit_fen <> debit_fen),
    'orders', (SELECT json_agg(json_build_array(id, state, CASE WHEN state = 'awaiting-payment' THEN EXTRACT(epoch FROM deadline)::bigint END) ORDER BY id)
               FROM orders),
    'mandates', (SELECT json_agg(json_build_array(id, principal_id, agent_id, 'pay' = ANY(may), valid_from, valid_to, revoked_at IS NOT NULL) ORDER BY id)
                 FROM mandate),
    'proposals', (SELECT json_agg(json_build_array(order_id, position, buyer_id, insured_id, product, premium_fen, ends_on, state, why,
                                                      remind_on, bought)
                                  ORDER BY order_id, position) FROM renewal),
    'entries', (SELECT json_agg(json_build_array(order_id, channel, credential, person_id, mandate_id, relation) ORDER BY order_id) FROM order_entry),
    'changes', (SELECT json_agg(json_build_array(id, order_id, kind, asked_by) ORDER BY id) FROM endorsement WHERE order_id IS NOT NULL),
    'policies', (SELECT json_agg(json_build_array(order_id, position, insured_id, state, period_from, period_to, ended_on)
                                 ORDER BY order_id, position) FROM policy),
    'settlements', (SELECT json_agg(json_build_array(setl_id, state, payee, pay_fen, posted, target, EXTRACT(epoch FROM deadline)::bigint,
                                                     EXTRACT(epoch FROM adjust_at)::bigint) ORDER BY setl_id)
                    FROM settlement s, LATERAL (SELECT sum(posted_fen) AS posted, sum(target_fen) AS target FROM payment p
                                                WHERE p.settlement_id = s.id) AS x),
    'sponsors', (SELECT json_agg(json_build_array(party, credit_fen - debit_fen, held_fen, credit_limit_fen) ORDER BY party)
                 FROM account WHERE kind = 'sponsor'),
    'rosters', (SELECT json_agg(json_build_array(id, state) ORDER BY id) FROM roster),
    'lines', (SELECT json_agg(json_build_array(roster_id, line, person_id, refused, order_id, premium_fen, replaces_order) ORDER BY roster_id, line)
              FROM roster_line WHERE roster_id IN (SELECT id FROM roster)),
    'statements', (SELECT json_agg(json_build_array(id, fen) ORDER BY id) FROM statement),
    'unbalanced', (SELECT sum(debit_fen) - sum(credit_fen) FROM account),
    'overdrawn', (SELECT count(*) FROM account WHERE NOT overdraft AND debit_fen + held_fen > credit_fen + COALESCE(credit_limit_fen, 0)),
    'undecided', (SELECT count(*) FROM request) - (SELECT count(*) FROM event))
"""


async def compare(world: World) -> None:
    """Raises `Found` where the database and the reference differ."""
    async with world.process.reading(world.city.code) as connection:
        row = await (await connection.execute(STANDS, prepare=True)).fetchone()
    assert row is not None
    found, expected = row[0], expectation(world)
    wrong = [difference(name, found[name] or [] if isinstance(value, list) else found[name], value) for name, value in expected.items()]
    if any(wrong):
        raise Found("；".join(filter(None, wrong)))


def difference(name: str, found: Any, expected: Any) -> str:
    """What differs under one name; empty where nothing does."""
    if found == expected:
        return ""
    if not isinstance(expected, list):
        return f"{name}: {found}, the reference {expected}"
    extra = [row for row in found if row not in expected]
    lacking = [row for row in expected if row not in found]
    return f"{name}: {extra[:5]}, the reference {lacking[:5]}"


def expectation(world: World) -> dict[str, Any]:
    """The same, as the reference has it."""
    model, care = world.model, world.care
    products = [["claims", product, fen] for product, fen in care.claims.items()]
    products += [["clearing", product, fen] for product, fen in model.clearing.items()]
    products += [["income", product, fen] for product, fen in model.income.items()]
    return {
        "accounts": [[one.id, kind, fen, one.held.get(kind, 0)] for one in model.people.values() for kind, fen in sorted(one.money.items())],
        "years": [[one.id, year, one.spent.get(year, 0), one.waiting.get(year, 0)] for one in model.people.values()
                  for year in sorted({*one.spent, *one.waiting}) if one.counted(year)],
        "products": sorted(row for row in products if row[2]),
        "orders": [[made.id, made.state, second(made.deadline) if made.state == "awaiting-payment" else None] for made in sorted(model.orders.values(), key=lambda made: made.id)],
        "mandates": [[one.id, one.principal, one.agent, "pay" in one.may, written(one.since), written(one.until), one.revoked]
                     for one in sorted(model.mandates.values(), key=lambda one: one.id)],
        "proposals": [[*key, one.buyer, one.insured, one.product, one.premium_fen, written(one.ends), one.state, one.why, written(one.remind_on), one.bought]
                      for key, one in sorted(model.proposals.items())],
        "entries": [[made.id, *made.entry] for made in sorted(model.orders.values(), key=lambda made: made.id) if made.entry],
        "changes": [[made.id, *made.endorses, made.hands[-1][0]] for made in sorted(model.orders.values(), key=lambda made: made.id) if made.endorses],
        "policies": [[made.id, position, cover.insured, cover.state, *map(written, (cover.since, cover.until, cover.ended))]
                     for made in sorted(model.orders.values(), key=lambda made: made.id) for position, cover in enumerate(made.covers, 1)],
        "settlements": [[bill.setl_id, bill.state, bill.payee, bill.pay_fen, bill.posted_fen, sum(pays.target for pays in bill.pays),
                         second(bill.deadline), second(bill.adjust_at)] for bill in sorted(care.bills.values(), key=lambda bill: bill.setl_id)],
        "statements": [[one.id, one.fen] for one in sorted(care.statements.values(), key=lambda one: one.id)],
        "sponsors": [[name, one.balance_fen, one.held_fen, one.credit_fen] for name, one in sorted(model.payers.items())],
        "rosters": [[id, one.state] for id, one in sorted(world.rosters.rosters.items())],
        "lines": [[id, line, entry.person, entry.refused, entry.order, one.good.premium_fen if entry.order else None, entry.replaces]
                  for id, one in sorted(world.rosters.rosters.items()) for line, entry in sorted(one.entries.items())],
        "unbalanced": 0, "overdrawn": 0, "undecided": 0,
    }


def second(at: datetime | None) -> int | None:
    """Whole seconds; the clock here knows no shorter."""
    return int(at.timestamp()) if at is not None else None


def written(on: Any) -> str | None:
    return on.isoformat() if on is not None else None
