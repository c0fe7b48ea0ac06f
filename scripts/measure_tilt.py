"""Faces that are tilted: how many are read right as they are, and with their eyes level.

python -m scripts.measure_tilt DIR [--number 200]     DIR/<emotion>/*.jpg; the faces of a fixed sample are turned
"""

from __future__ import annotations

import argparse
import random
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from emomusic.errors import ImageError
from emomusic.faces.reading import load_networks
from emomusic.media.images import RgbImage, read_image, shrink
from emomusic.training.labelled import labelled_pictures

_DEGREES, _SIDE = (0, 20, 35, 45, 60, 75), 320


def turned(image: RgbImage, degrees: float) -> RgbImage:
    """A copy that is turned clockwise on a larger canvas."""
    height, width = image.shape[:2]
    side = round(np.hypot(height, width))
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.0)
    matrix[:, 2] += (side - width) / 2, (side - height) / 2
    return np.asarray(cv2.warpAffine(image, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE), np.uint8)


def main() -> None:
    """Print one line for each angle."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--number", type=int, default=200)
    options = parser.parse_args()
    pictures = labelled_pictures(options.folder).pictures
    random.Random(1).shuffle(pictures)
    detector, classifier = load_networks()
    counts = np.zeros((len(_DEGREES), 3), np.int64)  # faces, right as they are, right when level
    for source, emotion in pictures[: options.number]:
        try:
            image = shrink(read_image(source), _SIDE)[0]
        except ImageError:
            continue
        for row, degrees in zip(counts, _DEGREES, strict=True):
            copy = turned(image, degrees)
            if faces := detector.detect(copy):
                face = max(faces, key=lambda face: face.box.width * face.box.height)
                plain, level = classifier.classify([replace(face, tilt=0.0).crop(copy), face.crop(copy)])
                row += 1, plain.emotion is emotion, level.emotion is emotion
    for degrees, (found, plain, level) in zip(_DEGREES, counts.tolist(), strict=True):
        print(f"{degrees:2d} degrees: {found} faces, right as they are {plain}, level {level}")


if __name__ == "__main__":
    main()
