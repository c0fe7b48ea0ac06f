"""The frame of every page: icon, theme colours, style sheets, download buttons, error messages and the notice."""

from __future__ import annotations

import contextlib
import logging
import mimetypes
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from weakref import ref
from zoneinfo import ZoneInfo

import streamlit as st
from streamlit import runtime
from streamlit.runtime import RuntimeState
from streamlit.runtime.scriptrunner import get_script_run_ctx

from emomusic.app.choices import open_address
from emomusic.app.pages import page_named
from emomusic.app.state import CameraState, State, Visit, page_state
from emomusic.assets import data_dir
from emomusic.compat import finish_callbacks
from emomusic.errors import EmomusicError, SettingsError
from emomusic.server.sessions import WHEN_GONE, are_pages_forgotten
from emomusic.text import escape_control_chars, pluralize

log = logging.getLogger(__name__)

_PROBLEMS_SHOWN = 5


def local_date() -> date:
    """The date where the visitor is. The server's, if its browser names no known time zone."""
    try:
        return datetime.now(ZoneInfo(st.context.timezone or "")).date()
    except (LookupError, ValueError, OSError):  # unknown, malformed, and a folder of zones
        return date.today()


def text_color() -> str | None:
    """The theme's text colour, for charts; None if the browser has not reported its theme."""
    theme = st.context.theme.type
    return str(st.get_option(f"theme.{theme}.textColor")) if theme else None


def download_button(label: str, state: State, make: Callable[[State], str | bytes], name: str, **options: Any) -> None:
    """Show a download button that makes its file of a state on demand, and does not rerun the page.

    Streamlit makes it outside of the session, and keeps the function for up to a minute longer, so `make` holds no data
    of a visitor.
    """
    weak = ref(state)

    def make_now() -> str | bytes:
        if (found := weak()) is None:
            raise RuntimeError("expected the state of an open page. Received: one of a closed page")
        return make(found)

    st.download_button(label, make_now, name, mimetypes.guess_type(name)[0], on_click="ignore", **options)


# Streamlit looks for addresses and icons after Markdown has removed the backslashes. An invisible letter parts them
_SPLIT = re.compile(r"((?<=http)s?:|:(?=material/)|www(?=\.)|@(?=\w))", re.IGNORECASE)
_WORD_JOINER = "\u2060"


def escape_markdown(text: str) -> str:
    """Text on one line, with Markdown's special characters escaped, and neither links nor icons."""
    parted = _SPLIT.sub(rf"\1{_WORD_JOINER}", " ".join(text.split()))
    return "".join(f"\\{c}" if c in r"\`*_{}[]()<>#+-.!|~$:^&" else c for c in parted)


def escape_markdown_message(text: str) -> str:
    """A message escaped like this, except full stops and the colons of its sentences."""
    return re.sub(r"\\(\.|:(?= ))", r"\1", escape_markdown(text))


@cache
def read_beside(module: str, name: str) -> str:
    """The text of a file beside a module, which gives its `__file__`."""
    return Path(module).with_name(name).read_text(encoding="utf-8")


def is_loaded(module: str) -> bool:
    """Whether a module is loaded. If not, a page shows its title first, and no session has state of the module."""
    return module in sys.modules


def require_server() -> None:
    """Stop the page on a server that `server/asgi.py` has not set up: it would write photos to disk, and keep them."""
    if runtime.exists() and isinstance(runtime.get_instance().state, RuntimeState) and not are_pages_forgotten():
        log.error("expected the server of emomusic/server/asgi.py. Received: another. Use `streamlit run app.py`")
        st.error(
            "This server cannot keep its promise about photos, so the app does not start. Its owner finds the reason "
            "in the log.",
            icon=":material/error:",
        )
        st.stop()


def style_page() -> None:
    """Set icon, width and logo."""
    # Before the navigation. A bundled icon, because Streamlit loads material symbols for `page_icon` from the network
    icon, logo = (str(data_dir() / name) for name in ("icon.png", "logo.png"))
    about: Any = {"About": "**EmoMusic** reads emotions from faces, and finds songs that fit."}  # without it, no menu
    st.set_page_config("EmoMusic", icon, layout="wide", initial_sidebar_state="collapsed", menu_items=about)
    st.logo(logo, size="large")


def open_page(name: str, title: str = "") -> None:
    """Open the address of a page, and show the errors of callbacks and a title that never changes.

    Every page calls this first, before it imports what loads pandas, Plotly or OpenCV.

    Other pages than Live end its mirror game and its lesson.
    """
    finish_callbacks(take_callback_error)
    session = None if name == "live" else page_state(CameraState).session
    if session is not None:
        session.leave()
    visit = page_state(Visit)
    open_address(name, page_named(name).choices, visit)
    for message in visit.problems:
        st.error(message, icon=":material/error:")
    visit.problems.clear()
    if title:
        st.title(title, anchor=False)


def take_callback_error(error: Exception) -> bool:
    """Show an `EmomusicError` of a callback as a message. Returns whether it is one: others stay a traceback."""
    if isinstance(error, EmomusicError):
        context = get_script_run_ctx()
        if context is not None and context.fragment_ids_this_run:  # the page itself does not run
            st.toast(error_text(error), icon=":material/error:", duration="infinite")
        else:
            page_state(Visit).problems.append(error_text(error))
    return isinstance(error, EmomusicError)


def error_text(error: EmomusicError) -> str:
    """The message of an error as Markdown. Wrong settings are for the owner of the server, in the log only."""
    if isinstance(error, SettingsError):
        log.error("wrong setting: %s", error)
        return "This server is not set up correctly. Its owner finds the reason in the log."
    text = escape_control_chars(" ".join(str(error).split()))  # it may name a file
    log.info("error shown to the visitor: %s", text)
    return escape_markdown_message(text)


@contextlib.contextmanager
def shown_errors() -> Iterator[None]:
    """Show an `EmomusicError` as a message; other exceptions propagate."""
    try:
        yield
    except EmomusicError as error:
        st.error(error_text(error), icon=":material/error:")


def show_problems(problems: Sequence[str]) -> None:
    """Show the first sentences about files, and how many there are."""
    for problem in problems[:_PROBLEMS_SHOWN]:
        st.caption(f":material/error: {escape_markdown_message(escape_control_chars(problem))}")
    if len(problems) > _PROBLEMS_SHOWN:
        st.caption(f"And {pluralize(len(problems) - _PROBLEMS_SHOWN, 'other problem')}.")


def show_notice() -> None:
    """Show what the app estimates, what happens to photos, and which uses to avoid."""
    st.caption(
        "EmoMusic estimates the **expression** on a face and is often wrong; an expression is not a feeling. Photos "
        "and songs stay in memory, films in a temporary file. None is sent on; all are deleted "
        f"{WHEN_GONE} at the latest. The app connects only to Spotify's players unless you ask for more. It is for "
        "play and teaching: do not judge people with it. The EU AI Act forbids emotion recognition at work and in "
        "education."
    )
