"""Film files: checks of untrusted files, and their frames as a stream."""

from __future__ import annotations

import io
import itertools
import os
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO

import av

from emomusic.errors import FilmError
from emomusic.media.container import MediaFile
from emomusic.media.film_frame import (
    MAX_GAP_S,
    FilmClock,
    FilmFrame,
    FilmStep,
    at_rate,
    orientation_of,
    steps_of,
)
from emomusic.media.formats import CODECS, Kind, foreign_file, mov_atoms, read_format
from emomusic.media.guarded import GuardedFile
from emomusic.media.images import RgbImage
from emomusic.text import format_clock

MAX_PIXELS = 4096 * 2304
"""Largest frame. Decoding holds about twenty."""

_MAX_KEY_PIXELS = 5312 * 4648
"""Largest frame of action cameras, of which only key frames are decoded."""

_CODED_SHARE = 5 / 4  # codecs round the sides up

_MISSING_S = 1.0  # a film that ends earlier than announced by more is incomplete
_MISSING_SHARE = 0.02
_SHORT_S = 0.2
_USUAL_RATE = 10  # pictures of network cameras, one after the other
_WITHOUT_TIMES = ("mjpeg", "h264", "hevc")  # demuxers of pictures alone
_MAX_RATE, _MAX_PIXEL_RATE = 1000, MAX_PIXELS * 128  # for each second of film; a clock may stand still
_ONE_THREAD_PIXELS = 1280 * 720
_SKIPPED_FRAMES = 3  # skip the frames that no other frame needs, if fewer than every third is wanted
_BUFFER_BYTES = 2**18

# Codecs whose key frames can be decoded alone
_WITH_KEYS = ("h264", "hevc", "av1", "libdav1d", "vp8", "libvpx", "vp9", "libvpx-vp9", "mpeg4", "mpeg2video", "mjpeg")
_STILL_CODECS = ("mjpeg", "png", "bmp", "gif")


def _is_still(codec: Any) -> bool:
    """Whether a codec is one of still pictures; not an unknown codec, which is None."""
    return codec is not None and codec.name in _STILL_CODECS


class FilmFile(MediaFile):
    """An opened film.

    Attributes:
        demuxer: FFmpeg's name of its format.
        num_bytes: size of the file.
        width: the width of the upright film in square pixels.
        height: the height of the upright film in square pixels.
        duration_s: the longest of its streams, as announced by the file; None if unknown.
        frames_per_second: mean, as announced by the file; 25 if unknown.
        problem: after the frames: why they are incomplete, in one sentence; None if they are complete.
        audio: the first audio stream of PyAV; None if there is none, or without `with_audio`.
        num_videos: number of streams that are films, covers excluded.
        stream: number of the stream that is read, from 1.
        end_s: so far, where the decoded frames end; afterwards, that of the film, the longest of its streams.
        audio_packets: the sound up to the last frame, with times in the clock of `start_s`. The caller removes them.
        start_s: time of the first frame in the clock of the file.
        should_stop: as given.
    """

    error_type = FilmError
    noun = "a film"

    def __init__(
        self,
        source: str | os.PathLike[str] | BinaryIO,
        *,
        name: str | None = None,
        max_s: float | None = None,
        with_audio: bool = False,
        stream: int | None = None,
        turn: int = 0,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """Open a film and check its head.

        Args:
            source: path, or a binary file with `seek`, which stays open after `close`.
            name: name of the file for messages; by default that of the path.
            max_s: longest allowed film in seconds; None for no limit.
            with_audio: keep the packets of the sound in `audio_packets`.
            stream: number of the video to read, from 1; by default the one marked as such, or the first.
            turn: degrees to turn the film clockwise, a multiple of 90.
            should_stop: asked before each frame, wanted or not, after the first. True ends the frames.

        Raises:
            FilmError: no such file, not a film, damaged from the start, encrypted, too large or too long, or no such
                stream.
        """
        self._max_s, self._with_audio, self.should_stop = max_s, with_audio, should_stop
        self._wanted, self._num_turns = stream, turn // 90
        self.audio: Any = None
        self.audio_packets: deque[Any] = deque()
        self.start_s = self.end_s = 0.0
        self.problem: str | None = None
        super().__init__(source, name)

    def _open(self) -> None:
        self.num_bytes = self._file.seek(0, io.SEEK_END)
        self._head()  # raises if the file is empty
        found = read_format(self._file, self.name)
        if found.demuxer is None or (found.kind is Kind.SONG and found.demuxer != "mov"):
            raise FilmError(foreign_file(self.quoted, found.kind, Kind.FILM))
        self.demuxer = found.demuxer
        self._is_cut_off = _is_cut_off(self._file, self.num_bytes, self.demuxer)
        self._file.seek(0)
        self._open_container(
            self.demuxer,
            _BUFFER_BYTES,
            options={"framerate": str(_USUAL_RATE)} if self.demuxer == "mjpeg" else {},
        )
        self._stream: Any = self._chosen_video()
        codec = self._stream.codec_context
        if "enc_key_id" in self._stream.metadata:  # Matroska
            raise self._encrypted()
        self._require_codec(codec, CODECS["film"], "video", "MP4")
        self._has_keys_only = codec.name in _WITH_KEYS and codec.width * codec.height > MAX_PIXELS
        self._most_pixels = _MAX_KEY_PIXELS if self._has_keys_only else MAX_PIXELS
        self._check_size(codec.width, codec.height)
        if self._with_audio:
            known = (s for s in self._container.streams.audio if s.codec_context and s.codec_context.sample_rate)
            self.audio = next(known, None)
        # Threads take a tenth more processor time, which small films need for the faces.
        is_alone = codec.width * codec.height <= _ONE_THREAD_PIXELS or self._has_keys_only
        codec.thread_type = "NONE" if is_alone else "AUTO"
        # Of each frame, also if the head differs
        codec.options = {"max_pixels": str(int(self._most_pixels * _CODED_SHARE))}
        if self._has_keys_only:
            codec.skip_frame = "NONKEY"
        rate = self._stream.average_rate
        self.frames_per_second = float(rate) if rate and 1 <= rate <= 1000 else 25.0
        self._video_s = self._announced_duration()
        self.duration_s = max(filter(None, (self._video_s, *self._other_durations())), default=None)
        if self._max_s is not None and self.duration_s is not None and self.duration_s > self._max_s + 1:
            raise FilmError(
                f"{self.quoted} is too long: {format_clock(self.duration_s)} minutes, at most "
                f"{format_clock(self._max_s)}; choose a shorter film."
            )
        self._spacing_s = 1 / self.frames_per_second
        self._clock = FilmClock(self._spacing_s)
        self._num_frames = self._num_pixels = 0
        ratio = float(self._stream.sample_aspect_ratio or 1)
        self._ratio = ratio if 0.25 <= ratio <= 4 else 1.0
        self._decoded = self._decode()
        if (first := next(self._decoded, None)) is None:
            raise FilmError(f"{self.quoted} is damaged: no frame can be decoded; choose another file.")
        self._begin(first)
        frame = first.frame
        width = max(round(frame.width * self._ratio), 1)
        self._check_size(width, frame.height)
        is_turned = orientation_of(frame, self._num_turns).swaps
        self.width, self.height = (frame.height, width) if is_turned else (width, frame.height)

    def _begin(self, first: FilmFrame) -> None:
        """Take the first frame. A recording that begins within a group of pictures has packets before it."""
        self._first, self._was_damaged = first, False
        missed_s = (self._clock.start_s or 0.0) - self._start_s()
        self._missed_s = missed_s if _SHORT_S < missed_s < MAX_GAP_S else 0.0
        if self._missed_s:
            self._video_s, self.duration_s = (
                None if seconds is None else max(seconds - self._missed_s, self._spacing_s)
                for seconds in (self._video_s, self.duration_s)
            )

    @property
    def note(self) -> str | None:
        """What was read of a film, if that is not all of it; None otherwise."""
        notes = [
            f"The film has {self.num_videos} videos; number {self.stream} was read." if self.num_videos > 1 else "",
            f"The first {self._missed_s:.0f} s cannot be shown: they need frames before them."
            if self._missed_s >= _MISSING_S
            else "",
            f"It has no times, so {self.frames_per_second:.0f} pictures a second are assumed."
            if self.demuxer in _WITHOUT_TIMES
            else "",
            "Only the key frames of this large film were read." if self._has_keys_only else "",
        ]
        return " ".join(filter(None, notes)) or None

    def _chosen_video(self) -> Any:
        videos = self._videos()
        if not videos:
            raise FilmError(f"{self.quoted} has no video; choose a film that shows a face.")
        films = [video for video in videos if video.frames != 1 and not _is_still(video.codec_context)] or videos
        self.num_videos = len(films)
        usual = next((film for film in films if film.disposition & av.stream.Disposition.default), films[0])
        self.stream = films.index(usual) + 1 if self._wanted is None else self._wanted
        if not 1 <= self.stream <= len(films):
            raise FilmError(f"{self.quoted} has videos 1 to {len(films)}; choose one of them, not {self.stream}.")
        return films[self.stream - 1]

    def _other_durations(self) -> Iterator[float]:
        """Seconds of the container and of its sound from the first frame of the video on."""
        for part in (*self._container.streams.audio, self._container):
            base = part.time_base if part is not self._container else 1 / av.time_base
            if part.duration and base:
                seconds = float(((part.start_time or 0) + part.duration) * base) - self._start_s()
                if 0 < seconds < MAX_GAP_S:
                    yield seconds

    def _check_size(self, width: int, height: int) -> None:
        if width * height > self._most_pixels:
            raise FilmError(
                f"{self.quoted} is too large: {width}x{height} pixels, at most 4096x2304; choose a smaller film."
            )

    def _announced_duration(self) -> float | None:
        stream = self._stream
        seconds = self._announced_s(stream) or 0.0
        if self._container.format.name == "avi" and stream.average_rate:
            seconds = float(stream.frames / stream.average_rate)  # `duration` is that of the rest of a cut-off file
        elif stream.duration is None:  # Matroska: the end of the video, or that of the video or the sound
            if tag := _DURATION_TAG.match(stream.metadata.get("DURATION", "")):
                hours, minutes, rest = tag.groups()
                seconds = 3600 * int(hours) + 60 * int(minutes) + float(rest)
            seconds -= max(self._start_s(), 0.0)
        return seconds if 0 < seconds < MAX_GAP_S else None

    def _start_s(self) -> float:
        """Time of the video's start in the clock of the file, as announced."""
        return float((self._stream.start_time or 0) * self._stream.time_base) if self._stream.time_base else 0.0

    def frames(self, rate: float | None = None) -> Iterator[FilmFrame]:
        """The frames in order of time. Call this once.

        Damaged parts are skipped. Afterwards `problem` has the reason for missing frames.

        Args:
            rate: frames per second of film, of which the first after each step is taken; None for all.
        """
        if rate is None:
            yield from itertools.chain([self._first], self._decoded)
        else:
            self._stream.codec_context.skip_frame = self._skipped(rate)
            yield from at_rate(itertools.chain([self._first], self._decoded), rate)

    def _skipped(self, rate: float) -> str:
        """The frames that are not decoded, for this number of frames a second."""
        if self._has_keys_only:
            return "NONKEY"
        has_times = self._first.frame.pts is not None  # without them, all frames are counted
        return "NONREF" if has_times and rate * _SKIPPED_FRAMES <= self.frames_per_second else "DEFAULT"

    def _is_over(self) -> bool:
        return self._has_frames and self.should_stop()

    def _packets_of_video(self) -> Iterator[Any]:
        streams = (stream for stream in (self._stream, self.audio) if stream is not None)
        for packet in self._packets(*streams):
            if packet.stream is not self._stream:
                self.audio_packets.append(packet)
            else:
                yield packet

    def _decode(self) -> Iterator[FilmFrame]:
        for packet in self._packets_of_video():
            yield from self._film_frames(self._frames_of(packet))
            if self.problem is not None:
                return
        self._finish()

    def _film_frames(self, frames: Sequence[Any]) -> Iterator[FilmFrame]:
        """Decoded frames with their times, up to a limit, which is a `problem`."""
        for frame in frames:
            self._num_pixels += frame.width * frame.height
            if frame.width * frame.height > self._most_pixels:  # the size may change within a stream
                self._was_damaged = True
                continue
            time_s = self._clock.at(None if frame.pts is None else float(frame.pts * self._stream.time_base))
            self._num_frames += 1
            share = time_s / self.duration_s if self.duration_s is not None else self._file.tell() / self.num_bytes
            shown = FilmFrame(time_s, min(share, 1.0), frame, self._ratio, self._num_turns)
            self.start_s, self.end_s = self._clock.start_s or 0.0, time_s + max(self._spacing_s, shown.duration_s)
            if self._max_s is not None and time_s > self._max_s:
                self.problem = f"The film is too long; the results end at {format_clock(self._max_s)}."
            elif self._num_frames > _MAX_RATE * (time_s + 1) or self._num_pixels > _MAX_PIXEL_RATE * (time_s + 1):
                self.problem = f"The film has too many frames a second; the results end at {format_clock(time_s)}."
            if self.problem is not None:
                self.end_s = time_s
                return
            yield shown

    def _finish(self) -> None:
        """Say which part is missing, after the last frame."""
        if self.should_stop():
            return
        missing_s = 0.0 if self._video_s is None or self._has_keys_only else self._video_s - self.end_s
        if self._is_cut_off or self._file.error or missing_s > max(_MISSING_S, _MISSING_SHARE * (self._video_s or 0.0)):
            self.problem = f"The film is incomplete; the results end at {format_clock(self.end_s)}."
            return
        if self._was_damaged:
            self.problem = "Parts of the film are damaged, so the results have gaps."
        self.end_s = self.duration_s = max(self.end_s, self.duration_s or 0.0)

    def steps(self, rate: float, step_s: float = 1.0) -> Iterator[FilmStep]:
        """The frames at a rate, in steps of about `step_s`, in order of time. Call this instead of `frames`."""
        return steps_of(self.frames(rate), step_s)

    def picture(self, frame: FilmFrame, max_side: int | None = None) -> RgbImage:
        """A frame as an upright image of at most `max_side` pixels a side; None for the film's size."""
        scale = 1.0 if max_side is None else min(max_side / max(self.width, self.height), 1.0)
        return frame.picture(*(max(round(side * scale), 1) for side in (self.width, self.height)))


_DURATION_TAG = re.compile(r"(\d{1,2}):(\d\d):(\d\d\.\d{1,9})", re.ASCII)


def _is_cut_off(file: GuardedFile, size: int, demuxer: str) -> bool:
    """Whether a file ends too early, in the formats whose announced duration is then shorter."""
    # A film of fragments may lack the last ones
    atoms = mov_atoms(file) if demuxer == "mov" else ()
    return any(at + length > size and name in (b"moof", b"mdat") for name, at, length in atoms)
