"""What is chosen, in the address: a link shows the same screen, and every choice is a step to go back over.

A run of a page has an address and what the session remembers, and one of the two has to win. A link and the browser's
Back are for the address to decide. A choice just made, of which the browser may not have been told, and who comes back
from another page, which takes addresses away, are for the session. What tells them apart is what was written to the
address last, and on which visit of the page.

Streamlit's own binding of a widget to the address is no such step: what is chosen takes the place of what was there.
Of a visitor's own picture nothing goes there: a link could not show it, and its address would tell of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import streamlit as st

from emomusic.ui.core import state

Choice = TypeVar("Choice", bound=str)

OF_A_SAMPLE = (state.WHO, state.SAYS, state.MOOD)
"""What is chosen about a sample, beside its name."""


def write(name: str, chosen: str | Sequence[str] | None) -> None:
    """Let the address name what is chosen, nothing for None, and remember that it does."""
    write_together({name: chosen})


def write_together(chosen: Mapping[str, str | Sequence[str] | None]) -> None:
    """The same of several names, in one step of the browser's history."""
    wanted = {name: [str(of)] if isinstance(of, str) else [*map(str, of or ())] for name, of in chosen.items()}
    changed = {name: choices for name, choices in wanted.items() if choices != st.query_params.get_all(name)}
    if changed:
        st.query_params.update(changed)  # an empty list is left out of the address; each `del` would be a step
    visit = st.session_state.get(state.VISIT)
    _written().update({name: (visit, choices) for name, choices in wanted.items()})


def named(name: str) -> str | None:
    """What the address names; None for nothing."""
    choices = st.query_params.get_all(name)
    return choices[-1] if choices else None


def went_back(name: str) -> bool:
    """Whether the browser went back or forward: the address names something else than was written on this visit."""
    visit, choices = _written().get(name, (None, None))
    return visit == st.session_state.get(state.VISIT) and choices not in (None, st.query_params.get_all(name))


def chosen_here(*names: str) -> None:
    """Let what a visitor just chose count, whatever the address says: it may not have been told of the last choice."""
    for name in names:
        _written().pop(name, None)


def remembered(name: str) -> str | None:
    """What the address names; where a visitor comes from another page, what it named when they left this one.

    An address that names nothing, where something was written on this visit, means going back to before that.
    """
    if went_back(name):
        chosen_here(name)
    _, left = _written().get(name, (None, ()))
    return named(name) or next(iter(left), None)


def recall(name: str, offered: Sequence[str], first: str | None, *, most: int = 1) -> bool:
    """Give a widget its value before it is drawn: at first, and after the browser went back, what the address names.

    Args:
        name: of the widget, also in the address.
        offered: what it offers.
        first: what it shows where the address names none of these; None for nothing.
        most: of these that can be chosen; more than one makes the value a list.

    Returns:
        Whether it was given a value.
    """
    if name in st.session_state and not went_back(name):
        return False
    chosen = [choice for choice in dict.fromkeys(st.query_params.get_all(name)) if choice in offered][:most]
    if not chosen and first is not None:
        chosen = [first]
    st.session_state[name] = chosen if most > 1 else next(iter(chosen), None)
    return True


def keep(name: str, shown: str | Sequence[str] | None, first: str | None) -> None:
    """Write what a widget shows into the address, unless it is what it shows at first."""
    write(name, None if shown in (first, [first]) else shown)


def first_choice(name: str, key: str, choices: Iterable[Choice], otherwise: Choice | None = None) -> Choice | None:
    """What a widget begins with: what the address names beside a sample. Where the browser went back, it begins anew.

    Args:
        name: in the address.
        key: of the widget, which is drawn next under `state.fresh(key)`.
        choices: what it offers.
        otherwise: where the address names none of them.
    """
    if went_back(name):
        state.renew(key)
    begin = named(name) if named(state.SAMPLE) else None
    return next((choice for choice in choices if choice == begin), otherwise)


def link(name: str, choice: str | None) -> None:
    """Keep a choice in the address, if a sample is shown; None takes it away."""
    write(name, choice if named(state.SAMPLE) else None)


def turn_to_sample(key: str | None) -> None:
    """Name another sample, or none, and forget what was chosen about the last."""
    write_together({state.SAMPLE: key} | dict.fromkeys(OF_A_SAMPLE))
    chosen_here(*OF_A_SAMPLE)


def turn_to_face(who: str | None) -> None:
    """Name another face of the sample, None for all, and forget what was said of the last."""
    write_together({state.WHO: who if named(state.SAMPLE) else None, state.SAYS: None, state.MOOD: None})
    chosen_here(*OF_A_SAMPLE)


def _written() -> dict[str, tuple[object, list[str]]]:
    """What stands in the address by name, with the visit on which it was written."""
    written: dict[str, tuple[object, list[str]]] = st.session_state.setdefault(state.WRITTEN, {})
    return written
