"""What is sealed opens with its person's key at its place, and in no other way."""

from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from huibao.core.identity import NORMALISER_VERSION
from huibao.core.sealing import (
    Keyring,
    PersonKey,
    Place,
    SealBroken,
    blind_index,
    new_person_key,
    open_sealed,
    rewrap,
    seal,
    unwrap,
)

OLD, NEW = bytes(range(16)), bytes(range(16, 32))
RING = Keyring({1: OLD}, current=1)
BOTH = Keyring({1: OLD, 2: NEW}, current=2)
KEY = PersonKey(1, bytes.fromhex("0123456789abcdeffedcba9876543210"))
PLACE = Place("atlantis", "person", 7, "name")
NAME = "阿卜杜热合曼·买买提".encode()

places = st.builds(Place, st.text(max_size=4), st.text(max_size=4), st.integers(-(2**63), 2**63 - 1), st.text(max_size=4))


def counted(size: int) -> bytes:
    """Bytes that are the same in every run."""
    return bytes(range(size))


# ── a sealed field ───────────────────────────────────────────────────────────────────────────────────────────────────

@given(st.binary(max_size=300), places)
def test_what_is_sealed_opens(plaintext: bytes, place: Place) -> None:
    sealed = seal(KEY, plaintext, place)
    assert open_sealed(KEY, sealed, place) == plaintext
    assert len(sealed) == len(plaintext) + 31


def test_the_layout_is_as_written() -> None:
    sealed = seal(KEY, NAME, PLACE, counted)
    assert sealed[:3] == bytes([1, 0, 1])
    assert sealed[3:15] == counted(12)
    assert sealed == seal(KEY, NAME, PLACE, counted)


def test_the_same_text_is_sealed_differently_each_time() -> None:
    assert len({seal(KEY, NAME, PLACE) for _ in range(100)}) == 100


@pytest.mark.parametrize("place", [
    Place("lemuria", "person", 7, "name"),
    Place("atlantis", "claim", 7, "name"),
    Place("atlantis", "person", 8, "name"),
    Place("atlantis", "person", 7, "phone"),
    Place("atlanti", "sperson", 7, "name"),     # the same letters, cut elsewhere
    Place("atlantis", "personn", 7, "ame"),
])
def test_what_was_moved_does_not_open(place: Place) -> None:
    sealed = seal(KEY, NAME, PLACE)
    with pytest.raises(SealBroken, match="altered, moved"):
        open_sealed(KEY, sealed, place)


@given(places, places)
def test_no_two_places_are_one(one: Place, other: Place) -> None:
    sealed = seal(KEY, NAME, one)
    if one != other:
        with pytest.raises(SealBroken):
            open_sealed(KEY, sealed, other)


def every_alteration(sealed: bytes) -> Iterator[bytes]:
    """Each bit turned, each byte left out, each shortening, and something added."""
    for i in range(len(sealed)):
        yield from (sealed[:i] + bytes([sealed[i] ^ 1 << bit]) + sealed[i + 1 :] for bit in range(8))
        yield sealed[:i] + sealed[i + 1 :]
        yield sealed[:i]
    yield sealed + b"\0"


def test_what_was_altered_does_not_open() -> None:
    for altered in every_alteration(seal(KEY, NAME, PLACE, counted)):
        with pytest.raises(SealBroken):
            open_sealed(KEY, altered, PLACE)


@pytest.mark.parametrize(("key", "says"), [
    (PersonKey(1, OLD),     "altered, moved, or sealed under another key"),
    (PersonKey(2, KEY.key), "sealed under the person's key 1, and this is key 2"),
])
def test_another_key_does_not_open(key: PersonKey, says: str) -> None:
    sealed = seal(KEY, NAME, PLACE)
    with pytest.raises(SealBroken, match=says):
        open_sealed(key, sealed, PLACE)


@pytest.mark.parametrize(("sealed", "says"), [
    (b"",                           "0 bytes are too few"),
    (b"\x01" * 30,                  "30 bytes are too few"),
    (b"\x02\0\x01" + bytes(28),     "sealed in format 2; this program knows 1"),
])
def test_what_was_never_sealed_does_not_open(sealed: bytes, says: str) -> None:
    with pytest.raises(SealBroken, match=says) as broken:
        open_sealed(KEY, sealed, PLACE)
    assert str(PLACE) in str(broken.value)


def test_another_cipher_does_not_open() -> None:
    header = bytes([1, 0, 1])
    with pytest.raises(SealBroken):
        open_sealed(KEY, header + counted(12) + AESGCM(KEY.key).encrypt(counted(12), NAME, header), PLACE)


# ── a person's key ───────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.parametrize("key_id", [1, 2, 65_535])
def test_a_persons_key_is_wrapped_and_unwrapped(key_id: int) -> None:
    wrapped, key = new_person_key(RING, "atlantis", 7, key_id=key_id)
    assert unwrap(RING, "atlantis", 7, wrapped) == key
    assert key.key_id == key_id
    assert key.key not in wrapped


def test_every_person_has_a_key_of_their_own() -> None:
    assert len({new_person_key(RING, "atlantis", 7)[1].key for _ in range(100)}) == 100


@pytest.mark.parametrize(("programme", "person_id"), [("lemuria", 7), ("atlantis", 8)])
def test_a_wrapped_key_is_its_persons_alone(programme: str, person_id: int) -> None:
    wrapped, _ = new_person_key(RING, "atlantis", 7)
    with pytest.raises(SealBroken, match="altered, moved"):
        unwrap(RING, programme, person_id, wrapped)


def test_an_altered_wrapped_key_does_not_open() -> None:
    wrapped, _ = new_person_key(RING, "atlantis", 7)
    for altered in every_alteration(wrapped):
        with pytest.raises(SealBroken):
            unwrap(RING, "atlantis", 7, altered)


def test_who_was_erased_cannot_be_read() -> None:
    """The wrapped key's row is deleted. The sealed rows are still there; the master key, and everybody else's, open none."""
    rows = {7: new_person_key(RING, "atlantis", 7)[0], 8: new_person_key(RING, "atlantis", 8)[0]}
    sealed = seal(unwrap(RING, "atlantis", 7, rows[7]), NAME, PLACE)
    del rows[7]

    left = [*(unwrap(RING, "atlantis", person_id, wrapped).key for person_id, wrapped in rows.items()), OLD]
    assert len(left) == 2
    for key in left:
        with pytest.raises(SealBroken):
            open_sealed(PersonKey(1, key), sealed, PLACE)


def test_a_new_master_key_wraps_the_same_key() -> None:
    wrapped, key = new_person_key(RING, "atlantis", 7, key_id=3)
    sealed = seal(key, NAME, PLACE)
    wrapped_again = rewrap(BOTH, "atlantis", 7, wrapped)

    only_new = Keyring({2: NEW}, current=2)
    assert open_sealed(unwrap(only_new, "atlantis", 7, wrapped_again), sealed, PLACE) == NAME
    with pytest.raises(SealBroken, match="wrapped under master key 1, which is not in the keyring"):
        unwrap(only_new, "atlantis", 7, wrapped)


def test_wrapping_again_changes_nothing_the_second_time() -> None:
    wrapped = rewrap(BOTH, "atlantis", 7, new_person_key(RING, "atlantis", 7)[0])
    assert rewrap(BOTH, "atlantis", 7, wrapped) == wrapped


def test_what_does_not_open_is_not_wrapped_again() -> None:
    wrapped, _ = new_person_key(BOTH, "atlantis", 7)
    with pytest.raises(SealBroken):
        rewrap(BOTH, "atlantis", 8, wrapped)


@pytest.mark.parametrize(("keys", "current", "says"), [
    ({1: OLD},          2,  r"the current master key 2 is not among the keys \[1\]"),
    ({},                1,  r"the current master key 1 is not among the keys \[\]"),
    ({1: OLD[:15]},     1,  "key 1 has 15 bytes; SM4 takes 16"),
    ({0: OLD},          0,  "a key's id is from 1 to 65,535, not 0"),
    ({65_536: OLD},     65_536, "a key's id is from 1 to 65,535, not 65536"),
])
def test_master_keys_are_looked_at_at_the_start(keys: dict[int, bytes], current: int, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Keyring(keys, current)


def test_a_key_is_not_printed() -> None:
    printed = f"{KEY!r} {RING!r} {RING}"
    assert repr(KEY.key) not in printed
    assert repr(OLD) not in printed


# ── to find by ───────────────────────────────────────────────────────────────────────────────────────────────────────

SECRET = b"an index key of 32 bytes, secret"


def test_equal_texts_of_a_field_are_found() -> None:
    index = blind_index(SECRET, "atlantis", "identity", "11010519491231002X")
    assert index == blind_index(SECRET, "atlantis", "identity", "11010519491231002X")
    assert (len(index), index[0]) == (17, NORMALISER_VERSION)


def test_an_index_is_the_same_in_every_release() -> None:
    """Stored indexes are looked up for years: this one may change with a new version only."""
    assert blind_index(SECRET, "atlantis", "identity", "11010519491231002X").hex() == "01dda5014a3abb08373c353a712796affb"


@pytest.mark.parametrize(("key", "programme", "field", "text"), [
    (SECRET[::-1],  "atlantis",     "identity",     "13800138000"),
    (SECRET,        "lemuria",      "identity",     "13800138000"),
    (SECRET,        "atlantis",     "phone",        "13800138000"),
    (SECRET,        "atlantis",     "identity",     "13800138001"),
    (SECRET,        "atlantisi",    "dentity",      "13800138000"),
    (SECRET,        "atlantis",     "identity1",    "3800138000"),
])
def test_whatever_differs_is_not_found(key: bytes, programme: str, field: str, text: str) -> None:
    assert blind_index(key, programme, field, text) != blind_index(SECRET, "atlantis", "identity", "13800138000")


def test_a_short_index_key_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes or more, not 15"):
        blind_index(SECRET[:15], "atlantis", "identity", "13800138000")
