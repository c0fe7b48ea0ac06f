"""Songs in lines of text: chats, and lists that people write."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import unquote

from emomusic.songs.catalogue import TRACK_LINK
from emomusic.songs.names import Finder
from emomusic.songs.tables.cells import DASH, MAX_CELL_BYTES, MOST_READ, PATH, QUOTES, Row

_OTHER = re.compile(r"\s+[|/~\u00b7\u2022]\s+|\t+")
_BY = re.compile(
    r'["\u201c\u201e\u00ab]?(.+)(?<!["\u201d\u201c\u00bb\s])["\u201d\u201c\u00bb]?\s+(?:by|von|par|por|di)\s+(.+)'
)
_BY_KNOWN = re.compile(r"([^()]+?)\s+\(([^()]+)\)|(.+)\s+(?:de |d['\u2019])(.+)")  # "Title (Artist)", "Titre d'Artiste"
_TIME = r"\[?\d{1,4}[./-]\d\d?[./-]\d{2,4},?\s+\d{1,2}[:.]\d\d(?:[:.]\d\d)?(?:\s?[AaPp]\.?\s?[Mm]\.?)?\]?"
_MESSAGE = re.compile(  # "[12.03.24, 18:22:01] Anna: ", "12/03/2024, 6:22 PM - Anna: ", "Anna, [12.03.2024 18:22]"
    rf"^[\u200e\ufeff]*(?:{_TIME}(?:\s-)?\s(?:[^:]{{1,80}}: )?|[^:]{{1,80}}(?:,|\s\u2014)\s{_TIME}:?$)"
)
_LINK = re.compile(r"https?://\S+")
_CLOCK = r"[(\[]?\d{1,2}:\d\d(?::\d\d)?(?:\.\d+)?[)\]]?"
_BULLET = re.compile(
    r"^(?:[-*+\u2022\u2013\u25cf>]\s+|\[[ x]\]\s+|[#(\[]?\d{1,4}[.)\]:]+\s*(?!\d)|0\d\s+"
    rf"|[(\[](?:re|new|neu)[)\]]\s+|{_CLOCK}\s*(?:[-\u2013]\s+)?|\d{{1,4}}[./-]\d\d?[./-]\d{{2,4}},?\s+)+",
    re.IGNORECASE,
)
_AFTER = re.compile(rf"\s*(?:[-\u2013]\s+)?{_CLOCK}$")
_ALBUM = re.compile(r"(.*)\[[^\]]*#\d+\] (.*?)(?: // (.*))?")  # foobar2000: "Artist - [Album #05] Title // Artist"
_NUMBER = re.compile(r"#?(?:(\d{1,5})|\d{1,2}-\d\d|[A-H]\d\d?)\s+")  # "1 ", "01 ", of a disc "1-01 ", of a side "A1 "
_LEAST_COUNTED = 5  # numbers of a part of a list
_ORDERS = ((0, 1), (3, 2), (0, 3))  # "Artist - Title", "Title - Artist", "Artist - Album - Title": places in `_sides`


def text_lines(data: bytes) -> list[str]:
    """The lines of a text that are not empty."""
    return [line for text in data.decode().splitlines() if (line := text.strip()[: MAX_CELL_BYTES + 1])]


def line_rows(lines: Sequence[str], finder: Finder) -> list[Row] | None:
    """The lines of a list such as "1. Artist - Title (4:26)", or of a chat; None if they are of another kind."""
    if lines and all(map(PATH.fullmatch, lines[:MOST_READ])):
        return [{"path": line} for line in lines]
    is_chat = sum(bool(_MESSAGE.match(line)) for line in lines[:MOST_READ]) > 0.3 * len(lines[:MOST_READ])
    texts = list(filter(None, (_MESSAGE.sub("", line) for line in lines))) if is_chat else lines
    rows = [{"line": _LINK.sub("", text).strip(), "url": " ".join(_LINK.findall(text))} for text in texts]
    pairs = split_pairs([row["line"] for row in rows[:MOST_READ]], finder, are_lines=True)
    num_songs = sum(
        bool(artist or TRACK_LINK.search(row["url"])) for row, (_, artist) in zip(rows, pairs, strict=False)
    )
    return rows if is_chat or num_songs > 0.6 * len(pairs) else None


def _plain(line: str) -> str:
    """A line without bullet, number, time and album."""
    line = _BULLET.sub("", line.strip())
    if album := _ALBUM.fullmatch(line):
        line = f"{album[3]} - {album[2]}" if album[3] else album[1] + album[2]
    return _AFTER.sub("", line).strip()


def split_pairs(texts: Sequence[str], finder: Finder, *, are_lines: bool) -> list[tuple[str, str]]:
    """Title and artist of each text such as "Artist - Title"; the artist is empty where a text is a title alone.

    Which side is the artist is decided for all texts: by looking both orders up, else by the side that repeats.

    Args:
        texts: lines of a list, names of files or titles.
        finder: what knows songs.
        are_lines: whether most texts should be pairs; otherwise only those that are known are divided.
    """
    plain = {text: text.strip() for text in dict.fromkeys(texts)}
    if _are_numbered([*plain.values()]):
        plain = {text: _NUMBER.sub("", line, count=1) for text, line in plain.items()}
    plain = {text: _plain(line) for text, line in plain.items()}
    num_dashes, num_others = (sum(bool(mark.search(line)) for line in plain.values()) for mark in (DASH, _OTHER))
    marks: tuple[re.Pattern[str], ...] = (_OTHER, DASH) if num_others > num_dashes else (DASH, _OTHER)
    marks = marks[:1] if 2 * num_dashes >= len(plain) and marks[0] is DASH else marks
    sides = {text: _sides(line, marks) for text, line in plain.items()}
    is_by = {text: _BY.fullmatch(line) for text, line in plain.items()} if are_lines else {}
    are_by = sum(map(bool, is_by.values())) > num_dashes
    sample = [pair for pair in list(sides.values())[:MOST_READ] if pair]

    def fitness(order: tuple[int, int]) -> tuple[int, int, int]:
        names = [(pair[order[1]], pair[order[0]]) for pair in sample]
        artists = [artist for _, artist in names]
        num_known = sum(finder.has(*pair) for pair in names)
        return num_known, sum(map(finder.knows_artist, artists)), -len(set(artists))

    artist_at, title_at = max(_ORDERS, key=fitness)
    is_list = are_lines or len(sample) > 0.5 * min(len(plain), MOST_READ)
    found: dict[str, tuple[str, str]] = {}
    for text, line in plain.items():
        pair = line if are_lines else text, ""
        before, _, after = line.partition(": ")
        if (by := is_by.get(text)) and (are_by or not DASH.search(line)):
            pair = by[1], by[2]
        elif marked := sides[text]:
            is_pair = is_list or finder.has(marked[title_at], marked[artist_at])
            pair = (marked[title_at], marked[artist_at]) if is_pair else pair
        elif after and finder.knows_artist(before):
            pair = after, before
        elif are_lines and (by := _BY_KNOWN.fullmatch(line)) and finder.knows_artist(by[2] or by[4]):
            pair = by[1] or by[3], by[2] or by[4]
        found[text] = (pair[0].strip(QUOTES), pair[1].strip(QUOTES)) if pair[1] else pair
    return [found[text] for text in texts]


def _are_numbered(lines: Sequence[str]) -> bool:
    """Whether most lines begin with a number that counts them, also from the middle of a list or by discs or sides."""
    found = [number for number in map(_NUMBER.match, lines) if number]
    counts = {int(number[1]) for number in found if number[1]}
    if len(found) < 2 or 2 * len(found) <= len(lines) or len({number[0] for number in found}) < len(found):
        return False
    if 2 * len(counts) < len(found):
        return True
    return max(counts) - min(counts) < 1.5 * len(counts) and (min(counts) < 2 or len(counts) >= _LEAST_COUNTED)


def _sides(line: str, marks: Sequence[re.Pattern[str]]) -> tuple[str, ...]:
    """What is before and after the first mark of a line, and before and after the last one; empty without a mark.

    Of several marks, the first one that the line has counts.
    """
    found = next(filter(None, ([*mark.finditer(line)] for mark in marks)), [])
    ends = [(line[: mark.start()].strip(), line[mark.end() :].strip()) for mark in found[:1] + found[-1:]]
    ends[1:] = [(before, _BULLET.sub("", after)) for before, after in ends[1:] if len(found) > 1] or ends[1:]
    return sum(ends, ()) if ends and all(map(all, ends)) else ()


def path_of(address: str) -> str:
    """The path in an address such as file://localhost/C:/Music/a%20b.mp3 or Music/a%20b.mp3; other text as it is."""
    if not address.casefold().startswith("file:"):
        return unquote(address) if "%20" in address else address
    path = unquote(re.sub(r"(?si)^file:(?://[^/?#]*)?|[?#].*", "", address))
    return path[1:] if re.match(r"/[A-Za-z]:", path) else path
