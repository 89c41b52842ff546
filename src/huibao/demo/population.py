"""The people of a demonstration, by chance and yet the same every time: a seed tells one town from another.

All of them are invented. Their identity numbers have a right check digit and a county that GB/T 2260 gives to nobody
(99), so that none was ever issued; telephones are counted up from 190 0000 0000 and are nobody's to call: no
demonstration may send messages to the outside.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Final, NamedTuple

from stdnum.cn import ric

from huibao.core.time import whole_years
from huibao.demo.families import AS_OF, Relative, family
from huibao.demo.programmes import OTHER_SIDE, Character, DemoProgramme

_NO_COUNTY: Final = "99"
_SEX: Final = {"male": "1", "female": "2"}
_FIRST_PHONE: Final = 19_000_000_000

#: What is stored of the outpatient chronic-disease benefit: that it is held, never for which illness.
CHRONIC_VALUE: Final = "门诊慢性病待遇"

#: A family in hardship is of one of these kinds, so many in a hundred.
_FAMILY_HARDSHIP: Final = {"destitute": 8, "subsistence-allowance": 42, "near-subsistence": 28, "poverty-risk": 22}

#: Balances are log-normal around 5,400 yuan: a quarter below 3,000, some above 20,000.
_BALANCE_LOG_FEN: Final = (13.2, 0.9)
_SAVINGS_LOG_FEN: Final = (11.2, 0.8)


class Person(NamedTuple):
    """One person in plain text; `sex` is the national dictionary's 1 or 2."""

    id: int
    psn_no: str
    name: str
    identity: str
    phone: str | None
    sex: str
    born: date
    area: str
    died: date | None


class Enrolled(NamedTuple):
    person: int
    insurance: str
    status: str
    area: str
    valid_from: date
    valid_to: date | None


class Standing(NamedTuple):
    person: int
    kind: str
    value: str
    valid_from: date


class Kinship(NamedTuple):
    person: int
    relative: int
    relation: str
    account_family: bool
    evidence: str
    valid_from: date


class Purse(NamedTuple):
    """A person's account and the balance it opens with."""

    person: int
    kind: str
    state: str
    fen: int


@dataclass(slots=True)
class Population:
    """Everybody, and what is true of them; the characters come first, under their own ids."""

    people: list[Person] = field(default_factory=list)
    enrolments: list[Enrolled] = field(default_factory=list)
    standings: list[Standing] = field(default_factory=list)
    kinships: list[Kinship] = field(default_factory=list)
    purses: list[Purse] = field(default_factory=list)


def populate(programme: DemoProgramme, people: int, seed: int) -> Population:
    """A town of so many people, and of the programme's characters at least. The same arguments give the same town."""
    town = _Town(programme, Random(f"{programme.code}:{seed}"))  # noqa: S311 (made-up people)
    for character in programme.characters:
        town.settle_character(character)
    for kin in programme.kin:
        since = kin.since or max(programme.characters[id - 1].born for id in (kin.person, kin.relative))
        town.relate(Kinship(kin.person, kin.relative, kin.relation, kin.account_family, kin.evidence, since))
        town.relate(Kinship(kin.relative, kin.person, OTHER_SIDE[kin.relation], False, kin.evidence, since))
    while (room := people - len(town.made.people)) > 0:
        town.settle_family(room)
    return town.made


@dataclass(slots=True)
class _Town:
    """A town while it fills."""

    programme: DemoProgramme
    rng: Random
    made: Population = field(default_factory=Population)
    _numbers: dict[tuple[date, str], int] = field(default_factory=dict)

    # ── characters ──

    def settle_character(self, character: Character) -> None:
        person = self._person(character.name, character.sex, character.born, character.area)
        assert person == character.id, "characters are settled first, in the order of their ids"
        since = max(character.born, date(2015, 1, 1))
        for insurance in character.insurance:
            self._enrol(person, insurance, character.status, character.area, since)
        if character.hardship:
            self.made.standings.append(Standing(person, "hardship", character.hardship, since))
        if character.chronic_benefit:
            self.made.standings.append(Standing(person, "chronic-benefit", CHRONIC_VALUE, since))
        for kind, fen in (("personal", character.personal_fen), ("savings", character.savings_fen)):
            if fen is not None:
                self.made.purses.append(Purse(person, kind, "open", fen))

    def relate(self, kinship: Kinship) -> None:
        self.made.kinships.append(kinship)

    # ── families ──

    def settle_family(self, room: int) -> None:
        """A family by chance; of the last one only those for whom there is room."""
        styles, weights = zip(*self.programme.names, strict=True)
        living = family(self.rng, self.rng.choices(styles, weights)[0])
        area = self.programme.areas[min(self.rng.randrange(len(self.programme.areas)), self.rng.randrange(len(self.programme.areas)))]
        hardship = self._family_hardship()
        first = len(self.made.people) + 1
        payers = [self._settle(relative, area, hardship) for relative in living.members[:room]]
        registers = {payer for payer in payers if payer and self.rng.randrange(100) < 45}
        for tie in living.ties:
            if max(tie.person, tie.relative) < room:
                near = tie.relation in {"spouse", "child", "parent"}
                registered = near and first + tie.person in registers and self.rng.randrange(100) < 70
                self.relate(Kinship(first + tie.person, first + tie.relative, tie.relation, registered, tie.evidence, tie.since))

    def _settle(self, relative: Relative, area: str, hardship: str | None) -> int | None:
        """One member of a family, with all that is true of the person; the id of one who has an account."""
        rng, age = self.rng, whole_years(relative.born, AS_OF)
        died = AS_OF - timedelta(days=rng.randint(1, 360)) if age >= 66 and rng.randrange(100) < 2 else None
        person = self._person(relative.name, relative.sex, relative.born, area, died)
        hardship = "orphan" if relative.orphan else hardship or ("disabled" if rng.randrange(100) == 0 else None)
        if hardship:
            self.made.standings.append(Standing(person, "hardship", hardship, max(relative.born, self._day(2019, 2023))))
        if rng.randrange(100) < (18 if age >= 60 else 5 if age >= 40 else 0):
            self.made.standings.append(Standing(person, "chronic-benefit", CHRONIC_VALUE, self._day(2018, 2023)))
        return self._insure(person, age, area, died)

    def _insure(self, person: int, age: int, area: str, died: date | None) -> int | None:
        rng = self.rng
        employee = age >= 18 and rng.randrange(100) < (15 if age < 22 else 58 if age < 60 else 42)
        away = age >= 18 and rng.randrange(100) < 2
        status = "4" if died else self._status(employee)
        since = max(self.made.people[-1].born, self._day(2005, 2021))
        place = rng.choice(self.programme.elsewhere) if away else area
        self._enrol(person, "310" if employee else "390", status, place, since, died)
        if employee and not away and status == "1" and rng.randrange(500) == 0:
            self._enrol(person, "390", "1", area, since)
        if not employee or away:
            return None
        self._open(person, "personal", status, died, _BALANCE_LOG_FEN)
        if rng.randrange(10_000) < self.programme.savings:
            self._open(person, "savings", status, died, _SAVINGS_LOG_FEN)
        return None if died else person

    def _open(self, person: int, kind: str, status: str, died: date | None, log_fen: tuple[float, float]) -> None:
        """An account: frozen when its holder died and for a few others, closed and empty where the insurance has ended."""
        state = "frozen" if died or self.rng.randrange(200) == 0 else "closed" if status == "4" else "open"
        fen = 0 if state == "closed" else round(self.rng.lognormvariate(*log_fen))
        self.made.purses.append(Purse(person, kind, state, fen))

    def _status(self, employee: bool) -> str:
        return self.rng.choices(("1", "2", "4"), (94, 4, 2) if employee else (96, 1, 3))[0]

    def _family_hardship(self) -> str | None:
        if self.rng.randrange(100) >= 4:
            return None
        return self.rng.choices(tuple(_FAMILY_HARDSHIP), tuple(_FAMILY_HARDSHIP.values()))[0]

    # ── one person ──

    def _person(self, name: str, sex: str, born: date, area: str, died: date | None = None) -> int:
        id = len(self.made.people) + 1
        phone = str(_FIRST_PHONE + id) if whole_years(born, AS_OF) >= 12 else None
        psn_no = f"{self.programme.code}{id:014d}"
        self.made.people.append(Person(id, psn_no, name, self._identity(born, sex), phone, _SEX[sex], born, area, died))
        return id

    def _identity(self, born: date, sex: str) -> str:
        """A number of 18: county, birth date, an odd sequence number for men and an even one for women, check digit."""
        count = self._numbers.get((born, sex), 0)
        self._numbers[born, sex] = count + 1
        sequence = 2 * count + (1 if sex == "male" else 2)
        body = f"{self.programme.area[:4]}{_NO_COUNTY}{born:%Y%m%d}{sequence:03d}"
        return body + ric.calc_check_digit(f"{body}0")

    def _enrol(
        self, person: int, insurance: str, status: str, area: str, since: date, ended: date | None = None
    ) -> None:
        """Insurance as it is now; one that is not normal any more was so until it changed."""
        changed = ended or self._day(2022, 2024)
        if status == "1" or changed <= since:
            self.made.enrolments.append(Enrolled(person, insurance, status, area, since, None))
            return
        self.made.enrolments.append(Enrolled(person, insurance, "1", area, since, changed - timedelta(days=1)))
        self.made.enrolments.append(Enrolled(person, insurance, status, area, changed, None))

    def _day(self, first: int, last: int) -> date:
        """Some day from the beginning of one year to the end of another."""
        return date(first, 1, 1) + timedelta(days=self.rng.randrange((date(last + 1, 1, 1) - date(first, 1, 1)).days))
