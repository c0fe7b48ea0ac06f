"""The card of a trained face model: what it is, on what data, how good, where it fails, and what it is not for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from emomusic.affect import EMOTIONS
from emomusic.face.networks import NETWORKS
from emomusic.face.trained import ModelSpec


def write_card(spec: ModelSpec, metrics: dict[str, Any], path: Path) -> None:
    """Write the card from the figures of the run; nothing in it is typed by hand."""
    test, validation = metrics["test"], metrics["validation"]
    low, high = test["accuracy_interval"]
    weakest = sorted(EMOTIONS, key=lambda emotion: test["per_class"][emotion.value]["recall"])[:2]
    confused = _most_confused(test["confusion"])
    rows = "\n".join(
        f"| {emotion.value} | {s['precision']:.1%} | {s['recall']:.1%} | {s['f1']:.1%} | {s['support']} |"
        for emotion in EMOTIONS
        if (s := test["per_class"][emotion.value])
    )
    unseen = test["not_in_training"]
    unseen_line = f"{unseen['accuracy']:.1%} (n = {unseen['n']})" if unseen["accuracy"] is not None else "not known"
    path.write_text(
        f"""# {spec.name}

{NETWORKS[spec.network].title}; {spec.parameters:,} weights, {metrics["bytes"] / 1e6:.1f} MB. It takes a grey face of
{spec.side}x{spec.side} pixels and gives the probabilities of seven facial expressions.
Architecture: {NETWORKS[spec.network].source}.

## How it was made

`python -m emomusic train face --network {spec.network} --preset {spec.preset} --fer2013 fer2013.csv`

Trained from scratch on the Training split of FER2013 for {metrics["epochs"]} epochs ({metrics["training_minutes"]:.0f} minutes);
the weights are those of epoch {metrics["best_epoch"]}, the best on PublicTest. The temperature of the probabilities
({spec.temperature}) was fitted on PublicTest too. PrivateTest chose nothing.
{"Probabilities are the mean over a face and its mirror image." if spec.mirrored else ""}

## How good it is

| | PublicTest (chosen on it) | PrivateTest |
| --- | --- | --- |
| accuracy | {validation["accuracy"]:.1%} | **{test["accuracy"]:.1%}** (95 % interval {low:.1%} to {high:.1%}, n = {test["n"]}) |
| on pictures that do not also stand in Training | | {unseen_line} |
| mean recall of the classes | {validation["macro_recall"]:.1%} | {test["macro_recall"]:.1%} |
| mean F1 of the classes | {validation["macro_f1"]:.1%} | {test["macro_f1"]:.1%} |
| four classes (Q1, Q2, Q3, N) | {validation["four_class_accuracy"]:.1%} | {test["four_class_accuracy"]:.1%} |
| expected calibration error | {validation["calibration"]["expected_error"]:.3f} | {test["calibration"]["expected_error"]:.3f} |

On PrivateTest, by class:

| emotion | precision | recall | F1 | faces |
| --- | --- | --- | --- | --- |
{rows}

People agree with FER2013's labels on about 65 % of the pictures (Goodfellow et al., 2013).

## Where it fails

It finds {weakest[0].value} and {weakest[1].value} least often. Its most frequent mistake is to call {confused[0]} faces {confused[1]}.
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


def _most_confused(confusion: list[list[int]]) -> tuple[str, str]:
    counts = {
        (true, predicted): confusion[true.label][predicted.label]
        for true in EMOTIONS
        for predicted in EMOTIONS
        if true is not predicted
    }
    true, predicted = max(counts, key=lambda pair: counts[pair])
    return true.value, predicted.value
