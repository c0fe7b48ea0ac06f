"""Settings that make AppTest fast. Its pages share a process with TensorFlow, which the training tests load."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit import config
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from emomusic.app import choices
from emomusic.faces.detection import MtcnnDetector
from emomusic.media.images import RgbImage
from emomusic.server.capacity import capacity
from tests.pages.screen import page_of

_FACES: dict[tuple[str, bytes, tuple[int, ...]], Any] = {}


@pytest.fixture(scope="session", autouse=True)
def _scan_packages_once() -> Iterator[None]:
    """Search the installed packages for Streamlit components once, not for each AppTest."""
    manifests = manifest_scanner.scan_component_manifests()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", lambda: manifests)
        yield


@pytest.fixture(autouse=True)
def _back_in_app_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """AppTest has no Back: a test changes the URL in its place."""
    monkeypatch.setattr(choices, "is_step", lambda: True)


@pytest.fixture(autouse=True)
def _fresh_capacity() -> Iterator[None]:
    """A server without the live sessions of earlier tests, which may wait for the garbage collector."""
    capacity.cache_clear()
    yield
    capacity.cache_clear()


@pytest.fixture
def app(request: pytest.FixtureRequest) -> AppTest:
    """The page that the file of the test is about, before its first run."""
    return page_of(request.path.stem.removeprefix("test_"))


@pytest.fixture
def fresh_networks() -> Iterator[None]:
    """Nothing of other tests in Streamlit's cache, and nothing of this test for others."""
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


@pytest.fixture(autouse=True)
def _detect_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Search each picture for faces once for all tests. The detector's result depends only on the picture."""

    def remembered(name: str) -> Any:
        search = getattr(MtcnnDetector, name)

        def of(self: MtcnnDetector, image: RgbImage) -> Any:
            key = name, hashlib.sha256(image.tobytes()).digest(), image.shape
            if key not in _FACES:
                _FACES[key] = search(self, image)
            return _FACES[key]

        return of

    for name in ("detect", "detect_with_trace"):
        monkeypatch.setattr(MtcnnDetector, name, remembered(name))


@pytest.fixture(autouse=True)
def _no_collection_after_each_run() -> Iterator[None]:
    """Switch off Streamlit's garbage collection after every run, which is slow with TensorFlow's many objects."""
    before = config.get_option("runner.postScriptGC")
    config.set_option("runner.postScriptGC", False)
    yield
    config.set_option("runner.postScriptGC", before)


@pytest.fixture(autouse=True)
def _no_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each run of a page ends without an exception."""
    run = AppTest._run

    def checked(app: AppTest, *state: Any, **options: Any) -> AppTest:
        assert not run(app, *state, **options).exception
        return app

    monkeypatch.setattr(AppTest, "_run", checked)


@pytest.fixture(autouse=True)
def _no_datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOMUSIC_DATA", str(tmp_path / "data"))
