"""Style sheets, scripts and HTML in the folders of the modules that use them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import streamlit as st


@cache
def read_beside(module: str, *names: str) -> str:
    """The text of files beside a module, which gives its `__file__`."""
    return "".join((Path(module).parent / name).read_text(encoding="utf-8") for name in names)


def style_beside(module: str, name: str, **values: str) -> str:
    """A style sheet beside a module as HTML, in which the keys, words in capitals, are replaced by their values."""
    style = read_beside(module, name)
    for word, value in values.items():
        style = style.replace(word, value)
    return f"<style>\n{style}</style>"


def show_style(module: str, name: str, **values: str) -> None:
    """Show a style sheet as `style_beside` gives it."""
    st.html(style_beside(module, name, **values))
