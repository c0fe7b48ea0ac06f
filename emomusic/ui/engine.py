"""What takes seconds to load, loaded once for all visitors, in the background: the page comes first."""

from __future__ import annotations

import gc
import threading
from concurrent.futures import Future, ThreadPoolExecutor

import streamlit as st

from emomusic.face.classifier import EmotionClassifier
from emomusic.face.detection import MtcnnDetector
from emomusic.face.reading import load_networks
from emomusic.music.recommend import Recommender, load_recommender
from emomusic.ui.frame import shown_errors


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

    def start_networks(self) -> Future[tuple[MtcnnDetector, EmotionClassifier]]:
        """Begin to load the networks in the background, if nobody has; returns at once."""
        with self._lock:
            if self._networks is None:
                self._networks = self._loading.submit(_load_networks)
            return self._networks

    @property
    def is_ready(self) -> bool:
        """Whether everything that faces need is loaded, or has failed to."""
        return self._recommender.done() and self.start_networks().done()

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


def _load_networks() -> tuple[MtcnnDetector, EmotionClassifier]:
    """Load the networks, and take what stays for good out of the garbage collector's sight.

    A full collection looks at half a million objects of TensorFlow and the like, 0.3 s in which no other thread runs:
    a video would stand still. (Streamlit's own, after every run of a page, is switched off in its configuration.)
    """
    networks = load_networks()
    gc.collect()
    gc.freeze()
    return networks


@st.cache_resource(show_spinner=False)
def engine() -> Engine:
    """The one engine of this server; the first call starts loading the songs and returns at once."""
    return Engine()


def loading_note(meanwhile: str = "Choose a picture meanwhile.") -> None:
    """One line that says whether the networks are ready; it keeps its height, so nothing moves when they are.

    It asks again by itself while they load, without running the page anew.

    Args:
        meanwhile: what the visitor can do until then.
    """

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
