"""What a visitor has chosen on the Film page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emomusic.affect import EmotionProbabilities, describe
from emomusic.app.address import chosen
from emomusic.app.state import FILM_SAMPLE, page_state
from emomusic.text import format_clock

if TYPE_CHECKING:
    from emomusic.app.film.job import FilmHolder, FilmJob  # loads OpenCV and FFmpeg
    from emomusic.songs.recommend import Recommender
    from emomusic.songs.request import Request
    from emomusic.songs.song import Pick
    from emomusic.stream.timeline import Scene

SAMPLE = "sample"
"""The value in the URL."""


@dataclass(frozen=True, slots=True)
class ScenePicks:
    """One song for each scene.

    Attributes:
        recommender: chose them.
        requests: of the scenes, for the visitor's music.
        picks: the songs; None where no song fits.
    """

    recommender: Recommender
    requests: Sequence[Request]
    picks: Sequence[Pick | None]


@dataclass
class FilmState:
    """The film of a visitor and what is shown of it.

    Attributes:
        holder: the film, reading or over; None before the first.
        is_linked: whether the URL named the sample at the last run.
        drawn: what the page showed at its last run.
        scene: index of the chosen scene.
        at_s: the second that the visitor chose; None before the first choice.
        num_choices: number of these choices in the session.
        moods: probabilities of the scenes that had a song, as first seen, so that their songs stay.
        picks: the song of each scene.
    """

    holder: FilmHolder | None = None
    is_linked: bool = False
    drawn: tuple[object, ...] = ()
    scene: int = 0
    at_s: int | None = None
    num_choices: int = 0
    moods: dict[int, EmotionProbabilities] = field(default_factory=dict)
    picks: ScenePicks | None = None

    def mood_of(self, number: int, scene: Scene) -> EmotionProbabilities:
        """Probabilities of a scene, as first asked."""
        return self.moods.setdefault(number, scene.probabilities)

    def show(self, holder: FilmHolder | None) -> None:
        """Show another film, or none."""
        self.holder, self.scene, self.at_s, self.picks = holder, 0, None, None
        self.moods.clear()


def visitors_job() -> FilmJob | None:
    """The visitor's film. Fragments call this: Streamlit would keep a film that they refer to."""
    holder = page_state(FilmState).holder
    return None if holder is None else holder.job


def choose_scene(number: int, at_s: int | None = None) -> None:
    """Choose a scene, and move the film to a second, or to the start of the scene."""
    here, job = page_state(FilmState), visitors_job()
    if job is not None and number < len(scenes := job.view().scenes):
        here.scene, here.at_s = number, int(scenes[number].start_s) if at_s is None else at_s
        here.num_choices += 1


def scene_span(scene: Scene) -> str:
    """The times of a scene: "0:03 to 0:12"."""
    return f"{format_clock(scene.start_s)} to {format_clock(scene.end_s)}"


def scene_line(number: int, scene: Scene) -> str:
    """A scene in a line: "Scene 2, 0:03 to 0:12: mostly happy"."""
    return f"Scene {number + 1}, {scene_span(scene)}: {describe(scene.probabilities, of_group=True).lower()}"


def has_film() -> bool:
    """Whether the page shows a film instead of the choice of one."""
    return visitors_job() is not None or chosen(FILM_SAMPLE) == SAMPLE
