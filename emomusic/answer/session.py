"""The answer to a session with the camera that is over: its moods and scenes, as sentences and a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import pandas as pd

from emomusic.affect import AffectPoint, affect_of
from emomusic.songs.request import Request
from emomusic.stream.timeline import TIMELINE_SECONDS, MoodTimes, Scene, mean_of, mood_times, scenes_of
from emomusic.text import format_clock

MOST_SONGS = 10


@dataclass(frozen=True, eq=False)
class SessionAnswer:
    """The answer to a session.

    Attributes:
        table: the group over time, as from `Timeline.table`.
    """

    table: pd.DataFrame

    @cached_property
    def moods(self) -> MoodTimes | None:
        """How long each mood was the strongest; None without a face."""
        return mood_times(self.table)

    @cached_property
    def scenes(self) -> list[Scene]:
        """The scenes of stable mood, in order of time."""
        return scenes_of(self.table)

    @property
    def sentence(self) -> str:
        """The moods as a person would say them: "Session: mostly happy, at times sad". There must be a face."""
        assert self.moods is not None
        return f"Session: {self.moods.sentence.lower()}"

    @property
    def figures(self) -> Mapping[str, str]:
        """The figures by name. There must be a face."""
        assert self.moods is not None
        first_s, last_s = int(self.table["time_s"].iloc[0]), int(self.table["time_s"].iloc[-1])
        num_faces = self.table["num_faces"]
        return {
            "Duration": format_clock(last_s + 1 if self._is_cut else last_s - first_s + 1),
            # A percentage, because a reading may take longer than a second on a busy machine
            "With a face": f"{100 * (num_faces > 0).mean():.0f} %",
            "Most faces at once": str(int(num_faces.max())),
            "Changes of mood": f"{self.moods.changes_per_minute:.2g} a minute",
        }

    @property
    def note(self) -> str:
        """What a long session leaves out of the figures; empty for a short one."""
        if not self._is_cut:
            return ""
        first = format_clock(self.table["time_s"].iloc[0])
        return f"All figures but the duration cover the last {TIMELINE_SECONDS // 60} minutes, from {first} on."

    @property
    def _is_cut(self) -> bool:
        return bool(self.table["time_s"].iloc[-1] >= TIMELINE_SECONDS)

    def rows(self) -> pd.DataFrame:
        """A row for each scene with a face: start, duration, moods and changes a minute."""
        times = self.table["time_s"]
        rows = [
            (format_clock(scene.start_s), format_clock(scene.seconds), own.listed, f"{own.changes_per_minute:.2g}")
            for scene in self.scenes
            if (own := mood_times(self.table[times.between(scene.start_s, scene.end_s, inclusive="left")])) is not None
        ]
        return pd.DataFrame(rows, columns=["Start", "Duration", "Moods", "Changes a minute"])

    @property
    def request(self) -> Request:
        """The request for the songs of the session: for its mean."""
        mean = mean_of(self.table)
        return Request(point=AffectPoint(0.0, 0.0) if mean is None else affect_of(mean))

    def requests(self, like: Request) -> list[Request]:
        """The requests for the songs of the ten longest scenes, in order of time, with the options of another one."""
        longest = sorted(self.scenes, key=lambda scene: -scene.seconds)[:MOST_SONGS]
        scenes = sorted(longest, key=lambda scene: scene.start_s)
        return [replace(like, point=scene.point, emotion=scene.emotion) for scene in scenes]

    @property
    def which_rows(self) -> str:
        """Which rows have a song."""
        which = "row" if len(self.scenes) <= MOST_SONGS else f"of the {MOST_SONGS} longest rows"
        return f"One song for each {which} of the table."

    def csv(self) -> str:
        """The group in each second."""
        return str(self.table.to_csv(index=False, float_format="%.4f"))
