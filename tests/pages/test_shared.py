import json
import threading

import pytest
from starlette.applications import Starlette

from emomusic.errors import ModelError
from emomusic.server import api
from emomusic.server import shared as module
from emomusic.server.settings import Settings
from emomusic.server.shared import shared
from emomusic.songs import recommend
from tests.fakes import FakeClassifier, FakeDetector
from tests.server.asgi import answer_of
from tests.waiting import PATIENCE_S, wait_until


@pytest.fixture(autouse=True)
def _no_songs(monkeypatch: pytest.MonkeyPatch, fresh_networks: None) -> None:
    monkeypatch.setattr(recommend, "load_recommender", lambda: None)


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


def test_without_a_model_each_visitor_gets_the_error_and_the_log_has_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
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
