"""The demonstration: every real message settled or refused with a reason, a year under every published plan."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from huibao.benefits import loading
from huibao.benefits.fold import Settlement
from huibao.benefits.history import SETTLED
from huibao.core.refusal import Refusal
from huibao.demo import run

SHARED = Path(__file__).parents[3] / "shared" / "interface" / "messages.json"

#: Each message under the plan of the demonstration: payment in fen, or the code of the refusal.
OUTCOMES = {"V1": 132603, "V1p": 221672, "V2": "reversal.original_unknown", "V3": 316, "V5": "message.not_a_settlement",
            "V5b": "message.not_a_settlement", "P1": "message.not_a_settlement", "D1": "message.not_a_settlement"}


@pytest.mark.skipif(not SHARED.exists(), reason="../shared is absent: the messages can't be compared with their source")
def test_messages_are_as_received() -> None:
    source = {m["id"]: (m["transaction"], m["message"]) for m in json.loads(SHARED.read_text("utf-8"))}
    ours = json.loads((Path(run.__file__).parent / "messages.json").read_text("utf-8"))
    assert {m["id"]: (m["transaction"], m["message"]) for m in ours} == source


@pytest.mark.clause("XJ-2.2")
def test_every_message_is_settled_or_refused() -> None:
    found: dict[str, int | str] = {}
    for message, outcome, _ in run.settle_messages(loading.builtin(run.MESSAGE_PLAN)):
        if isinstance(outcome, Refusal):
            found[message["id"]] = outcome.code
            assert outcome.zh
            assert outcome.en
        elif outcome.status == SETTLED:
            found[message["id"]] = sum(payment.pay for payment in outcome.posted)
        else:
            found[message["id"]] = outcome.status
    assert found == OUTCOMES


def test_the_hospital_share_that_absorbs_cost_over_the_limit() -> None:
    bills = {m["id"]: outcome for m, outcome, _ in run.settle_messages(loading.builtin(run.MESSAGE_PLAN))}
    entry = bills["V1"]
    assert not isinstance(entry, Refusal)
    assert isinstance(entry.event, Settlement)
    assert entry.event.parts[0].amounts == (0, 70344, 91465, 253397)
    assert sum(entry.event.parts[0].amounts) == entry.event.person_fen == 415206


@pytest.mark.parametrize("plan_id", loading.builtin_ids())
def test_a_year_settles_under_every_plan(plan_id: str) -> None:
    year = run.settle_year(loading.builtin(plan_id))
    paid = [sum(p.pay for p in entry.posted) for _, entry in year]
    assert len(year) == 9
    assert paid[4] == -paid[5]
    assert sum(paid) == sum(sum(p.pay for p in entry.target) for _, entry in year) + sum(
        entry.difference_fen for _, entry in year if entry.status == SETTLED)


def test_it_says_the_payment_and_why() -> None:
    console = Console(record=True, width=200)
    run.show(console)
    said = console.export_text()
    assert "合计赔付 1,326.03 元" in said
    assert said.count("✓") == len(loading.builtin_ids())
    assert "✗" not in said
