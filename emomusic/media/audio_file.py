"""Audio files: their tags, and their sound as the network hears it."""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, TypeVar

import av
import av.error
import numpy as np

from emomusic.errors import AudioError
from emomusic.media.container import DAMAGE, ENCRYPTED_TAGS, MediaFile
from emomusic.media.formats import (
    CODECS,
    FORMATS,
    LONGEST_S,
    Kind,
    foreign_file,
    read_format,
    tag_length,
    title_of,
)
from emomusic.media.sound import (
    MAX_CHANNELS,
    PATCH_S,
    RATES,
    SAMPLE_RATE,
    Window,
    can_hear,
    mono_sound,
    sounding_windows,
    windows_of,
    without_silent_ends,
)
from emomusic.media.tags import FIELDS, MOST_TAGS, num_tags, read_texts, tags_of
from emomusic.runtime import Float32Array
from emomusic.text import pluralize

_Part = TypeVar("_Part")

AudioSource = str | os.PathLike[str] | BinaryIO | bytes

MAX_S = 20 * 60.0
"""Longest sound that is decoded from the start."""

WORK_S = 3.0
"""Processor time for opening a file and moving in it. Damaged files may need any time."""

_LEAST_SPEED = 120  # seconds of sound that one second of processor time decodes; usually above 400

_SHORT_S = 60.0
_SHARES = (1 / 6, 3 / 6, 5 / 6)  # parts of the song, in the middle of the windows
_MOST_PLACES = 120  # where sound is looked for in a song with silent parts
_SOME, _MOST = 0.25, 0.9  # parts of a window that sound, where it should lie and where there is a choice
_LENGTH = round(PATCH_S * SAMPLE_RATE)
_MIN_S = 1.0
_FULL_S = 10.0

_OPEN_BYTES = 64 * 2**20  # read to open a file, with its covers; FFmpeg keeps them in memory
_DECODE_BYTES = 2**30
_TAG_BYTES = 2**20  # before the sound, in which artists are looked for
_BUFFER_BYTES = 2**16
_MAX_COVER_BYTES = 10 * 2**20
_PREROLL_S = 0.2  # decoders need some packets before the first right sample
_MAX_FRAME = 2**17  # samples
_PLAUSIBLE_RATES, _PLAUSIBLE_CHANNELS = range(1_000, 10_000_000), 128  # files that are not damaged have them

_DEFAULT = av.stream.Disposition.default
_RAW_AAC = (b"\xff\xf1", b"\xff\xf9")

_PICTURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"RIFF")


@dataclass(frozen=True, slots=True, eq=False)
class AudioSong:
    """A song with its tags and the parts of it that tell its mood.

    Attributes:
        title: the title in the tags, or the name of the file.
        artists: main artist first; empty if unknown.
        genres: the genres in lower case.
        windows: that sound: the whole song up to a minute; otherwise, or with silent parts, parts of `PATCH_S`.
        note: a sentence if too little sounds for a certain mood.
        explicit: whether the tags mark it as explicit.
    """

    title: str
    artists: tuple[str, ...]
    album: str | None
    genres: tuple[str, ...]
    year: int | None
    duration_s: float
    windows: tuple[Window, ...]
    note: str | None = None
    explicit: bool = False


def read_song(source: AudioSource, name: str | None = None) -> AudioSong:
    """Read the tags of an audio file and the sound of its windows.

    A file of unknown length and a damaged one are decoded from the start, up to `MAX_S`.

    Args:
        source: path, content, or a binary file with `seek`, which stays open.
        name: name of the file for messages and for a song without tags; by default that of the path.

    Raises:
        AudioError: no such file, not audio, damaged, encrypted, silent, or shorter than a second.
    """
    with AudioFile(source, name) as file:
        duration_s, windows = file.duration_s or 0.0, []
        if duration_s > _SHORT_S:
            windows = _choose(lambda start_s: _joined(file.sound(start_s, PATCH_S)), duration_s)
        note = None
        if not windows:
            sound = _joined(file.sound())
            num_s = len(sound) / SAMPLE_RATE
            duration_s = num_s if num_s < MAX_S else max(num_s, duration_s)
            windows, heard_s = _of_decoded(sound)
            if round(heard_s) < _FULL_S:
                note = f"{file.quoted} has {heard_s:.1f} s of sound. Its mood is uncertain below {_FULL_S:.0f} s."
        file.check(duration_s, windows)
        return file.song(duration_s, windows, note)


def _of_decoded(sound: Float32Array) -> tuple[list[Window], float]:
    """Windows of a sound that was decoded as a whole, and the length of what sounds in a short one."""
    at, is_short = 0, len(sound) <= _SHORT_S * SAMPLE_RATE
    if is_short:
        at, sound = without_silent_ends(sound)
    num_s = len(sound) / SAMPLE_RATE

    def part_at(start_s: float) -> Float32Array:
        first = round(start_s * SAMPLE_RATE)
        return sound[first : first + _LENGTH].copy()

    windows = _choose(part_at, num_s)
    if is_short and len(windows) == len(_places(num_s)):
        windows = [Window(0.0, sound)]
    return [replace(window, start_s=window.start_s + at / SAMPLE_RATE) for window in windows], num_s


def _choose(sound_at: Callable[[float], Float32Array], duration_s: float) -> list[Window]:
    """Three windows of a song that sound, or all of a short one; none if it is silent or ends too early.

    Args:
        sound_at: returns a window's samples.
        duration_s: the length of the song.
    """
    places = _places(duration_s)
    if duration_s <= _SHORT_S:
        return sounding_windows([Window(at, sound_at(at)) for at in places], _SOME)
    windows = [Window(at, sound_at(at)) for at in (share * duration_s - PATCH_S / 2 for share in _SHARES)]
    if min(len(window.samples) for window in windows) < _LENGTH / 2:
        return []
    if len(sounding_windows(windows, _SOME)) < len(windows):
        found = sounding_windows([Window(at, sound_at(at)) for at in places], _MOST)
        windows = [found[place] for place in sorted({int(share * len(found)) for share in _SHARES})] if found else []
    return windows


def _places(duration_s: float) -> list[float]:
    """Starts of windows, next to each other or at equal distances, from the start to the end of a song."""
    number = min(max(int(np.ceil(duration_s / PATCH_S)), 1), _MOST_PLACES)
    return list(map(float, np.linspace(0.0, max(duration_s - PATCH_S, 0.0), number)))


def _joined(blocks: Iterable[Float32Array]) -> Float32Array:
    return np.concatenate([np.empty(0, np.float32), *blocks])


def whole(source: AudioSource, step_s: float, name: str | None = None) -> list[Window]:
    """Windows of 3 s every `step_s` seconds, up to `MAX_S`, without silent ones. A shorter song has one window.

    Raises:
        AudioError: as for `read_song`.
    """
    with AudioFile(source, name) as file:
        windows = list(windows_of(file.sound(), step_s))
        sounding = sounding_windows(windows)
        file.check(len(windows[0].samples) / SAMPLE_RATE, sounding)
        return sounding


class AudioFile(MediaFile):
    """An opened audio file.

    Attributes:
        name: the name of the file; empty if unknown.
        quoted: the name for messages.
        duration_s: as announced by the file; None if unknown.
        start_s: time of the first sample in the clock of the file.
        rate: samples in a second.
    """

    error_type = AudioError
    noun = "a song"

    def __init__(
        self,
        source: AudioSource,
        name: str | None = None,
        *,
        of_film: bool = False,
        checkpoint: Callable[[], None] = lambda: None,
    ) -> None:
        """Open a file and check its head.

        Args:
            source: as for `read_song`, as are `name` and the errors.
            name: the name of the file.
            of_film: whether the sound of a film is wanted, too.
            checkpoint: called for each packet; it raises an exception to stop the work.
        """
        self._of_film, self._checkpoint = of_film, checkpoint
        super().__init__(source, name)

    def _open(self) -> None:
        self._file.num_left, self._file.deadline_s = _OPEN_BYTES, time.thread_time() + WORK_S
        head = self._head()
        if num_tags(self._file.head(_TAG_BYTES) if head.startswith(b"ID3") else head) > MOST_TAGS:
            raise AudioError(f"{self.quoted} has more than {MOST_TAGS:,} tags; remove them in another program.")
        found = read_format(self._file, self.name)
        if head.startswith(b"APETAGEX"):  # FFmpeg takes a long one for sound
            self._file.skip(tag_length(head))
        self._file.seek(0)
        if head.startswith(_RAW_AAC) and found.demuxer is None:
            raise AudioError(
                f"{self.quoted} is raw AAC, not M4A: it has no container. Convert it to {FORMATS[Kind.SONG]}."
            )
        is_known = self._of_film or found.kind is Kind.SONG or found.demuxer in ("mov", "matroska")
        if found.demuxer is None or not is_known:
            raise AudioError(foreign_file(self.quoted, found.kind, Kind.SONG))
        self._demuxer = found.demuxer
        self._open_container(found.demuxer, _BUFFER_BYTES, container_options={"codec_whitelist": CODECS["song"]})
        stream = self._best_stream()
        if found.kind is Kind.FILM and not self._of_film and self._videos():
            raise AudioError(foreign_file(self.quoted, Kind.FILM, Kind.SONG))
        if stream is None:
            raise AudioError(f"{self.quoted} has no sound; choose another file.")
        codec = stream.codec_context
        self._require_codec(codec, CODECS["song"], "audio", "MP3")
        rate = codec.sample_rate or 0
        if not can_hear(rate, codec.channels):
            if rate not in _PLAUSIBLE_RATES or not 1 <= codec.channels <= _PLAUSIBLE_CHANNELS:
                raise self._damaged()
            raise AudioError(
                f"{self.quoted} has {pluralize(codec.channels, 'channel')} at {rate:,} Hz; "
                f"save it with at most {MAX_CHANNELS} channels, at {RATES[0]:,} to {RATES[-1]:,} Hz."
            )
        codec.thread_count, self.rate = 1, codec.sample_rate
        codec.options = {"max_samples": str(_MAX_FRAME)}
        self._stream, self._file.num_left = stream, _DECODE_BYTES
        self.start_s = float(stream.start_time * stream.time_base) if stream.start_time else 0.0
        self._starts_anew = found.demuxer != "ogg" or not self._is_chained()
        seconds = self._announced_s(stream) or 0.0  # in a chain, that of a part
        self.duration_s = seconds if self._starts_anew and 0 < seconds < LONGEST_S else None

    def _best_stream(self) -> Any:
        """The stream marked as default that can be read, otherwise the first one that can; None without any."""
        streams = sorted(self._container.streams.audio, key=lambda stream: not stream.disposition & _DEFAULT)
        codecs = CODECS["song"].split(",")
        for stream in streams:
            codec = stream.codec_context
            if codec is None or codec.name not in codecs or codec.codec_tag in ENCRYPTED_TAGS:
                continue
            if can_hear(codec.sample_rate or 0, codec.channels):
                return stream
        return streams[0] if streams else None

    def _is_chained(self) -> bool:
        """Whether another song follows the first one in an Ogg file."""
        place = self._file.tell()  # where FFmpeg goes on
        content = self._file.head(_OPEN_BYTES // 2)
        self._file.seek(place)
        first = re.search(rb"OggS\0[^\2\6]", content)
        return first is not None and content.find(b"OggS\0\2", first.end()) >= 0

    def check(self, duration_s: float, windows: Sequence[Window]) -> None:
        """Check the decoded sound, and the windows of it that sound.

        Raises:
            AudioError: nothing could be decoded or read, it is too short or silent, or decoding takes too long.
        """
        if self._file.error is not None:
            raise self._unreadable()
        if self._file.is_late:
            raise AudioError(f"{self.quoted} takes too long to decode; save it as MP3.")
        if not duration_s:
            raise self._damaged()
        if duration_s < _MIN_S:
            raise AudioError(f"{self.quoted} is shorter than a second; choose a longer song.")
        if not windows:
            raise AudioError(f"{self.quoted} is silent; choose another song.")

    def tags(self) -> dict[str, str]:
        """The tags of the file that tell a song, by FFmpeg's names. Several values are separated by semicolons."""
        values: dict[str, str] = {}
        for metadata in (self._stream.metadata, self._container.metadata):  # Ogg has the tags in the stream
            values |= {key.lower(): value for key, value in metadata.items() if value.strip()}
        place = self._file.tell()  # where FFmpeg goes on
        found = tags_of(self._file, self._demuxer)
        self._file.seek(place)
        values |= {name: text for name, text in found.items() if "\ufffd" not in text or name not in values}
        return read_texts({name: values[name] for name in (*FIELDS, "year") if name in values})

    def song(self, duration_s: float, windows: Iterable[Window], note: str | None = None) -> AudioSong:
        """The song with the tags of the file."""
        tags = self.tags()
        artists = tags.get("artists") or tags.get("artist") or tags.get("album_artist") or tags.get("composer")
        year = re.search(r"\b(?:18[6-9]|19\d|20\d)\d(?!\d)", tags.get("date") or tags.get("year") or "", re.ASCII)
        return AudioSong(
            title=tags.get("title") or title_of(self.name),
            artists=_names(artists or ""),
            album=tags.get("album"),
            genres=_names(tags.get("genre", "").lower().replace(",", ";")),
            year=int(year[0]) if year else None,
            duration_s=duration_s,
            windows=tuple(windows),
            note=note,
            explicit=tags.get("itunesadvisory") in ("1", "4"),  # iTunes wrote 4 once; 2 is clean
        )

    def cover(self) -> bytes | None:
        """The first embedded picture, as it is: JPEG, PNG, GIF or WebP, not checked further. None without one."""
        try:
            content = bytes(next(self._container.demux(self._videos(attached=True)[0])))
        except (IndexError, StopIteration, *DAMAGE):
            return None
        return content if len(content) <= _MAX_COVER_BYTES and content.startswith(_PICTURES) else None

    def sound(self, start_s: float | None = None, length_s: float = MAX_S) -> Iterator[Float32Array]:
        """Mono sound at 16 kHz, in blocks of about a second.

        Args:
            start_s: seconds from the start of the song; None for the start.
            length_s: maximal length.
        """
        num_left = round(length_s * SAMPLE_RATE)
        for block in self._timed(mono_sound(self._frames(start_s, length_s)), length_s):
            yield block[:num_left]
            num_left -= len(block)
            if num_left <= 0:
                return

    def pcm(self, start_s: float, rate: int) -> Iterator[bytes]:
        """Stereo samples of 16 bits from a time on, up to a damage. Any threads may take them, at any time."""
        self._file.deadline_s = None  # it is for one thread
        resampler, skipped = av.AudioResampler("s16", "stereo", rate), None
        with contextlib.suppress(*DAMAGE):
            for frame in itertools.chain(self._frames(start_s), (None,)):
                if skipped is None and frame is not None and frame.time is not None:
                    skipped = max(round((start_s + self.start_s - frame.time) * rate), 0) * 4
                for part in resampler.resample(frame):
                    samples = part.to_ndarray().tobytes()
                    yield samples[skipped or 0 :]
                    skipped = max((skipped or 0) - len(samples), 0)

    def _timed(self, parts: Iterable[_Part], length_s: float) -> Iterator[_Part]:
        """Decoded parts, for which this length of sound has processor time."""
        self._file.deadline_s = (self._file.deadline_s or 0.0) + length_s / _LEAST_SPEED
        try:
            for part in parts:
                paused_s = time.thread_time()
                yield part
                self._file.deadline_s += time.thread_time() - paused_s
        except DAMAGE:
            raise self._damaged() from None

    def _frames(self, start_s: float | None = None, length_s: float = math.inf) -> Iterator[Any]:
        """The decoded frames of a part, or all from the start on."""
        first_s, end_s = (-math.inf, math.inf) if start_s is None else (start_s, start_s + length_s)
        offset_s = max(first_s - _PREROLL_S, 0.0) + self.start_s
        try:
            if self._starts_anew or start_s is not None:  # after a seek, only the first song of a chain would be read
                self._container.seek(int(offset_s / self._stream.time_base), stream=self._stream)
        except DAMAGE:
            if start_s is not None:
                return
        for packet in self._packets(self._stream):
            given_s = math.inf if packet.pts is None else float(packet.pts * packet.time_base) - self.start_s
            if given_s < first_s - 2 * _PREROLL_S:
                continue
            for frame in self._frames_of(packet):
                if frame.time is not None:
                    if frame.time - self.start_s >= end_s:
                        return
                    if frame.time - self.start_s + frame.samples / frame.sample_rate <= first_s:
                        continue
                yield frame

    def _is_over(self) -> bool:
        self._checkpoint()
        return self._file.is_past_deadline()


def _names(text: str) -> tuple[str, ...]:
    names = [part.strip() for part in text.split(";")]
    return tuple(name for name in names if name)
