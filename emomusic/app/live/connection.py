"""The frames of a browser's camera, each with its answer: over a WebSocket, and over WebRTC as soon as that connects.

A frame is its number in four bytes and a JPEG. The answer has the number, the faces, and the time until the next frame.
The offer of WebRTC and its answer pass the WebSocket.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import Any, TypeAlias

from starlette.websockets import WebSocket, WebSocketDisconnect

from emomusic.app.live.ice import IceSettings, Way
from emomusic.app.live.session import LiveSession, session_with
from emomusic.charts.colours import EMOTION_COLOURS, ink_on
from emomusic.stream.reader import LiveView

log = logging.getLogger(__name__)

THREAD_NAME = "live reader"
"""Begins the names of the threads that read frames, so that they can be counted."""

Answer: TypeAlias = Callable[[bytes, Way], Awaitable[str | None]]

_NUMBER_BYTES, _LARGEST_BYTES = 4, 2**20  # of a frame


async def serve_frames(socket: WebSocket) -> None:
    """Answer the frames of the session whose key is in the address, until the browser closes the WebSocket."""
    if (session := session_with(socket.path_params["key"])) is None:
        await socket.close()
        return
    await socket.accept()
    async with AsyncExitStack() as closing:
        closing.enter_context(suppress(WebSocketDisconnect))  # of an answer to a closed page
        worker = ThreadPoolExecutor(1, THREAD_NAME)
        closing.callback(worker.shutdown, wait=False)
        answer, connecting = partial(_answer, session, worker), None
        while (message := await socket.receive())["type"] == "websocket.receive":
            if (offer := message.get("text")) is not None:
                if connecting is not None:
                    break  # one offer for each WebSocket
                connecting = asyncio.create_task(_connect(answer, session.ice, socket, offer, closing))
                closing.callback(connecting.cancel)
            elif (text := await answer(message["bytes"], Way.PAGE)) is not None:
                await socket.send_text(text)


async def _connect(answer: Answer, ice: IceSettings, socket: WebSocket, offer: str, closing: AsyncExitStack) -> None:
    """Take frames over WebRTC too."""
    try:
        aiortc: Any = await asyncio.to_thread(importlib.import_module, "aiortc")  # takes almost a second
        servers = [aiortc.RTCIceServer(**server) for server in ice.as_dict()["iceServers"]]
        peer = aiortc.RTCPeerConnection(aiortc.RTCConfiguration(servers))
        closing.push_async_callback(peer.close)

        @peer.on("datachannel")  # type: ignore[untyped-decorator]
        def take_channel(channel: Any) -> None:
            @channel.on("message")  # type: ignore[untyped-decorator]
            async def take(frame: bytes) -> None:
                text = await answer(frame, Way.WEBRTC)
                if text is not None and channel.readyState == "open":
                    channel.send(text)

        await peer.setRemoteDescription(aiortc.RTCSessionDescription(**json.loads(offer)))
        await peer.setLocalDescription(await peer.createAnswer())
        await socket.send_text(json.dumps({"type": "answer", "sdp": peer.localDescription.sdp}))
    except WebSocketDisconnect:
        pass
    except Exception as error:  # of an offer or a network; the frames go on over the WebSocket
        log.warning("WebRTC does not connect: %s", error)


async def _answer(session: LiveSession, worker: ThreadPoolExecutor, frame: bytes, way: Way) -> str | None:
    """Read a frame. Returns the answer; None if the session is over, whose camera the page then ends."""
    if not session.is_live or len(frame) > _LARGEST_BYTES:
        return None
    number, jpeg = int.from_bytes(frame[:_NUMBER_BYTES]), frame[_NUMBER_BYTES:]
    view = await asyncio.get_running_loop().run_in_executor(worker, session.take_frame, jpeg, way)
    faces = faces_of(view) if view.error is None else []
    return json.dumps({"number": number, "faces": faces, "isMarked": session.boxes, "rest_ms": 1000 * view.rest_s})


def faces_of(view: LiveView) -> list[dict[str, Any]]:
    """The faces of a frame, from left to right: marks, with boxes in shares of the frame, and places on the plane."""
    faces = []
    for face in view.faces:
        box, colour = face.face.box, EMOTION_COLOURS[face.emotion]
        faces.append(
            {
                "number": face.number,
                "box": (box.x / view.width, box.y / view.height, box.width / view.width, box.height / view.height),
                "label": f"{face.number} {face.emotion}",
                "share": round(face.probabilities[face.emotion], 3),
                "colour": colour,
                "ink": ink_on(colour),
                "valence": round(face.point.valence, 3),
                "arousal": round(face.point.arousal, 3),
            }
        )
    return faces
