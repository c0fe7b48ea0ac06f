import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import streamlit as st
from prometheus_client import REGISTRY
from starlette.applications import Starlette

from emomusic.errors import ModelError
from emomusic.server import api
from emomusic.server import shared as module
from emomusic.server.settings import Settings
from emomusic.server.shared import FairQueue, SharedDetector, shared
from emomusic.songs import recommend
from tests.fakes import FakeClassifier, FakeDetector, make_face
from tests.server.asgi import answer_of
from tests.waiting import PATIENCE_S, wait_until

IMAGE = np.zeros((120, 160, 3), np.uint8)


def counts() -> tuple[float, ...]:
    """The readings and the faces that the server has counted."""
    return tuple(REGISTRY.get_sample_value(f"emomusic_{each}_total") or 0.0 for each in ("readings", "faces"))


def test_a_visitor_with_many_photos_or_an_error_does_not_delay_another() -> None:
    queue, requests, served = FairQueue(1), ["gallery"] * 4 + ["photo"], []

    def ask(visitor: str) -> None:
        with queue.turn(visitor):
            served.append(visitor)

    with ThreadPoolExecutor(len(requests)) as threads, queue.turn("first"):
        for number, visitor in enumerate(requests, 1):
            threads.submit(ask, visitor)
            wait_until(lambda number=number: len(queue) == number)
    assert served == ["gallery", "photo", "gallery", "gallery", "gallery"]
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), queue.turn("a"):
            _ = 1 / 0
    assert len(queue) == 0
    with queue.turn("b"):
        pass


def test_a_search_waits_for_its_turn_and_a_follow_up_does_not() -> None:
    faces = [make_face(), make_face(x=90)]
    queue, detector = FairQueue(1), FakeDetector(faces)
    queued = SharedDetector(detector, lambda: queue.turn("a"))
    before = counts()
    with ThreadPoolExecutor(1) as threads:
        with queue.turn("b"):
            search = threads.submit(queued.detect, IMAGE)
            wait_until(lambda: len(queue) == 1)
            assert queued.detect_near(IMAGE, faces) == faces
            assert (detector.num_calls, detector.num_near_calls) == (0, 1)
        assert search.result(PATIENCE_S) == faces
    assert counts() == (before[0] + 2, before[1] + 4)


@pytest.fixture(autouse=True)
def _fresh_networks_without_songs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(recommend, "load_recommender", lambda: None)
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


def test_loading_starts_at_once_in_the_background(monkeypatch: pytest.MonkeyPatch) -> None:
    has_started, may_end = threading.Event(), threading.Event()

    def load() -> tuple[FakeDetector, FakeClassifier]:
        has_started.set()
        assert may_end.wait(PATIENCE_S)
        return FakeDetector(), FakeClassifier()

    monkeypatch.setattr(module, "load_networks", load)
    common = shared()
    assert has_started.wait(PATIENCE_S)
    assert not common.is_loaded
    may_end.set()
    wait_until(lambda: common.is_loaded)
    assert shared() is common


def test_without_a_model_visitors_and_log_are_told(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    def load(**_: object) -> None:
        raise ModelError("expected weights. Received: none. Restore the file")

    monkeypatch.setattr(module, "load_networks", load)
    common = shared()
    for _ in range(2):
        with pytest.raises(ModelError, match="Restore the file"):
            common.visitor_networks("a")
    wait_until(lambda: any(each.levelname == "WARNING" for each in caplog.records))
    assert not common.is_loaded


@pytest.mark.parametrize("error", [OSError(24, "Too many open files"), MemoryError(), ValueError("no")])
def test_a_server_that_cannot_load_is_not_ready(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    def load(**_: object) -> None:
        raise error

    monkeypatch.setattr(module, "load_networks", load)
    common = shared()
    monkeypatch.setattr(api, "shared", lambda: common)
    wait_until(lambda: any(each.levelname == "ERROR" for each in caplog.records))
    for _ in range(2):
        answer = answer_of(Starlette(routes=api.routes(Settings())), "/ready", {}, body=b"")
        assert (answer[0], json.loads(answer[2])) == (503, {"status": "loading"})
