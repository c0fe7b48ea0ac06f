"""Which URL wins: the session's or the browser's."""

import pytest

from emomusic.app import choices
from emomusic.app.choices import Choice
from tests.pages.screen import run_function


def a_page() -> None:
    import streamlit as st

    from emomusic.app.choices import POLICY, WHO, open_address
    from emomusic.app.state import Visit, page_state

    open_address("photo", [POLICY, WHO], page_state(Visit))
    st.button("choose", on_click=WHO.set, args=("Face 2",), key="choose")
    st.button("answer", key="answer")
    st.text(WHO.value or "everyone")
    POLICY.draw(st.segmented_control, "policy")


@pytest.mark.parametrize(("is_step", "shown"), [(True, "everyone"), (False, "Face 2")])
def test_an_older_url_counts_only_as_a_step_back(monkeypatch: pytest.MonkeyPatch, is_step: bool, shown: str) -> None:
    """The next click may come before the browser knows of the choice."""
    app = run_function(a_page)
    app.button(key="choose").click().run()
    assert "who" in app.query_params
    del app.query_params["who"]
    monkeypatch.setattr(choices, "is_step", lambda: is_step)
    app.button(key="answer").click().run()
    assert app.text[0].value == shown
    assert ("who" in app.query_params) is not is_step


def test_a_step_that_a_click_hides_is_one_once_the_browser_knows_of_the_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit joins a step and a click that wait together, and calls them a click."""
    monkeypatch.setattr(choices, "is_step", lambda: False)
    app = run_function(a_page)
    app.button(key="choose").click().run()
    app.button(key="answer").click().run()
    assert app.text[0].value == "Face 2"
    del app.query_params["who"]
    app.button(key="answer").click().run()
    assert app.text[0].value == "everyone"
    assert "who" not in app.query_params


def test_each_of_two_steps_back_sets_the_widgets_and_a_name_stands_for_one_choice() -> None:
    """A browser that receives both runs at once shows only the second one."""
    app = run_function(a_page, policy="Soothe", who="Face 2")
    assert app.get("button_group")[0].proto.set_value  # a browser that comes late to the first run has the value too
    del app.query_params["policy"]
    app.run()
    del app.query_params["who"]
    app.run()
    policy = app.get("button_group")[0].proto
    assert (list(policy.raw_values), policy.set_value) == (["Match me"], True)
    app.button(key="answer").click().run()
    assert not app.get("button_group")[0].proto.set_value
    with pytest.raises(ValueError, match="policy"):
        Choice("policy", ["Match"])
