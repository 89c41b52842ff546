"""Signed without a login: the token of an identity check, which purchases carry, and the notices of the cash channel.

Both are HMAC-SM3. A token says which programme it is for: a person's id means somebody else in another one.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

import msgspec
from cryptography.hazmat.primitives.hashes import SM3
from cryptography.hazmat.primitives.hmac import HMAC

from huibao.enrolment.model import IdentityCheck

_MAC: Final = 32
_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(IdentityCheck, strict=True)


def mac(secret: bytes, data: bytes) -> bytes:
    """32 bytes of HMAC-SM3."""
    state = HMAC(secret, SM3())
    state.update(data)
    return state.finalize()


def same(one: bytes, other: bytes) -> bool:
    """Whether two codes are equal, found in the same time wherever they differ."""
    return hmac.compare_digest(one, other)


def sign_check(secret: bytes, programme: str, check: IdentityCheck) -> str:
    """The token of a check in a programme."""
    said = _ENCODER.encode(check)
    return urlsafe_b64encode(mac(secret, _framed(programme, said)) + said).decode()


def read_check(secret: bytes, programme: str, token: str) -> IdentityCheck | None:
    """The check that a token was signed for; None for one that was not signed with this secret for this programme."""
    try:
        data = urlsafe_b64decode(token)
    except ValueError:
        return None
    code, said = data[:_MAC], data[_MAC:]
    return _DECODER.decode(said) if same(code, mac(secret, _framed(programme, said))) else None


def _framed(programme: str, said: bytes) -> bytes:
    return b"identity-check\0" + programme.encode() + b"\0" + said
