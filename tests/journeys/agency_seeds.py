"""A seed's afternoon between us and the agency: people buy, pay and change their minds, everything fails in every way, processes die.

`steps_of(seed)` is the afternoon as data, `lived(city, steps)` what is wrong after it (nothing, if all is well), `shrunk` the fewest of
its steps that still end badly. The same steps are the same afternoon, to the request.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from random import Random
from typing import Any, Final, Literal, NamedTuple, get_args

from huibao.core.points import POINTS
from huibao.enrolment import own
from tests.books import City, Someone, rows
from tests.journeys.agency import CHEAP, DEAR, Office, at_work

PEOPLE: Final = [Someone(1, kin="2 配偶"), Someone(2, insurance="居民 正常"), Someone(3, kin="4 子女"), Someone(4, born="2000-01-01"), Someone(5)]
PURSES: Final = {1: ("8000", "500"), 3: ("1000", "3000"), 4: ("3100", "0"), 5: ("2500", "400")}
FAULTS: Final = ("drop", "error", "half-answer", "wrong-signature", "lose", "late", "repeat", "garbage", "wrong-key", "wrong-amount")
DEADLY: Final = tuple(point for point in POINTS if point.startswith(("accounts.", "batch.")))
STEPS: Final = 30
#: After the afternoon everything works again: by then every order has ended.
EVENING: Final = 12

What = Literal["buy", "turn", "fail", "kill", "pay", "cancel", "wait", "spend", "freeze"]
#: Of a hundred steps, so many are of each kind.
_WEIGHTS: Final = {"buy": 22, "turn": 26, "fail": 18, "kill": 8, "pay": 8, "cancel": 6, "wait": 6, "spend": 4, "freeze": 2}
assert set(_WEIGHTS) == set(get_args(What))


class Step(NamedTuple):
    """What happens, and the dice for its details."""

    what: What
    dice: int


def steps_of(seed: int, count: int = STEPS) -> list[Step]:
    """An afternoon."""
    chance = Random(seed)  # noqa: S311 - a failure that can be run again is what it is for
    kinds: Any = list(_WEIGHTS)
    return [Step(what, chance.randrange(2**32)) for what in chance.choices(kinds, list(_WEIGHTS.values()), k=count)]


def lived(city: City, steps: Sequence[Step]) -> list[str]:
    """What is wrong once the afternoon is over and everything worked again for a while; nothing, if all is well."""
    with at_work(city, PURSES) as office:
        day = _Afternoon(office)
        for step in steps:
            day.live(step)
            if wrong := list(uncovered(office)):
                return [f"after {step}: {one}" for one in wrong]
        day.end()
        waiting = rows(city, "SELECT id, state FROM orders WHERE state LIKE 'awaiting%%'")
        return [f"order {order} hangs, {state}" for order, state in waiting] + office.apart() + list(day.unbalanced())


def shrunk(lives: Callable[[Sequence[Step]], list[str]], steps: Sequence[Step]) -> list[Step]:
    """The fewest steps found that still end badly: halves, quarters, … and single ones are left out while they can be."""
    left, size = list(steps), max(1, len(steps) // 2)
    while size:
        start = 0
        while start < len(left):
            without = left[:start] + left[start + size:]
            if without and lives(without):
                left = without
            else:
                start += size
        size //= 2
    return left


def uncovered(office: Office) -> Iterator[str]:
    """At no moment is anybody covered whose money was not taken, nor money kept for an order that has ended without cover."""
    confirmed = {key.rsplit("-", 1)[0] for key, kept in office.platform.holds.items() if kept.state == "confirmed"}
    orders = rows(office.city, "SELECT id, state, premium_fen - cash_fen FROM orders")
    for order, state, account_fen in orders:
        number = office.number(order)
        if state == "completed" and account_fen and number not in confirmed:
            yield f"order {order} is covered, and the agency took nothing"
        if state == "void" and number in confirmed:
            yield f"order {order} is void, and the agency took its money"


class _Afternoon:
    """The steps as they are lived; what was spent elsewhere is remembered, so that every fen can be accounted for at the end."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.opened = {person: self._free(person) for person in PURSES}
        self.elsewhere = dict.fromkeys(PURSES, 0)
        self.strike: Callable[[str], None] = lambda _: None

    def _free(self, person: int) -> int:
        purse = self.office.purse(person)
        return purse.personal_fen + purse.savings_fen

    def live(self, step: Step) -> None:
        chance = Random(step.dice)  # noqa: S311 - as above
        getattr(self, f"_{step.what}")(chance)

    def end(self) -> None:
        """Everything works, time passes: each order ends."""
        self.office.platform.faults.clear()
        for person in PURSES:
            self.office.purse(person).state = "open"
        for _ in range(EVENING):
            self.office.turn(2)
            self.office.city.clock.advance(timedelta(minutes=31))
            self._expire()

    def unbalanced(self) -> Iterator[str]:
        """Opening balances less what was taken and what was spent elsewhere is what is there."""
        taken = dict.fromkeys(PURSES, 0)
        for kept in self.office.platform.holds.values():
            taken[int(kept.psn_no[-8:])] += (kept.parts.personal_fen + kept.parts.savings_fen) if kept.state == "confirmed" else 0
        for person, opened in self.opened.items():
            if self._free(person) != opened - taken[person] - self.elsewhere[person]:
                yield f"person {person} has {self._free(person)} fen at the agency, of {opened} less {taken[person]} and {self.elsewhere[person]}"

    # ── steps ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _buy(self, chance: Random) -> None:
        buyer = chance.choice((1, 1, 3, 4, 5))
        relative = {1: 2, 3: 4}.get(buyer)
        insured = [buyer] if relative is None or chance.random() < 0.5 else chance.choice(([relative], [buyer, relative]))
        self.office.ask(buyer, *insured, product=chance.choice((CHEAP, DEAR)))

    def _turn(self, _: Random) -> None:
        self.office.turn()

    def _fail(self, chance: Random) -> None:
        self.office.fail(chance.choice(FAULTS), times=chance.randint(1, 3), per_mille=chance.choice((300, 1000)), seed=chance.randrange(1000))

    def _kill(self, chance: Random) -> None:
        self.office.dies(chance.choice(DEADLY), chance.randint(1, 4))

    def _pay(self, chance: Random) -> None:
        if waiting := rows(self.office.city, "SELECT id FROM orders WHERE state = 'awaiting-payment' ORDER BY id"):
            self.office.pay(chance.choice(waiting)[0])

    def _cancel(self, chance: Random) -> None:
        if waiting := rows(self.office.city, "SELECT id, buyer_id FROM orders WHERE state LIKE 'awaiting%%' ORDER BY id"):
            self.office.cancel(*chance.choice(waiting))

    def _wait(self, chance: Random) -> None:
        self.office.city.clock.advance(timedelta(minutes=chance.randint(1, 40)))
        self._expire()

    def _expire(self) -> None:
        at = self.office.city.clock.now()
        for (order,) in rows(self.office.city, "SELECT id FROM orders WHERE state = 'awaiting-payment' AND deadline <= %s ORDER BY id", at):
            self.office.request(own.expired(order))

    def _spend(self, chance: Random) -> None:
        person = chance.choice(list(PURSES))
        purse = self.office.purse(person)
        fen = min(purse.personal_fen, chance.randint(1, 50_000))
        purse.personal_fen -= fen
        self.elsewhere[person] += fen

    def _freeze(self, chance: Random) -> None:
        purse = self.office.purse(chance.choice(list(PURSES)))
        purse.state = "open" if purse.state == "frozen" else "frozen"
