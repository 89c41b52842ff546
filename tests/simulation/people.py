"""The model's people: what the simulation knows of them by itself, and a scheme's rules in a few words of its own."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Final

from tests.books import HARDSHIPS, RELATIONS, Someone


@dataclass(frozen=True, slots=True)
class Rules:
    """What a scheme decides of account money, read off its document and not off its file."""

    scheme: str
    accounts: tuple[str, ...]
    minimum_fen: int
    limit_fen: int | None
    relations: frozenset[str]
    registered: bool                 # whoever is registered to the account may be bought for
    mixed: bool                      # cash may pay what the account cannot
    reviewed: bool                   # the agency decides before account money moves
    cash_alone: bool
    remind_days: tuple[int, ...]     # so many days before its end a buyer is asked whether a policy goes on
    two_above_fen: int = 0           # two people review an order whose account part is more
    lent: bool = False               # a mandate may reach the principal's account
    relatives: frozenset[str] = frozenset()    # kin that may order for the buyer in cash without a mandate
    replaces_own: bool = False       # a sponsor's policy takes the place of one that its person has bought and that has not begun


_NEAR: Final = frozenset({"self", "spouse", "child", "parent", "spouse-parent"})
_RULES: Final = (
    Rules("xizang", ("personal",), 300_000, 150_000, frozenset({"self"}), registered=True, mixed=True, reviewed=False, cash_alone=False, remind_days=(60, 30, 7)),
    Rules("liuzhou", ("personal", "savings"), 0, None, _NEAR, registered=False, mixed=False, reviewed=True, cash_alone=True, remind_days=(30, 7), two_above_fen=100_000,
          lent=True, relatives=frozenset({"spouse", "child", "parent"})),
)
#: The second scheme once more, as a city would have it that lets own purchases give way to a sponsor's.
RULES: Final = (*_RULES, replace(_RULES[1], replaces_own=True))

#: Who lives there. 编号，出生，参保，账户（元），家人
SOMEONE: Final = (
    Someone(1, personal="8000", kin="2 父母 账户；3 父母；4 子女 账户；5 配偶 账户"),
    Someone(2, "1955-02-11", "居民 正常"),
    Someone(3, "1957-10-08", "居民 正常"),
    Someone(4, "2006-09-01", "居民 正常"),
    Someone(5, "1986-01-20", personal="3700", savings="900.07", kin="1 配偶 账户；4 子女 账户"),
    Someone(6, "1970-12-31", personal="3100.01", kin="8 子女 账户"),
    Someone(7, "1990-05-05", "居民 正常", hardship="低保"),
    Someone(8, "2017-03-09", "居民 正常"),
    Someone(9, "1979-07-21", personal="5000", savings="50", kin="7 配偶 账户"),
)


@dataclass(slots=True)
class Mandate:
    """What an agent may do for a principal, from and to which day; until it is revoked."""

    id: int
    principal: int
    agent: int
    may: frozenset[str]
    since: date
    until: date
    revoked: bool = False

    def holds(self, on: date) -> bool:
        return not self.revoked and self.since <= on <= self.until


@dataclass(slots=True)
class Proposed:
    """The next year of a policy: whether its buyer wants it for its insured; when they are asked again, which order bought it, and why
    there is nothing to want where there is not."""

    buyer: int
    insured: int
    product: str
    premium_fen: int
    ends: date
    state: str = "open"
    why: str | None = None
    remind_on: date | None = None
    bought: int | None = None

    def next_day(self, days: tuple[int, ...], on: date) -> date | None:
        """The next day on which its buyer is asked again."""
        return min((day_ for before in days if (day_ := self.ends - timedelta(days=before)) > on), default=None)


@dataclass(slots=True)
class Payer:
    """A sponsor: its money, what of it is set aside for rosters, how far it may spend ahead."""

    id: int
    credit_fen: int
    balance_fen: int = 0
    held_fen: int = 0
    references: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Spell:
    """A time in which somebody is in hardship; without an end where none is known."""

    value: str
    since: date
    until: date | None = None

    def holds(self, on: date) -> bool:
        return self.since <= on and (self.until is None or on <= self.until)


@dataclass(slots=True)
class Citizen:
    """A person: insurance and its status, money and what of it is set aside, by kind of account; what counts in each year."""

    id: int
    born: date
    insurance: str
    status: str
    money: dict[str, int]
    kin: dict[int, tuple[str, bool]]
    held: dict[str, int] = field(default_factory=dict)
    spent: dict[int, int] = field(default_factory=dict)
    waiting: dict[int, int] = field(default_factory=dict)
    state: str = "open"
    died: date | None = None
    agreed: bool = False
    hardship: list[Spell] = field(default_factory=list)
    phone: str = ""

    def hardship_on(self, on: date) -> str:
        return next((spell.value for spell in self.hardship if spell.holds(on)), "none")

    def free(self, kind: str) -> int:
        return self.money.get(kind, 0) - self.held.get(kind, 0) if self.state == "open" else 0

    def counted(self, year: int) -> int:
        """What was spent in a year and is set aside for it."""
        return self.spent.get(year, 0) + self.waiting.get(year, 0)

    def hold(self, parts: dict[str, int], years: Iterable[int], sign: int) -> None:
        """Sets parts of a premium aside in these years, or lets them go again."""
        for kind, fen in parts.items():
            self.held[kind] = self.held.get(kind, 0) + sign * fen
        for year in years:
            self.waiting[year] = self.waiting.get(year, 0) + sign * sum(parts.values())

    def spend(self, parts: dict[str, int], year: int) -> None:
        for kind, fen in parts.items():
            self.money[kind] -= fen
        self.spent[year] = self.spent.get(year, 0) + sum(parts.values())


def citizens(everyone: Iterable[Someone] = SOMEONE) -> dict[int, Citizen]:
    """The people as they moved in."""
    return {one.id: _citizen(one) for one in everyone}


def _citizen(one: Someone) -> Citizen:
    money = {kind: int(yuan.replace(".", "")) if "." in yuan else int(yuan) * 100
             for kind, yuan in (("personal", one.personal), ("savings", one.savings)) if yuan}
    kin = {}
    for entry in filter(None, one.kin.split("；")):
        other, relation, *account = entry.split(" ")
        kin[int(other)] = (RELATIONS[relation], account == ["账户"])
    insurance, status = one.insurance.split(" ")
    return Citizen(one.id, date.fromisoformat(one.born), {"职工": "310", "居民": "390"}[insurance], {"正常": "1"}[status], money, kin,
                   hardship=[Spell(HARDSHIPS[one.hardship], date(2000, 1, 1))] if one.hardship else [])
