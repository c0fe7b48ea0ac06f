"""Compare the whole pipelines of EmoMusic and other libraries on labelled photos.

Each library writes its answers for the photos in `DIR/<emotion>/` to its own table:

    python -m scripts.libraries.compare ask DIR             > ANSWERS/emomusic.csv
    python scripts/libraries/ask_fer.py DIR haar|mtcnn      > ANSWERS/fer.csv       (requires fer)
    node scripts/libraries/ask_in_node.mjs NAME DIR         > ANSWERS/NAME.csv      (requires the npm package)
    python -m scripts.libraries.compare evaluate ANSWERS…   > docs/libraries.json

`field DIR OUT` writes each photo into the centre of a grey field of twice its width and height, because some
detectors miss faces that fill the image.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from emomusic.affect import EMOTIONS
from emomusic.errors import DatasetError
from emomusic.face.images import crop_face, read_image, to_network_input
from emomusic.face.reading import load_networks
from emomusic.metrics import MISSED, SEVEN, FloatArray, score
from emomusic.training.evaluate import adjust_in_folds, labelled_pictures

GREY = (127, 127, 127)


def ask(folder: Path) -> None:
    """Write EmoMusic's answers: probabilities of the largest face in each photo, without adjustment for photos."""
    detector, classifier = load_networks()

    def probabilities_of(path: Path) -> list[float] | None:
        image = read_image(path)
        boxes = [face.box for face in detector.detect(image)]
        if not boxes:
            return None
        crop = crop_face(image, max(boxes, key=lambda box: box.width * box.height))
        return classifier.probabilities(to_network_input([crop], classifier.spec.side))[0].tolist()

    rows = csv.writer(sys.stdout)
    rows.writerow(("picture", *SEVEN))
    for path, _ in labelled_pictures(folder):
        rows.writerow((path.relative_to(folder).as_posix(), *(probabilities_of(path) or [""] * len(SEVEN))))


def field(folder: Path, out: Path) -> None:
    """Write each photo into the centre of a grey field of twice its width and height."""
    for path, _ in labelled_pictures(folder):
        picture = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
        canvas = Image.new("RGB", (2 * picture.width, 2 * picture.height), GREY)
        canvas.paste(picture, (picture.width // 2, picture.height // 2))
        target = (out / path.relative_to(folder)).with_suffix(".png")  # lossless
        target.parent.mkdir(parents=True, exist_ok=True)
        canvas.save(target)


def evaluate(table: Path) -> dict[str, Any]:
    """Metrics of one table of answers, unadjusted and adjusted out of fold as for EmoMusic's models.

    The adjusted metrics are None if the library found too few faces to fit the adjustment.
    """
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    label_of = {emotion.value: emotion.label for emotion in EMOTIONS}
    y_true = np.array([label_of[Path(row["picture"]).parts[0]] for row in rows])
    answers = np.array([[float(row[name] or "nan") for name in SEVEN] for row in rows])
    is_missed = np.isnan(answers).any(axis=1)

    def metrics(probabilities: FloatArray) -> dict[str, Any]:
        scores = score(y_true, np.where(is_missed, MISSED, np.nan_to_num(probabilities).argmax(axis=1)), SEVEN)
        return {name: scores.as_dict()[name] for name in ("accuracy", "accuracy_interval", "macro_recall")}

    try:
        adjusted = metrics(adjust_in_folds(y_true, answers, SEVEN)[0])
    except DatasetError:
        adjusted = None
    found = {"n": len(rows), "missed": int(is_missed.sum())}
    return found | {"as_it_answers": metrics(answers), "adjusted_in_folds": adjusted}


def main() -> None:
    """Run the chosen command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("ask").add_argument("folder", type=Path)
    field_parser = commands.add_parser("field")
    field_parser.add_argument("folder", type=Path)
    field_parser.add_argument("out", type=Path)
    commands.add_parser("evaluate").add_argument("folders", type=Path, nargs="+")
    options = parser.parse_args()
    if options.command == "ask":
        ask(options.folder)
    elif options.command == "field":
        field(options.folder, options.out)
    else:
        pictures = {
            folder.name: {table.stem: evaluate(table) for table in sorted(folder.glob("*.csv"))}
            for folder in options.folders
        }
        print(json.dumps(pictures, indent=2))


if __name__ == "__main__":
    main()
