"""What takes seconds to load, loaded once for all visitors, in the background: the page comes first."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from time import monotonic
from typing import Any, Generic, TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import script_runner

from emomusic.face.classifier import EmotionClassifier
from emomusic.face.detection import MtcnnDetector
from emomusic.face.reading import NETWORK_PARTS, load_networks
from emomusic.music.recommend import Recommender, load_recommender
from emomusic.ui.frame import shown_errors

# What is loaded after a start, in this order, and how far the bar goes for each: about the seconds it took on two busy
# cores, and TensorFlow's from a cold disk
_SONGS = "the songs"
_TYPICAL_S = dict(zip((_SONGS, *NETWORK_PARTS), (2.0, 5.0, 1.5, 0.5), strict=True))
_PAUSE_S = 5.0  # after a failure; one run of a page asks several times, and is to fail once

_Thing = TypeVar("_Thing")


class _Load(Generic[_Thing]):
    """Something to be loaded in the background once somebody asks, and again where it failed: files can be restored."""

    def __init__(self, thread: ThreadPoolExecutor, load: Callable[[], _Thing]) -> None:
        self._thread, self._load = thread, load
        self._lock = threading.Lock()
        self._latest: Future[_Thing] | None = None
        self._ended_s = 0.0

    def ask(self) -> Future[_Thing]:
        """Begin, if nobody has or the last try failed a while ago; returns at once."""
        with self._lock:
            if self._latest is None or self._failed_a_while_ago(self._latest):
                self._latest = self._thread.submit(self._try)
            return self._latest

    def latest(self) -> Future[_Thing] | None:
        """What was begun last, without asking for more; None where nothing was."""
        with self._lock:
            return self._latest

    def _failed_a_while_ago(self, tried: Future[_Thing]) -> bool:
        return tried.done() and tried.exception() is not None and monotonic() - self._ended_s >= _PAUSE_S

    def _try(self) -> _Thing:
        try:
            return self._load()
        finally:
            self._ended_s = monotonic()  # before the future is done


class Engine:
    """The recommender, loading since this was made, and the networks, loading since they were asked for.

    Shared by all sessions. The songs are quick and come first: on two cores, side by side, both would be late. A page
    without faces never starts the networks.
    """

    def __init__(self) -> None:
        thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="loading")
        self._recommender = _Load(thread, self._load_recommender)
        self._networks = _Load(thread, self._load_networks)
        self._at = (_SONGS, monotonic())  # which part, since when; one value, as two threads use it
        self._recommender.ask()

    def start_networks(self) -> Future[tuple[MtcnnDetector, EmotionClassifier]]:
        """Begin to load the networks in the background, if nobody has, or anew if that failed; returns at once."""
        return self._networks.ask()

    def progress(self) -> tuple[float, str]:
        """How far loading is, 0 to 1, and which part it is at.

        The share is an estimate from what each part takes as a rule, and never runs ahead of the part.
        """
        part, since_s = self._at
        parts = list(_TYPICAL_S)
        before_s = sum(_TYPICAL_S[name] for name in parts[: parts.index(part)])
        return (before_s + min(monotonic() - since_s, _TYPICAL_S[part])) / sum(_TYPICAL_S.values()), part

    @property
    def is_ready(self) -> bool:
        """Whether everything that faces need is loaded, or has failed to; False before anyone asked for it."""
        return all(tried is not None and tried.done() for tried in self._tried())

    def check(self) -> None:
        """Raise what kept something from being loaded, without trying again.

        Raises:
            EmomusicError: a model or the catalogue is absent or damaged.
        """
        for tried in self._tried():
            if tried is not None:
                tried.result()

    def _tried(self) -> tuple[Future[Any] | None, ...]:
        return self._networks.latest(), self._recommender.latest()

    def networks(self) -> tuple[MtcnnDetector, EmotionClassifier]:
        """Wait for the detector and the classifier.

        Raises:
            EmomusicError: a model is absent or damaged.
        """
        return self._networks.ask().result()

    def recommender(self) -> Recommender:
        """Wait for the recommender.

        Raises:
            EmomusicError: the catalogue or the mood model is absent or damaged.
        """
        return self._recommender.ask().result()

    def _load_recommender(self) -> Recommender:
        self._begin(_SONGS)
        return load_recommender()

    def _load_networks(self) -> tuple[MtcnnDetector, EmotionClassifier]:
        """Load the networks, and take what stays for good out of the garbage collector's sight.

        A full collection looks at half a million objects of TensorFlow and the like, 0.3 s in which no other thread
        runs: a video would stand still. (Streamlit's own, after every run of a page, is switched off in its
        configuration.)
        """
        networks = load_networks(tell=self._begin)
        gc.collect()
        gc.freeze()
        return networks

    def _begin(self, part: str) -> None:
        self._at = (part, monotonic())


@st.cache_resource(show_spinner=False)
def engine() -> Engine:
    """The one engine of this server; the first call starts loading the songs and returns at once."""
    _leave_keras_alone()
    return Engine()


def _leave_keras_alone() -> None:
    """Let Streamlit not reset Keras after every run of a page or a part of one, as it does, for all threads at once.

    A network that another thread builds meanwhile forgets which type it computes in: where many opened the page of a
    server just started, it often failed to load. The reset also collects all garbage and drops the kernels that
    TensorFlow had chosen.
    """
    script_runner._clean_problem_modules = lambda: None  # no public way; a test sees that it works


def loading_note(meanwhile: str = "Choose a picture meanwhile.") -> None:
    """Start loading the networks, and say in one line whether they are ready.

    It keeps its height, so nothing moves when they are. If they are not, it looks every two seconds, without running
    the page anew, and goes on looking afterwards until the page is run: no fragment can stop its own clock.

    Args:
        meanwhile: what the visitor can do until then.
    """
    engine().start_networks()

    @st.fragment(run_every=None if engine().is_ready else 2.0)
    def note() -> None:
        if engine().is_ready:
            with shown_errors():
                engine().check()
                st.caption(":material/check_circle: The networks are ready.")
        else:
            st.caption(
                f":material/hourglass_top: The networks are loading, about ten seconds after a start. {meanwhile}"
            )

    note()


def wait_for_networks() -> None:
    """Wait until the networks are loaded, showing how far they are; a click meanwhile is heard.

    Raises:
        EmomusicError: a model is absent or damaged.
    """
    loading = engine().start_networks()
    place = st.empty()
    while not loading.done():
        share, part = engine().progress()
        place.progress(share, f"Loading {part}: once after a start, about ten seconds in all")
        wait([loading], timeout=0.25)
    place.empty()
    loading.result()
