"""The state of a session: one dataclass for each page and each shared part, next to the functions that use it.

    @dataclass
    class FilmState:
        jobs: list[FilmJob] = field(default_factory=list)

    page_state(FilmState).jobs.append(job)

Callbacks and fragments take no visitor's data as arguments, because Streamlit keeps their arguments after the session.
They read the state.
"""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
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


def held_things() -> list[str]:
    """The visitor's data in the session, as its states name them."""
    states = st.session_state.get(STATES, {}).values()
    things = [getattr(state, "held_thing", "") for state in states]
    return [thing for thing in things if thing]


_SECOND_CLICK_S = 0.7


@dataclass
class LastRemoval:
    """When the visitor last removed an item of a list."""

    at_s: float = -math.inf  # on the monotonic clock


def remove_item(remove: Callable[..., object], *args: object) -> None:
    """Remove an item of a list; the callback of its button.

    The next item moves below the pointer, so the second click of a double click removes nothing.
    """
    last, now_s = page_state(LastRemoval), time.monotonic()
    if now_s - last.at_s > _SECOND_CLICK_S:
        last.at_s = now_s
        remove(*args)


@dataclass
class Visit:
    """The shown page, and the data that the session and its tab in the browser have about each other."""

    page: str | None = None
    number: int = 0  # of visits to pages in the session: a return from another page is another visit
    bar: Any = None  # the place of the bar in this run of the page; None once it is shown
    problems: list[str] = field(default_factory=list)  # sentences of failed callbacks, for the next run of the page
    session: str = field(default_factory=lambda: secrets.token_urlsafe(8))  # names the session to the tab
    num_returns: int = 0  # how often the connection came back
    gone: tuple[str, ...] = ()  # the visitor's data that an earlier session lost
    told_at: int = 0  # the number of the visit that shows the notice

    def enter(self, page: str) -> None:
        """Count visits to pages, to distinguish a return from another page from Back on this page."""
        if self.page != page:
            self.page, self.number = page, self.number + 1


@dataclass
class CameraState:
    """The cameras of a visitor.

    Attributes:
        session: the `LiveSession`, running or ended; None before the first start.
        device: the chosen camera; "" leaves the choice to the browser.
        others: id and name of those that are not in use.
    """

    session: Any = None
    device: str = ""
    others: tuple[tuple[str, str], ...] = ()


@dataclass
class SourceState:
    """The session's data about the sources of its songs.

    Attributes:
        is_silent: whether Spotify does not answer in this browser, known before the first song.
        num_asked: how often the visitor wanted to know.
        seed: decides the order of songs that match equally well.
    """

    is_silent: bool = False
    num_asked: int = 1
    seed: int = 0


@dataclass
class MusicState:
    """The visitor's clicks on the Music page, and the content of its lists."""

    source: Any = None  # the source of the songs in the lists
    row: int | None = None  # the song that was clicked on the plane; None without one
    token: str = ""  # names the songs of this row
    genre: str = ""  # whose word was clicked on the plane
    has_artists: bool = False  # whether its artists are shown
    starts: str = ""  # the list whose first song is to play in the next run; empty for none


def use_spotify() -> None:
    """Ask again whether Spotify answers, and play its songs until then."""
    spotify = page_state(SourceState)
    spotify.is_silent, spotify.num_asked = False, spotify.num_asked + 1
