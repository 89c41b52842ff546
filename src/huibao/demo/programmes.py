"""The demonstration's programmes as data: `programmes/*.toml` holds a city each, `names.toml` what names are made of."""

from dataclasses import dataclass
from datetime import date
from importlib import resources
from typing import Final, Literal

from huibao.core.tomlfile import Source, Table
from huibao.demo.names import FORMS, Style
from huibao.enrolment.model import PayWith
from huibao.scheme import words

Sex = Literal["male", "female"]
SEXES: Final[tuple[Sex, ...]] = ("male", "female")

#: What a kinship is from the other side; a child's husband or wife and a brother or sister have no word of their own.
OTHER_SIDE: Final = {"spouse": "spouse", "child": "parent", "parent": "child", "spouse-parent": "other", "other": "other"}


@dataclass(frozen=True, slots=True)
class Insurer:
    """A member of the programme's pool; the first is the lead."""

    id: str
    name: str
    weight: int


@dataclass(frozen=True, slots=True)
class Sale:
    """By which route a product counts as selected here, and from when to when it is sold, both days included."""

    route: str
    since: date
    until: date


@dataclass(frozen=True, slots=True)
class Shown:
    """A plan that the programme shows; without a sale only to be read, for the reason given."""

    plan: str
    sale: Sale | None
    reason: str


@dataclass(frozen=True, slots=True)
class Sponsor:
    name: str
    fen: int


@dataclass(frozen=True, slots=True)
class Hospital:
    """A hospital by its national code; one without a desk is settled by the agency's feed."""

    id: str
    name: str
    grade: int
    area: str
    desk: bool


@dataclass(frozen=True, slots=True)
class Character:
    """Somebody with an id that stays and a story to try, `story` in Chinese. `personal_fen` None is no account."""

    id: int
    name: str
    sex: Sex
    born: date
    insurance: tuple[str, ...]
    status: str
    area: str
    personal_fen: int | None
    savings_fen: int | None
    hardship: str | None
    chronic_benefit: bool
    story: str


@dataclass(frozen=True, slots=True)
class CharacterKin:
    """`relative` is the `relation` of `person`; `account_family` says that the relative is registered to the account.

    `since` None is since the younger of the two was born.
    """

    person: int
    relative: int
    relation: str
    account_family: bool
    evidence: str
    since: date | None


@dataclass(frozen=True, slots=True)
class Bought:
    """What characters bought of the first product on the eve of its cover, so that it ends and is proposed anew."""

    buyer: int
    insured: tuple[int, ...]
    pay_with: PayWith
    tier: str | None


@dataclass(frozen=True, slots=True)
class Try:
    """A purchase to try. `ends` is the state of its order, or the code of its refusal, the first time."""

    story: str
    buyer: int
    insured: int
    product: str
    pay_with: str
    tier: str | None
    ends: str


@dataclass(frozen=True, slots=True)
class DemoProgramme:
    """One programme: who runs it, what it shows and sells, who lives there.

    `areas` are where its people are enrolled, most of them in the first; `elsewhere` where those are who are not enrolled
    here. `names` has families per hundred by style; `savings` is the ten-thousandths of employees with a savings account.
    """

    code: str
    name: str
    scheme: str
    area: str
    areas: tuple[str, ...]
    elsewhere: tuple[str, ...]
    names: tuple[tuple[Style, int], ...]
    savings: int
    insurers: tuple[Insurer, ...]
    products: tuple[Shown, ...]
    sponsors: tuple[Sponsor, ...]
    hospitals: tuple[Hospital, ...]
    characters: tuple[Character, ...]
    kin: tuple[CharacterKin, ...]
    bought: tuple[Bought, ...]
    tries: tuple[Try, ...]


def builtin() -> tuple[DemoProgramme, ...]:
    """Every programme of the demonstration, by code."""
    names = _styles(Source("names.toml", (_folder() / "names.toml").read_text("utf-8")))
    files = [entry for entry in (_folder() / "programmes").iterdir() if entry.name.endswith(".toml")]
    found = [load_text(file.name, file.read_text("utf-8"), names) for file in files]
    return tuple(sorted(found, key=lambda programme: programme.code))


def kept_elsewhere() -> DemoProgramme:
    """The city whose accounts the agency's own system keeps: it is founded when somebody wants to see it."""
    names = _styles(Source("names.toml", (_folder() / "names.toml").read_text("utf-8")))
    return load_text("elsewhere.toml", (_folder() / "elsewhere.toml").read_text("utf-8"), names)


def load_text(name: str, text: str, styles: dict[str, Style]) -> DemoProgramme:
    """The programme in `text`; `name` is the file as messages call it. Raises `FileRefused` with every mistake."""
    file = Source(name, text)
    root = file.root()
    area = root.text("area")
    characters: tuple[Character, ...] = root.each("character", lambda table: _character(table, area))
    programme = DemoProgramme(
        code=root.text("code"),
        name=root.text("name"),
        scheme=root.text("scheme"),
        area=area,
        areas=root.texts("areas"),
        elsewhere=root.texts("elsewhere"),
        names=_mixture(root.table("names"), styles),
        savings=root.ratio("savings", "0%"),
        insurers=root.each("insurer", lambda table: Insurer(table.text("id"), table.text("name"), table.whole("weight", least=1))),
        products=root.each("product", _shown),
        sponsors=root.each("sponsor", lambda table: Sponsor(table.text("name"), table.yuan("yuan"))),
        hospitals=root.each("hospital", lambda table: _hospital(table, area)),
        characters=characters,
        kin=root.each("kin", lambda table: _kin(table, len(characters))),
        bought=root.each("bought", lambda table: _bought(table, len(characters))),
        tries=root.each("try", _try),
    )
    if [character.id for character in characters] != list(range(1, len(characters) + 1)):
        root.problem("character", "编号应从 1 起依次递增", "number the characters from 1 on, in order")
    root.close()
    file.done()
    return programme


def _folder() -> resources.abc.Traversable:
    return resources.files("huibao") / "demo"


def _styles(file: Source) -> dict[str, Style]:
    root = file.root()
    styles = {}
    for name in root.keys():  # noqa: SIM118 (a table of a rule file, not a dict)
        table = root.table(name)
        form = table.choice("form", FORMS)
        surnames = table.texts("surnames", None if form == "surname" else ())
        styles[name] = Style(form, surnames, table.texts("male"), table.texts("female"), table.texts("rare", ()))
        table.close()
    file.done()
    return styles


def _mixture(table: Table, styles: dict[str, Style]) -> tuple[tuple[Style, int], ...]:
    mixture = tuple((style, table.whole(name, least=1)) for name, style in styles.items() if name in table)
    if sum(percent for _, percent in mixture) != 100:
        table.problem("", "各项合计应为 100", "the parts add up to 100")
    table.close()
    return mixture


def _shown(table: Table) -> Shown:
    if "readable" in table:
        return Shown(table.text("plan"), None, table.text("readable"))
    window = table.table("sale")
    sale = Sale(table.choice("route", words.ROUTES), window.day("from"), window.day("to"))
    window.close()
    return Shown(table.text("plan"), sale, "")


def _character(table: Table, area: str) -> Character:
    return Character(
        id=table.whole("id", least=1),
        name=table.text("name"),
        sex=table.choice("sex", SEXES),
        born=table.day("born"),
        insurance=table.choices("insurance", words.INSURANCE),
        status=table.choice("status", words.STATUS, "1"),
        area=table.text("area", area),
        personal_fen=table.yuan("personal") if "personal" in table else None,
        savings_fen=table.yuan("savings") if "savings" in table else None,
        hardship=table.choice("hardship", words.HARDSHIPS) if "hardship" in table else None,
        chronic_benefit=table.flag("chronic", default=False),
        story=table.text("story"),
    )


def _hospital(table: Table, area: str) -> Hospital:
    return Hospital(table.text("id"), table.text("name"), table.whole("grade", least=1), table.text("area", area),
                    table.flag("desk", default=True))


def _bought(table: Table, most: int) -> Bought:
    ids = [str(id) for id in range(1, most + 1)]
    return Bought(
        buyer=table.whole("buyer", least=1),
        insured=tuple(map(int, table.choices("insured", ids))),
        pay_with=table.choice("pay_with", ("account", "cash")),
        tier=table.text("tier", "") or None,
    )


def _try(table: Table) -> Try:
    return Try(
        story=table.text("story"),
        buyer=table.whole("buyer", least=1),
        insured=table.whole("insured", least=1),
        product=table.text("product"),
        pay_with=table.choice("pay_with", ("account", "cash")),
        tier=table.text("tier", "") or None,
        ends=table.text("ends"),
    )


def _kin(table: Table, most: int) -> CharacterKin:
    kin = CharacterKin(
        person=table.whole("person", least=1),
        relative=table.whole("relative", least=1),
        relation=table.choice("relation", OTHER_SIDE),
        account_family=table.flag("account", default=False),
        evidence=table.text("evidence"),
        since=table.optional_day("since"),
    )
    if kin.person == kin.relative or max(kin.person, kin.relative) > most:
        table.problem("relative", "应为另一个已列出的人物的编号", "write the id of another character")
    return kin
