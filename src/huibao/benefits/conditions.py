"""The little language of conditions: `preexisting and place in (registered, unregistered) and age >= 60`.

A condition is parsed once into a tree over the closed vocabulary of `facts`; anything else is refused with the word
that was not understood. Whether two conditions can hold at once is decided exactly, by trying every combination of
the values that they tell apart.
"""

import difflib
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from huibao.benefits.facts import FACTS, LEVELS, Fact, Facts, Level, Value

_TOKEN = re.compile(r"\s*(?:(?P<op>>=|<=|!=|=|>|<|\(|\)|,)|(?P<word>[^\s()=<>!,]+))")
_NUMBER_OPS: Final[dict[str, Callable[[int, int], bool]]] = {
    "=": lambda a, b: a == b, "!=": lambda a, b: a != b, ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, "<": lambda a, b: a < b,
}
_OP_ZH: Final = {"=": "为", "!=": "不为", ">=": "不少于", "<=": "不超过", ">": "超过", "<": "少于", "in": "属于"}


#: A code that stands for every code that no condition names.
OTHER: Final = "\uffff"


class ConditionError(ValueError):
    """A text that is not a condition; the message says, in Chinese and English, which word and what to write."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(zh, en)
        self.zh = zh
        self.en = en

    def __str__(self) -> str:
        return self.en


@dataclass(frozen=True, slots=True)
class Atom:
    """One comparison: a fact, an operator and the values on its right (none for a flag)."""

    fact: str
    op: str
    values: tuple[str, ...] = ()

    def holds(self, value: Value) -> bool:
        """Whether the comparison holds for a value of the fact. An unknown flag counts as yes (see `facts`)."""
        fact = FACTS[self.fact]
        if fact.kind == "flag":
            return value is not False
        if fact.kind == "number":
            assert isinstance(value, int)
            if self.op == "in":
                return value in map(int, self.values)
            return _NUMBER_OPS[self.op](value, int(self.values[0]))
        found = any(matches(fact, str(value), wanted) for wanted in self.values)
        return found is (self.op != "!=")


@dataclass(frozen=True, slots=True)
class Not:
    part: "Condition"


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds; no part at all always holds."""

    parts: tuple["Condition", ...] = ()


@dataclass(frozen=True, slots=True)
class Any:
    parts: tuple["Condition", ...]


Condition = Atom | Not | All | Any
ALWAYS: Final = All()


def matches(fact: Fact, value: str, wanted: str) -> bool:
    """Whether a code or choice is the one wanted; prefix codes match by beginning, and by range of categories."""
    if not fact.prefix:
        return value == wanted
    low, dash, high = wanted.partition("-")
    if not dash:
        return bool(value) and value.startswith(wanted)
    return bool(value) and low <= value[: len(low)] and value[: len(high)] <= high


def holds(condition: Condition, facts: Facts) -> bool:
    """Whether a condition holds; every fact it names must be in `facts`."""
    match condition:
        case Atom():
            return condition.holds(facts[condition.fact])
        case Not(part):
            return not holds(part, facts)
        case All(parts):
            return all(holds(part, facts) for part in parts)
        case Any(parts):
            return any(holds(part, facts) for part in parts)


def atoms(condition: Condition) -> Iterator[Atom]:
    """Every comparison in a condition."""
    match condition:
        case Atom():
            yield condition
        case Not(part):
            yield from atoms(part)
        case All(parts) | Any(parts):
            for part in parts:
                yield from atoms(part)


def names(*conditions: Condition) -> set[str]:
    """The facts that conditions speak of."""
    return {atom.fact for condition in conditions for atom in atoms(condition)}


def level(condition: Condition) -> Level:
    """The finest thing a condition speaks of: policy, visit or line."""
    return max((FACTS[name].level for name in names(condition)), key=LEVELS.index, default="policy")


def both(*conditions: Condition) -> Condition:
    """All of some conditions, without needless nesting."""
    parts = [c for c in conditions if c != ALWAYS]
    return parts[0] if len(parts) == 1 else All(tuple(parts))


def situations(conditions: Sequence[Condition], tiers: Sequence[str] = ()) -> Iterator[dict[str, Value]]:
    """Facts for every combination that the conditions can tell apart.

    Raises `ConditionError` where there would be more than a million.
    """
    told: dict[str, list[Value]] = {}
    for name in sorted(names(*conditions)):
        told[name] = _representatives(FACTS[name], [a for c in conditions for a in atoms(c) if a.fact == name], tiers)
    count = 1
    for values in told.values():
        count *= len(values)
    if count > 1_000_000:
        raise ConditionError(f"这些条件要区分 {count:,} 种情形，请减少条件或拆分本项",
                             f"these conditions tell {count:,} situations apart: write fewer conditions, or split the benefit")
    for combination in itertools.product(*told.values()):
        yield dict(zip(told, combination, strict=True))


def compatible(one: Condition, other: Condition, tiers: Sequence[str] = ()) -> bool:
    """Whether two conditions can hold at once."""
    return any(holds(one, facts) and holds(other, facts) for facts in situations([one, other], tiers))


def _representatives(fact: Fact, used: Iterable[Atom], tiers: Sequence[str]) -> list[Value]:
    """One value for each part of the fact's values that the comparisons tell apart, always in the same order."""
    if fact.kind == "flag":
        return [False, True]
    mentioned = sorted({v for atom in used for v in atom.values})
    if fact.kind == "number":
        return [*sorted({max(0, n) for edge in map(int, mentioned) for n in (edge - 1, edge, edge + 1)})]
    if fact.kind == "choice":
        return list(dict.fromkeys(tiers if fact.name == "tier" else fact.values))
    if not fact.prefix:
        return [*mentioned, OTHER]
    # Codes and ranges are stretches of the sorted codes: each part starts where one starts, or after one ends.
    ends = [v.partition("-") for v in mentioned]
    return [*sorted({"", *(low for low, _, _ in ends), *(_after(high or low) for low, _, high in ends)})]


def _after(code: str) -> str:
    """The first code after all that begin with `code`: J04 after J03, K00 after J99."""
    head = code.rstrip("9")
    if head and head[-1].isalnum():
        return head[:-1] + chr(ord(head[-1]) + 1) + "0" * (len(code) - len(head))
    return code[:-1] + chr(ord(code[-1]) + 1) if code else OTHER


def parse(text: str, tiers: Sequence[str] = ()) -> Condition:
    """A condition from its text. `tiers` are the plan's tiers, the values of `tier`. Raises `ConditionError`."""
    reader = _Reader(text, tiers)
    condition = reader.any()
    if reader.ahead is not None:
        raise _unexpected(reader.ahead, text)
    return condition


class _Reader:
    """Recursive descent: any := all (or all)*, all := part (and part)*, part := not part | ( any ) | comparison."""

    def __init__(self, text: str, tiers: Sequence[str]) -> None:
        self.text = text
        self.tiers = tuple(tiers)
        self.tokens: list[str] = []
        at = 0
        while at < len(text.rstrip()):
            match = _TOKEN.match(text, at)
            if match is None:
                rest = text[at:].strip()
                raise ConditionError(f"“{text}”中的“{rest}”，比较请写 =、!=、>=、<=、>、< 或 in",
                                     f"{rest!r} was not understood in {text!r}; comparisons write =, !=, >=, <=, >, < or in")
            self.tokens.append(match["op"] or match["word"])
            at = match.end()
        self.tokens.reverse()

    @property
    def ahead(self) -> str | None:
        return self.tokens[-1] if self.tokens else None

    def take(self, *wanted: str) -> str:
        if not self.tokens or (wanted and self.tokens[-1] not in wanted):
            before, before_en = (f"“{self.ahead}”之前", f"before {self.ahead!r} in") if self.ahead else ("末尾", "at the end of")
            raise ConditionError(
                f"“{self.text}”的{before}缺少{' ' + ' 或 '.join(wanted) if wanted else '一个词'}，请补上，如 place = local 或 age in (60, 70)",
                f"{' or '.join(wanted) or 'a word'} was expected {before_en} {self.text!r}; "
                "write it there, as in place = local or age in (60, 70)")
        return self.tokens.pop()

    def any(self) -> Condition:
        parts = [self.all()]
        while self.ahead == "or":
            self.take()
            parts.append(self.all())
        return parts[0] if len(parts) == 1 else Any(tuple(parts))

    def all(self) -> Condition:
        parts = [self.part()]
        while self.ahead == "and":
            self.take()
            parts.append(self.part())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def part(self) -> Condition:
        if self.ahead == "not":
            self.take()
            return Not(self.part())
        if self.ahead == "(":
            self.take()
            inner = self.any()
            self.take(")")
            return inner
        return self.comparison()

    def comparison(self) -> Atom:
        name = self.take()
        fact = FACTS.get(name)
        if fact is None:
            near, near_en = nearest(name, FACTS)
            raise ConditionError(f"“{name}”不是条件可用的事实{near}，请写 docs/reference/facts.md 所列的事实",
                                 f"{name!r} is not a fact that conditions may use{near_en}; write one of docs/reference/facts.md")
        if fact.kind == "flag":
            return Atom(name, "is")
        numeric = fact.kind == "number"
        op = self.take(*(("=", "!=", ">=", "<=", ">", "<", "in") if numeric else ("=", "!=", "in")))
        values = self.listed() if op == "in" else (self.take(),)
        for value in values:
            self.check(fact, value)
        return Atom(name, op, values)

    def listed(self) -> tuple[str, ...]:
        self.take("(")
        values = [self.take()]
        while self.take(",", ")") == ",":
            values.append(self.take())
        return tuple(values)

    def check(self, fact: Fact, value: str) -> None:
        if fact.kind == "number" and not (value.isascii() and value.isdigit()):
            raise ConditionError(f"{fact.name}（{fact.zh}）只能与整数比较，不能与“{value}”比较，如 {fact.name} >= 2",
                                 f"{fact.name} is compared with a whole number, not {value!r}; write digits, as in {fact.name} >= 2")
        allowed = [v for v in (self.tiers if fact.name == "tier" else fact.values) if v]
        if fact.kind == "choice" and value not in allowed:
            if not allowed:
                raise ConditionError(f"本方案没有投保档次“{value}”，请先写 [[tier]]，或去掉 tier",
                                     f"the plan has no tier {value!r}; write its [[tier]] first, or take tier out")
            near, near_en = nearest(value, allowed)
            raise ConditionError(f"{fact.name}（{fact.zh}）不能是“{value}”{near}，可写 {'、'.join(allowed)}",
                                 f"{fact.name} is one of {', '.join(allowed)}, never {value!r}{near_en}; write one of these")


def nearest(word: str, known: Iterable[str]) -> tuple[str, str]:
    """The known word most like one that is not known, as a message asks for it in Chinese and in English; else nothing."""
    close = difflib.get_close_matches(word, list(known), 1)
    return (f"（是否想写“{close[0]}”？）", f" (did you mean {close[0]!r}?)") if close else ("", "")


def _unexpected(word: str, text: str) -> ConditionError:
    """What stands after a condition that was already whole."""
    if word == ")":
        mend, mend_en = "括号请成对书写", "write ( for it, or take it out"
    elif word in _OP_ZH or word == "(":
        mend, mend_en = "是非类的事实请单独写，如 preexisting 或 not preexisting", "write a yes-or-no fact alone: preexisting, or not preexisting"
    else:
        mend, mend_en = "两个条件之间请写 and 或 or", "write and or or between two conditions"
    return ConditionError(f"“{text}”中的“{word}”多余，{mend}", f"{word!r} was not expected in {text!r}; {mend_en}")


def as_text(condition: Condition) -> str:
    """A condition as it would be written in a plan file."""
    match condition:
        case Atom(fact, op, values):
            return fact if op == "is" else f"{fact} in ({', '.join(values)})" if op == "in" else f"{fact} {op} {values[0]}"
        case Not(part):
            return f"not {as_text(part)}" if isinstance(part, Atom) else f"not ({as_text(part)})"
        case All(parts):
            return " and ".join(f"({as_text(p)})" if isinstance(p, Any) else as_text(p) for p in parts) or "always"
        case Any(parts):
            return " or ".join(as_text(p) for p in parts)


def in_words(condition: Condition) -> str:
    """A condition as a Chinese reader says it."""
    match condition:
        case Atom(fact, op, values):
            known = FACTS[fact]
            return known.zh if op == "is" else f"{known.zh}{_OP_ZH[op]} {'、'.join(values)}"
        case Not(part):
            return f"非（{in_words(part)}）"
        case All(parts):
            return " 且 ".join(f"（{in_words(p)}）" if isinstance(p, Any) else in_words(p) for p in parts) or "任何情形"
        case Any(parts):
            return " 或 ".join(in_words(p) for p in parts)
