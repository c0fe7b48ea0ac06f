"""Fit the numbers of people of a trained model, and judge profiles of one face: python -m scripts.fit_people.

    git show 4a18856:models/face/emonet_photo/model.keras > stage6.keras
    python -m scripts.fit_people --unmet stage6.keras --posed-faces DIR --model emonet_photo

DIR has the posed collections of `training.posed` with persons. `people.npz` is of the model's own answers. The profiles
are judged in two regimes: with the network of `--unmet`, which has met nobody of the collections, and with the model.
Both times the numbers of people and the adjustment come from the other collections. Both networks have features,
as the second output of those that `train face` exports.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np

from emomusic.assets import write_checksums
from emomusic.faces import model_files
from emomusic.faces.classifier import EmotionClassifier
from emomusic.faces.detection import MtcnnDetector
from emomusic.training.evaluate import keras_classifier, record_figures
from emomusic.training.people import Strangers, fit_people, judge_strangers
from emomusic.training.posed import UNKNOWN, read_posed_faces


def main() -> None:
    """Read the collections, fit, and write the files and figures of the model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--unmet", type=Path, required=True)
    parser.add_argument("--posed-faces", type=Path, required=True)
    parser.add_argument("--model", default=model_files.DEFAULT_MODEL)
    options = parser.parse_args()
    posed, name = read_posed_faces(options.posed_faces, MtcnnDetector()), options.model
    folder = model_files.model_folder(name)
    classifier = EmotionClassifier.load(name)
    before = keras_classifier(keras.saving.load_model(options.unmet, compile=False), classifier.spec)
    known = posed.where(~np.char.endswith(posed.persons, f"/{UNKNOWN}"))
    own, strangers = (Strangers.by(network, known) for network in (classifier, before))
    people = asdict(fit_people(list(own.posed.values())))
    np.savez_compressed(folder / model_files.PEOPLE, allow_pickle=False, **people)
    profiles = judge_strangers(strangers)["profiles"]
    profiles |= {f"{each}, met": figures for each, figures in judge_strangers(own)["profiles"].items()}
    record_figures(name, {"profiles": profiles})
    write_checksums(folder)


if __name__ == "__main__":
    main()
