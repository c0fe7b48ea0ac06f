"""The encoding of texts that do not declare it, or declare a wrong one: tags and lists of songs."""

from __future__ import annotations

import codecs
import math
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

WESTERN, UNKNOWN = "windows-1252", "ascii"

_WINDOWS = {code: bytes([code]).decode("cp1252", "ignore") for code in range(0x80, 0xA0)}
_EVIDENCE = 2**14  # bytes that are enough
_NAMES = {f"cp{number}": f"windows-{number}" for number in range(1250, 1257)}
_NAMES |= {"cp932": "shift_jis", "cp949": "euc_kr"}
_TWICE = re.compile(rb"\xc3[\x82\x83\x90\x91]\xc2|\xc3\xa2\xe2\x82\xac")  # UTF-8 of letters of UTF-8


def decode_texts(contents: Sequence[bytes]) -> tuple[list[str], str]:
    """The texts of one source, and the encoding of those that are not UTF-8; "utf-8" if all are.

    Texts outside UTF-8 have one encoding, which all of them tell together. If it is `UNKNOWN`, they have marks of
    replacement.
    """
    texts = [utf_8(content) for content in contents]
    legacy = [content for content, text in zip(contents, texts, strict=True) if text is None]
    if not legacy:
        return [text or "" for text in texts], "utf-8"
    encoding = _encoding_of(b"\n".join(legacy)[:_EVIDENCE])
    pairs = zip(contents, texts, strict=True)
    return [_in(encoding, content) if text is None else text for content, text in pairs], encoding


def utf_8(content: bytes) -> str | None:
    """The text in UTF-8; None if it is not UTF-8."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


def bytes_of_western(text: str) -> bytes | None:
    """The bytes of a text that a program has read, or may have read, as Latin-1 or Windows-1252; None for others."""
    for encoding in ("latin-1", "cp1252"):
        try:
            return text.encode(encoding)
        except UnicodeEncodeError:
            continue
    return None


def as_utf8(data: bytes) -> tuple[bytes, str]:
    """The text of a file in UTF-8 without its byte order mark, and the name of its encoding.

    A file is in one encoding. Single lines of a file in UTF-8 may be in another one, and its last letter may be cut.
    """
    data = data.removeprefix(codecs.BOM_UTF8)
    for encoding, mark, at in (("utf-16-le", codecs.BOM_UTF16_LE, 1), ("utf-16-be", codecs.BOM_UTF16_BE, 0)):
        high = data[at:2000:2]  # without a mark, separators and line ends reveal the encoding
        text = data[:2000].decode(encoding, "ignore") if high.count(0) > len(high) / 50 else "\0"
        if data.startswith(mark) or all(letter.isprintable() or letter in "\t\n\r\u3000\ufeff" for letter in text):
            return _in(encoding, data.removeprefix(mark)).encode("utf-8", "replace"), "utf-16"
    wrong = _not_utf_8(data)
    if wrong is not None and wrong.end == len(data) and "end of data" in wrong.reason:
        start = len(data) - len(wrong.object[wrong.start :])
        if not data[:start].isascii():
            data, wrong = data[:start], None
    if wrong is None:
        return _repaired(data), "utf-8"
    if b"\n" not in data and b"\r" in data:
        return _in("mac-roman", data).encode(), "mac-roman"  # only old Macs end lines so
    lines = data.splitlines(keepends=True)
    others = [line for line in lines if not line.isascii()]
    num_utf_8 = sum(utf_8(line) is not None for line in others)
    texts, encoding = decode_texts(others)
    if num_utf_8 >= len(others) / 2 or (num_utf_8 and encoding == WESTERN):
        decoded = dict(zip(others, texts, strict=True))
        return _repaired(b"".join(decoded[line].encode() if line in decoded else line for line in lines)), "utf-8"
    encoding = WESTERN if encoding == UNKNOWN else encoding
    return _in(encoding, data).encode("utf-8", "replace"), _NAMES.get(encoding, encoding)


def _not_utf_8(data: bytes) -> UnicodeDecodeError | None:
    """The first error of UTF-8, found in parts, as a whole text can need four times its bytes."""
    decoder, view = codecs.getincrementaldecoder("utf-8")(), memoryview(data)
    try:
        for start in range(0, len(data) or 1, 2**20):
            decoder.decode(view[start : start + 2**20], final=start + 2**20 >= len(data))
    except UnicodeDecodeError as error:
        return error
    return None


def _repaired(data: bytes) -> bytes:
    """Lines of UTF-8 that another program has read as Western are repaired: "Beyonc\u00c3\u00a9" is Beyonc\u00e9."""
    parts, done = [], 0
    for found in _TWICE.finditer(data):
        if found.start() >= done:
            start, end = data.rfind(b"\n", 0, found.start()) + 1, data.find(b"\n", found.end()) % (len(data) + 1)
            line = bytes_of_western(data[start:end].decode())
            parts += [data[done:start], data[start:end] if line is None or utf_8(line) is None else line]
            done = end
    return b"".join([*parts, data[done:]]) if parts else data


def _in(encoding: str, content: bytes) -> str:
    if encoding == WESTERN:
        return content.decode("latin-1").translate(_WINDOWS)
    return content.decode(encoding, "replace")


# Code pages: the likeliest one, if each letter of a language outside ASCII is as likely as the others


class _Page(NamedTuple):
    """What is likely in a code page.

    Attributes:
        alphabets: the price of a letter by the small letters outside ASCII of each of its languages.
        rows: first bytes of the frequent characters in the standards of East Asia.
        number: the number of these characters.
        doubt: added to the price of a text whose code page may be any.
    """

    alphabets: Mapping[str, float]
    rows: range = range(0)
    number: int = 1
    doubt: int = 3


def _alphabet(letters: str) -> dict[str, float]:
    return {letters: math.log(len(letters))}


_LATIN = 2.8  # the price of a letter
_WESTERN_PAGE = {  # French, German, Spanish, Portuguese, Italian, of the north, Estonian; Icelandic
    **dict.fromkeys(("àâæçèéêëîïôœùûüÿ", "äöüßéàè", "áàçèéíïñòóúü·", "áâãàçéêíóôõúü", "àèéìîòù"), _LATIN),
    **dict.fromkeys(("åäöæøéèü", "äöõü"), _LATIN),
    "þáéíóúýæðö": 4.0,
}
_CENTRAL = dict.fromkeys(  # Polish, Czech, Slovak, Hungarian, Croatian, Romanian
    ("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "čćđšž", "ăâîşţ"), _LATIN
)
_TURKISH = {"âçğ\u0131îöşüû\u0307": _LATIN}  # \u0307 is the dot of a small dotted I
_CYRILLIC = _alphabet("абвгдежзийклмнопрстуфхцчшщъыьэюяёєіїґ")
_KANA = _alphabet("".join(map(chr, (*range(0x3041, 0x3094), *range(0x30A1, 0x30F7), 0x30FC))))
_PAGES = {
    WESTERN: _Page(_WESTERN_PAGE, doubt=0),
    "cp1250": _Page(_CENTRAL),
    "cp1254": _Page(_TURKISH),
    "cp850": _Page(_WESTERN_PAGE, doubt=5),
    "cp437": _Page(_WESTERN_PAGE, doubt=5),
    "mac_roman": _Page(_WESTERN_PAGE, doubt=5),
    "cp852": _Page(_CENTRAL, doubt=5),
    "cp1251": _Page(_CYRILLIC),
    "koi8_r": _Page(_CYRILLIC),
    "cp866": _Page(_CYRILLIC),
    "cp1253": _Page(_alphabet("αβγδεζηθικλμνξοπρςστυφχψωάέήίόύώϊ")),
    "cp1255": _Page(_alphabet("אבגדהוזחטיךכלםמןנסעףפץצקרשת")),
    "cp1256": _Page(_alphabet("ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىي")),
    "cp932": _Page(_KANA, range(0x88, 0x98), 3000),
    "euc_jp": _Page(_KANA, range(0xB0, 0xD0), 3000),
    "gbk": _Page({"": 0}, range(0xB0, 0xD8), 3755),
    "big5": _Page({"": 0}, range(0xA4, 0xC7), 5401),
    "cp949": _Page({"": 0}, range(0xB0, 0xC9), 2350),
}
_RARE = math.log(60_000)  # the price of any other character
_BETWEEN = re.compile(r"[\x00-@\[-`{-\x7f\xa0\u3000-\u3011\uff01-\uff20]+")
_MARKS = re.compile(  # quotation marks, dashes and signs around a word
    "^[\xa1\xab\xb4\xb5\xbb\xbf\u2013\u2014\u2018\u2019\u201a\u201c\u201e]+"
    "|[\xa9\xaa\xab\xae\xb0\xb4\xba\xbb\u2013\u2014\u2019\u201c\u201d\u2026\u2122]+$"
    "|(?<=[A-Za-z])(?:\u2019(?=[A-Za-z])|\u2013(?=[A-Z]))"
)


def _encoding_of(content: bytes) -> str:
    """The likeliest encoding of text that is not UTF-8; `UNKNOWN` if nothing fits."""
    prices = {page: _price(content, page) + known.doubt for page, known in _PAGES.items()}
    best = min(prices, key=prices.__getitem__)
    return best if prices[best] <= 2 * _RARE * sum(byte > 127 for byte in content) else UNKNOWN


def _price(content: bytes, page: str) -> float:
    """The negative logarithm of the probability of the words of a text in a code page."""
    words = dict.fromkeys(_MARKS.sub("", word) for word in _BETWEEN.split(content.decode(page, "replace")))
    return sum(_price_of(word, page) for word in words if not word.isascii())


def _price_of(word: str, page: str) -> float:
    """The price of a word; higher if its case is odd, or if it has too many, or too few, letters outside ASCII."""
    alphabets, rows, number, _ = _PAGES[page]
    others = [letter for letter in word.lower() if not letter.isascii()]
    is_frequent = [bool(rows) and letter.encode(page, "replace")[0] in rows for letter in others]
    outside = [math.log(number) if frequent else _RARE for frequent in is_frequent]
    prices = (
        sum(price if letter in letters else other for letter, other in zip(others, outside, strict=True))
        for letters, price in alphabets.items()
    )
    is_odd = len(others) > max(len(word) / 2, 2) if _LATIN in alphabets.values() else 0 < len(others) < len(word)
    is_cased = word.isupper() or word[1:] == word[1:].lower()
    num_flaws = [is_odd, not is_cased].count(True)
    return min(prices) + _RARE * num_flaws
