from __future__ import annotations

import pkgutil
from types import SimpleNamespace
from typing import Any

import pytest
import streamlit
from streamlit.web.server.starlette import starlette_app_utils, starlette_server_config

from emomusic import compat

TARGETS = [
    ("scikit-learn", "sklearn.ensemble._forest", "delayed"),
    ("starlette", "starlette.formparsers.MultiPartParser", "spool_max_size"),
    ("streamlit", "streamlit.runtime.Runtime", "close_session"),
]


@pytest.mark.parametrize("library", compat.HOOKS)
def test_the_installed_library_has_the_targets_of_the_hook(library: str) -> None:
    assert compat.HOOKS[library]() is None  # raises HookError otherwise


@pytest.mark.parametrize(("library", "target", "name"), TARGETS)
def test_a_missing_target_raises_an_error(
    monkeypatch: pytest.MonkeyPatch, library: str, target: str, name: str
) -> None:
    holder: Any = pkgutil.resolve_name(target)
    for ancestor in getattr(holder, "__mro__", [holder]):
        if name in vars(ancestor):
            monkeypatch.delattr(ancestor, name)
    with pytest.raises(compat.HookError, match=f"to have {name}"):
        compat.HOOKS[library]()


def test_a_stream_without_a_run_count_raises_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    from streamlit_webrtc.component import WebRtcStreamerContext

    monkeypatch.delitem(WebRtcStreamerContext.__annotations__, "_last_rendered_run_count")
    with pytest.raises(compat.HookError, match="_last_rendered_run_count"):
        compat.HOOKS["streamlit-webrtc"]()
    with pytest.raises(compat.HookError, match="_last_rendered_run_count"):
        compat.set_visitor_stayed(SimpleNamespace(), stayed=True)


def token_of(monkeypatch: pytest.MonkeyPatch, cookie: str | None) -> str | None:
    """The browser's value for a cookie of Streamlit."""
    cookies = {} if cookie is None else {starlette_server_config.XSRF_COOKIE_NAME: cookie}
    monkeypatch.setattr(streamlit, "context", SimpleNamespace(cookies=cookies))
    return compat.browser_token()


def test_a_browser_has_one_token_although_streamlit_masks_its_cookie(monkeypatch: pytest.MonkeyPatch) -> None:
    one, again, other = (
        starlette_app_utils.generate_xsrf_token_string(token) for token in (b"a" * 16, b"a" * 16, b"b" * 16)
    )
    assert one != again
    token = token_of(monkeypatch, one)
    assert token
    assert token_of(monkeypatch, again) == token
    assert token_of(monkeypatch, other) not in (token, None)


@pytest.mark.parametrize("cookie", [None, "nonsense", "2|a|b|c"])
def test_without_a_valid_cookie_a_browser_has_no_token(monkeypatch: pytest.MonkeyPatch, cookie: str | None) -> None:
    assert token_of(monkeypatch, cookie) is None
