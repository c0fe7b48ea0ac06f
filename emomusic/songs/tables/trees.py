"""Songs in documents: JSON, XML and property lists, and the tables and lines of pages in HTML.

A song is a record with a title and an artist, at any depth.
"""

from __future__ import annotations

import html
import json
import plistlib
import re
from collections.abc import Mapping
from typing import Any

from emomusic.errors import DatasetError
from emomusic.songs.catalogue import ARTIST_SEPARATOR
from emomusic.songs.song import FEATURES
from emomusic.songs.tables.table import (
    PATH,
    check_size,
    field_named,
    first_line,
    is_header,
    key_of,
    mood_of_column,
    word_set,
)

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
    rows = _songs_in(document, "", {}, 0) or _pairs(document) or _lines(document)
    if not rows:
        raise DatasetError(f"{name}: expected {kind} file with songs. Received: no titles with artists, ids or paths.")
    return rows


def _lines(document: Any) -> list[Row]:
    """The texts of the key that has most texts such as "Artist - Title"."""
    texts: dict[str, list[str]] = {}

    def collect(value: Any, key: str, depth: int) -> None:
        if isinstance(value, str):
            texts.setdefault(key, []).append(value)
        elif isinstance(value, dict | list) and depth < _DEPTH:
            children = value.items() if isinstance(value, dict) else ((key, child) for child in value)
            for name, child in children:
                collect(child, name, depth + 1)

    collect(document, "", 0)
    return next(filter(None, map(_of_texts, sorted(texts.values(), key=len, reverse=True))), [])


def _of_texts(texts: list[str]) -> list[Row]:
    """Texts such as "Artist - Title" as lines; empty if most of them are others."""
    num_pairs = sum(" - " in text or " by " in text or bool(_TRACK.search(text)) for text in texts)
    return [{"line": text} for text in texts] if num_pairs > len(texts) / 2 else []


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


_BETWEEN = re.compile(r"[\s,;\x1e]*")
_ASSIGNED = re.compile(r"(?:\w+ )?[\w$.]+ ?= ?(?=[\[{])")
JSON = re.compile(rf"(?:{_ASSIGNED.pattern})?(?:\{{(?!\\rtf)|\[\s*(?:[{{\"\]]|\[(?![a-z])))")
"""The start of a JSON document, or of a script that gives one a name."""


def _json(data: bytes) -> Any:
    """A document; of several ones, the list of them."""
    import msgspec

    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError:
        text = data.decode()
    start = _ASSIGNED.match(text) or _BETWEEN.match(text)
    documents, decoder = [], json.JSONDecoder()  # it reads NaN, too
    while start and start.end() < len(text):
        document, end = decoder.raw_decode(text, start.end())
        documents.append(document)
        start = _BETWEEN.match(text, end)
    return documents


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


PAGE = re.compile(r"<(?:!doctype html|html|tr|li|ol|ul|workbook)\b", re.IGNORECASE)
"""What tells a page, or a workbook that an old Excel has written as XML."""


_CODE = re.compile(r"<(script|style)\b[^<>]*>|</(?:script|style)>", re.IGNORECASE)
_TABLE, _ROW, _CELL, _LINE = (
    re.compile(rf"<(?:{tags})\b[^<>]*>", re.IGNORECASE)
    for tags in ("/?table", "tr|row", "t[dh]|cell", "li|p|div|br|h\\d|/?table|tr|t[dh]")
)


def page_text(data: bytes, name: str) -> str:
    """The text of a page: its largest table with tabs between the cells, best one with names, else its lines.

    Raises:
        DatasetError: it has too many lines.
    """
    parts = _CODE.split(data.decode())
    page = "".join(part for code, part in zip([None, *parts[1::2]], parts[::2], strict=True) if not code)
    tables = [[_CELL.split(row)[1:] for row in _ROW.split(table)[1:]] for table in _TABLE.split(page)[1:]]
    rows = max(
        tables, key=lambda rows: (any(is_header([*map(_plain, row)]) for row in rows[:20]), len(rows)), default=[]
    )
    lines = _LINE.split(page)
    check_size(name, max(len(rows), len(lines)), 0)
    if any(len(row) > 1 for row in rows):
        return "\n".join("\t".join(map(_plain, row)) for row in rows)
    return "\n".join(map(_plain, lines))


def _plain(markup: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^<>]*>", "", markup)).split())


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
    is_named = {"title", "artists"} <= fields.keys()
    others = ("similar", "related", "recommend", *(("album", "release") if is_named and not is_container else ()))
    inner = []
    for name, child in value.items():
        if isinstance(child, list | dict) and not key_of(name).startswith(others):
            is_word = not name.strip().isdigit() and key_of(name) != ""
            inner += _songs_in(child, name if is_word else key, _above(fields, words, above), depth + 1)
    has_lists = any(isinstance(child, list) for child in value.values())
    are_songs = not is_named or any("title" in _names(each) for each in inner)
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
    elif field_named(prefix) or mood_of_column(prefix):
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
