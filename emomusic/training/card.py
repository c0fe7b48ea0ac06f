"""The card of a trained face model: data, training, results, limits and intended use. `card.md.j2` has its text."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from emomusic.faces.model_files import FACERES_SOURCE, FACERES_TITLE, ModelSpec
from emomusic.metrics import mistakes, score_rows
from emomusic.records import OF_FOUR, baselines_of, filled_card
from emomusic.training.posed import COLLECTIONS
from emomusic.training.presets import NETWORKS


def write_card(spec: ModelSpec, metrics: dict[str, Any], path: Path) -> None:
    """Write the card of a trained face model from its metrics."""
    configs, test = [stage["config"] for stage in metrics["stages"]], metrics["test"]
    collections = metrics.get("collections", {})
    evaluated = [name for name in spec.classes if test["per_class"][name]["support"]]
    text = filled_card(
        Path(__file__).with_name("card.md.j2"),
        spec=spec,
        metrics=metrics,
        network=NETWORKS[spec.network],
        faceres=f"{FACERES_TITLE} ({FACERES_SOURCE})",
        used=partial(_used, configs),
        has_jpeg=any((config.get("augmentation") or {}).get("jpeg") for config in configs),
        rows=score_rows(test["per_class"], ".1%"),
        weakest=min(collections, key=lambda name: float(collections[name]["accuracy"]), default=None),
        weakest_classes=sorted(evaluated, key=lambda name: test["per_class"][name]["recall"])[:2],
        mistakes=mistakes(np.array(test["confusion"]), spec.classes),
        report=next(iter(baselines_of("face", spec.network)), None),
        of_four=OF_FOUR,
        collections=COLLECTIONS,
        published={name: baselines_of("collection", name) for name in collections},
    )
    path.write_text(text, encoding="utf-8")


def _used(configs: Sequence[dict[str, Any]], name: str, form: str, unless: str = "") -> str:
    """The values of a setting, with their stages unless it is the same in all; empty if no stage uses it.

    Stages with the setting `unless` do not count.
    """
    numbers: dict[str, list[str]] = {}
    for number, config in enumerate(configs, 1):
        value = config.get(name)
        if value and not config.get(unless):
            numbers.setdefault(format(value, form), []).append(str(number))
    parts = [
        f"{value} in stage{'s' if len(used) > 1 else ''} {', '.join(used)}" if len(used) < len(configs) else value
        for value, used in numbers.items()
    ]
    return "; ".join(parts)
