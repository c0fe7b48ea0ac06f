"""Print how well neutral zones of several radii separate neutral faces, on PublicTest with the default model.

python -m scripts.choose_neutral_radius path/to/fer2013.csv
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from sklearn.metrics import balanced_accuracy_score

from emomusic.affect import Emotion, EmotionProbabilities, Quadrant, affect_of, quadrant_of
from emomusic.face.classifier import EmotionClassifier
from emomusic.face.fer2013 import Split, read_fer2013

RADII = (0.10, 0.15, 0.20, 0.25, 0.30, 0.35, 0.40)


def main(source: Path) -> None:
    """Print one line per radius: balanced accuracy of "neutral or not", and the share of faces predicted neutral."""
    faces = read_fer2013(source).split(Split.VALIDATION)
    probabilities = EmotionClassifier.load().probabilities(faces.images[..., None])
    points = [affect_of(EmotionProbabilities(row)) for row in probabilities]
    neutral = faces.labels == Emotion.NEUTRAL.label
    print(f"neutral by label: {neutral.mean():.1%}")
    for radius in RADII:
        zone = np.array([quadrant_of(point, neutral_radius=radius) is Quadrant.N for point in points])
        print(f"{radius:.2f}: balanced accuracy {balanced_accuracy_score(neutral, zone):.3f}, {zone.mean():.1%}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
