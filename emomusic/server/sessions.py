"""Delete sessions of closed pages, and files that no page shows.

Streamlit keeps a closed page's session for `server.disconnectedSessionTTL`, in case its connection was only lost. It
then waits until another session ends, so on a quiet server photos would stay.

Streamlit deletes unused media files after every run of any page. A download is unused until the browser fetches it,
and a page's images are unused during its rerun: with many visitors, files disappeared too early.

Streamlit also collects garbage after every run, which stops all other visitors for a tenth of a second. The setting
`runner.postScriptGC` switches that off.

After that, nothing in the process refers to a visitor's files. Freed memory is not overwritten.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from collections.abc import Callable
from time import monotonic

import streamlit as st

from emomusic.compat import ServerInternals, return_free_memory

log = logging.getLogger(__name__)

WHEN_GONE = "three minutes after you close the page"
"""When photos are deleted: half of `server.disconnectedSessionTTL` in `.streamlit/config.toml`."""

_EVERY_S = 5.0
_FILES_EVERY_S = 30.0  # a download stays for 30 to 60 s


_started = threading.Event()


def forget_closed_pages() -> None:
    """Delete sessions closed for half of `server.disconnectedSessionTTL` from now on; call this on the event loop."""
    _Cleanup(asyncio.get_running_loop()).run()
    _started.set()


def are_pages_forgotten() -> bool:
    """Whether the server of this process deletes the sessions of closed pages."""
    return _started.is_set()


class _Cleanup:
    """A periodic task on the server's thread, the only thread that may close sessions."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop, self._server = loop, ServerInternals()
        ttl_s = max(st.get_option("server.disconnectedSessionTTL"), 10)
        self._every_s, self._files_every_s = min(_EVERY_S, ttl_s / 48), min(_FILES_EVERY_S, ttl_s / 8)
        # The page's images are files and go after the session; each of the three steps can be one interval late
        self._kept_s = ttl_s / 2 - self._files_every_s - 3 * self._every_s
        self._left_at: dict[str, float] = {}
        self._deleted_at = monotonic()

    def run(self) -> None:
        """Delete what is left, now and every few seconds."""
        self._loop.call_later(self._every_s, self.run)
        now = monotonic()
        # Files first: a session that cannot be closed must not keep them
        if now - self._deleted_at >= self._files_every_s:
            self._deleted_at = now
            self._try(self._server.delete_unused_files)
            gc.collect()  # reference cycles of pages can hold photos
        self._try(lambda: self._close_left_sessions(now))
        return_free_memory()

    def _try(self, do: Callable[[], None]) -> None:
        try:
            do()
        except Exception:  # any error of Streamlit; the next run tries again
            log.exception("the cleanup of closed pages failed")

    def _close_left_sessions(self, now: float) -> None:
        left = self._server.left_sessions()
        self._left_at = {session.id: self._left_at.get(session.id, now) for session in left}
        for session in left:
            if now - self._left_at[session.id] >= self._kept_s:
                self._server.close(session)
                del self._left_at[session.id]
