"""Whoever changes, drops, adds or moves an entry of the record changes every head from there on."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huibao.core.chain import entry_digest, genesis, link, sm3
from huibao.core.sealing import Keyring, Place, SealBroken, new_person_key, open_sealed, seal, unwrap
from huibao.core.time import SHANGHAI

AT = datetime(2025, 12, 31, 16, 0, 0, 1, tzinfo=UTC)


class Entry(NamedTuple):
    seq: int
    id: int
    at: datetime
    kind: str
    outcome: str
    credential: int
    person: int | None
    answer: bytes
    sealed: bytes | None


ENTRY = Entry(1, 42, AT, "purchase", "done", 9, 1001, b'{"policy":7}', b"sealed evidence")


def head_after(batches: Sequence[Sequence[Entry]]) -> bytes:
    """What the verifier does with the batches as they were written."""
    head = genesis("atlantis")
    for batch in batches:
        head = link(head, batch[0].seq, [entry_digest(*entry) for entry in batch])
    return head


# ── SM3 ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.parametrize(("data", "digest"), [
    # GB/T 32905-2016, annex A
    (b"abc",            "66c7f0f4 62eeedd9 d1f2d46b dc10e4e2 4167c487 5cf2f7a2 297da02b 8f4ba8e0"),
    (b"abcd" * 16,      "debe9ff9 2275b8a1 38604889 c18e5a4d 6fdb70e5 387e5765 293dcba3 9c0c5732"),
    (b"",               "1ab21d83 55cfa17f 8e611948 31e81a8f 22bec8c7 28fefb74 7ed035eb 5082aa2b"),
])
def test_sm3_is_the_standards(data: bytes, digest: str) -> None:
    assert sm3(data) == bytes.fromhex(digest)


@pytest.mark.skipif("sm3" not in hashlib.algorithms_available, reason="this OpenSSL has no SM3")
@given(st.binary(max_size=300))
def test_sm3_is_the_one_of_openssl(data: bytes) -> None:
    assert sm3(data) == hashlib.new("sm3", data).digest()


# ── one entry ────────────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.parametrize("changed", [
    ENTRY._replace(seq=2),
    ENTRY._replace(id=43),
    ENTRY._replace(seq=42, id=1),
    ENTRY._replace(at=AT + timedelta(microseconds=1)),
    ENTRY._replace(at=AT - timedelta(microseconds=1)),
    ENTRY._replace(kind="purchasf"),
    ENTRY._replace(kind=""),
    ENTRY._replace(kind="purchased", outcome="one"),
    ENTRY._replace(outcome="policy.already_insured"),
    ENTRY._replace(credential=8),
    ENTRY._replace(person=1002),
    ENTRY._replace(person=None),
    ENTRY._replace(answer=b'{"policy":8}'),
    ENTRY._replace(answer=b""),
    ENTRY._replace(sealed=b"sealed evidencf"),
    ENTRY._replace(sealed=b""),
    ENTRY._replace(sealed=None),
    ENTRY._replace(answer=b"sealed evidence", sealed=b'{"policy":7}'),
])
def test_any_change_of_any_field_changes_the_head(changed: Entry) -> None:
    following = ENTRY._replace(seq=3)
    assert head_after([[changed], [following]]) != head_after([[ENTRY], [following]])


@given(*(st.builds(
    Entry, st.integers(-1, 2), st.integers(-1, 2), st.sampled_from([AT, AT + timedelta(1)]),
    st.text("ab", max_size=2), st.text("ab", max_size=2), st.integers(0, 1), st.none() | st.integers(1, 2),
    st.binary(max_size=2), st.none() | st.binary(max_size=2),
) for _ in range(2)))
def test_no_two_entries_have_one_digest(one: Entry, other: Entry) -> None:
    assert (entry_digest(*one) == entry_digest(*other)) == (one == other)


def test_an_answer_without_evidence_is_not_evidence_of_nothing() -> None:
    assert len({entry_digest(*ENTRY._replace(sealed=sealed)) for sealed in (None, b"", sm3(b""))}) == 3


def test_the_zone_a_time_is_written_in_is_no_matter() -> None:
    assert entry_digest(*ENTRY._replace(at=AT.astimezone(SHANGHAI))) == entry_digest(*ENTRY)


def test_a_time_without_a_zone_is_no_entry() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        entry_digest(*ENTRY._replace(at=AT.replace(tzinfo=None)))


# ── a chain ──────────────────────────────────────────────────────────────────────────────────────────────────────────

ENTRIES = [ENTRY._replace(seq=seq, id=seq * 10) for seq in range(1, 7)]


@pytest.mark.parametrize(("batches", "what"), [
    ([ENTRIES[:2], ENTRIES[2:5]],                               "the last entry dropped"),
    ([ENTRIES[:2], [*ENTRIES[2:4], ENTRIES[5]]],                "an entry in between dropped"),
    ([ENTRIES[2:6]],                                            "the first batch dropped"),
    ([ENTRIES[:2], [ENTRIES[3], ENTRIES[2], *ENTRIES[4:]]],     "two entries changed over"),
    ([ENTRIES[2:], ENTRIES[:2]],                                "two batches changed over"),
    ([ENTRIES[:2], ENTRIES[2:], [ENTRY._replace(seq=7)]],       "an entry added"),
    ([ENTRIES[:2], ENTRIES[:2], ENTRIES[2:]],                   "a batch twice"),
    ([ENTRIES],                                                 "one batch of two"),
    ([ENTRIES[:3], ENTRIES[3:]],                                "batches cut elsewhere"),
    ([[entry] for entry in ENTRIES],                            "batches of one"),
])
def test_another_record_has_another_head(batches: list[list[Entry]], what: str) -> None:
    assert head_after(batches) != head_after([ENTRIES[:2], ENTRIES[2:]]), what


def test_the_number_of_the_first_entry_counts() -> None:
    digests = [entry_digest(*ENTRY)]
    assert link(genesis("atlantis"), 1, digests) != link(genesis("atlantis"), 2, digests)


def test_every_programme_has_a_chain_of_its_own() -> None:
    digests = [entry_digest(*ENTRY)]
    assert link(genesis("atlantis"), 1, digests) != link(genesis("lemuria"), 1, digests)
    assert genesis("atlantis") != sm3(b"atlantis")


def test_an_empty_batch_leaves_the_head() -> None:
    assert link(genesis("atlantis"), 1, []) == genesis("atlantis")


@pytest.mark.parametrize(("head", "digests"), [
    (bytes(31), [bytes(32)]),
    (bytes(32), [bytes(31), bytes(33)]),    # as long together as two digests
    (b"", []),
])
def test_what_is_no_digest_is_no_link(head: bytes, digests: list[bytes]) -> None:
    with pytest.raises(ValueError, match="32 bytes each"):
        link(head, 1, digests)


def test_heads_are_the_same_in_every_release() -> None:
    """Heads are printed, signed and kept elsewhere: these may never change."""
    assert genesis("atlantis").hex() == "a5cd0ee36894316bfbacef0a8103e43646bc0ec1e35d8f7f13310b220b109334"
    assert entry_digest(*ENTRY).hex() == "5fb4058b0d4ab61073530b8e2fc8457fb3f17697adecd880345eac1b262e2dc0"
    assert head_after([ENTRIES[:2], ENTRIES[2:]]).hex() == "e1c6186c2ac1557e0f5106bf58366f1c9e1e95cb952629e1c5bd96cce9dcc3e8"


def test_an_erased_person_leaves_the_chain_whole() -> None:
    """The chain is over ciphertext: a verifier needs nobody's key, and so misses none."""
    ring = Keyring({1: bytes(16)}, current=1)
    keys = {7: new_person_key(ring, "atlantis", 7)[0], 8: new_person_key(ring, "atlantis", 8)[0]}
    place = Place("atlantis", "record", 1, "evidence")
    batch = [ENTRY._replace(seq=person_id, sealed=seal(unwrap(ring, "atlantis", person_id, wrapped), b"evidence", place))
             for person_id, wrapped in keys.items()]
    head = head_after([batch])

    del keys[7]

    assert head_after([batch]) == head
    with pytest.raises(SealBroken):
        open_sealed(unwrap(ring, "atlantis", 8, keys[8]), batch[0].sealed or b"", place)
