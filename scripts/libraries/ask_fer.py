"""Ask the library fer about labelled photographs, where it is installed: python ask_fer.py DIR haar|mtcnn > fer.csv."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import cv2
from fer.fer import FER

EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def main(folder: Path, detector: str = "haar") -> None:
    """Write a row a picture: the probabilities of its largest face, or nothing where none is found."""
    asked = FER(mtcnn=detector == "mtcnn")
    pictures = sorted(path for path in folder.glob("*/*") if path.is_file())
    rows = csv.writer(sys.stdout)
    rows.writerow(("picture", *EMOTIONS))
    for path in pictures:
        try:
            faces = asked.detect_emotions(cv2.imread(str(path)))
        except Exception as error:  # a face at the rim, say; the visitor of an app would have no answer either
            print(path.name, repr(error), file=sys.stderr)
            faces = []
        largest = max(faces, key=lambda face: face["box"][2] * face["box"][3], default={"emotions": {}})
        answer = [largest["emotions"].get(emotion, "") for emotion in EMOTIONS]
        rows.writerow((path.relative_to(folder).as_posix(), *answer))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
