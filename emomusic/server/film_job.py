"""One film on the page: a thread reads and hears it, and marks it on demand. The page and its fragments watch."""

from __future__ import annotations

import atexit
import io
import logging
import shutil
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Any, BinaryIO

import cv2
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from emomusic.compat import open_file_response, return_free_memory
from emomusic.errors import EmomusicError, FilmError
from emomusic.faces.identity import ROOM_AROUND
from emomusic.faces.reading import Networks
from emomusic.marks.drawing import marked_frame
from emomusic.marks.film import FilmMarks, annotate_film
from emomusic.media.film_file import FilmFile
from emomusic.media.images import RgbImage, encode_jpeg, shrink
from emomusic.server.capacity import HeldBytes, capacity
from emomusic.server.files import ServedFile, StreamedFile, served_by
from emomusic.songs.hearing import SoundSpan, hear_film
from emomusic.stream.film import FilmMoment, FilmReading
from emomusic.stream.timeline import Scene
from emomusic.text import format_clock

log = logging.getLogger(__name__)

MAX_S = 30 * 60
MAX_MB = 500

THREAD_NAME = "film"
"""Name of the threads, so that they can be counted."""

PORTRAIT = 96
"""Side of a face's picture in pixels."""

_PREVIEW_SIDE, _FRAME_SIDE = 960, 256
_FRAME_STEP_S = 1.0  # half of the shortest scene, so that each has a frame in its middle
_PREVIEW_INTERVAL_S = 0.5
_SETTLED_S = 10.0  # the mood of a first scene of this length hardly changes
_MOST_PORTRAITS = 100
_END_TIMEOUT_S = 5.0
_LARGER = 1.5  # a portrait is replaced by one of a box this much wider
_MOST_READ = 2  # at the same time: each decoder holds up to 300 MB and uses all cores


_turns = threading.BoundedSemaphore(_MOST_READ)
_jobs: weakref.WeakSet[FilmJob] = weakref.WeakSet()


@atexit.register
def _end_threads() -> None:
    """End all threads. Python would stop them within C++ code, which aborts the process."""
    jobs = list(_jobs)
    for job in jobs:
        job.end()
    for job in jobs:
        job.close()


class FilmPhase(StrEnum):
    """State of a job; the page shows its value."""

    WAITING = "Waiting for the networks, or for the films of others"
    READING = "Reading"
    LISTENING = "Listening to the sound of the film"
    OVER = "Over"
    MARKING = "Drawing the faces into the film"  # again, if the visitor asks for it


@dataclass(frozen=True, slots=True, eq=False)
class FilmView:
    """A film that is being read or was read, at one moment. A run of the page shows one view."""

    phase: FilmPhase  # what its thread does
    began_s: float  # start of the phase, on the monotonic clock
    share: float = 0.0  # finished part of the phase, from 0 to 1
    reading: FilmReading | None = None  # so far; None before the film is open
    scenes: Sequence[Scene] = ()  # so far. While the film is read, the last one may change
    is_cancelled: bool = False  # whether the visitor stopped the reading
    error: str | None = None  # why there are no readings
    problem: str | None = None  # why the readings are incomplete
    preview: bytes | None = None  # the current frame with its faces, as JPEG
    source: ServedFile | None = None  # the film itself, if a browser may play it as it is read
    marks: ServedFile | None = None  # the faces for the page, as JSON; None before the film is open
    marked: StreamedFile | None = None  # the film with its faces marked, as MP4; None until the visitor asks for it
    unmarked: str | None = None  # why there is no marked film, though the visitor asked for it
    sound: Sequence[SoundSpan] | None = None  # the moods of the film's sound; None before they are known
    num_videos: int = 1  # this and the next two as in `FilmFile`
    stream: int = 1
    note: str | None = None
    turn: int = 0  # degrees by which the visitor turned the film clockwise

    @property
    def is_reading(self) -> bool:
        """Whether readings may still arrive."""
        return self.phase in (FilmPhase.WAITING, FilmPhase.READING)

    @property
    def has_answer(self) -> bool:
        """Whether the first scene is known well enough for a song."""
        return not self.is_reading or len(self.scenes) > 1 or any(of.seconds >= _SETTLED_S for of in self.scenes)

    @property
    def may_differ(self) -> bool:
        """Whether the visitor may want the film read again, turned or another video of it."""
        is_sideways = self.reading is not None and (self.turn or self.reading.turn or not self.reading.turns)
        return self.error is None and (self.num_videos > 1 or bool(is_sideways))

    def seconds_left(self) -> float | None:
        """Estimate for the current phase; None if it is too early."""
        elapsed_s = time.monotonic() - self.began_s
        return None if self.share < 0.01 or elapsed_s < 1 else elapsed_s * (1 - self.share) / self.share


class FilmJob:
    """A film that a thread reads and hears, and marks on demand.

    Attributes:
        name: the name of the file.
        visitor: the session to which the bytes of the film and of what is made of it count.
    """

    def __init__(
        self,
        name: str,
        file: BinaryIO,
        networks: Callable[[], Networks],
        visitor: str = "",
        *,
        source: ServedFile | None = None,
        stream: int | None = None,
        turn: int = 0,
    ) -> None:
        """Start to read a film. The thread stores the file and loads the networks, so both may take long.

        The bytes of the film and of its copies count to the session `visitor`. `source` has an address of a film
        that is no upload. `stream` and `turn` are those of `FilmFile`.
        """
        self.name = name
        self.visitor = visitor
        self._file: BinaryIO | None = file
        self._view = FilmView(FilmPhase.WAITING, time.monotonic(), source=source, turn=turn)  # the thread replaces it
        self._plays = stream is None and not turn  # whether a browser plays the file as it is read
        self._open = partial(FilmFile, name=name, stream=stream, turn=turn)
        self._portraits: dict[int, tuple[int, bytes]] = {}
        self._frames: dict[float, bytes] = {}
        self._held = HeldBytes(capacity().memory, visitor)  # of frames and portraits
        self._cancelled, self._closed = threading.Event(), threading.Event()  # both end the reading; the first keeps it
        self._changing = threading.RLock()  # reentrant, as `end` may run at any time
        self._thread = threading.Thread(target=self._run, args=(networks,), name=THREAD_NAME, daemon=True)
        _jobs.add(self)
        self._thread.start()

    def view(self) -> FilmView:
        """The current state."""
        view = self._view
        scenes = () if view.reading is None else view.reading.scenes()
        return replace(view, scenes=scenes, is_cancelled=self._cancelled.is_set())

    def portrait(self, number: int) -> bytes | None:
        """A picture of a face, as JPEG; None for a face beyond the first hundred."""
        found = self._portraits.get(number)
        return None if found is None else found[1]

    def frame_of(self, scene: Scene) -> bytes:
        """A small frame from about the middle of a scene, as JPEG."""
        times = [time_s for time_s in list(self._frames) if time_s < scene.end_s]
        return self._frames[min(times, key=lambda time_s: abs(time_s - scene.start_s - scene.seconds / 2))]

    def cancel(self) -> None:
        """Stop the reading and keep its results."""
        self._cancelled.set()

    def end(self) -> None:
        """Make the thread end, and close the file."""
        self._closed.set()
        self._close_file()

    def _close_file(self) -> None:
        file = self.take()
        if file is not None:
            file.close()
            self._change(source=None)

    def take(self) -> BinaryIO | None:
        """The file of a film that is over, for another job; None if it is closed, or while it is read or marked."""
        with self._changing:
            if self._view.phase is not FilmPhase.OVER:
                return None
            file, self._file = self._file, None
        return file

    def close(self) -> None:
        """End the thread, and wait for it up to a timeout."""
        self.end()
        self._thread.join(_END_TIMEOUT_S)

    def _change(self, **changes: Any) -> None:
        with self._changing:
            self._view = replace(self._view, **changes)

    def _enter(self, phase: FilmPhase) -> None:
        self._change(phase=phase, share=0.0, began_s=time.monotonic())

    def _on_progress(self, share: float) -> bool:
        """Take the finished share of a phase. False if the visitor has left."""
        self._change(share=share)
        return not self._closed.is_set()

    def _run(self, networks: Callable[[], Networks]) -> None:
        error, why = None, "The reading stopped because of an error"
        try:
            with capacity().work():
                file = self._store()
                source = served_by(file) if self._plays else None
                if source is not None:
                    self._change(source=source)
                if not _has_turn(self._cancelled, self._closed):
                    return
                try:
                    self._read(file, networks)
                    reading = self._view.reading
                    if reading is not None and len(reading) and not self._closed.is_set():
                        self._listen(file, reading)
                finally:
                    _turns.release()
        except EmomusicError as failure:
            error = why = str(failure)
            log.info("error shown to the visitor: %s", error)
        except Exception:  # the page shows a sentence, the log the reason
            log.exception("a film cannot be read")
            error = "The film cannot be read; choose another film."
        finally:
            problem, reading = self._view.problem, self._view.reading
            if error is not None and reading is not None and len(reading):
                end = format_clock(reading.end_s)
                error, problem = None, f"{why.removesuffix('.')}. The results end at {end}."
            self._change(phase=FilmPhase.OVER, error=error, problem=problem)
            if self._closed.is_set() or error is not None or reading is None:
                self._close_file()
            return_free_memory()

    def _store(self) -> BinaryIO:
        """The film in a temporary file. A small upload lies in memory before.

        Raises:
            FilmError: the disk is full.
            CapacityError: the files of this visitor or of all visitors fill this server.
        """
        file = self._file
        assert file is not None
        if isinstance(file, io.BytesIO):
            try:
                stored = StreamedFile(HeldBytes(capacity().files, self.visitor))
                stored.write(file.getvalue())
                file.close()
            except OSError as error:
                raise FilmError(
                    "The server has no room for this film; choose a smaller one, or try again later."
                ) from error
            self._file = file = stored.reader()
        return file

    def _read(self, file: BinaryIO, networks: Callable[[], Networks]) -> None:
        loaded, ends = networks(), (self._cancelled, self._closed)

        def should_stop() -> bool:  # not a method: the cycle of the film's generators would keep the job
            return any(end.is_set() for end in ends)

        with self._open(file, max_s=MAX_S, should_stop=should_stop) as film:
            reading, shown_s, next_s = FilmReading(film), 0.0, 0.0
            self._enter(FilmPhase.READING)
            about = {"num_videos": film.num_videos, "stream": film.stream, "note": film.note}
            self._change(reading=reading, marks=_MarksFile(reading), **about)
            for moment in reading.read(film, loaded):
                self._change(share=moment.share)
                self._keep_portraits(moment)
                if moment.time_s >= next_s:
                    next_s = moment.time_s + _FRAME_STEP_S
                    self._frames[moment.time_s] = self._counted(encode_jpeg(shrink(moment.image, _FRAME_SIDE)[0]))
                now_s = time.monotonic()
                if now_s - shown_s >= _PREVIEW_INTERVAL_S:
                    shown_s = now_s
                    small, scale = shrink(moment.image, _PREVIEW_SIDE)
                    self._change(preview=encode_jpeg(marked_frame(small, moment.faces, scale)))
                if should_stop():
                    break
            self._change(problem=film.problem)

    def _keep_portraits(self, moment: FilmMoment) -> None:
        """Keep the largest picture of each face."""
        for gone, kept in moment.joined:
            pictures = [self._portraits.pop(number, (0, b"")) for number in (gone, kept)]
            self._portraits[kept] = max(pictures, key=lambda picture: picture[0])
        for face in moment.faces:
            box = face.face.box
            width, _ = self._portraits.get(face.number, (0, b""))
            if box.width >= _LARGER * width and (width or len(self._portraits) < _MOST_PORTRAITS):
                crop = face.face.crop(moment.image, ROOM_AROUND)
                picture: RgbImage = cv2.resize(crop, (PORTRAIT, PORTRAIT), interpolation=cv2.INTER_AREA)
                self._portraits[face.number] = box.width, self._counted(encode_jpeg(picture))

    def _counted(self, picture: bytes) -> bytes:
        """A picture of the film, whose bytes count to the visitor.

        Raises:
            CapacityError: there is no room for it.
        """
        self._held.grow(len(picture))
        return picture

    def _listen(self, file: BinaryIO, reading: FilmReading) -> None:
        """Hear the sound up to the end of the reading. A failure leaves the film without a band of sound."""
        self._enter(FilmPhase.LISTENING)
        sound: Sequence[SoundSpan] = ()
        try:
            sound = hear_film(file, start_s=reading.start_s, end_s=reading.end_s, on_progress=self._on_progress)
        except EmomusicError as error:
            log.info("a film has no sound to hear: %s", str(error))  # as above
        self._change(sound=sound)

    def mark(self) -> None:
        """Start to draw the marked copy, if nothing else is done with the film."""
        with self._changing:
            if self._view.phase is not FilmPhase.OVER or self._view.reading is None or self._file is None:
                return
            self._enter(FilmPhase.MARKING)
        self._thread = threading.Thread(target=self._mark, args=(self._file, self._view.reading), name=THREAD_NAME)
        self._thread.daemon = True
        self._thread.start()

    def _mark(self, file: BinaryIO, reading: FilmReading) -> None:
        """Draw the marks up to the end of the reading. A failure leaves the readings."""
        marked: StreamedFile | None = None
        unmarked: str | None = "The faces could not be drawn into this film, or there is no room for it."
        try:
            with capacity().work():
                if not _has_turn(self._closed):
                    return
                try:
                    copy = StreamedFile(HeldBytes(capacity().files, self.visitor), "emomusic-film.mp4")
                    with self._open(file, with_audio=True, should_stop=self._closed.is_set) as film:
                        annotate_film(film, reading, copy, on_progress=self._on_progress)
                finally:
                    _turns.release()
            if not self._closed.is_set():
                marked, unmarked = copy, None
        except (EmomusicError, OSError) as error:
            log.info("error shown to the visitor: %s", str(error))  # a kept record would keep the film by its frames
        except Exception:  # the page must not wait for ever
            log.exception("a film could not be written")
        finally:
            self._change(phase=FilmPhase.OVER, marked=marked, unmarked=unmarked)
            if self._closed.is_set():
                self._close_file()
            return_free_memory()


def _has_turn(*ends: threading.Event) -> bool:
    """Wait for a turn, which the caller releases. False if one of these events came before."""
    while not _turns.acquire(timeout=0.2):
        if any(end.is_set() for end in ends):
            return False
    return True


class _MarksFile(ServedFile):
    """The faces that a film has so far, for the page."""

    def __init__(self, reading: FilmReading) -> None:
        super().__init__(b"", "application/json")
        self._reading = reading

    async def response(self, **options: Any) -> Response:
        """The marks as JSON, made for each request."""
        content = await run_in_threadpool(lambda: FilmMarks(self._reading).to_json())
        return open_file_response(io.BytesIO(content), **options)


def has_room() -> bool:
    """Whether the folder of temporary files takes the largest film."""
    try:
        return shutil.disk_usage(tempfile.gettempdir()).free > MAX_MB * 2**20
    except OSError:  # no folder takes a file
        return False
