"""The answers to a film, to a session with the camera that is over, and to one song: sentences and files."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pandas as pd

from emomusic.affect import AffectPoint, Emotion, describe, describe_shares, list_shares, share_text
from emomusic.export import mean_record, song_record
from emomusic.faces.table import AFFECT_COLUMNS, SHARES, affect_row, nested_row
from emomusic.media.sound import PATCH_S
from emomusic.songs.request import Request
from emomusic.songs.song import Hearing, Pick
from emomusic.songs.spotify import songs_m3u
from emomusic.stream.film import FilmFace, FilmReading
from emomusic.stream.timeline import (
    TIMELINE_SECONDS,
    MoodTimes,
    Scene,
    mean_of,
    mood_times,
    scenes_of,
    unread_spans,
)
from emomusic.text import csv_text, format_clock, join_names

MOST_SONGS = 10
"""Of a session."""

_MOST_POINTS = 60  # points of the trail


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
    def trail(self) -> list[AffectPoint]:
        """The path of the group over the plane, the oldest first: at most 60 means of equally many readings."""
        points = self.reading.timeline()[["valence", "arousal"]].dropna().to_numpy()
        step = max(-(-len(points) // _MOST_POINTS), 1)
        return [AffectPoint(*points[start : start + step].mean(axis=0)) for start in range(0, len(points), step)]

    def document(
        self,
        of_scenes: Sequence[Sequence[Pick]],
        picks: Sequence[Pick | None],
        *,
        read_ms: float | None = None,
        recommend_ms: float | None = None,
    ) -> dict[str, Any]:
        """The film with its faces, scenes and songs, and the tables of its readings.

        Args:
            of_scenes: the recommended songs of each scene.
            picks: one song for each scene without repetition, as those of the answer.
            read_ms: time to read the film; None if not measured.
            recommend_ms: time to choose the songs; None if not measured.
        """
        reading = self.reading
        duration_s = reading.end_s if reading.duration_s is None else reading.duration_s
        last_s = max(duration_s, reading.end_s - 1 / reading.rate)  # the last interval may reach beyond the film
        spans = [_span(scene, last_s) for scene in self.scenes]
        nothing = dict.fromkeys(["probabilities", *AFFECT_COLUMNS])
        groups = (
            mean_record(scene.probabilities, scene.probabilities, request)
            for scene, request in zip(self.scenes, self.requests, strict=True)
        )
        scenes = [
            {**span, **group, "songs": [song_record(song) for song in songs]}
            for span, group, songs in zip(spans, groups, of_scenes, strict=True)
        ]
        return {
            "video": self.name,
            "width": reading.width,
            "height": reading.height,
            **({"turn": reading.turn} if reading.turn else {}),
            "duration_s": duration_s,
            "faces": [_film_face(face) for face in reading.persons()],
            "scenes": scenes,
            "rate": reading.rate,
            "readings": reading.faces().records(),
            "timeline": [
                # without faces, the values are null
                nested_row(row)
                if row["num_faces"]
                else {key: row[key] for key in ("time_s", "num_faces", "seconds")} | nothing
                for row in reading.timeline().to_dict("records")
            ],
            "playlist": [
                {**span, "song": song_record(song)} for span, song in zip(spans, picks, strict=True) if song is not None
            ],
            "elapsed_ms": {"read": read_ms, "recommend": recommend_ms},
            **({} if self.problem is None else {"error": self.problem}),
        }

    def record(
        self,
        songs: Callable[[Request], Sequence[Pick]],
        for_files: Callable[[Sequence[Pick | None]], Sequence[Pick | None]] = list,
    ) -> str:
        """The `document` as JSON.

        Args:
            songs: gives the songs for a request.
            for_files: the picks as they are written to files.
        """
        of_scenes = [[pick for pick in for_files(songs(request)) if pick is not None] for request in self.requests]
        return json.dumps(self.document(of_scenes, for_files(self.picks)), ensure_ascii=False, indent=2)

    def csv(self) -> str:
        """The faces of each reading, as of `Faces.table`."""
        table = self.reading.faces().table()
        table = table.round(dict.fromkeys(["confidence", *SHARES, "valence", "arousal"], 4))
        return csv_text(table.columns.tolist(), table.itertuples(index=False))

    def playlist(self, picks: Sequence[Pick | None]) -> str:
        """M3U playlist that follows the film, with the start of each scene in the titles: "0:31 Title, Artists".

        `picks` are those of the answer, as they are written to files.
        """
        chosen = [(scene, pick) for scene, pick in zip(self.scenes, picks, strict=True) if pick is not None]
        titles = (f"{format_clock(scene.start_s)} {pick.song.full_name}" for scene, pick in chosen)
        return songs_m3u([pick for _, pick in chosen], titles)


def _span(scene: Scene, last_s: float) -> dict[str, float]:
    """The times of a scene, up to the end of the film. A scene that begins there keeps its length."""
    start_s, end_s = round(scene.start_s, 3), round(min(scene.end_s, last_s), 3)
    return {"start_s": start_s, "end_s": end_s if end_s > start_s else round(scene.end_s, 3)}


def _film_face(face: FilmFace) -> dict[str, Any]:
    affect = affect_row(face.probabilities)
    return {
        "face": face.number,
        "start_s": face.start_s,
        "end_s": face.end_s,
        "seconds": face.seconds,
        "emotion": affect["emotion"],
        "probabilities": face.probabilities.as_dict(),
        **affect,
        "highlight": face.highlight and {"emotion": face.highlight[0].value, "time_s": face.highlight[1]},
    }


@dataclass(frozen=True, eq=False)
class SessionAnswer:
    """The answer to a session.

    Attributes:
        table: the group over time, as from `Timeline.table`.
    """

    table: pd.DataFrame

    @cached_property
    def moods(self) -> MoodTimes | None:
        """The time for which each mood was the strongest; None without a face."""
        return mood_times(self.table)

    @cached_property
    def scenes(self) -> list[Scene]:
        """The scenes of stable mood, in order of time."""
        return scenes_of(self.table)

    @property
    def sentence(self) -> str:
        """The moods as a person would say them: "Session: mostly happy, at times sad"."""
        if self.moods is None:
            return "The session showed no face" if len(self.table) else "The session ended before the first reading"
        return f"Session: {self.moods.sentence.lower()}"

    @property
    def figures(self) -> Mapping[str, str]:
        """The figures by name. There must be a face."""
        assert self.moods is not None
        first_s, num_faces = int(self.table["time_s"].iloc[0]), self.table["num_faces"]
        unread_s = sum(next_s - last_s - 1 for last_s, next_s in unread_spans(self.table))
        read = 1 - unread_s / (self.end_s - first_s)
        return {
            "Duration": format_clock(self.end_s),
            **({"From here on": format_clock(first_s)} if self.end_s > TIMELINE_SECONDS else {}),
            # Percentages, because a reading may take longer than a second on a busy machine
            "With a face": share_text(read * float((num_faces > 0).mean())),
            **({"Not read": share_text(1 - read)} if unread_s else {}),
            "Most faces at once": str(int(num_faces.max())),
            "Changes of mood": f"{self.moods.changes_per_minute:.2g} a minute",
        }

    @property
    def end_s(self) -> int:
        """The end of the last second."""
        return int(self.table["time_s"].iloc[-1]) + 1

    @property
    def moments(self) -> list[Scene]:
        """The ten scenes with the largest share of their emotion, in order of time."""
        strongest = sorted(self.scenes, key=lambda scene: -scene.probabilities[scene.emotion])[:MOST_SONGS]
        return sorted(strongest, key=lambda scene: scene.start_s)

    @property
    def request(self) -> Request:
        """The request for the songs of the session: for its mean."""
        mean = mean_of(self.table)
        return Request(point=AffectPoint(0.0, 0.0) if mean is None else mean.point)

    def requests(self, like: Request) -> list[Request]:
        """The requests for the songs of the moments, with the options of another one."""
        return [replace(like, point=scene.point, emotion=scene.emotion) for scene in self.moments]

    def csv(self) -> str:
        """The group in each second."""
        return str(self.table.to_csv(index=False, float_format="%.4f"))


@dataclass(frozen=True, eq=False)
class SongAnswer:
    """The answer to a song without a face.

    Attributes:
        hearing: what the whole song sounds like.
        path: the parts of the song over the plane: time in seconds, valence and arousal. Empty until it is known.
    """

    hearing: Hearing
    path: tuple[tuple[float, float, float], ...] = ()

    @property
    def sentence(self) -> str:
        """The mood and the quadrant: "Probably happy, or calm: pleasant and awake (61 %)"."""
        quadrant = self.hearing.quadrant
        words = describe_shares([*self.hearing.moods], [*self.hearing.moods.values()])
        return f"{words}: {quadrant.description} ({share_text(self.hearing.probabilities[quadrant])})"

    @property
    def emotion(self) -> Emotion:
        """The emotion of the face that the song fits: one of its mood. Surprise is pleasant or not."""
        fitting = {emotion for emotion in Emotion if emotion.mood_at(emotion.point) is self.hearing.mood}
        return min(fitting - {Emotion.SURPRISE}, key=lambda emotion: emotion.point.distance(self.hearing.point))

    @property
    def face(self) -> str:
        """The face that the song fits: "It fits a face that looks happy."."""
        looks = "that is at rest" if self.emotion is Emotion.NEUTRAL else f"that looks {self.emotion.adjective}"
        return f"It fits a face {looks}."

    @property
    def traits(self) -> str:
        """The traits of the song, such as "instrumental, guitar and slow"; empty if none is clear."""
        names = [trait.label for trait in self.hearing.traits]
        return join_names(names) if names else ""

    @property
    def tags(self) -> str:
        """The strongest tags: "piano 61 %, slow 40 %"."""
        return list_shares(dict(self.hearing.tags))

    @property
    def note(self) -> str:
        """The kinds of marks on the plane."""
        return (
            f"The square is the whole song; the dots are {len(self.path)} parts of {PATCH_S:.0f} s, larger towards the "
            "end. A click on a dot plays from there. The Models page shows how often the sound model is right."
        )
