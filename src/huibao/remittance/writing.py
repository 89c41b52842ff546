"""What a batch of remittance commands writes, set by set."""

from datetime import datetime
from typing import Final

from huibao.db import sqlfile
from huibao.db.arrays import Byteas, Dates, Int8s, Texts, Times
from huibao.db.wire import Wire
from huibao.remittance.state import Listed, Move, State

SQL: Final = sqlfile.load("huibao.remittance")


def write(wire: Wire, state: State, at: datetime) -> None:
    """Queues everything but the movements of money."""
    _write_accounts(wire, state, at)
    for listed in state.listed:
        _write_listed(wire, listed, at)
    if runs := state.new_runs:
        wire.ask(SQL["insert_runs"], {
            "at": at, "products": Texts([r.product for r in runs]), "days": Dates([r.due_on for r in runs]),
            "outcomes": Texts([r.outcome for r in runs]), "remittances": Int8s([r.remittance for r in runs])})
    for move in state.moves:
        _write_move(wire, move, at)
    if moved := list(state.moved.values()):
        wire.ask(SQL["move_batches"], {
            "at": at, "ids": Int8s([b.id for b in moved]), "states": Texts([b.state for b in moved]),
            "confirmed_at": Times([b.confirmed_at for b in moved]), "confirmed_fen": Int8s([b.confirmed_fen for b in moved])})
    _write_cases(wire, state, at)


def _write_accounts(wire: Wire, state: State, at: datetime) -> None:
    if new := state.new_accounts:
        wire.ask(SQL["insert_accounts"], {
            "at": at, "ids": Int8s([a.id for a in new]), "insurers": Texts([a.insurer for a in new]), "banks": Texts([a.bank for a in new]),
            "holders": Texts([a.holder for a in new]), "tails": Texts([a.tail for a in new]), "wrapped": Byteas([a.wrapped for a in new]),
            "numbers": Byteas([a.number for a in new]), "phones": Byteas([a.phone for a in new]),
            "proposed_by": Int8s([a.proposed_by for a in new])})
    if decided := state.decided_accounts:
        wire.ask(SQL["decide_accounts"], {
            "at": at, "ids": Int8s([a.id for a in decided]), "states": Texts([a.state for a in decided]),
            "decided_by": Int8s([a.decided_by for a in decided]), "effective": Times([a.effective_at for a in decided])})
    if calls := state.new_calls:
        wire.ask(SQL["insert_calls"], {
            "at": at, "ids": Int8s([c.id for c in calls]), "accounts": Int8s([c.account for c in calls]),
            "numbers_of": Int8s([c.number_of for c in calls]), "called_by": Int8s([c.called_by for c in calls]),
            "answers": Texts([c.answer for c in calls])})


def _write_listed(wire: Wire, listed: Listed, at: datetime) -> None:
    batch, due = listed.batch, listed.due
    wire.ask(SQL["insert_batch"], {
        "id": batch.id, "at": at, "product": batch.product, "insurer": batch.insurer, "account": batch.account, "until": batch.until,
        "count": batch.count, "fen": batch.fen, "state": "listed" if due.transfers else "answered"})
    if due.transfers:
        wire.ask(SQL["insert_lines"], {"remittance": batch.id, "transfers": Int8s(due.transfers), "fen": Int8s(due.fen)})
        wire.ask(SQL["close_listed"], {"at": at, "product": batch.product, "transfers": Int8s(due.transfers)})
    wire.ask(SQL["close_reversed"], {"at": at, "product": batch.product})
    if due.not_open:
        wire.ask(SQL["insert_not_open"], {
            "remittance": batch.id, "transfers": Int8s([transfer for transfer, _, _ in due.not_open]),
            "fen": Int8s([fen for _, fen, _ in due.not_open]), "reasons": Texts([reason for _, _, reason in due.not_open])})


def _write_move(wire: Wire, move: Move, at: datetime) -> None:
    given = {"at": at, "remittance": move.remittance, "since": move.since, "to": move.to, "reason": move.reason or ""}
    if move.transfers is None:
        wire.ask(SQL["move_all"], given)
    else:
        wire.ask(SQL["move_lines"], {**given, "transfers": Int8s(move.transfers)})


def _write_cases(wire: Wire, state: State, at: datetime) -> None:
    if settled := state.settled:
        wire.ask(SQL["settle_cases"], {
            "at": at, "remittances": Int8s([id for id, _, _ in settled]), "causes": Texts([cause for _, cause, _ in settled]),
            "outcomes": Texts([outcome for _, _, outcome in settled])})
    if resolved := list(state.resolved.values()):
        wire.ask(SQL["resolve_cases"], {
            "at": at, "ids": Int8s([c.id for c in resolved]), "outcomes": Texts([c.outcome for c in resolved])})
    if new := state.new_cases:
        wire.ask(SQL["insert_cases"], {
            "at": at, "causes": Texts([c.cause for c in new]), "products": Texts([c.product for c in new]),
            "remittances": Int8s([c.remittance for c in new]), "transfers": Int8s([c.transfer for c in new]),
            "fen": Int8s([c.fen for c in new])})
