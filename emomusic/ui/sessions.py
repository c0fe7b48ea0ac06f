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
from time import monotonic

import streamlit as st
from streamlit import runtime

log = logging.getLogger(__name__)

WHEN_GONE = "two minutes after you close the page"
"""What visitors are told: half of `server.disconnectedSessionTTL` in `.streamlit/config.toml`."""

_EVERY_S = 5.0
_FILES_EVERY_S = 30.0  # a download stays for one to two of these


def forget_closed_pages() -> None:
    """From now on let go of what a page had, by when it was closed for half of that time."""
    if runtime.exists():
        try:
            _Sweep(runtime.get_instance()).begin()
        except AttributeError:  # Streamlit has no public word for some of it; a browser test sees that it works
            log.exception("sessions of closed pages stay until another one ends")


class _Sweep:
    """Looks after sessions and files now and then, on the server's thread: sessions may be closed on no other."""

    def __init__(self, server: runtime.Runtime) -> None:
        self._server, self._sessions = server, server._session_mgr
        self._loop = server._get_async_objs().eventloop
        # Its page's pictures are files, which go afterwards; each of the three steps may be late by one look
        late_s = _FILES_EVERY_S + 3 * _EVERY_S
        self._kept_s = max(st.get_option("server.disconnectedSessionTTL") / 2 - late_s, 0.0)
        self._left_at: dict[str, float] = {}
        self._files, self._delete_unused = server.media_file_mgr, server.media_file_mgr.remove_orphaned_files
        self._deleted_at = monotonic()

    def begin(self) -> None:
        self._files.remove_orphaned_files = lambda: None  # type: ignore[method-assign]  # after every run; see above
        self._loop.call_soon_threadsafe(self._look)

    def _look(self) -> None:
        self._loop.call_later(_EVERY_S, self._look)
        now, left_at = monotonic(), self._left_at
        self._left_at = {}
        for session in [info.session for info in self._sessions.list_sessions()]:
            if self._server.is_active_session(session.id):
                continue
            if now - left_at.setdefault(session.id, now) < self._kept_s:
                self._left_at[session.id] = left_at[session.id]
            else:
                self._server.close_session(session.id)
                session.session_state.clear()  # the garbage collector may come late, or never (`Engine`)
        if now - self._deleted_at >= _FILES_EVERY_S:
            self._delete_unused()
            self._deleted_at = now
