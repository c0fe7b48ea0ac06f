"""Measure how many live sessions one process serves, over real WebRTC connections.

    python -m scripts.measure_live_sessions > docs/benchmarks/live-sessions.json

The server decodes, reads, draws and encodes the video of each session, and draws the charts of its page each second.
The clients run in another process. They send a film that is already encoded, and decode nothing, so that they cost
little. Streamlit's messages are not included.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import av
import cv2
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription, VideoStreamTrack
from aiortc.contrib.media import MediaPlayer

from emomusic.assets import data_dir
from emomusic.cli.timing import machine, resident_mb
from emomusic.face.film_file import FilmFile
from emomusic.face.live.reader import LiveReader
from emomusic.face.reading import load_networks
from emomusic.face.runtime import num_cores
from emomusic.plots.affect import circumplex
from emomusic.plots.face import probability_bars
from emomusic.plots.live import mood_areas
from emomusic.ui.live.session import LiveSession

_SIZE, _RATE, _SECONDS = (640, 480), 24, 20
_WARM_S, _MEASURED_S = 6.0, 15.0
_ENOUGH_FRAMES, _ENOUGH_READINGS = 15.0, 2.0  # per second, for a video that looks smooth and a mood that follows


def write_film(path: Path) -> None:
    """Encode the sample film as VP8."""
    with FilmFile(data_dir() / "samples" / "faces.mp4") as film, av.open(str(path), "w", format="webm") as out:
        stream = out.add_stream("libvpx", rate=_RATE)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = *_SIZE, "yuv420p", 1_000_000
        stream.options = {"deadline": "realtime", "cpu-used": "8"}
        for number, frame in enumerate(film.frames(_RATE)):
            if number >= _RATE * _SECONDS:
                break
            picture = av.VideoFrame.from_ndarray(cv2.resize(film.picture(frame), _SIZE), format="rgb24")
            picture.pts = number
            out.mux(stream.encode(picture))
        out.mux(stream.encode())


class _Answer(VideoStreamTrack):
    """The video with its faces, as the Live page sends it back."""

    def __init__(self, track: Any, session: LiveSession) -> None:
        super().__init__()
        self._track, self._session = track, session

    async def recv(self) -> av.VideoFrame:
        frame = await self._track.recv()
        drawn = await asyncio.to_thread(self._session.on_frame, frame)
        drawn.pts, drawn.time_base = frame.pts, frame.time_base
        return drawn


async def _send(film: str, pipe: Connection, count: int) -> None:
    """The clients: connect, then count the packets that come back until the server ends the measurement."""
    peers = []
    for _ in range(count):
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        peer.addTrack(MediaPlayer(film, decode=False, loop=True).video)
        await peer.setLocalDescription(await peer.createOffer())
        pipe.send((peer.localDescription.sdp, peer.localDescription.type))
        await peer.setRemoteDescription(RTCSessionDescription(*await asyncio.to_thread(pipe.recv)))
        peers.append(peer)
    await asyncio.to_thread(pipe.recv)
    pipe.send(sum(peer.connectionState == "connected" for peer in peers))
    for peer in peers:
        await peer.close()


def _client(film: str, pipe: Connection, count: int) -> None:
    asyncio.run(_send(film, pipe, count))


async def _draw_page(session: LiveSession) -> None:
    """Draw the charts of the page each second."""

    def charts() -> None:
        view, table = session.view(), session.reader.timeline()
        if view.group is not None:
            circumplex([]).to_json()
            probability_bars(view.group).to_json()
        if len(table):
            mood_areas(table).to_json()

    while True:
        await asyncio.sleep(1.0)
        await asyncio.to_thread(charts)


async def _bytes(peers: Sequence[RTCPeerConnection]) -> int:
    """Bytes that all connections have received and sent."""
    reports = [report for peer in peers for report in (await peer.getStats()).values()]
    return sum(report.bytesSent + report.bytesReceived for report in reports if report.type == "transport")


async def measure(film: str, count: int) -> dict[str, float]:
    """Serve a number of sessions and return the figures of the slowest and of the process."""
    networks = load_networks()
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_client, args=(film, theirs, count), daemon=True)
    process.start()
    sessions, peers, pages = [], [], []
    for _ in range(count):
        session = LiveSession(LiveReader(lambda: networks))
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        peer.on("track", lambda track, peer=peer, session=session: peer.addTrack(_Answer(track, session)))
        await peer.setRemoteDescription(RTCSessionDescription(*await asyncio.to_thread(ours.recv)))
        await peer.setLocalDescription(await peer.createAnswer())
        ours.send((peer.localDescription.sdp, peer.localDescription.type))
        sessions.append(session)
        peers.append(peer)
        pages.append(asyncio.create_task(_draw_page(session)))
    await asyncio.sleep(_WARM_S)
    before, bytes_before = [session.view() for session in sessions], await _bytes(peers)
    began_s, busy_s = time.perf_counter(), time.process_time()
    await asyncio.sleep(_MEASURED_S)
    took_s, busy_s = time.perf_counter() - began_s, time.process_time() - busy_s
    after, bytes_after = [session.view() for session in sessions], await _bytes(peers)
    ours.send("end")
    connected = await asyncio.to_thread(ours.recv)
    for page in pages:
        page.cancel()
    for peer, session in zip(peers, sessions, strict=True):
        await peer.close()
        session.end()
    await asyncio.to_thread(process.join, 20)
    frames = [(b.num_frames - a.num_frames) / took_s for a, b in zip(before, after, strict=True)]
    readings = [(b.num_readings - a.num_readings) / took_s for a, b in zip(before, after, strict=True)]
    return {
        "sessions": count,
        "connected": connected,
        "frames_per_second_of_the_slowest": round(min(frames), 1),
        "readings_per_second_of_the_slowest": round(min(readings), 1),
        "lag_ms": round(1000 * statistics.median(view.lag_s or 0.0 for view in after)),
        "mbit_per_s_up_and_down": round(8e-6 * (bytes_after - bytes_before) / took_s / count, 2),
        "cores_used": round(busy_s / took_s, 2),
        "memory_mb": round(resident_mb()),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure one session more each time until the video is too slow."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=8)
    most = parser.parse_args(arguments).most
    with tempfile.TemporaryDirectory() as folder:
        film = str(Path(folder) / "film.webm")
        write_film(Path(film))
        rows = [asyncio.run(measure(film, count)) for count in range(1, most + 1)]
    good = [
        row["sessions"]
        for row in rows
        if row["connected"] == row["sessions"]
        and row["frames_per_second_of_the_slowest"] >= _ENOUGH_FRAMES
        and row["readings_per_second_of_the_slowest"] >= _ENOUGH_READINGS
    ]
    report = {
        "machine": machine(),
        "cores": num_cores(),
        "enough": {"frames_per_second": _ENOUGH_FRAMES, "readings_per_second": _ENOUGH_READINGS},
        "sessions_served_well": max(good, default=0),
        "rows": rows,
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
