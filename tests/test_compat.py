from __future__ import annotations

import pkgutil
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

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


def test_an_answer_to_a_browser_outlives_the_start_of_a_run() -> None:
    compat.keep_answers()
    queue, answer, delta = ForwardMsgQueue(), ForwardMsg(), ForwardMsg()
    answer.file_urls_response.response_id = "upload"
    delta.delta.new_element.markdown.body = "of the last run"
    for message in (answer, delta):
        queue.enqueue(message)
    queue.clear(retain_lifecycle_msgs=True)
    assert queue.flush() == [answer]
    assert queue.is_empty()
