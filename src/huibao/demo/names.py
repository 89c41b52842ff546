"""Names that nobody has been asked for: put together by chance from lists, after the custom of a people."""

from dataclasses import dataclass
from random import Random
from typing import Final, Literal

Form = Literal["surname", "patronym", "single"]
FORMS: Final[tuple[Form, ...]] = ("surname", "patronym", "single")

#: One given name in so many has a rare character.
_RARE: Final = 150


@dataclass(frozen=True, slots=True)
class Style:
    """How a people forms its names: `surname` passes a surname down, `patronym` puts the father's own name behind one's
    own with a dot between them, `single` has one name for each person. `rare` are characters that old systems lose.
    """

    form: Form
    surnames: tuple[str, ...]
    male: tuple[str, ...]
    female: tuple[str, ...]
    rare: tuple[str, ...]

    def line(self, rng: Random) -> str:
        """What a father of this style hands down to his children: his surname, or his own name."""
        match self.form:
            case "surname":
                # Of two draws the earlier in the list: common surnames come first.
                return self.surnames[min(rng.randrange(len(self.surnames)), rng.randrange(len(self.surnames)))]
            case "patronym":
                return rng.choice(self.male)
            case "single":
                return ""

    def name(self, rng: Random, sex: str, line: str) -> str:
        """The name of a son or daughter of a father who hands down `line`."""
        own = rng.choice(self.male if sex == "male" else self.female)
        if self.rare and rng.randrange(_RARE) == 0:
            own = rng.choice(self.rare)
        match self.form:
            case "surname":
                return line + own
            case "patronym":
                return f"{own}·{line}"
            case "single":
                return own

    def father(self, rng: Random, line: str) -> str:
        """The name of a father who hands down `line`."""
        return f"{line}·{rng.choice(self.male)}" if self.form == "patronym" else self.name(rng, "male", line)

    def hands_down(self, name: str, line: str) -> str:
        """What a man called `name`, son of a father who handed down `line`, hands down himself."""
        return name.partition("·")[0] if self.form == "patronym" else line
