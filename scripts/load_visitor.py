"""A simulated visitor, who speaks Streamlit's protocol over HTTP and a WebSocket, and the record of the answers."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Literal
from uuid import uuid4

import requests
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
BUSY = "busy"
"""Key of the container that the app shows to a visitor it refuses."""

_PAUSE_S = 1.0  # before the page is opened again
_XSRF = "_streamlit_xsrf"
_JPEG_START, _JPEG_COMMENT = 2, b"\xff\xfe"  # bytes before the first segment; a marker, before the segment's length

Action = Literal["open", "photo", "song"]
Result = Literal["answered", "error", "refused"]


class LoadError(EmomusicError):
    """An answer that differs from a visitor's expectation; the message is its reason in the report."""


class RefusedError(LoadError):
    """The app politely refuses the visitor."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An element, or a container without `element`, with the number of the run that sent it."""

    key: str
    fragment: str
    run: int
    element: Element | None = None


class Page:
    """Elements by position, updated with each message of the server.

    Attributes:
        run: number of runs that have started.
        is_running: whether the latest run goes on.
        session_id: of the session on the server; "" before the first run.
        script_hash: of the shown page, for the next run.
        query_string: of the shown page, for the next run.
    """

    def __init__(self) -> None:
        self.run = 0
        self.is_running = False
        self.session_id = self.script_hash = self.query_string = ""
        self._shown: dict[tuple[int, ...], Shown] = {}
        self._fragments: frozenset[str] = frozenset()  # of the latest run; empty for a run of the whole page

    def receive(self, message: ForwardMsg) -> None:
        """Apply a message."""
        match message.WhichOneof("type"):
            case "new_session":
                self.run += 1
                self.is_running = True
                self._fragments = frozenset(message.metadata.run.fragment_ids)
                self.session_id = message.new_session.initialize.session_id
                self.script_hash = message.new_session.page_script_hash
            case "delta":
                self._apply(tuple(message.metadata.delta_path), message)
            case "page_info_changed":
                self.query_string = message.page_info_changed.query_string
            case "script_finished" if message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                self.is_running = False
                for path, shown in list(self._shown.items()):
                    if shown.run < self.run and (not self._fragments or shown.fragment in self._fragments):
                        del self._shown[path]

    def _apply(self, path: tuple[int, ...], message: ForwardMsg) -> None:
        delta = message.delta
        before = self._shown.get(path)
        is_block = delta.WhichOneof("type") == "add_block"
        if not is_block or (before is not None and before.element is not None):
            for old in [old for old in self._shown if old[: len(path)] == path]:  # a container, with its children
                del self._shown[old]
        if is_block:
            self._shown[path] = Shown(_key(delta.add_block.id), delta.fragment_id, self.run)
        else:
            element = delta.new_element
            widget = getattr(element, element.WhichOneof("type") or "empty")
            self._shown[path] = Shown(_key(getattr(widget, "id", "")), delta.fragment_id, self.run, element)

    def has_key(self, key: str) -> bool:
        """Whether a container or widget with this key is on the page."""
        return any(shown.key == key for shown in self._shown.values())

    def find(self, kind: str, *, key: str = "", inside: str = "", after_run: int = 0) -> Shown | None:
        """The first element of a kind, or None.

        Args:
            kind: name of the field of Streamlit's `Element`, such as "button".
            key: key of the widget; "" for any.
            inside: key of a container around it; "" for any.
            after_run: the element must come from a later run.
        """
        for path, shown in self._shown.items():
            if shown.element is None or shown.element.WhichOneof("type") != kind or shown.run <= after_run:
                continue
            around = {self._shown[path[:n]].key for n in range(1, len(path)) if path[:n] in self._shown}
            if key in ("", shown.key) and (not inside or inside in around):
                return shown
        return None

    def problem(self) -> str | None:
        """The first exception or error message on the page, in a few words; None without."""
        for shown in self._shown.values():
            if shown.element is None:
                continue
            if shown.element.WhichOneof("type") == "exception":
                return f"exception on the page: {shown.element.exception.type}"
            if shown.element.WhichOneof("type") == "alert" and shown.element.alert.format == Alert.ERROR:
                return f"error message on the page: {shown.element.alert.body[:100]}"
        return None


def _key(element_id: str) -> str:
    """The script's key in an id such as "$$ID-<hash>-<key>"; "" without."""
    parts = element_id.split("-", 2)
    return parts[2] if len(parts) == 3 and parts[2] != "None" else ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One action of a visitor.

    Attributes:
        action: what the visitor asked for.
        result: how it ended.
        ended_s: on the monotonic clock.
        elapsed_s: duration.
        reason: of an error.
    """

    action: Action
    result: Result
    ended_s: float
    elapsed_s: float
    reason: str = ""


@dataclass(slots=True)
class Journal:
    """The outcomes of all visitors.

    Attributes:
        outcomes: in the order of their ends.
        num_present: number of visitors whose page is open.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    num_present: int = 0


class Visitor:
    """One visitor. `stay` never raises for an answer of the app; the journal records it."""

    def __init__(self, number: int, address: str, photos: Sequence[bytes], journal: Journal, think_s: float) -> None:
        self.address = address
        self.journal = journal
        self._photos = photos
        self._think_s = think_s
        self._chance = random.Random(number)
        self._begin()

    def _begin(self) -> None:
        """Forget the session, as a new tab does."""
        self.page = Page()
        self._http = requests.Session()
        self._http.trust_env = False
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
                self.journal.num_present += 1
                try:
                    await self._use(until_s)
                finally:
                    self.journal.num_present -= 1
            except RefusedError:
                return
            except LoadError:
                await asyncio.sleep(_PAUSE_S)
            finally:
                await self._disconnect()

    async def _use(self, until_s: float) -> None:
        """Ask for photos and songs, with pauses."""
        while monotonic() < until_s:
            pause_s = self._chance.expovariate(1 / self._think_s) if self._think_s else 0.0
            await asyncio.sleep(min(pause_s, until_s - monotonic()))
            if self._chance.random() < 0.5 or self._next_button() is None:
                await self._show_photo()
            else:
                await self._ask_for_song()

    async def _show_photo(self) -> None:
        before = self.page.run
        async with self._recorded("photo"):
            uploader = self.page.find("file_uploader", key="upload")
            if uploader is None or uploader.element is None:
                raise LoadError("the page has no uploader")
            await self._upload(uploader.element.file_uploader.id)
            await self._until(lambda: self._has_answer(before) or self._is_hopeless())

    async def _ask_for_song(self) -> None:
        before = self._song()
        async with self._recorded("song"):
            button = self._next_button()
            if button is None or button.element is None:
                raise LoadError("the page has no button for the next song")
            press = WidgetState(id=button.element.button.id, trigger_value=True)
            await self._rerun(press, fragment=button.fragment)
            await self._until(lambda: self._song() not in (before, None) or self._is_hopeless())

    @contextlib.asynccontextmanager
    async def _recorded(self, action: Action) -> AsyncIterator[None]:
        """Record an action, whose result must be a page without an error."""
        began_s = monotonic()

        def record(result: Result, reason: str = "") -> None:
            self.journal.outcomes.append(Outcome(action, result, monotonic(), monotonic() - began_s, reason))

        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                yield
            if self.page.has_key(BUSY):
                raise RefusedError("the app is busy")
            if problem := self.page.problem():
                raise LoadError(problem)
        except RefusedError:
            record("refused")
            raise
        except TimeoutError as error:
            record("error", "no answer in time")
            raise LoadError("no answer in time") from error
        except LoadError as error:
            record("error", str(error))
            raise
        record("answered")

    # What the page shows

    def _is_hopeless(self) -> bool:
        return self.page.has_key(BUSY) or self.page.problem() is not None

    def _has_answer(self, after_run: int) -> bool:
        """Whether the annotated photo and its song come from a later run."""
        picture = self.page.find("imgs", inside="photo-preview", after_run=after_run)
        return picture is not None and self._song(after_run) is not None

    def _song(self, after_run: int = 0) -> str | None:
        """Address of the player."""
        shown = self.page.find("iframe", inside="player-photo", after_run=after_run)
        return shown.element.iframe.src if shown and shown.element else None

    def _next_button(self) -> Any:
        """The button for the next song, if it is enabled."""
        shown = self.page.find("button", key="next-photo")
        return shown if shown and shown.element and not shown.element.button.disabled else None

    # The protocol

    async def _connect(self) -> None:
        """Open the WebSocket and wait for the end of the first run."""
        for path in ("/", "/_stcore/health", "/_stcore/host-config"):  # the second one sets the XSRF cookie
            await self._request("GET", path)
        tokens = ["streamlit", self._http.cookies.get(_XSRF) or "PLACEHOLDER_AUTH_TOKEN"]
        try:
            self._socket = await connect(
                self.address.replace("http", "ws", 1) + "/_stcore/stream",
                origin=self.address,  # type: ignore[arg-type]  # a NewType of str
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
        await self._until(lambda: self.page.run and not self.page.is_running)

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

    async def _until(self, holds: Callable[[], object]) -> None:
        """Wait for a condition.

        Raises:
            LoadError: the connection closes first.
        """
        while not holds():
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
        run.page_script_hash = self.page.script_hash
        run.context_info.url, run.context_info.locale, run.context_info.timezone = self.address, "en-GB", "UTC"
        run.context_info.color_scheme = "light"
        await self._send(message)

    async def _upload(self, widget_id: str) -> None:
        """Upload a photo that the app has not seen, in place of the last one."""
        if self._uploaded is not None:
            (last,) = self._uploaded.file_uploader_state_value.uploaded_file_info
            self._uploaded = None
            await self._rerun()
            await self._request("DELETE", last.file_urls.delete_url)
        ask, self._urls = BackMsg(), None
        ask.file_urls_request.request_id, ask.file_urls_request.session_id = str(uuid4()), self.page.session_id
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
        await self._rerun()

    async def _request(self, method: str, path: str, **options: Any) -> None:
        """Send an HTTP request with the visitor's cookies.

        Raises:
            LoadError: the server does not answer, or with an error.
        """
        headers = {"X-Xsrftoken": self._http.cookies.get(_XSRF) or ""}
        url = self.address + path
        try:
            response = await asyncio.to_thread(
                self._http.request, method, url, timeout=ANSWER_WITHIN_S, headers=headers, **options
            )
        except requests.RequestException as error:
            raise LoadError(f"{method} fails: {type(error).__name__}") from error
        if not response.ok:
            raise LoadError(f"{path} answers with status {response.status_code}")
