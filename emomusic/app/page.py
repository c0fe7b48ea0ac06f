"""A page as a list of parts. Each part draws its piece of the content in its own container.

PHOTO = [Part("player", draw_player, has=lambda shown: shown.queue), Part("title", draw_title)]
draw_parts(PHOTO, shown, containers)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from streamlit.delta_generator import DeltaGenerator

Shown = TypeVar("Shown")


@dataclass(frozen=True, slots=True)
class Part(Generic[Shown]):
    """A part of a page.

    Attributes:
        name: the name of its container.
        draw: draws it.
        has: whether there is something to draw.
    """

    name: str
    draw: Callable[[Shown], object]
    has: Callable[[Shown], object] = lambda _: True


def draw_parts(parts: Sequence[Part[Shown]], shown: Shown, places: Mapping[str, DeltaGenerator]) -> None:
    """Draw the parts that there are, in their order, each in the container of its name; others are left out."""
    for part in parts:
        if part.name in places and part.has(shown):
            with places[part.name]:
                part.draw(shown)
