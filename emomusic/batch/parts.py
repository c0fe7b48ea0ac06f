"""The results of a batch: Parquet datasets of faces and pictures, in numbered parts.

A unit of work becomes one part of each dataset. The part of the pictures is written last: it marks the unit as done.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from emomusic.affect import EMOTIONS
from emomusic.batch.storage import BatchError, Folder

PICTURES, FACES = "pictures", "faces"
"""Folders of the datasets."""

SUMMARY = "summary.json"

_AFFECT = [("emotion", pa.string()), ("valence", pa.float64()), ("arousal", pa.float64()), ("quadrant", pa.string())]

FACE_SCHEMA: Any = pa.schema(
    [
        ("picture", pa.string()),
        ("time_s", pa.float64()),
        ("face", pa.int32()),
        *((side, pa.int32()) for side in ("x", "y", "width", "height")),
        ("confidence", pa.float64()),
        *((emotion.value, pa.float32()) for emotion in EMOTIONS),
        *_AFFECT,
    ]
)
"""Columns of the faces: one row for each face, in films for each face of each reading."""

PICTURE_SCHEMA: Any = pa.schema(
    [
        ("picture", pa.string()),
        ("kind", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("duration_s", pa.float64()),
        ("num_faces", pa.int32()),
        *_AFFECT,
        ("error", pa.string()),
    ]
)
"""Columns of the pictures: one row for each picture or film."""

PICTURE, FILM = "picture", "film"
"""Values of the column `kind`."""

_SETTINGS = b"emomusic"  # key in the metadata of the parts
_PART = re.compile(r"part-(\d{6,})\.parquet")
_SENTENCE_END = re.compile(r"[.;:,]")  # a comma: the reason, then what follows from it

NUM_EXAMPLES = 5
"""Failures that the summary names at most."""


def failure_row(name: str, *, is_film: bool, error: str) -> dict[str, Any]:
    """The row for a picture or film that cannot be read."""
    return {"picture": name, "kind": FILM if is_film else PICTURE, "error": error}


class Dataset:
    """The datasets in a folder."""

    def __init__(self, out: str, settings: str = "") -> None:
        """Find the folder, a local path or URI, which need not exist. Raises as `Folder`.

        Rows depend on the settings, kept in each part. A run continues only one with the same settings.
        """
        self.folder, self._settings = Folder(out), settings

    def has_results(self) -> bool:
        """Whether the folder has parts or a summary."""
        return bool(self._parts(PICTURES) or self._parts(FACES) or SUMMARY in self.folder.names(""))

    def write_part(self, number: int, pictures: Sequence[Mapping[str, Any]], faces: Any) -> None:
        """Write a part of both datasets, that of the pictures last.

        Args:
            number: of the part.
            pictures: rows with columns of `PICTURE_SCHEMA`. Missing ones are null.
            faces: a table with the columns of `FACE_SCHEMA`.
        """
        for dataset, table in ((FACES, faces), (PICTURES, pa.Table.from_pylist(pictures, PICTURE_SCHEMA))):
            file = pa.BufferOutputStream()
            settings = {_SETTINGS: self._settings}
            pq.write_table(table.replace_schema_metadata(settings), file, compression="zstd")
            self.folder.write(_part_name(dataset, number), file.getvalue())

    def scan(self) -> tuple[set[str], int]:
        """Find what the datasets hold. Unfinished parts, as a killed run leaves them, are deleted.

        Returns:
            The names of the pictures and films with a row, and the highest number of a part, which is 0 without parts.

        Raises:
            BatchError: a part is damaged or has other settings, or the folder cannot be read.
        """
        for dataset in (FACES, PICTURES):
            for name in self.folder.names(dataset):
                if name.startswith(".part-"):
                    self.folder.delete(f"{dataset}/{name}")
        pictures, faces = self._parts(PICTURES), self._parts(FACES)
        for number in pictures ^ faces:
            for dataset in (PICTURES, FACES):
                self.folder.delete(_part_name(dataset, number))
        names: set[str] = set()
        for number in sorted(pictures & faces):
            table = self._read(PICTURES, number, ["picture"])
            settings = (table.schema.metadata or {}).get(_SETTINGS, b"").decode()
            if settings and self._settings and settings != self._settings:
                raise BatchError(
                    f"expected results with {self._settings}. Received: results with {settings}. "
                    "Use the same options, or choose another folder"
                )
            names.update(table["picture"].to_pylist())
        return names, max(pictures & faces, default=0)

    def summary(self) -> dict[str, Any]:
        """The figures of the datasets.

        Returns:
            `pictures`, `films`, `faces`, `failed`, `reasons` (number by kind of reason), `emotions` (number of faces by
            emotion) and `examples` (name and error of the first failures).

        Raises:
            BatchError: a part is damaged, or the folder cannot be read.
        """
        kinds: Counter[str] = Counter()
        reasons: Counter[str] = Counter()
        emotions: Counter[str] = Counter()
        examples: list[tuple[str, str]] = []
        for number in sorted(self._parts(PICTURES)):
            table = self._read(PICTURES, number, ["picture", "kind", "error"])
            failed = table.filter(pc.is_valid(table["error"])).to_pylist()
            kinds.update(_counts(table["kind"]))
            reasons.update(reason_of_error(row["error"]) for row in failed)
            emotions.update(_counts(self._read(FACES, number, ["emotion"])["emotion"]))
            examples += [(row["picture"], row["error"]) for row in failed[: NUM_EXAMPLES - len(examples)]]
        return {
            "pictures": kinds[PICTURE],
            "films": kinds[FILM],
            "faces": emotions.total(),
            "failed": reasons.total(),
            "reasons": dict(reasons.most_common()),
            "emotions": {emotion.value: emotions[emotion.value] for emotion in EMOTIONS},
            "examples": examples,
        }

    def _parts(self, dataset: str) -> set[int]:
        """The numbers of the parts of a dataset."""
        matches = (_PART.fullmatch(name) for name in self.folder.names(dataset))
        return {int(match[1]) for match in matches if match is not None}

    def _read(self, dataset: str, number: int, columns: list[str]) -> Any:
        name = _part_name(dataset, number)
        try:
            with self.folder.open(name) as file:
                return pq.read_table(file, columns=columns, use_threads=False)
        except (OSError, ValueError, KeyError, pa.ArrowException) as error:
            raise BatchError(
                f"expected a part of a dataset. Received: {name}, which is damaged. "
                "Delete it and the part of the other dataset with this number, and use --resume"
            ) from error


def _part_name(dataset: str, number: int) -> str:
    return f"{dataset}/part-{number:06d}.parquet"


def _counts(column: Any) -> dict[str, int]:
    return {each["values"]: each["counts"] for each in pc.value_counts(column).to_pylist()}


def reason_of_error(error: str) -> str:
    """The kind of reason in an error: its first words, without names and numbers that follow."""
    return _SENTENCE_END.split(error, maxsplit=1)[0]
