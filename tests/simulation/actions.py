"""What may happen in one step, and how often: actors put their actions here."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from tests.simulation.world import World

Act = Callable[[World], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Action:
    """An action with its weight among the others."""

    weight: int
    act: Act

    @property
    def name(self) -> str:
        return self.act.__name__


ACTIONS: Final[list[Action]] = []


def action(weight: int) -> Callable[[Act], Act]:
    """Makes a function an action of so much weight."""
    def made(act: Act) -> Act:
        ACTIONS.append(Action(weight, act))
        return act

    return made
