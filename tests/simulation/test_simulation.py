"""Fifty seeds of two hundred steps: nothing is found, every action had every outcome it should have, and a seed is itself again."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import pytest

from tests.simulation.actions import ACTIONS
from tests.simulation.running import Report, run, run_all, shortest, side_by_side, table

SEEDS: Final = range(50)

#: What each command must have met at least once over all seeds; beside it, some were asked again and under a used key.
#: Nothing is what may be rare.
OUTCOMES: Final = {
    "enrolment.Buy": "done policy.already_insured payer.not_enrolled payer.status_not_normal insured.status_not_normal relation.not_allowed"
           " join.not_provided join.status_not_normal account.balance_below_minimum account.insufficient buyer.minor"
           " buyer.unknown person.died consent.terms_changed identity.not_verified identity.expired order.insured_count order.insured_twice"
           " product.unknown product.not_on_sale"
           " mandate.none mandate.account_closed mandate.account_not_given agent.unknown agent.minor renewal.unknown renewal.quote_changed",
    "enrolment.Amend": "done order.captured order.not_waiting order.unknown order.insured_twice order.insured_unknown order.nobody_left"
           " policy.already_insured account.insufficient",
    "mandates.Authorise": "done identity.expired mandate.to_oneself mandate.principal_unknown mandate.principal_minor mandate.agent_unfit mandate.pay_alone"
           " mandate.account_closed mandate.term_wrong mandate.term_too_long mandate.given_already",
    "mandates.Revoke": "done mandate.unknown mandate.revoked_already",
    "enrolment.Paid": "done payment.not_awaited",
    "enrolment.Release": "done order.not_waiting order.unknown",
    "enrolment.Review": "done review.not_waiting review.own_entry review.same_reviewer",
    "enrolment.Escalate": "done",
    "enrolment.Unreviewed": "done",
    "settlement.Settle": "done settlement.not_insured settlement.not_in_force settlement.not_agreed settlement.field_unreadable settlement.person_unknown"
              " settlement.no_desk settlement.differs settlement.taken_back settlement.person_part_differs",
    "settlement.Confirm": "done settlement.not_offered settlement.unknown",
    "settlement.Withdraw": "done settlement.not_offered",
    "settlement.Reverse": "done reversal.already_reversed settlement.unknown",
    "settlement.Adjust": "done",
    "settlement.Agree": "done",
    "endorsements.Change": "done endorsement.no_change endorsement.value_unreadable endorsement.by_agency person.unknown",
    "endorsements.Correct": "done endorsement.no_change endorsement.value_unreadable endorsement.evidence_needed endorsement.by_agency"
                            " endorsement.settlement_ended endorsement.loss_not_backwards settlement.unknown person.unknown",
    "endorsements.Answer": "done endorsement.four_eyes endorsement.not_waiting endorsement.by_agency",
    "endorsements.Expire": "done",
    "reconciliation.Reconcile": "done",
    "remittance.Register": "done",
    "remittance.CallBack": "done receiving.same_person",
    "remittance.Decide": "done receiving.same_person receiving.not_called",
    "remittance.Make": "done remittance.nothing_due remittance.no_account",
    "remittance.Sent": "done",
    "remittance.BankPaid": "done",
    "remittance.BankReturned": "done",
    "remittance.ReadBack": "done remittance.unknown remittance.not_sent return.totals_differ",
    "remittance.Acknowledge": "done remittance.not_answered remittance.unknown",
    "refunds.Surrender": "done surrender.already surrender.quote_differs surrender.settlement_open"
                         " surrender.order_waits surrender.benefit_paid",
    "refunds.Resolve": "",
    "refunds.CashArrived": "done",
    "refunds.CashDeclined": "",
    "refunds.Repay": "",
    "refunds.AnswerRepayment": "",
    "renewal.Propose": "done",
    "renewal.Remind": "done",
    "renewal.Decline": "done renewal.unknown",
    "sponsored.Register": "done sponsor.known",
    "sponsored.Fund": "done sponsor.not_registered sponsor.payment_known",
    "sponsored.Receive": "done sponsor.not_registered roster.product_unknown roster.same_file",
    "sponsored.Checked": "done",
    "sponsored.Confirm": "done roster.unknown roster.not_waiting roster.same_person roster.digest_differs roster.nobody_accepted sponsor.insufficient",
    "sponsored.Steer": "done roster.not_waiting",
    "sponsored.Finished": "done",
    "payables.Propose": "done statement.nothing_due payable.hospital_unknown",
    "payables.Answer": "done statement.answered",
    "payables.Prepay": "done",
    "payables.Call": "done payable.product_unknown",
    "payables.Sent": "done",
    "payables.PaidOut": "done",
    "payables.CameBack": "done",
    "payables.Reissue": "done payout.not_waiting",
    "payables.Received": "done",
}


@pytest.fixture(scope="module")
def lived(urls: list[str]) -> Iterator[Callable[[Sequence[int]], list[Report]]]:
    """Runs seeds that have not been run yet, and tells of all that are asked for."""
    known: dict[int, Report] = {}

    def live(seeds: Sequence[int]) -> list[Report]:
        new = [seed for seed in seeds if seed not in known]
        known.update((report.seed, report) for report in (run_all(processes, urls, new) if new else ()))
        return [known[seed] for seed in seeds]

    with side_by_side(urls) as processes:
        yield live


Lived = Callable[[Sequence[int]], list[Report]]


@pytest.mark.parametrize("first", SEEDS[::10])
def test_nothing_is_found(lived: Lived, urls: list[str], first: int) -> None:
    """A seed that fails is run again to its shortest prefix, and says how to run that."""
    failing = [shortest(urls[0], report) for report in lived(range(first, first + 10)) if report.failure is not None][:1]
    assert [(f"python -m tests.simulation --seed {one.seed} --steps {one.steps} --trace", one.failure) for one in failing] == []


def test_every_action_meets_every_outcome(lived: Lived) -> None:
    reports = lived(SEEDS)
    counts: Counter[tuple[str, str]] = sum((report.counts for report in reports), Counter())
    lacking = [(kind, outcome) for kind, outcomes in OUTCOMES.items() for outcome in outcomes.split() if not counts[kind, outcome]]
    assert lacking == [], table(reports)
    assert {kind for kind, _ in counts} <= set(OUTCOMES), "a command that the table does not know"


def test_weather_and_deaths_come(lived: Lived) -> None:
    reports = lived(SEEDS)
    befell: Counter[str] = sum((report.befell for report in reports), Counter())
    assert set(befell) == {"lost", "unanswered", "twice", "failed"}
    assert sum(report.deaths for report in reports) >= len(SEEDS)
    assert {action.name for action in ACTIONS} == {name for report in reports for name in report.acted}


def test_a_seed_is_itself_again(urls: list[str]) -> None:
    """Command by command, answer by answer, death by death."""
    once, again = (run(urls[0], 8, 80) for _ in range(2))
    assert once.trace == again.trace
    assert once.trace != run(urls[0], 10, 80).trace


@pytest.mark.long
@pytest.mark.parametrize("first", range(1_000, 21_000, 200))
def test_nothing_is_found_for_long(lived: Lived, urls: list[str], first: int) -> None:
    failing = [shortest(urls[0], report) for report in lived(range(first, first + 200)) if report.failure is not None][:1]
    assert [(one.seed, one.steps, one.failure) for one in failing] == []
