"""What takes seconds to load, loaded once for all visitors, in the background: the page comes first."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import streamlit as st

from emomusic.errors import EmomusicError
from emomusic.face.classifier import EmotionClassifier
from emomusic.face.detection import MtcnnDetector
from emomusic.face.reading import load_networks
from emomusic.music.recommend import Recommender, load_recommender

log = logging.getLogger(__name__)


class Engine:
    """The recommender and the networks, loading since this was made. Shared by all sessions; never changed."""

    def __init__(self) -> None:
        # One after the other: on two cores, side by side, both would be late. The songs are quick and come first.
        loading = ThreadPoolExecutor(max_workers=1, thread_name_prefix="loading")
        self._recommender: Future[Recommender] = loading.submit(load_recommender)
        self._networks: Future[tuple[MtcnnDetector, EmotionClassifier]] = loading.submit(load_networks)
        loading.shutdown(wait=False)

    @property
    def is_ready(self) -> bool:
        """Whether everything is loaded, or has failed to."""
        return self._networks.done() and self._recommender.done()

    def networks(self) -> tuple[MtcnnDetector, EmotionClassifier]:
        """Wait for the detector and the classifier.

        Raises:
            EmomusicError: a model is absent or damaged.
        """
        return self._networks.result()

    def recommender(self) -> Recommender:
        """Wait for the recommender.

        Raises:
            EmomusicError: the catalogue or the mood model is absent or damaged.
        """
        return self._recommender.result()


@st.cache_resource(show_spinner=False)
def engine() -> Engine:
    """The one engine of this server; the first call starts the loading and returns at once."""
    return Engine()


def loading_note() -> None:
    """One line that says whether the networks are ready; it keeps its height, so nothing moves when they are.

    It asks again by itself while they load, without running the page anew.
    """

    @st.fragment(run_every=None if engine().is_ready else 1.0)
    def note() -> None:
        if engine().is_ready:
            st.caption(":material/check_circle: The networks are ready.")
        else:
            st.caption(
                ":material/hourglass_top: The networks are loading, which takes about ten seconds after a start. "
                "Choose a picture meanwhile."
            )

    note()


@contextlib.contextmanager
def shown_errors() -> Iterator[None]:
    """Show what a user can mend as a message; anything else stays an exception, for us to see."""
    try:
        yield
    except EmomusicError as error:
        log.info("shown to the visitor: %s", error)
        st.error(str(error), icon=":material/error:")
