"""Animated pictures that Pillow reads."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import av
from PIL import Image

from emomusic.media.formats import ANIMATIONS
from emomusic.media.guarded import GuardedFile
from emomusic.media.images import MAX_RAW_BYTES
from emomusic.media.pixels import to_rgb, with_alpha

_SHORTEST_MS, _USUAL_MS = 11, 100  # browsers show shorter frames that long


class Animation:
    """An animated picture with what `FilmFile` needs of PyAV's container, and of its only stream and its codec.

    Its frames are upright, with transparent areas in white.
    """

    name, codec_tag, disposition = "rawvideo", "", av.stream.Disposition(0)
    duration = average_rate = sample_aspect_ratio = None
    start_time, time_base = 0, Fraction(1, 1000)

    def __init__(self, file: GuardedFile, demuxer: str) -> None:
        """Open a file in a format of `ANIMATIONS`. Raise a `ValueError` if it is damaged or too large."""
        self._data = file.read(MAX_RAW_BYTES + 1)
        if len(self._data) > MAX_RAW_BYTES:
            raise ValueError("too large")
        with _decoder_errors():
            self._picture: Any = Image.open(io.BytesIO(with_alpha(self._data)), formats=[ANIMATIONS[demuxer]])
        (self.width, self.height), self.frames = self._picture.size, getattr(self._picture, "n_frames", 1)
        self.format, self.metadata, self.codec_context = self, dict[str, str](), self
        self.streams = SimpleNamespace(video=[self], audio=[])

    def demux(self, *_: Any) -> Iterator[Any]:
        """A packet for each frame."""
        time_ms = 0
        for number in range(bool(getattr(self._picture, "default_image", False)), self.frames):  # a still of APNG
            with _decoder_errors():
                self._picture.seek(number)
                frame = av.VideoFrame.from_ndarray(to_rgb(self._picture.copy(), self._data), "rgb24")
                given_ms = round(self._picture.info.get("duration", 0))
            frame.pts, frame.time_base = time_ms, self.time_base
            frame.duration = _USUAL_MS if given_ms < _SHORTEST_MS else given_ms
            time_ms += frame.duration
            yield SimpleNamespace(stream=self, has_sidedata=lambda _: False, decode=lambda frame=frame: [frame])

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
