"""A figure that a student report gives of a model, to stand beside ours. Not measured here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class Reported:
    """A figure as a report gives it.

    Attributes:
        figure: accuracy from 0 to 1; where the report gives a range, its upper end.
        lowest: the lower end of a range; None for a single figure.
        of: over which classes, in words.
        title: of the report.
        note: what differs from ours, or what is not known of it.
        f1: by class, where the report gives it.
    """

    figure: float
    of: str
    title: str
    note: str
    lowest: float | None = None
    f1: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def percent(self) -> str:
        """The figure as people write it."""
        return percent_of(self.figure, self.lowest)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "figure": self.figure,
            "lowest": self.lowest,
            "of": self.of,
            "title": self.title,
            "note": self.note,
            "f1": dict(self.f1),
        }


def percent_of(figure: float, lowest: float | None = None) -> str:
    """A share as people write it: "69 %"; a range as "58 to 63 %"."""
    high = f"{100 * figure:.3g} %"
    return high if lowest is None else f"{100 * lowest:.3g} to {high}"
