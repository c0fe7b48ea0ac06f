"""Shared fixtures: no network, the same Hypothesis examples in every run."""

import gc
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Each worker has about one core, and the matrices of tests are small: more threads only compete
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["TF_NUM_INTRAOP_THREADS"] = os.environ["TF_NUM_INTEROP_THREADS"] = "1"

import pylibsrtp  # noqa: F401  # loaded after TensorFlow, it crashes the process
import pytest
from hypothesis import settings

from emomusic.faces.detection import Face, MtcnnDetector
from emomusic.media.images import RgbImage
from emomusic.runtime import num_cores
from tests.fakes import FakeClock
from tests.tiny_model import copied_model, dataset, only_tiny, tiny_run, write_votes  # noqa: F401

# The same examples in every run. No deadline: first calls are slow on a busy machine
settings.register_profile("emomusic", deadline=None, max_examples=25, derandomize=True, database=None)
settings.load_profile("emomusic")


_WITH_TENSORFLOW = ("tests/training/", *(f"tests/faces/test_{name}.py" for name in ("inspection", "mtcnn")))
"""Tests of one worker, so that the others do not load TensorFlow."""


_NUM_BROWSERS = 2
"""Workers that begin with browser tests. The others take some at the end, because each also starts a server."""

_BY_LENGTH = (
    *("closed_pages", "live", "deployment", "film", "photo", "holding"),
    *("player", "pages", "how_it_works", "music", "models", "own_files", "band"),
)
"""Files of browser tests, that with the longest ones first: one of them at the end would leave the other cores idle."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One worker more than cores, because browser tests wait for half of their time; two more take as long."""
    return min(num_cores() + 1, 4)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Run browser tests on two workers, the files of all other tests on the rest, and what is left on all.

    Tests of a file share fixtures, and run on one worker. Browser tests wait for half of their time, which other tests
    then use. This replaces `--dist loadgroup`, whose groups pytest-xdist 3.8 loses under pytest 9.
    """
    from xdist.scheduler import LoadScopeScheduling

    class BrowserFirst(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            if nodeid.startswith("tests/browser/"):
                return nodeid
            return "tensorflow" if nodeid.startswith(_WITH_TENSORFLOW) else nodeid.split("::")[0]

        def _assign_work_unit(self, node: Any) -> None:
            in_browser = [scope for scope in self.workqueue if scope.startswith("tests/browser/")]
            others = [scope for scope in self.workqueue if scope not in in_browser]
            is_browser_first = node in self.nodes[:_NUM_BROWSERS]
            scopes = [*in_browser, *others] if is_browser_first else [*others, *in_browser]
            self.workqueue.move_to_end(scopes[0], last=False)
            super()._assign_work_unit(node)

        def _reschedule(self, node: Any) -> None:
            """Keep one test waiting for a worker, not two, so that none has two long ones left at the end."""
            if self._pending_of(self.assigned_work[node]) < 2:
                super()._reschedule(node)

    config.option.loadscopereorder = False
    return BrowserFirst(config, log)


def _rank(item: pytest.Item) -> int:
    """Place of a test among the browser tests of a run; others keep their order."""
    name = item.path.stem.removeprefix("test_")
    is_known = item.path.parent.name == "browser" and name in _BY_LENGTH
    return _BY_LENGTH.index(name) if is_known else len(_BY_LENGTH)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests that need minutes, unless `-m` names them."""
    if "slow" not in config.option.markexpr:
        slow = [item for item in items if item.get_closest_marker("slow")]
        items[:] = [item for item in items if item not in slow]
        config.hook.pytest_deselected(items=slow)
    items.sort(key=_rank)


def pytest_collection_finish() -> None:
    """Exempt imported modules from garbage collection, which otherwise visits their objects again and again."""
    if "tensorflow" in sys.modules:  # five seconds of processor time for each worker
        raise pytest.UsageError("collection loaded TensorFlow. A test module imports it through tests.lazy")
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def detector() -> MtcnnDetector:
    """The real detector, loaded once, which searches each picture once."""
    detector, found = MtcnnDetector(), {}

    def detect(image: RgbImage) -> list[Face]:
        key = image.shape, image.tobytes()
        if key not in found:
            found[key] = MtcnnDetector.detect(detector, image)
        return found[key]

    detector.warm_up()
    detector.detect = detect
    return detector


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def root() -> Path:
    """Root folder of the checkout."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def _same_main() -> Iterator[None]:
    """Undo what Streamlit's runs of a script do to `__main__`, which new processes import."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.fixture(autouse=True)
def _same_priority() -> Iterator[None]:
    """End the real-time priority that SVT-AV1 gives root's thread: servers and browsers of later tests inherit it."""
    yield
    if sys.platform == "linux" and os.sched_getscheduler(0) != os.SCHED_OTHER:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = socket.socket.connect

    def connect_locally(self: socket.socket, address: Any) -> None:
        is_tcp = self.family in (socket.AF_INET, socket.AF_INET6) and self.type == socket.SOCK_STREAM
        if is_tcp and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"tests expect no network. Received: a connection to {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect_locally)
