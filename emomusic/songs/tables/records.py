"""Songs in texts that have no columns, as records with the names of their fields.

Trees are JSON, XML and property lists; a song is a record with a title and an artist, at any depth. Lines are those of
playlists, YAML, chats, and lists that people write.
"""

from __future__ import annotations

import html
import plistlib
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from emomusic.errors import DatasetError
from emomusic.songs.catalogue import ARTIST_SEPARATOR, TRACK_LINK
from emomusic.songs.names import Finder
from emomusic.songs.song import FEATURES
from emomusic.songs.tables.table import PATH, field_named, field_of, first_line, is_header, key_of, word_set

Row = dict[str, str]

_DEPTH = 60  # of what is read
_RECORD_DEPTH = 5  # of the values of one song
_TRACK = re.compile(r"(?:spotify:|/)track[:/][0-9A-Za-z]{22}")
_LARGEST = 5_000  # letters of a value


def tree_rows(data: bytes, name: str) -> list[Row]:
    """The songs of a document.

    Raises:
        DatasetError: the document is damaged, has entities, or no songs.
    """
    is_xml = data.lstrip()[:1] == b"<"
    kind = "an XML" if is_xml else "a JSON"
    try:
        document = _xml(data) if is_xml else _json(data)
    except Exception as error:  # parsers raise many types on hostile bytes
        raise DatasetError(f"{name}: expected {kind} file of songs. Received: {first_line(error)}") from None
    if not (rows := _songs_in(document, "", {}, 0) or _pairs(document)):
        raise DatasetError(f"{name}: expected {kind} file with songs. Received: no titles with artists, ids or paths.")
    return rows


def _pairs(document: Any) -> list[Row]:
    """The rows of lists without names, or of names with texts: {"Yellow": "Coldplay"}. Their values tell the fields."""
    rows = document
    if isinstance(document, dict):
        lists = ((key, value if isinstance(value, list) else [value]) for key, value in document.items())
        rows = [[key, text] for key, texts in lists for text in texts]
    is_grid = isinstance(rows, list) and all(isinstance(row, list) and len(row) > 1 for row in rows)
    if not is_grid or not all(isinstance(cell, str | int | float | None) for row in rows for cell in row):
        return []
    return [{f"column {place}": _text(cell) for place, cell in enumerate(row, 1)} for row in rows]


def _json(data: bytes) -> Any:
    import msgspec

    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError:
        return [msgspec.json.decode(line) for line in data.splitlines() if line.strip()]


def _xml(data: bytes) -> Any:
    from defusedxml.ElementTree import fromstring

    if b"<plist" in data[:2000]:
        return plistlib.loads(data, fmt=plistlib.FMT_XML)
    root = fromstring(data)
    return {_local(root.tag): _element(root, 0)}


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _element(element: Any, depth: int) -> Any:
    """An element as JSON: its attributes and children by their names; only its text, if it has nothing else."""
    text = (element.text or "").strip()
    if not (element.attrib or len(element)) or depth > _DEPTH:
        return text
    found: dict[str, Any] = {"text": text} if text else {}
    found |= {_local(name): value for name, value in element.attrib.items()}
    for child in element:
        if isinstance(child.tag, str):
            tag = _local(child.tag)
            tag = f"{tag} " if isinstance(found.get(tag), str) else tag  # an attribute of the same name
            found.setdefault(tag, []).append(_element(child, depth + 1))
    return {name: each[0] if isinstance(each, list) and len(each) == 1 else each for name, each in found.items()}


def _songs_in(value: Any, key: str, above: Row, depth: int) -> list[Row]:
    """The songs in a value, in their order.

    Args:
        value: of the document.
        key: above it.
        above: album and artist of what holds the value.
        depth: of the value.
    """
    if depth > _DEPTH:
        return []
    if isinstance(value, list):
        return _of_list(value, key, above, depth)
    if not isinstance(value, dict):
        return []
    if grid := _grid(value):
        return grid
    row = _record(value, "", {}, 0)
    kinds = (key, *(str(value.get(name) or "") for name in ("type", "Type", "kind")))
    words = {word for kind in kinds for word in key_of(kind).split()[-1:]}
    if not words & {"tracks", "songs"}:  # "artistCredit"
        words |= {*key_of(key).split()} & {"artist", "artists"}
    is_container = not words.isdisjoint(word_set("containers"))
    fields = {field: cell for name, cell in row.items() if (field := field_named(name)) and cell}
    inner = []
    for name, child in value.items():
        if isinstance(child, list | dict) and not key_of(name).startswith(("similar", "related", "recommend")):
            is_word = not name.strip().isdigit() and key_of(name) != ""
            inner += _songs_in(child, name if is_word else key, _above(fields, words, above), depth + 1)
    has_lists = any(isinstance(child, list) for child in value.values())
    are_songs = not {"title", "artists"} <= fields.keys() or any("title" in _names(each) for each in inner)
    holds_songs = is_container or (inner and are_songs and (has_lists or len(inner) > 1))
    if not holds_songs and _is_song(row, fields, key, above):
        return [{**{name: cell for name, cell in above.items() if name not in fields}, **row}]
    return inner


def _of_list(value: list[Any], key: str, above: Row, depth: int) -> list[Row]:
    found = [(each, _songs_in(each, key, above, depth + 1)) for each in value]
    if any(rows for _, rows in found):
        is_song = any(len(rows) == 1 and isinstance(each, dict) for each, rows in found)
        rows = []
        for each, inner in found:
            is_other = is_song and not inner and isinstance(each, dict)
            rows += [_record(each, "", {}, 0)] if is_other else inner
        return [row for row in rows if row]
    if grid := _grid(value):
        return grid
    texts = [each for each in value if isinstance(each, str) and each.strip()]
    if not texts or (field_named(key) in ("artists", "album", "genres", "title") and not _is_lists_key(key)):
        return []
    if all(map(PATH.fullmatch, texts)):
        return [{**above, "path": text} for text in texts]
    if "artists" in above and _is_lists_key(key):
        return [{**above, "title": text} for text in texts]
    num_pairs = sum(" - " in text or " by " in text or bool(_TRACK.search(text)) for text in texts)
    return [{"line": text} for text in texts] if num_pairs > len(texts) / 2 else []


def _grid(value: Any) -> list[Row]:
    """The rows of a data frame that was written as rows, as names and rows, or by columns."""
    names: Any = None
    data: Any = None
    if isinstance(value, list):
        if len(value) > 1 and all(isinstance(row, list) for row in value) and is_header([*map(_text, value[0])]):
            names, data = value[0], value[1:]
    else:
        names, data = value.get("columns") or value.get("fields"), value.get("data") or value.get("rows")
        columns = [list(each.values()) if isinstance(each, dict) else each for each in value.values()]
        if {"title", "artists"} <= _names(value) and all(map(_is_column, columns)):
            names, data = list(value), list(zip(*columns, strict=False))
    if not (isinstance(names, list) and isinstance(data, list) and all(isinstance(row, list | tuple) for row in data)):
        return []
    header = [str(each.get("name", "") if isinstance(each, dict) else each) for each in names]
    return [{name: _text(cell) for name, cell in zip(header, row, strict=False)} for row in data]


def _names(row: Mapping[str, Any]) -> set[str]:
    return set(map(field_named, row))


def _is_song(row: Row, fields: Row, key: str, above: Row) -> bool:
    names = _names(row)
    if {"title", "artists"} <= names or ("title" in names and {"channel", "id"} & names and _is_of_video(row)):
        return True
    if any(_TRACK.search(cell) for cell in row.values()) or len(names & FEATURES.keys()) > 4:
        return True
    if "path" in fields and PATH.fullmatch(fields["path"].partition("?")[0]):
        return True
    return "title" in fields and "artists" in above and _is_lists_key(key)


def _above(fields: Row, words: set[str], above: Row) -> Row:
    """Album and artist of the songs in a record."""
    above, title = dict(above), fields.get("title", "")
    if words & {"artist", "artists", "musicartist"} and title:
        return {"artists": title}
    if "artists" in fields and not words & {"playlist", "playlists"}:  # who made a playlist sings none of its songs
        above["artists"] = fields["artists"]
    if title and ("artists" in fields or words & {"album", "albums", "musicalbum"}):
        above["album"] = title
    return above


def _record(value: Any, prefix: str, row: Row, depth: int) -> Row:
    """The values of a record with known names: {"a": {"name": 1}} has "a name"."""
    if isinstance(value, dict) and depth < _RECORD_DEPTH:
        for key, inner in value.items():
            _record(inner, f"{prefix} {key}".strip(), row, depth + 1)
        if {"DIR", "FILE"} <= value.keys():  # Traktor
            row["path"] = _text(value.get("VOLUME")) + _text(value["DIR"]).replace("/:", "/") + _text(value["FILE"])
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        known = [key for key in (f"{prefix} name", prefix) if field_named(key) in ("artists", "genres", "channel")]
        if known and (text := _text(value)):
            row[known[0]] = text
    elif field_named(prefix):
        row[prefix] = _text(value)
    return row


def _is_column(values: Any) -> bool:
    return isinstance(values, list) and len(values) > 1 and not any(isinstance(cell, dict) for cell in values[:3])


def _is_lists_key(key: str) -> bool:
    return not set(key_of(key).split()).isdisjoint(word_set("songs"))


def _is_of_video(row: Row) -> bool:
    return any(key_of(name).endswith(("channel", "channel title", "title url", "uploader", "username")) for name in row)


def _text(value: Any) -> str:
    """A value of a record as a cell; of records in a list, their names."""
    if isinstance(value, dict):
        return _text(value.get("name") or value.get("Name") or value.get("artist"))
    if isinstance(value, list):
        texts = (_text(each).replace(ARTIST_SEPARATOR, ",") for each in value[:100] if not isinstance(each, list))
        return ARTIST_SEPARATOR.join(filter(None, texts))
    return "" if value is None else str(value)[: _LARGEST + 1]


# Lines

_M3U = re.compile(r"#EXTM3U|#EXTINF:|#PLAYLIST:|#EXTVDJ:", re.IGNORECASE)
_CUE = re.compile(r"^\s*TRACK\s+\d+\s+AUDIO", re.IGNORECASE | re.MULTILINE)
_CUE_LINE = re.compile(r'^\s*(FILE|TRACK|TITLE|PERFORMER)\s+(?:"([^"]*)"?|(\S+))', re.IGNORECASE)
_EXTINF = re.compile(r'#EXTINF:\s*(-?[\d.]*)((?:\s+[\w-]+="[^"]*")*)\s*,(.*)', re.IGNORECASE)
_VDJ_TAG = re.compile(r"<(artist|title|songlength)>([^<]*)<")
_PLS_LINE = re.compile(r"(file|title|length)(\d+)\s*=(.*)", re.IGNORECASE)
_CUE_FIELDS = {"FILE": "path", "PERFORMER": "artists", "TITLE": "album"}

_DASH = re.compile(r"\s+[-\u2010-\u2015\u2212]+\s+")
_OTHER = re.compile(r"\s+[|/~\u00b7\u2022]\s+|\t+")
_BY = re.compile(
    r'["\u201c\u201e\u00ab]?(.+)(?<!["\u201d\u201c\u00bb])["\u201d\u201c\u00bb]?\s+(?:by|von|par|por|di)\s+(.+)'
)
_BY_KNOWN = re.compile(r"([^()]+?)\s+\(([^()]+)\)|(.+)\s+(?:de |d['\u2019])(.+)")  # "Title (Artist)", "Titre d'Artiste"
_MESSAGE = re.compile(  # of a chat: "[12.03.24, 18:22:01] Anna: ", "12/03/2024, 6:22 PM - Anna: "
    r"^[\u200e\ufeff]*\[?\d{1,4}[./-]\d\d?[./-]\d{2,4},?\s+\d{1,2}[:.]\d\d(?:[:.]\d\d)?(?:\s?[AaPp]\.?\s?[Mm]\.?)?\]?"
    r"(?:\s-)?\s(?:[^:]{1,80}: )?"
)
_LINK = re.compile(r"https?://\S+")
_YAML_RECORD = re.compile(r"^\s*- +\S+:", re.MULTILINE)
_YAML_LINE = re.compile(r"\s*(- )?\s*([^\W\d][\w .-]*):(?:\s+([^#\s].*?)?(?:\s+#.*)?)?")
_YAML_ITEM = re.compile(r"\s*- ([^#]+?)(?:\s+#.*)?")
_QUOTES = "\"'\u201c\u201d\u201e\u00ab\u00bb "
_CLOCK = r"[(\[]?\d{1,2}:\d\d(?::\d\d)?(?:\.\d+)?[)\]]?"
_BULLET = re.compile(
    r"^(?:[-*+\u2022\u2013\u25cf>]\s+|\[[ x]\]\s+|[#(\[]?\d{1,4}[.)\]:]+\s*(?!\d)|0\d\s+"
    rf"|{_CLOCK}\s*(?:[-\u2013]\s+)?|\d{{1,4}}[./-]\d\d?[./-]\d{{2,4}},?\s+)+",
    re.IGNORECASE,
)
_AFTER = re.compile(rf"\s*(?:[-\u2013]\s+)?{_CLOCK}$")
_ALBUM = re.compile(r"\[[^\]]*#\d+\]\s*")  # foobar2000: "Artist - [Album #05] Title"
_NUMBER = re.compile(r"#?(\d{1,5})\s+")
_MOST = 300  # lines that decide
_ORDERS = ((0, 1), (3, 2), (0, 3))  # "Artist - Title", "Title - Artist", "Artist - Album - Title": places in `_sides`


def playlist_rows(data: bytes, start: str, name: str) -> list[Row] | None:
    """The entries of an M3U, a PLS or a cue sheet; None for other texts. `start` is that of the text."""
    if start[:10].casefold() == "[playlist]":
        return _pls_rows(data.decode())
    if _CUE.search(start[:20_000]):
        return _cue_rows(data.decode())
    is_m3u = _M3U.match(start) or name.casefold().endswith((".m3u", ".m3u8"))
    return _m3u_rows(data.decode()) if is_m3u else None


def _m3u_rows(text: str) -> list[Row]:
    rows: list[Row] = []
    named: dict[str, str] = {}
    for line in map(str.strip, text.splitlines()):
        if found := _EXTINF.match(line):
            named |= {"line": found[3].strip(), "duration": "" if found[1].startswith("-") else found[1]}
        elif line.upper().startswith(("#EXTART:", "#EXTALB:")):
            named["artist" if line[4:7].upper() == "ART" else "album"] = line[8:].strip()
        elif line.upper().startswith("#EXTVDJ:"):
            named |= {tag: html.unescape(value) for tag, value in _VDJ_TAG.findall(line)}
        elif line and not line.startswith("#"):
            if "artist" in named:  # then the line is the title alone
                named["title"] = named.get("title") or named.pop("line", "")
            rows.append({**named, "path": line})
            named = {}
    return rows


def _pls_rows(text: str) -> list[Row]:
    entries: dict[int, dict[str, str]] = {}
    for found in filter(None, map(_PLS_LINE.match, map(str.strip, text.splitlines()))):
        name, value = found[1].casefold(), found[3].strip()
        value = value.replace("-1", "") if name == "length" else value
        entries.setdefault(int(found[2][:9]), {})["line" if name == "title" else name] = value
    return [entry for _, entry in sorted(entries.items())]


def _cue_rows(text: str) -> list[Row]:
    rows: list[Row] = []
    album: dict[str, str] = {}
    for found in filter(None, map(_CUE_LINE.match, text.splitlines())):
        word, value = found[1].upper(), found[2] if found[2] is not None else found[3]
        if word == "TRACK":
            rows.append({"title": "", **{field: album.get(word, "") for word, field in _CUE_FIELDS.items()}})
        elif word == "FILE" or not rows:
            album[word] = value
        else:
            rows[-1]["title" if word == "TITLE" else "artists"] = value
    for row in rows:  # the file holds the whole album, and names no song
        row["path"] = row["path"] if len(rows) == 1 else ""
    return rows


def crate_rows(data: bytes) -> list[Row]:
    """The songs of a crate or the database of Serato: tags of four letters with their length, in UTF-16."""
    rows, at = list[Row](), 0
    while at + 8 <= len(data):
        tag, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "big")
        at += 8
        if tag == b"otrk":  # its own tags follow
            rows.append({})
            continue
        if rows and field_of(name := tag.decode("latin-1"), strict=True):
            rows[-1][name] = data[at : at + length].decode("utf-16-be", "replace")
        at += length
    return rows


def yaml_rows(data: bytes, start: str) -> list[Row] | None:
    """The records of a list in YAML, with a key on each line; None for other texts. `start` is that of the text."""
    rows, key = list[Row](), ""
    for line in data.decode().splitlines() if _YAML_RECORD.search(start) else ():
        if found := _YAML_LINE.fullmatch(line):
            key = found[2].strip()
            rows += [{}] if found[1] else []
            if rows and found[3]:
                rows[-1][key] = found[3].strip(_QUOTES)
        elif rows and (found := _YAML_ITEM.fullmatch(line)):
            before = rows[-1].get(key)
            rows[-1][key] = f"{before};{found[1].strip(_QUOTES)}" if before else found[1].strip(_QUOTES)
    num_titles = sum("title" in set(map(field_named, row)) for row in rows)
    return rows if num_titles > 0.6 * len(rows) else None


def line_rows(data: bytes, finder: Finder) -> list[Row] | None:
    """The songs of a list of lines such as "1. Artist - Title (4:26)"; None if the lines are of another kind.

    The messages of a chat without a link or a pair of names are of another type.
    """
    lines = [line for text in data.decode().splitlines() if (line := text.strip())]
    if lines and all(map(PATH.fullmatch, lines[:_MOST])):
        return [{"path": line} for line in lines]
    is_chat = sum(bool(_MESSAGE.match(line)) for line in lines[:_MOST]) > 0.6 * len(lines[:_MOST])
    texts = [_MESSAGE.sub("", line) for line in lines] if is_chat else lines
    rows = [{"line": _LINK.sub("", text).strip(), "url": " ".join(_LINK.findall(text))} for text in texts]
    decisive = rows if is_chat else rows[:_MOST]
    pairs = split_pairs([row["line"] for row in decisive], finder, are_lines=True)
    are_songs = [bool(pair[1] or TRACK_LINK.search(row["url"])) for row, pair in zip(decisive, pairs, strict=True)]
    if is_chat:
        return [row if is_song else row | {"type": "chat"} for row, is_song in zip(rows, are_songs, strict=True)]
    return rows if sum(are_songs) > 0.6 * len(are_songs) else None


def _plain(line: str) -> str:
    """A line without bullet, number, time and album."""
    return _AFTER.sub("", _ALBUM.sub("", _BULLET.sub("", line.strip()))).strip()


def split_pairs(texts: Sequence[str], finder: Finder, *, are_lines: bool) -> list[tuple[str, str]]:
    """Title and artist of each text such as "Artist - Title"; the artist is empty where a text is a title alone.

    Which side is the artist is decided for all texts: by looking both orders up, else by the side that repeats.

    Args:
        texts: lines of a list, names of files or titles.
        finder: what knows songs.
        are_lines: whether most texts should be pairs; otherwise only those that are known are divided.
    """
    plain = {text: _plain(text) for text in dict.fromkeys(texts)}
    numbers = [_NUMBER.match(line) for line in plain.values()]
    if len(plain) > 1 and sorted(int(found[1]) if found else 0 for found in numbers) == [*range(1, len(plain) + 1)]:
        plain = {text: _NUMBER.sub("", line) for text, line in plain.items()}
    has_dash = sum(bool(_DASH.search(line)) for line in plain.values()) >= len(plain) / 2
    sides = {text: _sides(line, has_dash=has_dash) for text, line in plain.items()}
    sample = [each for each in list(sides.values())[:_MOST] if each]

    def fitness(order: tuple[int, int]) -> tuple[int, int, int]:
        names = [(each[order[1]], each[order[0]]) for each in sample]
        artists = [artist for _, artist in names]
        num_known = sum(finder.has(*each) for each in names)
        return num_known, sum(map(finder.knows_artist, artists)), -len(set(artists))

    artist_at, title_at = max(_ORDERS, key=fitness)
    is_list = are_lines or len(sample) > 0.5 * min(len(plain), _MOST)
    found: dict[str, tuple[str, str]] = {}
    for text, line in plain.items():
        pair = line if are_lines else text, ""
        before, _, after = line.partition(": ")
        if are_lines and not _DASH.search(line) and (by := _BY.fullmatch(line)):
            pair = by[1], by[2]
        elif marked := sides[text]:
            is_pair = is_list or finder.has(marked[title_at], marked[artist_at])
            pair = (marked[title_at], marked[artist_at]) if is_pair else pair
        elif after and finder.knows_artist(before):
            pair = after, before
        elif are_lines and (by := _BY_KNOWN.fullmatch(line)) and finder.knows_artist(by[2] or by[4]):
            pair = by[1] or by[3], by[2] or by[4]
        found[text] = (pair[0].strip(_QUOTES), pair[1].strip(_QUOTES)) if pair[1] else pair
    return [found[text] for text in texts]


def _sides(line: str, *, has_dash: bool) -> tuple[str, ...]:
    """What is before and after the first dash of a line, and before and after the last one; empty without a dash.

    Lines without dashes may have another mark.
    """
    marks = list((_DASH if has_dash or _DASH.search(line) else _OTHER).finditer(line))
    ends = [(line[: mark.start()].strip(), line[mark.end() :].strip()) for mark in marks[:1] + marks[-1:]]
    return sum(ends, ()) if ends and all(map(all, ends)) else ()


def path_of(address: str) -> str:
    """The path in an address such as file://localhost/C:/Music/a%20b.mp3 or Music/a%20b.mp3; other text as it is."""
    if not address.casefold().startswith("file:"):
        return unquote(address) if "%20" in address else address
    path = unquote(urlsplit(address).path)
    return path[1:] if re.match(r"/[A-Za-z]:", path) else path
