"""Titles and artists in lines of text, names of files and cells that hold both: the catalogue and the library vote.

A line is cut at all marks. In lines with the same marks, the two parts that are known most often are title and artist.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from urllib.parse import unquote

from emomusic.errors import DatasetError
from emomusic.songs.catalogue import TRACK_LINK, title_key
from emomusic.songs.names import Finder
from emomusic.songs.tables.cells import MAX_CELL_BYTES, MOST_READ, PATH, QUOTES, Row

_DASH, _BAR, _BY, _HYPHEN, _BRACKET, _COLON = "dash", "bar", "by", "hyphen", "bracket", "colon"
_MARK = re.compile(
    rf"(?P<{_DASH}>(?<!\s)\s+[-\u2010-\u2015\u2212]+\s+|(?<=\w)\u2014(?=\w))|(?P<{_BAR}>\s+(?:[|/~\u00b7\u2022]|//)\s+|\t+)"
    rf"|(?P<{_BY}>\s+(?:by|von|par|por|di|de)\s+|\s+d['\u2019])|(?P<{_HYPHEN}>(?<=\w)-(?=\w))"
    rf"|(?P<{_BRACKET}>\s+\((?=[^()]*\)$))|(?P<{_COLON}>:\s+)"
)
_STRONG = (_DASH, _BAR)  # they divide lines of unknown songs, too
_IN_BRACKETS = re.compile(r"[(\[][^()\[\]]*[)\]](?!$)|\[[^\[\]]*\]|\([^()]*[-|:/][^()]*\)")
_LINK = re.compile(r"https?://\S+|spotify:\S+")
_CLOCK = r"[(\[]?\d{1,2}:\d\d(?::\d\d)?(?:\.\d+)?[)\]]?"
_BULLET = re.compile(
    r"^(?:[-*+\u2022\u2013\u25cf>]\s+|\[[ x]\]\s+|[#(\[]?\d{1,4}[.)\]:]+\s*(?!\d)|0\d\s+"
    rf"|[(\[](?:re|new|neu)[)\]]\s+|{_CLOCK}\s*(?:[-\u2013]\s+)?|\d{{1,4}}[./-]\d\d?[./-]\d{{2,4}},?\s+)+",
    re.IGNORECASE,
)
_AFTER = re.compile(rf"\s*(?:[-\u2013]\s+)?{_CLOCK}$")
_NUMBER = re.compile(r"#?(?:(\d{1,5})|\d{1,2}-\d\d|[A-H]\d\d?)\s+")  # "1 ", "01 ", of a disc "1-01 ", of a side "A1 "
_LEAST_COUNTED = 5  # numbers of a part of a list
_MOST_PARTS = 5  # of a line
_MOST_TRIED = 10_000  # lines without a pair, before a list has none
_FEW = 5  # lines of a shape that follow the layout of most lines
_DOUBT = 0.5  # share of the known songs that other parts of lines are, too
_MOST_VOTES = 60  # lines of one shape that vote
_COPY = "Export the playlist as CSV with Exportify, or copy it with TuneMyMusic."
_NO_SONGS = (
    (re.compile(r"https?://|spotify:"), f"Links to playlists or videos hold no titles. {_COPY}"),
    (re.compile(r"\A(?:[\w-]{11}(?:\n|\Z))+\Z"), f"Ids of videos hold no titles. {_COPY}"),
    (re.compile(r"\A.{0,80}\Z"), f"The page holds no list, because a script fills it. {_COPY}"),
)
"""What lists without songs hold, and what helps."""

Span = tuple[int, int]
Layout = tuple[Span, Span]
"""The parts, from the first to behind the last, of title and artist."""


@dataclass(frozen=True)
class _Vote:
    """The layout in which most songs are known, their number, and that of the best one with another title."""

    layout: Layout | None
    num_known: int
    num_others: int


@dataclass(frozen=True)
class _Line:
    """A line and the marks in it: all of them, or only the one that divides most lines."""

    text: str
    mark: str = ""

    @cached_property
    def marks(self) -> list[re.Match[str]]:
        """Marks outside brackets; a hyphen without spaces counts only in texts that have no other mark."""
        masked = _IN_BRACKETS.sub(lambda found: "x" * len(found[0]), self.text[:MAX_CELL_BYTES])
        found = [mark for mark in _MARK.finditer(masked) if mark.start() and mark.end() < len(masked)]
        if self.mark:
            return [mark for mark in found if mark.lastgroup == self.mark][: _MOST_PARTS - 1]
        others = [mark for mark in found if mark.lastgroup != _HYPHEN]
        return (others or found)[: _MOST_PARTS - 1]

    @property
    def shape(self) -> tuple[str, ...]:
        """The kinds of its marks."""
        return tuple(str(mark.lastgroup) for mark in self.marks)

    def part(self, span: Span) -> str:
        """The text of some parts."""
        first, end = span
        start = self.marks[first - 1].end() if first else 0
        text = self.text[start : self.marks[end - 1].start() if end <= len(self.marks) else None]
        text = text.rstrip(")") if first == len(self.marks) and self.shape[-1:] == (_BRACKET,) else text
        return (_BULLET.sub("", text) if first else text).strip(QUOTES)

    def pair(self, layout: Layout) -> tuple[str, str]:
        """Title and artist."""
        return self.part(layout[0]), self.part(layout[1])


def text_lines(data: bytes) -> list[str]:
    """The lines of a text that are not empty."""
    return [line for text in data.decode().splitlines() if (line := text.strip()[: MAX_CELL_BYTES + 1])]


def line_rows(lines: Sequence[str], name: str) -> list[Row]:
    """The lines of a list and the links in them.

    Raises:
        DatasetError: no line is a pair, a link to a song, or the name of a file; the message says what to export.
    """
    if lines and all(map(PATH.fullmatch, lines[:MOST_READ])):
        return [{"path": line} for line in lines]
    rows = [{"line": _LINK.sub("", text).strip(), "url": " ".join(_LINK.findall(text))} for text in lines]
    tried = islice(rows, _MOST_TRIED)
    if not any(_Line(row["line"]).marks or TRACK_LINK.search(row["url"]) for row in tried):
        start = "\n".join(lines[:MOST_READ])
        advice = next((advice for form, advice in _NO_SONGS if form.search(start)), "Write titles with their artists.")
        raise DatasetError(f"{name}: expected songs. {advice}")
    return rows


def line_parts(lines: Sequence[str]) -> list[Row]:
    """The parts of lines by their numbers."""
    cut = [_Line(_AFTER.sub("", _BULLET.sub("", line)).strip()) for line in lines]
    return [{str(at + 1): line.part((at, at + 1)) for at in range(len(line.marks) + 1)} for line in cut]


@dataclass(frozen=True)
class Pairs:
    """Titles and artists.

    Attributes:
        names: title and artist of each text such as "Artist - Title"; the artist is empty where a text is a title.
        is_doubtful: whether other parts of the texts are nearly as often known as titles.
    """

    names: list[tuple[str, str]]
    is_doubtful: bool


def split_pairs(texts: Sequence[str], finder: Finder, *, are_lines: bool) -> Pairs:
    """Titles and artists of texts.

    Args:
        texts: lines of a list, names of files or titles.
        finder: what knows songs.
        are_lines: whether most texts should be pairs; otherwise only those that are known are divided.
    """
    plain = {text: text.strip() for text in dict.fromkeys(texts)}
    if _are_numbered([*plain.values()]):
        plain = {text: _NUMBER.sub("", line, count=1) for text, line in plain.items()}
    plain = {text: _AFTER.sub("", _BULLET.sub("", line)).strip() for text, line in plain.items()}
    shared = [sum(bool(_Line(line, mark).marks) for line in plain.values()) for mark in _STRONG]
    lines = {text: _Line(line, _STRONG[shared.index(max(shared))]) for text, line in plain.items()}
    shapes = _by_shape(lines.values())
    votes: dict[tuple[str, ...], _Vote] = {}
    first: Layout | None = None
    for shape, alike in sorted(shapes.items(), key=lambda each: -len(each[1])):
        votes[shape] = _vote(alike, finder, first)
        first = first or votes[shape].layout
    voted = {shape: vote.layout for shape, vote in votes.items()}
    usual = None
    if are_lines or sum(bool(line.marks) for line in lines.values()) > 0.5 * len(lines):
        usual = _usual_order(shapes, voted, finder)
    rest = {text: _Line(plain[text]) for text, line in lines.items() if voted[line.shape] is None}
    votes_rest = {shape: _vote(alike, finder) for shape, alike in _by_shape(rest.values()).items()}
    voted_rest = {shape: vote.layout for shape, vote in votes_rest.items()}
    marks = (_DASH,) if any([*voted.values(), *voted_rest.values()]) else _STRONG  # other lines of a page are remarks
    found: dict[str, tuple[str, str]] = {}
    for text, line in lines.items():
        layout, line = (voted[line.shape], line) if text not in rest else (voted_rest[rest[text].shape], rest[text])
        layout = layout or _usual(line, usual, marks)
        pair = ("", "") if layout is None else line.pair(layout)
        found[text] = pair if all(pair) else (plain[text] if are_lines else text, "")
    all_votes = [*votes.values(), *votes_rest.values()]
    is_doubtful = any(vote.num_others >= _DOUBT * vote.num_known > 0 for vote in all_votes)
    return Pairs([found[text] for text in texts], is_doubtful)


def _by_shape(lines: Iterable[_Line]) -> dict[tuple[str, ...], list[_Line]]:
    """The lines with the same kinds of marks."""
    shapes: dict[tuple[str, ...], list[_Line]] = {}
    for line in lines:
        shapes.setdefault(line.shape, []).append(line)
    return shapes


def _layouts(num_parts: int) -> list[Layout]:
    """All pairs of different parts of a line, the longest pairs first."""
    spans = [(first, end) for first in range(num_parts) for end in range(first + 1, num_parts + 1)]
    pairs = [(title, artist) for artist in spans for title in spans if title[1] <= artist[0] or artist[1] <= title[0]]
    return sorted(pairs, key=lambda pair: -sum(end - first for first, end in pair))


def _vote(lines: Sequence[_Line], finder: Finder, usual: Layout | None = None) -> _Vote:
    """The votes of lines with the same marks. Of several layouts, one where title and artist begin as usual counts."""
    counts = {
        layout: sum(finder.has(*line.pair(layout)) for line in lines[:_MOST_VOTES])
        for layout in _layouts(len(lines[0].marks) + 1)
    }
    starts = None if usual is None else [start for start, _ in usual]
    bonus = len(lines) if len(lines) < _FEW else 0.5

    def fitness(layout: Layout) -> float:
        return counts[layout] + bonus * (counts[layout] > 0 and [start for start, _ in layout] == starts)

    best = max(counts, key=fitness, default=None)
    if best is None or not counts[best]:
        return _Vote(None, 0, 0)
    (first, end), _ = best
    named = [(line, title_key(line.part(best[0]))) for line in lines[:_MOST_VOTES]]
    others = (
        sum(title_key(line.part(layout[0])) != title and finder.has(*line.pair(layout)) for line, title in named)
        for layout, number in counts.items()
        if number and (layout[0][1] <= first or end <= layout[0][0])
    )
    return _Vote(best, counts[best], max(others, default=0))


def _usual_order(
    shapes: Mapping[tuple[str, ...], Sequence[_Line]], voted: Mapping[tuple[str, ...], Layout | None], finder: Finder
) -> bool:
    """Whether the artist is before the title in most lines: by their votes, else by known artists or repeated ones."""
    orders = {shape: layout[1] < layout[0] for shape, layout in voted.items() if layout}
    if orders:
        return sum(len(shapes[shape]) * (1 if is_first else -1) for shape, is_first in orders.items()) >= 0
    sample = [line for shape, lines in shapes.items() if shape for line in lines][:_MOST_VOTES]
    first, last = ([line.pair(_whole(line, is_first))[1] for line in sample] for is_first in (True, False))
    known = [sum(map(finder.knows_artist, names)) for names in (first, last)]
    return known[0] > known[1] or (known[0] == known[1] and len({*first}) <= len({*last}))


def _whole(line: _Line, is_artist_first: bool) -> Layout:
    """Artist and title on the sides of the first strong mark, or of the last one if the title comes first."""
    places = [place for place, kind in enumerate(line.shape) if kind in _STRONG]
    at, end = (places[0] if is_artist_first else places[-1]) + 1, len(line.shape) + 1
    return ((at, end), (0, at)) if is_artist_first else ((0, at), (at, end))


def _usual(line: _Line, is_artist_first: bool | None, marks: Collection[str]) -> Layout | None:
    """The layout of a line of an unknown song, by the usual order of its list; None without one of the marks."""
    if is_artist_first is None or not line.marks:
        return None
    if not {*line.shape}.isdisjoint(marks):
        return _whole(line, is_artist_first)
    num_marks = len(line.marks)
    return ((0, num_marks), (num_marks, num_marks + 1)) if _BY in line.shape else None


def _are_numbered(lines: Sequence[str]) -> bool:
    """Whether most lines begin with a number that counts them, also from the middle of a list or by discs or sides."""
    found = [number for number in map(_NUMBER.match, lines) if number]
    counts = {int(number[1]) for number in found if number[1]}
    if len(found) < 2 or 2 * len(found) <= len(lines) or len({number[0] for number in found}) < len(found):
        return False
    if 2 * len(counts) < len(found):
        return True
    return max(counts) - min(counts) < 1.5 * len(counts) and (min(counts) < 2 or len(counts) >= _LEAST_COUNTED)


def path_of(address: str) -> str:
    """The path in an address such as file://localhost/C:/Music/a%20b.mp3 or Music/a%20b.mp3; other text as it is."""
    if not address.casefold().startswith("file:"):
        return unquote(address) if "%20" in address else address
    path = unquote(re.sub(r"(?si)^file:(?://[^/?#]*)?|[?#].*", "", address))
    return path[1:] if re.match(r"/[A-Za-z]:", path) else path
