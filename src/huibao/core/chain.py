"""The record's hash chain: SM3 over what each entry says, one head per batch.

Evidence enters the chain as it is stored, sealed, so that erasing a person's key leaves every head as it was. Heads are
per batch and batches are part of what is proved: a verifier needs the first sequence number and the entries of each
batch as they were written, and the same entries batched otherwise have other heads.
"""

from collections.abc import Sequence
from datetime import datetime
from struct import Struct
from typing import Final

from cryptography.hazmat.primitives.hashes import SM3, Hash

from huibao.core.time import unix_us

DIGEST_BYTES: Final = 32

# What is hashed starts with a letter of its own and the format's version: no entry can pass for a link.
_GENESIS: Final = b"G\x01"
_ENTRY: Final = Struct(">2sqqqqqHH")
_LINK: Final = Struct(">2s32sqI")
_EMPTY: Final = Hash(SM3())


def sm3(data: bytes) -> bytes:
    """The 32 bytes of SM3, GB/T 32905."""
    # A copy of an empty one costs two thirds of a new one, and hashlib has SM3 only where the system's OpenSSL does.
    state = _EMPTY.copy()
    state.update(data)
    return state.finalize()


def genesis(programme: str) -> bytes:
    """The head of a programme's chain before its first batch."""
    return sm3(_GENESIS + programme.encode())


def entry_digest(
    seq: int, id: int, at: datetime, kind: str, outcome: str, credential: int, person: int | None, answer: bytes, sealed: bytes | None
) -> bytes:
    """The digest of one entry: its sequence number, id and time, what it was and how it ended, who entered it, whom it is
    about (0 is nobody), the answer, and the evidence as sealed, or none.

    Numbers are of 64 bits, signed; `at` is aware and counts in microseconds, as PostgreSQL keeps it. Answer and evidence
    enter as digests, so that a chain can be checked without them by who is shown the digests alone.
    """
    return digest_over(contents(answer, sealed), seq, id, at, kind, outcome, credential, person)


def contents(answer: bytes, sealed: bytes | None) -> bytes:
    """The digests as which answer and evidence enter an entry: known before its place in the record is."""
    return sm3(answer) + (b"" if sealed is None else sm3(sealed))


def digest_over(
    contents: bytes, seq: int, id: int, at: datetime, kind: str, outcome: str, credential: int, person: int | None
) -> bytes:
    """As `entry_digest`, of an entry whose contents are digested."""
    named, ended = kind.encode(), outcome.encode()
    header = _ENTRY.pack(b"E\x01", seq, id, unix_us(at), credential, person or 0, len(named), len(ended)) + named + ended
    return sm3(header + contents)


def link(head: bytes, first_seq: int, digests: Sequence[bytes]) -> bytes:
    """The head after a batch whose first entry has the number `first_seq`; an empty batch leaves it as it is.

    Raises `ValueError` for a head or a digest that is not of 32 bytes.
    """
    if len(head) != DIGEST_BYTES or any(len(digest) != DIGEST_BYTES for digest in digests):
        raise ValueError(f"a head and a digest have {DIGEST_BYTES} bytes each")
    if not digests:
        return head
    return sm3(_LINK.pack(b"L\x01", head, first_seq, len(digests)) + b"".join(digests))
