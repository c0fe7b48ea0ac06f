"""Playlists for other players: M3U8 and XSPF."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree

from emomusic.songs.song import Pick
from emomusic.songs.spotify import address_of, songs_m3u

_NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_XSPF = "http://xspf.org/ns/0/"


def playlist(form: str, picks: Iterable[Pick]) -> bytes:
    """A playlist as a file, "m3u8" or "xspf". Songs without a file or a link are left out."""
    return _xspf(picks) if form == "xspf" else songs_m3u(picks).encode("utf-8", "surrogateescape")


def _xspf(picks: Iterable[Pick]) -> bytes:
    root = ElementTree.Element("playlist", {"version": "1", "xmlns": _XSPF})
    tracks = ElementTree.SubElement(root, "trackList")
    for pick in picks:
        song = pick.song
        address = address_of(song)
        if not address:
            continue
        if song.path is not None:
            address = f"file://{quote(str(Path(song.path).absolute()), errors='surrogateescape')}"
        length = None if song.duration_s is None else str(round(1000 * song.duration_s))
        fields = ("location", address), ("title", song.title), ("creator", song.byline), ("album", song.album)
        track = ElementTree.SubElement(tracks, "track")
        for name, text in (*fields, ("duration", length)):
            if text is not None:
                ElementTree.SubElement(track, name).text = _NO_XML.sub(" ", text)
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"
