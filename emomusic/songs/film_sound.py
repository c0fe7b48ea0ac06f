"""The mood of a film's own sound through the film."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np

from emomusic.affect import QUADRANT_MOODS, AffectPoint, Mood, quadrant_of
from emomusic.errors import AudioError
from emomusic.media.audio_file import PATCH_S, AudioFile, windows_of
from emomusic.songs.hearing import load_sound_model

_MOST_WINDOWS = 60  # each takes up to 0.3 s of one core
_NUM_TOGETHER = 8  # windows in one answer of the model, as long as the clips that it was trained on
_SILENCE = 1e-3  # peak, -60 dB


@dataclass(frozen=True, slots=True)
class SoundSpan:
    """A span of a film whose sound has one mood. Times are seconds from the first frame."""

    start_s: float
    end_s: float
    mood: Mood


def hear_film(
    file: BinaryIO,
    format_name: str,
    *,
    start_s: float,
    end_s: float,
    on_progress: Callable[[float], bool] = lambda _: True,
) -> list[SoundSpan]:
    """The moods of a film's sound, in the order of time, with gaps where it is silent.

    Args:
        file: the film, which stays open.
        format_name: FFmpeg's demuxer for it.
        start_s: time of the first frame in the clock of the file.
        end_s: seconds from the first frame to the end of the result.
        on_progress: takes the finished share, 0 to 1, and returns False to stop.

    Raises:
        AudioError: the film has no sound, or a damaged or rare one, or `on_progress` stopped it.
    """

    def check() -> None:
        if not on_progress(0.0):
            raise AudioError("the hearing was stopped")

    step_s = max(end_s / _MOST_WINDOWS, PATCH_S)
    with AudioFile(file, format_name=format_name, checkpoint=check) as sound:
        offset_s = sound.start_s - start_s
        windows = [
            replace(window, start_s=window.start_s + offset_s)
            for window in windows_of(sound.sound(length_s=max(end_s - offset_s, 0.0)), step_s)
            if window.start_s + offset_s + step_s > 0  # the sound may begin before the picture
        ]
    audible = [window for window in windows if np.abs(window.samples).max(initial=0) >= _SILENCE]
    spans: list[SoundSpan] = []
    for part in np.array_split(np.arange(len(audible)), -(-len(audible) // _NUM_TOGETHER) or 1):
        if not part.size or not on_progress(float(part[0] / len(audible))):
            break
        together = [audible[position] for position in part.tolist()]
        for window, (_, valence, arousal) in zip(together, load_sound_model().hear(together).timeline, strict=True):
            mood = QUADRANT_MOODS[quadrant_of(AffectPoint(valence, arousal), neutral_radius=0)]
            # After the last window, the sound is shorter than another one
            length_s = step_s + (PATCH_S if window is windows[-1] else 0.0)
            span = SoundSpan(max(window.start_s, 0.0), min(window.start_s + length_s, end_s), mood)
            if spans and spans[-1].mood == mood and span.start_s <= spans[-1].end_s + 1e-6:
                spans[-1] = replace(spans[-1], end_s=span.end_s)
            else:
                spans.append(span)
    return spans
