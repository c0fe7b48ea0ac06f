"""Playlists for other players: XSPF, and smart playlists of Navidrome, which it fills by the moods in the files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree

from emomusic.songs.request import Request, target_of
from emomusic.songs.song import Pick
from emomusic.songs.spotify import address_of, songs_m3u

_NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_XSPF = "http://xspf.org/ns/0/"


def playlist(form: str, picks: Iterable[Pick], request: Request, num_songs: int) -> bytes:
    """A playlist as a file. Songs without a file or a link are left out.

    Args:
        form: "m3u8", "xspf" or "nsp". The last one has no songs: Navidrome finds those with the mood of the request,
            which `library tag` writes.
        picks: the songs.
        request: the request for them.
        num_songs: the songs of a smart playlist.
    """
    if form == "nsp":
        return _nsp(request, num_songs)
    if form == "xspf":
        return _xspf(picks)
    return songs_m3u(picks).encode("utf-8", "surrogateescape")


def _nsp(request: Request, num_songs: int) -> bytes:
    _, mood = target_of(request)
    rules: list[dict[str, object]] = [{"is": {"mood": mood.value}}]
    if request.genres:
        rules.append({"any": [{"is": {"genre": genre}} for genre in sorted(request.genres)]})
    smart = {
        "name": f"EmoMusic: {mood}",
        "comment": "Songs with this mood, as written by: emomusic library tag",
        "all": rules,
        "sort": "random",
        "limit": num_songs,
    }
    return json.dumps(smart, indent=2).encode() + b"\n"


def _xspf(picks: Iterable[Pick]) -> bytes:
    root = ElementTree.Element("playlist", {"version": "1", "xmlns": _XSPF})
    tracks = ElementTree.SubElement(root, "trackList")
    for pick in picks:
        song = pick.song
        if not (address := address_of(song)):
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
