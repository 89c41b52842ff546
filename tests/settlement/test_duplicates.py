"""Every command of the desk again: with its key and with another, twenty at once, in one batch. One effect, one answer."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import pytest

from huibao.record.model import DONE, OTHER_BODY, Answer
from huibao.settlement.model import Adjust, Agree, Command, Confirm, Judge, Settle, SettlementTold, Withdraw
from tests.books import City, Someone, refusal, rows, small_city, verify
from tests.database import MakeProgramme
from tests.settlement.rounds import each_at_once, insure
from tests.settlement.ward import BILLED, Ward, bill, reversal, settled

MANY: Final = 20
TABLES: Final = ("settlement", "payment", "accumulator", "reversal", "open_case", "payout", "notice", "transfer", "account", "pool_total", "pool_entry")


class Bed:
    """A person with three settlements, of which each kind of command can name one."""

    def __init__(self, ward: Ward) -> None:
        self.ward, self.city = ward, ward.city
        self.first, self.second, self.third = ward.settle(*(self.bill(f"S{n}", visit=f"V{n}") for n in range(3)))
        ward.confirm(self.first, self.third)

    def bill(self, setl_id: str, **more: Any) -> Settle:
        return bill(1, setl_id, self_paid="9000", city=self.city, **more)

    def id(self, told: SettlementTold) -> int:
        return self.ward.id(told)

    def everything(self) -> list[Any]:
        """Every row that a command of the desk may touch."""
        return [rows(self.city, f"SELECT * FROM {table} ORDER BY 1, 2, 3") for table in TABLES]  # noqa: S608

    def waited(self) -> Adjust:
        """The wait after a reversal, over since the same visit was settled anew."""
        self.ward.run(reversal("R0", "S0"), self.bill("S3", visit="V0"))
        return Adjust(7, self.id(self.first))


#: Each kind of command, another body of its kind, and what one with another key is told: None is the same answer again.
Made = tuple[Command, Command, str | None]
COMMANDS: Final[dict[str, Callable[[Bed], Made]]] = {
    "settle": lambda bed: (bed.bill("S9"), bed.bill("S9", at=BILLED.replace(hour=3)), None),
    "settle of the feed": lambda bed: (bed.bill("S9", way="feed"), bed.bill("S9", way="feed", over="1"), None),
    "confirm": lambda bed: (Confirm(7, bed.id(bed.second), bed.second.pay_fen), Confirm(7, bed.id(bed.second), 1), None),
    "withdraw, stands": lambda bed: (Withdraw(7, bed.id(bed.second), True), Withdraw(7, bed.id(bed.second), False), "settlement.not_offered"),
    "withdraw": lambda bed: (Withdraw(7, bed.id(bed.second), False), Withdraw(7, bed.id(bed.second), True), "settlement.not_offered"),
    "reverse an offer": lambda _: (reversal("R9", "S1"), reversal("R9", "S0"), None),
    "reverse": lambda _: (reversal("R9", "S0"), reversal("R9", "S1"), None),
    "reverse something unknown": lambda _: (reversal("R9", "S99"), reversal("R9", "S98"), None),
    "adjust": lambda bed: (bed.waited(), Adjust(7, bed.id(bed.second)), "adjustment.not_waiting"),
    "judge": lambda bed: (Judge(7, bed.id(bed.third), True, "病历"), Judge(7, bed.id(bed.third), False, "病历"), "judgement.not_open"),
}


@pytest.fixture
def city(programme: MakeProgramme) -> City:
    city = small_city(programme, "xizang", [Someone(1, personal="5000"), Someone(2, personal="5000")])
    insure(city, [1], [2])
    return city


def said(answer: Answer) -> dict[str, Any]:
    """What every answer to a command says, the first and those kept."""
    found: dict[str, Any] = json.loads(answer.body)
    return {name: found.get(name) for name in ("settlement", "state", "payee", "pay_fen", "posted_fen", "code")}


@pytest.mark.clause("LZ-10")
def is_settled(kind: str) -> bool:
    return kind.startswith("settle")


@pytest.mark.parametrize("kind", COMMANDS)
def test_said_again_it_has_one_effect(city: City, kind: str) -> None:
    """Under its key it is told again as it was; another body under the key is refused; under another key nothing more is done."""
    with Ward(city) as ward:
        ward.agrees(1)
        bed = Bed(ward)
        command, other, again = COMMANDS[kind](bed)
        [first] = ward.run(command, keys=["k"])
        assert (first.outcome, first.replayed) == (DONE, False)
        after = bed.everything()
        for _ in range(3):
            [same] = ward.run(command, keys=["k"])
            assert (same.outcome, same.replayed, said(same)) == (DONE, True, said(first))
        [used] = ward.run(other, keys=["k"])
        assert refusal(used).code == OTHER_BODY
        for key in ("l", "m"):
            [fresh] = ward.run(command, keys=[key])
            assert (fresh.outcome, fresh.replayed) == (again or DONE, is_settled(kind))     # a settlement says that it was told before
            assert again or fresh.body == (first.body if kind != "adjust" else b"")
        assert bed.everything() == after
    assert verify(city) == []


@pytest.mark.clause("LZ-10")
@pytest.mark.parametrize("kind", COMMANDS)
def test_twenty_times_in_one_batch_it_has_one_effect(city: City, kind: str) -> None:
    """Its key and others in turn, another body under the key between them."""
    with Ward(city) as ward:
        ward.agrees(1)
        bed = Bed(ward)
        command, other, again = COMMANDS[kind](bed)
        commands = [command, other, *([command] * (MANY - 2))]
        told = ward.run(*commands, keys=["k" if n % 3 or n == 0 else f"k{n}" for n in range(MANY)])
        assert (told[0].outcome, told[0].replayed, told[1].outcome) == (DONE, False, OTHER_BODY)
        after = bed.everything()
        for n, answer in enumerate(told[2:], 2):
            assert (answer.outcome, answer.replayed) == ((DONE, True) if n % 3 else (again or DONE, is_settled(kind))), n
            assert answer.outcome != DONE or said(answer) == said(told[0])
        ward.run(*commands, keys=[f"later-{n}" if n != 1 else "k" for n in range(MANY)])
        assert bed.everything() == after
    assert verify(city) == []


@pytest.mark.clause("LZ-10")
@pytest.mark.parametrize("kind", COMMANDS)
def test_twenty_at_once_have_one_effect(city: City, kind: str) -> None:
    """At twenty desks in the same moment: ten with one key, ten with keys of their own."""
    with Ward(city) as ward:
        ward.agrees(1)
        bed = Bed(ward)
        command, _, again = COMMANDS[kind](bed)
        told = [answer for one in each_at_once(city, [{"k" if n % 2 else f"k{n}": command} for n in range(MANY)]) for answer in one.values()]
        answers = [answer for answer in told if isinstance(answer, Answer)]
        assert len(answers) == MANY, told
        [bodies] = {json.dumps(said(answer), sort_keys=True) for answer in answers if answer.outcome == DONE}
        assert bodies
        assert {answer.outcome for answer in answers} <= {DONE, again or DONE}
        after = bed.everything()
        ward.run(command, command, keys=["k", "k0"])
        assert bed.everything() == after
    assert verify(city) == []


# ── a number that was used ───────────────────────────────────────────────────────────────────────────────────────────

def test_a_number_of_another_person_is_refused(city: City) -> None:
    """Whatever else the number is said to be about; the other commands of its batch are done."""
    with Ward(city) as ward:
        bed = Bed(ward)
        after = bed.everything()
        taken = (replace(bed.bill("S0"), row=bill(2, "S0", self_paid="9000", city=city, visit="V0").row), bed.bill("S0", visit="V9"),
                 bed.bill("S0", visit="V0", hospital="H2"), bed.bill("S0", visit="V0", over="1"))
        for other in taken:
            assert [refusal(answer).code for answer in ward.run(other)] == ["settlement.differs"]
        assert bed.everything() == after
        told = ward.run(taken[0], bill(2, "S50", self_paid="9000", city=city), bed.bill("S0", visit="V0"))
        assert [answer.outcome for answer in told] == ["settlement.differs", DONE, DONE]
        assert settled(told[2]) == bed.first
    assert verify(city) == []


def test_who_agrees_twice_has_agreed_once(city: City) -> None:
    """At the same instant, by keys of their own, to the same account."""
    agrees = Agree(7, 2, "6222000000000000002")
    with Ward(city) as ward:
        assert [answer.outcome for answer in ward.run(agrees, agrees)] == [DONE, DONE]
        told = [answer for one in each_at_once(city, [{f"k{n}": agrees} for n in range(4)]) for answer in one.values()]
        assert [answer.outcome for answer in told if isinstance(answer, Answer)] == [DONE] * 4
    assert rows(city, "SELECT count(*) FROM agreement WHERE ended_at IS NULL") == [(1,)]
    assert rows(city, "SELECT count(*) FROM bank_account WHERE known_to IS NULL") == [(1,)]
