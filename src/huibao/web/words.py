"""The words of requests: what a text, a number or a list may be before anything looks at it."""

from typing import Annotated, Final

from msgspec import Meta

#: The largest number that the database keeps.
_MOST: Final = 2**63 - 1
#: No single amount is larger: sums of many fit what the database keeps.
MOST_FEN: Final = 10**15
#: The end of a text. A dollar sign alone would let a line break follow.
END: Final = r"$(?!\n)"

PersonId = Annotated[int, Meta(ge=1, le=_MOST, description="A person's id in this programme.", examples=[1001])]
Fen = Annotated[int, Meta(ge=1, le=MOST_FEN, description="An amount in fen （分）.", examples=[16800])]
#: Products, insurers, providers, areas, operations: what has an id has it in these characters.
Id = Annotated[str, Meta(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,63}" + END)]
#: What people write: no control characters, which no database column takes and no log line survives.
Text = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]{1,200}" + END)]
#: A token or a proof that somebody else made and we only pass on or check.
Token = Annotated[str, Meta(min_length=1, max_length=8192)]
