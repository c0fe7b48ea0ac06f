"""The paths of docs/architecture.md, walked: the functions that it numbers are called in its order."""

import pkgutil
import re
import sys
import threading
from collections import defaultdict
from contextlib import closing
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

from emomusic.affect import Emotion
from emomusic.app.film.state import FilmState
from emomusic.faces.reading import load_networks
from emomusic.media.images import read_image
from emomusic.server.live import LiveSession
from emomusic.stream.game import MirrorGame
from emomusic.stream.reader import LiveReader
from tests.films import COLLINS, SAMPLES, film_bytes
from tests.pages.film_jobs import wait_for_end
from tests.pages.screen import SAMPLE, files_of, page_of, start_app, state_of
from tests.waiting import wait_until


class Walk:
    """Notes the first call of each function of a path, by thread."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, root: Path, heading: str) -> None:
        text = (root / "docs" / "architecture.md").read_text(encoding="utf-8")
        section = text.split(f"## {heading}\n")[1].split("\n## ")[0]
        self.names: list[str] = re.findall(r"^\d+\. `([\w.]+)`", section, re.MULTILINE)
        self.called = defaultdict[int, list[str]](list)
        for name in self.names:
            self._watch(monkeypatch, name)

    def _watch(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        """Note the calls of a function, which is replaced in all modules that have imported it."""
        owner, _, last = f"emomusic.{name}".rpartition(".")
        place = pkgutil.resolve_name(owner)
        function = getattr(place, last)

        is_property = isinstance(function, property)

        @wraps(function.fget if is_property else function)
        def call(*args: Any, **named: Any) -> Any:
            seen = self.called[threading.get_ident()]
            if name not in seen:
                seen.append(name)
            return call.__wrapped__(*args, **named)

        is_bound = isinstance(vars(place).get(last), staticmethod | classmethod)
        monkeypatch.setattr(place, last, property(call) if is_property else staticmethod(call) if is_bound else call)
        for module in [module for name, module in sys.modules.items() if name.startswith("emomusic.")]:
            if getattr(module, last, None) is function:
                monkeypatch.setattr(module, last, call)

    def assert_in_order(self) -> None:
        """Check that every function was called, and that each thread called its own ones in the order of the path."""
        assert len(self.names) > 4
        assert {name for names in self.called.values() for name in names} == {*self.names}
        known = set[str]()
        for names in self.called.values():  # the thread of the test is the first one
            own = [name for name in names if name not in known]
            assert own == sorted(own, key=self.names.index)
            known |= {*own}


@pytest.mark.parametrize("heading", ["The path of one photo", "The path of a song"])
def test_a_photo_and_a_song(root: Path, monkeypatch: pytest.MonkeyPatch, heading: str) -> None:
    start_app()  # imports the page
    walk = Walk(monkeypatch, root, heading)
    assert not start_app(sample=SAMPLE, songs="bundled").exception
    walk.assert_in_order()


def test_a_frame(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    walk = Walk(monkeypatch, root, "The path of one frame")
    with closing(LiveReader(lambda: load_networks(upright=True))) as reader:
        session = LiveSession(reader)
        session.observe(MirrorGame([Emotion.HAPPY]), None)
        for number in (1, 2):
            session.take_frame(lambda: read_image(SAMPLES / f"{SAMPLE}.jpg"))
            wait_until(lambda: reader.view().num_readings == number)  # noqa: B023 (waits here)
            assert b'"number":1' in session.faces_json()
    walk.assert_in_order()


def test_a_film(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = files_of(monkeypatch)
    app = page_of("film").run()
    walk = Walk(monkeypatch, root, "The path of one film")
    app.file_uploader(key="film_upload").upload("a film.mp4", film_bytes([(COLLINS, 6)], rate=10))
    app.run()
    with closing(state_of(app, FilmState).job) as job:
        wait_for_end(job)
        assert not app.run().exception
        assert files["emomusic-film.json"]()
    walk.assert_in_order()
