"""What a batch of the desk did, written set-wise."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from huibao.db.arrays import Byteas, Column, Dates, Int8s, Texts, Times
from huibao.db.wire import Wire
from huibao.members import notices
from huibao.settlement import accumulators
from huibao.settlement.loading import SQL
from huibao.settlement.model import Paying, Scope, Taken
from huibao.settlement.state import FIGURES, State

_ENCODER: Final = msgspec.json.Encoder()


def write(wire: Wire, state: State, at: datetime) -> None:
    """Queues everything but the rows that every batch wants."""
    made = state.made
    if made.settlements:
        wire.ask(SQL["insert_settlements"], {"at": at, **_settlements(made.settlements)})
        paying = [(taken.id, one) for taken in made.settlements for one in taken.paying]
        wire.ask(SQL["insert_payments"], {**_payments(paying), **_decided(paying)})
    if made.moved or made.judged:
        _move_settlements(wire, state)
    if made.corrected:
        covers = list(made.corrected.values())
        wire.ask(SQL["correct_facts"], {
            "orders": Int8s([c.order for c in covers]), "positions": Int8s([c.position for c in covers]),
            "facts": Texts([_ENCODER.encode(c.facts).decode() for c in covers])})
    if made.paid:
        wire.ask(SQL["move_payments"], _payments(list(made.paid.values())))
    for statement, scopes in (("insert_accumulators", made.used - state.stored), ("move_accumulators", made.used & state.stored)):
        if scopes:
            wire.ask(SQL[statement], _used(state, sorted(scopes, key=lambda scope: (scope.whose, scope.product))))
    _cases(wire, state, at)
    _reversals(wire, state, at)
    _for_people(wire, state, at)
    state.books.write(wire, at)


def write_hot(wire: Wire, state: State, at: datetime) -> None:
    """Queues what every batch wants to move: accounts of products and pool totals."""
    state.books.write_hot(wire)
    state.pool.write(wire, at)


def _settlements(taken: Sequence[Taken]) -> dict[str, Column]:
    return {
        "ids": Int8s([t.id for t in taken]),
        "setl_ids": Texts([t.setl_id for t in taken]),
        "people": Int8s([t.person for t in taken]),
        "hospitals": Texts([t.hospital for t in taken]),
        "visits": Texts([t.mdtrt_id for t in taken]),
        "ways": Texts([t.way for t in taken]),
        "settled": Dates([t.settled_on for t in taken]),
        "admitted": Dates([t.admitted_on for t in taken]),
        "medfees": Int8s([t.medfee_fen for t in taken]),
        "person_parts": Int8s([t.person_fen for t in taken]),
        "pays": Int8s([t.pay_fen for t in taken]),
        "payees": Texts([t.payee for t in taken]),
        "states": Texts([t.state for t in taken]),
        "deadlines": Times([t.deadline for t in taken]),
        "adjusting": Times([t.adjust_at for t in taken]),
    }


def _payments(paying: Sequence[tuple[int, Paying]]) -> dict[str, Column]:
    """What moves on of payments, with whose they are."""
    return {
        "settlements": Int8s([settlement for settlement, _ in paying]),
        "orders": Int8s([one.cover.order for _, one in paying]),
        "positions": Int8s([one.cover.position for _, one in paying]),
        "posted": Int8s([one.posted_fen for _, one in paying]),
        "target_fen": Int8s([one.target_fen for _, one in paying]),
        "targets": Texts([_listed([payment.pay for payment in one.target]) for _, one in paying]),
    }


def _decided(paying: Sequence[tuple[int, Paying]]) -> dict[str, Column]:
    """What stays of payments as it was decided."""
    return {
        "products": Texts([one.cover.product for _, one in paying]),
        "shares": Int8s([one.cover.share for _, one in paying]),
        "pays": Int8s([one.pay_fen for _, one in paying]),
        "figures": Texts([_listed([getattr(payment, name) for payment in one.payments for name in FIGURES]) for _, one in paying]),
    }


def _listed(figures: Sequence[int]) -> str:
    return ",".join(map(str, figures))


def _used(state: State, scopes: Sequence[Scope]) -> dict[str, Column]:
    return {
        "whose": Int8s([scope.whose for scope in scopes]),
        "products": Texts([scope.product for scope in scopes]),
        "used": Texts([accumulators.written(state.used.get(scope, {})) for scope in scopes]),
    }


def _move_settlements(wire: Wire, state: State) -> None:
    judged = state.made.judged
    moved = [taken for taken in state.by_id.values() if taken.id in state.made.moved or taken.id in judged]
    wire.ask(SQL["move_settlements"], {
        "ids": Int8s([t.id for t in moved]),
        "states": Texts([t.state for t in moved]),
        "payees": Texts([t.payee for t in moved]),
        "deadlines": Times([t.deadline for t in moved]),
        "adjusting": Times([t.adjust_at for t in moved]),
        "judged": Byteas([judged.get(t.id) for t in moved]),
    })


def _reversals(wire: Wire, state: State, at: datetime) -> None:
    if new := state.made.reversals:
        wire.ask(SQL["insert_reversals"], {
            "at": at, "ids": Int8s([r.id for r in new]), "setl_ids": Texts([r.setl_id for r in new]),
            "originals": Texts([r.reverses for r in new]), "hospitals": Texts([r.hospital for r in new]),
            "settlements": Int8s([r.settlement for r in new]), "states": Texts([r.state for r in new])})
    if met := state.made.met:
        wire.ask(SQL["move_reversals"], {
            "ids": Int8s([r.id for r in met]), "settlements": Int8s([r.settlement for r in met]), "states": Texts([r.state for r in met])})
        wire.ask(SQL["close_parked"], {"at": at, "setl_ids": Texts([r.setl_id for r in met])})


def _cases(wire: Wire, state: State, at: datetime) -> None:
    if new := state.made.cases:
        wire.ask(SQL["insert_cases"], {
            "at": at, "kinds": Texts([c.kind for c in new]), "causes": Texts([c.cause for c in new]),
            "settlements": Int8s([c.settlement for c in new]), "setl_ids": Texts([c.setl_id for c in new]),
            "orders": Int8s([c.order for c in new]), "positions": Int8s([c.position for c in new]),
            "hospitals": Texts([c.hospital for c in new]), "fen": Int8s([c.fen for c in new]), "due": Dates([c.due_on for c in new])})
    if closed := state.made.closed:
        wire.ask(SQL["close_cases"], {
            "at": at, "ids": Int8s([id for id, _ in closed]), "outcomes": Texts([outcome for _, outcome in closed])})
    if changed := state.made.changed:
        wire.ask(SQL["change_cases"], {"ids": Int8s([c.id for c in changed]), "fen": Int8s([c.fen for c in changed])})


def _for_people(wire: Wire, state: State, at: datetime) -> None:
    if state.made.cancelled:
        wire.ask(SQL["cancel_payouts"], {"at": at, "ids": Int8s(state.made.cancelled)})
    if new := state.made.payouts:
        wire.ask(SQL["insert_payouts"], {
            "at": at, "products": Texts([p.product for p in new]), "people": Int8s([p.person for p in new]),
            "settlements": Int8s([p.settlement for p in new]), "fen": Int8s([p.fen for p in new]), "due": Dates([p.due_on for p in new]),
            "states": Texts([p.state for p in new])})
    if agreements := list(state.made.agreements.values()):
        people = Int8s([a.person for a in agreements])
        given = [a for a in agreements if a.account is not None]
        wire.ask(SQL["end_agreements"], {"at": at, "people": people})
        wire.ask(SQL["close_bank_accounts"], {"at": at, "people": people})
        wire.ask(SQL["insert_agreements"], {
            "at": at, "people": Int8s([a.person for a in given]), "credentials": Int8s([a.credential for a in given])})
        wire.ask(SQL["insert_bank_accounts"], {
            "at": at, "people": Int8s([a.person for a in given]), "sealed": Byteas([a.account for a in given])})
    notices.write(wire, state.made.notices, at)
