"""Uses of private Python parts of libraries. Tests use each of them with the real library.

`pyproject.toml` bounds the versions of the libraries in `HOOKED`. If a part is missing nevertheless, a hook raises an
`AttributeError` or an `ImportError`. "Tried" names the public way, and the change that would make the hook obsolete.

Styles and scripts in `app` also depend on Streamlit's page: its classes `.st-key-…`, its test ids `st…` and its
attribute `data-stale`. The browser tests fail if a new version of Streamlit changes them.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
from collections.abc import Callable, Mapping
from functools import cache
from time import monotonic
from typing import TYPE_CHECKING, Any, BinaryIO
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from starlette.responses import FileResponse

HOOKED = ("starlette", "streamlit")
XSRF_COOKIE = "_streamlit_xsrf"
_DRAWN_S = 10.0  # longest time in which a busy browser draws the next page


def return_free_memory() -> None:
    """Return free memory to the system, with glibc only. Takes about 4 ms."""
    # Tried: the tunables alone, which return only the end of each pool. Needed as long as glibc is.
    with contextlib.suppress(OSError, AttributeError, TypeError):  # not glibc
        ctypes.CDLL(None).malloc_trim(0)


def ignore_pages_folder() -> None:
    """Stop Streamlit from opening the files of `pages/` itself, without `app.py`, on a server's first visit."""
    # Tried: `st.navigation` at the start, which warns outside of a page. A Streamlit without `pages/` ends this.
    from streamlit.runtime.pages_manager import PagesManager

    PagesManager.uses_pages_directory = False


class ServerInternals:
    """Sessions and files of the running Streamlit server."""

    # Tried: `server.disconnectedSessionTTL`, which waits for a new session. A Streamlit with a timer may end this.

    def __init__(self) -> None:
        """Look them up, and stop Streamlit from deleting unused files after each run of a page."""
        from streamlit import runtime

        self._server = runtime.get_instance()
        files = self._server.media_file_mgr
        self.delete_unused_files = files.remove_orphaned_files  # those that no page shows
        files.remove_orphaned_files = lambda: None  # type: ignore[method-assign]

    def left_sessions(self) -> list[Any]:
        """The sessions whose page no browser shows."""
        sessions = (info.session for info in self._server._session_mgr.list_sessions())
        return [session for session in sessions if not self._server.is_active_session(session.id)]

    def close(self, session: Any) -> None:
        """Delete a session and all that it holds. Call this on the event loop's thread only.

        Streamlit's loop keeps the session that it served last, whose widgets and fragments keep their arguments.
        """
        self._server.close_session(session.id)
        session.session_state.clear()  # without waiting for the garbage collector
        for name in ("_session_state", "_fragment_storage", "_browser_queue"):
            setattr(session, name, type(getattr(session, name))())


@cache
def keep_messages() -> None:
    """Stop Streamlit from dropping messages to a browser when a run begins that a busy server has not sent yet.

    Without its answer, an upload or a download never begins. The run of a fragment drops the fragment's blocks, but
    not all that lies in them: without the block, the whole page becomes empty. And a message of the browser that comes
    between the end of a run and the server's knowledge of it drops the last messages of that run.
    """
    # Tried: `runner.fastReruns`, which decides when a run begins, not what it drops. Later than Streamlit 1.67.
    from streamlit.runtime.app_session import AppSession
    from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
    from streamlit.runtime.scriptrunner.script_runner import ScriptRunnerEvent

    clear, kinds = ForwardMsgQueue.clear, ("file_urls_response", "backend_operation_response", "heartbeat_ack")

    def clear_others(
        queue: ForwardMsgQueue, retain_lifecycle_msgs: bool = False, fragment_ids_this_run: list[str] | None = None
    ) -> None:
        if retain_lifecycle_msgs and fragment_ids_this_run is not None:
            queue._delta_index_map = {}  # later messages replace none of them
            return
        answers = [message for message in queue._queue if retain_lifecycle_msgs and message.WhichOneof("type") in kinds]
        clear(queue, retain_lifecycle_msgs)
        queue._queue += answers

    hear = AppSession._handle_scriptrunner_event_on_event_loop

    def hear_all(session: AppSession, sender: Any, event: ScriptRunnerEvent, *facts: Any, **named: Any) -> None:
        runner = session._scriptrunner
        if runner is None or event is ScriptRunnerEvent.SHUTDOWN:
            hear(session, sender, event, *facts, **named)
            return
        session._scriptrunner = sender  # Streamlit ignores all others
        try:
            hear(session, sender, event, *facts, **named)
        finally:
            session._scriptrunner = runner

    ForwardMsgQueue.clear = clear_others  # type: ignore[assignment, method-assign]
    AppSession._handle_scriptrunner_event_on_event_loop = hear_all  # type: ignore[assignment, method-assign]


@cache
def keep_page() -> None:
    """Stop messages of the last pages from undoing a change of the page that the browser has not drawn yet.

    Streamlit takes the page of the newest message: the browser gets the last page again, or an empty one. Timers are
    left out while a page runs. What buttons and components tell is for the next page.
    """
    # Tried: nothing public sees the messages of fragments. Later than Streamlit 1.67.
    from streamlit.proto.ClientState_pb2 import ClientState
    from streamlit.runtime.app_session import AppSession
    from streamlit.runtime.scriptrunner_utils.script_requests import _has_active_trigger_value

    hear, all_left = AppSession.request_rerun, WeakKeyDictionary[AppSession, dict[str, float]]()

    def hear_on_page(session: AppSession, told: ClientState | None) -> None:
        runner = session._scriptrunner
        newest = session._client_state if runner is None else runner._requests._rerun_data
        if told is not None and newest.page_script_hash not in ("", told.page_script_hash):
            if told.is_auto_rerun and runner is not None:
                return
            left = all_left.setdefault(session, {})  # when, by page
            is_late = monotonic() - left.get(told.page_script_hash, -_DRAWN_S) < _DRAWN_S
            if is_late and any(map(_has_active_trigger_value, told.widget_states.widgets)):  # else a link
                told.page_script_hash, told.query_string = newest.page_script_hash, newest.query_string
                told.fragment_id = ""
            elif not told.is_auto_rerun:
                left[newest.page_script_hash] = monotonic()
        hear(session, told)

    AppSession.request_rerun = hear_on_page  # type: ignore[assignment, method-assign]


@cache
def finish_callbacks(take_error: Callable[[Exception], bool]) -> None:
    """Stop Streamlit from ending a run before its callbacks are done, or at an error of one.

    The browser's next message would end it, at its start or in a callback, and Streamlit does not repeat the click.

    Args:
        take_error: takes an error. The run goes on if it returns True.
    """
    # Tried: `runner.fastReruns`; `on_script_error` of `st.App`, after which the run ends. Later than Streamlit 1.67.
    from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequest, ScriptRequests
    from streamlit.runtime.state.safe_session_state import SafeSessionState

    on_yield, call = ScriptRequests.on_scriptrunner_yield, SafeSessionState.on_script_will_rerun
    calling = threading.local()  # a run has its thread

    def request_between_callbacks(requests: ScriptRequests) -> ScriptRequest | None:
        return None if hasattr(calling, "now") else on_yield(requests)

    def call_all(state: SafeSessionState, *states: Any, **options: Any) -> None:
        calling.now = True
        try:
            call(state, *states, **options)
        except Exception as error:
            if not take_error(error):
                raise
        finally:
            del calling.now

    ScriptRequests.on_scriptrunner_yield = request_between_callbacks  # type: ignore[assignment, method-assign]
    SafeSessionState.on_script_will_rerun = call_all  # type: ignore[assignment, method-assign]


def open_file_response(file: BinaryIO, **options: Any) -> FileResponse:
    """Starlette's response with an open file, or with the part of it that a browser asks for."""
    # Tried: `StreamingResponse`, which has no ranges. A `FileResponse` that takes an open file ends this.
    from anyio import wrap_file
    from starlette.responses import FileResponse

    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    response = FileResponse("", stat_result=os.stat_result((0,) * 6 + (size, 0, 0, 0)), **options)
    response._open_file = lambda: wrap_file(file)  # type: ignore[assignment, method-assign, return-value]
    return response


def has_upload_token(headers: Mapping[str, str], cookies: Mapping[str, str]) -> bool:
    """Whether a request comes from a page of this server, as Streamlit requires of uploads."""
    # Tried: `st.App`, which takes no other store of uploads. One that does ends this.
    from streamlit.web.server.server_util import is_xsrf_enabled

    return not is_xsrf_enabled() or is_same_browser({XSRF_COOKIE: headers.get("X-Xsrftoken", "")}, cookies)


def is_same_browser(cookies: Mapping[str, str], others: Mapping[str, str]) -> bool:
    """Whether the cookies of two requests are of one browser."""
    # Tried: equal cookies. Streamlit writes its token in another way for each page; a constant one ends this.
    from streamlit.web.server.starlette.starlette_app_utils import validate_xsrf_token

    return bool(validate_xsrf_token(cookies.get(XSRF_COOKIE), others.get(XSRF_COOKIE)))
