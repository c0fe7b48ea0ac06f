"""The objects that all visitors of this server share: loaded networks, turns of the detector and counts."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial

import streamlit as st
from prometheus_client import Counter

from emomusic.errors import EmomusicError
from emomusic.faces.detection import DetectionTrace, Face, FaceDetector
from emomusic.faces.reading import Networks, PictureReading, load_networks, read_picture
from emomusic.media.images import DecodedPicture, RgbImage
from emomusic.runtime import num_cores
from emomusic.server.capacity import capacity
from emomusic.server.visitor import session_id

log = logging.getLogger(__name__)

READINGS = Counter("emomusic_readings", "Photos and frames read")
FACES = Counter("emomusic_faces", "Faces classified")


class FairQueue:
    """Grants a limited number of turns at a time, one visitor after another.

    Each visitor's own requests are served in order. Threads may share one instance.
    """

    def __init__(self, num_turns: int) -> None:
        """Create an empty queue with this number of turns at the same time."""
        self._free, self._changed = num_turns, threading.Condition()
        self._waiting: dict[str, deque[object]] = {}  # the requests; the first visitor is the next

    def __len__(self) -> int:
        """The number of waiting requests."""
        with self._changed:
            return sum(map(len, self._waiting.values()))

    @contextmanager
    def turn(self, visitor: str) -> Iterator[None]:
        """Wait for a turn and hold it for the block. Requests of one visitor count as one in the rotation."""
        mine = object()
        with self._changed:
            self._waiting.setdefault(visitor, deque()).append(mine)
            self._changed.wait_for(lambda: self._free and next(iter(self._waiting.values()))[0] is mine)
            self._free -= 1
            requests = self._waiting.pop(visitor)
            requests.popleft()
            if requests:  # at the end of the rotation
                self._waiting[visitor] = requests
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._free += 1
                self._changed.notify_all()


class SharedDetector(FaceDetector):
    """A detector that counts what it reads, and may take turns with those of other visitors.

    `detect_near` is short and does not wait.
    """

    def __init__(self, detector: FaceDetector, turn: Callable[[], AbstractContextManager[None]] = nullcontext) -> None:
        self._detector, self._turn = detector, turn

    def detect_with_trace(self, image: RgbImage) -> DetectionTrace:
        """The result of `detect` with the output of each network."""
        with self._turn():
            trace = self._detector.detect_with_trace(image)
        _count(trace.faces)
        return trace

    def detect_near(self, image: RgbImage, faces: Sequence[Face]) -> list[Face]:
        """The faces near these ones, sorted from left to right; an empty list if there are none."""
        found = self._detector.detect_near(image, faces)
        _count(found)
        return found


def _count(faces: Sequence[Face]) -> None:
    READINGS.inc()
    FACES.inc(len(faces))


class Shared:
    """The turns of all visitors in `queue`; a thread loads networks and songs ahead of the first one.

    `visitor_networks` and `live_networks` raise an `EmomusicError` if a model is missing or damaged.
    """

    def __init__(self) -> None:
        self.queue = FairQueue(num_cores())
        self._loading = ThreadPoolExecutor(max_workers=1, thread_name_prefix="loading").submit(self._load)

    def _load(self) -> bool:
        from emomusic.songs.local_songs import load_bundled_recommender  # loads pandas, for which no start waits
        from emomusic.songs.recommend import load_recommender

        try:
            load_networks()[0].warm_up()
            load_bundled_recommender()  # first, as it is small: it plays where Spotify does not answer
            load_recommender()
        except EmomusicError as error:  # shown to each visitor who needs it
            log.warning("a model cannot be loaded: %s", error)
            return False
        except Exception:  # such as too many open files
            log.exception("the networks and songs cannot be loaded")
            return False
        return True

    @property
    def is_loaded(self) -> bool:
        """Whether networks and songs are ready."""
        return self._loading.done() and self._loading.result()

    def visitor_networks(
        self, visitor: str, *, posed: bool = False, upright: bool = False, still: bool = False
    ) -> Networks:
        """The networks for photos and films of a session. Visitors take turns, and readings are counted.

        Options as of `load_networks`.
        """
        detector, classifier = load_networks(posed=posed, upright=upright, still=still)
        return SharedDetector(detector, partial(self.queue.turn, visitor)), classifier

    def live_networks(self) -> Networks:
        """The networks for a camera, where people may show any emotion. They do not wait for turns, but are counted."""
        detector, classifier = load_networks(posed=True, upright=True)
        return SharedDetector(detector), classifier


@st.cache_resource(show_spinner=False)
def shared() -> Shared:
    """The objects that visitors of this server share; the first call starts loading and returns at once."""
    return Shared()


def read_for_visitor(picture: DecodedPicture, *, posed: bool, with_trace: bool = False) -> PictureReading:
    """Read the faces of a picture when the session's turn comes. Arguments as of `read_picture`."""
    networks = partial(shared().visitor_networks, session_id())
    with capacity().work():
        return read_picture(picture, networks, posed=posed, with_trace=with_trace)


@contextmanager
def visitor_turn() -> Iterator[None]:
    """Hold a turn of the session for other work than that of `visitor_networks`; the server waits for it to end."""
    with capacity().work(), shared().queue.turn(session_id()):
        yield
