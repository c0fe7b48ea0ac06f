"""What loads in the background: how far it is, and waiting for it."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import keras
import pytest
import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.testing.v1 import AppTest

from emomusic.errors import ModelError
from emomusic.face.reading import NETWORK_PARTS
from emomusic.ui import engine
from tests.fakes import FakeClassifier, FakeClock, FakeDetector

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


class Mended:
    """Fails until it is mended, and counts how often it was tried."""

    def __init__(self, thing: Any) -> None:
        self.thing, self.num_tries, self.is_mended = thing, 0, False

    def __call__(self, *, tell: object = None) -> Any:
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


def test_the_note_tells_of_a_failure_and_tries_nothing_again(monkeypatch: pytest.MonkeyPatch, clock: FakeClock) -> None:
    load = Mended((FakeDetector(), FakeClassifier()))
    monkeypatch.setattr(engine, "load_networks", load)
    loads = engine.engine()
    with pytest.raises(ModelError):
        loads.networks()
    clock.advance(3600)  # of looking every two seconds
    assert loads.is_ready
    with pytest.raises(ModelError, match="Restore the file"):
        loads.check()
    assert load.num_tries == 1


def test_what_cannot_be_loaded_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*, tell: object) -> None:
        raise ModelError("expected weights. Received: none")

    monkeypatch.setattr(engine, "load_networks", fail)
    app = AppTest.from_function(page, default_timeout=SECONDS).run()
    assert [error.value for error in app.error] == ["expected weights. Received: none"]
    assert not app.markdown


def test_a_run_of_a_page_leaves_keras_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit would reset its state in all threads, and with it the numbers in the names of layers."""
    monkeypatch.setattr(engine, "load_networks", lambda tell: (FakeDetector(), FakeClassifier()))
    engine.engine().networks()
    names = [keras.layers.Identity().name]
    AppTest.from_function(page, default_timeout=SECONDS).run()
    names.append(keras.layers.Identity().name)
    assert len(set(names)) == 2
