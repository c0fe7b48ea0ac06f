"""Fit again what `train face` fits after the network of a model: its layers and its numbers of people.

    python -m scripts.fit_parts --posed-faces DIR --fer2013 CSV
    git show 4a18856:models/face/emonet_photo/model.keras > stage6.keras
    python -m scripts.fit_parts --posed-faces DIR --unmet stage6.keras

The first command writes `turns.npz` and `posing.npz` into the model's folder, and their figures in collections that
they did not learn from, in turn, into the metrics; and the adjustment for posed faces of the model with its partner,
from held-out persons, into the spec. The second one writes `people.npz`, of the model's own answers, and
judges profiles in two regimes: with the network of `--unmet`, which has met nobody of the collections, and with the
model. Both times the numbers of people and the adjustment come from the other collections. Both networks have
features, as the second output of those that `train face` exports.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from emomusic.assets import write_checksums
from emomusic.faces import model_files
from emomusic.faces.classifier import EmotionClassifier
from emomusic.faces.detection import MtcnnDetector
from emomusic.faces.fer2013 import Split, read_fer2013
from emomusic.training.evaluate import keras_classifier, record_figures
from emomusic.training.layers import write_layers
from emomusic.training.people import Strangers, fit_held_out, fit_people, judge_strangers
from emomusic.training.posed import UNKNOWN, read_posed_faces


def main() -> None:
    """Read the faces, fit, and write the files and the figures of the model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posed-faces", type=Path, required=True)
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--fer2013", type=Path)
    group.add_argument("--unmet", type=Path)
    parser.add_argument("--model", default=model_files.DEFAULT_MODEL)
    options = parser.parse_args()
    folder, classifier = model_files.model_folder(options.model), EmotionClassifier.load(options.model)
    side = (classifier.partner or classifier).spec.side
    posed, changes = read_posed_faces(options.posed_faces, MtcnnDetector(), side=side), {}
    if options.fer2013:
        changes["posed_adjustment"] = fit_held_out(classifier, posed)
        figures: dict[str, Any] = write_layers(
            classifier, posed, read_fer2013(options.fer2013, [Split.TRAIN])[Split.TRAIN], folder
        )
    else:
        import keras

        before = keras_classifier(keras.saving.load_model(options.unmet, compile=False), classifier.spec)
        known = posed.where(~np.char.endswith(posed.persons, f"/{UNKNOWN}"))
        own, strangers = (Strangers.by(network, known) for network in (classifier, before))
        people = asdict(fit_people(list(own.posed.values())))
        np.savez_compressed(folder / model_files.PEOPLE, allow_pickle=False, **people)
        profiles = judge_strangers(strangers)["profiles"]
        profiles |= {f"{name}, met": met for name, met in judge_strangers(own)["profiles"].items()}
        figures = {"profiles": profiles}
    record_figures(options.model, figures, **changes)
    write_checksums(folder)


if __name__ == "__main__":
    main()
