"""Personal fields are sealed with SM4-GCM under a key of the person's own, and found again through blind indexes.

A master key, from outside the database, wraps each person's key; the wrapped keys are rows. Deleting a person's row
erases the person: nothing that was sealed under the key can be opened again. A backup still has the row, until it
expires or the master key of its time is destroyed (`rewrap` first).

A sealed value, and a wrapped key, is laid out as

    format version  1 byte
    key_id          2 bytes, big endian: the person's key; for a wrapped key, the master key
    nonce           12 bytes, random
    ciphertext      as long as the plaintext
    tag             16 bytes

The tag also covers the first three bytes and the place the value was sealed for: copied to another row, column, table
or programme it does not open.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from struct import Struct
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.ciphers.modes import GCM
from cryptography.hazmat.primitives.hashes import SM3
from cryptography.hazmat.primitives.hmac import HMAC

from huibao.core.identity import NORMALISER_VERSION

KEY_BYTES: Final = 16
INDEX_BYTES: Final = 17

_INDEX_VERSION: Final = bytes([NORMALISER_VERSION])
_FORMAT: Final = 1
_NONCE: Final = 12
_TAG: Final = 16
_HEADER: Final = Struct(">BH")
_ROW: Final = Struct(">q")
_BODY: Final = _HEADER.size + _NONCE

#: So many bytes of chance; `os.urandom`, but for tests that need the same bytes twice.
Chance = Callable[[int], bytes]


class SealBroken(Exception):
    """A sealed value that does not open: moved, altered, sealed under another key or in an unknown format.

    The message names the place and no personal data. It is a bug, an outage of keys or tampering, never an outcome.
    """


class Place(NamedTuple):
    """Where a sealed value stands: programme, table, the row's id (64 bits, signed) and column."""

    programme: str
    table: str
    row: int
    column: str


@dataclass(frozen=True, slots=True)
class PersonKey:
    """One person's key: `key` of 16 bytes; `key_id` counts the keys that the person has had, from 1 to 65,535."""

    key_id: int
    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        _check(self.key_id, self.key)


class Keyring:
    """The master keys by id, 1 to 65,535, each of 16 bytes; `current` is the id of the one that wraps from now on.

    Older keys stay until `rewrap` has been over every row. Raises `ValueError` for keys that can't be used.
    """

    def __init__(self, keys: Mapping[int, bytes], current: int) -> None:
        for key_id, key in keys.items():
            _check(key_id, key)
        if current not in keys:
            raise ValueError(f"the current master key {current} is not among the keys {sorted(keys)}")
        self._keys = dict(keys)
        self.current: Final = current

    def __getitem__(self, key_id: int) -> bytes:
        return self._keys[key_id]

    def __contains__(self, key_id: int) -> bool:
        return key_id in self._keys


def new_person_key(
    keyring: Keyring, programme: str, person_id: int, rng: Chance = os.urandom, *, key_id: int = 1
) -> tuple[bytes, PersonKey]:
    """A key for a person, wrapped as the database keeps it and as it is used; `key_id` is 2 for a second key, and so on."""
    person_key = PersonKey(key_id, rng(KEY_BYTES))
    return _wrap(keyring, _key_place(programme, person_id), person_key, rng), person_key


def new_row_key(keyring: Keyring, place: Place, rng: Chance = os.urandom) -> tuple[bytes, PersonKey]:
    """A key for a row that is about no person, such as a firm's bank account; wrapped for `place`, and as it is used."""
    row_key = PersonKey(1, rng(KEY_BYTES))
    return _wrap(keyring, place, row_key, rng), row_key


def unwrap(keyring: Keyring, programme: str, person_id: int, wrapped: bytes) -> PersonKey:
    """The key of a person. Raises `SealBroken` for another person's, an altered one or one under an unknown master key."""
    return unwrap_row_key(keyring, _key_place(programme, person_id), wrapped)


def unwrap_row_key(keyring: Keyring, place: Place, wrapped: bytes) -> PersonKey:
    """The key that was wrapped for `place`. Raises `SealBroken` as `unwrap` does."""
    master_id = _key_id(wrapped, place)
    if master_id not in keyring:
        raise SealBroken(f"{place}: wrapped under master key {master_id}, which is not in the keyring")
    plain = _open(keyring[master_id], wrapped, place)
    return PersonKey(int.from_bytes(plain[:-KEY_BYTES], "big"), plain[-KEY_BYTES:])


def rewrap(keyring: Keyring, programme: str, person_id: int, wrapped: bytes, rng: Chance = os.urandom) -> bytes:
    """The same key under the current master key; unchanged where it is already. Raises `SealBroken` as `unwrap` does."""
    person_key = unwrap(keyring, programme, person_id, wrapped)
    if _key_id(wrapped, _key_place(programme, person_id)) == keyring.current:
        return wrapped
    return _wrap(keyring, _key_place(programme, person_id), person_key, rng)


def seal(person_key: PersonKey, plaintext: bytes, place: Place, rng: Chance = os.urandom) -> bytes:
    """`plaintext` so that only this key opens it, at this place; 31 bytes longer, and different every time."""
    return _seal(person_key.key_id, person_key.key, plaintext, place, rng)


def open_sealed(person_key: PersonKey, sealed: bytes, place: Place) -> bytes:
    """What was sealed. Raises `SealBroken` rather than return anything that was not sealed here, under this key."""
    key_id = _key_id(sealed, place)
    if key_id != person_key.key_id:
        raise SealBroken(f"{place}: sealed under the person's key {key_id}, and this is key {person_key.key_id}")
    return _open(person_key.key, sealed, place)


def blind_index(index_key: bytes, programme: str, field: str, normal_text: str) -> bytes:
    """17 bytes to find a sealed field by: the normaliser's version, then HMAC-SM3 of the normal text cut to 16.

    Equal texts of one field and programme, and only they, have equal indexes. `index_key` is secret, of 16 bytes or
    more: who has it can try out every identity number.
    """
    mac = _field_mac(index_key, programme, field).copy()
    mac.update(normal_text.encode())
    return _INDEX_VERSION + mac.finalize()[: INDEX_BYTES - 1]


@lru_cache(maxsize=256)
def _field_mac(index_key: bytes, programme: str, field: str) -> HMAC:
    """All that a field's indexes have in common; half of the work is done here, once."""
    if len(index_key) < KEY_BYTES:
        raise ValueError(f"an index key has {KEY_BYTES} bytes or more, not {len(index_key)}")
    mac = HMAC(index_key, SM3())
    mac.update(_framed(programme) + _framed(field))
    return mac


def _wrap(keyring: Keyring, place: Place, person_key: PersonKey, rng: Chance) -> bytes:
    # The person's key_id is wrapped too, since the header names the master key.
    plain = person_key.key_id.to_bytes(2, "big") + person_key.key
    return _seal(keyring.current, keyring[keyring.current], plain, place, rng)


def _key_place(programme: str, person_id: int) -> Place:
    return Place(programme, "person_key", person_id, "wrapped")


def _seal(key_id: int, key: bytes, plaintext: bytes, place: Place, rng: Chance) -> bytes:
    header, nonce = _HEADER.pack(_FORMAT, key_id), rng(_NONCE)
    encryptor = Cipher(SM4(key), GCM(nonce)).encryptor()
    encryptor.authenticate_additional_data(header + _encoded(place))
    return header + nonce + encryptor.update(plaintext) + encryptor.finalize() + encryptor.tag


def _key_id(sealed: bytes, place: Place) -> int:
    if len(sealed) < _BODY + _TAG:
        raise SealBroken(f"{place}: {len(sealed)} bytes are too few for a sealed value")
    version, key_id = _HEADER.unpack_from(sealed)
    if version != _FORMAT:
        raise SealBroken(f"{place}: sealed in format {version}; this program knows {_FORMAT}")
    return int(key_id)


def _open(key: bytes, sealed: bytes, place: Place) -> bytes:
    decryptor = Cipher(SM4(key), GCM(sealed[_HEADER.size : _BODY], sealed[-_TAG:])).decryptor()
    decryptor.authenticate_additional_data(sealed[: _HEADER.size] + _encoded(place))
    plaintext = decryptor.update(sealed[_BODY:-_TAG])
    try:
        return plaintext + decryptor.finalize()
    except InvalidTag:
        raise SealBroken(f"{place}: altered, moved, or sealed under another key") from None


def _encoded(place: Place) -> bytes:
    return _column(place.programme, place.table, place.column) + _ROW.pack(place.row)


@lru_cache(maxsize=4096)
def _column(programme: str, table: str, column: str) -> bytes:
    return _framed(programme) + _framed(table) + _framed(column)


def _framed(text: str) -> bytes:
    """Length first, so that "ab" and "c" are not "a" and "bc"."""
    data = text.encode()
    return len(data).to_bytes(2, "big") + data


def _check(key_id: int, key: bytes) -> None:
    if not 0 < key_id < 1 << 16:
        raise ValueError(f"a key's id is from 1 to 65,535, not {key_id}")
    if len(key) != KEY_BYTES:
        raise ValueError(f"key {key_id} has {len(key)} bytes; SM4 takes {KEY_BYTES}")
