"""The URL's query parameters: a link shows the same screen, and each choice is one step of the browser's history.

The URL and the session can disagree. The URL wins after a link, Back or Forward. The session wins after a new choice,
and after a return from another page, because a page change clears the URL. To distinguish these cases, the session
stores the last written parameters with the visit on which they were written.

Streamlit's own binding of a widget to the URL replaces the current step of the history instead of adding one.
Nothing about a visitor's own photo is written to the URL.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import streamlit as st

from emomusic.ui.core import state

Choice = TypeVar("Choice", bound=str)

SAMPLE_PARAMS = (state.WHO, state.SAYS, state.MOOD)
"""URL parameters about the shown sample, besides its name."""


def write(name: str, chosen: str | Sequence[str] | None) -> None:
    """Write a parameter to the URL and remember it; None removes it."""
    write_together({name: chosen})


def write_together(chosen: Mapping[str, str | Sequence[str] | None]) -> None:
    """Write several parameters in one step of the browser's history."""
    wanted = {name: [str(of)] if isinstance(of, str) else [*map(str, of or ())] for name, of in chosen.items()}
    changed = {name: choices for name, choices in wanted.items() if choices != st.query_params.get_all(name)}
    if changed:
        st.query_params.update(changed)  # an empty list removes a parameter; each `del` would be a separate step
    visit = st.session_state.get(state.VISIT)
    _written().update({name: (visit, choices) for name, choices in wanted.items()})


def named(name: str) -> str | None:
    """The parameter's value in the URL, or None."""
    choices = st.query_params.get_all(name)
    return choices[-1] if choices else None


def went_back(name: str) -> bool:
    """Whether Back or Forward was used: the URL differs from what this visit wrote."""
    visit, choices = _written().get(name, (None, None))
    return visit == st.session_state.get(state.VISIT) and choices not in (None, st.query_params.get_all(name))


def chosen_here(*names: str) -> None:
    """Give a new choice priority over the URL, which the browser may not have updated yet."""
    for name in names:
        _written().pop(name, None)


def remembered(name: str) -> str | None:
    """The parameter's value in the URL; after a return from another page, the value before leaving.

    An empty URL after a write on this visit means that the visitor went back: the result is None.
    """
    choices = remembered_all(name)
    return choices[-1] if choices else None


def remembered_all(name: str) -> list[str]:
    """All values of a parameter, like `remembered`."""
    if went_back(name):
        chosen_here(name)
    _, left = _written().get(name, (None, []))
    return st.query_params.get_all(name) or left


def recall(name: str, offered: Sequence[str], first: str | None, *, most: int = 1) -> bool:
    """Set a widget's value from the URL before it is drawn, at first and after Back or Forward.

    Args:
        name: key of the widget, and name of the URL parameter.
        offered: the widget's options.
        first: default if the URL names none of the options; None for no default.
        most: maximum number of choices; above 1, the value is a list.

    Returns:
        Whether the value was set.
    """
    if name in st.session_state and not went_back(name):
        return False
    chosen = [choice for choice in dict.fromkeys(st.query_params.get_all(name)) if choice in offered][:most]
    if not chosen and first is not None:
        chosen = [first]
    st.session_state[name] = chosen if most > 1 else next(iter(chosen), None)
    return True


def keep(name: str, shown: str | Sequence[str] | None, first: str | None) -> None:
    """Write a widget's value to the URL, unless it is the default."""
    write(name, None if shown in (first, [first]) else shown)


def first_choice(name: str, key: str, choices: Iterable[Choice], otherwise: Choice | None = None) -> Choice | None:
    """A widget's default: the URL's value if a sample is shown. After Back or Forward, the widget is reset.

    Args:
        name: of the URL parameter.
        key: of the widget, which is drawn next under `state.fresh(key)`.
        choices: the widget's options.
        otherwise: the result if the URL names none of the options.
    """
    if went_back(name):
        state.renew(key)
    linked = named(name) if named(state.SAMPLE) else None
    return next((choice for choice in choices if choice == linked), otherwise)


def link(name: str, choice: str | None) -> None:
    """Write a choice to the URL if a sample is shown; None removes it."""
    write(name, choice if named(state.SAMPLE) else None)


def set_sample(key: str | None) -> None:
    """Write another sample, or none, and remove the choices about the last one."""
    write_together({state.SAMPLE: key} | dict.fromkeys(SAMPLE_PARAMS))
    chosen_here(*SAMPLE_PARAMS)


def set_face(who: str | None) -> None:
    """Write another face of the sample, None for all, and remove the choices about the last one."""
    write_together({state.WHO: who if named(state.SAMPLE) else None, state.SAYS: None, state.MOOD: None})
    chosen_here(*SAMPLE_PARAMS)


def _written() -> dict[str, tuple[object, list[str]]]:
    """The last written parameters by name, with the visit on which they were written."""
    written: dict[str, tuple[object, list[str]]] = st.session_state.setdefault(state.WRITTEN, {})
    return written
