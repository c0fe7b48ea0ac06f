"""What frames every page: the icon, and what every visitor is told."""

from __future__ import annotations

import contextlib
import logging
import runpy
import threading
from collections.abc import Iterator

import streamlit as st

from emomusic.assets import ROOT, data_dir
from emomusic.errors import EmomusicError

log = logging.getLogger(__name__)

_app_has_run = threading.Event()

# Streamlit writes white on the primary colour. White can be read on this one, but not on the dark theme's, which has to
# be bright enough to be read as letters itself.
BUTTON_COLOUR = "#A84F82"
_BUTTONS = f"""<style>
.stApp button[kind="primary"] {{ background-color: {BUTTON_COLOUR}; border-color: {BUTTON_COLOUR}; }}
.stApp button[kind="primary"]:hover {{ filter: brightness(0.92); }}
</style>"""


def icon() -> str:
    """The app's icon, as a path."""
    return str(data_dir() / "icon.png")


def ink() -> str | None:
    """The page's colour of text, for words inside charts; None where the browser has not told its theme."""
    theme = st.context.theme.type
    return str(st.get_option(f"theme.{theme}.textColor")) if theme else None


def plain(text: str) -> str:
    """Text of a table or a file, in one line, so that Markdown leaves it alone."""
    return "".join(f"\\{c}" if c in r"\`*_{}[]()<>#+-.!|~$:^" else c for c in " ".join(text.split()))


def enter_app() -> None:
    """Say that `app.py` frames the pages on this server; it calls this before anything else."""
    _app_has_run.set()


def style_buttons() -> None:
    """Give the main action of a screen a colour on which its words can be read in both themes."""
    st.html(_BUTTONS)


def require_app() -> None:
    """Run the page inside `app.py`, where it was opened without; every page calls this first.

    Until `st.navigation` was called once on a server, Streamlit takes a folder named `pages/` for pages of its own and
    opens an address such as `/music` without `app.py`: without title, width and notice.
    """
    if not _app_has_run.is_set():
        runpy.run_path(str(ROOT / "app.py"))
        st.stop()


@contextlib.contextmanager
def shown_errors() -> Iterator[None]:
    """Show what a user can mend as a message; anything else stays an exception, for us to see."""
    try:
        yield
    except EmomusicError as error:
        log.info("shown to the visitor: %s", error)
        st.error(str(error), icon=":material/error:")


def show_notice() -> None:
    """A short notice: what this is, what happens to photos, and what it is not for."""
    st.caption(
        "EmoMusic estimates the **expression** on a face with a program that is often wrong; an expression is not a "
        "feeling. Photos stay in memory, are not stored or sent, and are gone when you close the page; beyond the "
        "Spotify players nothing calls outside unless you ask for it. Made for play and teaching: not for judging "
        "people, and not for use at work or on pupils, where the EU AI Act forbids emotion recognition."
    )
