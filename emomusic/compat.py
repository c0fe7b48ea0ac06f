"""Uses of private Python parts of libraries. Tests use each of them with the real library.

`pyproject.toml` bounds the versions of the libraries in `HOOKED`. If a part is missing all the same, a hook raises an
`AttributeError` or an `ImportError`.

Styles and scripts in `app` also depend on Streamlit's page: its classes `.st-key-…`, its test ids `st…` and its
attribute `data-stale`. The browser tests fail if a new version of Streamlit changes them.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import threading
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from starlette.responses import FileResponse

HOOKED = ("scikit-learn", "starlette", "streamlit")


# The C library


def bound_free_memory() -> None:
    """Return memory to the system soon after it is freed, with glibc only. Call this before Arrow is used.

    glibc would keep up to 64 MB at the end of each of its pools, and Arrow's own pool 74 MB of the catalogue. The
    number of pools is limited before the server's start, by `MALLOC_ARENA_MAX` (Makefile, deploy/).
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    with contextlib.suppress(OSError, AttributeError, TypeError):  # not glibc
        malloc = ctypes.CDLL(None)
        malloc.mallopt(_TRIM_THRESHOLD, _TRIMMED_BYTES)  # smaller ones make the search for faces slower
        malloc.mallopt(_MMAP_THRESHOLD, 4_000_000)


_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of malloc.h
_TRIMMED_BYTES = 16_000_000


def return_free_memory() -> None:
    """Return free memory to the system, with glibc only. Takes about 4 ms."""
    with contextlib.suppress(OSError, AttributeError, TypeError):  # not glibc
        ctypes.CDLL(None).malloc_trim(0)


def overwrite_free_memory() -> None:
    """Overwrite most of what was freed. Its memory keeps its content otherwise. Takes 0.9 s."""
    _overwrite_pools()
    for size in range(48, 513, 16):  # Python's pools, from the smallest text to the largest
        blocks = [bytes(size - sys.getsizeof(b"")) for _ in range(_OVERWRITTEN_BYTES // size)]
        del blocks  # at once, or the next ones would need more memory


_OVERWRITTEN_BYTES = 2**23  # of each size; a catalogue leaves megabytes of free blocks before those of a page


def _overwrite_pools() -> None:
    """Overwrite free blocks of glibc's pools, and the ends, of which `return_free_memory` returns only the first one.

    A thread has a pool of its own if there is one, so this takes as many threads as there can be pools. A request gets
    the smallest free block that fits, so it takes requests of all sizes, the largest first.
    """
    started, one_by_one = threading.Barrier(_MOST_POOLS), threading.Lock()

    def overwrite() -> None:
        block = bytearray(2**16)  # of the pool of this thread
        started.wait()
        with one_by_one:
            within = [[bytes(size) for _ in range(_OF_SIZE_BYTES // size)] for size in _BLOCK_SIZES]
            end = [bytes(_BLOCK_BYTES) for _ in range(_TRIMMED_BYTES // _BLOCK_BYTES + 1)]
            del block, within, end  # above the threshold, so that glibc returns all of it

    threads = [threading.Thread(target=overwrite, daemon=True) for _ in range(_MOST_POOLS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


_MOST_POOLS, _BLOCK_BYTES = 16, 2**20
_BLOCK_SIZES = [2**power * part // 4 for power in range(15, 9, -1) for part in (8, 7, 6, 5)]  # 64 to 1.25 KB
_OF_SIZE_BYTES = 2**20  # of all sizes together above the threshold. Threads keep some blocks of at most 1 KB for later


# The standard library


def zip_directory_bytes(file: BinaryIO) -> int:
    """The size of the directory of a ZIP, which `zipfile` reads as a whole; 0 if the file is none."""
    from zipfile import _ECD_SIZE, _EndRecData  # type: ignore[attr-defined]

    end = _EndRecData(file)
    return int(end[_ECD_SIZE]) if end else 0


# scikit-learn


@cache
def leave_warning_filters_alone() -> None:
    """Stop scikit-learn's forests from changing Python's warning filters.

    Their wrapper empties and refills the list for each tree, and all threads share it: concurrent predictions lose
    filters.
    """
    import joblib  # type: ignore[import-untyped]
    from sklearn.ensemble import _forest

    _forest.Parallel, _forest.delayed = joblib.Parallel, joblib.delayed


# skops


def import_skops() -> Any:
    """The module `skops.io`, which then trusts none of scikit-learn's estimators.

    Its list of them would import all modules of scikit-learn, which takes 20 MB and 0.3 s.
    """
    import sklearn.utils

    with _IMPORT_LOCK:
        listed = sklearn.utils.all_estimators
        sklearn.utils.all_estimators = lambda **_: []
        try:
            import skops.io
        finally:
            sklearn.utils.all_estimators = listed
    return skops.io


_IMPORT_LOCK = threading.Lock()


# Streamlit


def ignore_pages_folder() -> None:
    """Stop Streamlit from opening the files of `pages/` itself, without `app.py`, on a server's first visit."""
    from streamlit.runtime.pages_manager import PagesManager

    PagesManager.uses_pages_directory = False  # `st.navigation` does so too, but warns outside of a page


_PARTS_WITH_DATA = ("_session_state", "_fragment_storage", "_browser_queue")


class ServerInternals:
    """Sessions and files of the running Streamlit server."""

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
        for name in _PARTS_WITH_DATA:
            setattr(session, name, type(getattr(session, name))())


_ANSWERS = ("file_urls_response", "backend_operation_response", "heartbeat_ack")


@cache
def keep_messages() -> None:
    """Stop Streamlit from dropping messages to a browser when a run begins that a busy server has not sent yet.

    Without its answer, an upload or a download never begins. The run of a fragment drops the fragment's blocks, but
    not all that lies in them: without the block, the whole page becomes empty.
    """
    from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

    clear = ForwardMsgQueue.clear

    def clear_others(
        queue: ForwardMsgQueue, retain_lifecycle_msgs: bool = False, fragment_ids_this_run: list[str] | None = None
    ) -> None:
        if retain_lifecycle_msgs and fragment_ids_this_run is not None:
            queue._delta_index_map = {}  # what follows replaces none of them
            return
        answers = [each for each in queue._queue if retain_lifecycle_msgs and each.WhichOneof("type") in _ANSWERS]
        clear(queue, retain_lifecycle_msgs)
        queue._queue += answers

    ForwardMsgQueue.clear = clear_others  # type: ignore[assignment, method-assign]


@cache
def finish_callbacks() -> None:
    """Stop Streamlit from ending a run before its callbacks are done.

    The browser's next message would end it, at its start or in a callback, and Streamlit does not repeat the click.
    """
    from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequest, ScriptRequests
    from streamlit.runtime.state.safe_session_state import SafeSessionState

    look, call = ScriptRequests.on_scriptrunner_yield, SafeSessionState.on_script_will_rerun
    calling = threading.local()  # a run has its thread

    def look_between_callbacks(requests: ScriptRequests) -> ScriptRequest | None:
        return None if hasattr(calling, "now") else look(requests)

    def call_all(state: SafeSessionState, *states: Any, **options: Any) -> None:
        calling.now = True
        try:
            call(state, *states, **options)
        finally:
            del calling.now

    ScriptRequests.on_scriptrunner_yield = look_between_callbacks  # type: ignore[assignment, method-assign]
    SafeSessionState.on_script_will_rerun = call_all  # type: ignore[assignment, method-assign]


def session_id() -> str:
    """The id of the visitor's session; "" outside a page."""
    from streamlit.runtime.scriptrunner import get_script_run_ctx

    context = get_script_run_ctx(suppress_warning=True)
    return "" if context is None else context.session_id


def open_file_response(file: BinaryIO, **look: Any) -> FileResponse:
    """Starlette's response with an open file, or with the part of it that a browser asks for.

    Args:
        file: the content.
        look: as for `FileResponse`.
    """
    from anyio import wrap_file
    from starlette.responses import FileResponse

    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    response = FileResponse("", stat_result=os.stat_result((0,) * 6 + (size, 0, 0, 0)), **look)
    response._open_file = lambda: wrap_file(file)  # type: ignore[assignment, method-assign, return-value]
    return response


def has_upload_token(headers: Mapping[str, str], cookies: Mapping[str, str]) -> bool:
    """Whether a request comes from a page of this server, as Streamlit requires of uploads."""
    from streamlit.web.server.server_util import is_xsrf_enabled
    from streamlit.web.server.starlette.starlette_app_utils import validate_xsrf_token
    from streamlit.web.server.starlette.starlette_server_config import XSRF_COOKIE_NAME

    token = headers.get("X-Xsrftoken")
    return not is_xsrf_enabled() or bool(validate_xsrf_token(token, cookies.get(XSRF_COOKIE_NAME)))


def is_same_browser(page_cookies: Mapping[str, str], cookies: Mapping[str, str]) -> bool:
    """Whether a request comes from the browser of a page, by Streamlit's cookie. True if that browser sends none."""
    from streamlit.web.server.starlette.starlette_server_config import XSRF_COOKIE_NAME

    token = page_cookies.get(XSRF_COOKIE_NAME)
    return token is None or has_upload_token({"X-Xsrftoken": token}, cookies)


def can_upload(cookies: Mapping[str, str]) -> bool:
    """Whether a browser that sends these cookies can upload files."""
    from streamlit.web.server.server_util import is_xsrf_enabled
    from streamlit.web.server.starlette.starlette_server_config import XSRF_COOKIE_NAME

    return XSRF_COOKIE_NAME in cookies or not is_xsrf_enabled()


def keep_upload(session: str, record: Any) -> None:
    """Put an uploaded file into Streamlit's store."""
    from streamlit import runtime
    from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

    manager = runtime.get_instance().uploaded_file_mgr
    assert isinstance(manager, MemoryUploadedFileManager)
    manager.add_file(session, record)


def release_upload(file_id: str) -> None:
    """Delete an uploaded file from Streamlit's store, which keeps it for the whole session."""
    from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
    from streamlit.runtime.scriptrunner import get_script_run_ctx

    context = get_script_run_ctx()
    if context is not None and isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        context.uploaded_file_mgr.remove_file(context.session_id, file_id)
