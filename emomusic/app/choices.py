"""The visitor's choices. Each is declared once, with its options and its default, and whether URLs have it.

    POLICY = Choice("policy", [*POLICIES], in_url=True)
    POLICY.draw(st.segmented_control, "How to choose songs")
    POLICY.value

A link shows the same page about the same things: the sample, the face, the songs, the models. Each of these choices is
one step of the browser's history; all others, such as tabs and sliders, are in the session only. The session holds all:
`open_address` copies the URL to the session before a page draws its widgets, and `choose`, for callbacks, writes new
choices to both. Streamlit's own binding of a widget to the URL replaces the current step of the history instead of
adding one.

Nothing about a visitor's own photo is written to the URL.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, TypeVar
from weakref import ref

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from emomusic.affect import Emotion, Mood
from emomusic.app.state import Visit, page_state
from emomusic.songs.request import Policy
from emomusic.songs.song import Trait

Option = TypeVar("Option", bound=str)


@dataclass
class Address:
    """The choices of a session: the values of all pages by name; an absent one has its default."""

    chosen: dict[str, list[str]] = field(default_factory=dict)
    page: str = ""
    names: Sequence[str] = ()  # the parameters of the page
    visit: int = 0
    # The page's parameters as last read or written
    url: dict[str, list[str]] = field(default_factory=dict)
    # The page's parameters as the browser replaces them after a return to the page; None if they need no change.
    # Streamlit would add a step to the history for the change: Back would need two presses
    replaced: dict[str, list[str]] | None = None
    # The options of the widgets drawn on this visit. Streamlit resets a widget when another page is opened, and when it
    # has other options
    drawn: dict[str, list[str]] = field(default_factory=dict)
    # The parameters before the changes of which the browser may not know yet, and the run that made the last one
    older: list[dict[str, list[str]]] = field(default_factory=list)
    writer: Any = None
    # How often each widget in a menu got another key, and so the plane and the uploaders of photos
    renewed: Counter[str] = field(default_factory=Counter)


class Choice:
    """One choice of the visitor: what can be chosen, its default, and where it is kept."""

    def __init__(
        self,
        name: str,
        options: Sequence[str] = (),
        *,
        in_url: bool = False,
        first: object = None,
        is_optional: bool = False,
        most: int = 1,
        in_menu: bool = False,
        is_kept: bool = False,
        older: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Declare a choice.

        Args:
            name: the name of its URL parameter, and the key of its widget.
            options: the values, if they never change; others are given to `draw`.
            in_url: whether the URL of its pages has it (`pages.PAGES`).
            first: the default, which the URL omits; None for the first of the options.
            is_optional: whether it has no default.
            most: the largest number of values.
            in_menu: whether its widget may be hidden, or a click elsewhere sets it. A value set in the session does not
                reach such a widget in time: the next click sends its old value. So the widget gets another key.
            is_kept: whether the session keeps it without a URL, so that callbacks can set it, and it can be read before
                it is drawn. Without that and `in_url`, its widget keeps it.
            older: the values by the names that older addresses have.

        Raises:
            ValueError: another choice has the name.
        """
        if name in CHOICES:
            raise ValueError(f"expected a choice with a new name. Received: {name!r}")
        CHOICES[name] = self
        self.name, self.options, self.in_url = name, options, in_url
        self.first, self.is_optional, self.most, self.in_menu, self.older = first, is_optional, most, in_menu, older
        self.is_kept = is_kept or in_url
        self.place = name  # the place of its values in the session
        self.is_linked = True  # whether the URL has its values

    def about(self, subject: str, *, is_linked: bool) -> Choice:
        """The choice about one subject, such as a photo; `is_linked`: the URL is about it."""
        found = copy.copy(self)
        found.place, found.is_linked = f"{self.name}-{subject}", is_linked
        if is_linked:
            page_state(Address).chosen[found.place] = self.values
        return found

    @property
    def key(self) -> str:
        """The key of the widget now."""
        number = page_state(Address).renewed[self.place]
        return f"{self.place}-{number}" if number else self.place

    @property
    def values(self) -> list[str]:
        """All chosen values; without a choice, none."""
        return page_state(Address).chosen.get(self.place, [])

    @property
    def value(self) -> Any:
        """The chosen value, as one of the options if they never change, or the default."""
        if not self.is_kept:
            return st.session_state.get(self.key, self.first)
        values = self.values or self._default(self.options)
        return next((option for option in self.options if option in values), values[-1] if values else None)

    def among(self, options: Sequence[Option]) -> list[Option]:
        """The values that are options; the URL then has no others."""
        values = self.values
        valid = [option for value in dict.fromkeys(values) for option in options if option == value][: self.most]
        if len(valid) != len(values):
            self.set(valid)
        return valid

    def draw(
        self,
        widget: Callable[..., Any],
        label: str | Sequence[str],
        options: Sequence[str] | None = None,
        *,
        on_change: Callable[[], None] | None = None,
        **arguments: Any,
    ) -> Any:
        """Draw the widget of the choice with its value.

        Args:
            widget: a function of Streamlit, such as `st.segmented_control`.
            label: the label; for tabs, their titles.
            options: the options, if they change.
            on_change: the callback in place of `take`.
            arguments: further arguments of the widget. `value` is shown in place of the value of the choice.
        """
        address, options = page_state(Address), self.options if options is None else options
        drawn = [*options] or [*label] if widget.__name__ == "tabs" else [*options]
        value = arguments.pop("value") if "value" in arguments else self._shown(drawn)
        key = self.key
        is_set = key in st.session_state and st.session_state[key] == value
        if self.in_menu and key in st.session_state and not is_set:
            key = self.renew()
        if not (is_set and (self.in_menu or address.drawn.get(self.place) == drawn)):
            st.session_state[key] = value
        address.drawn[self.place] = drawn
        # A browser that still loads the code of the widget misses the run that sets the value, but not the default
        if widget.__name__ == "segmented_control":
            arguments |= {"default": value, "required": True}
        elif widget.__name__ == "select_slider":
            arguments["value"] = value
        elif widget.__name__ == "selectbox" and value in options:
            arguments.setdefault("index", [*options].index(value))
        if self.in_menu or not self.is_kept:
            arguments["persist_state"] = "session"
        if on_change is not None or self.is_kept:
            arguments["on_change"] = on_change or self.take
        return widget(label, *([options] if options else []), key=key, **arguments)

    def _default(self, options: Sequence[str]) -> list[Any]:
        if self.is_optional or (self.first is None and not options):
            return []
        return [options[0] if self.first is None else self.first]

    def _shown(self, options: Sequence[str]) -> Any:
        """The value of the widget with these options."""
        if not self.is_kept:
            return st.session_state.get(self.key, *self._default(options))
        valid = self.values if self.options or not options else self.among(options)
        valid = [option for option in options if option in valid] if self.options else valid
        values = valid or self._default(options)
        return [*values] if self.most > 1 else next(reversed(values), None)

    def renew(self) -> str:
        """Give the next widget another key, and return it. The widget then has no state."""
        page_state(Address).renewed[self.place] += 1
        return self.key

    def take(self) -> None:
        """Store the value of the widget; for callbacks."""
        value = st.session_state[self.key]
        default = self._default(self.options or page_state(Address).drawn.get(self.place, ()))
        self.set(None if value == default or [value] == default else value)

    def set(self, value: str | Sequence[str] | None) -> None:
        """Store a value, or several, in one step of the history; None restores the default."""
        choose({self: value})


CHOICES: dict[str, Choice] = {}
"""All choices of the app, by name."""


def choose(chosen: Mapping[Choice, str | Sequence[str] | None]) -> None:
    """Store values of choices in the session and the URL, in one step of the history; None restores a default."""
    address = page_state(Address)
    for choice, value in chosen.items():
        values = [str(value)] if isinstance(value, str) else [*map(str, value or ())]
        for place in (choice.place, choice.name) if choice.is_linked else (choice.place,):
            address.chosen.pop(place, None)
            if values:
                address.chosen[place] = values
    _write(address)


def open_address(page: str, of_page: Sequence[Choice], visit: Visit) -> Address:
    """Copy the URL to the session, at the start of each run of a page; a second call in a run does nothing.

    Args:
        page: the name of the page.
        of_page: the choices that its URL has.
        visit: the visit to it.

    The URL wins after a link, Back or Forward. After a return from another page, which clears the URL, the session
    wins, and so it does while a browser that does not know of the last choice yet sends an older URL.
    """
    address, names = page_state(Address), [choice.name for choice in of_page]
    is_new_visit = (address.page, address.visit) != (page, visit.number)
    url = {name: st.query_params.get_all(name) for name in names}
    if url == address.replaced and not is_new_visit:
        address.url = url
    if is_new_visit or (url == address.url and _run_now() != address.writer):
        address.older.clear()
    # Of two steps in quick succession, or with a click between them, Streamlit may not call the last one a step
    if is_new_visit or (url != address.url and (is_step() or url not in address.older)):
        taken = {name: values for name, values in url.items() if values or not is_new_visit}
        if SAMPLE.name in taken and taken[SAMPLE.name] != address.chosen.get(SAMPLE.name, []):
            taken = {choice.name: list[str]() for choice in ABOUT_SAMPLE} | taken
        for name, values in taken.items():
            address.chosen.pop(name, None)
            named = [CHOICES[name].older.get(value, value) for value in values]
            known = [value for value in named if value in (CHOICES[name].options or named)]
            if known:
                address.chosen[name] = known
        address.page, address.names, address.visit = page, names, visit.number
        address.replaced = None
        # Set all widgets: of two runs in quick succession, a browser may miss what only the first one sets
        address.drawn.clear()
    if is_new_visit:
        wanted = _wanted(address)
        address.url, address.replaced = url, wanted if wanted != url else None
    else:
        _write(address)
    return address


def is_step() -> bool:
    """Whether Back or Forward began this run of the page."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


def _wanted(address: Address) -> dict[str, list[str]]:
    """The parameters of the shown page with the choices of the session."""
    return {name: address.chosen.get(name, []) for name in address.names}


def _run_now() -> Any:
    """A weak reference to the context of this run; None without one."""
    context = get_script_run_ctx()
    return None if context is None else ref(context)


def _write(address: Address) -> None:
    """Write the choices of the shown page to the URL."""
    wanted = _wanted(address)
    if wanted == address.replaced:
        return  # the browser does
    changed = {name: values for name, values in wanted.items() if values != st.query_params.get_all(name)}
    if changed:
        address.older.append({name: st.query_params.get_all(name) for name in wanted})
        address.writer = _run_now()
        st.query_params.update(changed)  # an empty list removes a parameter; each `del` would be a separate step
    address.url, address.replaced = wanted, None


class Source(StrEnum):
    """Where songs come from."""

    SPOTIFY = "spotify"
    OWN = "own"
    TABLE = "table"
    BUNDLED = "bundled"


class View(StrEnum):
    """What the Live page shows; the names are on the page and in the URL."""

    FACES = "Faces"
    CLASSROOM = "Classroom"
    GAME = "Mirror game"
    TEACH = "Teach it your face"  # the lesson
    GUESS = "Guess first"  # a class that votes


POLICIES = {"Match me": Policy.MATCH, "Lift me": Policy.SOOTHE, "Take me there": Policy.JOURNEY}
"""The policies of the pages, by name. "How it works" shows what `Policy.REPORT` would play."""


# The photo
SAMPLE = Choice("sample", in_url=True, is_optional=True)
WHO = Choice("who", in_url=True, in_menu=True)
SAYS = Choice("says", [*Emotion], in_url=True, is_optional=True, in_menu=True)
MOOD = Choice("mood", [*Mood], in_url=True, is_optional=True, in_menu=True)
FACE = Choice("face", in_url=True, is_optional=True)  # number of the explained face
ABOUT_SAMPLE = (WHO, SAYS, MOOD, FACE)
"""The choices about the shown sample: the listener, the emotion and the mood by hand, the explained face."""
PICTURE_FROM = Choice("source", ["Upload", "Camera"])
ANSWER_TAB = Choice("beside", is_kept=True)

# Songs
POLICY = Choice(
    "policy", [*POLICIES], in_url=True, older={policy.capitalize(): name for name, policy in POLICIES.items()}
)
DESTINATION = Choice("to", is_kept=True, in_menu=True)  # where a journey ends: a mood or a place such as "0.4,-0.2"
SONGS_FROM = Choice("songs", [*Source], is_kept=True, in_menu=True)
GENRES = Choice("genres", is_kept=True, is_optional=True)  # names of genres and families
TRAITS = Choice(
    "heard", [*Trait], is_kept=True, is_optional=True, most=len(Trait), in_menu=True
)  # what audio files have
GENRE_FAMILIES = Choice("genre_families", in_menu=True)
GENRE_NAMES = Choice("genre_names", in_menu=True)
HIDE_EXPLICIT = Choice("hide_explicit", first=False, in_menu=True)

# Live and films
LIVE_VIEW = Choice("shown", [*View], in_url=True)
LIVE_MUSIC = Choice("live_music")
TEACH_OWN = "My own classes"
TEACH = Choice("teach", ["My face", TEACH_OWN])
VOTE = Choice("vote", in_url=True, is_optional=True)  # the code of the lesson that a phone votes in
FILM_SAMPLE = Choice("film", ["sample"], in_url=True, is_optional=True)
FILM_FOLLOWS = Choice("film_follows", first=True)  # whether the scene changes with the playback

# Music
YOUR_SONG, WHAT_IF = "Your song", "What if"
"""The titles of the tabs of Music on the visitor's file, and on a song with other features."""

MUSIC_TAB = Choice("view", is_kept=True)
MUSIC_TRACK = Choice("track", in_url=True, is_optional=True)  # the id of the song to classify
MUSIC_QUERY = Choice("find", in_url=True, first="")

# Models
BENCHMARK = Choice("kind", in_url=True)
MODELS = Choice("model", in_url=True, most=2)  # the one or two chosen models
MODELS_TAB = Choice("face_view", is_kept=True)
MODELS_CELL = Choice("cell", is_kept=True, is_optional=True, in_menu=True)  # of the matrix: "fear called sad"
MODELS_CLASS = Choice("class", is_kept=True)
MODELS_CELLS = Choice("cells", ["Shares", "Counts"])  # what the cells of the matrix say
MODELS_THRESHOLD = Choice("threshold", first="50")  # threshold of the class in percent
TRAIN_RATE = Choice("rate", ["0.0001", "0.001", "0.003", "0.01", "0.1", "1"], first="0.001")
TRAIN_BATCH = Choice("batch", ["8", "16", "64", "256"], first="64")
TRAIN_HIDDEN = Choice("hidden", ["1", "2", "4", "8", "16", "64"], first="8")
TRAIN_WRONG = Choice("wrong", ["0", "10", "25", "50"], first="0")  # percent of the labels

# How it works
STEP = Choice("step", in_url=True, is_optional=True)
