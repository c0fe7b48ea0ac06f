"""What is chosen on the models page, in its address: a link shows the same, and every choice is a step to go back over.

Streamlit's own binding of a widget to the address is no such step: what is chosen takes the place of what was there.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from emomusic.ui import state


def recall(name: str, offered: Sequence[str], first: str | None, *, most: int = 1) -> bool:
    """Give a widget its value before it is drawn: at first, and after the browser went back, what the address names.

    Going back is told by an address that is not the one written last on the same visit.

    Args:
        name: of the widget, also in the address.
        offered: what it offers.
        first: what it shows where the address names none of these; None for nothing.
        most: of these that can be chosen; more than one makes the value a list.

    Returns:
        Whether it was given a value.
    """
    named = st.query_params.get_all(name)
    if name in st.session_state and _written().get(name, named) in (None, named):
        return False
    known = [choice for choice in dict.fromkeys(named) if choice in offered][:most]
    if not known and first is not None:
        known = [first]
    st.session_state[name] = known if most > 1 else next(iter(known), None)
    return True


def chosen_here(name: str) -> None:
    """Let what a visitor just chose count, whatever the address says: it may not have been told of the last choice."""
    st.session_state[state.MODELS_WRITTEN] = _visit(), _written() | {name: None}


def keep(name: str, chosen: str | Sequence[str] | None, first: str | None) -> None:
    """Write what a widget shows into the address, unless it is what it shows at first."""
    choices = [chosen] if isinstance(chosen, str) else list(chosen or ())
    if choices == [first]:
        choices = []
    if choices != st.query_params.get_all(name):
        if choices:
            st.query_params[name] = choices
        else:
            del st.query_params[name]
    st.session_state[state.MODELS_WRITTEN] = _visit(), _written() | {name: choices}


def _written() -> dict[str, list[str] | None]:
    visit, written = st.session_state.get(state.MODELS_WRITTEN, (None, {}))
    return dict(written) if visit == _visit() else {}


def _visit() -> object:
    return st.session_state.get(state.VISIT)
