"""A page as a list of parts, each of which draws its piece of what is shown in its own container.

PHOTO = Page("photo", [Part("title", draw_title), Part("player", draw_player, has=lambda shown: shown.queue)])
PHOTO.draw(shown, containers)
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
        has: whether there is something to draw; None for always.
    """

    name: str
    draw: Callable[[Shown], object]
    has: Callable[[Shown], object] | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[Shown]):
    """A page of an answer.

    Attributes:
        name: the name of the page.
        parts: the parts in the order in which they are drawn: the player first, as its sound waits for nothing.
    """

    name: str
    parts: Sequence[Part[Shown]]

    def draw(self, shown: Shown, places: Mapping[str, DeltaGenerator]) -> None:
        """Draw the parts that there are, each in the container of its name; those without a container are left out."""
        for part in self.parts:
            if part.name not in places:
                continue
            if part.has is None or part.has(shown):
                with places[part.name]:
                    part.draw(shown)
