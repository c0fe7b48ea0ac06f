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


def first_choice(name: str, key: str, choices: Iterable[Choice], otherwise: Choice | None = None) -> Choice | None:
    """What a widget begins with: the choice that the address names. Where the browser went back, it begins anew.

    Going back is told by an address that is not the one written last, of the same sample and on the same visit.

    Args:
        name: in the address.
        key: of the widget, which is drawn next under `state.fresh(key)`.
        choices: what it offers.
        otherwise: where the address names none of them.
    """
    whose, written = st.session_state.get(state.LINKED, (None, {}))
    if whose == _whose() and name in written and written[name] != st.query_params.get(name):
        state.renew(key)
    return linked(name, choices) or otherwise


def link(name: str, choice: str | None) -> None:
    """Keep a choice in the address, if a sample is shown; None takes it away."""
    if choice is None or state.SAMPLE not in st.query_params:
        st.query_params.pop(name, None)
    elif st.query_params.get(name) != choice:
        st.query_params[name] = str(choice)
    whose, written = st.session_state.get(state.LINKED, (None, {}))
    kept = written if whose == _whose() else {}
    st.session_state[state.LINKED] = _whose(), kept | {name: st.query_params.get(name)}


def chosen_here() -> None:
    """Let what a visitor just chose count, whatever the address says: it may not have been told of the last choice."""
    st.session_state.pop(state.LINKED, None)


def unlink() -> None:
    """Forget what was chosen about another picture."""
    st.query_params.pop(state.WHO, None)
    unlink_face()


def unlink_face() -> None:
    """Forget what was said of another face."""
    for name in _OF_A_FACE:
        st.query_params.pop(name, None)
    chosen_here()


def _whose() -> tuple[object, str | None]:
    """The visit and the sample that choices are made about."""
    return st.session_state.get(state.VISIT), st.query_params.get(state.SAMPLE)
