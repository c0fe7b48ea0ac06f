"""The card of a trained face model: data, training, results, limits and intended use."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from emomusic.baselines import FACE_BASELINES, OF_SEVEN
from emomusic.faces.model_files import START_WEIGHTS, ModelSpec
from emomusic.metrics import FOUR, SEVEN, mistakes, score_rows
from emomusic.training.networks import NETWORKS
from emomusic.training.posed import COLLECTIONS


def write_card(spec: ModelSpec, metrics: dict[str, Any], path: Path) -> None:
    """Write the card of a trained face model from its metrics."""
    test, validation = metrics["test"], metrics["validation"]
    low, high = test["accuracy_interval"]
    network = NETWORKS[spec.network]
    rows = score_rows(test["per_class"], ".1%")
    limit = metrics["stages"][0]["config"].get("limit")
    data = f"the first {limit} pictures of Training" if limit else "the Training split"
    is_by_votes = metrics["stages"][-1]["config"].get("validation") == "ferplus"
    chosen_by = " against the emotion with the most FER+ votes" if is_by_votes else ""
    unseen = test["not_in_training"]
    unseen_line = f"{unseen['accuracy']:.1%} (n = {unseen['n']})" if unseen["accuracy"] is not None else "not known"
    has_emotions = spec.classes == SEVEN
    four = [f"{split['four_class_accuracy']:.1%}" for split in (validation, test)] if has_emotions else []
    four_line = f"| four-class accuracy (Q1, Q2, Q3, N) | {' | '.join(four)} |\n" if four else ""
    out = f" --out models/face/{spec.name}" if spec.name != spec.network else ""
    posed = " --posed-faces DIR" if any(stage["config"].get("posed") for stage in metrics["stages"]) else ""
    path.write_text(
        f"""# {spec.name}

{network.title}; {spec.parameters:,} weights, {metrics["bytes"] / 1e6:.1f} MB. The model takes a grey face of
{spec.side}x{spec.side} pixels and returns the probabilities of {_CLASSES[spec.classes]}.
Architecture: {network.source}.

## Training

`python -m emomusic train face --network {spec.network} --preset {spec.preset} --fer2013 fer2013.csv{posed}{out}`

{_stages(metrics["stages"])}

Data: {data} of FER2013. The weights are those of epoch {metrics["best_epoch"]}, which has the highest
accuracy on PublicTest{chosen_by}. The temperature ({spec.temperature}) and the correction for label smoothing ({spec.smoothing:.1%}) were
fitted on PublicTest. PrivateTest was not used to train or to choose weights, but its figures were known when a few
decisions were made: see docs/decisions.md and docs/experiments.md.
{"Probabilities are the mean over a face and its mirror image." if spec.mirrored else ""}{_EIGHT_BITS if network.eight_bits else ""}

{_methods(metrics["stages"])}
## Results

| metric | PublicTest (used to choose weights) | PrivateTest |
| --- | --- | --- |
| accuracy | {validation["accuracy"]:.1%} | **{test["accuracy"]:.1%}** (95 % interval {low:.1%} to {high:.1%}, n = {test["n"]}) |
| accuracy without pictures that are also in Training | | {unseen_line} |
| macro recall | {validation["macro_recall"]:.1%} | {test["macro_recall"]:.1%} |
| macro F1 | {validation["macro_f1"]:.1%} | {test["macro_f1"]:.1%} |
{four_line}| expected calibration error | {validation["calibration"]["expected_error"]:.3f} | {test["calibration"]["expected_error"]:.3f} |

PrivateTest by class:

| {"emotion" if has_emotions else "class"} | precision | recall | F1 | faces |
| --- | --- | --- | --- | --- |
{rows}

People agree with about 65 % of FER2013's labels (Goodfellow et al., 2013).
{_on_votes(metrics.get("ferplus"), spec.classes)}{_on_photographs(metrics.get("wild"))}{_on_collections(metrics.get("collections"))}{_with_profiles(metrics.get("profiles"))}{_compared_with_report(spec, metrics)}
## Limits

{_failures(test, spec.classes)}
FER2013 was collected by a web search for emotion words. It contains posed faces, stock pictures, noisy labels and some
pictures without a face. The people in it are unknown, so the accuracy for different ages, skin colours and
cultures is not known. The accuracy is lower for turned, covered, tiny and painted faces.

## Intended use

Play, teaching and choosing music. An expression is not a feeling. Do not use the model to judge people at work, in
education, in health, in policing or in hiring. The European Union's AI Act forbids emotion recognition at work and in
education.

## Data and licence

FER2013 may be used for research; this project does not contain its pictures. The weights are under this project's
licence, as far as the rights in the training data allow.
{_terms(metrics["stages"])}""",  # noqa: E501
        encoding="utf-8",
    )


_EIGHT_BITS = "\nThe app runs the convolutions in integers of eight bits, and all figures are of that version."
_CLASSES: dict[tuple[str, ...], str] = {
    SEVEN: "seven facial expressions",
    FOUR: "four classes: Q1 (happy), Q2 (angry, disgust, fear, surprise), Q3 (sad), N (neutral)",
}


def _terms(stages: Sequence[dict[str, Any]]) -> str:
    """The collections of posed faces that a stage learned from, with their terms; empty without."""
    if not any(stage["config"].get("posed") for stage in stages):
        return ""
    rows = "".join(f"- {one.title}: {one.people}; {one.terms}.\n" for one in COLLECTIONS.values())
    return (
        "\nThe model also learned from faces of these collections, of which this project contains no picture:\n\n"
        f"{rows}\nThe weights are therefore for research and teaching, as far as these rights allow.\n"
    )


def _stages(stages: Sequence[dict[str, Any]]) -> str:
    """A table with one row for each stage."""
    rows = "\n".join(
        f"| {number} | {_start(stage['config'])} | {', '.join(stage['config'].get('teachers') or ()) or 'none'} | "
        f"{stage['epochs']} | {stage['training_minutes']:.0f} | {stage['val_accuracy']:.1%} |"
        for number, stage in enumerate(stages, 1)
    )
    header = "| stage | initial weights | teachers | epochs | minutes | best accuracy on PublicTest, one view |"
    return f"{header}\n| --- | --- | --- | --- | --- | --- |\n{rows}"


def _start(config: dict[str, Any]) -> str:
    start = config.get("start") or "random"
    if start in START_WEIGHTS:
        return f"{START_WEIGHTS[start].title} ({START_WEIGHTS[start].source})"
    return str(start)


def _methods(stages: Sequence[dict[str, Any]]) -> str:
    """The methods of any stage that change the labels, the pictures or the steps, as a list."""
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
    return "".join(f"- {line}\n" for line in lines)


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


def _on_votes(votes: dict[str, Any] | None, classes: tuple[str, ...]) -> str:
    """The metrics against the majority of the FER+ votes, if they are recorded."""
    if not votes or "test" not in votes:
        return ""
    test = votes["test"]
    low, high = test["accuracy_interval"]
    inner = test["seven" if classes == SEVEN else "four"]
    validation = f"; PublicTest {votes['validation']['accuracy']:.1%}" if "validation" in votes else ""
    recalls = ", ".join(f"{name} {inner['per_class'][name]['recall']:.0%}" for name in classes)
    return (
        f"\nAgainst the majority of ten people (FER+; eight classes, as in Barsoum et al., 2016): "
        f"**{test['accuracy']:.1%}** of {test['n']:,} pictures of PrivateTest (95 % interval {low:.1%} to {high:.1%})"
        f"{validation}. {test['contempt']} pictures of contempt, a class that the model lacks, count as wrong; "
        f"without them {inner['accuracy']:.1%}. Recall: {recalls}.\n"
    )


def _on_photographs(wild: dict[str, Any] | None) -> str:
    """The metrics on photographs through the whole pipeline, if they are recorded."""
    if wild is None:
        return ""
    folds = (
        f" Each photograph was evaluated with an adjustment fitted on the other {wild['folds'] - 1} of {wild['folds']} "
        "folds; the adjustment in use was fitted on all."
        if "folds" in wild
        else ""
    )
    return (
        f"\nOn {wild['n']} labelled photographs of faces in the wild, through the whole pipeline: accuracy "
        f"{wild['accuracy']:.1%}, macro recall {wild['macro_recall']:.1%}, four-class accuracy "
        f"{wild['four_class_accuracy']:.1%}. In {wild['missed']} photographs no face was found; these count as wrong."
        f"{folds}{_in_detail(wild)}\n"
    )


def _in_detail(wild: dict[str, Any]) -> str:
    """Calibration, recall by class, and accuracy by condition on photographs; older metrics lack them."""
    if "groups" not in wild:
        return ""
    recalls = ", ".join(f"{name} {scores['recall']:.0%}" for name, scores in wild["per_class"].items())
    rows = "\n".join(
        f"| {group} | {one['name']} | {one['n']} | {one['accuracy']:.1%} |"
        for group, bins in wild["groups"].items()
        for one in bins
    )
    without = wild["groups_without"]
    left_out = f", without {' and '.join(without)}, which the model cannot tell apart" if without else ""
    return (
        f" Expected calibration error {wild['calibration_error']:.3f}. Recall: {recalls}.\n\n"
        f"Accuracy by condition{left_out}:\n\n"
        f"| photographs by | group | faces | accuracy |\n| --- | --- | --- | --- |\n{rows}"
    )


def _on_collections(collections: dict[str, dict[str, Any]] | None) -> str:
    """The metrics on collections of posed faces, and the weakest of them, if they are recorded."""
    if not collections:
        return ""
    rows = "\n".join(
        f"| {name} | {one['people']} | {one['persons'] or 'not known'} | {'yes' if one['is_trained'] else 'no'} | "
        f"{one['n']} | {one['accuracy']:.1%} ({' to '.join(f'{end:.1%}' for end in one['accuracy_interval'])}) | "
        f"{', '.join(f'{emotion} {recall:.0%}' for emotion, recall in one['recall'].items())} |"
        for name, one in collections.items()
    )
    weakest = min(collections, key=lambda name: float(collections[name]["accuracy"]))
    return (
        "\nPosed faces by collection, with the adjustment for posed faces. Collections of the training that are marked "
        "with no were judged by the same training without them, adjusted to the others:\n\n"
        "| collection | people | persons | learned from | faces | accuracy | recall |\n"
        f"| --- | --- | --- | --- | --- | --- | --- |\n{rows}\n\nThe model works worst for {weakest}"
        f"{': ' + collections[weakest]['people'] if collections[weakest]['people'] else ''}.\n"
    )


def _with_profiles(profiles: dict[str, dict[str, float]] | None) -> str:
    """The accuracy on real persons with a face profile, if it is recorded."""
    if profiles is None:
        return ""
    known = list(dict.fromkeys(name for one in profiles.values() for name in one if name not in ("faces", "persons")))
    rows = "\n".join(
        f"| {name} | " + " | ".join(f"{one[name]:.1%}" if name in one else "" for one in profiles.values()) + " |"
        for name in known
    )
    heads = " | ".join(f"{name}, {one['persons']:.0f} persons" for name, one in profiles.items())
    return (
        "\nAccuracy on persons of whom something is known. The network and the numbers of people come from other "
        "collections. Where a person has one face of each emotion (cfee), neutral faces are not judged, and the judged "
        f"emotion has no shot:\n\n| known of the person | {heads} |\n| --- |{' --- |' * len(profiles)}\n{rows}\n"
    )


def _compared_with_report(spec: ModelSpec, metrics: dict[str, Any]) -> str:
    """The report's accuracy and the difference from ours; empty for networks without a report."""
    report = FACE_BASELINES.get(spec.network)
    if report is None:
        return ""
    low = f" at best, {report.lowest:.1%} at worst" if report.lowest is not None else ""
    gap = 100 * (report.figure - metrics["test"]["accuracy"])
    if gap <= 0:
        ours = f"This model is {-gap:.1f} points higher"
    else:
        # One-cycle training ends at its best epoch unless the network overfits
        is_rising = metrics["best_epoch"] >= metrics["epochs"] - 1
        why = (
            "still improved at the end, so more epochs would help" if is_rising else "stopped improving before the end"
        )
        ours = f"This model is {gap:.1f} points lower. In {metrics['epochs']} epochs it {why}"
    classes = "seven" if report.of == OF_SEVEN else "four"
    return f"\n{report.title} reports {report.figure:.1%} over {classes} classes{low} ({report.note}). {ours}.\n"


def _failures(test: dict[str, Any], classes: tuple[str, ...]) -> str:
    """The two classes with the lowest recall, and the most frequent mistake."""
    evaluated = [name for name in classes if test["per_class"][name]["support"]]
    weakest = sorted(evaluated, key=lambda name: test["per_class"][name]["recall"])[:2]
    made = mistakes(np.array(test["confusion"]), classes)
    if not made:
        return "The model made no mistake on PrivateTest."
    return (
        f"The recall is lowest for {' and '.join(weakest)}. "
        f"The most frequent mistake is {made[0].predicted} for {made[0].true} faces."
    )
