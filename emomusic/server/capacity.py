"""The numbers of visitors, live sessions and bytes of this process, its work in progress, and its pending stop."""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Iterator
from enum import Enum
from functools import cache
from time import monotonic
from typing import Any

import streamlit as st
from streamlit import runtime

from emomusic.errors import CapacityError
from emomusic.server.settings import Settings, settings
from emomusic.text import size_over

MB = 2**20


class Refusal(Enum):
    """Why a visitor is not admitted: the process stops soon, or has no place for anyone, or for this address.

    The value is the title and the text of the page.
    """

    RESTARTS = (
        "EmoMusic restarts",
        "This page opens automatically when the server is back. It takes up to a minute.",
    )
    FULL = "EmoMusic is full", "Many people use it now. This page opens automatically when there is room."
    ADDRESS = (
        "All places for your network are taken",
        "One network has at most half of the places of this server. This page opens automatically when someone near "
        "you leaves.",
    )


class ByteBudget:
    """The bytes that visitors store, with a limit for all, and half of it for each. Threads may share one instance.

    `HeldBytes` uses its `lock` and `held`.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.lock = threading.RLock()
        self.held: weakref.WeakSet[HeldBytes] = weakref.WeakSet()

    @property
    def num_bytes(self) -> int:
        """Bytes that all visitors store."""
        with self.lock:
            return sum(held.num_bytes for held in self.held)

    def move(self, before: str, now: str) -> None:
        """Count what a session stores to the session after it."""
        with self.lock:
            for held in self.held:
                if held.owner == before:
                    held.owner = now


class HeldBytes:
    """Bytes of a budget, reserved for one upload or file until `release`, or until nothing refers to this object.

    Keep it with the data, so that both are freed together, for example when a page closes.

    Attributes:
        owner: the visitor's session.
        num_bytes: the size; 0 after the release.
    """

    def __init__(self, budget: ByteBudget, owner: str, num_bytes: int = 0) -> None:
        """Reserve bytes; none for data that will `grow`.

        Raises:
            CapacityError: the visitor, or all visitors together, would store too much.
        """
        self._budget, self.owner, self.num_bytes = budget, owner, 0
        self.grow(num_bytes)

    def grow(self, num_bytes: int) -> None:
        """Reserve further bytes, for a file that is being written.

        Raises:
            CapacityError: as when it is made.
        """
        budget, most = self._budget, self._budget.max_bytes // 2
        with budget.lock:
            own = sum(held.num_bytes for held in budget.held if held.owner == self.owner)
            total = own + num_bytes
            if total > most:
                raise CapacityError(
                    f"You may store {most // MB} MB. Received: {size_over(total)}. "
                    "Remove other files, or choose a smaller one"
                )
            if budget.num_bytes + num_bytes > budget.max_bytes:
                raise CapacityError(
                    "The files of all visitors fill this server. Choose a smaller one, or try again in a few minutes"
                )
            self.num_bytes += num_bytes
            budget.held.add(self)

    def release(self) -> None:
        """Give the bytes back. A second call does nothing."""
        with self._budget.lock:
            self.num_bytes = 0
            self._budget.held.discard(self)


class Capacity:
    """Counts visitors, live sessions and bytes against their limits. Threads may share one instance.

    Attributes:
        memory: the bytes of uploads and made files in memory.
        files: the bytes of those in temporary files.
    """

    def __init__(self, limits: Settings) -> None:
        self.max_visitors, self.max_live = limits.max_visitors, limits.max_live
        self.memory, self.files = ByteBudget(limits.max_memory_mb * MB), ByteBudget(limits.max_files_mb * MB)
        self.is_draining = False  # whether the process stops soon and refuses new visitors
        self._lock = threading.RLock()
        self._visits: dict[str, tuple[float, str]] = {}  # when the page was last open, and the browser's address
        self._num_working = 0
        self._live: weakref.WeakSet[Any] = weakref.WeakSet()  # sessions; `is_live` while one uses the camera

    def refusal(self, visitor: str, address: str = "") -> Refusal | None:
        """Why a session may not use the app; None if it may. One that was admitted may stay, also after a reconnection.

        Args:
            visitor: the session.
            address: the address of its browser; "" if unknown. One address takes at most half of the places.
        """
        with self._lock:
            if visitor in self._visits:
                return None
            if self.is_draining:
                return Refusal.RESTARTS
            others = self._open_addresses()
            if len(others) >= self.max_visitors:
                return Refusal.FULL
            is_many = address and others.count(address) >= max(self.max_visitors // 2, 1)
            return Refusal.ADDRESS if is_many else None

    def admit(self, visitor: str, address: str = "") -> Refusal | None:
        """Give a session a place, or tell why it may not use the app. Arguments as of `refusal`."""
        with self._lock:
            if (refusal := self.refusal(visitor, address)) is None:
                self._visits[visitor] = monotonic(), address
            return refusal

    def is_admitted(self, visitor: str) -> bool:
        """Whether a session was admitted."""
        with self._lock:
            return visitor in self._visits

    @property
    def num_visitors(self) -> int:
        """Admitted visitors whose page is open."""
        return len(self._open_addresses())

    def _open_addresses(self) -> list[str]:
        """The address of each admitted visitor whose page is open. Those whose session is gone are forgotten."""
        now_s, kept_s, found = monotonic(), st.get_option("server.disconnectedSessionTTL"), list[str]()
        with self._lock:
            for visitor, (seen_s, address) in list(self._visits.items()):
                # Streamlit's list of all sessions is not thread-safe
                if runtime.exists() and runtime.get_instance().is_active_session(visitor):
                    self._visits[visitor] = now_s, address
                    found.append(address)
                elif now_s - seen_s > kept_s:
                    del self._visits[visitor]
        return found

    @contextlib.contextmanager
    def work(self) -> Iterator[None]:
        """Count the block as work in progress, for which a stop of the server waits."""
        with self._lock:
            self._num_working += 1
        try:
            yield
        finally:
            with self._lock:
                self._num_working -= 1

    @property
    def is_busy(self) -> bool:
        """Whether a photo, a film, a call of the API or a live session is in progress."""
        with self._lock:
            return self._num_working > 0 or self.num_live > 0

    def start_live(self, session: object) -> bool:
        """Take a place for a live session, which gives it back when it ends. False if all are taken."""
        with self._lock:
            if self.is_draining or self.num_live >= self.max_live:
                return False
            self._live.add(session)
            return True

    @property
    def live_sessions(self) -> list[Any]:
        """The sessions that have taken a place."""
        with self._lock:
            return [*self._live]

    @property
    def num_live(self) -> int:
        """Running live sessions."""
        with self._lock:
            return sum(session.is_live for session in self._live)


@cache
def capacity() -> Capacity:
    """The capacity of this process, with the limits of its settings."""
    return Capacity(settings())
