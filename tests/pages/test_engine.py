"""What loads in the background: how far it is, and waiting for it."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.testing.v1 import AppTest

from emomusic.errors import ModelError
from emomusic.face.reading import NETWORK_PARTS
from emomusic.ui import engine
from tests.fakes import FakeClassifier, FakeDetector

SECONDS = 60


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(engine, "load_recommender", lambda: None)
    st.cache_resource.clear()  # another test's networks
    yield
    st.cache_resource.clear()  # the fakes, before another file's tests


class Loading:
    """Loads nothing, part by part, and stays at each until told to go on."""

    def __init__(self) -> None:
        self.reached = {part: threading.Event() for part in NETWORK_PARTS}
        self.may_go_on = {part: threading.Event() for part in NETWORK_PARTS}

    def __call__(self, *, tell: Callable[[str], None]) -> tuple[FakeDetector, FakeClassifier]:
        for part in NETWORK_PARTS:
            tell(part)
            self.reached[part].set()
            assert self.may_go_on[part].wait(SECONDS)
        return FakeDetector(), FakeClassifier()


def page() -> None:
    import streamlit as st

    from emomusic.ui.engine import wait_for_networks
    from emomusic.ui.frame import shown_errors

    with shown_errors():
        wait_for_networks()
        st.markdown("All is there.")


def test_progress_names_the_part_and_never_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    loading, passed_s = Loading(), 0.0
    monkeypatch.setattr(engine, "load_networks", loading)
    monkeypatch.setattr(engine, "monotonic", lambda: passed_s)
    loads = engine.engine()
    future = loads.start_networks()
    shares = [0.0]
    for part in NETWORK_PARTS:
        assert loading.reached[part].wait(SECONDS)
        for _ in range(4):
            share, named = loads.progress()
            assert named == part
            assert shares[-1] <= share < 1
            shares.append(share)
            passed_s += 0.1
        assert shares[-1] > shares[-4]  # it moves within a part, too
        loading.may_go_on[part].set()
    future.result(SECONDS)


def test_a_part_that_takes_long_does_not_run_ahead_of_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    loading = Loading()
    monkeypatch.setattr(engine, "load_networks", loading)
    loads = engine.engine()
    future = loads.start_networks()
    first, second, _ = NETWORK_PARTS
    assert loading.reached[first].wait(SECONDS)
    now = engine.monotonic()
    with monkeypatch.context() as later:
        later.setattr(engine, "monotonic", lambda: now + 3600)
        late, _ = loads.progress()
    loading.may_go_on[first].set()
    assert loading.reached[second].wait(SECONDS)
    assert late <= loads.progress()[0] < 1
    for part in NETWORK_PARTS:
        loading.may_go_on[part].set()
    future.result(SECONDS)


def test_who_waits_sees_what_is_being_loaded_and_then_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    loading = Loading()
    monkeypatch.setattr(engine, "load_networks", loading)
    seen: list[str] = []

    def progress(self: DeltaGenerator, value: float, text: str) -> Any:
        seen.append(text)
        loading.may_go_on[NETWORK_PARTS[len(set(seen)) - 1]].set()
        return self

    monkeypatch.setattr(DeltaGenerator, "progress", progress)
    engine.engine().start_networks()
    assert loading.reached[NETWORK_PARTS[0]].wait(SECONDS)
    app = AppTest.from_function(page, default_timeout=SECONDS).run()
    assert [markdown.value for markdown in app.markdown] == ["All is there."]
    assert list(dict.fromkeys(seen)) == [
        f"Loading {part}: once after a start, about ten seconds in all" for part in NETWORK_PARTS
    ]


def test_networks_that_are_there_show_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "load_networks", lambda tell: (FakeDetector(), FakeClassifier()))
    engine.engine().networks()
    monkeypatch.setattr(DeltaGenerator, "progress", lambda *_: pytest.fail("a bar for nothing"))
    app = AppTest.from_function(page, default_timeout=SECONDS).run()
    assert [markdown.value for markdown in app.markdown] == ["All is there."]


def test_what_cannot_be_loaded_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*, tell: object) -> None:
        raise ModelError("expected weights. Received: none")

    monkeypatch.setattr(engine, "load_networks", fail)
    app = AppTest.from_function(page, default_timeout=SECONDS).run()
    assert [error.value for error in app.error] == ["expected weights. Received: none"]
    assert not app.markdown
