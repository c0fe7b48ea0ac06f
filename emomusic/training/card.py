"""The card of a trained face model: data, training, results, limits and intended use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emomusic.baselines import FACE_BASELINES, OF_SEVEN
from emomusic.faces.model_files import FACERES, FACERES_SOURCE, FACERES_TITLE, ModelSpec
from emomusic.metrics import FOUR, SEVEN, mistakes, score_rows
from emomusic.training.networks import NETWORKS
from emomusic.training.posed import COLLECTIONS

if TYPE_CHECKING:
    import jinja2

_CLASSES: dict[tuple[str, ...], str] = {
    SEVEN: "seven facial expressions",
    FOUR: "four classes: Q1 (happy), Q2 (angry, disgust, fear, surprise), Q3 (sad), N (neutral)",
}


def write_card(spec: ModelSpec, metrics: dict[str, Any], path: Path) -> None:
    """Write the card of a trained face model from its metrics, with the template `card.md.j2`."""
    stages, test, collections = metrics["stages"], metrics["test"], metrics.get("collections", {})
    evaluated = [name for name in spec.classes if test["per_class"][name]["support"]]
    text = _template().render(
        spec=spec,
        metrics=metrics,
        network=NETWORKS[spec.network],
        classes=_CLASSES[spec.classes],
        has_emotions=spec.classes == SEVEN,
        is_posed=any(stage["config"].get("posed") for stage in stages),
        limit=stages[0]["config"].get("limit"),
        last=stages[-1]["config"],
        start=_start,
        methods=_methods(stages),
        validation=metrics["validation"],
        test=test,
        unseen=test["not_in_training"],
        rows=score_rows(test["per_class"], ".1%"),
        weakest=min(collections, key=lambda name: float(collections[name]["accuracy"]), default=None),
        weakest_classes=sorted(evaluated, key=lambda name: test["per_class"][name]["recall"])[:2],
        mistakes=mistakes(np.array(test["confusion"]), spec.classes),
        report=FACE_BASELINES.get(spec.network),
        of_seven=OF_SEVEN,
        collections=COLLECTIONS,
    )
    path.write_text(text, encoding="utf-8")


@cache
def _template() -> jinja2.Template:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {"percent": _percent, "interval": _interval, "recalls": _recalls}
    return environment.get_template("card.md.j2")


def _percent(share: float, digits: int = 1) -> str:
    return f"{share:.{digits}%}"


def _interval(ends: Sequence[float]) -> str:
    return " to ".join(map(_percent, ends))


def _recalls(per_class: Mapping[str, Mapping[str, float]]) -> str:
    return ", ".join(f"{name} {_percent(scores['recall'], 0)}" for name, scores in per_class.items())


def _start(config: Mapping[str, Any]) -> str:
    start = config.get("start") or "random"
    return f"{FACERES_TITLE} ({FACERES_SOURCE})" if start == FACERES else str(start)


def _methods(stages: Sequence[dict[str, Any]]) -> list[str]:
    """The methods of any stage that change the labels, the pictures or the steps."""
    configs = [stage["config"] for stage in stages]
    lines = []
    falling = _used([{} if config.get("final_votes") else config for config in configs], "votes", ".0%")
    lasting = _used(configs, "final_votes", ".0%")
    if used := "; ".join(
        [f"{falling} at first, falling to 0"] * bool(falling) + [f"{lasting} to the end"] * bool(lasting)
    ):
        lines.append(f"Labels from the votes of ten people (FER+; Barsoum et al., 2016): {used}.")
    if used := _used(configs, "distillation_weight", ".0%"):
        lines.append(
            f"Labels from the teachers' mean probabilities (Hinton et al., 2015): {used} of the rest of the label."
        )
    if used := _used(configs, "finetune_epochs", "d"):
        lines.append(f"Final epochs without rotation and scaling, which blur pictures (Touvron et al., 2019): {used}.")
    if any((config.get("augmentation") or {}).get("jpeg") for config in configs):
        lines.append("Pictures with the defects of photographs in the last stage: low resolution, blur, JPEG.")
    if used := _used(configs, "posed", "d"):
        lines.append(f"Posed faces (see the end), shown so often in an epoch: {used}.")
    if used := _used(configs, "start_share", ".0%"):
        lines.append(f"The initial weights are a share of the result (Wortsman et al., 2022): {used}.")
    lines += [f"Stage {number}: {made}" for number, stage in enumerate(stages, 1) if (made := stage.get("made_by"))]
    if used := _used(configs, "sam_rho", "g"):
        lines.append(f"Sharpness-aware minimisation (Foret et al., 2021) with radius {used}.")
    return lines


def _used(configs: Sequence[dict[str, Any]], name: str, form: str) -> str:
    """The values of a setting, with their stages unless it is the same in all; empty if no stage uses it."""
    numbers: dict[str, list[str]] = {}
    for number, config in enumerate(configs, 1):
        if value := config.get(name):
            numbers.setdefault(format(value, form), []).append(str(number))
    parts = [
        f"{value} in stage{'s' if len(used) > 1 else ''} {', '.join(used)}" if len(used) < len(configs) else value
        for value, used in numbers.items()
    ]
    return "; ".join(parts)
