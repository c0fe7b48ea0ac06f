"""Small audio files, made of a tone, for tests."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import av
import numpy as np

RATE = 44_100

CODECS = {
    "mp3": ("mp3", "libmp3lame"),
    "flac": ("flac", "flac"),
    "ogg": ("ogg", "vorbis"),
    "opus": ("ogg", "libopus"),
    "m4a": ("ipod", "aac"),
    "wav": ("wav", "pcm_s16le"),
    "aiff": ("aiff", "pcm_s16be"),
}
"""Container and codec of each format."""

_FASTEST = {
    "libmp3lame": {"compression_level": "9"},
    "libopus": {"compression_level": "0"},
    "aac": {"aac_coder": "fast"},
}
_OPTIONS = {"aiff": {"write_id3v2": "1"}}

TAGS = {"title": "A Tone", "artist": "Oscillator;Friend", "album": "Waves", "genre": "Rock", "date": "1999"}


def tone(seconds: float, *, hertz: float = 440, rate: int = RATE, volume: float = 0.5) -> np.ndarray:
    """Stereo, shape (2, n), float32. The right channel is half as loud."""
    wave = volume * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)
    return np.stack([wave, wave / 2]).astype(np.float32)


def write_song(
    target: Path | BinaryIO,
    ending: str | tuple[str, str],
    sound: np.ndarray,
    *,
    rate: int = RATE,
    tags: Mapping[str, str] = TAGS,
    cover: bytes | None = None,
    layout: str | None = None,
) -> None:
    """Write sound, shape (channels, n), as a file of a format, or of a container and a codec.

    The layout names the channels; by default they are those of a mono or stereo sound.
    """
    container, codec = CODECS[ending] if isinstance(ending, str) else ending
    layout = layout or ("mono" if len(sound) == 1 else "stereo")
    with av.open(target, "w", format=container, options=_OPTIONS.get(container)) as output:
        output.metadata.update(tags)
        stream: Any = output.add_stream(codec, rate=48_000 if ending == "opus" else rate, layout=layout)
        stream.codec_context.options = {"strict": "-2", **_FASTEST.get(codec, {})}  # Vorbis is experimental
        if cover is not None:
            picture: Any = output.add_stream("png", rate=1)
            picture.width = picture.height = 8
            picture.pix_fmt = "rgb24"
            picture.disposition = av.stream.Disposition.attached_pic
        frame = av.AudioFrame.from_ndarray(sound.T.reshape(1, -1), "flt", layout)
        frame.sample_rate = rate
        output.start_encoding()
        if cover is not None:
            packet = av.Packet(cover)
            packet.stream = picture
            packet.pts = packet.dts = 0
            output.mux(packet)
        output.mux([*stream.encode(frame), *stream.encode(None)])


def id3v1(title: bytes, artist: bytes) -> bytes:
    """The tag at the end of an MP3."""
    return b"TAG" + title.ljust(30, b"\0") + artist.ljust(30, b"\0") + bytes(65)


def song_of(sound: np.ndarray, ending: str | tuple[str, str] = "wav", **options: Any) -> io.BytesIO:
    """A file of a format, or of a container and a codec, with this sound."""
    write_song(buffer := io.BytesIO(), ending, sound, **options)
    return buffer


def song_bytes(ending: str | tuple[str, str] = "wav", seconds: float = 2.0, **options: Any) -> bytes:
    """A file of a format, or of a container and a codec, with a tone."""
    return song_of(tone(seconds, rate=options.get("rate", RATE)), ending, **options).getvalue()
