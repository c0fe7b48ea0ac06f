"""Reads the units of a batch: decodes, detects and classifies their pictures and films, and writes their parts."""

from __future__ import annotations

import contextlib
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache, partial
from itertools import accumulate
from typing import Any, BinaryIO

import pyarrow as pa

from emomusic import runtime
from emomusic.batch.parts import FILM, PICTURE, Dataset
from emomusic.batch.sources import Item, open_item
from emomusic.compat import return_free_memory
from emomusic.errors import BatchError, FilmError, ImageError
from emomusic.faces.reading import load_networks, read_picture
from emomusic.faces.table import NO_FACES, Faces, affect_row
from emomusic.media.formats import HEAD_BYTES, Kind, kind_of
from emomusic.media.images import MAX_RAW_BYTES, DecodedPicture, read_picture_file
from emomusic.workers import Crash, ahead

MIN_PICTURES, MAX_PICTURES = 16, 128
"""Number of pictures in a unit."""

_NUM_UNITS = 100  # units of a batch, where the limits allow it: enough for progress and for an even end
_no_faces = cache(NO_FACES.arrow)  # takes up to 0.3 ms to make
_PICTURES_AHEAD = 2  # each takes up to 150 MB
_CRASHED = "This file stops the program that reads it. Choose another file."


@dataclass(frozen=True, slots=True)
class Unit:
    """Pictures, or one film, that one worker reads and writes as one part.

    Attributes:
        number: the number of the part, and of its first item among those of all runs, from 1.
        items: the pictures in order, or the film.
    """

    number: int
    items: tuple[Item, ...]

    def halves(self) -> list[Unit]:
        """Two units with half of the items each; none for a single item."""
        half = len(self.items) // 2
        parts = ((self.number, self.items[:half]), (self.number + half, self.items[half:]))
        return [Unit(number, items) for number, items in parts if half]


def make_units(items: Sequence[Item], first_number: int = 1) -> list[Unit]:
    """The units of a batch: runs of 16 to 128 pictures, and each film alone."""
    size = min(max(len(items) // _NUM_UNITS, MIN_PICTURES), MAX_PICTURES)
    pictures = [item for item in items if not item.is_film]
    runs: list[tuple[Item, ...]] = [(item,) for item in items if item.is_film]
    runs += [tuple(pictures[start : start + size]) for start in range(0, len(pictures), size)]
    numbers = accumulate(map(len, runs), initial=first_number)
    return [Unit(number, run) for number, run in zip(numbers, runs, strict=False)]


_Rows = tuple[dict[str, Any], Any]
"""The row of a picture or film, and the table of its faces."""


def _rows(name: str, kind: str, size: Any, faces: Faces, num_faces: int, **more: Any) -> _Rows:
    """The row of a picture or film, which has the size of its reading, and its faces."""
    mean = faces.mean()
    row = {"picture": name, "kind": kind, "width": size.width, "height": size.height, "num_faces": num_faces}
    return row | ({} if mean is None else affect_row(mean)) | more, faces.arrow(name)


def _no_rows(name: str, *, is_film: bool, error: str) -> _Rows:
    """The row of a picture or film that cannot be read."""
    return {"picture": name, "kind": FILM if is_film else PICTURE, "error": error}, _no_faces()


class UnitReader:
    """Reads units with networks that are loaded once. One thread uses it, and another one decodes ahead."""

    def __init__(self, dataset: Dataset, model: str, rate: float | None, *, posed: bool = False) -> None:
        """Load the networks for pictures. Those for films load with the first film.

        Args:
            dataset: takes the parts.
            model: name of a trained face model.
            rate: readings per second of film; None for the default, and for fewer where nothing changes.
            posed: whether people pulled the faces for a camera.

        Raises:
            ModelError: as of `load_networks`.
        """
        self._dataset, self._rate, self._model, self._posed = dataset, rate, model, posed
        load_networks(model, posed=posed)  # report a problem before the first picture

    def read(self, unit: Unit) -> int:
        """Read a unit, write its parts, and return the number of pictures and films.

        Raises:
            BatchError: the folder cannot be written.
        """
        pictures: list[dict[str, Any]] = []
        tables = [_no_faces()]
        with contextlib.ExitStack() as stack:
            opened = ahead((self._open(item, stack) for item in unit.items), _PICTURES_AHEAD)
            for read_rows in stack.enter_context(contextlib.closing(opened)):
                row, faces = read_rows()
                pictures.append(row)
                tables.append(faces)
        self._dataset.write_part(unit.number, pictures, pa.concat_tables(tables))
        return_free_memory()
        return len(pictures)

    def _open(self, item: Item, stack: contextlib.ExitStack) -> Callable[[], _Rows]:
        """Decode a picture, or open a film, which the stack closes; what reads its faces. The content decides."""
        try:
            file = stack.enter_context(open_item(item))
            kind = kind_of(file, item.name)
            if kind is Kind.FILM or (item.is_film and kind is not Kind.PICTURE):  # the error of a film explains more
                return partial(self._film_rows, item.name, file)
            picture = read_picture_file(file.read(MAX_RAW_BYTES + 1 if kind is Kind.PICTURE else HEAD_BYTES))
            file.close()
            return partial(self._picture_rows, item.name, picture)
        except ImageError as error:
            reason = str(error)
        except OSError as error:
            reason = f"This file cannot be read: {error.strerror or 'input error'}. Copy it again."
        return partial(_no_rows, item.name, is_film=item.is_film, error=reason)

    def _picture_rows(self, name: str, picture: DecodedPicture) -> _Rows:
        reading = read_picture(picture, partial(load_networks, self._model), posed=self._posed)
        return _rows(name, PICTURE, reading, reading.faces, len(reading.faces), note=reading.note)

    def _film_rows(self, name: str, file: BinaryIO) -> _Rows:
        from emomusic.media.film_file import FilmFile
        from emomusic.stream.film import DEFAULT_RATE, FilmReading  # loads FFmpeg, for films only

        try:
            with FilmFile(file) as film:
                networks = load_networks(self._model, posed=self._posed)
                reading, is_every = FilmReading(film, self._rate or DEFAULT_RATE), self._rate is not None
                with contextlib.closing(reading.read(film, networks, every=is_every)) as moments:
                    deque(moments, maxlen=0)
        except FilmError as error:
            return _no_rows(name, is_film=True, error=str(error))
        duration_s, persons = reading.end_s if reading.duration_s is None else reading.duration_s, reading.persons()
        more = {"duration_s": duration_s, "error": film.problem, "note": film.note}
        return _rows(name, FILM, reading, reading.faces(), len(persons), **more)


def read_units(
    units: Iterable[Unit],
    engine: Callable[..., Generator[tuple[Any, Any]]],
    load: Callable[[], UnitReader],
    dataset: Dataset,
) -> Generator[int]:
    """Read units in processes, and yield the number of pictures and films of each.

    Units whose processes die twice are halved, until one picture is to blame.

    Args:
        units: the units in the order to read them.
        engine: `run_in_processes`, or `batch.ray.run_on_cluster`, with its options.
        load: makes the reader of a process.
        dataset: the dataset of the results.

    Raises:
        BatchError: a process cannot start, or the folder cannot be written.
        ModelError: there is no such model, or its files are damaged.
    """
    calls: deque[Unit | None] = deque([None, *units])  # the first call only loads the networks
    with contextlib.closing(engine(calls, _read, partial(_load, load))) as results:
        try:
            for unit, result in results:
                if not isinstance(result, Crash):
                    yield result
                elif unit is None:
                    raise BrokenProcessPool(result.reason)
                elif rest := unit.halves():
                    calls.extendleft(reversed(rest))
                else:
                    (item,) = unit.items
                    row, faces = _no_rows(item.name, is_film=item.is_film, error=_CRASHED)
                    dataset.write_part(unit.number, [row], faces)
                    yield 1
        except BrokenProcessPool as error:
            raise BatchError(
                f"expected a worker process to load the networks. Received: {error}. Use fewer workers if memory is "
                "short. On a cluster, all nodes need the same versions of Python and of EmoMusic"
            ) from error


def _load(load: Callable[[], UnitReader]) -> UnitReader:
    sys.stdout = sys.stderr  # standard output of a worker has the answer of the command
    runtime.is_one_of_many = True
    return load()


def _read(reader: UnitReader, unit: Unit | None) -> int:
    return 0 if unit is None else reader.read(unit)
