"""Songs in documents as nested values: JSON, XML, property lists, playlists, and keys with values.

A song is a record with a title and an artist, at any depth.
"""

from __future__ import annotations

import html
import json
import plistlib
import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

from emomusic.errors import DatasetError
from emomusic.songs.catalogue import ARTIST_SEPARATOR
from emomusic.songs.tables.cells import DASH, MAX_CELL_BYTES, MOST_READ, PATH, QUOTES, Row
from emomusic.songs.tables.fields import field_named, has_word, is_header, is_other, key_of, mood_of_column, word_set

_DEPTH = 60  # the deepest value that is read
_RECORD_DEPTH = 5  # the deepest value of one song
_TRACK = re.compile(r"(?:spotify:|/)track[:/][0-9A-Za-z]{22}")

_ASSIGNED = r"(?:\w+ )?[\w$.]+ ?= ?(?=[\[{])"  # a script gives the document a name
_BEFORE = re.compile(rf"{_ASSIGNED}|[\s,;\x1e]*")
_JSON = re.compile(rf"(?:{_ASSIGNED})?(?:\{{(?!\\rtf|\|)|\[\s*(?:[{{\"\]]|\[(?![a-z])))")
_M3U = re.compile(r"#EXTM3U|#EXTINF:|#PLAYLIST:|#EXTVDJ:", re.IGNORECASE)
_EXTINF = re.compile(r'#EXTINF:\s*(-?[\d.]*)(?:\s+[\w-]+="[^"]*")*\s*,(.*)', re.IGNORECASE)
_EXTENDED = re.compile(r"#EXT(ART|ALB):(.*)", re.IGNORECASE)
_VDJ_TAG = re.compile(r"<(artist|title|songlength)>([^<]*)<")
_CUE = re.compile(r"^[ \t]*TRACK\s+\d+\s+AUDIO", re.IGNORECASE | re.MULTILINE)
_CUE_LINE = re.compile(r'^[ \t]*(TRACK|FILE|TITLE|PERFORMER)[ \t]+(?:"([^"\n]*)"?|(\S+))', re.IGNORECASE | re.MULTILINE)
_KEYED = re.compile(r"(- |\d{1,9}\*)?\s*([^\W\d][\w .-]{1,60}?)(\d{0,9})\s{0,9}[:=*]\s*((?:[^#\s].*?)?)(?:\s#.*)?")
_ITEM = re.compile(r"- ([^#]+?)(?:\s#.*)?")
_SHELVES = {"albums", "releases", "topalbums"}  # keys of lists of albums
_NAMED = {"title", "artist_title", "path"}


def form_of(start: str, name: str) -> str:
    """The form of a document, by the start of its text; empty for tables and lists of lines."""
    if start.startswith("<"):
        return "XML"
    if _JSON.match(start) or (start[:1] == "[" and name.endswith(".json")):
        return "JSON"
    if _CUE.search(start[:20_000]):
        return "cue sheet"
    if _M3U.match(start) or name.casefold().endswith((".m3u", ".m3u8")):
        return "playlist"
    lines = list(filter(None, map(str.strip, start.splitlines()[:MOST_READ])))
    keyed = list(filter(None, map(_KEYED.fullmatch, lines)))
    fields = {field_named(found[2]) for found in keyed} - {""}
    has_keys = len(keyed) >= len(lines) / 2 and len(fields) > 1 and not fields.isdisjoint(_NAMED)
    return "keys and values" if has_keys else ""


def document_rows(data: bytes, form: str, name: str) -> list[Row]:
    """The songs of a document.

    Raises:
        DatasetError: the document is damaged, has entities, or no songs.
    """
    try:
        document = _READERS[form](data)
    except Exception:  # parsers raise many types on hostile bytes
        raise DatasetError(f"{name}: expected {form} with songs. Received: damaged {form}. Export it again.") from None
    rows = [] if _grid(document) else _pairs(document)
    rows = rows or _songs_in(document, "", {}, 0) or _flat(document) or _lines(document)
    if not rows:
        raise DatasetError(f"{name}: expected {form} with songs. Received: no titles with artists, ids or paths.")
    return rows


# Values


def _json(data: bytes) -> Any:
    """A document, or the list of several ones."""
    text, at = data.decode(), 0
    documents, decoder = [], json.JSONDecoder()  # it reads NaN, too
    while (start := _BEFORE.match(text, at)) and start.end() < len(text):
        document, at = decoder.raw_decode(text, start.end())
        documents.append(document)
    return documents[0] if len(documents) == 1 else documents


def _xml(data: bytes) -> Any:
    data = re.sub(rb"\A\s*<\?xml[^>]*>", b"", data)  # its encoding was that of the file
    if b"<plist" in data[:2000]:
        return plistlib.loads(data, fmt=plistlib.FMT_XML)
    root = ElementTree.fromstring(data)
    return {root.tag.rpartition("}")[2]: _element(root, 0)}


def _element(element: Any, depth: int) -> Any:
    """An element as JSON: its attributes and children by their names; only its text, if it has nothing else."""
    text = (element.text or "").strip()
    if not (element.attrib or len(element)) or depth > _DEPTH:
        return text
    found: dict[str, list[Any]] = {"text": [text]} if text else {}
    children = ((child.tag, _element(child, depth + 1)) for child in element)
    for tag, value in (*element.attrib.items(), *children):
        found.setdefault(tag.rpartition("}")[2], []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _m3u(data: bytes) -> Any:
    """The entries of a playlist. `line` is what it shows, mostly "Artist - Title"."""
    rows: list[Row] = []
    named: Row = {}
    for line in map(str.strip, data.decode().splitlines()):
        if found := _EXTINF.match(line):
            named |= {"duration": found[1].removeprefix("-1"), "line": found[2].strip()}
        elif found := _EXTENDED.match(line):
            named["artist" if found[1].upper() == "ART" else "album"] = found[2].strip()
        elif line.upper().startswith("#EXTVDJ:"):
            named |= {tag: html.unescape(value) for tag, value in _VDJ_TAG.findall(line)}
        elif line and not line.startswith("#"):
            if "artist" in named:  # then the line is the title alone
                named["title"] = named.get("title") or named.pop("line", "")
            rows.append({**named, "path": line})
            named = {}
    return rows


def _cue(data: bytes) -> Any:
    """A cue sheet as an album."""
    album: Row = {}
    tracks: list[Row] = []
    for key, quoted, plain in _CUE_LINE.findall(data.decode()):
        if (word := key.upper()) == "TRACK":
            tracks.append({"title": ""})
        else:
            (tracks[-1] if tracks and word != "FILE" else album)[word] = quoted or plain
    if len(tracks) == 1:  # otherwise the file holds the whole album, and names no song
        tracks[0]["path"] = album.get("FILE", "")
    return {"album": {**album, "tracks": tracks}}


def _keyed(data: bytes) -> Any:
    """The records of keys and values.

    One begins with "- ", with a key that the one before has, or with another number at the key: "File2=", "2*file*".
    """
    rows, key, number, above = list[Row](), "", "", ""
    for line in map(str.strip, data.decode().splitlines()):
        if found := _KEYED.fullmatch(line):
            given = (found[1] or "").strip("-* ") or found[3]
            is_next = given != "" if given != number else bool(rows and found[2] in rows[-1] and not number)
            above = key if found[1] == "- " and rows and rows[-1].get(key) == "" else above  # "albums:", then its items
            rows += [{"type": above} if is_other(above) else {}] if not rows or found[1] == "- " or is_next else []
            key, number = found[2], given
            rows[-1][key] = "" if number and found[4] == "-1" else found[4].strip(QUOTES)  # a length in PLS
        elif rows and (found := _ITEM.fullmatch(line)):
            before, item = rows[-1].get(key), found[1].strip(QUOTES)
            rows[-1][key] = f"{before}{ARTIST_SEPARATOR}{item}" if before else item
    return rows


# Songs in values


def _songs_in(value: Any, key: str, above: Row, depth: int) -> list[Row]:
    """The songs in a value, in their order.

    Args:
        value: a value of the document.
        key: above it.
        above: album and artist of what holds the value.
        depth: the depth of the value.
    """
    if depth > _DEPTH or not isinstance(value, (dict, list)):
        return []
    if isinstance(value, list):
        return _of_list(value, key, above, depth)
    nested = {name: child for name, child in value.items() if isinstance(child, (dict, list))}
    if nested and (grid := _grid(value)):
        return grid
    row = _record(value, "", {}, 0)
    own = {field_named(name): cell for name, cell in value.items() if name not in nested}
    words = {word for kind in (key, str(own.get("type", ""))) for word in key_of(kind).split()[-1:]}
    if has_word(key, "disliked"):
        above = {**above, "thumb": "down"}
    if not words & {"tracks", "songs"}:  # "artistCredit"
        words |= {*key_of(key).split()} & {"artist", "artists"}
    is_container = not words.isdisjoint(word_set("containers"))
    fields = {field: cell for name, cell in row.items() if (field := field_named(name)) and cell}
    is_named = {"title", "artists"} <= fields.keys()
    others = ("similar", "related", "recommend", *(("album", "release") if is_named and not is_container else ()))
    are_albums = not words.isdisjoint(_SHELVES) and "title" not in own  # "albums": {"items": [...]}
    inner = []
    for name, child in nested.items():
        if not key_of(name).startswith(others):
            is_word = not name.strip().isdigit() and key_of(name) != ""
            below = "albums" if are_albums else name if is_word else key
            inner += _songs_in(child, below, _above(fields, words, above), depth + 1)
    has_lists = any(isinstance(child, list) for child in nested.values())
    are_songs = not is_named or any("title" in map(field_named, names) for names in inner)
    holds_songs = is_container or (inner and are_songs and (has_lists or len(inner) > 1))
    if not holds_songs and _is_song(row, fields, key, above):
        return [{**{name: cell for name, cell in above.items() if name not in fields}, **row}]
    return inner


def _of_list(value: list[Any], key: str, above: Row, depth: int) -> list[Row]:
    found = [(item, _songs_in(item, key, above, depth + 1)) for item in value]
    if any(rows for _, rows in found):
        is_song = any(len(rows) == 1 and isinstance(item, dict) for item, rows in found)
        rows = []
        for item, inner in found:
            rows += inner or ([_record(item, "", {}, 0)] if is_song and isinstance(item, dict) else [])
        return [row for row in rows if row]
    if grid := _grid(value):
        return grid
    texts = [item for item in value if isinstance(item, str) and item.strip()]
    if not texts or (field_named(key) in ("artists", "album", "genres", "title") and not has_word(key, "songs")):
        return []
    if "artists" in above and has_word(key, "songs"):
        return [{**above, "title": text} for text in texts]
    return _of_texts(texts)


def _grid(value: Any) -> list[Row]:
    """The rows of a data frame that was written as rows, as names and rows, or by columns."""
    names: Any = None
    data: Any = None
    if isinstance(value, list):
        if len(value) > 1 and all(isinstance(row, list) for row in value) and is_header([*map(_text, value[0])]):
            names, data = value[0], value[1:]
    else:
        names, data = value.get("columns") or value.get("fields"), value.get("data") or value.get("rows")
        columns = [list(item.values()) if isinstance(item, dict) else item for item in value.values()]
        are_cells = all(isinstance(item, list) and len(item) > 1 and not isinstance(item[0], dict) for item in columns)
        if are_cells and {"title", "artists"} <= {*map(field_named, value)}:
            names, data = list(value), list(zip(*columns, strict=False))
    if not (isinstance(names, list) and isinstance(data, list) and all(isinstance(row, list | tuple) for row in data)):
        return []
    header = [str(item.get("name", "") if isinstance(item, dict) else item) for item in names]
    return [{name: _text(cell) for name, cell in zip(header, row, strict=False)} for row in data]


def _is_song(row: Row, fields: Row, key: str, above: Row) -> bool:
    names = {*map(field_named, row)}
    is_linked = any(map(_TRACK.search, row.values())) or PATH.fullmatch(fields.get("path", "").partition("?")[0])
    is_named = "artist_title" in fields or ("title" in names and not names.isdisjoint({"artists", "channel"}))
    return bool(is_linked) or is_named or ("title" in fields and "artists" in above and has_word(key, "songs"))


def _above(fields: Row, words: set[str], above: Row) -> Row:
    """Album and artist of the songs in a record."""
    above, title = dict(above), fields.get("title", "")
    if words & {"artist", "artists", "musicartist"} and title:
        return above | {"artists": title, "album": ""}
    if "artists" in fields and not words & {"playlist", "playlists"}:  # its author sings no song of a playlist
        above["artists"] = fields["artists"]
    if title and ("artists" in fields or words & {"album", "albums", "musicalbum"}):
        above["album"] = title
    return above


def _record(value: Any, prefix: str, row: Row, depth: int) -> Row:
    """The values of a record with known names: {"a": {"name": 1}} has "a name"."""
    if isinstance(value, dict) and depth < _RECORD_DEPTH:
        for key, inner in value.items():
            _record(inner, f"{prefix} {key}" if prefix else key, row, depth + 1)
        if {"DIR", "FILE"} <= value.keys():  # Traktor
            row["path"] = _text(value.get("VOLUME")) + _text(value["DIR"]).replace("/:", "/") + _text(value["FILE"])
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        known = [key for key in (f"{prefix} name", prefix) if field_named(key) not in ("", "title")]
        if known and (text := _text(value)):
            row[known[0]] = text
    elif field_named(prefix) or mood_of_column(prefix):
        row[prefix] = _text(value)
    return row


def _text(value: Any) -> str:
    """A value of a record as a cell; of records in a list, their names."""
    if isinstance(value, dict):
        return _text(value.get("name") or value.get("Name") or value.get("artist"))
    if isinstance(value, list):
        texts = (_text(item).replace(ARTIST_SEPARATOR, ",") for item in value[:100] if not isinstance(item, list))
        return ARTIST_SEPARATOR.join(filter(None, texts))
    return "" if value is None else str(value)[: MAX_CELL_BYTES + 1]


# Songs in texts


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


def _flat(document: Any) -> list[Row]:
    """The longest list of records whose keys have unknown names."""
    lists = [document, *(document.values() if isinstance(document, dict) else ())]
    records = [rows for rows in lists if isinstance(rows, list) and all(isinstance(row, dict) for row in rows)]
    rows = max(records, key=len, default=[])
    return [{key: _text(value) for key, value in row.items()} for row in rows] if len(rows) > 1 else []


def _lines(document: Any) -> list[Row]:
    """The texts of the key that has most texts such as "Artist - Title"."""
    texts: dict[str, list[str]] = {}
    for key, text in _texts_in(document, "", 0):
        texts.setdefault(key, []).append(text)
    return next(filter(None, map(_of_texts, sorted(texts.values(), key=len, reverse=True))), [])


def _texts_in(value: Any, key: str, depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict) and any(is_other(_text(value[name])) for name in value if field_named(name) == "type"):
        return
    elif isinstance(value, (dict, list)) and depth < _DEPTH:
        for name, child in value.items() if isinstance(value, dict) else ((key, child) for child in value):
            yield from _texts_in(child, name, depth + 1)


def _of_texts(texts: list[str]) -> list[Row]:
    """Texts such as "Artist - Title" as lines; empty if most of them are others."""
    num_pairs = sum(bool(DASH.search(text)) or " by " in text or bool(_TRACK.search(text)) for text in texts)
    return [{"line": text} for text in texts] if num_pairs > len(texts) / 2 else []


_READERS = {"XML": _xml, "JSON": _json, "cue sheet": _cue, "playlist": _m3u, "keys and values": _keyed}
