"""Routes for operators and programs: readiness, monitoring and, if switched on, the HTTP API.

`POST /api/analyze` gives the JSON of the command `analyze` for one picture. Off without `EMOMUSIC_API_TOKEN`.

curl -H "Authorization: Bearer $TOKEN" --data-binary @photo.jpg "https://emo.example.org/api/analyze?songs=3"
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import math
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from time import monotonic
from typing import Annotated, Any

import msgspec
import prometheus_client as prometheus
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from emomusic.compat import return_free_memory
from emomusic.errors import CapacityError, EmomusicError, ImageError
from emomusic.faces.reading import read_picture
from emomusic.media.images import MAX_BYTES, read_picture_file
from emomusic.runtime import num_cores
from emomusic.server.capacity import HeldBytes, capacity
from emomusic.server.files import base_path
from emomusic.server.gate import CLOSE, read_body
from emomusic.server.settings import Settings
from emomusic.server.shared import shared
from emomusic.songs.genres import genres_of
from emomusic.songs.request import Policy
from emomusic.songs.request import Request as SongRequest

log = logging.getLogger(__name__)

_CALLS_PER_CORE = 4
_BODY_S = 60.0  # for the picture to arrive
_NAME = "photo"  # the JSON names the picture like this, because the API takes no names of files


class _Query(msgspec.Struct, forbid_unknown_fields=True):
    """The parameters of a call: the options of `analyze`."""

    songs: Annotated[int, msgspec.Meta(ge=0, le=100)] = 5
    policy: Policy = Policy.MATCH
    genres: list[str] = []
    hide_explicit: bool = False
    seed: Annotated[int, msgspec.Meta(ge=0, lt=2**32)] = 0
    posed: bool = False


class AnalyzeApi:
    """The route, on the event loop's thread."""

    def __init__(self, token: str, per_minute: int) -> None:
        self._token = token.encode()
        self._calls_s = deque[float](maxlen=per_minute)  # the times of the last calls
        self._places = asyncio.Semaphore(_CALLS_PER_CORE * num_cores())  # bounds memory

    async def analyze(self, request: Request) -> JSONResponse:
        """Read one picture: the body of the request.

        Returns:
            A list with one record, as from `analyze --json`. Status 401 without the token, 408 for a body that takes
            too long, 413 for one over 20 MB, 415 for a form, JSON and a packed body, 422 for other parameters or a file
            that cannot be read, 429 above the rate, 503 if the server is busy or stops.
        """
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(token.strip().encode(), self._token):
            return _refused(401, "expected the header Authorization: Bearer TOKEN", {"WWW-Authenticate": "Bearer"})
        if capacity().is_draining:
            return _refused(503, "the server stops; try again in a minute", {"Retry-After": "60"})
        calls_s, now_s = self._calls_s, monotonic()
        wait_s = calls_s[0] + 60 - now_s if len(calls_s) == calls_s.maxlen else 0.0
        if wait_s > 0:
            return _refused(429, "too many pictures; try again later", {"Retry-After": str(math.ceil(wait_s))})
        calls_s.append(now_s)
        with capacity().work():
            return await self._answer(request)

    async def _answer(self, request: Request) -> JSONResponse:
        kind, packing = (request.headers.get(name, "").lower() for name in ("content-type", "content-encoding"))
        for is_wrong, received in (
            (kind.startswith("multipart/"), "a form"),
            ("json" in kind, "JSON"),
            ("gzip" in kind or packing not in ("", "identity"), "a packed body"),
        ):
            if is_wrong:
                reason = f"expected the picture as the body. Received: {received}. Use curl --data-binary @photo.jpg"
                return _refused(415, reason)
        held = HeldBytes(capacity().memory, "api")
        try:
            query, wanted = _wanted(request.query_params)
            async with asyncio.timeout(_BODY_S):
                data = await read_body(request, MAX_BYTES, held.grow)
            if self._places.locked():
                raise CapacityError("calls")
            async with self._places:
                return JSONResponse([await run_in_threadpool(_analyzed, data, query, wanted)])
        except TimeoutError:
            return _refused(408, f"expected the picture within {_BODY_S:.0f} s")
        except HTTPException as error:
            return _refused(error.status_code, error.detail, error.headers)
        except CapacityError:
            return _refused(503, "the server is busy; try again in a second", {"Retry-After": "1"})
        except ImageError as error:
            return JSONResponse([{"image": _NAME, "error": str(error)}], 422)
        except EmomusicError as error:
            return _refused(422, str(error))
        finally:
            held.release()


def _refused(status: int, reason: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """An error response that closes the connection, because the body may be unread."""
    return JSONResponse({"error": reason}, status, {**CLOSE, **(headers or {})})


def _wanted(parameters: QueryParams) -> tuple[_Query, SongRequest]:
    """The parameters of the address, and the request for songs among them.

    Raises:
        EmomusicError: one is unknown or malformed.
    """
    for name in parameters:
        values = parameters.getlist(name)
        if name != "genres" and len(values) > 1:
            raise EmomusicError(f"expected {name} once. Received: {name}={f'&{name}='.join(values)}")
    genres = [name for text in parameters.getlist("genres") for name in text.split(",") if name.strip()]
    try:
        query = msgspec.convert({**parameters, "genres": genres}, _Query, strict=False)
    except msgspec.ValidationError as error:
        raise EmomusicError(f"expected other parameters. Received: {error}") from None
    return query, SongRequest(
        policy=query.policy,
        seed=query.seed,
        hide_explicit=query.hide_explicit,
        genres=genres_of(query.genres),
    )


def _analyzed(data: bytes, query: _Query, wanted: SongRequest) -> dict[str, Any]:
    from emomusic.export import answer_record  # loads pandas, for which no start waits

    picture = read_picture_file(data)
    reading = read_picture(picture, partial(shared().visitor_networks, "api"), posed=query.posed)
    record = answer_record(_NAME, reading, wanted, query.songs)
    return_free_memory()
    return record


# Monitoring, and the list of the routes


_GAUGES: Mapping[tuple[str, str], Callable[[], float]] = {
    ("emomusic_visitors", "Visitors whose page is open"): lambda: capacity().num_visitors,
    ("emomusic_visitors_limit", "The most visitors at the same time"): lambda: capacity().max_visitors,
    ("emomusic_live_sessions", "Running live sessions"): lambda: capacity().num_live,
    ("emomusic_live_limit", "The most live sessions at the same time"): lambda: capacity().max_live,
    ("emomusic_queue_length", "Photos and frames that wait for face detection"): lambda: len(shared().queue),
    ("emomusic_stored_memory_bytes", "Uploads and made files in memory"): lambda: capacity().memory.num_bytes,
    ("emomusic_stored_files_bytes", "Uploads and made files in temporary files"): lambda: capacity().files.num_bytes,
    ("emomusic_draining", "1 if the process stops soon"): lambda: capacity().is_draining,
}
for _about, _value in _GAUGES.items():
    prometheus.Gauge(*_about).set_function(_value)


def routes(settings: Settings) -> list[BaseRoute]:
    """The routes for these settings."""

    async def monitoring(_: Request) -> Response:
        figures = await run_in_threadpool(prometheus.generate_latest)  # with those of Python and of the process
        return Response(figures, media_type=prometheus.CONTENT_TYPE_LATEST)

    token = settings.api_token
    api = [Route("/analyze", AnalyzeApi(token, settings.api_per_minute).analyze, methods=["POST"])] if token else []
    found: list[BaseRoute] = []
    for base in dict.fromkeys(("", base_path())):  # at the root too, where the probes of a container look
        # A mount answers 404 and 405 itself; otherwise Streamlit would answer with its page
        found += [
            Route(f"{base}/ready", _ready),
            Route(f"{base}/metrics", monitoring),
            Mount(f"{base}/api", routes=api),
        ]
    return found


async def _ready(_: Request) -> JSONResponse:
    """200 if a proxy may send visitors here, else 503. A full server is ready: its visitors still need it."""
    status = "draining" if capacity().is_draining else "ready" if shared().is_loaded else "loading"
    return JSONResponse({"status": status}, 200 if status == "ready" else 503)
