"""Reads the units of a batch: decodes, detects and classifies their pictures and films, and writes their parts."""

from __future__ import annotations

import contextlib
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from emomusic.affect import EmotionProbabilities
from emomusic.batch.parts import FACE_SCHEMA, FILM, PICTURE, BatchError, Dataset, failure_row
from emomusic.batch.sources import Item, Opener
from emomusic.compat import return_free_memory
from emomusic.errors import FilmError, ImageError
from emomusic.faces.reading import SHARES, affect_row, face_row, load_networks, read_faces
from emomusic.media.ahead import ahead
from emomusic.media.formats import HEAD_BYTES, Kind, kind_of
from emomusic.media.images import MAX_BYTES, RgbImage, read_image
from emomusic.workers import Crash

MIN_PICTURES, MAX_PICTURES = 16, 128
"""Number of pictures in a unit."""

_NUM_UNITS = 100  # of a batch, where the limits allow it: enough for progress and for an even end
_CRASHED = "This file stops the program that reads it. Choose another file."


@dataclass(frozen=True, slots=True)
class Unit:
    """Pictures, or one film, that one worker reads and writes as one part.

    Attributes:
        number: of the part, and of its first item among those of all runs, from 1.
        items: in order.
        is_retry: whether a worker died while it read these items.
    """

    number: int
    items: tuple[Item, ...]
    is_retry: bool = False

    def after_crash(self) -> list[Unit]:
        """The units to try after a worker died with this one: two halves, or a single item again, if not its fault."""
        if len(self.items) == 1:
            return [] if self.is_retry else [Unit(self.number, self.items, is_retry=True)]
        half = len(self.items) // 2
        parts = ((self.number, self.items[:half]), (self.number + half, self.items[half:]))
        return [Unit(number, items, is_retry=True) for number, items in parts]


def make_units(items: Sequence[Item], first_number: int = 1) -> list[Unit]:
    """The units of a batch: runs of 16 to 128 pictures, and each film alone."""
    size = min(max(len(items) // _NUM_UNITS, MIN_PICTURES), MAX_PICTURES)
    pictures = [item for item in items if not item.is_film]
    runs: list[tuple[Item, ...]] = [(item,) for item in items if item.is_film]
    runs += [tuple(pictures[start : start + size]) for start in range(0, len(pictures), size)]
    numbers = accumulate(map(len, runs), initial=first_number)
    return [Unit(number, run) for number, run in zip(numbers, runs, strict=False)]


def settings_of(model: str, rate: float) -> str:
    """The options that rows depend on, for `Dataset`."""
    return f"--model {model} --rate {rate:g}"


class UnitReader:
    """Reads units with networks that are loaded once. One thread uses it, and another one decodes ahead."""

    def __init__(self, model: str, out: str, rate: float) -> None:
        """Load the networks for pictures. Those for films load with the first film.

        Args:
            model: name of a trained face model.
            out: folder of the datasets, local path or URI.
            rate: readings per second of film.

        Raises:
            ModelError: there is no such model, its files are damaged, or its classes are not the seven emotions.
            BatchError: the URI is invalid.
        """
        self._dataset, self._model, self._rate = Dataset(out, settings_of(model, rate)), model, rate
        self._detector, self._classifier = load_networks(model, one_thread=True)
        self._opener = Opener()

    def read(self, unit: Unit) -> int:
        """Read a unit, write its parts, and return the number of pictures and films.

        Raises:
            BatchError: the folder cannot be written.
        """
        pictures: list[dict[str, Any]] = []
        tables = [FACE_SCHEMA.empty_table()]
        with contextlib.ExitStack() as stack:
            opened = ahead((self._open(item, stack) for item in unit.items), lambda each: each.num_bytes)
            for each in stack.enter_context(contextlib.closing(opened)):
                row, faces = self._rows(each)
                pictures.append(row)
                tables.append(faces)
        self._dataset.write_part(unit.number, pictures, pa.concat_tables(tables))
        return_free_memory()
        return len(pictures)

    def _open(self, item: Item, stack: contextlib.ExitStack) -> _Opened:
        """Decode a picture, or open a film, which the stack closes. The content decides, as in `analyze`."""
        try:
            file = stack.enter_context(self._opener.open(item))
            kind = kind_of(file, item.name)
            if kind is Kind.FILM or (item.is_film and kind is not Kind.PICTURE):  # the error of a film explains more
                return _Opened(item, film=file)
            image = read_image(file.read(MAX_BYTES + 1 if kind is Kind.PICTURE else HEAD_BYTES))
            file.close()
            return _Opened(item, image=image, num_bytes=image.nbytes)
        except ImageError as error:
            return _Opened(item, error=str(error))
        except OSError as error:
            return _Opened(item, error=f"This file cannot be read: {error.strerror or 'input error'}. Copy it again.")

    def _rows(self, opened: _Opened) -> tuple[dict[str, Any], Any]:
        """The row of a picture or film, and the table of its faces."""
        item, error = opened.item, opened.error
        if opened.film is not None:
            try:
                return self._film_rows(item.name, opened.film)
            except FilmError as problem:
                error = str(problem)
        if opened.image is None:
            is_film = item.is_film or opened.film is not None
            return failure_row(item.name, is_film=is_film, error=error), FACE_SCHEMA.empty_table()
        reading = read_faces(opened.image, self._detector, self._classifier)
        faces = [{"picture": item.name, **face_row(face)} for face in reading.faces]
        size = {"width": reading.width, "height": reading.height, "num_faces": len(faces)}
        affect = {} if reading.group is None else affect_row(reading.group)
        row = {"picture": item.name, "kind": PICTURE, **size, **affect}
        return row, pa.Table.from_pylist(faces, FACE_SCHEMA)

    def _film_rows(self, name: str, file: BinaryIO) -> tuple[dict[str, Any], Any]:
        from emomusic.media.film_file import FilmFile
        from emomusic.stream.film import FilmReading, load_film_networks, read_film  # loads FFmpeg, for films only

        with FilmFile(file) as film:
            reading, networks = FilmReading(film, self._rate), load_film_networks(self._model, one_thread=True)
            with contextlib.closing(read_film(film, networks, rate=self._rate)) as moments:
                for moment in moments:
                    reading.add(moment)
        faces = reading.faces_table()
        affect = {}
        if len(faces):
            mean = faces[SHARES].to_numpy(np.float64).mean(axis=0)
            affect = affect_row(EmotionProbabilities((mean / mean.sum()).astype(np.float32)))
        row = {
            "picture": name,
            "kind": FILM,
            "width": reading.width,
            "height": reading.height,
            "duration_s": reading.end_s if reading.duration_s is None else reading.duration_s,
            "num_faces": len(reading.faces()),
            **affect,
            "error": film.problem,
        }
        faces.insert(0, "picture", name)
        return row, pa.Table.from_pandas(faces, FACE_SCHEMA, preserve_index=False)


@dataclass(frozen=True, slots=True, eq=False)
class _Opened:
    """A decoded picture, an opened film, or the reason why there is neither."""

    item: Item
    image: RgbImage | None = None
    film: BinaryIO | None = None
    error: str = ""
    num_bytes: int = 0


def read_units(
    units: Iterable[Unit],
    engine: Callable[..., Generator[tuple[Any, Any]]],
    load: Callable[[], UnitReader],
    dataset: Dataset,
    on_read: Callable[[int], None],
) -> None:
    """Read units in processes. Units of processes that die are halved, until one picture is to blame.

    Args:
        units: in this order.
        engine: `run_in_processes`, or `batch.ray.run_on_cluster`, with its options.
        load: makes the reader of a process.
        dataset: of the results.
        on_read: takes the number of pictures and films of each finished unit.

    Raises:
        BatchError: a process cannot start, or the folder cannot be written.
        ModelError: there is no such model, or its files are damaged.
    """
    calls: deque[Unit | None] = deque([None, *units])  # the first call only loads the networks
    with contextlib.closing(engine(calls, _read, partial(_load, load))) as results:
        try:
            for unit, result in results:
                if not isinstance(result, Crash):
                    on_read(result)
                elif unit is None:
                    raise BrokenProcessPool(result.reason)
                elif rest := unit.after_crash():
                    calls.extendleft(reversed(rest))
                else:
                    rows = [failure_row(item.name, is_film=item.is_film, error=_CRASHED) for item in unit.items]
                    dataset.write_part(unit.number, rows, FACE_SCHEMA.empty_table())
                    on_read(len(rows))
        except BrokenProcessPool as error:
            raise BatchError(
                f"expected a worker process to load the networks. Received: {error}. Use fewer workers if memory is "
                "short. On a cluster, all nodes need the same versions of Python and of EmoMusic"
            ) from error


def _load(load: Callable[[], UnitReader]) -> UnitReader:
    sys.stdout = sys.stderr  # standard output of a worker has the answer of the command
    return load()


def _read(reader: UnitReader, unit: Unit | None) -> int:
    return 0 if unit is None else reader.read(unit)
