"""emomusic/ui/core/engine.py: loaded once, and again after a failure."""

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
    st.cache_resource.clear()  # another test's networks
    yield
    st.cache_resource.clear()  # the fakes, before another file's tests


def page() -> None:
    import streamlit as st

    from emomusic.ui.core.engine import engine
    from emomusic.ui.core.frame import shown_errors

    with shown_errors():
        engine().networks()
        st.markdown("All is there.")


class Mended:
    """Fails until it is mended, and counts how often it was tried."""

    def __init__(self, thing: Any) -> None:
        self.thing, self.num_tries, self.is_mended = thing, 0, False

    def __call__(self) -> Any:
        self.num_tries += 1
        if not self.is_mended:
            raise ModelError("expected weights. Received: none. Restore the file")
        return self.thing


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    clock = FakeClock()
    monkeypatch.setattr(engine, "monotonic", clock)
    return clock


def test_a_restored_model_is_loaded_by_the_next_who_asks(monkeypatch: pytest.MonkeyPatch, clock: FakeClock) -> None:
    load = Mended((FakeDetector(), FakeClassifier()))
    monkeypatch.setattr(engine, "load_networks", load)
    app = AppTest.from_function(page, default_timeout=SECONDS).run()
    assert [error.value for error in app.error] == ["expected weights. Received: none. Restore the file"]
    for _ in range(3):
        app.run()  # at once: the same answer, and no work
    assert [len(app.error), load.num_tries] == [1, 1]
    clock.advance(10)
    app.run()
    assert [len(app.error), load.num_tries] == [1, 2]  # a run of the page fails once more
    load.is_mended = True
    clock.advance(10)
    app.run()
    assert not app.error
    assert [markdown.value for markdown in app.markdown] == ["All is there."]
    clock.advance(10)
    app.run()
    assert load.num_tries == 3  # what is there is not loaded again


def test_a_restored_catalogue_is_loaded_by_the_next_who_asks(monkeypatch: pytest.MonkeyPatch, clock: FakeClock) -> None:
    load = Mended("songs")
    monkeypatch.setattr(engine, "load_recommender", load)
    loads = engine.engine()
    for _ in range(3):
        with pytest.raises(ModelError, match="Restore the file"):
            loads.recommender()
    assert load.num_tries == 1
    load.is_mended = True
    clock.advance(10)
    assert loads.recommender() == loads.recommender() == "songs"
    assert load.num_tries == 2


def test_many_who_ask_at_once_are_one_try(monkeypatch: pytest.MonkeyPatch, clock: FakeClock) -> None:
    load = Mended((FakeDetector(), FakeClassifier()))
    monkeypatch.setattr(engine, "load_networks", load)
    loads = engine.engine()
    with pytest.raises(ModelError):
        loads.networks()
    load.is_mended = True
    clock.advance(10)
    with ThreadPoolExecutor(8) as visitors:
        found = list(visitors.map(lambda _: loads.networks(), range(8)))
    assert load.num_tries == 2
    assert all(networks is found[0] for networks in found)


def test_loading_begins_at_once_and_nobody_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, may_end = threading.Event(), threading.Event()

    def load() -> tuple[FakeDetector, FakeClassifier]:
        begun.set()
        assert may_end.wait(SECONDS)
        return FakeDetector(), FakeClassifier()

    monkeypatch.setattr(engine, "load_networks", load)
    loads = engine.engine()
    assert begun.wait(SECONDS)
    assert loads.recommender() is None  # does not wait for the networks
    may_end.set()
    assert isinstance(loads.networks()[0], FakeDetector)
