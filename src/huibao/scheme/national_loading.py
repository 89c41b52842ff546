"""The file of national rules becomes `NationalRule`s, or `FileRefused` with every mistake."""

from importlib import resources
from itertools import combinations

from huibao.core.tomlfile import Source, Table
from huibao.scheme import words
from huibao.scheme.national import EFFECTS, NationalRule, Value


def builtin_national() -> tuple[NationalRule, ...]:
    """The national rules that come with the package."""
    name = "national.toml"
    return load_national_text(name, (resources.files("huibao") / "schemes" / name).read_text("utf-8"))


def load_national_text(name: str, text: str) -> tuple[NationalRule, ...]:
    """The national rules in `text`. Raises `FileRefused`."""
    file = Source(name, text)
    root = file.root()
    tables = root.tables("rule")
    rules = tuple(_rule(table) for table in tables)
    _one_voice(tables, rules)
    root.close()
    file.done()
    return rules


def _rule(table: Table) -> NationalRule:
    effects = table.table("effects")
    known = [key for key in EFFECTS if key in effects]
    rule = NationalRule(
        id=table.text("id"),
        number=table.text("number"),
        issuer=table.text("issuer"),
        name=table.text("name"),
        since=table.day("from"),
        until=table.optional_day("until"),
        asks=table.texts("asks"),
        effects={key: _value(effects, key) for key in known},
        note=table.text("note", ""),
    )
    for key in EFFECTS:
        effects.raw(key)
    effects.close()
    table.close()
    return rule


def _value(effects: Table, key: str) -> Value:
    match EFFECTS[key]:
        case "flag":
            return effects.flag(key)
        case "whole":
            return effects.whole(key, least=1)
        case "ratio":
            return effects.ratio(key)
        case "kinds":
            return effects.choices(key, words.KINDS)
        case _:
            return effects.text(key)


def _one_voice(tables: list[Table], rules: tuple[NationalRule, ...]) -> None:
    """No two rules have one id, and none sets an effect that another sets on the same day."""
    for (_, one), (table, other) in combinations(zip(tables, rules, strict=True), 2):
        if one.id == other.id:
            table.problem("id", f"“{other.id}”已经用过，请换一个 id", f"{other.id!r} is taken; write another id")
        if one.holds(max(one.since, other.since)) and other.holds(max(one.since, other.since)):
            for key in sorted(one.effects.keys() & other.effects.keys()):
                table.problem(f"effects.{key}", f"{one.id} 在同一天已规定此项，请给其中一条写 until",
                              f"{one.id} sets it on the same days; write until in one of the two")
