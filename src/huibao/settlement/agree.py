"""A person agrees to be paid without an application, and says where to; or agrees no longer."""

from huibao.core.refusal import Refusal
from huibao.core.sealing import Place, open_sealed, seal
from huibao.settlement import refusals
from huibao.settlement.model import Agree
from huibao.settlement.state import Agreement, State


def agree(state: State, command: Agree) -> Agreement | Refusal:
    """What was agreed to, with the account sealed; what was agreed before ends with it."""
    person = state.people.get(command.person)
    if person is None or person.wrapped is None:
        return refusals.person_unknown()
    place = Place(state.programme.code, "bank_account", person.id, "sealed")
    known = state.accounts.get(person.id)
    if (command.by_staff and command.account is not None and known is not None
            and open_sealed(state.key_of(person.id), known, place) != command.account.encode()):
        return refusals.account_for_two()
    sealed = None
    if command.account is not None:
        sealed = state.accounts[person.id] = seal(state.key_of(person.id), command.account.encode(), place)
        state.agreed |= {person.id}
    else:
        state.agreed -= {person.id}
    made = Agreement(person.id, command.credential, sealed)
    state.made.agreements[person.id] = made
    return made
