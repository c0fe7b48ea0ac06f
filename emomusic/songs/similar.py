"""More songs like one song: by the sound of audio files, by the audio features of a catalogue, or by their moods."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from emomusic.affect import AffectPoint, Mood, share_text
from emomusic.songs.catalogue import ARTIST_SEPARATOR, TRACK_LINK, key_of, normalize_text, song_key
from emomusic.songs.mood import MOODS, nearest_rows
from emomusic.songs.request import Request
from emomusic.songs.song import FEATURE_NAMES, Pick, Player, Song

if TYPE_CHECKING:
    from pathlib import Path

    from emomusic.songs.recommend import Recommender


def songs_like(
    song: Song,
    recommender: Recommender,
    request: Request,
    *,
    point: AffectPoint,
    mood: Mood | None = None,
    library: Path | None = None,
) -> Iterator[Pick]:
    """Songs that resemble a song, the most similar first. Other versions of it are left out.

    Args:
        song: of any source.
        recommender: of the source of the songs.
        request: its filters count.
        point: place of the song.
        mood: only songs whose most probable mood it is; None for all moods.
        library: file of the library, by default `library_database.library_file()`.
    """
    catalogue = recommender.catalogue
    sounds = _sounds(song, recommender, library)
    own = np.array([getattr(song, name) for name in FEATURE_NAMES])
    away = np.linalg.norm(recommender.plane - np.array([point.valence, point.arousal]), axis=1)
    if sounds is not None:
        order, why = np.argsort(-sounds, kind="stable"), "sounds alike"
    elif catalogue.has_features and not np.isnan(own).any():
        order, why = nearest_rows(catalogue.features, own, len(catalogue)), "similar audio features"
    else:  # one has features of sound, the other one audio features
        order, why = np.argsort(away, kind="stable"), "a similar mood"
    passes = recommender.passing(request)
    if mood is not None:
        passes &= recommender.likeliest_moods == MOODS.index(mood)
    played, number = {key_of(song), song_key(song.title, ARTIST_SEPARATOR.join(song.artists))}, 0
    for row in order[passes[order]].tolist():
        found = catalogue.song(row)
        if found.path == song.path is not None or catalogue.key_of(row) in played or not recommender.is_there(row):
            continue
        played.add(catalogue.key_of(row))
        number += 1
        likeliest = MOODS[int(recommender.likeliest_moods[row])]
        score = 1 / (1 + float(away[row])) if sounds is None else float(np.clip(sounds[row], 0, 1))
        surest = share_text(float(recommender.probabilities[row].max()))
        reason = f"Like {song.title}: {why}; {likeliest} ({surest})"
        yield Pick(found, mood or likeliest, score, reason, likeliest, number, point=recommender.point_of(row))


def _sounds(song: Song, recommender: Recommender, library: Path | None) -> npt.NDArray[np.float32] | None:
    """Similarity of the sound of each song, shape (n,), -1 to 1; None if their features of sound are unknown."""
    songs = recommender.catalogue.songs
    if songs is None or song.hearing is None:
        return None
    stored: Mapping[str, bytes] = {}
    if songs[0].player is Player.LIBRARY:
        from emomusic.songs.library import Library

        with Library(library) as opened:
            stored = opened.features()
    parts = [stored.get(each.id) or (each.hearing.features if each.hearing is not None else b"") for each in songs]
    own = stored.get(song.id) or song.hearing.features
    if not own or not all(len(part) == len(own) for part in parts):
        return None
    features = np.frombuffer(b"".join([own, *parts]), np.float16).astype(np.float32).reshape(len(parts) + 1, -1)
    features /= np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-6)
    return np.asarray(features[1:] @ features[0])


def find_song(text: str, recommender: Recommender) -> Song | None:
    """The song of a source with this Spotify id or link, or with this title; the best known one of several.

    Args:
        text: may have the artist too, after or before the title.
        recommender: of the source.
    """
    catalogue = recommender.catalogue
    if (link := TRACK_LINK.search(text)) is not None:
        return catalogue.find(link[1])
    rows = np.flatnonzero(catalogue.matching(re.sub(r"[-,\u2013]\s|\bby\b", " ", text)))
    if not text.strip() or not rows.size:
        return None
    rows = catalogue.best_known_first(rows)
    titles, wanted = catalogue.table["title"].array, normalize_text(text).strip()
    same = [row for row in rows.tolist() if normalize_text(titles[row]) == wanted]
    return catalogue.song(int((same or rows)[0]))
