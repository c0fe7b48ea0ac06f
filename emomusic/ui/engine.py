"""What takes seconds to load, loaded once for all visitors, in the background: the page comes first."""

from __future__ import annotations

import gc
import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from time import monotonic

import streamlit as st

from emomusic.face.classifier import EmotionClassifier
from emomusic.face.detection import MtcnnDetector
from emomusic.face.reading import NETWORK_PARTS, load_networks
from emomusic.music.recommend import Recommender, load_recommender
from emomusic.ui.frame import shown_errors

# What is loaded after a start, in this order, and how far the bar goes for each: about the seconds it took on two busy
# cores, and TensorFlow's from a cold disk
_TYPICAL_S = dict(zip(("the songs", *NETWORK_PARTS), (2.0, 5.0, 1.5, 0.5), strict=True))


class Engine:
    """The recommender, loading since this was made, and the networks, loading since they were asked for.

    Shared by all sessions. The songs are quick and come first: on two cores, side by side, both would be late. A page
    without faces never starts the networks.
    """

    def __init__(self) -> None:
        self._loading = ThreadPoolExecutor(max_workers=1, thread_name_prefix="loading")
        self._recommender: Future[Recommender] = self._loading.submit(load_recommender)
        self._networks: Future[tuple[MtcnnDetector, EmotionClassifier]] | None = None
        self._lock = threading.Lock()
        self._at = (next(iter(_TYPICAL_S)), monotonic())  # which part, since when; one value, as two threads use it

    def start_networks(self) -> Future[tuple[MtcnnDetector, EmotionClassifier]]:
        """Begin to load the networks in the background, if nobody has; returns at once."""
        with self._lock:
            if self._networks is None:
                self._networks = self._loading.submit(self._load_networks)
            return self._networks

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
        return self._recommender.done() and self._networks is not None and self._networks.done()

    def networks(self) -> tuple[MtcnnDetector, EmotionClassifier]:
        """Wait for the detector and the classifier.

        Raises:
            EmomusicError: a model is absent or damaged.
        """
        return self.start_networks().result()

    def recommender(self) -> Recommender:
        """Wait for the recommender.

        Raises:
            EmomusicError: the catalogue or the mood model is absent or damaged.
        """
        return self._recommender.result()

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
    return Engine()


def loading_note(meanwhile: str = "Choose a picture meanwhile.") -> None:
    """Start loading the networks, and say in one line whether they are ready.

    It keeps its height, so nothing moves when they are, and asks again by itself while they load, without running the
    page anew.

    Args:
        meanwhile: what the visitor can do until then.
    """
    engine().start_networks()

    @st.fragment(run_every=None if engine().is_ready else 2.0)
    def note() -> None:
        if engine().is_ready:
            with shown_errors():
                engine().networks()
                engine().recommender()
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
