"""A browser tab without a screen: it speaks Streamlit's protocol over HTTP and a WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import requests
from requests.adapters import HTTPAdapter
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import FileURLsResponse, UploadedFileInfo
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from urllib3.util import Retry
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from emomusic.errors import EmomusicError
from scripts.load.page import Page

ANSWER_WITHIN_S = 30.0
_RECONNECT_WITHIN_S = 60.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 4.0  # between attempts to reconnect, as in Streamlit's frontend
_XSRF = "_streamlit_xsrf"


class LoadError(EmomusicError):
    """An answer that differs from a visitor's expectation; the message is its reason in the report."""


class ConnectionLostError(LoadError):
    """The server or the proxy closed the connection."""


class Tab:
    """A page of the app, opened by one visitor. It keeps cookies, widget states and the session's id.

    Attributes:
        page: the elements on it.
        address: of the app or the proxy.
    """

    def __init__(self, address: str, threads: ThreadPoolExecutor) -> None:
        self.page = Page()
        self.address = address
        self._threads = threads
        self._http = requests.Session()
        self._http.trust_env = False
        # A browser sends a request again if the server has closed the idle connection
        self._http.mount("http://", HTTPAdapter(max_retries=Retry(total=1, backoff_factor=0, allowed_methods=None)))
        self._socket: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._widgets: dict[str, WidgetState] = {}
        self._file_urls: dict[str, FileURLsResponse] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._disconnect()
        self._http.close()

    @property
    def is_connected(self) -> bool:
        """Whether the WebSocket is open."""
        return self._reader is not None and not self._reader.done()

    async def open(self) -> None:
        """Load the page and wait for the end of its first run."""
        response = await self.request("GET", "/")
        if not response.ok:
            raise LoadError(f"the page answers with status {response.status_code}")
        await self._connect()
        await self._rerun_whole_page()

    async def reconnect(self) -> None:
        """Connect again as the frontend does, and rerun the page.

        Raises:
            LoadError: no replica accepts the visitor within a minute.
        """
        await self._disconnect()
        pause_s, started = _FIRST_PAUSE_S, monotonic()
        while True:
            try:
                await self._connect()
                return await self._rerun_whole_page()
            except LoadError as error:
                if monotonic() - started > _RECONNECT_WITHIN_S:
                    raise LoadError(f"no new connection within {_RECONNECT_WITHIN_S:.0f} s") from error
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def request(self, method: str, path: str, **options: Any) -> requests.Response:
        """The response to an HTTP request with the visitor's cookies.

        Raises:
            LoadError: the server does not answer.
        """
        ask = functools.partial(self._http.request, method, self.address + path, timeout=ANSWER_WITHIN_S, **options)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, ask)
        except requests.RequestException as error:
            raise ConnectionLostError(f"{method} fails: {type(error).__name__}") from error

    async def rerun(self, *states: WidgetState, fragment: str = "") -> None:
        """Request a run of the page, or of one fragment.

        Args:
            *states: changed widgets. Buttons count for this run only; other widgets keep their state.
            fragment: id of the fragment; "" for the whole page.
        """
        message = BackMsg()
        run = message.rerun_script
        self._widgets |= {state.id: state for state in states if state.WhichOneof("value") != "trigger_value"}
        run.widget_states.widgets.extend(({state.id: state for state in states} | self._widgets).values())
        run.fragment_id, run.query_string = fragment, self.page.query_string
        run.page_script_hash = self.page.script_hash
        run.cached_message_hashes.extend(self.page.cached_hashes)
        run.context_info.url, run.context_info.locale, run.context_info.timezone = self.address, "en-GB", "UTC"
        run.context_info.color_scheme = "light"
        await self._send(message)

    async def until(self, holds: Callable[[Page], object]) -> None:
        """Wait until the page meets a condition.

        Raises:
            ConnectionLostError: the connection closes first.
        """
        while not holds(self.page):
            self._changed.clear()
            if not self.is_connected:
                raise ConnectionLostError("the WebSocket closed")
            await self._changed.wait()

    async def upload(self, widget_id: str, name: str, data: bytes) -> None:
        """Upload a file to an uploader, which replaces its last file, and rerun the page.

        Raises:
            LoadError: the server refuses the upload.
        """
        ask = BackMsg()
        request = ask.file_urls_request
        request.request_id, request.session_id = str(uuid4()), self.page.session_id
        request.file_names.append(name)
        await self._send(ask)
        await self.until(lambda _: request.request_id in self._file_urls)
        answer = self._file_urls.pop(request.request_id)
        if not answer.file_urls:
            raise LoadError(f"no address for the upload: {answer.error_msg}")
        urls = answer.file_urls[0]
        await self._remove_files(widget_id)
        files = {name: (name, data, "image/jpeg")}
        response = await self.request("PUT", urls.upload_url, files=files, headers=self._xsrf_headers())
        if response.status_code != requests.codes.no_content:
            raise LoadError(f"the upload is refused with status {response.status_code}")
        file = UploadedFileInfo(name=name, size=len(data), file_id=urls.file_id, file_urls=urls)
        await self.rerun(_files(widget_id, file))

    async def _remove_files(self, widget_id: str) -> None:
        """Remove the uploader's last file and rerun the page, as the frontend does before a replacement."""
        last = self._widgets.get(widget_id)
        if last is None or not last.file_uploader_state_value.uploaded_file_info:
            return
        url = last.file_uploader_state_value.uploaded_file_info[0].file_urls.delete_url
        await self.rerun(_files(widget_id))
        await self.request("DELETE", url, headers=self._xsrf_headers())

    def _xsrf_headers(self) -> dict[str, str]:
        return {"X-Xsrftoken": self._http.cookies.get(_XSRF) or ""}

    async def _rerun_whole_page(self) -> None:
        before = self.page.run
        await self.rerun()
        async with asyncio.timeout(ANSWER_WITHIN_S):
            await self.until(lambda page: page.run > before and not page.is_running)

    async def _connect(self) -> None:
        for path in ("/_stcore/health", "/_stcore/host-config"):  # the first one sets the XSRF cookie
            response = await self.request("GET", path)
            if not response.ok:
                raise ConnectionLostError(f"{path} answers with status {response.status_code}")
        tokens = ["streamlit", self._http.cookies.get(_XSRF) or "PLACEHOLDER_AUTH_TOKEN"]
        if self.page.session_id:
            tokens.append(self.page.session_id)
        try:
            self._socket = await connect(
                self.address.replace("http", "ws", 1) + "/_stcore/stream",
                origin=self.address,  # type: ignore[arg-type]  # a NewType of str
                subprotocols=[Subprotocol(token) for token in tokens],
                additional_headers={"Cookie": "; ".join(f"{c.name}={c.value}" for c in self._http.cookies)},
                proxy=None,
                ping_interval=None,  # browsers send none
                open_timeout=ANSWER_WITHIN_S,
                close_timeout=1,
                max_size=None,
                max_queue=None,
            )
        except (OSError, TimeoutError, WebSocketException) as error:
            raise ConnectionLostError(f"no WebSocket: {type(error).__name__}") from error
        self._reader = asyncio.create_task(self._read(self._socket))

    async def _read(self, socket: ClientConnection) -> None:
        try:
            async for data in socket:
                message = ForwardMsg.FromString(data if isinstance(data, bytes) else data.encode())
                if message.WhichOneof("type") == "file_urls_response":
                    self._file_urls[message.file_urls_response.response_id] = message.file_urls_response
                else:
                    self.page.receive(message)
                self._changed.set()
        except WebSocketException:
            pass  # `until` reports it
        finally:
            asyncio.get_running_loop().call_soon(self._changed.set)  # when this task is done

    async def lost(self) -> None:
        """Wait until the connection closes."""
        if self._reader is not None:
            await asyncio.wait([self._reader])

    async def _send(self, message: BackMsg) -> None:
        if self._socket is None:
            raise ConnectionLostError("the WebSocket is closed")
        try:
            await self._socket.send(message.SerializeToString())
        except WebSocketException as error:
            raise ConnectionLostError("the WebSocket closed") from error

    async def _disconnect(self) -> None:
        if self._socket is not None:
            await self._socket.close()
        if self._reader is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader


def press(widget_id: str) -> WidgetState:
    """The state of a button that was pressed."""
    return WidgetState(id=widget_id, trigger_value=True)


def _files(widget_id: str, *files: UploadedFileInfo) -> WidgetState:
    state = WidgetState(id=widget_id)
    state.file_uploader_state_value.uploaded_file_info.extend(files)
    return state
