"""Names in ZIP archives whose code page the archive does not tell."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence

_UTF8_FLAG = 0x800

_COMMON = {  # code page: characters of its languages' common words
    "cp437": "[a-zA-ZäöüßÄÖÜéèêëáàâåñçîïìíóòôúùûÿæÆÅÉÑÇ]",
    "cp850": "[a-zA-ZäöüßÄÖÜéèêëáàâãåñçîïìíóòôõøúùûýæÆÅÁÀÂÃÈÊÉÍÑÓÔÕØÚÇ]",
    "cp852": "[a-zA-ZąćęłńóśźżĄĆĘŁŃÓŚŹŻáčďéěíňřšťúůýžÁČĎÉĚÍŇŘŠŤÚŮÝŽäöüőűÖÜŐŰ]",
    "cp866": r"[\u0410-\u044f\u0401\u0451]",
    "cp1251": r"[\u0410-\u044f\u0401\u0451\u0404\u0406\u0407\u0454\u0456\u0457]",
    "cp932": "[ぁ-んァ-ヶー]",
    "gbk": "",
    "big5": "",
    "cp949": "[가-힣]",
}
_COMMON_ROWS = {"gbk": (0xB0, 0xD7), "big5": (0xA4, 0xC6), "cp932": (0x88, 0x97), "cp949": (0xB0, 0xC8)}
"""First bytes of the frequent characters in the standards of East Asia."""
_SIZES = {"cp932": 3000, "gbk": 3755, "big5": 5401, "cp949": 2350, "cp866": 66, "cp1251": 72}  # common characters
_KANA, _NUM_KANA = re.compile("[ぁ-んァ-ヶー]"), 170
_LATIN = 64
_WORD = re.compile(r"[^\W\d_]+")
_RARE = math.log(60_000)  # the price of any other character


def names_of(stored: Sequence[tuple[str, int]]) -> list[str]:
    """The names of the members of a ZIP.

    Without the flag of UTF-8, names are in UTF-8 or in the code page of the computer that packed them. It is the one in
    which all of them together are most probable, if each common character of its languages is as probable as the
    others.

    Args:
        stored: name as `zipfile` tells it, which takes code page 437, and flags of each member.
    """
    others = [name.encode("cp437", "replace") for name, flags in stored if not flags & _UTF8_FLAG]
    page = _code_page(b"\n".join(others))
    return [
        name if flags & _UTF8_FLAG else name.encode("cp437", "replace").decode(page, "replace")
        for name, flags in stored
    ]


def _code_page(names: bytes) -> str:
    try:
        if all(unicodedata.category(character) != "Cn" for character in names.decode()):
            return "utf-8"
    except UnicodeDecodeError:
        pass
    return min(_COMMON, key=lambda page: _surprise(names, page))  # the first of equal ones


def _surprise(names: bytes, page: str) -> float:
    """The negative logarithm of the probability of names in a code page; infinite where it cannot hold them."""
    try:
        text = names.decode(page)
    except UnicodeDecodeError:
        return math.inf
    first, last = _COMMON_ROWS.get(page, (0, 0))
    total = 0.0
    for character in filter(lambda letter: not letter.isascii(), text):
        if page == "cp932" and _KANA.match(character):
            total += math.log(_NUM_KANA)
        elif (_COMMON[page] and re.match(_COMMON[page], character)) or first <= character.encode(page)[0] <= last:
            total += math.log(_SIZES.get(page, _LATIN))
        else:
            total += _RARE
    for word in _WORD.findall(text):
        num_others = sum(not character.isascii() for character in word)
        is_rare = 2 * num_others > len(word) > 2 if page not in _SIZES else 0 < num_others < len(word)
        total += _RARE * is_rare  # Latin words have plain letters too; words of other scripts have none
    return total
