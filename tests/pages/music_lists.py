"""The song lists of the Music page, read from an AppTest."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from emomusic.ui.core import state


def listed(app: AppTest, name: str) -> list[str]:
    """The track ids of the songs of a list, with or without a player."""
    start = state.music_widget("play", name, "")
    return [button.key.removeprefix(start) for button in app.button if (button.key or "").startswith(start)]
