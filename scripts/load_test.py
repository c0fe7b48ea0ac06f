"""Measure the app with simulated visitors.

    python -m scripts.load_test > report.json
    python -m scripts.load_test --visitors 80 --seconds 60 > limit.json
    python -m scripts.load_test --visitors 30 --seconds 60 --waves 4 --rest 130 > memory.json

A visitor speaks Streamlit's protocol as a browser does, but draws nothing and loads no scripts and styles. It uploads
photos that the app has not seen, asks for songs, and checks every answer. Linux only.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import re
import signal
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from threading import Thread
from time import monotonic, sleep
from typing import Any, NamedTuple
from uuid import uuid4

import requests
from requests.adapters import HTTPAdapter
from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import FileURLs, UploadedFileInfo
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from emomusic.compat import XSRF_COOKIE
from emomusic.errors import EmomusicError
from scripts.bench import machine, made_pictures, resident_mb, spread
from scripts.servers import run_app

OPTIONS = {
    "visitors": (40, "number of visitors"),
    "seconds": (300.0, "duration of a wave"),
    "waves": (1, "how often the visitors come; all leave after a wave"),
    "rest": (0.0, "seconds after a wave until its memory is measured"),
    "think": (10.0, "mean pause before an action in seconds, exponentially distributed; 0 for none"),
    "arrive_within": (10.0, "seconds until the last visitor comes"),
}
"""The load of a measurement: default and meaning of each option."""

_WARM_UP_S, _ANSWER_WITHIN_S = 300.0, 30.0
_PAUSE_S = 1.0  # before the page is opened again
_UPLOADER = re.compile("-upload(-[0-9]+)?$")  # its key changes with each upload
_NUM_PHOTOS = 64  # they have many sizes, so that the pages share few pictures


class LoadError(EmomusicError):
    """An answer that differs from a visitor's expectation; the message is its reason in the report."""


class RefusedError(Exception):
    """The app politely refuses the visitor."""


_FAILURES = (LoadError, requests.RequestException, WebSocketException, OSError)


class Outcome(NamedTuple):
    """How an action of a visitor ended: "opened", "answered", "refused", or as what error; and how long it took."""

    result: str
    elapsed_s: float


class Tab:
    """A page, open until the stack closes, updated with each message that is read. Its methods raise the `_FAILURES`.

    Attributes:
        is_running: whether a run goes on.
        uploader: id of the widget.
        next_button: id of the button for the next song and its fragment; None while it is absent or disabled.
        song: id of the song in the bar; None before the answer to a photo.
    """

    def __init__(self, address: str, stack: contextlib.ExitStack) -> None:
        self.is_running, self.uploader = True, ""
        self.next_button: tuple[str, str] | None = None
        self.song: str | None = None
        self._address, self._query_string, self._problem, self._is_refused = address, "", "", False
        self._hello: Any = None  # the start of the latest run, which names the session and the page
        self._uploaded: WidgetState | None = None
        self._urls: FileURLs | None = None
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.mount("http://", HTTPAdapter(max_retries=1))  # as browsers do, if the connection was idle too long
        for path in ("/", "/_stcore/health", "/_stcore/host-config"):  # the second one sets the XSRF cookie
            self._request("GET", path)
        tokens = ["streamlit", self._http.cookies.get(XSRF_COOKIE) or "PLACEHOLDER_AUTH_TOKEN"]
        connection = connect(
            address.replace("http", "ws", 1) + "/_stcore/stream",
            origin=address,  # type: ignore[arg-type]  # a NewType of str
            subprotocols=[Subprotocol(token) for token in tokens],
            additional_headers={"Cookie": "; ".join(f"{c.name}={c.value}" for c in self._http.cookies)},
            proxy=None,
            ping_interval=None,  # browsers send none
            max_size=None,
            max_queue=None,  # a visitor in a pause does not hold the server up
        )
        self._socket = stack.enter_context(connection)
        self.rerun()

    def read_for(self, seconds: float, is_done: Callable[[], bool] = lambda: False) -> bool:
        """Read messages until something holds. Returns whether it does, within the time."""
        ends_s = monotonic() + seconds
        while not is_done():
            if self._is_refused:
                raise RefusedError
            if self._problem:
                raise LoadError(self._problem)
            try:
                data = self._socket.recv(max(ends_s - monotonic(), 0.0), decode=False)
            except TimeoutError:
                return False
            self._receive(ForwardMsg.FromString(bytes(data)))
        return True

    def expect(self, is_done: Callable[[], bool]) -> None:
        """Read messages until something holds."""
        if not self.read_for(_ANSWER_WITHIN_S, is_done):
            raise LoadError("no answer in time")

    def _receive(self, message: ForwardMsg) -> None:
        match message.WhichOneof("type"):
            case "new_session":
                self.is_running, self._hello = True, message.new_session
            case "page_info_changed":
                self._query_string = message.page_info_changed.query_string
            case "script_finished" if message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                self.is_running = False
            case "file_urls_response":
                (self._urls,) = message.file_urls_response.file_urls
            case "delta" if message.delta.WhichOneof("type") == "add_block":
                self._is_refused |= message.delta.add_block.id.endswith("-busy")
            case "delta":
                self._show(message.delta.new_element, message.delta.fragment_id)

    def _show(self, element: Element, fragment: str) -> None:
        match element.WhichOneof("type"):
            case "file_uploader" if _UPLOADER.search(element.file_uploader.id):
                self.uploader = element.file_uploader.id  # another one as soon as the server has the photo
            case "button" if element.button.id.endswith("-next-photo"):
                self.next_button = None if element.button.disabled else (element.button.id, fragment)
            case "bidi_component" if (data := json.loads(element.bidi_component.json))["part"] == "bar":
                self.song = data["song"] and data["song"]["id"]
            case "exception":
                self._problem = f"exception on the page: {element.exception.type}"
            case "alert" if element.alert.format == Alert.ERROR:
                self._problem = f"error message on the page: {element.alert.body[:100]}"

    def rerun(self, *states: WidgetState, fragment: str = "") -> None:
        """Request a run of the page, or of one fragment, with the last upload and the given states."""
        message = BackMsg()
        run = message.rerun_script
        run.widget_states.widgets.extend([*states, *([self._uploaded] if self._uploaded else [])])
        run.fragment_id, run.query_string = fragment, self._query_string
        run.page_script_hash = getattr(self._hello, "page_script_hash", "")
        run.context_info.url, run.context_info.locale, run.context_info.timezone = self._address, "en-GB", "UTC"
        run.context_info.color_scheme = "light"
        self._socket.send(message.SerializeToString())

    def upload(self, photo: bytes) -> None:
        """Upload a photo in place of the last one. The next run has it."""
        if not self.uploader:
            raise LoadError("the page has no uploader")
        if self._uploaded is not None:
            (last,) = self._uploaded.file_uploader_state_value.uploaded_file_info
            self._uploaded = None
            self.rerun()
            self._request("DELETE", last.file_urls.delete_url)
        ask, self._urls = BackMsg(), None
        session_id = self._hello.initialize.session_id
        ask.file_urls_request.request_id, ask.file_urls_request.session_id = str(uuid4()), session_id
        ask.file_urls_request.file_names.append("photo.jpg")
        self._socket.send(ask.SerializeToString())
        self.expect(lambda: self._urls is not None)
        assert self._urls is not None
        self._request("PUT", self._urls.upload_url, files={"photo.jpg": ("photo.jpg", photo, "image/jpeg")})
        self._uploaded, self.song = WidgetState(id=self.uploader), None
        self._uploaded.file_uploader_state_value.uploaded_file_info.append(
            UploadedFileInfo(name="photo.jpg", size=len(photo), file_id=self._urls.file_id, file_urls=self._urls)
        )

    def _request(self, method: str, path: str, **options: Any) -> None:
        headers, url = {"X-Xsrftoken": self._http.cookies.get(XSRF_COOKIE) or ""}, self._address + path
        self._http.request(method, url, timeout=_ANSWER_WITHIN_S, headers=headers, **options).raise_for_status()


class Visitor:
    """One visitor. `stay` never raises for an answer of the app; `outcomes` records it."""

    def __init__(
        self, number: int, address: str, photos: Sequence[bytes], outcomes: list[Outcome], think_s: float
    ) -> None:
        self._address, self._photos, self._outcomes, self._think_s = address, photos, outcomes, think_s
        self._chance = random.Random(number)

    def stay(self, until_s: float) -> None:
        """Use the app until a time on the monotonic clock. A visitor opens the page again after an error."""
        with contextlib.suppress(RefusedError):
            while monotonic() < until_s:
                with contextlib.suppress(*_FAILURES):
                    self._visit(until_s)
                sleep(_PAUSE_S)

    def _visit(self, until_s: float) -> None:
        with contextlib.ExitStack() as stack:
            with self._recorded("open", "opened"):
                tab = Tab(self._address, stack)
                tab.expect(lambda: not tab.is_running)
            while monotonic() < until_s:
                pause_s = self._chance.expovariate(1 / self._think_s) if self._think_s else 0.0
                tab.read_for(min(pause_s, until_s - monotonic()))
                uploader, song = tab.uploader, tab.song
                if self._chance.random() < 0.5 or tab.next_button is None:
                    with self._recorded("photo"):
                        tab.upload(self._new_photo())
                        tab.rerun()
                        tab.expect(lambda before=uploader: tab.uploader != before and tab.song is not None)
                else:
                    button, fragment = tab.next_button
                    with self._recorded("song"):
                        tab.rerun(WidgetState(id=button, trigger_value=True), fragment=fragment)
                        tab.expect(lambda before=song: tab.song != before)

    def _new_photo(self) -> bytes:
        """A photo that the app has not seen: bytes after its end, which decoders ignore, differ."""
        return self._chance.choice(self._photos) + self._chance.randbytes(16)

    @contextlib.contextmanager
    def _recorded(self, action: str, result: str = "answered") -> Iterator[None]:
        began_s = monotonic()
        try:
            yield
        except RefusedError:
            result = "refused"
            raise
        except _FAILURES as error:
            result = f"{action}: {str(error) or type(error).__name__}"
            raise
        finally:
            self._outcomes.append(Outcome(result, monotonic() - began_s))


def measure(load: argparse.Namespace) -> dict[str, Any]:
    """The report of a load, with the `OPTIONS`.

    Raises:
        EmomusicError: the app does not start.
    """
    photos, outcomes, memory = [*made_pictures(_NUM_PHOTOS)], list[Outcome](), list[int]()
    with run_app() as server:
        answer_newcomer(server.address, photos)  # so that its networks are loaded
        began_s = monotonic()

        def come(number: int, ends_s: float) -> None:
            sleep(number % load.visitors * load.arrive_within / load.visitors)
            Visitor(number, server.address, photos, outcomes, load.think).stay(ends_s)

        for wave in range(load.waves):
            numbers, ends_s = range(wave * load.visitors, (wave + 1) * load.visitors), monotonic() + load.seconds
            threads = [Thread(target=come, args=(number, ends_s), daemon=True) for number in numbers]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            sleep(load.rest)
            memory.append(round(resident_mb(server.process.pid)))
        return {
            "machine": machine(),
            "load": vars(load),
            **summarize(outcomes, began_s),
            "seconds until a newcomer has a song after the load": answer_newcomer(server.address, photos),
            "MB after each wave": memory,
        }


def answer_newcomer(address: str, photos: Sequence[bytes]) -> float:
    """The seconds until a new visitor receives the answer to a photo.

    Raises:
        EmomusicError: there is none within five minutes.
    """
    outcomes: list[Outcome] = []
    began_s = monotonic()
    while monotonic() < began_s + _WARM_UP_S:
        Visitor(-1, address, photos, outcomes, 0).stay(monotonic() + 0.5)
        if any(outcome.result == "answered" for outcome in outcomes):
            return round(monotonic() - began_s, 1)
        sleep(1)
    raise EmomusicError(f"expected an answer from {address}. Received: {outcomes[-1]}. Read its messages.")


def summarize(outcomes: Sequence[Outcome], began_s: float) -> dict[str, Any]:
    """Counts, durations, errors and throughput from a time on the monotonic clock until now."""
    seconds, durations = monotonic() - began_s, defaultdict[str, list[float]](list)
    for outcome in outcomes:
        durations[outcome.result].append(outcome.elapsed_s)
    answers, refusals, _ = (durations.pop(result, []) for result in ("answered", "refused", "opened"))
    return {
        "seconds": round(seconds, 1),
        "answers_per_s": round(len(answers) / seconds, 3),
        "answers": _durations(answers),
        "refusals": _durations(refusals),
        "errors": {error: len(values) for error, values in durations.items()},
    }


def _durations(values: Sequence[float]) -> dict[str, float]:
    """Number, median, 95th percentile and maximum; only the number without any."""
    if not values:
        return {"count": 0}
    median, p95 = spread(values)
    return {"count": len(values), "p50_s": round(median, 3), "p95_s": round(p95, 3), "max_s": round(max(values), 3)}


def main() -> int:
    """Measure the load that the command line names, and print the report as JSON."""
    parser = argparse.ArgumentParser(prog="python -m scripts.load_test", description=str(__doc__).split("\n", 1)[0])
    for name, (default, text) in OPTIONS.items():
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=type(default), default=default, help=f"{text} ({default})")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # ends the servers, too
    try:
        print(json.dumps(measure(parser.parse_args()), indent=2))
    except EmomusicError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
