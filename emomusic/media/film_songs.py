"""Songs mixed over the lowered sound of a film."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import av
import av.error
import numpy as np

from emomusic.errors import FilmError
from emomusic.media.audio_file import AudioFile
from emomusic.runtime import Float32Array

_RATE = 48_000  # also the samples that are mixed at once
_FADE_S = 2.0
_FILM_LEVEL, _SONG_LEVEL = 0.25, 1.0  # as on the page, see `app/browser/overlay.js`


@dataclass(frozen=True, slots=True)
class SceneSong:
    """A song for a part of a film: its file or content, and seconds from the first frame."""

    start_s: float
    end_s: float
    content: Path | bytes

    def levels(self, times_s: Float32Array) -> Float32Array:
        """Of the song at these times. It fades across its ends."""
        inside_s = np.minimum(times_s - self.start_s, self.end_s - times_s)
        levels: Float32Array = np.sqrt(np.clip(inside_s / _FADE_S + 0.5, 0, 1)).astype(np.float32)
        return levels


def add_songs(
    open_film: Callable[[], BinaryIO],
    songs: Sequence[SceneSong],
    out: Any,
    *,
    on_progress: Callable[[float], object] = lambda _: None,
) -> None:
    """Write a film with songs over its lowered sound, as MP4. A song that is shorter than its part is repeated.

    Args:
        open_film: opens an MP4 of `annotate_film`, whose pictures are copied as they are.
        songs: the songs in the order of time.
        out: binary file.
        on_progress: takes the finished share, 0 to 1, and returns False to stop.

    Raises:
        AudioError: a song cannot be read.
        FilmError: the file cannot be written.
    """
    try:
        with (
            av.open(open_film(), format="mp4") as film,
            av.open(open_film(), format="mp4") as sound,
            av.open(out, "w", format="mp4") as target,
        ):
            pictures = target.add_stream_from_template(film.streams.video[0])
            encoder: Any = target.add_stream("aac", _RATE, layout="stereo")
            mixed = _mix(_seconds(_sound_of(sound)), songs)
            end_s, mixed_s = film.duration / av.time_base, 0
            for packet in film.demux(film.streams.video[0]):
                if packet.dts is None:  # the end
                    continue
                packet.stream = pictures
                target.mux(packet)
                while mixed_s < packet.dts * packet.time_base:
                    target.mux(encoder.encode(_frame(next(mixed), mixed_s)))
                    mixed_s += 1
                    if on_progress(min(mixed_s / end_s, 1.0)) is False:
                        return
            target.mux(encoder.encode())
    except (av.error.FFmpegError, OSError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FilmError(f"expected to write the film with its songs. Received: {reason}") from error


def _mix(film: Iterator[Float32Array], songs: Sequence[SceneSong]) -> Iterator[Float32Array]:
    """The sound of the film with the songs, second by second, shape (2, 48000)."""
    playing = [(song, _seconds(_repeated(song.content))) for song in songs]
    for start_s, second in enumerate(film):
        mixed = _FILM_LEVEL * second
        times_s = (start_s + np.arange(_RATE) / _RATE).astype(np.float32)
        for song, seconds in playing:
            if (levels := song.levels(times_s)).any():
                mixed += _SONG_LEVEL * levels * next(seconds)
        yield np.clip(mixed, -1, 1)


def _frame(samples: Float32Array, start_s: int) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(samples, "fltp", "stereo")
    frame.sample_rate, frame.pts, frame.time_base = _RATE, start_s * _RATE, Fraction(1, _RATE)
    return frame


def _seconds(blocks: Iterator[Float32Array]) -> Iterator[Float32Array]:
    """Sound second by second, and silence after it."""
    rest = np.zeros((2, 0), np.float32)
    for block in itertools.chain(blocks, itertools.repeat(np.zeros((2, _RATE), np.float32))):
        rest = np.concatenate([rest, block], axis=1)
        while rest.shape[1] >= _RATE:
            yield rest[:, :_RATE]
            rest = rest[:, _RATE:]


def _sound_of(film: Any) -> Iterator[Float32Array]:
    """The sound of a film from its first frame, with silence in gaps; nothing without sound."""
    resampler, end = av.AudioResampler("fltp", "stereo", _RATE), 0
    for decoded in film.decode(audio=0) if film.streams.audio else ():
        for frame in resampler.resample(decoded):
            start = round(frame.pts * frame.time_base * _RATE)
            yield np.zeros((2, max(start - end, 0)), np.float32)
            yield frame.to_ndarray()[:, max(end - start, 0) :]
            end = max(end, start + frame.samples)


def _repeated(content: Path | bytes) -> Iterator[Float32Array]:
    has_sound = True
    while has_sound:
        has_sound = False
        with AudioFile(content) as song:
            for block in song.pcm(0.0, _RATE):
                has_sound = True
                yield (np.frombuffer(block, np.int16).reshape(-1, 2).T / 2**15).astype(np.float32)
