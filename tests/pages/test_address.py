"""Which URL wins: the session's or the browser's."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest


def a_page() -> None:
    import streamlit as st

    from emomusic.app.address import by_itself, choose, chosen, open_address
    from emomusic.app.state import Visit, page_state

    open_address("photo", page_state(Visit))
    st.button("choose", on_click=choose, args=({"who": "Face 2"},), key="choose")
    st.button("answer", on_click=by_itself(), key="answer")
    st.text(chosen("who") or "everyone")


@pytest.mark.parametrize(("is_step_back", "shown"), [(True, "everyone"), (False, "Face 2")])
def test_an_older_url_is_a_step_back_unless_a_component_acts_by_itself(is_step_back: bool, shown: str) -> None:
    app = AppTest.from_function(a_page).run()
    app.button(key="choose").click().run()
    assert "who" in app.query_params
    del app.query_params["who"]  # as the browser has it before it knows of the choice
    app = app.run() if is_step_back else app.button(key="answer").click().run()
    assert app.text[0].value == shown
    assert ("who" in app.query_params) is not is_step_back
