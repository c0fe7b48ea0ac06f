"""A fair queue for face detection: visitors take turns, so that no one waits for all photos of another."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

from emomusic.faces.detection import DetectionTrace, Face, FaceDetector
from emomusic.media.images import RgbImage


class FairQueue:
    """Grants a limited number of turns at a time, one visitor after another.

    Each visitor's own requests are served in order. Threads may share one instance.
    """

    def __init__(self, num_turns: int) -> None:
        """Create an empty queue with this number of turns at the same time."""
        self._free = num_turns
        self._lock = threading.Lock()
        self._waiting: dict[str, deque[threading.Event]] = {}  # the first visitor is the next

    def __len__(self) -> int:
        """The number of waiting requests."""
        with self._lock:
            return sum(map(len, self._waiting.values()))

    @contextmanager
    def turn(self, visitor: str) -> Iterator[None]:
        """Wait for a turn and hold it for the block. Requests of one visitor count as one in the rotation."""
        granted = threading.Event()
        with self._lock:
            if self._free:  # then the queue is empty
                self._free -= 1
                granted.set()
            else:
                self._waiting.setdefault(visitor, deque()).append(granted)
        granted.wait()
        try:
            yield
        finally:
            with self._lock:
                if self._waiting:  # the next visitor gets the turn, and goes to the end of the rotation
                    following = next(iter(self._waiting))
                    requests = self._waiting.pop(following)
                    requests.popleft().set()
                    if requests:
                        self._waiting[following] = requests
                else:
                    self._free += 1


class Readings:
    """Counts the readings of a process. Threads may share one instance.

    Attributes:
        count: pictures and frames read so far.
        num_faces: faces in them.
    """

    def __init__(self) -> None:
        self.count = self.num_faces = 0
        self._lock = threading.Lock()

    def add(self, num_faces: int) -> None:
        """Count one reading with this number of faces."""
        with self._lock:
            self.count += 1
            self.num_faces += num_faces


class SharedDetector:
    """A detector that counts what it reads, and may take turns with those of other visitors.

    `detect_near` is short and does not wait.
    """

    def __init__(
        self,
        detector: FaceDetector,
        readings: Readings,
        turn: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._detector, self._readings, self._turn = detector, readings, turn

    def detect(self, image: RgbImage) -> list[Face]:
        """All faces, sorted from left to right; an empty list if there are none."""
        return list(self.detect_with_trace(image).faces)

    def detect_with_trace(self, image: RgbImage) -> DetectionTrace:
        """The result of `detect` with the output of each network."""
        with self._turn():
            trace = self._detector.detect_with_trace(image)
        self._readings.add(len(trace.faces))
        return trace

    def detect_near(self, image: RgbImage, faces: Sequence[Face]) -> list[Face]:
        """The faces near these ones, sorted from left to right; an empty list if there are none."""
        found = self._detector.detect_near(image, faces)
        self._readings.add(len(found))
        return found

    def warm_up(self) -> None:
        """Run the networks once, so that the first image takes no longer than the next."""
        self._detector.warm_up()
