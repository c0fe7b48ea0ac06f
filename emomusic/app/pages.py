"""The pages of the app. `app.py`, the frame, the choices and the code of a screen read this list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from emomusic.app import choices
from emomusic.app.choices import LIVE_VIEW, Choice, View


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the app.

    Attributes:
        name: the name of its script in `pages/`, and of its part of `app.code`.
        title: its title in the navigation.
        icon: its icon there, a Material symbol.
        choices: the choices that its URL has.
        drop: selectors of what the browser presses, one after the other, until the page has its drop zone; None if the
            page takes no file.
        is_large: whether it hides the frame now, for a class.
        address: its path, unless that is its name.
    """

    name: str
    title: str
    icon: str
    choices: Sequence[Choice] = ()
    drop: Sequence[str] | None = None
    is_large: Callable[[], bool] = lambda: False
    address: str = ""

    @property
    def path(self) -> str:
        """Its path in the address of the app."""
        return self.address or self.name


_CAMERA_CLOSES = ".st-key-use-upload button"

PAGES = [
    Page(
        "photo",
        "Photo",
        "add_a_photo",
        (choices.SAMPLE, choices.WHO, choices.SAYS, choices.MOOD, choices.POLICY),
        drop=(_CAMERA_CLOSES, "[class*='st-key-another-'] button", _CAMERA_CLOSES),
        address="start",
    ),
    Page(
        "live",
        "Live",
        "videocam",
        (choices.POLICY, LIVE_VIEW, choices.VOTE),
        is_large=lambda: LIVE_VIEW.value in (View.CLASSROOM, View.GUESS),
    ),
    Page("film", "Film", "movie", (choices.POLICY, choices.FILM_SAMPLE), drop=(".st-key-film-another button",)),
    Page(
        "music",
        "Music",
        "library_music",
        (choices.MUSIC_TRACK, choices.MUSIC_QUERY),
        drop=(".st-key-view [role=tab]:nth-of-type(2)",),
    ),
    Page("models", "Models", "query_stats", (choices.SAMPLE, choices.BENCHMARK, choices.MODELS)),
    Page(
        "how_it_works",
        "How it works",
        "school",
        (choices.SAMPLE, choices.FACE, choices.STEP),
        is_large=lambda: True,
    ),
]
"""The pages in the order of the navigation. The first one opens without a path."""


def page_named(name: str) -> Page:
    """The page with this name."""
    return next(page for page in PAGES if page.name == name)
