"""The answer to a film: its scenes with their songs, as sentences and files."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from emomusic.affect import AffectPoint, describe
from emomusic.export import film_faces_csv, film_playlist, film_record
from emomusic.songs.request import Request
from emomusic.songs.song import Pick
from emomusic.stream.film import FilmReading
from emomusic.stream.timeline import Scene
from emomusic.text import format_clock

_MOST_POINTS = 60  # of the trail


@dataclass(frozen=True, eq=False)
class FilmAnswer:
    """The answer to a film, as far as it is read.

    Attributes:
        name: the name of the film.
        reading: its readings, at least one.
        scenes: its scenes.
        requests: the request for the song of each scene.
        picks: the song of each scene; None where no song fits.
        chosen: the index of the chosen scene.
        is_growing: whether scenes may follow.
        problem: why the film was not read as a whole; None if it was.
    """

    name: str
    reading: FilmReading
    scenes: Sequence[Scene]
    requests: Sequence[Request]
    picks: Sequence[Pick | None]
    chosen: int = 0
    is_growing: bool = False
    problem: str | None = None

    @property
    def scene(self) -> Scene:
        """The chosen scene."""
        return self.scenes[self.chosen]

    @property
    def sentence(self) -> str:
        """The emotion of the chosen scene: "Mostly happy, a little sad"."""
        return describe(self.scene.probabilities, of_group=True)

    @property
    def span(self) -> str:
        """The number and the times of the chosen scene: "Scene 2 of 7, 0:31 to 0:40"."""
        last = "" if self.is_growing else f" of {len(self.scenes)}"
        return f"Scene {self.chosen + 1}{last}, {format_clock(self.scene.start_s)} to {format_clock(self.scene.end_s)}"

    @property
    def has_several_scenes(self) -> bool:
        """Whether there is another scene, or may be one."""
        return self.is_growing or len(self.scenes) > 1

    @property
    def trail(self) -> list[AffectPoint]:
        """The path of the group over the plane, the oldest first: at most 60 means of equally many readings."""
        points = self.reading.timeline()[["valence", "arousal"]].dropna().to_numpy()
        step = max(-(-len(points) // _MOST_POINTS), 1)
        return [AffectPoint(*points[start : start + step].mean(axis=0)) for start in range(0, len(points), step)]

    def record(
        self,
        songs: Callable[[Request], Sequence[Pick]],
        for_files: Callable[[Sequence[Pick | None]], Sequence[Pick | None]] = list,
    ) -> str:
        """All readings, scenes and songs as JSON.

        Args:
            songs: gives the songs for a request.
            for_files: the picks as they are written to files.
        """
        of_scenes = [[pick for pick in for_files(songs(request)) if pick is not None] for request in self.requests]
        like, picks = self.requests[0], for_files(self.picks)
        record = film_record(self.name, self.reading, self.scenes, of_scenes, picks, like, problem=self.problem)
        return json.dumps(record, ensure_ascii=False, indent=2)

    def csv(self) -> str:
        """The faces of each reading."""
        return film_faces_csv(self.reading)

    def playlist(self, picks: Sequence[Pick | None]) -> str:
        """M3U playlist that follows the film. `picks` are those of the answer, as they are written to files."""
        return film_playlist(self.scenes, picks)
