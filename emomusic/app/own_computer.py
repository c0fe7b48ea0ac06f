"""Whether the app runs on the visitor's own computer, whose files and network the pages may then use."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import streamlit as st

SHARED = "EMOMUSIC_SHARED"
"""Environment variable: 1 if other people use this server, also through its own browser."""

LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")

_PROXY_HEADERS = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip")


def is_own_computer() -> bool:
    """Whether browser and server are on one computer. A proxy on the server's computer adds a header."""
    headers = st.context.headers
    if os.environ.get(SHARED) == "1" or any(name in headers for name in _PROXY_HEADERS):
        return False
    return urlsplit(f"//{headers.get('Host', '')}").hostname in LOCAL_HOSTS and st.context.ip_address is None
