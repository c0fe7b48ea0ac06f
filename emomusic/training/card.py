"""The card of a trained face model: what it is, on what data, how good, where it fails, and what it is not for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from emomusic.baselines import FACE_BASELINES, OF_SEVEN
from emomusic.face.model_files import START_WEIGHTS, ModelSpec
from emomusic.metrics import FOUR, SEVEN, mistakes
from emomusic.training.networks import NETWORKS


def write_card(spec: ModelSpec, metrics: dict[str, Any], path: Path) -> None:
    """Write the card from the figures of the run; nothing in it is typed by hand."""
    test, validation = metrics["test"], metrics["validation"]
    low, high = test["accuracy_interval"]
    rows = "\n".join(
        f"| {name} | {s['precision']:.1%} | {s['recall']:.1%} | {s['f1']:.1%} | {s['support']} |"
        for name in spec.classes
        if (s := test["per_class"][name])
    )
    unseen = test["not_in_training"]
    unseen_line = f"{unseen['accuracy']:.1%} (n = {unseen['n']})" if unseen["accuracy"] is not None else "not known"
    has_emotions = spec.classes == SEVEN
    four = [f"{split['four_class_accuracy']:.1%}" for split in (validation, test)] if has_emotions else []
    four_line = f"| four classes (Q1, Q2, Q3, N) | {' | '.join(four)} |\n" if four else ""
    path.write_text(
        f"""# {spec.name}

{NETWORKS[spec.network].title}; {spec.parameters:,} weights, {metrics["bytes"] / 1e6:.1f} MB. It takes a grey face of
{spec.side}x{spec.side} pixels and gives the probabilities of {_CLASSES[spec.classes]}.
Architecture: {NETWORKS[spec.network].source}.

## How it was made

`python -m emomusic train face --network {spec.network} --preset {spec.preset} --fer2013 fer2013.csv{_elsewhere(spec)}`

{_beginning(metrics["config"])} on {_part(metrics["config"])}the Training split of FER2013 for {metrics["epochs"]} epochs ({metrics["training_minutes"]:.0f} minutes);
the weights are those of epoch {metrics["best_epoch"]}, the best on PublicTest. The temperature of the probabilities
({spec.temperature}), and the share that smooth labels taught it to give to all classes alike and that is taken back before
({spec.smoothing:.1%}), were fitted on PublicTest too. PrivateTest took no part in this;
its figures were in view of some decisions all the same, each told in docs/decisions.md and docs/experiments.md.
{_stepping(metrics["config"])}{_settling(metrics["config"])}{_lessons(metrics["config"])}{"Probabilities are the mean over a face and its mirror image." if spec.mirrored else ""}

## How good it is

| figure | PublicTest (chosen on it) | PrivateTest |
| --- | --- | --- |
| accuracy | {validation["accuracy"]:.1%} | **{test["accuracy"]:.1%}** (95 % interval {low:.1%} to {high:.1%}, n = {test["n"]}) |
| on pictures that do not also stand in Training | | {unseen_line} |
| mean recall of the classes | {validation["macro_recall"]:.1%} | {test["macro_recall"]:.1%} |
| mean F1 of the classes | {validation["macro_f1"]:.1%} | {test["macro_f1"]:.1%} |
{four_line}| expected calibration error | {validation["calibration"]["expected_error"]:.3f} | {test["calibration"]["expected_error"]:.3f} |

On PrivateTest, by class:

| {"emotion" if has_emotions else "class"} | precision | recall | F1 | faces |
| --- | --- | --- | --- | --- |
{rows}

People agree with FER2013's labels on about 65 % of the pictures (Goodfellow et al., 2013).
{_on_photographs(metrics.get("wild"))}{_beside_the_report(spec, metrics)}
## Where it fails

{_failures(test, spec.classes)}
FER2013 was gathered by a web search for emotion words: posed faces, stock pictures, noisy labels, some that show no
face. Whom it shows is not recorded, so how the model does on people of different ages, skin colours or cultures is
not known. Turned, covered, tiny or painted faces are read less well.

## What it is for, and what not

For play, teaching and choosing music. An expression is not a feeling: do not use it to judge people, at work, in
education, in health, in policing or in hiring. The European Union's AI Act forbids emotion recognition at work and
in education.

## Data and licence

FER2013 may be used for research; its pictures are not part of this project. The weights are under this project's
licence, as far as the rights in the training data allow.
""",  # noqa: E501
        encoding="utf-8",
    )


_CLASSES: dict[tuple[str, ...], str] = {
    SEVEN: "seven facial expressions",
    FOUR: "four classes: Q1 (happy), Q2 (angry, disgust, fear, surprise), Q3 (sad), N (neutral)",
}


def _elsewhere(spec: ModelSpec) -> str:
    """Where to, for a model that is not called as its network is."""
    return f" --out models/face/{spec.name}" if spec.name != spec.network else ""


def _beginning(config: dict[str, Any]) -> str:
    start = config.get("start")
    if start is None:
        return "Trained from scratch"
    if start in START_WEIGHTS:
        return f"It began as {START_WEIGHTS[start].title} ({START_WEIGHTS[start].source}), and went on"
    return f"It began as the trained model {start}, and went on"


def _part(config: dict[str, Any]) -> str:
    """How much of the pictures it saw, where that was not all."""
    return f"the first {config['limit']} pictures of " if config.get("limit") else ""


def _settling(config: dict[str, Any]) -> str:
    """How its pictures were varied in the end, where that was another way."""
    if not config.get("finetune_epochs"):
        return ""
    return (
        f"In the last {config['finetune_epochs']} epochs its pictures were neither turned nor zoomed, which smooths "
        "them, so that they\nare as sharp as those it is asked about (Touvron et al., 2019).\n"
    )


def _stepping(config: dict[str, Any]) -> str:
    """Where each step of its training took its gradient from, where that was another place than usual."""
    if not config.get("sam_rho"):
        return ""
    return (
        f"Each step learnt from the gradient {config['sam_rho']:g} uphill of the weights, so that their "
        "neighbours\nare good as well (sharpness-aware minimisation; Foret et al., 2021).\n"
    )


def _lessons(config: dict[str, Any]) -> str:
    """What it learnt from beside the labels."""
    lines = []
    if share := config.get("votes"):
        lines.append(
            f"At first {share:.0%} of each training label were the votes of ten people on the picture (FER+; Barsoum "
            "et al., 2016);\ntheir share fell to nothing in the end."
        )
    if teachers := config.get("teachers"):
        whole = "the rest" if config.get("votes") else "each training label"
        lines.append(
            f"{config['distillation_weight']:.0%} of {whole} were the mean answer of "
            f"{', '.join(teachers)} to the picture\n"
            "(Hinton et al., 2015)."
        )
    return "\n".join([*lines, "The labels it is judged by are FER2013's.", ""]) if lines else ""


def _on_photographs(wild: dict[str, Any] | None) -> str:
    """How it does on photographs through the whole pipeline, where that was recorded."""
    if wild is None:
        return ""
    folds = (
        f" Each was judged after\nits adjustment for photographs was fitted on the other {wild['folds'] - 1} of "
        f"{wild['folds']} parts of them; the one in use was fitted on all."
        if "folds" in wild
        else ""
    )
    return (
        f"\nThrough the whole pipeline, on {wild['n']} labelled photographs of faces in the wild, it is right on "
        f"{wild['accuracy']:.1%} (mean recall of the classes {wild['macro_recall']:.1%}, four classes "
        f"{wild['four_class_accuracy']:.1%}); in {wild['missed']} of them no face was found, which counts as wrong."
        f"{folds}\n"
    )


def _beside_the_report(spec: ModelSpec, metrics: dict[str, Any]) -> str:
    """Our figure and the report's, and where it falls short, by how much and what is known of why."""
    report = FACE_BASELINES.get(spec.network)
    if report is None:
        return ""
    whose = f"{report.title} reports {report.figure:.1%} over {'seven' if report.of == OF_SEVEN else 'four'} classes"
    low = f" at best, {report.lowest:.1%} at worst" if report.lowest is not None else ""
    gap = 100 * (report.figure - metrics["test"]["accuracy"])
    if gap <= 0:
        ours = f"This model is {-gap:.1f} points above it"
    else:
        # One-cycle training ends at its best epoch unless it overfits: then more passes would have helped
        rising = metrics["best_epoch"] >= metrics["epochs"] - 1
        why = "was still improving at the end: more would help" if rising else "had stopped improving before the end"
        ours = f"This model falls {gap:.1f} points short of it; in its {metrics['epochs']} passes it {why}"
    return f"\nThe report: {whose}{low} ({report.note}). {ours}.\n"


def _failures(test: dict[str, Any], classes: tuple[str, ...]) -> str:
    """The classes it finds least often, of those it was judged on, and its most frequent mistake."""
    judged = [name for name in classes if test["per_class"][name]["support"]]
    weakest = sorted(judged, key=lambda name: test["per_class"][name]["recall"])[:2]
    made = mistakes(np.array(test["confusion"]), classes)
    if not made:
        return "On these pictures it made no mistake."
    return (
        f"It finds {' and '.join(weakest)} least often. "
        f"Its most frequent mistake is to call {made[0].true} faces {made[0].predicted}."
    )
