"""What the database has of a ward's settlements against the model of `histories`: every row, every accumulator, every fen of the books."""

from collections import Counter, defaultdict

from huibao.benefits.fold import Key, Settlement, settle
from tests.books import rows
from tests.settlement.histories import Whose, World, total


def same_as_stored(world: World) -> None:
    """Everything that is stored about settlements is as the model has it."""
    everything = sorted(world.by_id.values(), key=lambda one: one.id)
    assert rows(world.city, "SELECT id, setl_id, state, payee, pay_fen, adjust_at FROM settlement ORDER BY id") == [
        (one.id, one.setl_id, one.state, one.payee, one.pay, one.adjust_at) for one in everything]
    paid = sorted((one.id, pays.policy.order, pays.policy.position, pays.offered, pays.posted, pays.target, [p.pay for p in pays.entry.target])
                  for one in everything for pays in one.pays)
    assert rows(world.city, "SELECT settlement_id, order_id, position, pay_fen, posted_fen, target_fen, targets FROM payment"
                           " ORDER BY 1, 2, 3") == paid
    assert stored_accumulators(world) == refolded(world) == {
        whose: used for whose, fold in world.folds.items() if (used := {key: fen for key, fen in fold.used.items() if fen})}
    posted, to_person = sum(one.posted for one in everything), sum(pays.to_person for one in everything for pays in one.pays)
    balances = Counter(dict(rows(world.city, "SELECT kind, sum(credit_fen - debit_fen)::bigint FROM account GROUP BY kind")))
    assert (balances["claims"], balances["claimant"], balances["hospital"]) == (posted, -to_person, to_person - posted)
    assert rows(world.city, "SELECT coalesce(sum(fen), 0)::bigint FROM payout WHERE state = 'due'") == [(to_person,)]
    streams = Counter(dict(rows(world.city, "SELECT stream, sum(fen)::bigint FROM pool_total GROUP BY stream")))
    assert streams["claim"] - streams["claim-returned"] == posted
    cases = [("less-due", one.setl_id, pays.less_due) for one in everything for pays in one.pays if pays.less_due]
    assert rows(world.city, "SELECT kind, setl_id, fen FROM open_case WHERE closed_at IS NULL AND kind = 'less-due' ORDER BY 2, 3") == sorted(cases)
    provisional = sorted(one.setl_id for one in everything if one.provisional)
    assert rows(world.city, "SELECT DISTINCT setl_id FROM open_case WHERE closed_at IS NULL AND kind = 'preexisting' ORDER BY 1") == [
        (setl_id,) for setl_id in provisional]


def stored_accumulators(world: World) -> dict[Whose, dict[Key, int]]:
    return {(product, whose): {(letter, place, who, what): fen for letter, place, who, what, fen in used} for product, whose, used in rows(
        world.city, "SELECT product, whose, used FROM accumulator") if used}


def refolded(world: World) -> dict[Whose, dict[Key, int]]:
    """A fresh fold of the survivors in their order of acceptance, bounded as every payment is."""
    used: defaultdict[Whose, dict[Key, int]] = defaultdict(dict)
    counted: Counter[tuple[Whose, int, str, str]] = Counter()
    most: dict[tuple[Whose, int, str, str], int] = {}
    for one in world.standing:
        left = -1
        for pays in one.pays:
            event, fold = pays.entry.event, world.folds[pays.policy.whose]
            assert isinstance(event, Settlement)
            left = event.left_fen if left < 0 else left
            payments, moved_ = settle(fold.plan, used[pays.policy.whose], event)
            used[pays.policy.whose].update(moved_)
            assert payments == tuple(payment._replace(steps=()) for payment in pays.entry.target)
            assert 0 <= total(payments) <= left, one
            assert all(0 <= p.pay <= p.payable <= p.base and p.covered + p.deductible <= p.base for p in payments)
            left -= total(payments)
            for n, cap in enumerate(fold.plan.plan.caps):
                if cap.per in ("year", "visit"):
                    key = (pays.policy.whose, n, "" if cap.scope == "household" else event.psn_no, event.mdtrt_id if cap.per == "visit" else "")
                    counted[key] += sum(payments[b].pay for b in cap.benefits)
                    most[key] = event.parts[0].terms.caps[n]
    assert {key: fen for key, fen in counted.items() if fen > most[key]} == {}
    return {whose: kept for whose, found in used.items() if (kept := {key: fen for key, fen in found.items() if fen})}
