"""Animated pictures that Pillow reads, with what `FilmFile` needs of a container of PyAV."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import av
from PIL import Image

from emomusic.media.formats import ANIMATIONS, GuardedFile
from emomusic.media.images import MAX_RAW_BYTES
from emomusic.media.pixels import to_rgb, with_alpha

_SHORTEST_MS, _USUAL_MS = 11, 100  # browsers show shorter frames that long


class Animation:
    """An opened picture with several frames, upright and with transparent areas in white.

    Attributes:
        streams: its only stream, and no sound.
        format: its name.
        duration: None, because it is unknown before the frames are decoded.
    """

    duration = None

    def __init__(self, file: GuardedFile, demuxer: str) -> None:
        """Open a file in a format of `ANIMATIONS`.

        Raises:
            ValueError: it is damaged or too large.
        """
        data = file.read(MAX_RAW_BYTES + 1)
        if len(data) > MAX_RAW_BYTES:
            raise ValueError("too large")
        with _decoder_errors():
            self._picture: Any = Image.open(io.BytesIO(with_alpha(data)), formats=[ANIMATIONS[demuxer]])
        self._data = data
        width, height = self._picture.size
        codec = SimpleNamespace(name="rawvideo", codec_tag="", width=width, height=height)
        stream = SimpleNamespace(
            codec_context=codec,
            disposition=av.stream.Disposition(0),
            frames=self._picture.n_frames,
            time_base=Fraction(1, 1000),
            average_rate=None,
            start_time=0,
            duration=None,
            sample_aspect_ratio=None,
            metadata={},
        )
        self.streams = SimpleNamespace(video=[stream], audio=[])
        self.format = SimpleNamespace(name=demuxer)

    def demux(self, stream: Any) -> Iterator[Any]:
        """A packet for each frame."""
        time_ms = 0
        for number in range(stream.frames):
            with _decoder_errors():
                self._picture.seek(number)
                frame = av.VideoFrame.from_ndarray(to_rgb(self._picture.copy(), self._data), "rgb24")
                given_ms = round(self._picture.info.get("duration", 0))
            frame.pts, frame.time_base = time_ms, stream.time_base
            frame.duration = _USUAL_MS if given_ms < _SHORTEST_MS else given_ms
            time_ms += frame.duration
            yield SimpleNamespace(stream=stream, has_sidedata=lambda _: False, decode=lambda frame=frame: [frame])

    def close(self) -> None:
        """Release the picture."""
        self._picture.close()


@contextlib.contextmanager
def _decoder_errors() -> Iterator[None]:
    """Turn what decoders raise on hostile bytes into a `ValueError`."""
    try:
        yield
    except Exception as error:
        raise ValueError("damaged") from error
