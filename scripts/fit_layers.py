"""Fit the layers of a trained model, as the end of `train face` does: how faces are turned, and whether people posed.

Run as

    python -m scripts.fit_layers --posed-faces DIR --fer2013 CSV [--model emonet_photo]

It writes `turns.npz` and `posing.npz` into the model's folder, and their figures in collections that they did not learn
from, in turn, into the metrics.
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
from emomusic.training.layers import MOST, write_layers
from emomusic.training.posed import read_posed_faces


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
    figures = write_layers(EmotionClassifier.load(options.model), posed, photographs, folder)
    record_figures(options.model, figures)
    write_checksums(folder)


if __name__ == "__main__":
    main()
