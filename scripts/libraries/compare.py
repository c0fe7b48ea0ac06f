"""Compare EmoMusic with other libraries on labelled photographs, each asked through its whole pipeline.

Each library writes what it answers for the photographs of `DIR/<emotion>/` into a table of its own:

    python -m scripts.libraries.compare ask DIR             > ANSWERS/emomusic.csv
    python scripts/libraries/ask_fer.py DIR haar|mtcnn      > ANSWERS/fer.csv       (where fer is installed)
    node scripts/libraries/ask_in_node.mjs NAME DIR         > ANSWERS/NAME.csv      (where they are installed)
    python -m scripts.libraries.compare judge ANSWERS…      > docs/libraries.json

`field DIR OUT` writes the photographs once more, each in the middle of a grey field twice as wide and high: detectors
that expect some surroundings miss faces that fill the picture.
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
    """Write EmoMusic's answers: probabilities for the largest face of each picture, not adjusted for photographs."""
    detector, classifier = load_networks()

    def answer(path: Path) -> list[float] | None:
        image = read_image(path)
        boxes = [face.box for face in detector.detect(image)]
        if not boxes:
            return None
        crop = crop_face(image, max(boxes, key=lambda box: box.width * box.height))
        return classifier.probabilities(to_network_input([crop], classifier.spec.side))[0].tolist()

    rows = csv.writer(sys.stdout)
    rows.writerow(("picture", *SEVEN))
    for path, _ in labelled_pictures(folder):
        rows.writerow((path.relative_to(folder).as_posix(), *(answer(path) or [""] * len(SEVEN))))


def field(folder: Path, out: Path) -> None:
    """Write each picture in the middle of a grey field twice as wide and twice as high."""
    for path, _ in labelled_pictures(folder):
        picture = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
        whole = Image.new("RGB", (2 * picture.width, 2 * picture.height), GREY)
        whole.paste(picture, (picture.width // 2, picture.height // 2))
        target = (out / path.relative_to(folder)).with_suffix(".png")  # loses nothing
        target.parent.mkdir(parents=True, exist_ok=True)
        whole.save(target)


def judge(table: Path) -> dict[str, Any]:
    """Figures of one table of answers: as they are, and adjusted as EmoMusic's models are, each by the other folds.

    The latter is None where too few faces were found to adjust by.
    """
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    label_of = {emotion.value: emotion.label for emotion in EMOTIONS}
    y_true = np.array([label_of[Path(row["picture"]).parts[0]] for row in rows])
    answers = np.array([[float(row[name] or "nan") for name in SEVEN] for row in rows])
    is_missed = np.isnan(answers).any(axis=1)

    def figures(judged: FloatArray) -> dict[str, Any]:
        scores = score(y_true, np.where(is_missed, MISSED, np.nan_to_num(judged).argmax(axis=1)), SEVEN)
        kept = ("accuracy", "accuracy_interval", "macro_recall")
        return {name: scores.as_dict()[name] for name in kept}

    try:
        adjusted = figures(adjust_in_folds(y_true, answers, SEVEN)[0])
    except DatasetError:
        adjusted = None
    found = {"n": len(rows), "missed": int(is_missed.sum())}
    return found | {"as_it_answers": figures(answers), "adjusted_in_folds": adjusted}


def main() -> None:
    """Ask, write the fields, or judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("ask").add_argument("folder", type=Path)
    of_field = commands.add_parser("field")
    of_field.add_argument("folder", type=Path)
    of_field.add_argument("out", type=Path)
    commands.add_parser("judge").add_argument("folders", type=Path, nargs="+")
    options = parser.parse_args()
    if options.command == "ask":
        ask(options.folder)
    elif options.command == "field":
        field(options.folder, options.out)
    else:
        pictures = {
            folder.name: {table.stem: judge(table) for table in sorted(folder.glob("*.csv"))}
            for folder in options.folders
        }
        print(json.dumps(pictures, indent=2))


if __name__ == "__main__":
    main()
