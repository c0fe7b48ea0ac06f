"""Whether Spotify answers in the visitor's browser, known before the first song."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from emomusic.app.parts import read_beside
from emomusic.app.state import page_state

_KEY = "spotify-answers"

_WATCH = st.components.v2.component("emomusic_spotify", js=read_beside(__file__, "spotify.js"))


@dataclass
class SpotifyState:
    """What the session knows of Spotify.

    Attributes:
        is_silent: whether Spotify does not answer in this browser.
        num_asked: how often the visitor wanted to know.
    """

    is_silent: bool = False
    num_asked: int = 1


def watch_spotify() -> None:
    """Let the browser find out whether Spotify answers. The page runs again if the answer is another one."""
    spotify = page_state(SpotifyState)
    data = {"is_silent": spotify.is_silent, "number": spotify.num_asked}
    with st.container(height=1, border=False):
        _WATCH(data=data, key=_KEY, height=1, on_answers_change=_note_answer)


def _note_answer() -> None:
    page_state(SpotifyState).is_silent = not st.session_state[_KEY]["answers"]["answers"]


def use_spotify() -> None:
    """Ask again whether Spotify answers, and play its songs until then."""
    spotify = page_state(SpotifyState)
    spotify.is_silent, spotify.num_asked = False, spotify.num_asked + 1
