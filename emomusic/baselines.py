"""Accuracies that student reports and papers published, from `baselines.toml`. We did not measure them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

OF_FOUR = "four classes"
"""Value of `Baseline.of`."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """One published accuracy.

    Attributes:
        figure: accuracy from 0 to 1; the upper end if the report gives a range.
        of: the classes, for people.
        title: title of the report.
        note: differences from our setup, and facts that the report leaves out.
        lowest: the lower end of a range; None for a single figure.
        f1: F1 by class, if published.
    """

    figure: float
    of: str
    title: str
    note: str
    lowest: float | None = None
    f1: dict[str, float] = field(default_factory=dict)

    @property
    def percent(self) -> str:
        """The figure for people: "69 %" or "58 to 63 %"."""
        high = f"{100 * self.figure:.3g} %"
        return high if self.lowest is None else f"{100 * self.lowest:.3g} to {high}"


def baselines_of(kind: str, name: str) -> Sequence[Baseline]:
    """The published accuracies of a kind of model, for the name of a face model's network, or of another model."""
    return _baselines()[kind].get(name, ())


@cache
def _baselines() -> Mapping[str, Mapping[str, Sequence[Baseline]]]:
    kinds = tomllib.loads(Path(__file__).with_name("baselines.toml").read_text(encoding="utf-8"))
    return {
        kind: {name: tuple(Baseline(**report) for report in reports) for name, reports in models.items()}
        for kind, models in kinds.items()
    }
