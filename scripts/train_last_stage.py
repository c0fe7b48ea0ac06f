"""Train the last stage of a preset alone, from the weights of earlier stages, and write the model's folder.

`train face --network emonet_photo` repeats all stages, which takes a day on two cores. This takes the weights of its
stages from earlier commits, for example:

    git show 4a18856:models/face/emonet_photo/model.keras > stage6.keras
    git show 4e32912:models/face/emonet_photo/model.keras > stage7.keras
    python scripts/train_last_stage.py --unmet stage6.keras --start stage7.keras --fer2013 fer2013.csv \
        --posed-faces DIR --out models/face/emonet_photo

Stages have no posed faces up to `--unmet`, so the trainings without the people of one place start from there. The
figures of earlier stages are those of the folder. `--resume` continues.
"""

from __future__ import annotations

import argparse
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import pandas as pd

from emomusic.assets import HISTORY, prepare_model_folder, read_metrics
from emomusic.faces.detection import MtcnnDetector
from emomusic.faces.fer2013 import read_fer2013
from emomusic.training import train
from emomusic.training.posed import PosedFaces, read_posed_faces
from emomusic.training.presets import NETWORKS, PRESETS


@dataclass(frozen=True, eq=False)
class _Known(train._Stage):
    """A stage with the figures that its training recorded."""

    figures: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """The figures."""
        return self.figures


def main() -> None:
    """Read the data and train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--unmet", "--start", "--fer2013", "--posed-faces", "--out"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--network", default="emonet_photo", choices=NETWORKS)
    parser.add_argument("--preset", default="everyone", choices=PRESETS)
    parser.add_argument("--resume", action="store_true")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    train_last_stage(options, read_posed_faces(options.posed_faces, MtcnnDetector()))


def train_last_stage(options: argparse.Namespace, posed: PosedFaces) -> None:
    """Train the stage and those without the people of one place, and write the files."""
    run = train._Run(
        options.network, options.preset, PRESETS[options.preset], read_fer2013(options.fer2013), options.out, posed
    )
    *earlier, last = run.stages
    known, table = read_metrics(run.out)["stages"][: len(earlier)], pd.read_csv(run.out / HISTORY)
    if not options.resume:
        shutil.rmtree(run.checkpoint, ignore_errors=True)
    prepare_model_folder(run.checkpoint, ("drafts", "stage*"))
    stages = []
    for number, config in enumerate(earlier, 1):
        is_unmet = not config.posed
        model = keras.saving.load_model(options.unmet if is_unmet else options.start, compile=False)
        rows = table[table["stage"] == number].to_dict("records")
        stages.append(_Known(config, config.network or run.network, model, rows, known[number - 1]))
    trained = train._fit(run, last, stages, lambda _: None)
    met_nobody = [stage for stage in stages if not stage.config.posed]
    without = [train._fit(run, config, met_nobody, lambda _: None) for config in run.left_out]
    metrics = train._write(run, [*stages, trained], without)
    print(metrics["test"]["accuracy"])
    shutil.rmtree(run.checkpoint)


if __name__ == "__main__":
    main()
