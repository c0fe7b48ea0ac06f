"""How many visitors, live sessions and bytes this process serves, what it works on, and whether it is about to stop.

Also the settings of the server, and who its visitors are: their addresses, and whether a visitor uses the server's own
computer.
"""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from collections.abc import Iterator, Mapping
from functools import cache
from ipaddress import ip_address
from time import monotonic
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from emomusic.errors import CapacityError, SettingsError
from emomusic.runtime import num_cores
from emomusic.text import size_over

MB = 2**20

LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")

_PROXY_HEADERS = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip")
_ASK_AGAIN_S = 5.0


VISITORS_PER_CORE = 30  # docs/deployment.md: 30 per core wait 2.6 s for an answer, 35 wait 9.7 s
LIVE_PER_CORE = 1  # docs/deployment.md: two on two cores have 16.7 frames per second, three have 6.7

_Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
_WORDS = {"yes": "true", "on": "true", "no": "false", "off": "false"}


class Settings(msgspec.Struct, frozen=True, rename=lambda name: f"EMOMUSIC_{name.upper()}"):
    """The settings of a server; the name of each begins with `EMOMUSIC_`. `docs/deployment.md` describes them."""

    max_visitors: _Count = msgspec.field(default_factory=lambda: VISITORS_PER_CORE * num_cores())
    max_live: _Count = msgspec.field(default_factory=lambda: LIVE_PER_CORE * num_cores())
    max_memory_mb: _Count = 500  # docs/deployment.md: 1 GB for a replica, half of it for the process
    max_files_mb: _Count = 2000  # the size of /tmp in deploy/: four videos, or two with their marked copies
    drain_s: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 20.0
    shared: bool = False  # whether other people use this server, also through its own browser
    api_token: Annotated[str, msgspec.Meta(pattern="^[ -~]{16,}$")] | None = None
    api_per_minute: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 60


def settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """The checked settings.

    Raises:
        SettingsError: one is malformed. The message names it, without its value.
    """
    given = {name: _WORDS.get(text.lower(), text) for name, value in environment.items() if (text := value.strip())}
    try:
        return msgspec.convert(given, Settings, strict=False)
    except msgspec.ValidationError as error:
        expected, _, place = str(error).partition(" - at `$.")
        raise SettingsError(f"{place[:-1]}: e{expected[1:]}. docs/deployment.md describes it") from None


class ByteBudget:
    """Counts the bytes that visitors store, against a limit for each visitor and one for all.

    Threads may share one instance. `HeldBytes` uses its `lock` and `held`.
    """

    def __init__(self, max_bytes: int, max_bytes_each: int) -> None:
        self.max_bytes, self.max_bytes_each = max_bytes, max_bytes_each
        self.lock = threading.RLock()
        self.held: weakref.WeakSet[HeldBytes] = weakref.WeakSet()

    def take(self, owner: str, num_bytes: int) -> HeldBytes:
        """Reserve bytes until `release`, or until nothing refers to the result.

        Keep the result beside the data, so that both go together, for example with the session of a closed page.

        Args:
            owner: the visitor's session.
            num_bytes: the size of the data, 0 for data that will `grow`.

        Raises:
            CapacityError: the visitor, or all visitors together, would store too much.
        """
        held = HeldBytes(self, owner)
        held.grow(num_bytes)
        return held

    def held_by(self, owner: str) -> int:
        """Bytes that one visitor stores."""
        with self.lock:
            return sum(held.num_bytes for held in self.held if held.owner == owner)

    @property
    def num_bytes(self) -> int:
        """Bytes that all visitors store."""
        with self.lock:
            return sum(held.num_bytes for held in self.held)


class HeldBytes:
    """Bytes of a budget, reserved for one upload or file.

    Attributes:
        owner: the visitor's session.
        num_bytes: the size; 0 after the release.
    """

    def __init__(self, budget: ByteBudget, owner: str) -> None:
        self._budget, self.owner, self.num_bytes = budget, owner, 0

    def grow(self, num_bytes: int) -> None:
        """Reserve further bytes, for a file that is being written.

        Raises:
            CapacityError: as `ByteBudget.take`.
        """
        budget = self._budget
        with budget.lock:
            if (total := budget.held_by(self.owner) + num_bytes) > budget.max_bytes_each:
                raise CapacityError(
                    f"You may store {budget.max_bytes_each // MB} MB. Received: {size_over(total)}. "
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
        sizes = limits.max_memory_mb * MB, limits.max_files_mb * MB
        self.memory, self.files = (ByteBudget(most, most // 2) for most in sizes)
        self.is_draining = False  # whether the process stops soon and refuses new visitors
        self._lock = threading.RLock()
        self._visits: dict[str, tuple[float, str]] = {}  # when the page was last open, and the browser's address
        self._num_working = 0
        self._live: weakref.WeakSet[Any] = weakref.WeakSet()  # sessions; `is_live` while one uses the camera

    def admit(self, visitor: str, address: str = "") -> bool:
        """Whether a session may use the app. One that was admitted may stay, also after a short disconnection.

        Args:
            visitor: the session.
            address: of its browser; "" if unknown. One address takes at most half of the places.
        """
        with self._lock:
            if visitor not in self._visits:
                is_open = self.has_room  # forgets closed sessions
                same = sum(bool(address) and other == address for _, other in self._visits.values())
                if not is_open or same >= max(self.max_visitors // 2, 1):
                    return False
            self._visits[visitor] = monotonic(), address
            return True

    def is_admitted(self, visitor: str) -> bool:
        """Whether a session was admitted."""
        with self._lock:
            return visitor in self._visits

    @property
    def has_room(self) -> bool:
        """Whether a new visitor would be admitted."""
        return not self.is_draining and self.num_visitors < self.max_visitors

    @property
    def num_visitors(self) -> int:
        """Admitted visitors whose page is open. Those whose session no longer exists are forgotten."""
        now_s, kept_s = monotonic(), st.get_option("server.disconnectedSessionTTL")
        num_open = 0
        with self._lock:
            for visitor, (seen_s, address) in list(self._visits.items()):
                # Streamlit's list of all sessions is not thread-safe
                if runtime.exists() and runtime.get_instance().is_active_session(visitor):
                    self._visits[visitor] = now_s, address
                    num_open += 1
                elif now_s - seen_s > kept_s:
                    del self._visits[visitor]
        return num_open

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
    def num_live(self) -> int:
        """Running live sessions."""
        with self._lock:
            return sum(session.is_live for session in self._live)


def session_id() -> str:
    """The id of the visitor's session; "" outside a page."""
    context = get_script_run_ctx(suppress_warning=True)
    return "" if context is None else context.session_id


def is_own_computer() -> bool:
    """Whether browser and server are on one computer, whose files and network the pages may then use.

    The server has a local address only. A proxy on its computer must add a header, or the server needs the setting
    `EMOMUSIC_SHARED`.

    Raises:
        SettingsError: the setting is malformed.
    """
    headers = st.context.headers
    if settings().shared or any(name in headers for name in _PROXY_HEADERS):
        return False
    hosts = urlsplit(f"//{headers.get('Host', '')}").hostname, st.get_option("server.address")
    return all(host in LOCAL_HOSTS for host in hosts) and st.context.ip_address is None


def address_of(peer: str | None, forwarded: str) -> str:
    """The address of a browser, also behind a proxy that adds `X-Forwarded-For`; "" if unknown.

    Args:
        peer: the address of the connection.
        forwarded: the header, "" without one.
    """
    with contextlib.suppress(ValueError):
        if peer and not ip_address(peer).is_private:
            return peer
    return forwarded.rpartition(",")[2].strip()


@cache
def capacity() -> Capacity:
    """The capacity of this process, with the limits of its settings."""
    return Capacity(settings())


def admit_visitor() -> None:
    """Stop the page with an explanation if this process has no room for the visitor; `app.py` calls this."""
    address = address_of(st.context.ip_address, st.context.headers.get("X-Forwarded-For", ""))
    if not runtime.exists() or capacity().admit(session_id(), address):
        return
    with st.container(key="busy"):
        if capacity().is_draining:
            st.title("EmoMusic restarts", anchor=False)
            st.markdown("This page opens automatically when the server is back. It takes up to a minute.")
        else:
            st.title("EmoMusic is full", anchor=False)
            st.markdown("Many people use it now. This page opens automatically when there is room.")
        _wait_for_room()
    st.stop()


@st.fragment(run_every=_ASK_AGAIN_S)
def _wait_for_room() -> None:
    st.caption(":material/hourglass_top: Waiting")
    if capacity().has_room:
        st.rerun()
