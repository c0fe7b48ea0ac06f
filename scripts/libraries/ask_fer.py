"""Write the answers of the library fer for labelled photos: python ask_fer.py DIR haar|mtcnn > fer.csv."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import cv2
from fer.fer import FER

EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def main(folder: Path, detector: str = "haar") -> None:
    """Write one row per photo: the probabilities of its largest face, or empty cells if it found none."""
    model = FER(mtcnn=detector == "mtcnn")
    pictures = sorted(path for path in folder.glob("*/*") if path.is_file())
    rows = csv.writer(sys.stdout)
    rows.writerow(("picture", *EMOTIONS))
    for path in pictures:
        try:
            faces = model.detect_emotions(cv2.imread(str(path)))
        except Exception as error:  # for example a face at the border; counts as no answer
            print(path.name, repr(error), file=sys.stderr)
            faces = []
        largest = max(faces, key=lambda face: face["box"][2] * face["box"][3], default={"emotions": {}})
        answer = [largest["emotions"].get(emotion, "") for emotion in EMOTIONS]
        rows.writerow((path.relative_to(folder).as_posix(), *answer))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
