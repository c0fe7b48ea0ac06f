"""The script that every page needs in the browser, mounted once by `app.py`.

The address, full screen, dropped and pasted files, refused uploads, translated pages, whether Spotify answers, and what
a tab had before its session was lost.
"""

from __future__ import annotations

from urllib.parse import urlencode

import streamlit as st

from emomusic.app.browser.components import mount
from emomusic.app.choices import Address
from emomusic.app.pages import PAGES, Page
from emomusic.app.state import STATES, SourceState, Visit, held_things, page_state
from emomusic.server.kept import Kept, offered, take_back
from emomusic.text import join_names

_KEY = "runtime"

_THINGS = ("photo", "photos", "film", "song", "music files", "table")


def show_runtime(page: Page, address: Address) -> None:
    """Mount the component above the page, where nothing can push it: a visitor may click before the page has run."""
    here, spotify = page_state(Visit), page_state(SourceState)
    states = st.session_state[STATES].values()
    pairs = [(name, value) for name, values in (address.replaced or {}).items() for value in values]
    query = f"?{urlencode(pairs)}" if pairs else ""
    data = {
        "page": page.path if page is not PAGES[0] else "",
        "drop": page.drop,
        "large": page.is_large(),
        "visit": address.visit,
        "query": None if address.replaced is None else query,
        "session": here.session,
        "returns": here.num_returns,
        "held": held_things(),
        "tokens": [state.token for state in states if isinstance(state, Kept) and state.token],
        "spotify": {"is_silent": spotify.is_silent, "number": spotify.num_asked},
    }
    with st.container(height=1, border=False):  # until its code has loaded, a component is 40 px high
        mount(
            "runtime",
            key=_KEY,
            data=data,
            height=1,
            on_answers_change=_note_spotify,
            on_back_change=_take_back,
            on_returned_change=_note_return,
        )
    kinds = {thing.rstrip("s") for thing in held_things()}
    here.gone = tuple(thing for thing in here.gone if thing.rstrip("s") not in kinds)  # until there is another one
    if here.gone and here.told_at == here.number:
        again = "it" if len(here.gone) == 1 and not here.gone[0].endswith("s") else "them"
        st.info(
            f"The server no longer has your {join_names(here.gone)}. Choose {again} again.", icon=":material/history:"
        )


def _note_spotify() -> None:
    page_state(SourceState).is_silent = not st.session_state[_KEY]["answers"]["answers"]


def _note_return() -> None:
    page_state(Visit).num_returns += 1


def _take_back() -> None:
    """Take over the visitor's data from the session before, and name lost data. A tab may send anything."""
    told, here = st.session_state[_KEY]["back"], page_state(Visit)
    for token in map(str, told.get("tokens", ())):
        if (before := offered(token)) is not None:
            take_back(token, before, page_state(type(before)))
    here.gone, here.told_at = tuple(thing for thing in _THINGS if thing in told.get("held", ())), here.number
