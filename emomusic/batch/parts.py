"""The results of a batch: Parquet datasets of faces and pictures, in numbered parts.

The folder is local or at a remote location such as `s3://bucket/folder`, through `pyarrow.fs`. A unit of work becomes
one part of each dataset. The part of the pictures is written last: it marks the unit as done.
"""

from __future__ import annotations

import contextlib
import re
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import fs

from emomusic.affect import EMOTIONS
from emomusic.assets import locked
from emomusic.errors import BatchError

PICTURES, FACES = "pictures", "faces"
"""Folders of the datasets."""

SUMMARY = "summary.json"

_AFFECT = [("emotion", pa.string()), ("valence", pa.float64()), ("arousal", pa.float64()), ("quadrant", pa.string())]

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
        ("note", pa.string()),
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


_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")  # two letters at least: C:// is a drive
_CREDENTIALS = re.compile(r"://[^/\s@]*@")
_OBJECT_STORES = ("s3", "gcs", "abfs")  # they have no folders, and a file appears there only when it is complete

STORAGE_ERRORS = (OSError, ValueError, NotImplementedError, pa.ArrowException)
"""Errors of file systems."""


def is_uri(text: str) -> bool:
    """Whether a location is remote, or a `file://` URI."""
    return _URI.match(text) is not None


@cache
def file_system(location: str) -> tuple[Any, str]:
    """The file system of a local path or URI, and the path in it. Raise a `BatchError` if the URI is invalid."""
    if not is_uri(location):
        return fs.LocalFileSystem(), str(Path(location).absolute())
    try:
        system, path = fs.FileSystem.from_uri(location)
    except (*STORAGE_ERRORS, TypeError) as error:
        raise BatchError(
            f"expected a URI such as s3://bucket/folder. Received: {public_name(location)} ({reason_of(error)})"
        ) from error
    return system, path


def public_name(location: str, path: str | None = None) -> str:
    """A location for messages, a URI without credentials (before "@") and options (after "?").

    Args:
        location: local path or URI.
        path: replaces that of the URI.
    """
    if not is_uri(location):
        return location
    scheme, rest = location.split("://", 1)
    return f"{scheme}://{rest.split('?')[0].rpartition('@')[2] if path is None else path}"


def reason_of(error: BaseException) -> str:
    """The reason in an error of the system or of Arrow, in one line and without credentials."""
    text = getattr(error, "strerror", None) or str(error)
    return " ".join(_CREDENTIALS.sub("://", text).split())[:200].rstrip(".")


class Dataset:
    """The datasets in a folder, local or remote, whose files are read and written as a whole.

    Attributes:
        name: the name of the folder for messages, without credentials.
    """

    def __init__(self, out: str, settings: str = "") -> None:
        """Find the folder, a local path or URI, which need not exist. Raises as `file_system`.

        Rows depend on the settings, kept in each part. A run continues only one with the same settings.
        """
        self.name, self._settings = public_name(out), settings
        self._system, self._path = file_system(out)

    def has_results(self) -> bool:
        """Whether the folder has parts or a summary."""
        return bool(self._parts(PICTURES) or self._parts(FACES) or SUMMARY in self.names(""))

    def write_part(self, number: int, pictures: Sequence[Mapping[str, Any]], faces: Any) -> None:
        """Write a part of both datasets, that of the pictures last.

        Args:
            number: the number of the part.
            pictures: rows with columns of `PICTURE_SCHEMA`. Missing ones are null.
            faces: a table from `Faces.arrow`.
        """
        for dataset, table in ((FACES, faces), (PICTURES, pa.Table.from_pylist(pictures, PICTURE_SCHEMA))):
            file = pa.BufferOutputStream()
            settings = {_SETTINGS: self._settings}
            pq.write_table(table.replace_schema_metadata(settings), file, compression="zstd")
            self.write(_part_name(dataset, number), file.getvalue())

    def scan(self) -> tuple[set[str], int]:
        """Find what the datasets hold. Unfinished parts, as a killed run leaves them, are deleted.

        Returns:
            The names of the pictures and films with a row, and the highest number of a part, which is 0 without parts.

        Raises:
            BatchError: a part is damaged or has other settings, or the folder cannot be read.
        """
        for dataset in (FACES, PICTURES):
            for name in self.names(dataset):
                if name.startswith(".part-"):
                    self.delete(f"{dataset}/{name}")
        pictures, faces = self._parts(PICTURES), self._parts(FACES)
        for number in pictures ^ faces:
            for dataset in (PICTURES, FACES):
                self.delete(_part_name(dataset, number))
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
            # the kind of reason: the first words of the error, without names and numbers that follow
            reasons.update(_SENTENCE_END.split(row["error"], maxsplit=1)[0] for row in failed)
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
        matches = (_PART.fullmatch(name) for name in self.names(dataset))
        return {int(match[1]) for match in matches if match is not None}

    def _read(self, dataset: str, number: int, columns: list[str]) -> Any:
        name = _part_name(dataset, number)
        with self._errors(name):
            opened = self._system.open_input_file(f"{self._path}/{name}")
        try:
            with opened as file:
                return pq.read_table(file, columns=columns, use_threads=False)
        except (OSError, ValueError, KeyError, pa.ArrowException) as error:
            raise BatchError(
                f"expected a part of a dataset. Received: {name}, which is damaged. "
                "Delete it and the part of the other dataset with this number, and use --resume"
            ) from error

    # Files

    def names(self, subfolder: str) -> list[str]:
        """The sorted names of the files in a subfolder; empty if there is no such folder."""
        selector = fs.FileSelector(f"{self._path}/{subfolder}".rstrip("/"), allow_not_found=True)
        with self._errors(subfolder):
            found = self._system.get_file_info(selector)
        return sorted(info.base_name for info in found if info.type == fs.FileType.File)

    def write(self, name: str, data: Any) -> None:
        """Write bytes or an Arrow buffer. The file appears under its name only when it is complete."""
        parent, _, base = f"{self._path}/{name}".rpartition("/")
        with self._errors(name):
            if self._system.type_name in _OBJECT_STORES:
                part = base
            else:
                self._system.create_dir(parent, recursive=True)
                part = f".{base}.{uuid.uuid4().hex}"  # Parquet readers ignore hidden files
            try:
                with self._system.open_output_stream(f"{parent}/{part}") as file:
                    file.write(data)
                if part != base:
                    self._system.move(f"{parent}/{part}", f"{parent}/{base}")
            except STORAGE_ERRORS:
                if part != base:
                    with contextlib.suppress(*STORAGE_ERRORS):
                        self._system.delete_file(f"{parent}/{part}")
                raise

    def delete(self, name: str) -> None:
        """Delete a file, if it exists."""
        with self._errors(name), contextlib.suppress(FileNotFoundError):
            self._system.delete_file(f"{self._path}/{name}")

    def locked(self) -> AbstractContextManager[None]:
        """Hold the folder for this process, if it is local. The lock ends with the process.

        Raises:
            BatchError: another process holds it, or it cannot be made.
        """
        if self._system.type_name != "local":
            return contextlib.nullcontext()
        with self._errors(".lock"):
            Path(self._path).mkdir(parents=True, exist_ok=True)
        return locked(Path(self._path, ".lock"), self.name, BatchError)

    @contextlib.contextmanager
    def _errors(self, name: str) -> Iterator[None]:
        """Turn errors of the file system into a sentence."""
        try:
            yield
        except STORAGE_ERRORS as error:
            raise BatchError(
                f"expected to read and write {self.name.rstrip('/')}/{name}. Received: {reason_of(error)}. "
                "Check the folder and its permissions"
            ) from error


def _part_name(dataset: str, number: int) -> str:
    return f"{dataset}/part-{number:06d}.parquet"


def _counts(column: Any) -> dict[str, int]:
    return {pair["values"]: pair["counts"] for pair in pc.value_counts(column).to_pylist()}
