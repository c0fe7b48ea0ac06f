from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from emomusic.app import state
from tests.pages.screen import start_app, text_of


@pytest.mark.parametrize(
    ("address", "works"),
    [("http://emomusic.example/", False), ("https://emomusic.example/", True), ("http://localhost:8501/", True)],
)
def test_a_camera_without_https_names_it(
    root: Path, monkeypatch: pytest.MonkeyPatch, address: str, works: bool
) -> None:
    monkeypatch.setattr(type(st.context), "url", address)
    app = start_app(root)
    app.segmented_control(key=state.SOURCE).set_value("Camera").run()
    assert not app.exception
    assert bool(app.get("camera_input")) is works
    assert ("HTTPS" in text_of(app)) is not works


def test_who_has_no_profile_is_led_to_the_lesson(root: Path) -> None:
    app: AppTest = start_app(root, **{state.SAMPLE: "eileen-collins-1999"})
    (link,) = app.get("page_link")
    assert link.proto.page == "live"
    assert state.LIVE_TEACH.replace(" ", "+") in link.proto.query_string
