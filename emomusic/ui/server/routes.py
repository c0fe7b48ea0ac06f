"""Routes in addition to the pages: readiness, monitoring and, if switched on, the HTTP API."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from emomusic.ui.core.capacity import capacity
from emomusic.ui.core.shared import shared
from emomusic.ui.server.api import AnalyzeApi, api_settings
from emomusic.ui.server.monitoring import monitoring_registry


def routes(environment: Mapping[str, str]) -> list[BaseRoute]:
    """The routes for these settings.

    Raises:
        SettingsError: a setting is malformed.
    """
    registry = monitoring_registry()

    async def monitoring(_: Request) -> Response:
        return Response(await run_in_threadpool(generate_latest, registry), media_type=CONTENT_TYPE_LATEST)

    found: list[BaseRoute] = [Route("/ready", _ready), Route("/metrics", monitoring)]
    if (settings := api_settings(environment)) is not None:
        found.append(Route("/api/analyze", AnalyzeApi(*settings).analyze, methods=["POST"]))
    return found


async def _ready(_: Request) -> JSONResponse:
    """200 if a proxy may send visitors here, else 503. A full server is ready: its visitors still need it."""
    status = "draining" if capacity().is_draining else "ready" if shared().is_loaded else "loading"
    return JSONResponse({"status": status}, 200 if status == "ready" else 503)
