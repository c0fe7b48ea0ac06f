"""Forgetting visitors who have left, also on a server that nobody else visits, and files that no page shows any more.

Streamlit keeps the session of a closed page for a while (`server.disconnectedSessionTTL`), in case its connection was
only lost. When that is over it waits for the next session to end before it lets go: on a quiet server, photos would
stay.

Of its files, which are pictures on pages and what visitors download, Streamlit deletes those in no use whenever a page
or a part of one has been run, by anybody. A download is in no use before the browser has fetched it, and a page's
pictures are in none while it is run anew: with many visitors, downloads were often gone too soon.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic

import streamlit as st
from streamlit import runtime

from emomusic.compat import HookError, ServerInternals

log = logging.getLogger(__name__)

WHEN_GONE = "two minutes after you close the page"
"""What visitors are told: half of `server.disconnectedSessionTTL` in `.streamlit/config.toml`."""

_EVERY_S = 5.0
_FILES_EVERY_S = 30.0  # a download stays for one to two of these


def forget_closed_pages() -> None:
    """From now on let go of what a page had, by when it was closed for half of that time."""
    if runtime.exists():
        try:
            _Sweep(ServerInternals()).begin()
        except HookError:
            log.exception("sessions of closed pages stay until another one ends")


class _Sweep:
    """Looks after sessions and files now and then, on the server's thread: sessions may be closed on no other."""

    def __init__(self, server: ServerInternals) -> None:
        self._server = server
        # Its page's pictures are files, which go afterwards; each of the three steps may be late by one look
        late_s = _FILES_EVERY_S + 3 * _EVERY_S
        self._kept_s = max(st.get_option("server.disconnectedSessionTTL") / 2 - late_s, 0.0)
        self._left_at: dict[str, float] = {}
        self._deleted_at = monotonic()

    def begin(self) -> None:
        self._server.keep_files_between_runs()
        self._server.event_loop.call_soon_threadsafe(self._look)

    def _look(self) -> None:
        self._server.event_loop.call_later(_EVERY_S, self._look)
        now = monotonic()
        # Files first: they must go also where a session cannot be closed
        if now - self._deleted_at >= _FILES_EVERY_S:
            self._deleted_at = now
            self._try(self._server.delete_unused_files)
        self._try(lambda: self._close_left_sessions(now))

    def _try(self, do: Callable[[], None]) -> None:
        try:
            do()
        except Exception:  # of Streamlit's own making; the next look tries again
            log.exception("the sweep of closed pages failed")

    def _close_left_sessions(self, now: float) -> None:
        left_at, self._left_at = self._left_at, {}
        left = [session for session in self._server.sessions() if not self._server.is_open(session)]
        self._left_at = {session.id: left_at.get(session.id, now) for session in left}
        for session in left:
            if now - self._left_at[session.id] >= self._kept_s:
                self._server.close(session)
                del self._left_at[session.id]
