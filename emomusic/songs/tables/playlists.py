"""Playlists and the libraries of other players as tables: M3U, PLS, XSPF, CUE, iTunes, rekordbox and Traktor."""

from __future__ import annotations

import plistlib
import re
from collections.abc import Callable
from itertools import chain
from typing import Any
from urllib.parse import unquote, urlsplit

from emomusic.errors import DatasetError
from emomusic.songs.tables.csv_text import first_line
from emomusic.songs.tables.sources import sources

Rows = list[dict[str, str]]

_M3U = re.compile(r"#EXTM3U|#EXTINF:|#PLAYLIST:", re.IGNORECASE)
_CUE = re.compile(r"^\s*TRACK\s+\d+\s+AUDIO", re.IGNORECASE | re.MULTILINE)
_CUE_LINE = re.compile(r'^\s*(FILE|TRACK|TITLE|PERFORMER)\s+(?:"([^"]*)"?|(\S+))', re.IGNORECASE)
_EXTINF = re.compile(r'#EXTINF:\s*(-?[\d.]*)((?:\s+[\w-]+="[^"]*")*)\s*,(.*)', re.IGNORECASE)
_PLS_LINE = re.compile(r"(file|title|length)(\d+)\s*=(.*)", re.IGNORECASE)

ENDINGS = ("m3u", "m3u8", "pls", "xspf", "cue")


def playlist_reader(start: str, name: str) -> Callable[[str], Rows] | None:
    """What reads the entries of an M3U, a PLS or a cue sheet that begins with this text; None for other files."""
    start = start.lstrip("\ufeff \t\r\n")
    if start[:10].casefold() == "[playlist]":
        return _pls_rows
    if _CUE.search(start[:20_000]):
        return _cue_rows
    return _m3u_rows if _M3U.match(start) or name.casefold().endswith((".m3u", ".m3u8")) else None


def _entry(path: str = "", title: str = "", artists: str = "", album: str = "", seconds: str = "") -> dict[str, str]:
    duration = "" if seconds.startswith("-") else seconds  # -1 is unknown
    return {"playlist title": title, "playlist artists": artists, "path": path, "album": album, "duration": duration}


def _m3u_rows(text: str) -> Rows:
    rows: Rows = []
    named: dict[str, str] = {}
    for line in map(str.strip, text.splitlines()):
        if found := _EXTINF.match(line):
            named = {"title": found[3].strip(), "seconds": found[1]}
        elif line.upper().startswith(("#EXTART:", "#EXTALB:")):
            named["artists" if line[4:7].upper() == "ART" else "album"] = line[8:].strip()
        elif line and not line.startswith("#"):
            rows.append(_entry(line, **named))
            named = {}
    return rows


def _pls_rows(text: str) -> Rows:
    entries: dict[int, dict[str, str]] = {}
    for line in text.splitlines():
        if found := _PLS_LINE.match(line.strip()):
            entries.setdefault(int(found[2][:9]), {})[found[1].casefold()] = found[3].strip()
    in_order = (each for _, each in sorted(entries.items()))
    return [_entry(each.get("file", ""), each.get("title", ""), seconds=each.get("length", "")) for each in in_order]


def _cue_rows(text: str) -> Rows:
    rows: Rows = []
    album: dict[str, str] = {}
    for line in text.splitlines():
        if not (found := _CUE_LINE.match(line)):
            continue
        word, value = found[1].upper(), found[2] if found[2] is not None else found[3]
        if word == "TRACK":
            rows.append(_entry(album.get("FILE", ""), artists=album.get("PERFORMER", ""), album=album.get("TITLE", "")))
        elif word == "FILE" or not rows:
            album[word] = value
        else:
            rows[-1]["playlist title" if word == "TITLE" else "playlist artists"] = value
    for row in rows:  # the file holds the whole album, and names no song
        row["path"] = row["path"] if len(rows) == 1 else ""
    return rows


def path_of(address: str) -> str:
    """The path in an address such as file://localhost/C:/Music/a%20b.mp3; other text as it is."""
    if not address.casefold().startswith("file:"):
        return address
    path = unquote(urlsplit(address).path)
    return path[1:] if re.match(r"/[A-Za-z]:", path) else path


def xml_rows(data: bytes, name: str) -> Rows:
    """The songs of an XML file: XSPF, iTunes Library.xml, rekordbox or Traktor.

    Raises:
        DatasetError: the file is damaged, has entities, or is of another kind.
    """
    from defusedxml.ElementTree import fromstring

    try:
        if b"<plist" in data[:2000]:
            return _itunes_rows(plistlib.loads(data, fmt=plistlib.FMT_XML))
        root = fromstring(data)
    except Exception as error:  # parsers raise many types on hostile bytes
        raise DatasetError(f"{name}: expected an XML file of songs. Received: {first_line(error)}") from None
    local = root.tag.rpartition("}")[2]
    if local == "DJ_PLAYLISTS":
        return [dict(track.attrib) for track in root.iter("TRACK") if "Name" in track.attrib]
    if local == "NML":
        return [_traktor_row(entry) for entry in root.iterfind("./COLLECTION/ENTRY")]
    if local == "playlist":
        return [_xspf_row(track) for track in root.iter() if track.tag.rpartition("}")[2] == "track"]
    raise DatasetError(
        f"{name}: expected XML of iTunes, rekordbox or Traktor, or an XSPF playlist. Received: <{local[:40]}>"
    )


def _itunes_rows(library: Any) -> Rows:
    tracks = library.get("Tracks", {}).values() if isinstance(library, dict) else ()
    source = sources()["itunes-xml"]
    columns = ([names] if isinstance(names, str) else names for names in source.columns.values())
    names = dict.fromkeys(chain(source.marks, *columns))
    songs = (each for each in tracks if isinstance(each, dict) and not (each.get("Podcast") or each.get("Movie")))
    return [{name: str(song.get(name, "")) for name in names} for song in songs]


def _traktor_row(entry: Any) -> dict[str, str]:
    row = {key: entry.get(key, "") for key in ("TITLE", "ARTIST")}
    for part in entry:
        row |= {f"{part.tag} {key}": value for key, value in part.attrib.items()}
    folder = row.get("LOCATION VOLUME", "") + row.get("LOCATION DIR", "").replace("/:", "/")
    return {**row, "path": folder + row.get("LOCATION FILE", ""), "LOCATION FILE": row.get("LOCATION FILE", "")}


def _xspf_row(track: Any) -> dict[str, str]:
    texts = {part.tag.rpartition("}")[2]: (part.text or "").strip() for part in track}
    names = ("location", "title", "creator", "album", "duration")
    path, title, artists, album, length_ms = (texts.get(name, "") for name in names)
    return _entry(path, title, artists, album, str(int(length_ms) / 1000) if length_ms.isdecimal() else "")
