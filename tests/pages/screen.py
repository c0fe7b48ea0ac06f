"""What a visitor has on the screen, read from an AppTest."""

from __future__ import annotations

import re

from streamlit.testing.v1 import AppTest


def text_of(app: AppTest) -> str:
    """Everything a visitor reads, by kind."""
    elements = [*app.title, *app.header, *app.markdown, *app.caption, *app.error, *app.info, *app.warning]
    return "\n".join(str(element.value) for element in elements)


def unescaped(markdown: str) -> str:
    """What a visitor reads where signs were kept from being Markdown."""
    return re.sub(r"\\([^\w\s]|_)", r"\1", markdown)


def tracks(app: AppTest) -> list[str]:
    """The ids in the players on the screen."""
    return [frame.proto.src.rsplit("/", 1)[1] for frame in app.get("iframe")]
