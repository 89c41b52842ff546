"""Families by chance: who lives together, how old they are, and on what evidence they are each other's kin.

Everybody is somebody's age: parents are at least twenty-two years older than their children, couples marry as adults.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Final

from huibao.core.time import whole_years
from huibao.demo.names import Style
from huibao.demo.programmes import OTHER_SIDE, SEXES, Sex

#: The day on which the families are as they are made; later days find them older and otherwise the same.
AS_OF: Final = date(2025, 1, 1)

REGISTER: Final = "户口簿"
MARRIAGE: Final = "结婚证"
BIRTH: Final = "出生医学证明"
GUARDIAN: Final = "户口簿、监护证明"
IN_LAW: Final = "结婚证、配偶的户口簿"

#: Of a thousand families so many are a grandparent who brings up an orphan.
_GUARDIANS: Final = 4
#: Days that are a year at least, whatever the calendar.
_YEAR: Final = 366


@dataclass(frozen=True, slots=True)
class Relative:
    """A member of a family before it has a number; `line` is what the father hands down to the children's names."""

    name: str
    sex: Sex
    born: date
    line: str
    orphan: bool = False


@dataclass(frozen=True, slots=True)
class Tie:
    """`relative` is the `relation` of `person`, both by place in the family, since a day and on some evidence."""

    person: int
    relative: int
    relation: str
    evidence: str
    since: date


@dataclass(slots=True)
class Family:
    """Members in the order in which they came, the head first, and their ties in both directions."""

    style: Style
    members: list[Relative] = field(default_factory=list)
    ties: list[Tie] = field(default_factory=list)

    def add(self, relative: Relative) -> int:
        self.members.append(relative)
        return len(self.members) - 1

    def tie(self, person: int, relative: int, relation: str, evidence: str, since: date) -> None:
        self.ties.append(Tie(person, relative, relation, evidence, since))
        self.ties.append(Tie(relative, person, OTHER_SIDE[relation], evidence, since))


def family(rng: Random, style: Style) -> Family:
    """A family: mostly a couple with children and the parents who are still alive; some live alone, some with a sibling."""
    made = Family(style)
    if rng.randrange(1000) < _GUARDIANS:
        _guardian(rng, made)
        return made
    line = style.line(rng)
    head = made.add(_relative(rng, style, rng.choice(SEXES), _before(rng, AS_OF, 23, 72), line))
    parents = _parents(rng, made, head, line)
    if rng.randrange(100) < 12:
        _sibling(rng, made, head, line, parents)
    if rng.randrange(100) < (35 if whole_years(made.members[head].born, AS_OF) < 27 else 82):
        _marry(rng, made, head, parents)
    return made


def _before(rng: Random, day: date, least: int, most: int) -> date:
    """A day from `least` to about `most` years before `day`."""
    return day - timedelta(days=rng.randint(least * _YEAR, most * _YEAR))


def _relative(rng: Random, style: Style, sex: Sex, born: date, line: str) -> Relative:
    name = style.name(rng, sex, line)
    return Relative(name, sex, born, style.hands_down(name, line))


def _guardian(rng: Random, made: Family) -> None:
    line = made.style.line(rng)
    elder = made.add(_relative(rng, made.style, rng.choice(SEXES), _before(rng, AS_OF, 58, 76), line))
    sex = rng.choice(SEXES)
    child = Relative(made.style.name(rng, sex, line), sex, _before(rng, AS_OF, 4, 16), line, orphan=True)
    made.tie(elder, made.add(child), "other", GUARDIAN, child.born)


def _parents(rng: Random, made: Family, child: int, line: str) -> list[int]:
    """The parents of a member who are alive, by place in the family; the older, the fewer."""
    born = made.members[child].born
    father = _before(rng, born, 24, 36)
    mother = min(father + timedelta(days=rng.randint(-2 * _YEAR, 5 * _YEAR)), _before(rng, born, 22, 23))
    couple = (
        Relative(made.style.father(rng, line), "male", father, line),
        _relative(rng, made.style, "female", mother, made.style.line(rng)),
    )
    alive = [parent for parent in couple if rng.randrange(100) < _alive(whole_years(parent.born, AS_OF))]
    places = [made.add(parent) for parent in alive]
    if len(places) == 2:
        made.tie(places[0], places[1], "spouse", MARRIAGE, _before(rng, born, 1, 1))
    for place in places:
        made.tie(child, place, "parent", REGISTER, born)
    return places


def _alive(age: int) -> int:
    """Of a hundred parents of this age, how many are there to be insured."""
    if age < 65:
        return 45
    return 35 if age < 78 else 15 if age < 90 else 2


def _sibling(rng: Random, made: Family, head: int, line: str, parents: list[int]) -> None:
    born = min(made.members[head].born + timedelta(days=rng.randint(_YEAR, 6 * _YEAR)), _before(rng, AS_OF, 18, 19))
    if born <= made.members[head].born:
        return
    sibling = made.add(_relative(rng, made.style, rng.choice(SEXES), born, line))
    made.tie(head, sibling, "other", REGISTER, born)
    for parent in parents:
        made.tie(sibling, parent, "parent", REGISTER, born)


def _marry(rng: Random, made: Family, head: int, parents: list[int]) -> None:
    """A spouse, with parents of their own and children."""
    one = made.members[head]
    born = min(one.born + timedelta(days=rng.randint(-4 * _YEAR, 4 * _YEAR)), _before(rng, AS_OF, 23, 24))
    sex: Sex = "female" if one.sex == "male" else "male"
    line = made.style.line(rng)
    spouse = made.add(_relative(rng, made.style, sex, born, line))
    adults = max(one.born, born) + timedelta(days=22 * _YEAR)
    married = min(adults + timedelta(days=rng.randrange(7 * _YEAR)), AS_OF - timedelta(days=1))
    made.tie(head, spouse, "spouse", MARRIAGE, married)
    for parent in parents:
        made.tie(spouse, parent, "spouse-parent", IN_LAW, married)
    for parent in _parents(rng, made, spouse, line) if rng.randrange(100) < 40 else ():
        made.tie(head, parent, "spouse-parent", IN_LAW, married)
    _children(rng, made, (head, spouse), married)


def _children(rng: Random, made: Family, couple: tuple[int, int], married: date) -> None:
    father, mother = sorted(couple, key=lambda place: made.members[place].sex == "female")
    born = married
    for n in range(rng.choices((0, 1, 2, 3), (14, 48, 32, 6))[0]):
        born += timedelta(days=rng.randint(300, 5 * _YEAR))
        if born >= AS_OF or whole_years(made.members[mother].born, born) > 43:
            return
        place = made.add(_relative(rng, made.style, rng.choice(SEXES), born, made.members[father].line))
        for parent in couple:
            made.tie(parent, place, "child", BIRTH if n or rng.randrange(3) else REGISTER, born)
