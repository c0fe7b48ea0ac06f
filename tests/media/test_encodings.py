"""The encodings of lists of songs, of a whole file and of single lines in it."""

import pytest

from emomusic.media.encodings import as_utf8

RUSSIAN = (
    "\u0421\u0435\u0432\u0435\u0440\u043d\u044b\u0439 \u0432\u0435\u0442\u0435\u0440\n"
    "\u041f\u0435\u0440\u0432\u044b\u0439 \u0441\u043d\u0435\u0433\n"
)
WESTERN = (
    *("\u00bfQu\u00e9? \u00c1y", "N\u00ba 1", "\u00c1g\u00e6tis \u00de\u00fa \u00d0", "R\u00f8yksopp"),
    *("J\u00f3ga, Cr\u00e8me Br\u00fbl\u00e9e", "T\u00f5nis M\u00e4gi", "Can\u00e7\u00f5es de Jo\u00e3o"),
)
JAPANESE, CHINESE = "夜に駆ける\n残酷な天使のテーゼ\n", "周杰伦 - 晴天\n月亮代表我的心\n"


@pytest.mark.parametrize(
    ("text", "encoding", "name"),
    [
        (RUSSIAN, "cp1251", "windows-1251"), (RUSSIAN, "koi8_r", "koi8_r"), (JAPANESE, "cp932", "shift_jis"),
        (CHINESE, "gbk", "gbk"), ("Beyonc\u00e9\nBj\u00f6rk\n", "cp1252", "windows-1252"),
        ("Ma\u0142go\u015bka\n\u0141\u0105ki \u0141an\n", "cp1250", "windows-1250"),
        ("P\u0159\u00edb\u011bh\nVondr\u00e1\u010dkov\u00e1\n", "cp1250", "windows-1250"),
        ("Bar\u0131\u015f Man\u00e7o\n\u0130stanbul\n", "cp1254", "windows-1254"), ("אתה\n", "cp1255", "windows-1255"),
        ("青花瓷,周杰倫\n小幸運,田馥甄\n", "big5", "big5"), (RUSSIAN, "cp866", "cp866"),
        ("Die \u00c4rzte\nBeyonc\u00e9\nM\u00e4nner\n", "cp437", "cp850"),
        ("J\u00f3ga\nBj\u00f6rk\n\u00dcber den Wolken\n", "mac_roman", "mac_roman"),
        ("Ni\u017c zero\nNie p\u0142acz\n\u015acie\u017cka \u017c\u00f3\u0142ta\nWi\u0119cej\n", "cp852", "cp852"),
        (RUSSIAN, "utf-16", "utf-16"), (RUSSIAN, "utf-8-sig", "utf-8"),
        (JAPANESE, "utf-16-le", "utf-16"), (CHINESE, "utf-16-be", "utf-16"),
        *((line, "cp1252", "windows-1252") for line in WESTERN),
    ],
)  # fmt: skip
def test_a_file_is_in_the_encoding_that_its_letters_tell(text: str, encoding: str, name: str) -> None:
    assert as_utf8(text.encode(encoding)) == (text.encode(), name)


def test_lines_in_another_encoding_a_file_that_ends_inside_a_letter_and_letters_encoded_twice_are_read() -> None:
    others = "Beyonc\u00e9\nYellow\nK\u00f6ln\nMot\u00f6rhead\n"
    for line, encoding in (("Onur \u00d6zer\n", "cp1252"), (RUSSIAN, "cp1251")):
        assert as_utf8(others.encode() + line.encode(encoding)) == ((others + line).encode(), "utf-8")
    assert as_utf8("K\u00f6ln\nBeyonc\u00e9".encode()[:-1]) == ("K\u00f6ln\nBeyonc".encode(), "utf-8")
    assert as_utf8("Beyonc\u00c3\u00a9\nK\u00f6ln\n".encode()) == ("Beyonc\u00e9\nK\u00f6ln\n".encode(), "utf-8")
