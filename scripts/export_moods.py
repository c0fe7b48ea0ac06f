"""Export the bundled mood models of scikit-learn to ONNX, without training them.

python -m scripts.export_moods
"""

from __future__ import annotations

import json

from emomusic.assets import METRICS, ModelKind, folder_of, write_checksums
from emomusic.records import write_metrics
from emomusic.songs.mood import MODEL_FILE, MOOD_MODELS
from emomusic.songs.mood_training import MoodEstimator
from emomusic.songs.stored_moods import catalogue_file, load_songs_and_moods, write_catalogue


def export() -> None:
    """Write `model.onnx` of each mood model, its size, and the checksums."""
    catalogue, stored = load_songs_and_moods()  # the same moods, if they are of the model before its export
    for name in MOOD_MODELS:
        folder = folder_of(ModelKind.MUSIC, name)
        MoodEstimator.load(folder).export(folder, catalogue.inputs)
        metrics = json.loads((folder / METRICS).read_text(encoding="utf-8"))
        metrics["bytes"] = (folder / MODEL_FILE).stat().st_size
        write_metrics(ModelKind.MUSIC, folder, metrics)
        print(f"{folder}: {metrics['bytes']:,} bytes")
    write_catalogue(catalogue_file(), catalogue, stored)
    write_checksums()


if __name__ == "__main__":
    export()
