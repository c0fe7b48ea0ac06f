"""What was chosen about a sample, in the address beside its name: a link shows the same screen.

Of a visitor's own picture nothing goes there: a link could not show it, and its address would tell of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import streamlit as st

from emomusic.ui import state

Choice = TypeVar("Choice", bound=str)

_OF_A_FACE = (state.SAYS, state.MOOD)


def linked(name: str, choices: Iterable[Choice]) -> Choice | None:
    """The choice that the address names beside a sample; None where it names none of these."""
    if state.SAMPLE not in st.query_params:
        return None
    return next((choice for choice in choices if choice == st.query_params.get(name)), None)


def link(name: str, choice: str | None) -> None:
    """Keep a choice in the address, if a sample is shown; None takes it away."""
    if choice is None or state.SAMPLE not in st.query_params:
        st.query_params.pop(name, None)
    elif st.query_params.get(name) != choice:
        st.query_params[name] = str(choice)


def unlink() -> None:
    """Forget what was chosen about another picture."""
    st.query_params.pop(state.WHO, None)
    unlink_face()


def unlink_face() -> None:
    """Forget what was said of another face."""
    for name in _OF_A_FACE:
        st.query_params.pop(name, None)
