"""The frames of a session by WebRTC. The browser sends them only, and gets the faces as events of the session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import av
import msgspec
import numpy as np
from streamlit_webrtc import VideoSinkTrack, WebRtcMode, WebRtcWorker
from streamlit_webrtc.config import compile_rtc_configuration

from emomusic.media.images import RgbImage
from emomusic.server.ice import IceSettings

_TIMEOUT_S = 10  # the longest signalling
_UNUSED = (
    *("source_video_track", "source_audio_track", "sink_audio_track", "player_factory", "in_recorder_factory"),
    *("out_recorder_factory", "video_frame_callback", "audio_frame_callback", "queued_video_frames_callback"),
    *("queued_audio_frames_callback", "on_video_ended", "on_audio_ended", "video_processor_factory"),
    "audio_processor_factory",
)


def connect(
    ice: IceSettings, offer: bytes, take_frame: Callable[[Callable[[], RgbImage]], None]
) -> tuple[Callable[[], None], bytes]:
    """Answer the offer of a browser, both as JSON. Waits for the network.

    A thread then gives each frame to `take_frame`, as a function that decodes it. Returns a function that closes the
    connection, and the answer.

    Raises:
        ConnectionError: the offer is malformed, or the network does not answer.
    """

    def take(frame: av.VideoFrame) -> None:  # on the event loop
        def decode() -> RgbImage:
            return np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)

        asyncio.get_running_loop().run_in_executor(None, take_frame, decode)

    worker = WebRtcWorker(
        mode=WebRtcMode.SENDONLY,
        rtc_configuration=compile_rtc_configuration({"iceServers": ice.as_dict()["iceServers"]}),
        sink_video_track=VideoSinkTrack(take),
        async_processing=True,
        video_receiver_size=1,
        audio_receiver_size=1,
        sendback_video=False,
        sendback_audio=False,
        **dict.fromkeys(_UNUSED),
    )
    try:
        description = msgspec.json.decode(offer)
        answer = worker.process_offer(description["sdp"], description["type"], timeout=_TIMEOUT_S)
    except Exception as error:  # aiortc raises anything on a malformed offer
        worker.stop()
        raise ConnectionError(f"WebRTC cannot connect: {error!r}") from error
    return worker.stop, msgspec.json.encode({"type": answer.type, "sdp": answer.sdp})
