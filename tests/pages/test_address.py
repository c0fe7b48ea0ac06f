"""The registry of choices in the URL, over several pages."""

from dataclasses import make_dataclass
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from emomusic.app import state
from emomusic.app.address import PARAMS
from emomusic.app.photo.reading import Photos
from tests.pages.screen import open_page, result_of, url_of

SECONDS = 120


def test_each_page_shows_its_own_choices_and_a_return_restores_them(root: Path) -> None:
    app = AppTest.from_file(str(root / "app.py"), default_timeout=SECONDS)
    link = {state.SAMPLE: "four-people", state.WHO: "Face 2", state.POLICY: "Soothe", state.GENRES: "jazz"}
    for name, value in link.items():
        app.query_params[name] = value
    app.run().toggle(key=state.HIDE_EXPLICIT).set_value(True).run()
    for page in ("live", "how_it_works", "photo"):
        open_page(app, page)
        assert not app.exception
        expected = {name: value for name, value in link.items() if name in PARAMS[page]}
        assert url_of(app) == expected
    assert result_of(app, Photos).names == ["four-people.jpg"]
    (policy,) = (control for control in app.segmented_control if control.key == state.POLICY)
    assert policy.value == "Soothe"
    assert app.toggle(key=state.HIDE_EXPLICIT).value


def test_classes_of_one_name_have_a_state_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(st, "session_state", {})
    photo, film = (make_dataclass("Choices", [], namespace={"__module__": module}) for module in ("photo", "film"))
    assert isinstance(state.page_state(photo), photo)
    assert isinstance(state.page_state(film), film)
