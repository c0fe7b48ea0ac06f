"""The encoding of texts that do not say it, or say it wrongly: tags of songs, lists of songs, and names in archives."""

from __future__ import annotations

import codecs
import math
import re
import unicodedata
from collections.abc import Sequence

WESTERN, UNKNOWN = "windows-1252", "ascii"

_WINDOWS = {code: bytes([code]).decode("cp1252", "ignore") for code in range(0x80, 0xA0)}
_ENCODINGS = [
    "cp1251", "koi8_r", "cp866", "cp1253", "cp1255", "cp1256", "cp932", "euc_jp", "gbk", "big5", "euc_kr",
]  # fmt: skip
_FOREIGN = re.compile(rb"[\x80-\xff]{2,}")
_SYMBOLS = re.compile(rb"[\xa2-\xa6\xa8\xa9\xac-\xaf\xb1-\xb3\xb5\xb6\xb8\xb9\xbc-\xbe]")  # rare in Western texts
_NOT_WESTERN = re.compile(rb"[\x81-\x83\x8d\x8f\x90\x9d]")  # nearly unused in Windows-1252; half of Japanese
_FEWEST = 4  # bytes that tell an encoding
_KANA_OF_HALF_WIDTH = re.compile("[\uff61-\uff9f]")
_IMPLAUSIBLE = {  # what Chinese becomes
    "euc_kr": re.compile("[\u4e00-\u9fff]"), "cp932": _KANA_OF_HALF_WIDTH, "euc_jp": _KANA_OF_HALF_WIDTH,
}  # fmt: skip
_CONFIDENCE = 0.4  # highest share of noise, for charset-normalizer
_EVIDENCE = 2**14  # bytes that are enough
_NAMES = {f"cp{number}": f"windows-{number}" for number in range(1250, 1257)} | {"cp932": "shift_jis"}
_WORD = re.compile(r"[^\x00-@\[-`{-\x7f\xa0\xab\xbb\u2013\u2014\u2018-\u201e]+")
_WESTERN_WORD = re.compile(  # French, German, Spanish, Portuguese, Italian, of the north, Estonian, Icelandic
    "[a-zàâæçèéêëîïôœùûüÿ]+|[a-zäöüßéàè]+|[¿¡]?[a-záàçèéíïñòóúü·]*[ºª]?|(?:[a-záâãàçéêíóôúü]|õe)+[ºª]?|[a-zàèéìîòù]+"
    "|[a-zåäöæøéèü]+|[a-zäöõü]+|[a-zþáéíóúýæðöø][a-záéíóúýæðöø]*"
)
_OF_1250 = (  # Polish, Czech, Slovak, Hungarian, Croatian, Romanian
    "ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "čćđšž", "ăâîşţ",
)  # fmt: skip
_OF_WINDOWS = [  # and Turkish; \u0307 is the dot of a small dotted I
    *(("cp1250", re.compile(f"[a-z{letters}]+")) for letters in _OF_1250),
    ("cp1254", re.compile("[a-zâçğ\u0131îöşüû\u0307]+")),
]
_OF_OTHERS = [
    *((page, _WESTERN_WORD) for page in ("cp850", "mac_roman")),  # of DOS and of old Macs
    *(("cp852", known) for page, known in _OF_WINDOWS if page == "cp1250"),
]
_QUOTED = re.compile(
    "^[\u2018\u201a\u201c\u201e]+|[\u2019\u201d\u2026\u2122]+$|(?<=[a-z])\u2019(?=[a-z])", re.IGNORECASE
)
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
    for encoding, mark, high in (
        ("utf-16-le", codecs.BOM_UTF16_LE, data[1:200:2]),
        ("utf-16-be", codecs.BOM_UTF16_BE, data[:200:2]),
    ):
        if data.startswith(mark) or high.count(0) > 0.8 * len(high) > 0:
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


def _encoding_of(content: bytes) -> str:
    """The encoding of text that is not UTF-8: `WESTERN`, unless it cannot be; `UNKNOWN` if nothing fits."""
    num_high = sum(byte > 127 for byte in content)
    num_together = sum(map(len, _FOREIGN.findall(content)))
    is_foreign = num_high >= _FEWEST and num_together > 0.75 * num_high
    is_latin = not is_foreign and len(_KANA.findall(content.decode("cp932", "ignore"))) < _FEWEST
    if other := _other_single_bytes(content, [*_OF_WINDOWS, *_OF_OTHERS] if is_latin else _OF_WINDOWS):
        return other
    is_foreign |= len(_SYMBOLS.findall(content)) > max(_FEWEST, 0.15 * num_high)
    if not is_foreign and len(_NOT_WESTERN.findall(content)) < _FEWEST // 2:
        return WESTERN
    from charset_normalizer import from_bytes

    encodings = list(_ENCODINGS)
    while found := from_bytes(content, cp_isolation=encodings, threshold=_CONFIDENCE).best():
        if not (wrong := _IMPLAUSIBLE.get(found.encoding)) or not wrong.search(str(found)):
            return found.encoding
        encodings.remove(found.encoding)
    return UNKNOWN


def _other_single_bytes(content: bytes, alphabets: Sequence[tuple[str, re.Pattern[str]]]) -> str | None:
    """The code page of a language that has words which no Western language has; None if the Western ones have more."""
    western, most, best = _in(WESTERN, content), 0, None
    for encoding, known in alphabets:
        other = content.decode(encoding, "replace")
        if "\ufffd" in other:
            continue
        pairs = {(found[0], western[found.start() : found.end()]) for found in _WORD.finditer(other)}
        fits = [
            (_is_word(word, known), _is_word(_QUOTED.sub("", as_western) or "a", _WESTERN_WORD))
            for word, as_western in pairs
            if word != as_western
        ]
        num_other, num_western = (sum(column) for column in zip(*fits, strict=True)) if fits else (0, 0)
        is_sure = num_other == len(fits) or num_other - num_western > 1
        if is_sure and num_other > len(fits) / 2 and num_other - num_western > most:
            most, best = num_other - num_western, encoding
    return best


def _is_word(word: str, known: re.Pattern[str]) -> bool:
    """Whether a word has the letters of a language, not too many with marks, and capitals in front."""
    num_marked = sum(not letter.isascii() for letter in word)
    is_cased = word.isupper() or word[1:] == word[1:].lower()
    return is_cased and num_marked <= max(0.6 * len(word), 2) and known.fullmatch(word.lower()) is not None


# Names in ZIP archives

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
_LETTERS = re.compile(r"[^\W\d_]+")
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
    for word in _LETTERS.findall(text):
        num_others = sum(not character.isascii() for character in word)
        is_rare = 2 * num_others > len(word) > 2 if page not in _SIZES else 0 < num_others < len(word)
        total += _RARE * is_rare  # Latin words have plain letters too; words of other scripts have none
    return total
