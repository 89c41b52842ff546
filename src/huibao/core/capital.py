"""Amounts in Chinese capitals （大写金额）, as cheques and statements carry them: nobody adds a stroke to these."""

from typing import Final

_DIGITS: Final = "零壹贰叁肆伍陆柒捌玖"
_PLACES: Final = ("", "拾", "佰", "仟")
_GROUPS: Final = ("", "万", "亿", "万亿")
#: The first amount that has no name here.
_TOO_MUCH: Final = 10**17


def capital(fen: int) -> str:
    """An amount of fen: 16800 is 壹佰陆拾捌元整, 10000050 is 壹拾万元零伍角整. Raises `ValueError` below zero and from 10^17 fen on."""
    if not 0 <= fen < _TOO_MUCH:
        raise ValueError(f"{fen} fen have no capitals")
    yuan, cents = divmod(fen, 100)
    jiao, rest = divmod(cents, 10)
    said = f"{_whole(yuan)}元" if yuan else ""
    if not cents:
        return f"{said or '零元'}整"
    if yuan and (not jiao or yuan % 10 == 0):
        said += "零"
    said += f"{_DIGITS[jiao]}角" if jiao else ""
    return said + (f"{_DIGITS[rest]}分" if rest else "整")


def _whole(number: int) -> str:
    """A whole number above zero, group by group of four digits."""
    groups = []
    while number:
        number, group = divmod(number, 10_000)
        groups.append(group)
    said = ""
    for place in range(len(groups) - 1, -1, -1):
        group = groups[place]
        if not group:
            continue
        # A gap before this group, within it or in the groups that were left out, is said once.
        gap = said and (group < 1000 or not groups[place + 1] or groups[place + 1] % 10 == 0)
        said += ("零" if gap else "") + _four(group) + (_GROUPS[place] if place < len(_GROUPS) else "")
    return said


def _four(group: int) -> str:
    said, gap = "", False
    for place in (3, 2, 1, 0):
        digit = group // 10**place % 10
        if digit:
            said += ("零" if gap and said else "") + _DIGITS[digit] + _PLACES[place]
            gap = False
        else:
            gap = True
    return said
