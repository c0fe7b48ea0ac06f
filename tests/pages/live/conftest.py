"""The Live page and the stream of its camera, without a browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
import streamlit_webrtc
from streamlit.testing.v1 import AppTest

from emomusic.app.live import ice, session, teach
from emomusic.server import shared
from tests.fakes import FakeClassifier, FakeDetector
from tests.pages.live.sessions import SECONDS, Stream


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Stream:
    stream = Stream()
    monkeypatch.setattr(streamlit_webrtc, "webrtc_streamer", stream)
    return stream


@pytest.fixture
def app(root: Path, monkeypatch: pytest.MonkeyPatch, stream: Stream) -> AppTest:
    for name in (ice.ICE, ice.TURN_SECRET, ice.LIVE):
        monkeypatch.delenv(name, raising=False)
    for module in (session, shared, teach):
        monkeypatch.setattr(module, "load_networks", lambda **_: (FakeDetector(), FakeClassifier()))
    st.cache_resource.clear()  # removes the networks of another test
    app = AppTest.from_file(str(root / "app.py"), default_timeout=SECONDS)
    return app.switch_page("pages/live.py")


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    yield
    st.cache_resource.clear()  # removes the fakes
