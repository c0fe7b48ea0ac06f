"""The mood of a film's own sound."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from emomusic.affect import Mood
from emomusic.errors import AudioError
from emomusic.media.audio_file import Window
from emomusic.media.formats import format_of
from emomusic.songs import film_sound
from emomusic.songs.film_sound import SoundSpan, hear_film
from emomusic.songs.song import Hearing
from tests.films import CODECS, NOBODY, film_bytes
from tests.songs.ears import FakeEar
from tests.songs.songs import tone, write_song


class _Ear(FakeEar):
    """Hears each window, and remembers how many it heard together."""

    def __init__(self) -> None:
        self.num_heard: list[int] = []

    def hear(self, windows: Sequence[Window]) -> Hearing:
        self.num_heard.append(len(windows))
        heard = [super(_Ear, self).hear([window]) for window in windows]
        timeline = [(w.start_s, h.valence, h.arousal) for w, h in zip(windows, heard, strict=True)]
        return replace(heard[0], timeline=tuple(timeline))


@pytest.fixture
def ear(monkeypatch: pytest.MonkeyPatch) -> _Ear:
    ear = _Ear()
    monkeypatch.setattr(film_sound, "load_sound_model", lambda: ear)
    return ear


def sound_of(*parts: tuple[float, float]) -> io.BytesIO:
    """A file with tones of these lengths in seconds and volumes."""
    file = io.BytesIO()
    write_song(file, "wav", np.concatenate([tone(length, volume=volume) for length, volume in parts], axis=1))
    return file


def heard(file: io.BytesIO, format_name: str = "wav", *, start_s: float = 0.0, end_s: float = 60.0) -> list[SoundSpan]:
    return hear_film(file, format_name, start_s=start_s, end_s=end_s)


def test_spans_of_one_mood_are_joined_and_silence_is_a_gap(ear: _Ear) -> None:
    spans = heard(sound_of((30, 0.2), (12, 0), (18, 0.9)))
    assert [span.mood for span in spans] == [Mood.CALM, Mood.ENERGETIC]
    edges = [(span.start_s, span.end_s) for span in spans]
    assert edges == [pytest.approx((0, 30), abs=3.1), pytest.approx((42, 60), abs=3.1)]
    assert edges[-1][1] == 60
    assert ear.num_heard
    assert all(4 <= num <= 8 for num in ear.num_heard)


def test_a_long_film_has_a_limited_number_of_windows(ear: _Ear) -> None:
    heard(sound_of((400, 0.2)), end_s=400)
    assert 50 <= sum(ear.num_heard) <= 60


def test_times_count_from_the_first_frame_and_end_with_the_reading(ear: _Ear) -> None:
    (span,) = heard(sound_of((20, 0.2)), start_s=-5, end_s=15)
    assert (span.start_s, span.end_s) == (5, 15)
    (span,) = heard(sound_of((20, 0.2)), start_s=5, end_s=15)
    assert (span.start_s, span.end_s) == (0, 15)
    assert heard(sound_of((20, 0.2)), start_s=-20, end_s=15) == []
    assert ear.num_heard


def test_a_stopped_hearing_has_no_result(ear: _Ear) -> None:
    with pytest.raises(AudioError):
        hear_film(sound_of((20, 0.2)), "wav", start_s=0, end_s=20, on_progress=lambda _: False)
    assert ear.num_heard == []


@pytest.mark.parametrize("ending", [ending for ending, (_, audio) in CODECS.items() if audio])
def test_the_sound_of_every_format_is_heard(ending: str) -> None:
    film = film_bytes([(NOBODY, 8)], ending=ending, audio=CODECS[ending][1])
    spans = heard(io.BytesIO(film), format_of(film).demuxer or "", end_s=8)
    assert (spans[0].start_s, spans[-1].end_s) == pytest.approx((0, 8), abs=0.1)
    assert all(one.end_s == pytest.approx(other.start_s) for one, other in pairwise(spans))


@pytest.mark.parametrize("ending", ["mp4", "gif"])
def test_a_film_without_sound_is_an_error(ending: str) -> None:
    film = film_bytes([(NOBODY, 2)], ending=ending)
    with pytest.raises(AudioError):
        heard(io.BytesIO(film), format_of(film).demuxer or "")
