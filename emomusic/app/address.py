"""Choices in the URL: a link shows the same screen, and each choice is one step of the browser's history.

The session holds the choices. `open_address` copies the URL to the session before a page draws its widgets, and
`choose`, for callbacks, writes a new choice to both. Streamlit's own binding of a widget to the URL replaces the
current step of the history instead of adding one.

Nothing about a visitor's own photo is written to the URL.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlencode

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from emomusic.affect import Emotion, Mood
from emomusic.app import state
from emomusic.app.parts import read_beside
from emomusic.app.state import Source, Visit, page_state
from emomusic.songs.request import Policy

Choice = TypeVar("Choice", bound=str)

SAMPLE_PARAMS = (state.WHO, state.SAYS, state.MOOD)
"""Parameters about the shown sample, besides its name."""

_SONGS = (state.POLICY, state.TO, state.GENRES, state.SONGS_FROM)

PARAMS: Mapping[str, tuple[str, ...]] = {
    "photo": (state.SAMPLE, *SAMPLE_PARAMS, *_SONGS),
    "live": (state.LIVE_VIEW, *_SONGS),
    "film": (state.FILM_SAMPLE, *_SONGS),
    "music": (state.MUSIC_TAB, state.MUSIC_TRACK, state.MUSIC_QUERY, state.GENRES, state.SONGS_FROM),
    "models": (
        state.MODELS_BENCHMARK,
        state.MODELS_FACES,
        state.MODELS_SONGS,
        state.MODELS_TAB,
        state.MODELS_CELL,
        state.MODELS_CLASS,
        state.MODELS_THRESHOLD,
        state.SAMPLE,
    ),
    "how_it_works": (state.HOW_STEP, state.SAMPLE, state.GENRES, state.SONGS_FROM),
}
"""The URL parameters of each page."""

POLICIES = [policy.capitalize() for policy in (Policy.MATCH, Policy.SOOTHE, Policy.JOURNEY)]
"""The values of the pages' policies. "How it works" shows what `Policy.REPORT` would play."""

_VALUES: Mapping[str, Sequence[str]] = {
    state.SAYS: [*Emotion],
    state.MOOD: [*Mood],
    state.POLICY: POLICIES,
    state.SONGS_FROM: [*Source],
}
"""The values of parameters whose options never change. Others are dropped as soon as the URL is read."""

# Streamlit adds a step to the history for each change of the parameters: after a return to a page by the menu, Back
# would need two presses.
_BROWSER = st.components.v2.component(
    "emomusic_address",
    js=read_beside(__file__, "address.js"),
)


@dataclass
class Address:
    """The choices of a session: the values of all pages by parameter; an absent one has its default."""

    chosen: dict[str, list[str]] = field(default_factory=dict)
    page: str = ""
    visit: int = 0
    # The page's parameters as last read or written
    url: dict[str, list[str]] = field(default_factory=dict)
    # The page's parameters as the browser replaces them after a return to the page; None if they need no change
    replaced: dict[str, list[str]] | None = None
    # The options of the widgets drawn on this visit. Streamlit resets a widget when another page is opened, and when it
    # has other options
    drawn: dict[str, list[str]] = field(default_factory=dict)


def open_address(page: str, visit: Visit) -> Address:
    """Copy the URL to the session, at the start of each run of a page; a second call in a run does nothing.

    The URL wins after a link, Back or Forward. After a return from another page, which clears the URL, the session
    wins, and so it does while a browser that does not know of the last choice yet sends an older URL.
    """
    address = page_state(Address)
    is_new_visit = (address.page, address.visit) != (page, visit.number)
    url = {name: st.query_params.get_all(name) for name in PARAMS[page]}
    if url == address.replaced and not is_new_visit:
        address.url = url
    if is_new_visit or (url != address.url and is_step()):
        taken = {name: choices for name, choices in url.items() if choices or not is_new_visit}
        if state.SAMPLE in taken and taken[state.SAMPLE] != address.chosen.get(state.SAMPLE, []):
            taken = {name: list[str]() for name in SAMPLE_PARAMS} | taken
        for name, choices in taken.items():
            address.chosen.pop(name, None)
            if known := [choice for choice in choices if choice in _VALUES.get(name, choices)]:
                address.chosen[name] = known
        address.page, address.visit = page, visit.number
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


def show_address(address: Address) -> None:
    """Let the browser replace the URL after a return to the page."""
    pairs = [(name, choice) for name, choices in (address.replaced or {}).items() for choice in choices]
    query = None if address.replaced is None else "?" * bool(pairs) + urlencode(pairs)
    with st.container(height=1, border=False):  # until its code has loaded, a component is 40 px high
        _BROWSER(data={"query": query, "visit": address.visit}, key="address-of-the-browser", height=1)


def choose(chosen: Mapping[str, str | Sequence[str] | None]) -> None:
    """Store choices in the session and the URL, in one step of the history; None restores a default."""
    address = page_state(Address)
    for name, choice in chosen.items():
        if choice is None:
            address.chosen.pop(name, None)
        else:
            address.chosen[name] = [str(choice)] if isinstance(choice, str) else [*map(str, choice)]
    _write(address)


def chosen(name: str) -> str | None:
    """The value of a parameter, or None."""
    choices = chosen_all(name)
    return choices[-1] if choices else None


def chosen_all(name: str) -> list[str]:
    """All values of a parameter."""
    return page_state(Address).chosen.get(name, [])


def offered(name: str, options: Sequence[Choice], *, most: int = 1) -> list[Choice]:
    """The values of a parameter that are options, at most `most`; others are removed from the URL."""
    choices = chosen_all(name)
    valid = [option for choice in dict.fromkeys(choices) for option in options if option == choice][:most]
    if len(valid) != len(choices):
        choose({name: valid or None})
    return valid


def widget(name: str, options: Sequence[str] | None, first: str | None = None, *, most: int = 1) -> dict[str, Any]:
    """Keyword arguments of a widget with its value in the URL. This sets the value before the widget is drawn.

    Args:
        name: key of the widget, and name of the parameter.
        options: of the widget; None for a text.
        first: the default, which the URL omits; None for no default.
        most: maximum number of choices; above 1, the value is a list.
    """
    address = page_state(Address)
    choices = address.chosen.get(name, [])
    if options is None:
        valid = choices[-1:]
    elif name in _VALUES:
        valid = [option for option in options if option in choices]
    else:
        valid = offered(name, options, most=most)
    if not valid and first is not None:
        valid = [first]
    value = valid if most > 1 else next(iter(valid), None)
    drawn = [*(options or ())]
    if not (address.drawn.get(name) == drawn and name in st.session_state and st.session_state[name] == value):
        st.session_state[name] = value
    address.drawn[name] = drawn
    return {"key": name, "on_change": _store, "args": (name, first)}


def choose_one(
    label: str,
    options: Sequence[str],
    name: str,
    *,
    name_of: Callable[[str], str] = str,
    on_change: Callable[[], None] | None = None,
) -> str:
    """Show buttons for a choice in the URL; the first option is the default. `name_of` gives the text of an option.

    `on_change` stores the choice in place of this function.
    """
    arguments = widget(name, options, options[0]) | {"format_func": name_of, "label_visibility": "collapsed"}
    if on_change is not None:
        arguments |= {"on_change": on_change, "args": ()}
    # A browser that still loads the code of the widget misses the run that sets the value, but not the default
    return str(st.segmented_control(label, options, default=st.session_state[name], required=True, **arguments))


def _store(name: str, first: str | None) -> None:
    """Store the value of a widget."""
    value = st.session_state[name]
    choose({name: None if value in (first, [first]) else value})


def _wanted(address: Address) -> dict[str, list[str]]:
    """The parameters of the shown page with the choices of the session."""
    return {name: address.chosen.get(name, []) for name in PARAMS.get(address.page, ())}


def _write(address: Address) -> None:
    """Write the choices of the shown page to the URL."""
    if (wanted := _wanted(address)) == address.replaced:
        return  # the browser does
    changed = {name: choices for name, choices in wanted.items() if choices != st.query_params.get_all(name)}
    if changed:
        st.query_params.update(changed)  # an empty list removes a parameter; each `del` would be a separate step
    address.url, address.replaced = wanted, None
