"""One film on the page: a thread reads it, then draws its marks. The page and its fragments watch."""

from __future__ import annotations

import atexit
import io
import logging
import shutil
import tempfile
import threading
import time
import weakref
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import IO, BinaryIO, cast

import cv2

from emomusic.affect import AffectPoint, Emotion
from emomusic.compat import return_free_memory
from emomusic.errors import EmomusicError, FilmError
from emomusic.face.film import FilmMoment, FilmNetworks, FilmReading, read_film
from emomusic.face.film_file import FilmFile
from emomusic.face.images import RgbImage, crop_face, encode_jpeg, shrink
from emomusic.face.live.timeline import Segment
from emomusic.plots.film import annotate_film
from emomusic.plots.picture import ROOM_AROUND, marked_frame
from emomusic.text import format_clock, size_over

log = logging.getLogger(__name__)

MAX_S = 30 * 60
MAX_MB = 500

THREAD_NAME = "film"
"""Name of the threads, so that they can be counted."""

PORTRAIT = 96
"""Side of a face's picture in pixels."""

_PREVIEW_SIDE = 960
_PREVIEW_INTERVAL_S = 0.5
_SETTLED_S = 10.0  # the mood of a first scene of this length hardly changes
_MOST_PORTRAITS = 100
_END_TIMEOUT_S = 5.0
_LARGER = 1.5  # a portrait is replaced by one of a box this much wider

# Each decoder holds up to 300 MB and uses all cores, so further films wait.
_slots = threading.BoundedSemaphore(2)

_works: weakref.WeakKeyDictionary[threading.Thread, _Work] = weakref.WeakKeyDictionary()


@atexit.register
def _end_threads() -> None:
    """End all threads. Python would stop them within C++ code, which aborts the process."""
    threads = list(_works.items())
    for _, work in threads:
        work.close()
    for thread, _ in threads:
        thread.join(_END_TIMEOUT_S)


class Phase(StrEnum):
    """State of a job."""

    WAITING = "waiting"  # for the films of other visitors
    READING = "reading"
    MARKING = "marking"
    OVER = "over"


class _Work:
    """What the thread and the page share. It does not refer to the job, so a forgotten job ends its thread."""

    def __init__(self, name: str, file: BinaryIO) -> None:
        self.name, self.file = name, file
        self.phase = Phase.WAITING
        self.share = 0.0
        self.began_s = time.monotonic()
        self.reading: FilmReading | None = None
        self.error: str | None = None
        self.problem: str | None = None
        self.preview: bytes | None = None
        self.marked: bytes | None = None
        self.portraits: dict[int, tuple[int, bytes]] = {}
        self.cancelled, self.closed = threading.Event(), threading.Event()

    def enter(self, phase: Phase) -> None:
        self.phase, self.share, self.began_s = phase, 0.0, time.monotonic()

    def close(self) -> None:
        """End the thread, which then closes the file."""
        self.cancelled.set()
        self.closed.set()


class FilmJob:
    """A film that is being read or was read. Its thread ends and its file closes when nothing refers to it."""

    def __init__(self, name: str, file: BinaryIO, networks: Callable[[], FilmNetworks]) -> None:
        """Start to read a film.

        Args:
            name: of the film.
            file: an open file, which the job closes.
            networks: returns the networks. The thread calls it, so it may take long.
        """
        self._work = work = _Work(name, file)
        self._finish = weakref.finalize(self, work.close)
        self._thread = threading.Thread(target=_run, args=(work, networks), name=THREAD_NAME, daemon=True)
        _works[self._thread] = work
        self._thread.start()
        self._scenes: tuple[int, list[Segment]] = (0, [])
        self._chosen: dict[int, tuple[AffectPoint, Emotion]] = {}

    @property
    def name(self) -> str:
        """Name of the film."""
        return self._work.name

    @property
    def phase(self) -> Phase:
        """Current state."""
        return self._work.phase

    @property
    def is_reading(self) -> bool:
        """Whether readings may still arrive."""
        return self._work.phase in (Phase.WAITING, Phase.READING)

    @property
    def share(self) -> float:
        """Finished part of the phase, 0 to 1."""
        return self._work.share

    @property
    def reading(self) -> FilmReading | None:
        """The readings so far; None before the film is open."""
        return self._work.reading

    @property
    def error(self) -> str | None:
        """Why there are no readings; None if there are, or before the end."""
        return self._work.error

    @property
    def problem(self) -> str | None:
        """Why the readings are incomplete; None if they are complete."""
        return self._work.problem

    @property
    def preview(self) -> bytes | None:
        """The current frame with its faces, as JPEG."""
        return self._work.preview

    @property
    def marked(self) -> bytes | None:
        """The film with its faces marked, as MP4; None until it is drawn."""
        return self._work.marked

    @property
    def is_cancelled(self) -> bool:
        """Whether the visitor stopped the reading."""
        return self._work.cancelled.is_set()

    def portrait(self, number: int) -> bytes | None:
        """A picture of a face, as JPEG."""
        found = self._work.portraits.get(number)
        return None if found is None else found[1]

    def seconds_left(self) -> float | None:
        """Estimate for the current phase; None if it is too early."""
        elapsed_s, share = time.monotonic() - self._work.began_s, self._work.share
        return None if share < 0.01 or elapsed_s < 1 else elapsed_s * (1 - share) / share

    def scenes(self) -> list[Segment]:
        """The scenes so far. While the film is read, the last one may change."""
        reading = self.reading
        count = 0 if reading is None else len(reading)
        if reading is not None and count != self._scenes[0]:
            self._scenes = count, reading.scenes()
        return self._scenes[1]

    def has_answer(self) -> bool:
        """Whether the first scene is known well enough for a song."""
        scenes = self.scenes()
        return not self.is_reading or len(scenes) > 1 or (len(scenes) == 1 and scenes[0].seconds >= _SETTLED_S)

    def mood_of(self, scene: int) -> tuple[AffectPoint, Emotion]:
        """Position and emotion of a scene. They stay as first asked, so that its song does not change."""
        if scene not in self._chosen:
            scenes = self.scenes()
            segment = scenes[min(scene, len(scenes) - 1)]  # the last ones may have been joined meanwhile
            self._chosen[scene] = segment.point, segment.emotion
        return self._chosen[scene]

    def cancel(self) -> None:
        """Stop the reading and keep its results."""
        self._work.cancelled.set()

    def close(self, timeout_s: float = _END_TIMEOUT_S) -> None:
        """End the thread, wait for it up to a timeout, and delete the file."""
        self._finish()
        self._thread.join(timeout_s)


def _run(work: _Work, networks: Callable[[], FilmNetworks]) -> None:
    try:
        with work.file:
            while not _slots.acquire(timeout=0.2):
                if work.cancelled.is_set():
                    return
            try:
                _read(work, networks)
                if work.reading is not None and len(work.reading) and not work.closed.is_set():
                    _mark(work)
            finally:
                _slots.release()
    except EmomusicError as error:
        log.info("error shown to the visitor: %s", error)
        work.error = str(error)
    except Exception:  # the page shows a sentence, the log the reason
        log.exception("a film cannot be read")
        work.error = "The film cannot be read; choose another film."
    finally:
        if work.error is not None and work.reading is not None and len(work.reading):
            end = format_clock(work.reading.end_s)
            work.error, work.problem = None, f"The reading stopped because of an error; the results end at {end}."
        work.phase = Phase.OVER
        return_free_memory()


def _read(work: _Work, networks: Callable[[], FilmNetworks]) -> None:
    loaded = networks()
    with FilmFile(work.file, name=work.name, max_s=MAX_S) as film:
        reading = FilmReading(film)
        work.enter(Phase.READING)
        work.reading = reading
        shown_s = 0.0
        for moment in read_film(film, loaded):
            reading.add(moment)
            work.share = moment.share
            _keep_portraits(work, moment)
            if (now_s := time.monotonic()) - shown_s >= _PREVIEW_INTERVAL_S:
                shown_s, work.preview = now_s, encode_jpeg(_preview(moment))
            if work.cancelled.is_set():
                break
        work.problem = film.problem


def _preview(moment: FilmMoment) -> RgbImage:
    small, scale = shrink(moment.image, _PREVIEW_SIDE)
    return marked_frame(small, moment.faces, scale)


def _keep_portraits(work: _Work, moment: FilmMoment) -> None:
    """Keep the largest picture of each face."""
    for face in moment.faces:
        box = face.reading.face.box
        width, _ = work.portraits.get(face.number, (0, b""))
        if box.width >= _LARGER * width and (width or len(work.portraits) < _MOST_PORTRAITS):
            crop = crop_face(moment.image, box, margin=ROOM_AROUND)
            size = (PORTRAIT, PORTRAIT)
            picture: RgbImage = cv2.resize(crop, size, interpolation=cv2.INTER_AREA)
            work.portraits[face.number] = box.width, encode_jpeg(picture)


def _mark(work: _Work) -> None:
    """Draw the marks up to the end of the reading. A failure leaves the readings."""
    reading = work.reading
    assert reading is not None
    work.enter(Phase.MARKING)

    def on_progress(share: float) -> bool:
        work.share = share
        return not work.closed.is_set()

    out = io.BytesIO()
    try:
        with FilmFile(work.file, name=work.name, with_audio=True) as film:
            annotate_film(film, reading, out, on_progress=on_progress)
    except FilmError as error:
        log.info("error shown to the visitor: %s", error)
        work.problem = work.problem or "The faces could not be drawn into this video; the readings are complete."
        return
    if not work.closed.is_set():
        work.marked = out.getvalue()


def open_sample(path: Path) -> BinaryIO:
    """Open a bundled film.

    Raises:
        FilmError: the file is absent.
    """
    try:
        return path.open("rb")
    except OSError as error:
        raise FilmError(
            f"expected the sample film {path.name}. Received: {error.strerror}. Restore the file"
        ) from error


def store_upload(file: IO[bytes], size: int) -> BinaryIO:
    """Copy an upload into a temporary file without a name, which the system deletes when it is closed.

    Args:
        file: the upload.
        size: in bytes.

    Raises:
        FilmError: the upload is too large, or the server's disk is full.
    """
    if size > MAX_MB * 2**20:
        raise FilmError(f"This film is too large: {size_over(size)}, at most {MAX_MB} MB; choose a smaller film.")
    stored = cast("BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115  # the job closes it
    try:
        shutil.copyfileobj(file, stored, 2**20)
    except OSError as error:
        stored.close()
        raise FilmError("The server has no room for this film; choose a smaller one, or try again later.") from error
    return stored
