"""emomusic/ui/core/engine.py: one load per server, and a new load after a failure."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from emomusic.errors import ModelError
from emomusic.ui.core import engine
from tests.fakes import FakeClassifier, FakeClock, FakeDetector

SECONDS = 60


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(engine, "load_recommender", lambda: None)
    st.cache_resource.clear()  # networks of other tests
    yield
    st.cache_resource.clear()  # the fakes


def page() -> None:
    import streamlit as st

    from emomusic.ui.core.engine import engine
    from emomusic.ui.core.frame import shown_errors

    with shown_errors():
        engine().networks()
        st.markdown("loaded")


class FailsUntilRepaired:
    """A loader that fails until `is_repaired`, and counts its calls."""

    def __init__(self, value: Any) -> None:
        self.value, self.num_calls, self.is_repaired = value, 0, False

    def __call__(self) -> Any:
        self.num_calls += 1
        if not self.is_repaired:
            raise ModelError("expected weights. Received: none. Restore the file")
        return self.value


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    clock = FakeClock()
    monkeypatch.setattr(engine, "monotonic", clock)
    return clock


def test_a_restored_model_is_loaded_at_the_next_request(monkeypatch: pytest.MonkeyPatch, clock: FakeClock) -> None:
    load = FailsUntilRepaired((FakeDetector(), FakeClassifier()))
    monkeypatch.setattr(engine, "load_networks", load)
    app = AppTest.from_function(page, default_timeout=SECONDS).run()
    assert [error.value for error in app.error] == ["expected weights. Received: none. Restore the file"]
    for _ in range(3):
        app.run()  # the same error, without a new load
    assert [len(app.error), load.num_calls] == [1, 1]
    clock.advance(10)
    app.run()
    assert [len(app.error), load.num_calls] == [1, 2]  # one new failure per run of the page
    load.is_repaired = True
    clock.advance(10)
    app.run()
    assert not app.error
    assert [markdown.value for markdown in app.markdown] == ["loaded"]
    clock.advance(10)
    app.run()
    assert load.num_calls == 3  # a loaded model is not loaded again


def test_a_restored_catalogue_is_loaded_at_the_next_request(monkeypatch: pytest.MonkeyPatch, clock: FakeClock) -> None:
    load = FailsUntilRepaired("songs")
    monkeypatch.setattr(engine, "load_recommender", load)
    shared = engine.engine()
    for _ in range(3):
        with pytest.raises(ModelError, match="Restore the file"):
            shared.recommender()
    assert load.num_calls == 1
    load.is_repaired = True
    clock.advance(10)
    assert shared.recommender() == shared.recommender() == "songs"
    assert load.num_calls == 2


def test_simultaneous_requests_share_one_load(monkeypatch: pytest.MonkeyPatch, clock: FakeClock) -> None:
    load = FailsUntilRepaired((FakeDetector(), FakeClassifier()))
    monkeypatch.setattr(engine, "load_networks", load)
    shared = engine.engine()
    with pytest.raises(ModelError):
        shared.networks()
    load.is_repaired = True
    clock.advance(10)
    with ThreadPoolExecutor(8) as visitors:
        found = list(visitors.map(lambda _: shared.networks(), range(8)))
    assert load.num_calls == 2
    assert all(networks is found[0] for networks in found)


def test_loading_starts_at_once_in_the_background(monkeypatch: pytest.MonkeyPatch) -> None:
    has_started, may_end = threading.Event(), threading.Event()

    def load() -> tuple[FakeDetector, FakeClassifier]:
        has_started.set()
        assert may_end.wait(SECONDS)
        return FakeDetector(), FakeClassifier()

    monkeypatch.setattr(engine, "load_networks", load)
    shared = engine.engine()
    assert has_started.wait(SECONDS)
    assert shared.recommender() is None  # does not wait for the networks
    may_end.set()
    assert isinstance(shared.networks()[0], FakeDetector)
