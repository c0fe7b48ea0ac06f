"""What every test stands on: none reaches the network, and none fails because the machine is busy."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pylibsrtp  # noqa: F401  # before TensorFlow, as emomusic.training.tensorflow_loader says
import pytest
from hypothesis import settings

from emomusic.face.detection import MtcnnDetector
from tests.tiny_model import dataset, only_tiny, tiny_run  # noqa: F401

settings.register_profile("emomusic", deadline=None)  # a slow first call on a busy machine is no failure
settings.load_profile("emomusic")


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compact copies of the tests' datasets stay out of the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def detector() -> MtcnnDetector:
    """The real detector, loaded once."""
    detector = MtcnnDetector()
    detector.warm_up()
    return detector


@pytest.fixture
def root() -> Path:
    """The checkout."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = socket.socket.connect

    def connect_here(self: socket.socket, address: Any) -> None:
        leaves = self.family in (socket.AF_INET, socket.AF_INET6) and self.type == socket.SOCK_STREAM
        if leaves and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"tests expect no network. Received: a connection to {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect_here)
