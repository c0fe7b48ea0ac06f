"""One film on the page: a thread reads it, draws its marks and hears its sound. The page and its fragments watch."""

from __future__ import annotations

import atexit
import io
import logging
import shutil
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from enum import StrEnum
from typing import IO, BinaryIO, cast

import cv2
import numpy as np
import streamlit as st

from emomusic.affect import AffectPoint, Emotion
from emomusic.app import state
from emomusic.compat import return_free_memory
from emomusic.errors import EmomusicError, FilmError
from emomusic.marks.film import annotate_film
from emomusic.marks.picture import ROOM_AROUND, marked_frame
from emomusic.media.film_file import FilmFile
from emomusic.media.film_formats import demuxer_of
from emomusic.media.images import RgbImage, crop_face, encode_jpeg, shrink
from emomusic.server.capacity import capacity
from emomusic.songs.film_sound import SoundSpan, hear_film
from emomusic.stream.film import FilmMoment, FilmNetworks, FilmReading, read_film
from emomusic.stream.timeline import Scene
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

_MOST_READ = 2  # at the same time: each decoder holds up to 300 MB and uses all cores
_MOST_STORED = 4  # uploads on the disk, being read or waiting


class Films:
    """The films of all visitors of this process, with the turns of reading and the places for uploads on the disk."""

    def __init__(self) -> None:
        self.turns, self.places = threading.BoundedSemaphore(_MOST_READ), threading.BoundedSemaphore(_MOST_STORED)
        self.jobs: weakref.WeakSet[FilmJob] = weakref.WeakSet()
        atexit.register(self._end_threads)

    def _end_threads(self) -> None:
        """End all threads. Python would stop them within C++ code, which aborts the process."""
        jobs = list(self.jobs)
        for job in jobs:
            job.end()
        for job in jobs:
            job.close()


@st.cache_resource(show_spinner=False)
def films() -> Films:
    """The films of this process."""
    return Films()


class FilmStage(StrEnum):
    """State of a job."""

    WAITING = "waiting"  # for the films of other visitors
    READING = "reading"
    MARKING = "marking"
    LISTENING = "listening"
    OVER = "over"


class FilmJob:
    """A film that is being read or was read. Its thread sets the attributes, and the page reads them."""

    def __init__(self, name: str, file: AbstractContextManager[BinaryIO], networks: Callable[[], FilmNetworks]) -> None:
        """Start to read a film. The thread opens the file and loads the networks, so both may take long."""
        self.name = name
        self._enter(FilmStage.WAITING)
        self.reading: FilmReading | None = None  # so far; None before the film is open
        self.error: str | None = None  # why there are no readings
        self.problem: str | None = None  # why the readings are incomplete
        self.preview: bytes | None = None  # the current frame with its faces, as JPEG
        self.marked: bytes | None = None  # the film with its faces marked, as MP4; None until it is drawn
        self.sound: Sequence[SoundSpan] | None = None  # the moods of the film's sound; None before they are known
        self._start_s = 0.0  # of the first frame in the clock of the file
        self._portraits: dict[int, tuple[int, bytes]] = {}
        self.cancelled, self._closed = threading.Event(), threading.Event()  # both end the reading; the first keeps it
        self._scenes: tuple[int, list[Scene]] = (0, [])
        self._main_faces: tuple[int, list[int]] = (0, [])
        self._moods: dict[int, tuple[AffectPoint, Emotion]] = {}
        self._thread = threading.Thread(target=self._run, args=(file, networks), name=THREAD_NAME, daemon=True)
        self._turns = films().turns
        films().jobs.add(self)
        self._thread.start()

    @property
    def is_reading(self) -> bool:
        """Whether readings may still arrive."""
        return self.stage in (FilmStage.WAITING, FilmStage.READING)

    def portrait(self, number: int) -> bytes | None:
        """A picture of a face, as JPEG."""
        found = self._portraits.get(number)
        return None if found is None else found[1]

    def seconds_left(self) -> float | None:
        """Estimate for the current stage; None if it is too early."""
        elapsed_s, share = time.monotonic() - self._began_s, self.share
        return None if share < 0.01 or elapsed_s < 1 else elapsed_s * (1 - share) / share

    def scenes(self) -> list[Scene]:
        """The scenes so far. While the film is read, the last one may change."""
        count = 0 if self.reading is None else len(self.reading)
        if self.reading is not None and count != self._scenes[0]:
            self._scenes = count, self.reading.scenes()
        return self._scenes[1]

    def main_faces(self) -> list[int]:
        """The number of the face that is in view longest in each scene."""
        scenes, count = self.scenes(), self._scenes[0]
        if self.reading is not None and count != self._main_faces[0]:
            table = self.reading.faces_table()
            starts = np.array([scene.start_s for scene in scenes])
            owners = np.searchsorted(starts, table["time_s"].to_numpy(), side="right") - 1
            faces = table["face"].to_numpy()
            shown = [faces[owners == number] for number in range(len(scenes))]
            self._main_faces = count, [int(np.bincount(these).argmax()) if these.size else 0 for these in shown]
        return self._main_faces[1]

    def has_answer(self) -> bool:
        """Whether the first scene is known well enough for a song."""
        scenes = self.scenes()
        return not self.is_reading or len(scenes) > 1 or (len(scenes) == 1 and scenes[0].seconds >= _SETTLED_S)

    def mood_of(self, scene: int) -> tuple[AffectPoint, Emotion]:
        """Position and emotion of a scene. They stay as first asked, so that its song does not change."""
        if scene not in self._moods:
            scenes = self.scenes()
            found = scenes[min(scene, len(scenes) - 1)]  # the last ones may have been joined meanwhile
            self._moods[scene] = found.point, found.emotion
        return self._moods[scene]

    def end(self) -> None:
        """Make the thread end, which closes the file."""
        self._closed.set()

    def close(self) -> None:
        """End the thread, and wait for it up to a timeout."""
        self.end()
        self._thread.join(_END_TIMEOUT_S)

    def _should_stop(self) -> bool:
        return self.cancelled.is_set() or self._closed.is_set()

    def _enter(self, stage: FilmStage) -> None:
        """Begin a stage; `share` is its finished part, from 0 to 1."""
        self.stage, self.share, self._began_s = stage, 0.0, time.monotonic()

    def _run(self, opening: AbstractContextManager[BinaryIO], networks: Callable[[], FilmNetworks]) -> None:
        try:
            with capacity().work(), opening as file:
                while not self._turns.acquire(timeout=0.2):
                    if self._should_stop():
                        return
                try:
                    self._read(file, networks)
                    if self.reading is not None and len(self.reading) and not self._closed.is_set():
                        self._mark(file, self.reading)
                        self._listen(file, self.reading)
                finally:
                    self._turns.release()
        except EmomusicError as error:
            log.info("error shown to the visitor: %s", error)
            self.error = str(error)
        except Exception:  # the page shows a sentence, the log the reason
            log.exception("a film cannot be read")
            self.error = "The film cannot be read; choose another film."
        finally:
            if self.error is not None and self.reading is not None and len(self.reading):
                end = format_clock(self.reading.end_s)
                self.error, self.problem = None, f"The reading stopped because of an error; the results end at {end}."
            self.stage = FilmStage.OVER
            return_free_memory()

    def _read(self, file: BinaryIO, networks: Callable[[], FilmNetworks]) -> None:
        loaded = networks()
        with FilmFile(file, name=self.name, max_s=MAX_S) as film:
            self._enter(FilmStage.READING)
            self.reading = reading = FilmReading(film)
            self._start_s = film.start_s
            shown_s = 0.0
            for moment in read_film(film, loaded):
                reading.add(moment)
                self.share = moment.share
                self._keep_portraits(moment)
                if (now_s := time.monotonic()) - shown_s >= _PREVIEW_INTERVAL_S:
                    small, scale = shrink(moment.image, _PREVIEW_SIDE)
                    shown_s, self.preview = now_s, encode_jpeg(marked_frame(small, moment.faces, scale))
                if self._should_stop():
                    break
            self.problem = film.problem

    def _keep_portraits(self, moment: FilmMoment) -> None:
        """Keep the largest picture of each face."""
        for face in moment.faces:
            box = face.face.box
            width, _ = self._portraits.get(face.number, (0, b""))
            if box.width >= _LARGER * width and (width or len(self._portraits) < _MOST_PORTRAITS):
                crop = crop_face(moment.image, box, margin=ROOM_AROUND)
                picture: RgbImage = cv2.resize(crop, (PORTRAIT, PORTRAIT), interpolation=cv2.INTER_AREA)
                self._portraits[face.number] = box.width, encode_jpeg(picture)

    def _mark(self, file: BinaryIO, reading: FilmReading) -> None:
        """Draw the marks up to the end of the reading. A failure leaves the readings."""
        self._enter(FilmStage.MARKING)

        def on_progress(share: float) -> bool:
            self.share = share
            return not self._closed.is_set()

        out = io.BytesIO()
        try:
            with FilmFile(file, name=self.name, with_audio=True) as film:
                annotate_film(film, reading, out, on_progress=on_progress)
        except FilmError as error:
            log.info("error shown to the visitor: %s", error)
            self.problem = self.problem or "The faces could not be drawn into this film; the readings are complete."
            return
        if not self._closed.is_set():
            self.marked = out.getvalue()

    def _listen(self, file: BinaryIO, reading: FilmReading) -> None:
        """Hear the sound up to the end of the reading. A failure leaves the film without a band of sound."""
        self._enter(FilmStage.LISTENING)

        def on_progress(share: float) -> bool:
            self.share = share
            return not self._closed.is_set()

        sound: Sequence[SoundSpan] = ()
        try:
            file.seek(0)
            if format_name := demuxer_of(file.read(16)):
                end_s = reading.end_s
                sound = hear_film(file, format_name, start_s=self._start_s, end_s=end_s, on_progress=on_progress)
        except EmomusicError as error:
            log.info("a film has no sound to hear: %s", error)
        self.sound = sound


class FilmHolder:
    """Holds the film of a visitor. When nothing refers to the holder, the visitor has left, and the film ends."""

    def __init__(self, job: FilmJob) -> None:
        self.job = job
        weakref.finalize(self, job.end)


def visitors_job() -> FilmJob | None:
    """The visitor's film. Fragments call this: Streamlit would keep a film that they refer to."""
    holder: FilmHolder | None = st.session_state.get(state.FILM)
    return None if holder is None else holder.job


@contextmanager
def stored_upload(file: IO[bytes], size: int) -> Iterator[BinaryIO]:
    """A copy of an upload in a temporary file without a name, which the system deletes when it is closed.

    Raises:
        FilmError: the upload is too large, the disk is full, or other films fill this server's places.
    """
    if size > MAX_MB * 2**20:
        raise FilmError(f"This film is too large: {size_over(size)}, at most {MAX_MB} MB; choose a smaller film.")
    places = films().places
    if not places.acquire(blocking=False):
        raise FilmError("This server has no place for a further film; try again in a few minutes.")
    try:
        with tempfile.TemporaryFile() as stored:
            try:
                shutil.copyfileobj(file, stored, 2**20)
            except OSError as error:
                raise FilmError(
                    "The server has no room for this film; choose a smaller one, or try again later."
                ) from error
            del file  # the copy in memory
            yield cast("BinaryIO", stored)
    finally:
        places.release()
