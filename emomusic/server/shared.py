"""What all visitors of this server share: loaded networks, turns of the detector and counts."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import streamlit as st

from emomusic.errors import EmomusicError
from emomusic.faces.reading import Networks, load_networks
from emomusic.faces.turns import FairQueue, Readings, SharedDetector
from emomusic.runtime import num_cores
from emomusic.server.capacity import capacity
from emomusic.server.visitor import session_id

log = logging.getLogger(__name__)


class Shared:
    """Turns and counts of all visitors; a thread loads networks and songs ahead of the first one.

    `queue` has the searches for faces, `readings` counts what `visitor_networks` and `live_networks` have read. Both
    raise an `EmomusicError` if a model is missing or damaged.
    """

    def __init__(self) -> None:
        self.queue, self.readings = FairQueue(num_cores()), Readings()
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

    def visitor_networks(self, visitor: str, *, posed: bool = False, upright: bool = False) -> Networks:
        """The networks for photos and films of a session. Visitors take turns, and readings are counted.

        Options as of `load_networks`.
        """
        detector, classifier = load_networks(posed=posed, upright=upright)
        return SharedDetector(detector, self.readings, partial(self.queue.turn, visitor)), classifier

    def live_networks(self) -> Networks:
        """The networks for a camera, where people may show any emotion. They do not wait for turns, but are counted."""
        detector, classifier = load_networks(posed=True, upright=True)
        return SharedDetector(detector, self.readings), classifier


@st.cache_resource(show_spinner=False)
def shared() -> Shared:
    """What visitors of this server share; the first call starts loading and returns at once."""
    return Shared()


@contextmanager
def visitor_turn() -> Iterator[None]:
    """Hold a turn of the session for other work than that of `visitor_networks`; the server waits for it to end."""
    with capacity().work(), shared().queue.turn(session_id()):
        yield
