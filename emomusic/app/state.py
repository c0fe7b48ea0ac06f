"""The state of a session: one dataclass for each page and each shared part, and the keys of widgets and of the URL.

Streamlit keeps widgets by string keys. Everything else is a field of a dataclass next to the functions that use it:

    @dataclass
    class FilmState:
        jobs: list[FilmJob] = field(default_factory=list)

    page_state(FilmState).jobs.append(job)

Callbacks and fragments take no visitor's data as arguments, because Streamlit keeps their arguments after the session.
They read the state.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, TypeVar

import streamlit as st

STATES = "states"
"""The key of the instances in the session, by their dataclass."""

State = TypeVar("State")


def page_state(kind: type[State]) -> State:
    """The session's instance of a dataclass, made on first use."""
    states: dict[type[Any], Any] = st.session_state.setdefault(STATES, {})
    if kind not in states:
        states[kind] = kind()
    found: State = states[kind]
    return found


@dataclass
class Visit:
    """The shown page, and the number of visits to pages in the session: a return from another page is another visit."""

    page: str | None = None
    number: int = 0
    bar: Any = None  # the place of the bar in this run of the page; None once it is shown


@dataclass
class CameraState:
    """The visitor's `LiveSession`, running or ended; None before the first start."""

    session: Any = None


class _Renewals(Counter[str]):
    """How often widgets were reset, by key."""


def fresh(key: str) -> str:
    """The current widget key for `key`; it changes with each `renew`."""
    number = page_state(_Renewals)[key]
    return f"{key}-{number}" if number else key


def renew(key: str) -> None:
    """Reset a widget to its default by giving it a new key.

    A value set in the session does not reach a hidden widget, such as one in a closed menu: the browser sends its old
    value with the next run.
    """
    page_state(_Renewals)[key] += 1


EVERYONE = "Everyone"  # the listener of all faces of a picture
UPLOAD = "upload"
UPLOAD_AGAIN = "upload_again"  # the drop zone below an error
CAMERA = "camera"
SOURCE = "source"
SAMPLE = "sample"  # also in the URL
WHO = "who"  # this and the next two only in the URL, about a sample: face, its emotion and the mood of the songs
SAYS = "says"
MOOD = "mood"
POLICY = "policy"  # also in the URL
TO = "to"  # also in the URL: where a journey ends, a mood or a place such as "0.4,-0.2"
HIDE_EXPLICIT = "hide_explicit"
GENRES = "genres"  # only in the URL: names of genres and families
GENRE_FAMILIES = "genre_families"
GENRE_NAMES = "genre_names"
SONGS_FROM = "songs"  # also in the URL: the source of songs, see `app.sources`
OWN_UPLOAD = "own_upload"
PROFILE_UPLOAD = "profile_upload"

# The live page
LIVE_MUSIC = "live_music"
LIVE_VIEW = "shown"  # also in the URL
LIVE_TEACH = "Teach it your face"  # the value of the lesson

# "How it works"
HOW_STEP = "step"  # only in the URL: the key of the shown step

# The music page. The first three are also in the URL.
MUSIC_TAB = "view"
MUSIC_TRACK = "track"  # the id of the song to classify
MUSIC_QUERY = "find"  # the search text
TABLE_UPLOAD = "table_upload"
MUSIC_SONG_UPLOAD = "music_song_upload"

# The models page, all also in the URL
MODELS_BENCHMARK = "kind"
MODELS_FACES = "faces"  # the one or two chosen face models
MODELS_SONGS = "song_models"  # the chosen models of songs
MODELS_TAB = "face_view"
MODELS_CELL = "cell"  # of the confusion matrix, as "fear called sad"
MODELS_CLASS = "class"
MODELS_THRESHOLD = "threshold"  # of the class, in percent

# The film page
FILM_UPLOAD = "film_upload"
FILM_SAMPLE = "film"  # only in the URL: "sample" if the sample is shown
FILM_FOLLOWS = "film_follows"  # whether the scene changes with the playback
