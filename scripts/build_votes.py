"""Write `data/ferplus/votes.npz` from FER+'s table and FER2013.

    python -m scripts.build_votes fer2013.csv fer2013new.csv

FER+ (github.com/microsoft/FERPlus, MIT) has no image names; its rows have the order of `fer2013.csv`. The file holds
the votes on the Training split, each with a checksum of its image, so that they match any edition of the dataset. It
holds no images and no labels of FER2013.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from emomusic.affect import EMOTIONS
from emomusic.face.fer2013 import PUBLISHED_COUNTS, Split, read_split
from emomusic.training.ferplus import VOTES, checksums

# FER+ columns in the order of `Emotion`; contempt, unknown and no-face have no counterpart
_COLUMNS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")


def main() -> None:
    """Read both tables and write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("fer2013", type=Path, help="Kaggle's fer2013.csv")
    parser.add_argument("ferplus", type=Path, help="fer2013new.csv of FER+")
    arguments = parser.parse_args()
    table = pd.read_csv(arguments.ferplus)
    table = table.rename(columns=lambda name: name.removeprefix("ferplus_"))
    votes = table.loc[table["Usage"] == "Training", list(_COLUMNS)].to_numpy(np.uint8)
    faces = read_split(arguments.fer2013, Split.TRAIN)
    if not len(votes) == len(faces.images) == PUBLISHED_COUNTS[Split.TRAIN]:
        raise ValueError(f"expected {PUBLISHED_COUNTS[Split.TRAIN]} rows in both tables. Received: {len(votes)}")
    VOTES.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(VOTES, allow_pickle=False, pictures=checksums(faces.images), votes=votes)
    agreeing = (votes.argmax(axis=1) == faces.labels)[votes.any(axis=1)].mean()
    print(f"{VOTES}: {len(votes):,} pictures, {VOTES.stat().st_size / 1e6:.2f} MB; {len(EMOTIONS)} emotions")
    print(f"the FER+ majority agrees with FER2013's label on {agreeing:.1%}")


if __name__ == "__main__":
    main()
