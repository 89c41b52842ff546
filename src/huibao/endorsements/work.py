"""The commands of endorsements as one family: what a batch of them loads, how each is decided and told, what is written."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from huibao.catalogue.model import Programme
from huibao.core.refusal import Refusal
from huibao.core.sealing import Keyring, Place, seal
from huibao.db.wire import Wire
from huibao.endorsements.answer import NOTHING, answer, expire
from huibao.endorsements.loading import load
from huibao.endorsements.model import Answer, Answered, Change, Command, Content, Correct, Endorsement, Expire, Steps
from huibao.endorsements.propose import change, correct
from huibao.endorsements.state import State
from huibao.endorsements.told import endorsement_told
from huibao.endorsements.writing import write
from huibao.policies.numbers import policy_number
from huibao.record.model import DONE, NOBODY, Decision, told
from huibao.settlement import writing as desk
from huibao.settlement.correct import Corrected
from huibao.settlement.hiding import hider
from huibao.settlement.loading import Loading

_ENCODER: Final = msgspec.json.Encoder()
_KINDS: Final = {Change: "endorsement", Correct: "endorsement", Answer: "endorsement-answer", Expire: "endorsement-expiry"}


class Endorsements:
    """`Work` of a programme's endorsements. `index_key` is what people are found by, and hides what accumulators are about."""

    def __init__(self, programme: Programme, keyring: Keyring, index_key: bytes) -> None:
        self.programme = programme
        self._index_key = index_key
        self._loading = Loading(programme, keyring, hider(index_key, programme.code))

    async def load(self, wire: Wire, commands: Sequence[Command], at: datetime) -> State:
        """Locks whom the commands are about, then reads what is true of them."""
        return await load(wire, self._loading, self.programme, self._index_key, commands, at)

    def decide(self, state: State, request_id: int, command: Command, at: datetime) -> Decision:
        """Decides one command and moves the state on; what was refused leaves it as it was."""
        kind, by = _KINDS[type(command)], NOBODY if isinstance(command, Expire) else command.by.credential
        found = _decided(state, command, request_id, at)
        if isinstance(found, Refusal):
            return Decision(kind, found.code, told(found), by)
        endorsement, came_to = found
        body = _ENCODER.encode(endorsement_told(state, endorsement, came_to))
        if isinstance(command, Expire):
            return Decision(kind, DONE, body, by, endorsement.person)
        evidence = self._answered(command, came_to) if isinstance(command, Answer) else state.content(endorsement)
        return Decision(kind, DONE, body, by, endorsement.person, self._sealed(state, request_id, endorsement, evidence))

    def write(self, wire: Wire, state: State, at: datetime) -> None:
        write(wire, state, at)
        desk.write(wire, state.desk, at)

    def write_hot(self, wire: Wire, state: State, at: datetime) -> None:
        desk.write_hot(wire, state.desk, at)

    def _answered(self, command: Answer, came_to: Corrected) -> Answered:
        """The answer's reason, with the steps of every payment that would be another. Of relatives nothing but their amounts is
        kept, and that in plain: what their bills were is sealed under keys of their own."""
        return Answered(command.reason, tuple(
            Steps(one.taken.id, policy_number(self.programme.code, *one.policy), one.zh, one.en)
            for one in came_to.changed if one.is_own))

    def _sealed(self, state: State, request_id: int, endorsement: Endorsement, evidence: Answered | Content) -> bytes:
        place = Place(self.programme.code, "event", request_id, "sealed")
        return seal(state.desk.key_of(endorsement.person), _ENCODER.encode(evidence), place)


def _decided(state: State, command: Command, request_id: int, at: datetime) -> tuple[Endorsement, Corrected] | Refusal:
    match command:
        case Answer():
            return answer(state, command, request_id, at)
        case Expire():
            return expire(state, command, request_id, at)
        case Change():
            return _proposed(change(state, command, request_id, at))
        case Correct():
            return _proposed(correct(state, command, request_id, at))


def _proposed(made: Endorsement | Refusal) -> tuple[Endorsement, Corrected] | Refusal:
    return made if isinstance(made, Refusal) else (made, NOTHING)
