"""The Live page without a browser and a camera."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from emomusic.app import camera
from emomusic.server import shared
from tests.fakes import FakeClassifier, FakeDetector
from tests.pages.live.sessions import Browser
from tests.pages.screen import app_of


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Browser:
    browser = Browser()
    monkeypatch.setattr(camera, "mount", browser)
    return browser


@pytest.fixture
def app(root: Path, monkeypatch: pytest.MonkeyPatch, fresh_networks: None) -> AppTest:
    for name in ("EMOMUSIC_ICE", "EMOMUSIC_TURN_SECRET", "EMOMUSIC_LIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(shared, "load_networks", lambda **_: (FakeDetector(), FakeClassifier()))
    return app_of(root).switch_page("pages/live.py")
