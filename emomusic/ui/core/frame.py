"""What frames every page: the icon, the colour of its buttons, and what every visitor is told."""

from __future__ import annotations

import contextlib
import logging
import re
import runpy
import threading
from collections.abc import Iterator

import streamlit as st

from emomusic.assets import ROOT, data_dir
from emomusic.compat import HookError, keep_uploads_in_memory
from emomusic.errors import EmomusicError
from emomusic.plots.colours import rgb_of
from emomusic.ui.core import state
from emomusic.ui.core.sessions import WHEN_GONE, forget_closed_pages

log = logging.getLogger(__name__)

_app_has_run = threading.Event()

# Streamlit writes white on the primary colour, which the dark theme needs too bright for that: it is also the colour of
# words on a dark page. So main buttons and the names chosen in a list have one of their own there, buttons a darker one
# where they are pointed at; and what is chosen of several buttons, pink on pink, is written in the colour of links.
# `kind`, `data-tag` and `data-selected` are no documented hooks; axe, in the browser tests, watches what comes of them.
DARK_BUTTON, _DARK_BUTTON_POINTED_AT = "#A84F82", "#934271"
_LIGHT_BUTTON_POINTED_AT = "#712E57"


def icon() -> str:
    """The app's icon, as a path."""
    return str(data_dir() / "icon.png")


def text_color() -> str | None:
    """The page's colour of text, for words inside charts; None where the browser has not told its theme."""
    theme = st.context.theme.type
    return str(st.get_option(f"theme.{theme}.textColor")) if theme else None


def escape_markdown(text: str) -> str:
    """Text of a table or a file, in one line, so that Markdown leaves it alone."""
    return "".join(f"\\{c}" if c in r"\`*_{}[]()<>#+-.!|~$:^" else c for c in " ".join(text.split()))


def escape_markdown_message(text: str) -> str:
    """A message that quotes such text, likewise; full stops and the colons of its sentences stay as they are."""
    return re.sub(r"\\(\.|:(?= ))", r"\1", escape_markdown(text))


def enter_app() -> None:
    """Say that `app.py` frames the pages on this server; it calls this before anything else."""
    if not _app_has_run.is_set():
        _app_has_run.set()
        try:
            keep_uploads_in_memory()
        except HookError:
            log.exception("uploads of more than a megabyte pass through a temporary file")
        forget_closed_pages()


def enter_page(name: str) -> None:
    """Count the visits to pages, so that one who comes from another page is told from one who goes back on this one."""
    page, number = st.session_state.get(state.VISIT, (None, 0))
    if page != name:
        st.session_state[state.VISIT] = (name, number + 1)


def style_page() -> None:
    """Keep what is written on main buttons and in charts readable in both themes.

    The page is not run anew when its visitor changes the theme, so the style tells them apart in the browser.
    """
    inks = [colour for theme in ("light", "dark") if (colour := st.get_option(f"theme.{theme}.textColor"))]
    primary, link = st.get_option("theme.light.primaryColor"), st.get_option("theme.dark.linkColor")
    if not (inks and primary and link):
        return  # started from another folder: without the themes of `.streamlit/config.toml`
    letters = [f'text[style*="fill: {_rgb(text_color)}"]' for text_color in inks]
    frames = [f'.shapelayer path[style*="stroke: {_rgb(text_color)}"]' for text_color in inks]
    st.html(
        f"""<style>
.stApp button[kind="primary"]:not(:disabled) {{
  background-color: light-dark({primary}, {DARK_BUTTON}); border-color: light-dark({primary}, {DARK_BUTTON});
}}
.stApp button[kind="primary"]:not(:disabled):is(:hover, :focus-visible, :active) {{
  background-color: light-dark({_LIGHT_BUTTON_POINTED_AT}, {_DARK_BUTTON_POINTED_AT});
  border-color: light-dark({_LIGHT_BUTTON_POINTED_AT}, {_DARK_BUTTON_POINTED_AT});
}}
.stApp [data-tag] {{ background-color: light-dark({primary}, {DARK_BUTTON}); }}
.stApp [data-testid="stButtonGroup"] button[data-variant][data-selected="true"] {{
  color: light-dark({primary}, {link});
}}
.stApp .js-plotly-plot :is({", ".join(letters)}, .hovertext .name) {{ fill: currentColor !important; }}
.stApp .js-plotly-plot :is({", ".join(frames)}) {{ stroke: currentColor !important; }}
</style>"""
    )


def _rgb(colour: str) -> str:
    """A colour as browsers write it: "#rrggbb" to "rgb(…)"."""
    return f"rgb{rgb_of(colour)}"


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
        st.error(escape_markdown_message(str(error)), icon=":material/error:")


def show_notice() -> None:
    """A short notice: what this is, what happens to photos, and what it is not for."""
    st.caption(
        "EmoMusic estimates the **expression** on a face with a program that is often wrong; an expression is not a "
        f"feeling. Photos stay in memory, are not stored or sent, and are gone {WHEN_GONE}; "
        "beyond the Spotify players nothing calls outside unless you ask for it. Made for play and teaching: not for "
        "judging people, and not for use at work or on pupils, where the EU AI Act forbids emotion recognition."
    )
