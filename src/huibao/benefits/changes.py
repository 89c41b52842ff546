"""What changed from one year's terms to the next, in the words in which plans are read back."""

import re
from collections.abc import Iterator
from typing import Final

from huibao.benefits.authoring import list_name, plan_in_words
from huibao.benefits.model import Plan

#: Dates, what it follows on, digest: as name and id, they differ every year, and say nothing of the terms.
_EVERY_YEAR: Final = ("保险期间", "接续产品", "文本摘要")
#: What a line is about: what stands before its first colon, figure or blank.
_ABOUT: Final = re.compile(r"[^：:\d ]*")

Lines = dict[tuple[str, str], list[str]]


def changes(before: Plan, after: Plan) -> tuple[str, ...]:
    """Each change as a sentence; none where the terms are the same."""
    old, new = _lines(before), _lines(after)
    places = dict.fromkeys((*old, *new))
    said = [sentence for place in places for sentence in _changed(place[0], old.get(place, []), new.get(place, []))]
    return (*said, *_listed(before, after))


def _lines(plan: Plan) -> Lines:
    """What a plan says, by the benefit it is said of and what it is about."""
    found: Lines = {}
    of = ""
    for line in list(plan_in_words(plan))[1:]:
        said = line.strip()
        if said.startswith((*_EVERY_YEAR, *map(list_name, plan.lists))):
            continue
        of = of if line.startswith("  ") else said.partition("：")[0] if said.startswith("保障“") else ""
        about = _ABOUT.match(said)
        found.setdefault((of, about[0] if about else said), []).append(said)
    return found


def _listed(before: Plan, after: Plan) -> Iterator[str]:
    """What lists of drugs no longer have, and what they have besides: of hundreds of codes only those."""
    for name in dict.fromkeys((*before.lists, *after.lists)):
        old, new = before.lists.get(name, ()), after.lists.get(name, ())
        for what, codes in (("取消", [code for code in old if code not in new]), ("新增", [code for code in new if code not in old])):
            if codes:
                yield f"{list_name(name)}{what} {len(codes)} 项：{'、'.join(codes)}"


def _changed(of: str, old: list[str], new: list[str]) -> Iterator[str]:
    gone, come = [line for line in old if line not in new], [line for line in new if line not in old]
    where = f"{of} " if of and not (gone or come or [""])[0].startswith(of) else ""
    for one, other in zip(gone, come, strict=False):
        yield f"{where}原为：{one}；改为：{other}"
    for line in gone[len(come):]:
        yield f"{where}取消：{line}"
    for line in come[len(gone):]:
        yield f"{where}新增：{line}"
