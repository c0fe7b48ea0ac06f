"""Film jobs with fake networks, and waits for their threads."""

import io
import threading
from collections.abc import Callable, Sequence
from unittest.mock import Mock

import numpy as np

from emomusic import workers
from emomusic.affect import Emotion, EmotionProbabilities
from emomusic.faces.detection import Face
from emomusic.faces.reading import Networks
from emomusic.media.images import RgbImage
from emomusic.server.film_job import THREAD_NAME, FilmJob, FilmPhase, FilmView
from tests.fakes import FakeClassifier, FakeDetector, make_face
from tests.films import DEFAULT_RATE, NOBODY, film_bytes, frames_bytes
from tests.waiting import PATIENCE_S, wait_until

FACE = make_face(40, 40, 60, 75)
GREY = film_bytes([(NOBODY, 6)])
"""Six seconds: 24 readings."""
SCENE_S = 2.75
"""The length of a scene of `scenes_job`: the cuts lie between two seconds."""


class Classifier(FakeClassifier):
    """A classifier that reads one frame for each permission."""

    def __init__(self, permissions: int = 10_000) -> None:
        super().__init__()
        self._permissions = threading.Semaphore(permissions)
        self._is_waiting = threading.Event()
        self.num_frames = 0

    def allow(self, num_frames: int = 10_000) -> None:
        """Give more permissions."""
        self._permissions.release(num_frames)

    def has_stopped(self) -> bool:
        """Whether the reading comes to a frame without permission."""
        return self._is_waiting.wait(PATIENCE_S)

    def classify(self, crops: Sequence[RgbImage]) -> list[EmotionProbabilities]:
        if not self._permissions.acquire(blocking=False):
            self._is_waiting.set()
            assert self._permissions.acquire(timeout=PATIENCE_S)
            self._is_waiting.clear()
        self.num_frames += 1
        return super().classify(crops)


def fakes(classifier: Classifier | None = None, detector: FakeDetector | None = None) -> Callable[..., Networks]:
    """A function that returns fake networks for any visitor; without a detector, of one face at `FACE`."""
    networks = (detector or FakeDetector([FACE]), classifier or Classifier())
    return lambda *_: networks


def scenes_job(name: str, emotions: Sequence[Emotion], faces: Sequence[Face] = (FACE,)) -> FilmJob:
    """A film of a scene for each emotion, read."""
    shades = [np.full((120, 160, 3), 37 + 15 * number, np.uint8) for number in range(len(emotions))]
    film = io.BytesIO(frames_bytes([shade for shade in shades for _ in range(round(SCENE_S * DEFAULT_RATE))]))

    def classify(crops: Sequence[RgbImage]) -> list[EmotionProbabilities]:
        return [FakeClassifier(emotions[int(crop.mean() - 30) // 15]).probabilities for crop in crops]

    job = FilmJob(name, film, fakes(Mock(classify=classify, threshold=0.0), FakeDetector(faces)))
    wait_for_end(job)
    return job


def wait_for_end(job: FilmJob) -> FilmView:
    """What there is of the film when its job is over."""
    wait_until(lambda: job.view().phase is FilmPhase.OVER)
    return job.view()


def film_threads() -> list[str]:
    """The names of the threads of films, in order."""
    names = (thread.name.removesuffix("_0") for thread in threading.enumerate())
    return sorted(name for name in names if name in (THREAD_NAME, workers.THREAD_NAME))
