"""Whether Spotify answers in the visitor's browser, known before the first song."""

from __future__ import annotations

from dataclasses import dataclass

from emomusic.app.state import page_state


@dataclass
class SpotifyState:
    """What the session knows of Spotify.

    Attributes:
        is_silent: whether Spotify does not answer in this browser.
        num_asked: how often the visitor wanted to know.
    """

    is_silent: bool = False
    num_asked: int = 1


def use_spotify() -> None:
    """Ask again whether Spotify answers, and play its songs until then."""
    spotify = page_state(SpotifyState)
    spotify.is_silent, spotify.num_asked = False, spotify.num_asked + 1
