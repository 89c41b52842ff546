"""The commands of mandates as one family: their people are locked, and an order that an agent enters locks the same people."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

import msgspec

from huibao.catalogue.model import Programme
from huibao.core.refusal import Refusal
from huibao.core.time import business_date
from huibao.db import sqlfile
from huibao.db.arrays import Dates, Int8s, Texts, Times
from huibao.db.wire import Wire
from huibao.mandates.granting import State, authorise, revoke
from huibao.mandates.model import Authorise, Command, Mandate, MandateTold, Revoke, Standing
from huibao.members import people
from huibao.record.model import DONE, Decision, told

SQL: Final = sqlfile.load("huibao.mandates")

_ENCODER: Final = msgspec.json.Encoder()
_KINDS: Final = {Authorise: "mandate", Revoke: "mandate-revoked"}


class Mandates:
    """`Work` of a programme's mandates."""

    def __init__(self, programme: Programme) -> None:
        self.programme = programme

    async def load(self, wire: Wire, commands: Sequence[Command], at: datetime) -> State:
        """Locks both parties of each mandate, new or old, in order of id; reads what is true of them afterwards."""
        ids = Int8s(sorted({command.mandate for command in commands if isinstance(command, Revoke)}))
        new = [command for command in commands if isinstance(command, Authorise)]
        # Whose a mandate is never changes: to read it before the locks costs nothing.
        old = wire.ask(SQL["people_of"], {"mandates": ids})
        await wire.go()
        on = business_date(at)
        named = sorted({person for one in new for person in (one.principal, one.agent)} | {person for (person,) in old.rows()})
        asked = people.ask(wire, people.lock(wire, named, ()), named, on)
        found = wire.ask(SQL["mandates"], {
            "mandates": ids, "principals": Int8s([one.principal for one in new]), "agents": Int8s([one.agent for one in new])})
        await wire.go()
        mandates = (of_row(*row) for row in found.rows())
        return State(self.programme.scheme, on, people.read(asked), {one.id: one for one in mandates})

    def decide(self, state: State, request_id: int, command: Command, at: datetime) -> Decision:
        """Decides one command and moves the state on; what was refused leaves it as it was."""
        outcome = authorise(state, command, request_id, at) if isinstance(command, Authorise) else revoke(state, command, at)
        kind = _KINDS[type(command)]
        if isinstance(outcome, Refusal):
            return Decision(kind, outcome.code, told(outcome), command.credential)
        return Decision(kind, DONE, _ENCODER.encode(mandate_told(outcome, state.on)), command.credential)

    def write(self, wire: Wire, state: State, at: datetime) -> None:
        """Queues mandates that were given and revoked."""
        if new := state.given:
            wire.ask(SQL["insert_mandates"], {
                "at": at, "ids": Int8s([m.id for m in new]), "principals": Int8s([m.principal for m in new]),
                "agents": Int8s([m.agent for m in new]), "may": Texts([",".join(m.may) for m in new]),
                "since": Dates([m.valid_from for m in new]), "until": Dates([m.valid_to for m in new]),
                "evidence": Texts([m.evidence for m in new]), "digests": Texts([m.digest for m in new]),
                "credentials": Int8s([m.credential for m in new]), "revoked_at": Times([m.revoked_at for m in new]),
                "revoked_by": Int8s([m.revoked_by for m in new])})
        if ended := state.revoked:
            wire.ask(SQL["revoke_mandates"], {
                "at": at, "ids": Int8s([m.id for m in ended]), "credentials": Int8s([m.revoked_by for m in ended])})

    def write_hot(self, wire: Wire, state: State, at: datetime) -> None:
        """Mandates move nothing that every batch wants."""


def of_row(id: int, principal: int, agent: int, may: Sequence[str], valid_from: date, valid_to: date, *rest: object) -> Mandate:
    """A mandate as it is kept."""
    row = (id, principal, agent, tuple(may), valid_from, valid_to, *rest)
    return Mandate(*row)  # type: ignore[arg-type]  # a row has its columns' types


def mandate_told(found: Mandate, on: date) -> MandateTold:
    """A mandate as its parties read it on a day."""
    account_zh, account_en = ("，并使用其个人账户支付", " and pay from the account") if "pay" in found.may else ("", "")
    term_zh, term_en = f"{found.valid_from} 至 {found.valid_to}", f"from {found.valid_from} to {found.valid_to}"
    if found.revoked_at is not None:
        return _told(found, "revoked", "授权已撤销。", "revoked: nobody acts under it any more")
    if on > found.valid_to:
        return _told(found, "over", f"授权已到期（{term_zh}）。", f"over ({term_en})")
    if on < found.valid_from:
        return _told(found, "not-yet", f"授权自 {found.valid_from} 起有效。", f"in force from {found.valid_from}")
    return _told(found, "in-force", f"代办人可代为下单{account_zh}，{term_zh}；本人可随时撤销。",
                 f"the agent may order{account_en}, {term_en}; the principal may revoke it at any time")


def _told(found: Mandate, state: Standing, zh: str, en: str) -> MandateTold:
    return MandateTold(found.id, found.principal, found.agent, found.may, found.valid_from, found.valid_to, found.evidence, state, zh, en,
                       found.revoked_at)
