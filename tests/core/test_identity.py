"""One person written in many ways is one person: names, identity numbers, phones. The tables are for people to add to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huibao.core.identity import IdentityWarning, identity_warnings, normal_identity, normal_name, normal_phone

UYGHUR = "阿卜杜热合曼·买买提"


@pytest.mark.parametrize(("written", "compared"), [
    # as written                            as compared
    ("张三",                                "张三"),
    (" 张三\n",                             "张三"),
    ("张　三",                              "张三"),                # stretched to three characters' width by a form
    ("张 三",                               "张三"),
    ("欧阳  修",                            "欧阳修"),
    ("张\u200b三\ufeff",                    "张三"),                # zero width, from a web page
    ("\u202d张三\u202c",                    "张三"),                # directions, from a chat
    ("张三\0",                              "张三"),                # a field of fixed length
    # Uyghur and Kazakh: every dot there is
    ("阿卜杜热合曼·买买提",                 UYGHUR),                # U+00B7, as identity cards print it
    ("阿卜杜热合曼・买买提",                UYGHUR),                # U+30FB, Japanese input
    ("阿卜杜热合曼･买买提",                 UYGHUR),                # U+FF65, its half-width form
    ("阿卜杜热合曼•买买提",                 UYGHUR),                # U+2022, bullet
    ("阿卜杜热合曼‧买买提",                 UYGHUR),                # U+2027, Big5
    ("阿卜杜热合曼․买买提",                 UYGHUR),                # U+2024
    ("阿卜杜热合曼∙买买提",                 UYGHUR),                # U+2219
    ("阿卜杜热合曼⋅买买提",                 UYGHUR),                # U+22C5
    ("阿卜杜热合曼●买买提",                 UYGHUR),                # U+25CF
    ("阿卜杜热合曼⸱买买提",                 UYGHUR),                # U+2E31
    ("阿卜杜热合曼⸳买买提",                 UYGHUR),                # U+2E33
    ("阿卜杜热合曼ꞏ买买提",                 UYGHUR),                # U+A78F
    ("阿卜杜热合曼ᐧ买买提",                 UYGHUR),                # U+1427
    ("阿卜杜热合曼\u0387买买提",            UYGHUR),                # Greek, the same character to Unicode
    ("阿卜杜热合曼．买买提",                UYGHUR),                # full-width full stop
    ("阿卜杜热合曼﹒买买提",                UYGHUR),                # U+FE52
    ("阿卜杜热合曼.买买提",                 UYGHUR),                # plain full stop
    ("阿卜杜热合曼。买买提",                UYGHUR),                # Chinese full stop
    ("阿卜杜热合曼｡买买提",                 UYGHUR),
    ("阿卜杜热合曼 · 买买提",               UYGHUR),
    ("阿卜杜热合曼　•　买买提",             UYGHUR),
    ("阿卜杜热合曼··买买提",                UYGHUR),                # two half dots of one full one
    ("阿卜杜热合曼. .•买买提",              UYGHUR),
    ("阿卜杜热合曼·买买提·",                UYGHUR),
    ("阿卜杜热合曼买买提",                  "阿卜杜热合曼买买提"),  # no dot: may be another person
    ("努尔古丽•阿不都.热依木",              "努尔古丽·阿不都·热依木"),
    ("ئابدۇراخمان.مەمەت",                   "ئابدۇراخمان·مەمەت"),
    ("ئابدۇراخمان  مەمەت",                  "ئابدۇراخمان مەمەت"),   # letters that part words keep one blank
    # Tibetan, Mongolian, Yi
    ("扎西次仁",                            "扎西次仁"),
    ("平措・旺杰",                          "平措·旺杰"),
    ("贡觉·白玛 卓嘎",                      "贡觉·白玛卓嘎"),
    ("བཀྲ་ཤིས་ཚེ་རིང",                             "བཀྲ་ཤིས་ཚེ་རིང"),
    ("ᠪᠠᠲᠤ\u180b",                            "ᠪᠠᠲᠤ"),
    ("吉克·曲布",                           "吉克·曲布"),
    # rare characters stay whole
    ("䶮",                                  "䶮"),                  # extension A
    ("李䶮",                                "李䶮"),
    ("李\ue863",                            "李䶮"),                # as GBK systems send it
    ("王𬭎",                                "王𬭎"),                # extension E
    ("𠮷田",                                "𠮷田"),                # extension B, and not 吉
    ("吉田",                                "吉田"),
    ("𠮷　田",                              "𠮷田"),
    ("陈𣲗\u200d",                          "陈𣲗"),
    ("葛\U000e0100城",                      "葛城"),                # the same character, drawn otherwise
    ("㛃",                                  "㛃"),
    ("〇",                                  "〇"),
    ("﨑",                                  "﨑"),                  # a character of its own, though in the compatibility block
    ("\uf9b5",                              "例"),                  # the same character to Unicode
    # Latin
    ("ＪＯＨＮ　ＳＭＩＴＨ",                "JOHN SMITH"),
    ("John  Smith",                         "JOHN SMITH"),
    ("J. Smith",                            "J. SMITH"),
    ("Ｊ．　Ｓｍｉｔｈ",                    "J. SMITH"),
    ("José",                                "JOSÉ"),
    ("Jose\u0301",                          "JOSÉ"),
    ("O＇Brien",                            "O'BRIEN"),
    ("张三（大）",                          "张三(大)"),
    ("张三２",                              "张三2"),
    ("",                                    ""),
])
def test_a_name_is_compared(written: str, compared: str) -> None:
    assert normal_name(written) == compared


@pytest.mark.parametrize(("written", "compared"), [
    # as written                    as compared
    ("11010519491231002X",          "11010519491231002X"),      # the example of GB 11643-1999
    ("11010519491231002x",          "11010519491231002X"),
    ("１１０１０５１９４９１２３１００２Ｘ", "11010519491231002X"),
    ("１１０１０５１９４９１２３１００２ｘ", "11010519491231002X"),
    (" 110105 19491231 002X ",      "11010519491231002X"),
    ("110105-19491231-002X",        "11010519491231002X"),
    ("11010519491231002X\u200b",    "11010519491231002X"),
    ("440524188001010014",          "440524188001010014"),      # born in 1880, the standard's other example
    ("110105491231002",             "11010519491231002X"),      # 15 digits
    ("１１０１０５４９１２３１００２", "11010519491231002X"),
    ("130503670401001",             "130503196704010016"),
    ("110105000101001",             "11010519000101001X"),      # 00 is 1900: nobody born in 2000 had 15 digits
    ("110105040229001",             "110105190402290016"),
    ("110105000229001",             "110105000229001"),         # 1900 had no 29 February: no such number
    ("110105491331002",             "110105491331002"),         # no thirteenth month
    ("110105194912310021",          "110105194912310021"),      # a wrong check digit is kept, not mended
    ("830000199201300022",          "830000199201300022"),      # Taiwan resident's permit, 18 digits as well
    ("911124198108030024",          "911124198108030024"),      # foreigner's permanent residence since 2023
    # other documents
    ("e12345678",                   "E12345678"),               # passport
    ("Ｅ１２３４５６７８",          "E12345678"),
    ("EA 1234567",                  "EA1234567"),
    ("h1234567800",                 "H1234567800"),             # permit of Hong Kong and Macao
    ("Ｈ１２３４５６７８",          "H12345678"),
    ("A123456（7）",                "A1234567"),                # Hong Kong identity card
    ("A123456(7)",                  "A1234567"),
    ("USA110012345678",             "USA110012345678"),         # 15 characters and no resident's number
    ("军字第2001988号",             "军字第2001988号"),
    ("",                            ""),
])
def test_an_identity_number_is_compared(written: str, compared: str) -> None:
    assert normal_identity(written) == compared


@pytest.mark.parametrize(("written", "warned"), [
    # number                        to look at again
    ("11010519491231002X",          []),
    ("１１０１０５１９４９１２３１００２ｘ", []),
    ("440524188001010014",          []),
    ("990105194912310023",          []),                        # python-stdnum knows no birthplace 990105: no matter
    ("830000199201300022",          []),
    ("110105194912310021",          ["identity.check_digit"]),
    ("11010519491231020X",          ["identity.check_digit"]),  # two digits swapped
    ("110105194902300025",          ["identity.birth_date", "identity.check_digit"]),
    ("110105194902300020",          ["identity.birth_date"]),
    ("110105491231002",             ["identity.converted"]),
    ("110105491331002",             ["identity.birth_date"]),
    ("1101051949123100",            ["identity.length"]),
    ("1101051949123100212",         ["identity.length"]),
    ("11010549123100X",             ["identity.length"]),
    ("E12345678",                   []),                        # other documents have no rule here
    ("A1234567",                    []),
    ("H1234567800",                 []),
    ("军字第2001988号",             []),
    ("",                            []),
])
def test_a_number_is_warned_of_and_never_refused(written: str, warned: list[str]) -> None:
    assert [warning.code for warning in identity_warnings(written)] == warned


def test_a_warning_says_what_to_look_at() -> None:
    assert identity_warnings("110105194912310021") == (IdentityWarning(
        "identity.check_digit", "号码的校验码不符，请核对是否写错一位。", "The check digit does not fit: a digit may be wrong.",
    ),)


@pytest.mark.parametrize(("written", "compared"), [
    # as written                as compared
    ("13800138000",             "13800138000"),
    ("138 0013 8000",           "13800138000"),
    ("138-0013-8000",           "13800138000"),
    ("１３８００１３８０００",  "13800138000"),
    ("+8613800138000",          "13800138000"),
    ("＋８６　１３８００１３８０００", "13800138000"),
    ("+86 138–0013–8000",       "13800138000"),
    ("(+86) 13800138000",       "13800138000"),
    ("0086-13800138000",        "13800138000"),
    ("8613800138000",           "13800138000"),
    ("013800138000",            "13800138000"),             # long distance, as mobiles were once dialled
    ("\u202d13800138000\u202c", "13800138000"),             # pasted from a phone's contacts
    ("0772-2825678",            "07722825678"),
    ("（0772）2825678",         "07722825678"),
    ("+86 0772 2825678",        "07722825678"),
    ("010-12345678",            "01012345678"),
    ("86128888",                "86128888"),                # a local number that begins with 86
    ("12393",                   "12393"),
    ("+852 9123 4567",          "+85291234567"),
    ("00852-91234567",          "+85291234567"),
    ("",                        ""),
])
def test_a_phone_is_compared(written: str, compared: str) -> None:
    assert normal_phone(written) == compared


# Letters and marks of every script, and enough dots, blanks and digits that they meet.
TEXTS = st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from("·•．.。 　\u200b张买A1x-()+０")))


@given(TEXTS)
def test_what_is_normal_stays_as_it_is(text: str) -> None:
    for normal in (normal_name, normal_identity, normal_phone):
        assert normal(normal(text)) == normal(text)


@given(st.text(st.characters(min_codepoint=0x20000, max_codepoint=0x2F7FF)))
def test_characters_beyond_the_basic_plane_stay_whole(name: str) -> None:
    assert normal_name(name) == name


@given(st.text("0123456789", min_size=15, max_size=15))
def test_old_and_new_number_of_a_person_are_one(old: str) -> None:
    new = normal_identity(old)
    if new != old:
        assert (new[:6], new[6:8], new[8:17]) == (old[:6], "19", old[6:])
        assert identity_warnings(new) == ()


def test_what_gbk_put_into_the_private_area_is_what_it_stands_for() -> None:
    """Python's codec knows 66 of the 80; the others are since Unicode 3.1 and 4.1 where our table says."""
    trails = [trail for trail in range(0x50, 0xA1) if trail != 0x7F]
    decoded = [bytes([0xFE, trail]).decode("gb18030") for trail in trails]
    for private, known in zip(map(chr, range(0xE815, 0xE865)), decoded, strict=True):
        assert normal_name(private) != private
        assert normal_name(private) == normal_name(known)
