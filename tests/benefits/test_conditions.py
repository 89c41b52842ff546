"""The language of conditions: what a text means, when it holds, which two can hold at once, how it is said, what is refused."""

from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huibao.benefits import conditions
from huibao.benefits.conditions import ALWAYS, All, Any, Atom, Condition, ConditionError, Not, parse
from huibao.benefits.facts import Facts, Level, Value

TIERS: Final = ("base", "plus")

OLD, ILL, PLUS = Atom("age", ">=", ("60",)), Atom("preexisting", "is"), Atom("tier", "=", ("plus",))


# ── what a text means ────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.parametrize(("text", "tree"), [
    ("preexisting",                                 ILL),
    ("age >= 60",                                   OLD),
    ("age>=60",                                     OLD),
    ("  tier  =  plus  ",                           PLUS),
    ("not preexisting",                             Not(ILL)),
    ("not not preexisting",                         Not(Not(ILL))),
    ("age >= 60 and preexisting and tier = plus",   All((OLD, ILL, PLUS))),
    ("age >= 60 or preexisting or tier = plus",     Any((OLD, ILL, PLUS))),
    ("age >= 60 or preexisting and tier = plus",    Any((OLD, All((ILL, PLUS))))),          # `and` binds first
    ("(age >= 60 or preexisting) and tier = plus",  All((Any((OLD, ILL)), PLUS))),
    ("not age >= 60 and preexisting",               All((Not(OLD), ILL))),                  # `not` binds before `and`
    ("not (age >= 60 and preexisting)",             Not(All((OLD, ILL)))),
    ("((preexisting))",                             ILL),
    ("place in (registered, unregistered)",         Atom("place", "in", ("registered", "unregistered"))),
    ("age in (5,60)",                               Atom("age", "in", ("5", "60"))),
    ("diagnosis in (C00-C97, D45)",                 Atom("diagnosis", "in", ("C00-C97", "D45"))),
    ("drug_list = 特药目录",                        Atom("drug_list", "=", ("特药目录",))),
])
def test_a_text_is_understood(text: str, tree: Condition) -> None:
    assert parse(text, TIERS) == tree


@pytest.mark.parametrize("text", [
    "preexisting", "age >= 60", "not preexisting", "not (age >= 60 or preexisting)", "(age >= 60 or preexisting) and tier = plus",
    "age >= 60 or preexisting and tier = plus", "diagnosis in (C00-C97, D45) and not accident",
])
def test_a_condition_is_written_as_it_was_read(text: str) -> None:
    assert conditions.as_text(parse(text, TIERS)) == text


WRITE: Final = "write it there, as in place = local or age in (60, 70)"
DIGITS: Final = "write digits, as in age >= 2"
FACT: Final = "is not a fact that conditions may use"
OPS: Final = "= or != or >= or <= or > or < or in was expected"
PLACES: Final = "place is one of local, referred, registered, unregistered, never 'mars'; write one of these"


@pytest.mark.parametrize(("text", "says"), [
    # what was written                  what is said of it: the word, and what to write
    ("",                                f"a word was expected at the end of ''; {WRITE}"),
    ("gender = male",                   f"'gender' {FACT}; write one of docs/reference/facts.md"),
    ("agee >= 60",                      f"'agee' {FACT} (did you mean 'age'?); write one of docs/reference/facts.md"),
    ("and preexisting",                 f"'and' {FACT}; write one of docs/reference/facts.md"),
    ("preexisting and",                 f"a word was expected at the end of 'preexisting and'; {WRITE}"),
    ("not",                             f"a word was expected at the end of 'not'; {WRITE}"),
    ("preexisting = 1",                 "'=' was not expected in 'preexisting = 1'; write a yes-or-no fact alone: preexisting, or not preexisting"),
    ("preexisting accident",            "'accident' was not expected in 'preexisting accident'; write and or or between two conditions"),
    ("(preexisting",                    f") was expected at the end of '(preexisting'; {WRITE}"),
    ("preexisting)",                    "')' was not expected in 'preexisting)'; write ( for it, or take it out"),
    ("age",                             f"{OPS} at the end of 'age'; {WRITE}"),
    ("age 60",                          f"{OPS} before '60' in 'age 60'; {WRITE}"),
    ("age >=",                          f"a word was expected at the end of 'age >='; {WRITE}"),
    ("age >= sixty",                    f"age is compared with a whole number, not 'sixty'; {DIGITS}"),
    ("age >= 60.5",                     f"age is compared with a whole number, not '60.5'; {DIGITS}"),
    ("age >= -1",                       f"age is compared with a whole number, not '-1'; {DIGITS}"),
    ("age >= 六十",                     f"age is compared with a whole number, not '六十'; {DIGITS}"),
    ("age >= \uff16\uff10",               f"age is compared with a whole number, not '\uff16\uff10'; {DIGITS}"),     # full width
    ("age in 60",                       f"( was expected before '60' in 'age in 60'; {WRITE}"),
    ("age in (60",                      f", or ) was expected at the end of 'age in (60'; {WRITE}"),
    ("age in (60 70)",                  f", or ) was expected before '70' in 'age in (60 70)'; {WRITE}"),
    ("age in (60, x)",                  f"age is compared with a whole number, not 'x'; {DIGITS}"),
    ("age ! 60",                        "'! 60' was not understood in 'age ! 60'; comparisons write =, !=, >=, <=, >, < or in"),
    ("place > local",                   f"= or != or in was expected before '>' in 'place > local'; {WRITE}"),
    ("place = mars",                    PLACES),
    ("place in (local, mars)",          PLACES),
    ("tier = gold",                     "tier is one of base, plus, never 'gold'; write one of these"),
    ("tier = pluss",                    "tier is one of base, plus, never 'pluss' (did you mean 'plus'?); write one of these"),
    ("item_kind = pill",                "item_kind is one of none, drug, service, material, implant, never 'pill'; write one of these"),
])
def test_what_is_not_understood_is_refused_by_the_word(text: str, says: str) -> None:
    with pytest.raises(ConditionError) as refused:
        parse(text, TIERS)
    assert str(refused.value) == refused.value.en == says
    assert any("\u4e00" <= letter <= "\u9fff" for letter in refused.value.zh)
    assert "expected" not in refused.value.zh


# ── when it holds ────────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.parametrize(("text", "name", "value", "is_so"), [
    # the condition                     of a fact       that is         holds
    ("preexisting",                     "preexisting",  True,           True),
    ("preexisting",                     "preexisting",  False,          False),
    ("preexisting",                     "preexisting",  None,           True),      # unknown: the lower ratio for now
    ("not preexisting",                 "preexisting",  None,           False),     # never assumed healthy
    ("age >= 60",                       "age",          60,             True),
    ("age >= 60",                       "age",          59,             False),
    ("age > 60",                        "age",          60,             False),
    ("age > 60",                        "age",          61,             True),
    ("age <= 60",                       "age",          60,             True),
    ("age <= 60",                       "age",          61,             False),
    ("age < 60",                        "age",          59,             True),
    ("age < 60",                        "age",          60,             False),
    ("age = 60",                        "age",          60,             True),
    ("age = 60",                        "age",          61,             False),
    ("age != 60",                       "age",          61,             True),
    ("age != 60",                       "age",          60,             False),
    ("age in (5, 60)",                  "age",          60,             True),
    ("age in (5, 60)",                  "age",          6,              False),
    ("tier = plus",                     "tier",         "plus",         True),
    ("tier != plus",                    "tier",         "plus",         False),
    ("tier != plus",                    "tier",         "base",         True),
    ("place in (local, referred)",      "place",        "referred",     True),
    ("place in (local, referred)",      "place",        "registered",   False),
    ("drug_list = special",             "drug_list",    "special",      True),
    ("drug_list = special",             "drug_list",    "special-2",    False),     # not by its beginning
    ("med_type = 21",                   "med_type",     "2101",         True),      # national codes: by their beginning
    ("med_type = 2101",                 "med_type",     "21",           False),
    ("med_type != 21",                  "med_type",     "2101",         False),
    ("med_type in (21, 22)",            "med_type",     "2201",         True),
    ("med_type in (21, 22)",            "med_type",     "11",           False),
    ("diagnosis = C34",                 "diagnosis",    "C34.900",      True),
    ("diagnosis = C34",                 "diagnosis",    "",             False),
    ("diagnosis in (C00-C97)",          "diagnosis",    "C00.000",      True),      # ranges hold both ends whole
    ("diagnosis in (C00-C97)",          "diagnosis",    "C97",          True),
    ("diagnosis in (C00-C97)",          "diagnosis",    "C97.9x9",      True),
    ("diagnosis in (C00-C97)",          "diagnosis",    "C98",          False),
    ("diagnosis in (C00-C97)",          "diagnosis",    "B99.9",        False),
    ("diagnosis in (C00-C97)",          "diagnosis",    "D00",          False),
    ("diagnosis in (C00-C97)",          "diagnosis",    "",             False),
    ("diagnosis in (C00-C97, D45)",     "diagnosis",    "D45.x00",      True),
    ("diagnosis in (M05.1-M05.9)",      "diagnosis",    "M05.900",      True),
    ("diagnosis in (M05.1-M05.9)",      "diagnosis",    "M05.000",      False),
    ("item in (XL01EFA001)",            "item",         "XL01EFA001A",  True),
])
def test_a_condition_holds(text: str, name: str, value: Value, is_so: bool) -> None:
    assert conditions.holds(parse(text, TIERS), {name: value}) is is_so


@pytest.mark.parametrize(("text", "is_so"), [
    # of somebody of 60, in the tier plus, whose illness is not pre-existing
    ("age >= 60 and tier = plus",                       True),
    ("age >= 60 and preexisting",                       False),
    ("age < 60 or preexisting",                         False),
    ("age < 60 or preexisting or tier = plus",          True),
    ("preexisting or age >= 60 and tier = base",        False),
    ("not (preexisting or age < 60)",                   True),
])
def test_conditions_combine(text: str, is_so: bool) -> None:
    assert conditions.holds(parse(text, TIERS), {"age": 60, "tier": "plus", "preexisting": False}) is is_so


def test_nothing_written_always_holds() -> None:
    assert conditions.holds(ALWAYS, {})
    assert conditions.both() == ALWAYS == conditions.both(ALWAYS, ALWAYS)
    assert conditions.both(ALWAYS, OLD) == OLD
    assert conditions.both(OLD, ALWAYS, ILL) == All((OLD, ILL))


@pytest.mark.parametrize(("text", "level"), [
    ("age >= 60 and tier = plus",                               "policy"),
    ("age >= 60 and preexisting",                               "visit"),
    ("preexisting and not (age >= 60 or chrgitm_lv = 03)",      "line"),
])
def test_a_condition_is_about_the_finest_thing_it_names(text: str, level: Level) -> None:
    assert conditions.level(parse(text, TIERS)) == level


def test_the_facts_of_a_condition() -> None:
    named = conditions.names(parse("age >= 60 or not (preexisting and age < 5)"), parse("place = local"))
    assert named == {"age", "preexisting", "place"}


# ── at once ──────────────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.parametrize(("one", "other", "at_once"), [
    ("age >= 60",                       "age < 60",                             False),
    ("age >= 60",                       "age <= 60",                            True),
    ("age > 60",                        "age < 61",                             False),
    ("age in (5, 60)",                  "age in (60, 70)",                      True),
    ("age in (5, 60)",                  "age in (6, 70)",                       False),
    ("years_enrolled = 1",              "years_enrolled >= 2",                  False),
    ("years_enrolled != 1",             "years_enrolled != 2",                  True),
    ("age < 0",                         "preexisting",                          False),     # no number lies below zero
    ("preexisting",                     "not preexisting",                      False),
    ("preexisting",                     "accident",                             True),
    ("tier = plus",                     "tier = base",                          False),
    ("tier != plus",                    "tier != base",                         False),     # there are two tiers
    ("place = local",                   "place in (local, referred)",           True),
    ("place != local and place != referred", "place in (local, referred)",      False),
    ("drug_list = special",             "drug_list = car-t",                    False),
    ("drug_list != special",            "drug_list != car-t",                   True),      # neither list
    ("diagnosis in (C00-C97)",          "diagnosis = C34",                      True),
    ("diagnosis in (C00-C97)",          "diagnosis = D45",                      False),
    ("diagnosis in (C00-C50)",          "diagnosis in (C50-C97)",               True),
    ("diagnosis in (C00-C49)",          "diagnosis in (C50-C97)",               False),
    ("diagnosis != C34",                "diagnosis in (C34.9)",                 False),
    ("diagnosis in (J00-J06)",          "not diagnosis in (J00-J03, J05-J06)",  True),      # J04 is left
    ("diagnosis in (J00-J18)",          "not diagnosis in (J00-J09, J10-J18)",  False),     # after J09 comes J10
    ("diagnosis in (J00-K06)",          "not diagnosis in (J00-J99, K00-K06)",  False),     # after J99 comes K00
    ("diagnosis = J",                   "diagnosis in (J18)",                   True),
    ("med_type = 21",                   "med_type = 2101",                      True),
    ("med_type in (21, 22)",            "med_type in (11, 12)",                 False),
    ("age >= 60 and preexisting",       "age < 60 or not preexisting",          False),
    ("age >= 60 and preexisting",       "age < 60 or preexisting",              True),
])
def test_two_conditions_can_hold_at_once(one: str, other: str, at_once: bool) -> None:
    assert conditions.compatible(parse(one, TIERS), parse(other, TIERS), TIERS) is at_once
    assert conditions.compatible(parse(other, TIERS), parse(one, TIERS), TIERS) is at_once


def test_too_many_situations_are_refused() -> None:
    numbers = ("age", "years_enrolled", "claim_free_years", "healthy_years", "paid_last_year", "family_members")
    each = [parse(f"{name} in (10, 20, 30, 40, 50)") for name in numbers]        # 15 values of each are told apart
    with pytest.raises(ConditionError, match=r"^these conditions tell 11,390,625 situations apart: write fewer conditions, or split the benefit$"):
        conditions.compatible(All(tuple(each)), ALWAYS)


def test_situations_come_in_one_order() -> None:
    texts = ("preexisting", "age in (2, 10)", "tier = plus", "drug_list in (b, a)", "diagnosis in (J00-J03, C34)")
    told = {name: list(dict.fromkeys(facts[name] for facts in conditions.situations([parse(text, TIERS) for text in texts], TIERS)))
            for name in ("preexisting", "age", "tier", "drug_list", "diagnosis")}
    assert told == {
        "preexisting": [False, True], "age": [1, 2, 3, 9, 10, 11], "tier": ["base", "plus"], "drug_list": ["a", "b", conditions.OTHER],
        "diagnosis": ["", "C34", "C35", "J00", "J04"]}


Parts = st.sampled_from((
    "age >= 60", "age < 18", "age in (17, 60)", "preexisting", "not accident", "tier = plus", "place != local",
    "diagnosis in (C00-C97)", "diagnosis = C34", "diagnosis != C34.9", "med_type in (21, 22)", "drug_list = special"))
Words = st.sampled_from(("and", "or"))
Texts = st.recursive(
    Parts, lambda inner: st.builds("({} {} {})".format, inner, Words, inner) | st.builds("not {}".format, inner), max_leaves=4)
Known = st.fixed_dictionaries({
    "age": st.sampled_from((0, 17, 18, 59, 60, 90)), "preexisting": st.booleans(), "accident": st.booleans(),
    "tier": st.sampled_from(TIERS), "place": st.sampled_from(("local", "referred", "unregistered")),
    "diagnosis": st.sampled_from(("", "C34", "C34.9", "C34.901", "C97.9", "I10")),
    "med_type": st.sampled_from(("", "11", "21", "2101", "2")), "drug_list": st.sampled_from(("none", "special"))})


@settings(deadline=None)
@given(Texts, Texts, Known)
def test_what_holds_at_once_is_found_to(one: str, other: str, known: Facts) -> None:
    """Whatever facts satisfy two conditions, the two are never declared apart; and what is written reads back the same."""
    first, second = parse(one, TIERS), parse(other, TIERS)
    if conditions.holds(first, known) and conditions.holds(second, known):
        assert conditions.compatible(first, second, TIERS)
    again = parse(conditions.as_text(first), TIERS)
    assert conditions.holds(again, known) is conditions.holds(first, known)


# ── in words ─────────────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.parametrize(("text", "words"), [
    ("preexisting",                                     "既往症"),
    ("not preexisting",                                 "非（既往症）"),
    ("age >= 60",                                       "投保时年龄不少于 60"),
    ("age < 18",                                        "投保时年龄少于 18"),
    ("age > 60 and age <= 80",                          "投保时年龄超过 60 且 投保时年龄不超过 80"),
    ("years_enrolled = 1",                              "连续参保年数为 1"),
    ("years_enrolled != 1",                             "连续参保年数不为 1"),
    ("preexisting or accident",                         "既往症 或 意外伤害"),
    ("(preexisting or accident) and tier = plus",       "（既往症 或 意外伤害） 且 投保档次为 plus"),
    ("diagnosis in (C00-C97, D45)",                     "诊断编码属于 C00-C97、D45"),
    ("chrgitm_lv = 03",                                 "收费项目等级为 03"),
])
def test_a_condition_is_said_in_chinese(text: str, words: str) -> None:
    assert conditions.in_words(parse(text, TIERS)) == words


def test_no_condition_is_said_too() -> None:
    assert conditions.in_words(ALWAYS) == "任何情形"
