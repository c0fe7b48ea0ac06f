import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.runtime.app_session import AppSession, AppSessionState
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.runtime.scriptrunner.script_runner import ScriptRunnerEvent
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests
from streamlit.runtime.scriptrunner_utils.script_run_context import get_script_run_ctx
from streamlit.runtime.state.safe_session_state import SafeSessionState

from emomusic import compat
from emomusic.app.frame import take_callback_error
from tests.pages.screen import run_function
from tests.waiting import run_coroutine

TELLS = WidgetStates(widgets=[WidgetState(id="camera", json_trigger_value='"changed"')])


def test_answers_waiting_blocks_and_last_messages_outlive_the_start_of_a_run() -> None:
    compat.keep_messages()
    queue, answer, delta = ForwardMsgQueue(), ForwardMsg(), ForwardMsg()
    answer.file_urls_response.response_id = "upload"
    delta.delta.new_element.markdown.body = "of the last run"
    for message in (answer, delta):
        queue.enqueue(message)
    queue.clear(retain_lifecycle_msgs=True)
    assert queue.flush() == [answer]
    block, chart = ForwardMsg(), ForwardMsg(ref_hash="of a chart that the browser has")
    block.delta.add_block.allow_empty = True
    block.delta.fragment_id = "plane"
    for message, path in ((block, [0, 3]), (chart, [0, 3, 0])):
        message.metadata.delta_path.extend(path)
        queue.enqueue(message)
    queue.clear(retain_lifecycle_msgs=True, fragment_ids_this_run=["plane"])
    queue.enqueue(chart)
    assert queue.flush() == [block, chart, chart]
    compat.keep_messages()
    ended, running, last = object(), object(), ForwardMsg()
    last.delta.add_block.allow_empty = True
    session = _Session(running)
    run_coroutine(session.hear(ended, ScriptRunnerEvent.ENQUEUE_FORWARD_MSG, last))
    assert session.flush_browser_queue() == [last]
    run_coroutine(session.hear(ended, ScriptRunnerEvent.SHUTDOWN))
    assert session._scriptrunner is running


class _Asked(SimpleNamespace):
    """A session that hears a browser."""

    __hash__ = object.__hash__


@pytest.mark.parametrize("is_over", [True, False])
def test_what_the_last_page_sends_changes_no_page(is_over: bool) -> None:
    """The browser sends it between the click on a link and its drawing of the next page, whose run may be over."""
    compat.keep_page()
    requests, begun = ScriptRequests(), list[RerunData]()
    requests.request_rerun(RerunData(page_script_hash="live"))
    runner = None if is_over else SimpleNamespace(_requests=requests, request_rerun=requests.request_rerun)
    session: Any = _Asked(_scriptrunner=runner, _client_state=ClientState(page_script_hash="live"), _state=None)
    session._create_scriptrunner, session.has_fragment = begun.append, lambda _: True

    def hear(page: str, **options: Any) -> RerunData:
        AppSession.request_rerun(session, ClientState(page_script_hash=page, **options))
        newest = begun.pop() if begun else requests._rerun_data
        session._client_state = ClientState(page_script_hash=newest.page_script_hash, query_string=newest.query_string)
        return newest

    link = hear("photo", query_string="sample=all", widget_states=TELLS)  # what is told before the click is told again
    assert (link.page_script_hash, link.query_string) == ("photo", "sample=all")
    if not is_over:
        assert hear("live", is_auto_rerun=True, fragment_id="plane").fragment_id_queue == []
    told = hear("live", widget_states=TELLS, fragment_id="plane")
    assert (told.page_script_hash, told.query_string, told.widget_states) == ("photo", "sample=all", TELLS)
    assert (told.fragment_id, told.fragment_id_queue) == (None, [])
    assert hear("music", widget_states=WidgetStates()).page_script_hash == "music"
    for late in ("live", "photo"):  # of two links in quick succession
        assert hear(late, widget_states=TELLS).page_script_hash == "music"
    assert hear("live", widget_states=WidgetStates()).page_script_hash == "live"


class _Session(AppSession):
    """A session whose server hears of one run while it has begun another."""

    def __init__(self, running: object) -> None:
        self._scriptrunner = running  # type: ignore[assignment]
        self._state, self._browser_queue = AppSessionState.APP_IS_RUNNING, ForwardMsgQueue()
        self._message_enqueued_callback = None

    def __del__(self) -> None:
        """Leave no session behind that a server would have to close."""

    async def hear(self, *what: Any) -> None:
        self._event_loop = asyncio.get_running_loop()
        self._handle_scriptrunner_event_on_event_loop(*what)


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
def test_a_callback_ends_despite_another_message(monkeypatch: pytest.MonkeyPatch, is_early: bool) -> None:
    compat.finish_callbacks(take_callback_error)
    app = run_function(_page)
    app.session_state["clicks"], app.session_state["is_early"] = 0, is_early
    call, messages = SafeSessionState.on_script_will_rerun, [_send_message] * is_early

    def call_after_a_message(*states: Any, **options: Any) -> None:
        if messages:
            messages.pop()()
        call(*states, **options)

    monkeypatch.setattr(SafeSessionState, "on_script_will_rerun", call_after_a_message)
    app.button(key="count").click().run()
    assert app.session_state["clicks"] == 1


def _failing_page() -> None:
    import streamlit as st

    from emomusic.app.frame import open_page
    from emomusic.errors import LibraryError

    def fail(error: Exception) -> None:
        raise error

    open_page("photo")
    st.button("Library", on_click=fail, args=(LibraryError("the library is damaged"),), key="library")
    st.button("Bug", on_click=fail, args=(KeyError("a name"),), key="bug")
    st.markdown("The page")


def test_an_error_of_any_callback_is_a_message_above_the_page_and_a_bug_a_traceback() -> None:
    app = run_function(_failing_page)
    app.button(key="library").click().run()
    assert [error.value for error in app.error] == ["the library is damaged"]
    assert not app.exception
    assert [markdown.value for markdown in app.markdown] == ["The page"]
    assert not app.run().error
    app.button(key="bug").click().run()
    assert len(app.exception) == 1
