"""Songs in JSON, JSON lines, XML and property lists: records with a title and an artist, at any depth."""

from __future__ import annotations

import plistlib
import re
from typing import Any

from emomusic.errors import DatasetError
from emomusic.songs.catalogue import ARTIST_SEPARATOR
from emomusic.songs.song import FEATURES
from emomusic.songs.tables.columns import PATH, field_of, is_header, key_of, word_set
from emomusic.songs.tables.csv_text import MAX_LINES, check_size, first_line, over

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
    rows = _Reader(name).rows(document, "", {}, 0) or _pairs(document)
    if not rows:
        raise DatasetError(f"{name}: expected {kind} file with songs. Received: no titles with artists, ids or paths.")
    return rows


def _pairs(document: Any) -> list[Row]:
    """The rows of lists without names, or of names with texts: {"Yellow": "Coldplay"}. Their values tell the fields."""
    rows = document
    if isinstance(document, dict):
        lists = ((key, value if isinstance(value, list) else [value]) for key, value in document.items())
        rows = [[key, text] for key, texts in lists for text in texts]
    if not isinstance(rows, list) or not all(isinstance(row, list) and len(row) > 1 for row in rows):
        return []
    if not all(isinstance(cell, str | int | float | None) for row in rows for cell in row):
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


class _Reader:
    """Finds the songs of one document; it remembers the fields of its keys."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._fields: dict[str, str] = {}
        self._num_rows = 0

    def _field(self, key: str) -> str:
        if key not in self._fields:
            self._fields[key] = (field_of(key) or ("", 0))[0]
        return self._fields[key]

    def rows(self, value: Any, key: str, above: Row, depth: int) -> list[Row]:
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
            return self._of_list(value, key, above, depth)
        if not isinstance(value, dict):
            return []
        if columns := self._columns(value):
            return columns
        row = self._record(value, "", {}, 0)
        kinds = (key, *(str(value.get(name) or "") for name in ("type", "Type", "kind")))
        words = {word for kind in kinds for word in key_of(kind).split()[-1:]}
        if not words & {"tracks", "songs"}:  # "artistCredit"
            words |= {*key_of(key).split()} & {"artist", "artists"}
        is_container = not words.isdisjoint(word_set("containers"))
        fields = {field: cell for name, cell in row.items() if (field := self._field(name)) and cell}
        inner = []
        for name, child in value.items():
            if isinstance(child, list | dict) and not key_of(name).startswith(("similar", "related", "recommended")):
                is_word = not name.strip().isdigit() and key_of(name) != ""
                inner += self.rows(child, name if is_word else key, self._above(fields, words, above), depth + 1)
        has_lists = any(isinstance(child, list) for child in value.values())
        if (
            not is_container
            and self._is_song(row, fields, key, above)
            and not (inner and (has_lists or len(inner) > 1))
        ):
            self._count(1)
            return [{**{name: cell for name, cell in above.items() if name not in fields}, **row}]
        return inner

    def _count(self, number: int) -> None:
        self._num_rows += number
        if self._num_rows > MAX_LINES:
            raise over(self._name, f"{MAX_LINES:,} rows", f"{self._num_rows:,}")

    def _of_list(self, value: list[Any], key: str, above: Row, depth: int) -> list[Row]:
        found = [(each, self.rows(each, key, above, depth + 1)) for each in value]
        if any(rows for _, rows in found):
            is_song = any(len(rows) == 1 and isinstance(each, dict) for each, rows in found)
            rows = []
            for each, inner in found:
                is_other = is_song and not inner and isinstance(each, dict)
                rows += [self._record(each, "", {}, 0)] if is_other else inner
            return [row for row in rows if row]
        if len(value) > 1 and all(isinstance(each, list) for each in value) and is_header([*map(_text, value[0])]):
            return self._columns({"columns": value[0], "data": value[1:]})
        texts = [each for each in value if isinstance(each, str) and each.strip()]
        if not texts or (self._field(key) in ("artists", "album", "genres", "title") and not _is_lists_key(key)):
            return []
        if all(map(PATH.fullmatch, texts)):
            rows = [{**above, "path": text} for text in texts]
        elif "artists" in above and _is_lists_key(key):
            rows = [{**above, "title": text} for text in texts]
        elif sum(" - " in text or " by " in text or bool(_TRACK.search(text)) for text in texts) > len(texts) / 2:
            rows = [{"line": text} for text in texts]
        else:
            rows = []
        self._count(len(rows))
        return rows

    def _columns(self, value: dict[str, Any]) -> list[Row]:
        """The rows of a data frame that was written by columns, or as names and rows."""
        names, data = value.get("columns") or value.get("fields"), value.get("data") or value.get("rows")
        if isinstance(names, list) and isinstance(data, list) and all(isinstance(row, list) for row in data[:1]):
            check_size(self._name, len(data), len(names))
            header = [str(each.get("name", "") if isinstance(each, dict) else each) for each in names]
            return [{name: _text(cell) for name, cell in zip(header, row, strict=False)} for row in data]
        columns = [list(each.values()) if isinstance(each, dict) else each for each in value.values()]
        fields = {self._field(name) for name in value}
        is_table = (
            len(columns) > 1 and {"title", "artists"} <= fields and all(isinstance(each, list) for each in columns)
        )
        if (
            not is_table
            or any(isinstance(cell, dict) for each in columns for cell in each[:3])
            or min(map(len, columns)) < 2
        ):
            return []
        check_size(self._name, len(columns[0]), len(columns))
        return [
            {name: _text(cell) for name, cell in zip(value, row, strict=False)} for row in zip(*columns, strict=False)
        ]

    def _is_song(self, row: Row, fields: Row, key: str, above: Row) -> bool:
        names = {self._field(name) for name in row}
        if {"title", "artists"} <= names or ("title" in names and {"channel", "id"} & names and _is_of_video(row)):
            return True
        if any(_TRACK.search(cell) for cell in row.values()) or len(names & FEATURES.keys()) > 4:
            return True
        if "path" in fields and PATH.fullmatch(fields["path"].partition("?")[0]):
            return True
        return "title" in fields and "artists" in above and _is_lists_key(key)

    @staticmethod
    def _above(fields: Row, words: set[str], above: Row) -> Row:
        """Album and artist of the songs in a record."""
        above, title = dict(above), fields.get("title", "")
        if words & {"artist", "artists", "musicartist"} and title:
            return {"artists": title}
        if "artists" in fields:
            above["artists"] = fields["artists"]
        if title and ("artists" in fields or words & {"album", "albums", "musicalbum"}):
            above["album"] = title
        return above

    def _record(self, value: Any, prefix: str, row: Row, depth: int) -> Row:
        """The values of a record with known names: {"a": {"name": 1}} has "a name"."""
        if isinstance(value, dict) and depth < _RECORD_DEPTH:
            for key, inner in value.items():
                self._record(inner, f"{prefix} {key}".strip(), row, depth + 1)
            if {"DIR", "FILE"} <= value.keys():  # Traktor
                row["path"] = _text(value.get("VOLUME")) + _text(value["DIR"]).replace("/:", "/") + _text(value["FILE"])
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            names = [
                each.get("name") or each.get("Name") or each.get("artist") for each in value if isinstance(each, dict)
            ]
            texts = [_text(each.get("name") if isinstance(each, dict) else each) for each in names if each]
            fields = {each: self._field(each) for each in (f"{prefix} name", prefix)}
            known = [each for each, field in fields.items() if field in ("artists", "genres", "channel")]
            if texts and known:
                row[known[0]] = ARTIST_SEPARATOR.join(text.replace(ARTIST_SEPARATOR, ",") for text in texts)
        elif self._field(prefix):
            row[prefix] = _text(value)
        return row


def _is_lists_key(key: str) -> bool:
    return not set(key_of(key).split()).isdisjoint(word_set("songs"))


def _is_of_video(row: Row) -> bool:
    return any(key_of(name).endswith(("channel", "channel title", "title url", "uploader")) for name in row)


def _text(value: Any) -> str:
    """A value of a record as a cell."""
    if isinstance(value, list):
        texts = (
            str(each).replace(ARTIST_SEPARATOR, ",") for each in value[:100] if isinstance(each, str | int | float)
        )
        return ARTIST_SEPARATOR.join(texts)
    return "" if value is None or isinstance(value, dict) else str(value)[: _LARGEST + 1]
