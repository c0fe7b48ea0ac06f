"""Whether the app runs on the visitor's own computer, whose files and network the pages may then use."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import streamlit as st

from emomusic.server.capacity import is_shared

LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")

_PROXY_HEADERS = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip")


def is_own_computer() -> bool:
    """Whether browser and server are on one computer, and the server has a local address only.

    A proxy on the server's computer must add a header, or the server needs the setting `EMOMUSIC_SHARED`.

    Raises:
        SettingsError: the setting is malformed.
    """
    headers = st.context.headers
    if is_shared(os.environ) or any(name in headers for name in _PROXY_HEADERS):
        return False
    hosts = urlsplit(f"//{headers.get('Host', '')}").hostname, st.get_option("server.address")
    return all(host in LOCAL_HOSTS for host in hosts) and st.context.ip_address is None
