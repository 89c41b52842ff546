"""Names, identity numbers and phones as they are compared; what people read is kept as it was written.

Blind indexes (`core.sealing`) are made of these normal forms, so one may not change without a new `NORMALISER_VERSION`
and new indexes. Nothing here refuses: a document this file has never heard of is still somebody's document.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from typing import Final

from stdnum.cn import ric
from stdnum.exceptions import InvalidComponent

#: Stands in every blind index. The tables below are written out, so that a newer Python can't change them unnoticed.
NORMALISER_VERSION: Final = 1

_HALF_WIDTH: Final = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}

#: GBK put 80 characters, 䶮 among them, into Unicode's private area; systems of its time still send them so.
#: Source: GB 18030, FE50 to FEA0, and where Unicode has put the characters since.
_GBK_PRIVATE: Final = dict(zip(range(0xE815, 0xE865), (
    "⺁𠂇𠂉𠃌⺄㑳㑇⺈⺋龴㖞㘚㘎⺌⺗㥮㤘龵㧏㧟㩳㧐龶龷㭎㱮㳠⺧𡗗龸⺪䁖䅟⺮䌷⺳⺶⺷𢦏䎱䎬⺻䏝䓖䙡䙌龹"
    "䜣䜩䝼䞍⻊䥇䥺䥽䦂䦃䦅䦆䦟䦛䦷䦶龺𤇾䲣䲟䲠䲡䱷䲢䴓䴔䴕䴖䴗䴘䴙䶮龻"
), strict=True))
_STANDARD: Final = _HALF_WIDTH | _GBK_PRIVATE

#: Zero width, directions, variation selectors, controls: what nobody sees and a copied text carries along.
_UNSEEN: Final = re.compile(
    "[\0-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\ufe00-\ufe0f\ufeff\U000e0000-\U000e0fff]"
)

#: Every dot that keyboards, converters and forms put between the parts of a Uyghur, Kazakh or Tibetan name.
_DOTS: Final = re.compile("(?: ?[·•‧․∙⋅●⸱⸳ꞏᐧ・･。｡﹒] ?)+")
#: The plain full stop is one only between characters that are not Latin: "J. Smith" keeps his.
_FULL_STOPS: Final = re.compile(r"(?<=[^\x00-\x7f])(?: ?\.)+ ?(?=[^\x00-\x7f])")

_HAN: Final = "[\u3007\u3400-\u4dbf\u4e00-\u9fff\ue000-\uf8ff\ufa0e-\ufa29\U00020000-\U0003ffff]"
#: Forms stretch 张三 to the width of three characters.
_PADDING: Final = re.compile(rf"(?<={_HAN}) (?={_HAN})")

_SEPARATOR: Final = re.compile("[\\s()\\-\u2010-\u2015\u2212]")
_RESIDENT: Final = re.compile("[0-9]{17}[0-9X]")
_OLD_RESIDENT: Final = re.compile("[0-9]{15}")
_MISCOUNTED: Final = re.compile("[0-9]{13,19}[0-9X]")
#: +86, or 86 or a long-distance 0 before a mobile number.
_MAINLAND: Final = re.compile(r"\+86|(?:86|0)(?=1[3-9][0-9]{9}$)")


def normal_name(text: str) -> str:
    """A name for comparing: 阿卜杜热合曼•买买提, 阿卜杜热合曼 ・ 买买提 and 阿卜杜热合曼·买买提 are one name.

    Characters stay whole, also beyond the basic plane; NFC and not NFKC, which would turn characters into others that
    look alike. Dots become U+00B7, full width half, Latin letters capitals as passports print them.
    """
    text = _UNSEEN.sub("", text).translate(_STANDARD).upper()
    text = " ".join(unicodedata.normalize("NFC", text).split())
    return _PADDING.sub("", _DOTS.sub("·", _FULL_STOPS.sub("·", text)).strip("·"))


def normal_identity(text: str) -> str:
    """A document's number for comparing: half width, capitals, without blanks, dashes and brackets.

    A resident's number of 15 digits becomes its 18: the year is 19yy (GB 11643-1999), the check digit is computed. One
    whose digits name no date is left alone, being a mistake or another document.
    """
    number = _compact(text)
    if not _OLD_RESIDENT.fullmatch(number) or _birth_date(_eighteen(number)) is None:
        return number
    return _eighteen(number)


def normal_phone(text: str) -> str:
    """A phone number for comparing: digits; +86 and 0086 are taken off, other countries keep "+" and their code."""
    return _MAINLAND.sub("", re.sub("^00", "+", _compact(text)), count=1)


@dataclass(frozen=True, slots=True)
class IdentityWarning:
    """Something to look at again in a document's number, never a reason to turn a person away. `code` is stable."""

    code: str
    zh: str
    en: str


LENGTH: Final = IdentityWarning(
    "identity.length", "号码不是 18 位，请核对是否漏写或多写。", "Neither 18 nor 15 digits: one may be missing, or one too many."
)
BIRTH_DATE: Final = IdentityWarning(
    "identity.birth_date", "号码中的出生日期不存在，请核对。", "The birth date in the number does not exist."
)
CHECK_DIGIT: Final = IdentityWarning(
    "identity.check_digit", "号码的校验码不符，请核对是否写错一位。", "The check digit does not fit: a digit may be wrong."
)
CONVERTED: Final = IdentityWarning(
    "identity.converted", "由 15 位旧号码换算，出生年份按 19 开头计，请核对。", "Made of an old number of 15 digits: born in 19yy, as assumed."
)


def identity_warnings(text: str) -> tuple[IdentityWarning, ...]:
    """What to look at again in a document's number; nothing for documents that are not residents' numbers.

    The birthplace is not looked at: python-stdnum does not know every code in use, and areas have codes of their own.
    """
    number = _compact(text)
    if _OLD_RESIDENT.fullmatch(number):
        return (CONVERTED,) if _birth_date(_eighteen(number)) else (BIRTH_DATE,)
    if _RESIDENT.fullmatch(number):
        impossible = () if _birth_date(number) else (BIRTH_DATE,)
        return impossible if ric.calc_check_digit(number) == number[-1] else (*impossible, CHECK_DIGIT)
    return (LENGTH,) if _MISCOUNTED.fullmatch(number) else ()


def _compact(text: str) -> str:
    return _SEPARATOR.sub("", _UNSEEN.sub("", text).translate(_HALF_WIDTH)).upper()


def _eighteen(number: str) -> str:
    """15 digits as 18."""
    body = f"{number[:6]}19{number[6:]}"
    return body + ric.calc_check_digit(f"{body}0")


def _birth_date(number: str) -> date | None:
    try:
        return ric.get_birth_date(number)
    except InvalidComponent:
        return None
