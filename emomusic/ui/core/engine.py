"""What all visitors share: the networks and the recommender, loaded once in the background."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from time import monotonic
from typing import Generic, TypeVar

import streamlit as st

from emomusic.face.classifier import EmotionClassifier
from emomusic.face.detection import MtcnnDetector
from emomusic.face.reading import load_networks
from emomusic.music.recommend import Recommender, load_recommender

_PAUSE_S = 5.0  # after a failure; one run of a page asks several times, and is to fail once

_Thing = TypeVar("_Thing")


class _Load(Generic[_Thing]):
    """Something loaded in the background, and again after a failure: files can be restored."""

    def __init__(self, load: Callable[[], _Thing]) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="loading")
        self._load = load
        self._lock = threading.Lock()
        self._ended_s = 0.0
        self._latest = self._thread.submit(self._try)

    def result(self) -> _Thing:
        """Wait for it."""
        with self._lock:
            if self._failed_a_while_ago():
                self._latest = self._thread.submit(self._try)
            latest: Future[_Thing] = self._latest
        return latest.result()

    def _failed_a_while_ago(self) -> bool:
        tried = self._latest
        return tried.done() and tried.exception() is not None and monotonic() - self._ended_s >= _PAUSE_S

    def _try(self) -> _Thing:
        try:
            return self._load()
        finally:
            self._ended_s = monotonic()  # before the future is done


def _load_warm_networks() -> tuple[MtcnnDetector, EmotionClassifier]:
    detector, classifier = load_networks()
    detector.warm_up()
    return detector, classifier


class Engine:
    """The networks and the recommender, loading since this was made; shared by all sessions."""

    def __init__(self) -> None:
        self._networks = _Load(_load_warm_networks)
        self._recommender = _Load(load_recommender)

    def networks(self) -> tuple[MtcnnDetector, EmotionClassifier]:
        """The detector and the classifier.

        Raises:
            EmomusicError: a model is absent or damaged.
        """
        return self._networks.result()

    def recommender(self) -> Recommender:
        """The recommender.

        Raises:
            EmomusicError: the catalogue is absent or damaged.
        """
        return self._recommender.result()


@st.cache_resource(show_spinner=False)
def engine() -> Engine:
    """The one engine of this server; the first call starts loading and returns at once."""
    return Engine()
