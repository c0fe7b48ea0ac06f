"""Pictures of a data set of faces with their emotions, from the names of folders or of files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from emomusic.affect import EMOTIONS, Emotion
from emomusic.errors import DatasetError
from emomusic.media.folders import FolderWalk
from emomusic.media.formats import PICTURE_ENDINGS

_WORDS = {
    Emotion.ANGRY: "anger angry angrily an ang mad",
    Emotion.DISGUST: "disgust disgusted disgustedly disgusting di dis",
    Emotion.FEAR: "fear fearful fearfully afraid scared af fe fea",
    Emotion.HAPPY: "happy happiness happily joy joyful smile smiling ha hap",
    Emotion.SAD: "sad sadness sadly sa",
    Emotion.SURPRISE: "surprise surprised surprisingly astonished su sur",
    Emotion.NEUTRAL: "neutral neutrality ne neu",
}
_EMOTIONS = {word: emotion for emotion, words in _WORDS.items() for word in words.split()}
# Names of mixtures in Compound Facial Expressions of Emotion that are one word
_ONE_WORD = {"appalled": "disgust_angry", "hatred": "angry_disgust", "awed": "surprise_fear"}

_ORDERS = {
    "raf-db": " surprise fear disgust happy sad angry neutral",  # from 1
    "affectnet": "neutral happy sad surprise fear disgust angry contempt",
    "fer2013": "angry disgust fear happy sad surprise neutral",
    "ck+": "neutral angry contempt disgust fear happy sad surprise",
}
"""What the numbers of each data set mean, from 0. `docs/data.md` has the sources."""
LABELS = tuple(_ORDERS)

_FILE_NAMES = {
    "kdef": re.compile(r"[AB](?P<person>[FM]\d\d)(?P<emotion>[A-Z]{2})(FL|HL|S|HR|FR)", re.IGNORECASE),
    "jaffe": re.compile(r"(?P<person>[A-Z]{2})[.-](?P<emotion>[A-Z]{2})\d+[.-]\d+", re.IGNORECASE),
}
"""Pattern of a file name without its ending. Two letters of `_WORDS` stand for the emotion."""
NAMES = tuple(_FILE_NAMES)


@dataclass(frozen=True, slots=True)
class LabelledPictures:
    """The pictures of a data set.

    Attributes:
        pictures: path and emotion, in a fixed order.
        skipped: number of pictures of other classes, such as contempt, and of other names.
        persons: number of persons, if file names tell them; otherwise None.
    """

    pictures: list[tuple[Path, Emotion]]
    skipped: int = 0
    persons: int | None = None


def labelled_pictures(folder: Path, *, labels: str | None = None, names: str | None = None) -> LabelledPictures:
    """The labelled pictures in a folder.

    Args:
        folder: holds `<emotion>/` with any usual name of an emotion, `<number>/` with `labels`, or the files with
            `names`.
        labels: the data set whose numbers name the folders, of `LABELS`.
        names: the data set whose file names tell the emotions, of `NAMES`.

    Raises:
        DatasetError: the folder is absent, has no pictures of an emotion, cannot be read whole, or has folders named by
            numbers without `labels`.
    """
    if not folder.is_dir():
        raise DatasetError(f"expected a folder with a subfolder for each emotion. Received: {folder}")
    if names is not None:
        return _by_file_names(folder, names)
    found: list[tuple[Path, Emotion]] = []
    skipped = 0
    for child in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        shown, paths = _shown_in(child.name, labels), _pictures_in(child)
        if len(shown) == 1:
            found += [(path, *shown) for path in paths]
        elif len(shown) != 2:  # a mixture, which neither of its emotions describes
            skipped += len(paths)
    if not found:
        known = ", ".join(emotion.value for emotion in EMOTIONS)
        raise DatasetError(f"expected pictures in {folder}/<emotion>/, with folders named {known}. Received: none")
    return LabelledPictures(found, skipped)


def emotions_in(folder: str) -> tuple[Emotion, ...]:
    """The emotions that a folder is named after, each once: two for a mixture; empty for other names."""
    name = folder.lower().strip()
    words = re.split(r"[\W_]+", _ONE_WORD.get(name, name))
    return tuple(dict.fromkeys(_EMOTIONS[word] for word in words if word in _EMOTIONS))


def _shown_in(name: str, labels: str | None) -> tuple[Emotion, ...]:
    """As `emotions_in`, also of a folder named by a number of a data set."""
    if not name.isdecimal():
        return emotions_in(name)
    if labels is None:
        raise DatasetError(
            f"expected --labels {'|'.join(LABELS)}, because data sets number emotions in different orders. Received: "
            f"a folder named {name} without it"
        )
    order = _ORDERS[labels].split(" ")
    return emotions_in(order[int(name)]) if int(name) < len(order) else ()


def _by_file_names(folder: Path, names: str) -> LabelledPictures:
    found, persons, skipped = [], set(), 0
    for path in _pictures_in(folder):
        match = _FILE_NAMES[names].fullmatch(path.stem)
        if match is not None and (emotion := _EMOTIONS.get(match["emotion"].lower())) is not None:
            found.append((path, emotion))
            persons.add(match["person"].upper())
        else:
            skipped += 1
    if not found:
        raise DatasetError(f"expected pictures with the names of {names.upper()} in {folder}. Received: none")
    return LabelledPictures(found, skipped, len(persons))


def _pictures_in(folder: Path) -> list[Path]:
    """The pictures in a folder and below. Raise a `DatasetError` if a part cannot be read: the figures need all."""
    walk = FolderWalk([folder], lambda name: name.lower().rpartition(".")[2] in PICTURE_ENDINGS)
    paths = [Path(entry.path) for entry in walk]
    for path, reason in walk.problems.items():
        raise DatasetError(f"expected a folder of pictures. Received: {path} ({reason})")
    return paths
