"""The visible parts of a page, read from an AppTest."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pytest
from streamlit.testing.v1 import AppTest

from emomusic.app import state
from emomusic.app.choices import CHOICES, Address
from emomusic.app.queues import PlayerState
from emomusic.server.photos import PictureState
from emomusic.songs.queue import SongQueue
from tests.films import SAMPLES
from tests.waiting import PATIENCE_S

State = TypeVar("State")


ROOT = Path(__file__).parents[2]
SAMPLE = "eileen-collins-1999"
"""The sample with a happy face."""


def start_app(**link: str | list[str]) -> AppTest:
    """The app after its first run, with these choices, in the URL where it has them."""
    return app_of(**link).run()


def app_of(**link: str | list[str]) -> AppTest:
    """The app before its first run, with these choices, in the URL where it has them."""
    return with_link(AppTest.from_file(str(ROOT / "app.py"), default_timeout=PATIENCE_S), link)


def with_link(app: AppTest, link: Mapping[str, str | list[str]]) -> AppTest:
    """The app with these choices, in the URL where it has them."""
    in_session = {name for name in link if name in CHOICES and not CHOICES[name].in_url}
    app.query_params.update({name: value for name, value in link.items() if name not in in_session})
    choose(app, **{name: link[name] for name in in_session})
    return app


def choose(app: AppTest, **values: str | list[str]) -> None:
    """Set choices of the session that no URL has; an empty text restores the default."""
    for name, value in values.items():
        state_of(app, Address).chosen[name] = [value] if isinstance(value, str) and value else [*value]


def run_function(page: Callable[[], None], **link: str | list[str]) -> AppTest:
    """A page of a test, whose function imports what it needs, after its first run."""
    return with_link(AppTest.from_function(page, default_timeout=PATIENCE_S), link).run()


def page_of(name: str, **link: str) -> AppTest:
    """A page without `app.py`, before its first run, with these choices, in the URL where it has them."""
    return with_link(AppTest.from_file(str(ROOT / f"pages/{name}.py"), default_timeout=PATIENCE_S), link)


def charts(app: AppTest) -> list[dict[str, Any]]:
    """The charts of a page."""
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def told(app: AppTest, part: str) -> dict[str, Any]:
    """What the page tells a part of its scripts in the browser."""
    all_parts: list[dict[str, Any]] = [json.loads(each.proto.json) for each in app.get("bidi_component")]
    return next(data for data in all_parts if data["part"] == part)


def images(app: AppTest) -> list[Any]:
    """The images with their alternative texts."""
    return [image for element in app.get("image") for image in element.proto.imgs]


def click(app: AppTest, key: str) -> AppTest:
    """Click a button, and show the whole page."""
    return app.button(key=key).click().run()


def text_of(app: AppTest) -> str:
    """All visible text, by kind of element."""
    elements = [*app.title, *app.header, *app.markdown, *app.caption, *app.error, *app.info, *app.warning]
    return "\n".join(str(element.value) for element in elements)


def samples(*names: str) -> list[tuple[str, bytes]]:
    """Samples as own photos."""
    return [(f"{name}.jpg", (SAMPLES / f"{name}.jpg").read_bytes()) for name in names]


def upload(app: AppTest, *files: tuple[str, bytes]) -> AppTest:
    """Drop photos into the first drop zone, which replace the last ones."""
    app.file_uploader[0].set_value([(*file, "image/jpeg") for file in files])
    return app.run()


def state_of(app: AppTest, kind: type[State]) -> State:
    """The session's instance of a dataclass of `emomusic.app`."""
    if state.STATES not in app.session_state:
        app.session_state[state.STATES] = {}
    return app.session_state[state.STATES].setdefault(kind, kind())


def result_of(app: AppTest, kind: type[State]) -> State:
    """The result of a type that the session keeps about the photo."""
    _, result = state_of(app, PictureState).results[kind]
    return result  # type: ignore[no-any-return]


def url_of(app: AppTest) -> dict[str, str]:
    """The parameters of the page's URL; after a return to the page, the browser replaces them."""
    address = state_of(app, Address)
    shown = address.url if address.replaced is None else address.replaced
    return {name: choices[-1] for name, choices in shown.items() if choices}


def unescaped(markdown: str) -> str:
    """The text without the backslashes that escape Markdown."""
    return re.sub(r"\\([^\w\s]|_)", r"\1", markdown)


def tracks(app: AppTest) -> list[str]:
    """The ids of the current songs of the places on the page."""
    places = [key.partition("-")[2] for key in sorted(keys(app)) if key.startswith(("next-", "start-"))]
    return [pick.song.id for place in places if (pick := queue_of(app, place).current) is not None]


def playing(app: AppTest) -> str:
    """The id of the current song of the only place on the page."""
    (song,) = tracks(app)
    return song


def forget_first(app: AppTest) -> None:
    """Forget the first profile."""
    next(button for button in app.button if str(button.key).startswith("profile-forget-")).click().run()


def queue_of(app: AppTest, place: str = "photo") -> SongQueue:
    """The queue of a page's player."""
    return state_of(app, PlayerState).queues[place]


def playlist(app: AppTest, place: str = "photo", *, num_songs: int = 20) -> list[str]:
    """The track ids of the first songs of a queue."""
    return [pick.song.id for pick in queue_of(app, place).playlist(num_songs)]


def labels(app: AppTest) -> set[str]:
    """The labels of the buttons and menus."""
    menus = [menu.proto.popover.label for menu in app.get("popover")]
    return {*(button.label for button in app.button), *map(str, menus)}


def keys(app: AppTest) -> set[str]:
    """The keys of the buttons."""
    return {button.key for button in app.button if button.key}


def open_page(app: AppTest, name: str) -> AppTest:
    """Open another page by a click in the navigation, which clears the URL.

    AppTest keeps the URL and runs only the page's file, without `app.py`, which counts the visits.
    """
    app.query_params.clear()
    visit = state_of(app, state.Visit)
    visit.page, visit.number = name, visit.number + 1
    return app.switch_page(f"pages/{name}.py").run()


def files_of(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The functions that make the offered files, by file name. Runs of the page fill it."""
    import streamlit as st

    offered: dict[str, Any] = {}
    show = st.download_button

    def record(label: str, make: Any, name: str, *rest: Any, **options: Any) -> bool:
        offered[name] = make
        return show(label, make, name, *rest, **options)

    monkeypatch.setattr(st, "download_button", record)
    return offered
