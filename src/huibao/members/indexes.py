"""Blind indexes of people: by what somebody is found, through the normaliser, without it standing anywhere in plain."""

from datetime import date

from huibao.core.identity import normal_identity, normal_name, normal_phone
from huibao.core.sealing import blind_index


def of_identity(index_key: bytes, programme: str, identity: str) -> bytes:
    return blind_index(index_key, programme, "identity", normal_identity(identity))


def of_name(index_key: bytes, programme: str, name: str, born: date) -> bytes:
    """A name is looked for with the birth date."""
    return blind_index(index_key, programme, "name_birth", f"{normal_name(name)}|{born.isoformat()}")


def of_phone(index_key: bytes, programme: str, phone: str) -> bytes:
    return blind_index(index_key, programme, "phone", normal_phone(phone))
