"""The visible parts of a page, read from an AppTest."""

from __future__ import annotations

import re

from streamlit.testing.v1 import AppTest


def text_of(app: AppTest) -> str:
    """All visible text, by kind of element."""
    elements = [*app.title, *app.header, *app.markdown, *app.caption, *app.error, *app.info, *app.warning]
    return "\n".join(str(element.value) for element in elements)


def unescaped(markdown: str) -> str:
    """The text without the backslashes that escape Markdown."""
    return re.sub(r"\\([^\w\s]|_)", r"\1", markdown)


def tracks(app: AppTest) -> list[str]:
    """The track ids of the players on the page."""
    return [frame.proto.src.rsplit("/", 1)[1] for frame in app.get("iframe")]
