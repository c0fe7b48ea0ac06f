import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from starlette.formparsers import MultiPartParser
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData
from streamlit.runtime.scriptrunner_utils.script_run_context import get_script_run_ctx
from streamlit.runtime.state.safe_session_state import SafeSessionState
from streamlit.testing.v1 import AppTest
from streamlit_webrtc.component import WebRtcStreamerContext

from emomusic import compat


def test_the_libraries_have_the_parts_that_hooks_replace() -> None:
    assert hasattr(MultiPartParser, "spool_max_size")
    assert hasattr(MediaFileManager, "remove_orphaned_files")
    assert "_last_rendered_run_count" in WebRtcStreamerContext.__annotations__


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


def _send_message() -> None:
    """Tell the page that runs to run again, as a message of its browser does."""
    context = get_script_run_ctx()
    context.script_requests.request_rerun(RerunData(page_script_hash=context.page_script_hash))


def _page() -> None:
    import streamlit as st

    from tests.test_compat import _send_message

    def count() -> None:
        if not st.session_state["is_early"]:
            _send_message()
        st.session_state["clicks"] += 1

    st.button("Count", on_click=count, key="count")


@pytest.mark.parametrize("is_early", [True, False])
def test_a_callback_ends_although_the_browser_sends_another_message(
    monkeypatch: pytest.MonkeyPatch, is_early: bool
) -> None:
    compat.finish_callbacks()
    app = AppTest.from_function(_page)
    app.session_state["clicks"], app.session_state["is_early"] = 0, is_early
    app.run()
    call, messages = SafeSessionState.on_script_will_rerun, [_send_message] * is_early

    def call_after_a_message(*states: Any, **options: Any) -> None:
        if messages:
            messages.pop()()
        call(*states, **options)

    monkeypatch.setattr(SafeSessionState, "on_script_will_rerun", call_after_a_message)
    app.button(key="count").click().run()
    assert app.session_state["clicks"] == 1


# What a thread has freed, and how often it is in memory then, and after it was overwritten
FREED = r"""
import secrets, threading
from pathlib import Path
import numpy as np
from emomusic.compat import bound_free_memory, overwrite_free_memory, return_free_memory

def copies():
    number = 0
    with Path("/proc/self/maps").open() as maps, Path("/proc/self/mem").open("rb", 0) as memory:
        for line in maps:
            start, stop = (int(place, 16) for place in line.split()[0].split("-"))
            if "rw" in line and not line.endswith("]\n") or "[heap]" in line:
                memory.seek(start)
                number += memory.read(stop - start).count(marker)
    return number

def read_files():
    files = [(marker + bytes(160)) * 300 for _ in range(5)]

def read_profiles():
    for _ in range(400):
        profiles.append(np.tile(np.frombuffer(marker, np.float32), 64))
        kept.append(np.zeros(512, np.float32))  # between two profiles, so that their places do not become one
    profiles.clear()

kept, profiles = [], []

bound_free_memory()
for read in (read_files, read_profiles):
    marker = secrets.token_hex(16).encode()
    for _ in range(2):
        thread = threading.Thread(target=read)
        thread.start()
        thread.join()
    return_free_memory()
    before = copies()
    overwrite_free_memory()
    print(before, copies())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the memory of a process of Linux")
def test_what_a_thread_has_freed_is_overwritten() -> None:
    command = [sys.executable, "-c", FREED]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True)
    files, profiles = done.stdout.splitlines()
    for before, after in (map(int, each.split()) for each in (files, profiles)):
        assert before >= 300
        assert after < before / 5
