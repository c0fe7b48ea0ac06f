from __future__ import annotations

from starlette.formparsers import MultiPartParser
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.runtime.media_file_manager import MediaFileManager
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
