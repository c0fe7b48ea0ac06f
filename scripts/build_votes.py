"""Write `data/ferplus/votes.npz` from FER+'s table and FER2013.

    python -m scripts.build_votes fer2013.csv fer2013new.csv

FER+ (github.com/microsoft/FERPlus, MIT) has no image names; its rows have the order of `fer2013.csv`. The file holds
the votes on each split, each with a checksum of its image, so that they match any edition of the dataset. It holds no
images and no labels of FER2013.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from emomusic.affect import EMOTIONS
from emomusic.faces.fer2013 import PUBLISHED_COUNTS, USAGE_TO_SPLIT, read_fer2013
from emomusic.training.ferplus import VOTES, checksums

# FER+ columns in the order of `ferplus.COLUMNS`
_COLUMNS = (
    "anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral", "contempt", "unknown", "NF",
)  # fmt: skip


def main() -> None:
    """Read both tables and write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("fer2013", type=Path, help="Kaggle's fer2013.csv")
    parser.add_argument("ferplus", type=Path, help="fer2013new.csv of FER+")
    arguments = parser.parse_args()
    table = pd.read_csv(arguments.ferplus)
    table = table.rename(columns=lambda name: name.removeprefix("ferplus_"))
    arrays = {}
    for usage, split in USAGE_TO_SPLIT.items():
        votes = table.loc[table["Usage"] == usage, list(_COLUMNS)].to_numpy(np.uint8)
        faces = read_fer2013(arguments.fer2013, [split])[split]
        if not len(votes) == len(faces.images) == PUBLISHED_COUNTS[split]:
            raise ValueError(f"expected {PUBLISHED_COUNTS[split]} rows in both tables. Received: {len(votes)}")
        arrays |= {f"{split}_pictures": checksums(faces.images), f"{split}_votes": votes}
        emotions = votes[:, : len(EMOTIONS)]
        agreeing = (emotions.argmax(axis=1) == faces.labels)[emotions.any(axis=1)].mean()
        print(f"{usage}: {len(votes):,} pictures; most votes agree with FER2013's label on {agreeing:.1%}")
    VOTES.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(VOTES, allow_pickle=False, **arrays)
    print(f"{VOTES}: {VOTES.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
