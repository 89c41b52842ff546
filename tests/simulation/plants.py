"""Faults as somebody could have written them into the product: the simulation finds every one.

What only shows when two lanes run at the same moment (a lock that is forgotten) is not among them: one process runs here at a
time, and `tests/settlement/test_concurrency.py`, `tests/journeys/test_double_spend.py` keep those.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Final

import pytest

from huibao.app.caretaker import Caretaker
from huibao.app.claims import Claims
from huibao.catalogue.model import Offer
from huibao.enrolment import entries, orders, own
from huibao.enrolment.model import Reviewing
from huibao.gateways.bank import PayoutBank
from huibao.gateways.hospital import HospitalDesk, HospitalUnreachable
from huibao.ledger.books import Books
from huibao.mandates import granting
from huibao.payables import statements
from huibao.record import batch
from huibao.refunds import surrender
from huibao.remittance import batches, returns
from huibao.remittance.state import Due
from huibao.renewal import proposals
from huibao.settlement import confirm, correct, covers, folding, money
from huibao.sponsored import rosters, runs

Plant = Callable[[pytest.MonkeyPatch], None]
_NUMBER: Final = iter(range(10**9))


def a_transfer_is_lost(patch: pytest.MonkeyPatch) -> None:
    """Cash of an odd number of fen is taken and not booked."""
    transfer = Books.transfer

    def forgetful(self: Books, kind: str, debit: Any, credit: Any, fen: int, **of: Any) -> None:
        if not (kind == "premium-cash" and fen % 2):
            transfer(self, kind, debit, credit, fen, **of)

    patch.setattr(Books, "transfer", forgetful)


def odd_fen_are_cut(patch: pytest.MonkeyPatch) -> None:
    """An offer that is owed loses its odd fen."""
    post = money.post

    def cut(state: Any, taken: Any, paying: Any, fen: int, payee: str | None = None) -> None:
        post(state, taken, paying, fen - fen % 2 if fen > 0 else fen, payee)

    patch.setattr(money, "post", cut)


def survivors_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    """A reversal takes the settlement back and folds nothing again."""
    patch.setattr(folding, "fold_again", lambda *_: False)


def confirmed_twice_is_owed_twice(patch: pytest.MonkeyPatch) -> None:
    """A confirmation that comes again has its effect again."""
    becomes_due = confirm.confirm

    def again(state: Any, command: Any, at: Any) -> Any:
        taken = state.by_id.get(command.settlement)
        if taken is not None and taken.state == "confirmed" and taken.payee == "hospital":
            taken.state = "offered"
        return becomes_due(state, command, at)

    patch.setattr("huibao.settlement.work.confirm", again)


def holds_count_for_nothing(patch: pytest.MonkeyPatch) -> None:
    """The limit year forgets what is set aside."""
    def spent_only(self: Books, person: int, year: int) -> int:
        counted = self._years.get((person, year))
        return counted.spent_fen if counted else 0

    patch.setattr(Books, "paid_fen", spent_only)


def given_up_keeps_its_hold(patch: pytest.MonkeyPatch) -> None:
    """The money of an order's first policy stays set aside, whatever becomes of it."""
    holds = Books.holds
    patch.setattr(Books, "holds", lambda self, order: holds(self, order)[1:])


def cover_begins_today(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Offer, "cover_from", lambda self, on: max(self.plan.valid_from, on))


def deadlines_pass_a_second_late(patch: pytest.MonkeyPatch) -> None:
    """A payment counts a minute beyond its time."""
    patch.setattr(orders, "TIME_TO_PAY", timedelta(minutes=31))


def each_notice_is_a_payment(patch: pytest.MonkeyPatch) -> None:
    """The key of a payment is its notice's and not its own: heard twice, it goes back once."""
    paid = own.paid
    patch.setattr(own, "paid", lambda *given: paid(*given)._replace(key=f"paid:{next(_NUMBER)}"))


def refunds_are_recorded_first(patch: pytest.MonkeyPatch) -> None:
    """A payment that was not taken is written down as sent back, and then the process dies, or the channel is silent."""
    async def on_paper(self: Caretaker, connection: Any, programme: Any) -> None:
        async with connection.transaction():
            await connection.execute("SELECT set_config('search_path', %s, true)", [programme.schema])
            await connection.execute("INSERT INTO payment_return SELECT seq, at FROM event WHERE kind = 'payment' AND outcome <> 'done' ON CONFLICT DO NOTHING")

    patch.setattr(Caretaker, "send_back", on_paper)


def silence_is_a_no(patch: pytest.MonkeyPatch) -> None:
    """A hospital that does not answer is taken to have deducted nothing."""
    ask = HospitalDesk.ask

    async def assuming(self: HospitalDesk, programme: str, setl_id: str) -> Any:
        try:
            return await ask(self, programme, setl_id)
        except HospitalUnreachable:
            return "not-deducted"

    patch.setattr(HospitalDesk, "ask", assuming)


def each_try_is_a_payout(patch: pytest.MonkeyPatch) -> None:
    """The bank is told again under a new reference where it did not answer."""
    pay = PayoutBank.pay

    async def anew(self: PayoutBank, payout: Any) -> None:
        object.__setattr__(payout, "reference", f"{payout.reference}-{next(_NUMBER)}")
        await pay(self, payout)

    patch.setattr(PayoutBank, "pay", anew)


def disputes_release_nothing(patch: pytest.MonkeyPatch) -> None:
    """What a disputed statement listed stands in no other."""
    answer = statements.answer

    def kept(state: Any, command: Any) -> Any:
        found = answer(state, command)
        state.released.clear()
        return found

    patch.setattr("huibao.payables.work.statements.answer", kept)


def keys_are_not_kept(patch: pytest.MonkeyPatch) -> None:
    """A key that was used with another body is answered as if it had been this one."""
    patch.setattr(batch, "_USED", None)
    patch.setattr(batch, "_answer", lambda item, fresh, body, kept: fresh or kept)  # noqa: ARG005


def waits_never_end(patch: pytest.MonkeyPatch) -> None:
    """Nobody puts right what followed a reversal."""
    async def nothing(*_: object) -> None:
        return

    patch.setattr(Claims, "put_right", nothing)


def listed_money_is_reversed(patch: pytest.MonkeyPatch) -> None:
    """The agency takes back at once what a batch to the insurer has listed."""
    settle = surrender.settle_account_money

    def unasked(state: Any, held: Any, refund: Any) -> Any:
        held.parts = [replace(part, remitted="unlisted") if part.remitted == "listed" else part for part in held.parts]
        return settle(state, held, refund)

    patch.setattr(surrender, "settle_account_money", unasked)


def odd_sums_are_never_due(patch: pytest.MonkeyPatch) -> None:
    """Whoever asks for a batch is told that nothing waits, while something does."""
    left = batches._left
    patch.setattr(batches, "_left", lambda due, taken: left(due, taken) if sum(due.fen) % 2 == 0 else Due([], [], []))


def the_limit_year_is_always_given_back(patch: pytest.MonkeyPatch) -> None:
    """Also what was undone after the cover began may be spent again in the year."""
    patch.setattr(surrender, "is_whole", lambda *_: True)


def one_pair_of_eyes(patch: pytest.MonkeyPatch) -> None:
    """An application that two people should review is done with the first."""
    patch.setattr(orders, "Reviewing", lambda *of: replace(Reviewing(*of), reviewers=1))


def revoked_mandates_go_on(patch: pytest.MonkeyPatch) -> None:
    """Who revokes a mandate is told so, and nothing is written down."""
    revoke = granting.revoke

    def told_only(state: Any, command: Any, at: Any) -> Any:
        found = revoke(state, command, at)
        state.revoked.clear()
        return found

    patch.setattr("huibao.mandates.work.revoke", told_only)


def kin_pay_from_the_account(patch: pytest.MonkeyPatch) -> None:
    """Whoever may order in cash spends the buyer's account, too."""
    account = entries._account

    def lent(state: Any, rule: Any, mandates: Any, relation: Any) -> Any:
        return entries.Authority(None, relation) if relation in rule.relatives else account(state, rule, mandates, relation)

    patch.setattr(entries, "_account", lent)


def changed_is_entered_anew(patch: pytest.MonkeyPatch) -> None:
    """Who entered an order may review the one that stands in its place since a colleague changed it."""
    take_up = orders.take_up

    def forgetful(state: Any, order: int, *of: Any) -> Any:
        state.hands.pop(order, None)
        return take_up(state, order, *of)

    patch.setattr(orders, "take_up", forgetful)


def corrections_leave_what_was_paid(patch: pytest.MonkeyPatch) -> None:
    """A fact is another, and what was paid before is not folded again with it."""
    patch.setattr(correct, "fold_again", lambda *_: False)


def corrections_reach_every_visit(patch: pytest.MonkeyPatch) -> None:
    """Also who was admitted before the day of a correction is paid by it."""
    facts_on = covers.facts_on
    patch.setattr(covers, "facts_on", lambda cover, _: facts_on(cover, date.max))


def the_rest_of_a_file_is_left(patch: pytest.MonkeyPatch) -> None:
    """A total that counts all that the bank's file does not name is read, and what it does not name waits."""
    patch.setattr(returns, "_rest", lambda *_: None)


def insured_already_are_asked(patch: pytest.MonkeyPatch) -> None:
    """Who has bought the next year is asked whether they want it."""
    patch.setattr(proposals, "_bar", lambda *_: None)


def files_are_believed(patch: pytest.MonkeyPatch) -> None:
    """Whoever a sponsor's file says is in hardship is."""
    patch.setattr(runs, "entitled", lambda *_: None)


def what_a_file_did_not_cost_stays_set_aside(patch: pytest.MonkeyPatch) -> None:
    """A run that is over or given up keeps the sponsor's money that was set aside for it."""
    patch.setattr(rosters, "_release", lambda *_: None)


PLANTS: Final[tuple[Plant, ...]] = (
    a_transfer_is_lost, odd_fen_are_cut, survivors_are_forgotten, confirmed_twice_is_owed_twice, holds_count_for_nothing, given_up_keeps_its_hold,
    cover_begins_today, deadlines_pass_a_second_late, each_notice_is_a_payment, refunds_are_recorded_first, silence_is_a_no, each_try_is_a_payout,
    disputes_release_nothing, keys_are_not_kept, waits_never_end, listed_money_is_reversed, odd_sums_are_never_due,
    the_limit_year_is_always_given_back, one_pair_of_eyes, revoked_mandates_go_on, kin_pay_from_the_account,
    changed_is_entered_anew, corrections_leave_what_was_paid, corrections_reach_every_visit,
    the_rest_of_a_file_is_left, insured_already_are_asked, files_are_believed, what_a_file_did_not_cost_stays_set_aside)
