"""Routes in addition to the pages: readiness, monitoring and, if switched on, the HTTP API."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from time import monotonic

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    GC_COLLECTOR,
    PLATFORM_COLLECTOR,
    PROCESS_COLLECTOR,
    CollectorRegistry,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from emomusic.server.api import AnalyzeApi
from emomusic.server.capacity import Settings, capacity
from emomusic.server.shared import shared

_WINDOW_S = 60.0
_SHORTEST_S = 1.0


class _AppCollector(Collector):
    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque([(monotonic(), 0)])

    def _rate(self, count: int) -> float:
        """The rate of a growing count over the last minute, from the times of the calls."""
        now_s = monotonic()
        while len(self._samples) > 1 and now_s - self._samples[1][0] >= _WINDOW_S:
            self._samples.popleft()
        began_s, before = self._samples[0]
        if now_s - self._samples[-1][0] >= _SHORTEST_S:
            self._samples.append((now_s, count))
        return (count - before) / max(now_s - began_s, _SHORTEST_S)

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        here, common = capacity(), shared()
        readings = common.readings
        gauges: tuple[tuple[str, str, float], ...] = (
            ("emomusic_visitors", "Visitors whose page is open", here.num_visitors),
            ("emomusic_visitors_limit", "The most visitors at the same time", here.max_visitors),
            ("emomusic_live_sessions", "Running live sessions", here.num_live),
            ("emomusic_live_limit", "The most live sessions at the same time", here.max_live),
            ("emomusic_queue_length", "Photos and frames that wait for face detection", len(common.queue)),
            ("emomusic_readings_per_second", "Photos and frames read, over a minute", self._rate(readings.count)),
            ("emomusic_stored_memory_bytes", "Uploads and made files in memory", here.memory.num_bytes),
            ("emomusic_stored_files_bytes", "Uploads and made files in temporary files", here.files.num_bytes),
            ("emomusic_draining", "1 if the process stops soon", here.is_draining),
        )
        for name, text, value in gauges:
            yield GaugeMetricFamily(name, text, value=float(value))
        yield CounterMetricFamily("emomusic_readings", "Photos and frames read", value=readings.count)
        yield CounterMetricFamily("emomusic_faces", "Faces classified", value=readings.num_faces)


def routes(settings: Settings) -> list[BaseRoute]:
    """The routes for these settings."""
    registry = CollectorRegistry()  # with the figures of Python and the process too, such as memory
    for collector in (_AppCollector(), PROCESS_COLLECTOR, PLATFORM_COLLECTOR, GC_COLLECTOR):
        registry.register(collector)

    async def monitoring(_: Request) -> Response:
        return Response(await run_in_threadpool(generate_latest, registry), media_type=CONTENT_TYPE_LATEST)

    token = settings.api_token
    api = [Route("/analyze", AnalyzeApi(token, settings.api_per_minute).analyze, methods=["POST"])] if token else []
    # A mount answers 404 and 405 itself; otherwise Streamlit would answer with its page
    return [Route("/ready", _ready), Route("/metrics", monitoring), Mount("/api", routes=api)]


async def _ready(_: Request) -> JSONResponse:
    """200 if a proxy may send visitors here, else 503. A full server is ready: its visitors still need it."""
    status = "draining" if capacity().is_draining else "ready" if shared().is_loaded else "loading"
    return JSONResponse({"status": status}, 200 if status == "ready" else 503)
