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
from enum import StrEnum
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

    def enter(self, page: str) -> None:
        """Count visits to pages, to distinguish a return from another page from Back on this page."""
        if self.page != page:
            self.page, self.number = page, self.number + 1


@dataclass
class CameraState:
    """The visitor's `LiveSession`, running or ended; None before the first start."""

    session: Any = None


class WidgetKeys(Counter[str]):
    """The keys of widgets that the app resets: how often each was reset."""

    def current(self, key: str) -> str:
        """The widget key for `key` now; it changes with each `renew`."""
        return f"{key}-{self[key]}" if self[key] else key

    def renew(self, key: str) -> str:
        """Reset a widget to its default by giving it a new key, which is returned.

        A value set in the session does not reach a hidden widget, such as one in a closed menu: the browser sends its
        old value with the next run.
        """
        self[key] += 1
        return self.current(key)


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
SONGS_FROM = "songs"  # also in the URL: a `Source`
OWN_UPLOAD = "own_upload"
PROFILE_UPLOAD = "profile_upload"


class Source(StrEnum):
    """Where songs come from."""

    SPOTIFY = "spotify"
    OWN = "own"
    TABLE = "table"
    BUNDLED = "bundled"


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
