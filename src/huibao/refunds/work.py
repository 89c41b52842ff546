"""The commands of refunds as one family: what a batch of them loads, how each is decided and told, what is written."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from huibao.catalogue.model import Programme
from huibao.core.refusal import Refusal
from huibao.core.sealing import Keyring, Place, seal
from huibao.db.arrays import Dates, Int8s, Texts, Times
from huibao.db.wire import Wire
from huibao.members import notices
from huibao.record.model import DONE, Decision, told
from huibao.refunds.elsewhere import accept, confirm, pay_elsewhere, withdraw
from huibao.refunds.loading import SQL, Loading
from huibao.refunds.model import (
    Accept,
    AnswerRepayment,
    CashArrived,
    CashDeclined,
    ChannelDiffers,
    Command,
    Confirm,
    CreditDeclined,
    DecideChannel,
    Evidence,
    PayElsewhere,
    Refund,
    Repay,
    Repayment,
    Resolve,
    Surrender,
    Withdraw,
)
from huibao.refunds.returning import (
    answer_repayment,
    cash_arrived,
    cash_declined,
    channel_differs,
    credit_declined,
    decide_channel,
    repay,
    resolve,
)
from huibao.refunds.state import State
from huibao.refunds.surrender import surrender
from huibao.refunds.told import refund_told, repayment_told, surrender_told

_ENCODER: Final = msgspec.json.Encoder()
_KINDS: Final = {
    Surrender: "surrender", Resolve: "refund-resolved", CashArrived: "refund-cash", CashDeclined: "refund-declined",
    ChannelDiffers: "refund-differs", DecideChannel: "refund-decision", CreditDeclined: "credit-declined", Repay: "repayment",
    AnswerRepayment: "repayment-answer", Confirm: "refund-confirmation", Withdraw: "refund-withdrawal", Accept: "refund-acceptance",
    PayElsewhere: "refund-elsewhere"}


class Refunds:
    """`Work` of a programme's surrenders and refunds."""

    def __init__(self, programme: Programme, keyring: Keyring) -> None:
        self.programme = programme
        self._loading = Loading(programme, keyring)

    async def load(self, wire: Wire, commands: Sequence[Command], at: datetime) -> State:
        """Locks the people of the commands, then their products; reads what is true of them afterwards."""
        return await self._loading.load(wire, commands, at)

    def decide(self, state: State, request_id: int, command: Command, at: datetime) -> Decision:  # noqa: ARG002 - the form of every family
        """Decides one command and moves the state on; what was refused leaves it as it was."""
        kind = _KINDS[type(command)]
        outcome = self._outcome(state, command, request_id)
        if isinstance(outcome, Refusal):
            return Decision(kind, outcome.code, told(outcome), command.credential)
        person, sealed = self._evidence(state, command, request_id)
        return Decision(kind, DONE, _ENCODER.encode(outcome), command.credential, person, sealed)

    def write(self, wire: Wire, state: State, at: datetime) -> None:
        """Queues policies, refunds, who said what, and the movements of money."""
        _write_refunds(wire, state, at)
        _write_said(wire, state, at)
        _write_repayments(wire, state, at)
        _write_cases(wire, state, at)
        notices.write(wire, state.made.notices, at)
        state.books.write(wire, at)

    def write_hot(self, wire: Wire, state: State, at: datetime) -> None:
        """Queues what every batch wants to move: product accounts and pool totals."""
        state.books.write_hot(wire)
        state.made.pool.write(wire, at)

    def _outcome(self, state: State, command: Command, request_id: int) -> msgspec.Struct | Refusal:
        return self._surrender(state, command, request_id) if isinstance(command, Surrender) else self._moved(state, command, request_id)

    def _surrender(self, state: State, command: Surrender, request_id: int) -> msgspec.Struct | Refusal:
        found = surrender(state, command, request_id)
        if isinstance(found, Refusal):
            return found
        held, granted, refunds = found
        years = [one.limit_year for one in refunds]
        return surrender_told(self.programme.code, held, granted, state.terms(held), state.rule, years, refunds)

    def _moved(self, state: State, command: Command, request_id: int) -> msgspec.Struct | Refusal:
        found = _decided(state, command, request_id)
        if isinstance(found, Refund):
            return refund_told(self.programme.code, found, state.rule)
        return repayment_told(self.programme.code, found) if isinstance(found, Repayment) else found

    def _evidence(self, state: State, command: Command, request_id: int) -> tuple[int | None, bytes | None]:
        """What a clerk, a member or heirs put down, sealed under the policyholder's key."""
        match command:
            case Confirm() | DecideChannel():
                evidence = Evidence(document=command.document)
            case Accept():
                evidence = Evidence(payee=command.payee, account=command.account, evidence=command.evidence)
            case _:
                return None, None
        person = state.policy_of(state.refunds[command.refund]).buyer
        key = state.key_of(person)
        assert key is not None, "nothing is confirmed or accepted for who was erased"
        return person, seal(key, _ENCODER.encode(evidence), Place(self.programme.code, "event", request_id, "sealed"))


def _decided(state: State, command: Command, request_id: int) -> Refund | Repayment | Refusal:
    match command:
        case Confirm() | Withdraw() | Accept() | PayElsewhere():
            return _elsewhere(state, command, request_id)
        case Repay():
            return repay(state, command, request_id)
        case AnswerRepayment():
            return answer_repayment(state, command)
        case Surrender():
            raise AssertionError("a surrender is decided by itself")
        case _:
            return _on_its_way(state, command, request_id)


def _on_its_way(
    state: State, command: Resolve | CashArrived | CashDeclined | ChannelDiffers | DecideChannel | CreditDeclined, request_id: int
) -> Refund | Refusal:
    match command:
        case Resolve():
            return resolve(state, command)
        case CashArrived():
            return cash_arrived(state, command)
        case CashDeclined():
            return cash_declined(state, command)
        case ChannelDiffers():
            return channel_differs(state, command)
        case DecideChannel():
            return decide_channel(state, command, request_id)
        case CreditDeclined():
            return credit_declined(state, command)


def _elsewhere(state: State, command: Confirm | Withdraw | Accept | PayElsewhere, request_id: int) -> Refund | Refusal:
    match command:
        case Confirm():
            return confirm(state, command, request_id)
        case Withdraw():
            return withdraw(state, command)
        case Accept():
            return accept(state, command, request_id)
        case PayElsewhere():
            return pay_elsewhere(state, command)


def _write_refunds(wire: Wire, state: State, at: datetime) -> None:
    if ended := state.made.surrendered:
        wire.ask(SQL["end_policies"], {
            "orders": Int8s([one.order for one in ended]), "positions": Int8s([one.position for one in ended]),
            "ended": Dates([one.ended_on for one in ended])})
    if new := state.made.refunds:
        wire.ask(SQL["insert_refunds"], {
            "at": at, "ids": Int8s([one.id for one, _ in new]), "requests": Int8s([request for _, request in new]),
            "orders": Int8s([one.order for one, _ in new]), "positions": Int8s([one.position for one, _ in new]),
            "sources": Texts([one.source for one, _ in new]), "fen": Int8s([one.fen for one, _ in new]),
            "states": Texts([one.state for one, _ in new]), "years": Int8s([one.limit_year for one, _ in new])})
    if moved := list(state.made.moved.values()):
        wire.ask(SQL["move_refunds"], {
            "at": at, "ids": Int8s([one.id for one in moved]), "states": Texts([one.state for one in moved]),
            "declined": Texts([one.declined for one in moved]), "paid_by": Texts([one.paid_by for one in moved]),
            "references": Texts([one.reference for one in moved])})
    if declined := state.made.declined:
        wire.ask(SQL["know_credits"], {
            "at": at, "ids": Int8s([one.posting for one in declined]), "reasons": Texts([one.reason for one in declined]),
            "their": Times([one.their_at for one in declined])})


def _write_said(wire: Wire, state: State, at: datetime) -> None:
    # Who withdrew may have confirmed anew in the same batch.
    if withdrawn := state.made.withdrawn:
        wire.ask(SQL["withdraw_confirmations"], {
            "at": at, "refunds": Int8s([refund for refund, _ in withdrawn]), "credentials": Int8s([clerk for _, clerk in withdrawn])})
    if said := state.made.confirmed:
        wire.ask(SQL["insert_confirmations"], {
            "at": at, "refunds": Int8s([one.refund for one in said]), "credentials": Int8s([one.credential for one in said]),
            "requests": Int8s([one.request for one in said]), "reasons": Texts([one.reason for one in said]),
            "withdrawn": Int8s([int(one.is_withdrawn) for one in said])})
    if agreed := state.made.accepted:
        wire.ask(SQL["insert_acceptances"], {
            "at": at, "requests": Int8s([one.request for one in agreed]), "refunds": Int8s([one.refund for one in agreed]),
            "bys": Texts([one.by for one in agreed]), "credentials": Int8s([one.credential for one in agreed])})


def _write_repayments(wire: Wire, state: State, at: datetime) -> None:
    # What a disputed one listed may stand in another of the same batch.
    if answered := state.made.answered:
        wire.ask(SQL["answer_repayments"], {
            "at": at, "ids": Int8s([one.id for one in answered]), "states": Texts([one.state for one in answered])})
        wire.ask(SQL["release_lines"], {"repayments": Int8s([one.id for one in answered if one.state == "disputed"])})
    if new := state.made.repayments:
        wire.ask(SQL["insert_repayments"], {
            "at": at, "ids": Int8s([one.id for one in new]), "insurers": Texts([one.insurer for one in new]),
            "references": Texts([one.reference for one in new]), "counts": Int8s([len(one.refunds) for one in new]),
            "fen": Int8s([one.fen for one in new]), "states": Texts([one.state for one in new])})
        wire.ask(SQL["insert_repayment_lines"], {
            "refunds": Int8s([refund for one in new for refund in one.refunds]),
            "repayments": Int8s([one.id for one in new for _ in one.refunds])})


def _write_cases(wire: Wire, state: State, at: datetime) -> None:
    if new := state.made.cases:
        wire.ask(SQL["insert_cases"], {
            "at": at, "causes": Texts([cause for _, _, cause in new]), "orders": Int8s([one.order for one, _, _ in new]),
            "positions": Int8s([one.position for one, _, _ in new]), "products": Texts([product for _, product, _ in new]),
            "refunds": Int8s([one.id for one, _, _ in new]), "fen": Int8s([one.fen for one, _, _ in new])})
    if closed := state.made.closed:
        wire.ask(SQL["close_cases"], {
            "at": at, "refunds": Int8s([refund for refund, _, _ in closed]), "causes": Texts([cause for _, cause, _ in closed]),
            "outcomes": Texts([outcome for _, _, outcome in closed])})
