"""Details of a person: what they are now, and mending them, with what they are found by."""

import re
from dataclasses import replace
from typing import Final

from huibao.core.identity import normal_identity, normal_name, normal_phone
from huibao.endorsements.model import Kind
from huibao.endorsements.state import Moved, Person, State
from huibao.members import indexes

_PHONE: Final = re.compile(r"\+?[0-9]{5,20}")
_ACCOUNT: Final = re.compile(r"[0-9]{8,32}")
_IDENTITY: Final = re.compile(r"[0-9A-Z]{5,30}")
#: What needs a proof and a second person.
SENSITIVE: Final = ("name", "identity", "bank-account")


def readable(kind: Kind, value: str) -> bool:
    """Whether a detail may be this."""
    match kind:
        case "name":
            return bool(normal_name(value))
        case "phone":
            return _PHONE.fullmatch(normal_phone(value)) is not None
        case "identity":
            return _IDENTITY.fullmatch(normal_identity(value)) is not None
        case _:
            return _ACCOUNT.fullmatch(value) is not None


def now(state: State, person: Person, kind: Kind) -> str:
    """A detail as it stands, as it was written."""
    match kind:
        case "name":
            return state.open(person.id, "person", person.id, "name_sealed", person.name)
        case "phone":
            return state.open(person.id, "person", person.id, "phone_sealed", person.phone)
        case "identity":
            return state.open(person.id, "person", person.id, "identity_sealed", person.identity)
        case _:
            return state.open(person.id, "bank_account", person.id, "sealed", person.account)


def same(kind: Kind, one: str, other: str) -> bool:
    """Whether two spellings are one; a name is kept as it is written, so that a character may be mended."""
    normal = {"phone": normal_phone, "identity": normal_identity}.get(kind, str)
    return bool(one) == bool(other) and normal(one) == normal(other)


def mend(state: State, person: Person, kind: Kind, value: str) -> None:
    """The detail is another from now on, and so is what the person is found by."""
    code, known = state.desk.programme.code, state.moved.get(person.id, Moved())
    match kind:
        case "name":
            person.name = state.seal(person.id, "person", person.id, "name_sealed", value)
            state.moved[person.id] = replace(known, name=person.name, name_index=indexes.of_name(state.index_key, code, value, person.born))
        case "phone":
            person.phone = state.seal(person.id, "person", person.id, "phone_sealed", value)
            state.moved[person.id] = replace(known, phone=person.phone, phone_index=indexes.of_phone(state.index_key, code, value))
        case "identity":
            state.holders.pop(person.identity_index, None)
            person.identity_index = indexes.of_identity(state.index_key, code, value)
            person.identity = state.seal(person.id, "person", person.id, "identity_sealed", value)
            state.holders[person.identity_index] = person.id
            state.moved[person.id] = replace(known, identity=person.identity, identity_index=person.identity_index)
        case _:
            person.account = state.accounts[person.id] = state.seal(person.id, "bank_account", person.id, "sealed", value)


def is_taken(state: State, person: int, index: bytes | None) -> bool:
    """Whether an identity is another person's."""
    return index is not None and state.holders.get(index, person) != person
