"""What is sealed with a settlement; packed where it is long, since what is sealed cannot be compressed any more."""

import zlib
from typing import Any, Final

import msgspec


class Evidence(msgspec.Struct, frozen=True):
    """The message with what was known of the visit when it was settled, and the whole answer."""

    row: dict[str, Any]
    lines: tuple[dict[str, Any], ...]
    told: msgspec.Raw = msgspec.Raw(b"null")


class Later(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was decided of a settlement after it was taken up: whether its illness is pre-existing, on what evidence, and facts of its
    visit that were corrected, by their column."""

    preexisting: bool | None = None
    reason: str = ""
    corrected: dict[str, str] = {}

    def told_in(self, row: dict[str, Any]) -> dict[str, Any]:
        """A message as it is folded now."""
        judged = {} if self.preexisting is None else {"preexisting": "1" if self.preexisting else "0"}
        return {**row, **judged, **self.corrected}


#: Nothing was decided later.
NOTHING_LATER: Final = Later()

_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(Evidence)
_LATER: Final = msgspec.json.Decoder(Later)
#: The fastest level. Below so many bytes a row stays in its page as it is, and packing would cost more than it saves.
_LEVEL: Final = 1
_LONG: Final = 6_000


def packed(row: dict[str, Any], lines: tuple[dict[str, Any], ...], told: bytes) -> bytes:
    """The evidence of a settlement; amounts as texts, exactly."""
    whole = _ENCODER.encode(Evidence(row, lines, msgspec.Raw(told)))
    return whole if len(whole) < _LONG else zlib.compress(whole, _LEVEL)


def unpacked(evidence: bytes) -> Evidence:
    """What `packed` made."""
    return _DECODER.decode(evidence if evidence[:1] == b"{" else zlib.decompress(evidence))


def later(plain: bytes) -> Later:
    """What was sealed of later decisions."""
    return _LATER.decode(plain)


def packed_later(decided: Later) -> bytes:
    """What `later` reads."""
    return _ENCODER.encode(decided)
