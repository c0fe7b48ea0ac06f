"""Fit the layer of a trained model that tells how faces are turned, as the end of `train face` does.

Run as

    python -m scripts.fit_turns --posed-faces DIR --fer2013 CSV [--model emonet_photo]

It writes `turns.npz` into the model's folder, and its figures in collections that it did not learn from, in turn, into
the metrics.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from emomusic.assets import write_checksums
from emomusic.faces import model_files
from emomusic.faces.classifier import EmotionClassifier
from emomusic.faces.detection import MtcnnDetector
from emomusic.faces.fer2013 import Split, read_fer2013
from emomusic.training.evaluate import record_figures
from emomusic.training.posed import read_posed_faces
from emomusic.training.turns import MOST, fit_turns, judge_turns, turn_examples


def main() -> None:
    """Read the faces, fit, and write the file and the figures of the model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posed-faces", type=Path, required=True)
    parser.add_argument("--fer2013", type=Path, required=True)
    parser.add_argument("--model", default=model_files.DEFAULT_MODEL)
    options = parser.parse_args()
    folder = model_files.model_folder(options.model)
    posed = read_posed_faces(options.posed_faces, MtcnnDetector(), most=MOST)
    photographs = read_fer2013(options.fer2013, [Split.TRAIN])[Split.TRAIN]
    examples = turn_examples(EmotionClassifier.load(options.model), posed, photographs)
    fit_turns(examples).save(folder / model_files.TURNS)
    record_figures(options.model, {"turns": judge_turns(examples)})
    write_checksums(folder)


if __name__ == "__main__":
    main()
