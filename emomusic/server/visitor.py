"""The visitor of a page: the session, the browser's address, and whether it runs on the server's computer."""

from __future__ import annotations

import contextlib
import logging
import socket
from ipaddress import ip_address
from urllib.parse import urlsplit

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from emomusic.server.capacity import Refusal, capacity
from emomusic.server.settings import settings

log = logging.getLogger(__name__)

LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")

_PROXY_HEADERS = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip")
_ASK_AGAIN_S = 5.0


def session_id() -> str:
    """The id of the visitor's session; "" outside a page."""
    context = get_script_run_ctx(suppress_warning=True)
    return "" if context is None else context.session_id


def is_own_computer() -> bool:
    """Whether browser and server are on one computer, whose files and network the pages may then use.

    The server has a local address only. A proxy on its computer must add a header, or the server needs the setting
    `EMOMUSIC_SHARED`.

    Raises:
        SettingsError: a setting is malformed.
    """
    headers = st.context.headers
    if settings().shared or any(name in headers for name in _PROXY_HEADERS):
        return False
    hosts = urlsplit(f"//{headers.get('Host', '')}").hostname, st.get_option("server.address")
    return all(host in LOCAL_HOSTS for host in hosts) and st.context.ip_address is None


def address_for_phones(url: str) -> str | None:
    """The address of a page for other devices in the network of this computer; None if they cannot reach it."""
    parts = urlsplit(url)
    if parts.hostname not in LOCAL_HOSTS:
        return url
    if st.get_option("server.address") not in LOCAL_HOSTS:
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("192.0.2.1", 9))  # chooses a way to an address of no computer, and sends nothing
            port = "" if parts.port is None else f":{parts.port}"
            return parts._replace(netloc=probe.getsockname()[0] + port).geturl()
    return None


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


def admit_visitor() -> None:
    """Stop the page with an explanation if this process has no room for the visitor; `app.py` calls this."""
    refusal = capacity().admit(session_id(), _address()) if runtime.exists() else None
    if refusal is not None:
        if refusal is Refusal.ADDRESS:
            log.warning("one address has half of the %d places; EMOMUSIC_MAX_VISITORS is more", capacity().max_visitors)
        title, text = refusal.value
        with st.container(key="busy"):
            st.title(title, anchor=False)
            st.markdown(text)
            _wait_for_room(refusal)
        st.stop()


def _address() -> str:
    return address_of(st.context.ip_address, st.context.headers.get("X-Forwarded-For", ""))


@st.fragment(run_every=_ASK_AGAIN_S)
def _wait_for_room(refusal: Refusal) -> None:
    """Run the page again when the visitor would be admitted, or is refused for another reason."""
    st.caption(":material/hourglass_top: Waiting")
    if capacity().refusal(session_id(), _address()) is not refusal:
        st.rerun()
