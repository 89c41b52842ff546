"""The commands of the desk as one family: what a batch of them loads, how each is decided and told, what is written."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from huibao.catalogue.model import Programme
from huibao.core.refusal import Refusal
from huibao.core.sealing import Keyring, Place, seal
from huibao.db.wire import Wire
from huibao.record.model import DONE, Decision, told
from huibao.settlement.adjust import adjust, judge
from huibao.settlement.agree import agree
from huibao.settlement.confirm import confirm, withdraw
from huibao.settlement.evidence import packed, unpacked
from huibao.settlement.folding import keep_later
from huibao.settlement.hiding import hider
from huibao.settlement.loading import Loading
from huibao.settlement.model import Adjust, Agree, AgreedTold, Command, Confirm, Judge, Reverse, Settle, Taken, Withdraw
from huibao.settlement.reverse import reverse
from huibao.settlement.settle import Again, decide
from huibao.settlement.state import Reversed, State
from huibao.settlement.told import kept, moved_told, parked_told, settlement_told
from huibao.settlement.writing import write, write_hot

_ENCODER: Final = msgspec.json.Encoder()


class Desk:
    """`Work` of a programme's discharge desks. `index_key` hides what accumulators are about where they stand in plain sight."""

    def __init__(self, programme: Programme, keyring: Keyring, index_key: bytes) -> None:
        self.programme = programme
        self._loading = Loading(programme, keyring, hider(index_key, programme.code))

    async def load(self, wire: Wire, commands: Sequence[Command], at: datetime) -> State:
        """Locks the people of the commands, then reads what is true of them."""
        return await self._loading.load(wire, commands, at)

    def decide(self, state: State, request_id: int, command: Command, at: datetime) -> Decision:
        """Decides one command and moves the state on; what was refused leaves it as it was."""
        match command:
            case Settle():
                return self._settle(state, command, request_id, at)
            case Judge():
                return self._judge(state, command, request_id)
            case Agree():
                return self._agree(state, command, request_id)
            case Reverse():
                return _moved(state, "reversal", command.credential, reverse(state, command, request_id, at))
            case Confirm():
                return _moved(state, "confirmation", command.credential, confirm(state, command, at))
            case Withdraw():
                return _moved(state, "withdrawal", command.credential, withdraw(state, command, at))
            case Adjust():
                return _moved(state, "adjustment", command.credential, adjust(state, command, at))

    def write(self, wire: Wire, state: State, at: datetime) -> None:
        write(wire, state, at)

    def write_hot(self, wire: Wire, state: State, at: datetime) -> None:
        write_hot(wire, state, at)

    def _settle(self, state: State, command: Settle, request_id: int, at: datetime) -> Decision:
        """A settlement's decision: the whole answer is sealed with the message, and the plain record keeps the amounts."""
        kind = "settlement" if command.promises else "pre-settlement"
        found = decide(state, command, request_id, at)
        if isinstance(found, Refusal):
            return Decision(kind, found.code, told(found), command.credential)
        if isinstance(found, Again):
            person, before = found.taken.person, _told_before(state, found.taken)
            sealed = self._seal(state, request_id, person, packed({}, (), before))
            body = _ENCODER.encode(kept(state, found.taken))
            return Decision("settlement-again", DONE, body, command.credential, person, sealed, before, again=True)
        whole = _ENCODER.encode(settlement_told(state, found, command.promises, command.notes))
        person = found.taken.person
        sealed = self._seal(state, request_id, person, packed(found.row, found.lines, whole))
        if command.promises:
            state.told[found.taken.id] = whole
        return Decision(kind, DONE, _ENCODER.encode(kept(state, found.taken, command.promises)), command.credential, person, sealed, whole)

    def _judge(self, state: State, command: Judge, request_id: int) -> Decision:
        """A judgement's decision, with its reason sealed; later folds read it with the settlement."""
        found = judge(state, command)
        if isinstance(found, Refusal):
            return _moved(state, "judgement", command.credential, found)
        taken = found[0]
        plain = _ENCODER.encode({"preexisting": command.preexisting, "reason": command.reason})
        keep_later(state, taken)
        decision = _moved(state, "judgement", command.credential, found)
        return Decision(decision.kind, decision.outcome, decision.body, command.credential, taken.person,
                        self._seal(state, request_id, taken.person, plain))

    def _agree(self, state: State, command: Agree, request_id: int) -> Decision:
        """An agreement's decision, with the account sealed for the record beside where it is kept for use."""
        found = agree(state, command)
        if isinstance(found, Refusal):
            return Decision("agreement", found.code, told(found), command.credential)
        sealed = self._seal(state, request_id, found.person, command.account.encode()) if command.account is not None else None
        body = _ENCODER.encode(_agreed(command.account is not None))
        return Decision("agreement", DONE, body, command.credential, found.person, sealed)

    def _seal(self, state: State, request_id: int, person: int, plain: bytes) -> bytes:
        return seal(state.key_of(person), plain, Place(self.programme.code, "event", request_id, "sealed"))


def _agreed(is_given: bool) -> AgreedTold:
    zh, en = (("已登记：此后的赔付直接支付到您的银行账户，无需申请，可随时撤回。",
               "Noted: what is paid from now on goes to your bank account without an application; you may withdraw this at any time.")
              if is_given else ("已撤回：此后不再免申请赔付，可自行申请理赔。", "Withdrawn: nothing is paid without an application any more."))
    return AgreedTold(is_given, zh, en)


def _moved(
    state: State, kind: str, credential: int, found: Taken | Reversed | tuple[Taken, int, int] | Refusal
) -> Decision:
    if isinstance(found, Refusal):
        return Decision(kind, found.code, told(found), credential)
    if isinstance(found, Reversed):
        return Decision(kind, DONE, _ENCODER.encode(parked_told(found)), credential)
    taken, more, less = found if isinstance(found, tuple) else (found, 0, 0)
    return Decision(kind, DONE, _ENCODER.encode(moved_told(state, taken, more, less)), credential)


def _told_before(state: State, taken: Taken) -> bytes:
    """The answer to a settlement that was taken up before, as it was given."""
    fresh = state.told.get(taken.id)
    return fresh if fresh is not None else bytes(unpacked(state.evidence(taken)).told)
