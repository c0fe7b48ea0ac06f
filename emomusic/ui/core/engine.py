"""Networks and recommender, loaded once in the background and shared by all sessions."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from time import monotonic
from typing import Generic, TypeVar

import streamlit as st

from emomusic.face.classifier import Classifier, EmotionClassifier
from emomusic.face.detection import FaceDetector, MtcnnDetector
from emomusic.face.reading import load_networks
from emomusic.face.runtime import num_cores
from emomusic.face.turns import CountingClassifier, FairQueue, QueuedDetector, Readings
from emomusic.music.recommend import Recommender, load_recommender

_RETRY_AFTER_S = 5.0  # several calls in one run of a page share one failure

_T = TypeVar("_T")


class _Load(Generic[_T]):
    """A value loaded in a background thread, and loaded again after a failure."""

    def __init__(self, load: Callable[[], _T]) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="loading")
        self._load = load
        self._lock = threading.Lock()
        self._ended_s = 0.0
        self._latest = self._thread.submit(self._try)

    def result(self) -> _T:
        """Wait for the value; a failed load raises its error."""
        with self._lock:
            if self._should_retry():
                self._latest = self._thread.submit(self._try)
            latest: Future[_T] = self._latest
        return latest.result()

    @property
    def is_loaded(self) -> bool:
        """Whether `result` returns the value at once."""
        latest = self._latest
        return latest.done() and latest.exception() is None

    def _should_retry(self) -> bool:
        latest = self._latest
        return latest.done() and latest.exception() is not None and monotonic() - self._ended_s >= _RETRY_AFTER_S

    def _try(self) -> _T:
        try:
            return self._load()
        finally:
            self._ended_s = monotonic()  # set before the future is done


def _load_warm_networks() -> tuple[MtcnnDetector, EmotionClassifier]:
    detector, classifier = load_networks()
    detector.warm_up()
    return detector, classifier


class Engine:
    """The networks and the recommender; loading starts with the constructor.

    Attributes:
        queue: of the searches for faces.
        readings: what `reader_networks` have read.
    """

    def __init__(self) -> None:
        self.queue, self.readings = FairQueue(num_cores()), Readings()
        self._networks = _Load(_load_warm_networks)
        self._recommender = _Load(load_recommender)

    def networks(self) -> tuple[MtcnnDetector, EmotionClassifier]:
        """The detector and the classifier.

        Raises:
            EmomusicError: a model is missing or damaged.
        """
        return self._networks.result()

    def reader_networks(self, visitor: str) -> tuple[FaceDetector, Classifier]:
        """The networks for photos and frames of a visitor. Visitors take turns, and readings are counted.

        Args:
            visitor: the session, as from `compat.session_id`.

        Raises:
            EmomusicError: a model is missing or damaged.
        """
        detector, classifier = self.networks()
        return QueuedDetector(detector, self.queue, visitor), CountingClassifier(classifier, self.readings)

    def live_networks(self) -> tuple[FaceDetector, Classifier]:
        """The networks for a camera. Cameras do not wait for turns, and readings are counted.

        Raises:
            EmomusicError: a model is missing or damaged.
        """
        detector, classifier = self.networks()
        return detector, CountingClassifier(classifier, self.readings)

    @property
    def is_loaded(self) -> bool:
        """Whether networks and recommender are ready."""
        return self._networks.is_loaded and self._recommender.is_loaded

    def recommender(self) -> Recommender:
        """The recommender.

        Raises:
            EmomusicError: the catalogue is missing or damaged.
        """
        return self._recommender.result()


@st.cache_resource(show_spinner=False)
def engine() -> Engine:
    """The engine of this server; the first call starts loading and returns at once."""
    return Engine()
