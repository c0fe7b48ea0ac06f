"""A simulated visitor, who speaks Streamlit's protocol over HTTP and a WebSocket, and the record of the answers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import re
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, Literal
from uuid import uuid4

import requests
from requests.adapters import HTTPAdapter
from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import FileURLsResponse, UploadedFileInfo
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from emomusic.errors import EmomusicError

ANSWER_WITHIN_S = 30.0
_PAUSE_S = 1.0  # before the page is opened again
_XSRF = "_streamlit_xsrf"
_UPLOADER = re.compile("-upload(-[0-9]+)?$")  # its key changes with each upload
_JPEG_START, _JPEG_COMMENT = 2, b"\xff\xfe"  # bytes before the first segment; a marker, before the segment's length

Action = Literal["open", "photo", "song"]


class LoadError(EmomusicError):
    """An answer that differs from a visitor's expectation; the message is its reason in the report."""


class RefusedError(LoadError):
    """The app politely refuses the visitor."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One action of a visitor.

    Attributes:
        action: what the visitor asked for.
        result: how it ended.
        elapsed_s: duration.
        reason: of an error.
    """

    action: Action
    result: Literal["answered", "error", "refused"]
    elapsed_s: float
    reason: str = ""


class Page:
    """What a visitor sees of the page, updated with each message of the server.

    Attributes:
        is_running: whether a run goes on.
        hello: of the latest run; it names the session and the page.
        query_string: of the shown page, for the next run.
        uploader: id of the widget.
        next_button: id of the button for the next song and its fragment; None while it is absent or disabled.
        song: id of the song in the bar; None before the answer to a photo.
        problem: the first exception or error message of the run, in a few words.
        is_refused: whether the app has no room for the visitor.
    """

    def __init__(self) -> None:
        self.is_running, self.query_string, self.uploader = True, "", ""
        self.hello: Any = None
        self.next_button: tuple[str, str] | None = None
        self.song: str | None = None
        self.problem: str | None = None
        self.is_refused = False

    def receive(self, message: ForwardMsg) -> None:
        """Apply a message."""
        match message.WhichOneof("type"):
            case "new_session":
                self.is_running, self.hello, self.problem = True, message.new_session, None
            case "page_info_changed":
                self.query_string = message.page_info_changed.query_string
            case "script_finished" if message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                self.is_running = False
            case "delta" if message.delta.WhichOneof("type") == "add_block":
                self.is_refused |= message.delta.add_block.id.endswith("-busy")
            case "delta":
                self._show(message.delta.new_element, message.delta.fragment_id)

    def _show(self, element: Element, fragment: str) -> None:
        match element.WhichOneof("type"):
            case "file_uploader" if _UPLOADER.search(element.file_uploader.id):
                if self.uploader != element.file_uploader.id:  # the server has the photo
                    self.uploader, self.song = element.file_uploader.id, None
            case "button" if element.button.id.endswith("-next-photo"):
                self.next_button = None if element.button.disabled else (element.button.id, fragment)
            case "bidi_component" if element.bidi_component.component_name == "emomusic_bar":
                song = json.loads(element.bidi_component.json)["song"]
                self.song = song and song["id"]
            case "exception":
                self.problem = self.problem or f"exception on the page: {element.exception.type}"
            case "alert" if element.alert.format == Alert.ERROR:
                self.problem = self.problem or f"error message on the page: {element.alert.body[:100]}"


class Visitor:
    """One visitor. `stay` never raises for an answer of the app; `outcomes` records it.

    Attributes:
        page: what the visitor sees.
        is_present: whether the page is open.
    """

    def __init__(
        self, number: int, address: str, photos: Sequence[bytes], outcomes: list[Outcome], think_s: float
    ) -> None:
        self._address, self._photos, self._outcomes, self._think_s = address, photos, outcomes, think_s
        self._chance = random.Random(number)
        self.is_present = False
        self._begin()

    def _begin(self) -> None:
        """Forget the session, as a new tab does."""
        self.page = Page()
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.mount("http://", HTTPAdapter(max_retries=1))  # as browsers do, if the connection was idle too long
        self._socket: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._uploaded: WidgetState | None = None
        self._urls: FileURLsResponse | None = None

    async def stay(self, until_s: float) -> None:
        """Use the app until a time on the monotonic clock. A visitor opens the page again after an error."""
        while monotonic() < until_s:
            self._begin()
            try:
                async with self._recorded("open"):
                    await self._connect()
                self.is_present = True
                while monotonic() < until_s:
                    pause_s = self._chance.expovariate(1 / self._think_s) if self._think_s else 0.0
                    await asyncio.sleep(min(pause_s, until_s - monotonic()))
                    if self._chance.random() < 0.5 or self.page.next_button is None:
                        await self._show_photo()
                    else:
                        await self._ask_for_song(*self.page.next_button)
            except RefusedError:
                return
            except LoadError:
                await asyncio.sleep(_PAUSE_S)
            finally:
                self.is_present = False
                await self._disconnect()

    async def _show_photo(self) -> None:
        async with self._recorded("photo"):
            if not self.page.uploader:
                raise LoadError("the page has no uploader")
            before = self.page.uploader
            await self._upload(before)
            await self._rerun()
            await self._until(lambda: self.page.uploader != before and self.page.song is not None)

    async def _ask_for_song(self, button: str, fragment: str) -> None:
        before = self.page.song
        async with self._recorded("song"):
            await self._rerun(WidgetState(id=button, trigger_value=True), fragment=fragment)
            await self._until(lambda: self.page.song != before)

    @contextlib.asynccontextmanager
    async def _recorded(self, action: Action) -> AsyncIterator[None]:
        """Record an action, whose result must be a page without an error."""
        began_s = monotonic()

        def record(result: Literal["answered", "error", "refused"], reason: str = "") -> None:
            self._outcomes.append(Outcome(action, result, monotonic() - began_s, reason))

        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                yield
            if self.page.is_refused:
                raise RefusedError("the app is busy")
            if self.page.problem:
                raise LoadError(self.page.problem)
        except RefusedError:
            record("refused")
            raise
        except (TimeoutError, LoadError) as error:
            reason = str(error) or "no answer in time"
            record("error", reason)
            raise LoadError(reason) from error
        record("answered")

    # The protocol

    async def _connect(self) -> None:
        """Open the WebSocket and wait for the end of the first run."""
        for path in ("/", "/_stcore/health", "/_stcore/host-config"):  # the second one sets the XSRF cookie
            await self._request("GET", path)
        tokens = ["streamlit", self._http.cookies.get(_XSRF) or "PLACEHOLDER_AUTH_TOKEN"]
        try:
            self._socket = await connect(
                self._address.replace("http", "ws", 1) + "/_stcore/stream",
                origin=self._address,  # type: ignore[arg-type]  # a NewType of str
                subprotocols=[Subprotocol(token) for token in tokens],
                additional_headers={"Cookie": "; ".join(f"{c.name}={c.value}" for c in self._http.cookies)},
                proxy=None,
                ping_interval=None,  # browsers send none
                max_size=None,
            )
        except (OSError, TimeoutError, WebSocketException) as error:
            raise LoadError(f"no WebSocket: {type(error).__name__}") from error
        self._reader = asyncio.create_task(self._read(self._socket))
        await self._rerun()
        await self._until(lambda: not self.page.is_running)

    async def _disconnect(self) -> None:
        if self._socket is not None:
            await self._socket.close()
        if self._reader is not None:
            await self._reader

    async def _read(self, socket: ClientConnection) -> None:
        with contextlib.suppress(WebSocketException):  # `_until` reports it
            async for data in socket:
                message = ForwardMsg.FromString(data if isinstance(data, bytes) else data.encode())
                if message.WhichOneof("type") == "file_urls_response":
                    self._urls = message.file_urls_response
                self.page.receive(message)
                self._changed.set()
        asyncio.get_running_loop().call_soon(self._changed.set)  # when this task is done

    async def _until(self, holds: Callable[[], bool]) -> None:
        """Wait for a condition, an error on the page, or a refusal.

        Raises:
            LoadError: the connection closes first.
        """
        while not (holds() or self.page.problem or self.page.is_refused):
            self._changed.clear()
            if self._reader is None or self._reader.done():
                raise LoadError("the WebSocket closed")
            await self._changed.wait()

    async def _send(self, message: BackMsg) -> None:
        assert self._socket is not None
        try:
            await self._socket.send(message.SerializeToString())
        except WebSocketException as error:
            raise LoadError("the WebSocket closed") from error

    async def _rerun(self, *states: WidgetState, fragment: str = "") -> None:
        """Request a run of the page, or of one fragment, with the last upload and the given states."""
        message = BackMsg()
        run = message.rerun_script
        run.widget_states.widgets.extend([*states, *([self._uploaded] if self._uploaded else [])])
        run.fragment_id, run.query_string = fragment, self.page.query_string
        run.page_script_hash = getattr(self.page.hello, "page_script_hash", "")
        run.context_info.url, run.context_info.locale, run.context_info.timezone = self._address, "en-GB", "UTC"
        run.context_info.color_scheme = "light"
        await self._send(message)

    async def _upload(self, widget_id: str) -> None:
        """Upload a photo that the app has not seen, in place of the last one. The next run has it."""
        if self._uploaded is not None:
            (last,) = self._uploaded.file_uploader_state_value.uploaded_file_info
            self._uploaded = None
            await self._rerun()
            await self._request("DELETE", last.file_urls.delete_url)
        ask, self._urls = BackMsg(), None
        session_id = self.page.hello.initialize.session_id
        ask.file_urls_request.request_id, ask.file_urls_request.session_id = str(uuid4()), session_id
        ask.file_urls_request.file_names.append("photo.jpg")
        await self._send(ask)
        await self._until(lambda: self._urls is not None)
        assert self._urls is not None
        (urls,) = self._urls.file_urls
        comment = self._chance.randbytes(16)
        segment = _JPEG_COMMENT + (len(comment) + 2).to_bytes(2) + comment
        photo = self._chance.choice(self._photos)
        data = photo[:_JPEG_START] + segment + photo[_JPEG_START:]
        await self._request("PUT", urls.upload_url, files={"photo.jpg": ("photo.jpg", data, "image/jpeg")})
        self._uploaded = WidgetState(id=widget_id)
        self._uploaded.file_uploader_state_value.uploaded_file_info.append(
            UploadedFileInfo(name="photo.jpg", size=len(data), file_id=urls.file_id, file_urls=urls)
        )

    async def _request(self, method: str, path: str, **options: Any) -> None:
        """Send an HTTP request with the visitor's cookies.

        Raises:
            LoadError: the server does not answer, or with an error.
        """
        headers = {"X-Xsrftoken": self._http.cookies.get(_XSRF) or ""}
        url = self._address + path
        try:
            response = await asyncio.to_thread(
                self._http.request, method, url, timeout=ANSWER_WITHIN_S, headers=headers, **options
            )
        except requests.RequestException as error:
            raise LoadError(f"{method} fails: {type(error).__name__}") from error
        if not response.ok:
            raise LoadError(f"{path} answers with status {response.status_code}")
