"""Data of audio files for a player: their audible range, their place in an album, and WAV for some browsers."""

from __future__ import annotations

import io
import re
import struct
from typing import Any

import numpy as np

from emomusic.errors import AudioError
from emomusic.media.audio_file import AudioFile, AudioSource
from emomusic.media.edges import Edges
from emomusic.media.sound import SAMPLE_RATE
from emomusic.runtime import Float32Array

_AUDIBLE = 10 ** (-60 / 20)  # peak of what is heard at the ends of a song
_PART = SAMPLE_RATE // 20
_LOOKED_S = (15.0, 90.0)  # from an end; from the last one more if it is silent
_LONGEST_SILENCE_S = 90.0
_SMOOTHED = 8  # parts of which the loudness is compared
_FALL = 0.7  # share of the power: a song ends when it falls by 1.5 dB and stays there, so that no dip is over 3 dB
_SHORTEST_JOIN_S, _LONGEST_JOIN_S = 0.15, 6.0
_LONGEST_RISE_S = 4.0

_RATES = (44_100, 48_000)
_FRAME_BYTES = 4  # two channels of 16 bits
_HEADER_BYTES = 44
_MOST_BYTES = 2**32 - 1


def edges_of(source: AudioSource, name: str | None = None) -> Edges:
    """The ends of an audio file, from its first and last seconds.

    Raises:
        AudioError: the file cannot be read.
    """
    with AudioFile(source, name) as file:
        lead_s, tail, tail_s = 0.0, np.empty(0, np.float32), 0.0
        for block in file.sound(length_s=_LONGEST_SILENCE_S):
            places = np.flatnonzero(np.abs(block) >= _AUDIBLE)
            lead_s += int(places[0] if len(places) else len(block)) / SAMPLE_RATE
            if len(places):
                break
        else:
            return Edges(album=_album_of(file))  # silent, or too quiet to tell
        for looked_s in _LOOKED_S if file.duration_s is not None else ():
            start_s = max((file.duration_s or 0.0) - looked_s, lead_s)
            tail = np.concatenate([np.empty(0, np.float32), *file.sound(start_s, 2 * looked_s)])
            places = np.flatnonzero(np.abs(tail) >= _AUDIBLE)
            if len(places):
                tail_s = (len(tail) - 1 - int(places[-1])) / SAMPLE_RATE
                tail = tail[: places[-1] + 1]
                break
        start = np.concatenate([np.empty(0, np.float32), *file.sound(lead_s, _LOOKED_S[0])])
        join_s = float(np.clip(_soft_s(tail), _SHORTEST_JOIN_S, _LONGEST_JOIN_S))
        return Edges(lead_s, tail_s, min(_soft_s(start[::-1]), _LONGEST_RISE_S), join_s, _album_of(file))


def _soft_s(sound: Float32Array) -> float:
    """The time in seconds from the last loud moment of a sound to its end."""
    parts = sound[len(sound) % _PART :].reshape(-1, _PART)
    powers = np.square(parts).mean(axis=1)
    if len(powers) > _SMOOTHED:
        powers = np.convolve(powers, np.full(_SMOOTHED, 1 / _SMOOTHED), "valid")
    loud = np.flatnonzero(powers >= _FALL * np.quantile(powers, 0.9)) if len(powers) else powers
    return float((len(powers) - 1 - loud[-1]) * _PART / SAMPLE_RATE) if len(loud) else 0.0


def _album_of(file: AudioFile) -> tuple[str, str, int, int] | None:
    tags = file.tags()
    track = re.match(r"\d+", tags.get("track", ""))
    album = tags.get("album")
    if track is None or not album:
        return None
    disc = re.match(r"\d+", tags.get("disc", ""))
    artist = tags.get("album_artist") or tags.get("artist", "")
    return album, artist, int(disc[0]) if disc else 1, int(track[0])


class WavOfSong(io.RawIOBase):
    """An audio file as stereo WAV, decoded where it is read. Its length is that which the file announces."""

    def __init__(self, source: AudioSource) -> None:
        """Open the file, and decode its start.

        Raises:
            AudioError: the file cannot be read.
        """
        self._file = AudioFile(source)
        self._at = 0
        try:
            self._rate = self._file.rate if self._file.rate in _RATES else _RATES[0]
            self._decode(0)
            if not self._rest:
                raise AudioError(f"{self._file.quoted} is damaged or incomplete; choose another file.")
            seconds = self._file.duration_s
            num_bytes = self._num_decoded() if seconds is None else round(seconds * self._rate) * _FRAME_BYTES
        except BaseException:
            self._file.close()
            raise
        self._size = min(num_bytes, _MOST_BYTES - _HEADER_BYTES)
        self._header = struct.pack(
            "<4sI8sIHHIIHH4sI",
            *(b"RIFF", self._size + _HEADER_BYTES - 8, b"WAVEfmt ", 16, 1, 2, self._rate, self._rate * _FRAME_BYTES),
            *(_FRAME_BYTES, 16, b"data", self._size),
        )

    def _decode(self, place: int) -> None:
        """Begin to decode at a place in the samples."""
        self._samples, self._decoded_at = self._file.pcm(place // _FRAME_BYTES / self._rate, self._rate), place
        self._rest = next(self._samples, b"")[place % _FRAME_BYTES :]

    def _num_decoded(self) -> int:
        """The number of bytes of a file that does not announce its length."""
        number = len(self._rest) + sum(map(len, self._samples))
        self._decode(0)
        return number

    def readable(self) -> bool:
        """For `io.BufferedReader`."""
        return True

    def seekable(self) -> bool:
        """For `io.BufferedReader`."""
        return True

    def readinto(self, buffer: Any) -> int:
        """The next bytes, as many as are decoded together at most."""
        size = min(len(buffer), _HEADER_BYTES + self._size - self._at)
        if self._at < _HEADER_BYTES:
            part = self._header[self._at : self._at + size]
        else:
            place = self._at - _HEADER_BYTES
            if place != self._decoded_at:
                self._decode(place)
            self._rest = self._rest or next(self._samples, b"")
            part = self._rest[:size] or bytes(size)  # silence, if the file is shorter than it announces
            self._rest, self._decoded_at = self._rest[len(part) :], place + len(part)
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a place, as in a file."""
        self._at = offset + (0, self._at, _HEADER_BYTES + self._size)[whence]
        return self._at

    def close(self) -> None:
        """Close the audio file."""
        if not self.closed:
            self._file.close()
        super().close()
