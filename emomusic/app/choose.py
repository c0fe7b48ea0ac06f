"""The listener, the request for songs, and the plane with faces and songs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import streamlit as st

from emomusic.affect import AffectPoint, Emotion, EmotionProbabilities, Mood, describe
from emomusic.app import state
from emomusic.app.address import choose_one
from emomusic.app.audio import start_song
from emomusic.app.charts import show_chart
from emomusic.app.frame import escape_markdown
from emomusic.app.your_music import with_your_music
from emomusic.charts.affect import FacePoint, SongPoint, circumplex, clicked_mark
from emomusic.songs.queue import SongQueue
from emomusic.songs.recommend import JOURNEY_STEPS
from emomusic.songs.request import Policy, Request, nearest_emotion, target_of
from emomusic.songs.song import Pick, Song
from emomusic.songs.spotify.embeds import track_url

MOST_POINTS = 60  # more faces would hide each other on the plane
FIRST_POINTS = f"The plane shows the first {MOST_POINTS} faces. Their mean includes all of them."

# Labels besides face numbers
ALL = "all"
NOW = "now"
YOU = "you"


@dataclass(frozen=True, slots=True)
class Listener:
    """The face, group or person that songs are for."""

    label: str  # on the plane: the number of the face, or `ALL`, `NOW` or `YOU`
    point: AffectPoint
    emotion: Emotion | None  # estimated or chosen by hand; None if only a mood is chosen
    mood: Mood | None  # chosen by hand
    manual_emotion: Emotion | None = None  # chosen by hand

    @property
    def name(self) -> str:
        """The name on the page: "Everyone", "Face 2", "You"."""
        return {ALL: state.EVERYONE, YOU: "You"}.get(self.label, f"Face {self.label}")


def group_sentence(probabilities: EmotionProbabilities, *, group_of: int) -> str:
    """Describe the emotion of one face or of a group: "Mostly happy", "Together: mostly happy"."""
    words = describe(probabilities, of_group=group_of > 1)
    return words if group_of == 1 else f"Together: {words.lower()}"


_SONGS_ON_PLANE = 6
_LEAST_HEIGHT = 200  # of a chart that fills its container, in pixels

_POLICY_LINES = {
    Policy.MATCH: "Songs near this mood: {mood}.",
    Policy.SOOTHE: "Songs that calm or lift: {mood}.",
    Policy.JOURNEY: "From this mood to {mood} songs, step by step.",
    Policy.REPORT: "The Music Mood Lifter's choice: {mood}.",
}

_CIRCLES = {NOW: "The circle is that moment", YOU: "The circle is you"}
"""The caption of the circles on the plane, by label."""


def request_of(listener: Listener) -> Request:
    """Show the policies and what the chosen one does; returns the request for this listener and the visitor's music."""
    policy = Policy(choose_one("How to choose songs", [policy.capitalize() for policy in Policy], state.POLICY).lower())
    request = Request(point=listener.point, emotion=listener.emotion, mood=listener.mood, policy=policy)
    line = _POLICY_LINES[policy]
    if listener.mood is not None and policy is not Policy.JOURNEY:
        line = "Songs of the mood you chose: {mood}."
    st.caption(line.format(mood=target_of(request)[1]))
    return with_your_music(request)


def show_song_plane(
    listener: Listener,
    others: Sequence[FacePoint],
    queue: SongQueue,
    *,
    on_face: Callable[[str], None] | None = None,
    height: Literal["content", "stretch"] = "content",
) -> None:
    """Show the listener, other faces and the first songs of a queue on the affect plane. A click plays a song.

    Args:
        listener: of the songs.
        others: the other faces.
        queue: of the songs.
        on_face: called with the label of a clicked face.
        height: of the chart, as for `st.plotly_chart`.
    """
    request = queue.request
    is_journey = request.policy is Policy.JOURNEY
    picks = queue.playlist(JOURNEY_STEPS if is_journey else _SONGS_ON_PLANE)
    emotion = listener.emotion or nearest_emotion(listener.point)
    faces = [other for other in others if other.label != listener.label]
    faces.append(FacePoint(listener.label, listener.point, emotion))
    # Another chart after each click: in the old one the mark stays selected, and a second click deselects it
    clicks = st.session_state.setdefault(state.PLANE_CLICKS, 0)
    key = f"{state.PLANE_CLICKS}-{clicks}"

    def take_mark() -> None:
        mark = clicked_mark(st.session_state[key]["selection"]["points"])
        if isinstance(mark, int):
            queue.play(mark)
            start_song(queue)
        elif mark is not None and on_face is not None:
            on_face(mark)
        st.session_state[state.PLANE_CLICKS] = clicks + 1

    with st.container(key="plane", gap="xsmall", height=height):
        show_chart(
            circumplex(
                faces,
                song_points(picks),
                path=is_journey,
                height=_LEAST_HEIGHT if height == "stretch" else 420,
            ),
            key=key,
            alt=f"The affect plane: the listener at valence {listener.point.valence:.2f} and arousal "
            f"{listener.point.arousal:.2f}, and {len(picks)} songs",
            height=height,
            on_select=take_mark,
            selection_mode="points",
        )
        note = _CIRCLES.get(listener.label, "Circles are faces")
        if picks:
            note += ", squares are songs to click"
        few = [] if is_journey else describe_few(picks, target_of(request)[1])
        st.caption(" ".join([f"{note}.", *few]))


def describe_few(picks: Sequence[Pick], mood: Mood) -> list[str]:
    """A sentence if fewer than half of the songs have the requested mood; else an empty list."""
    if 2 * sum(pick.likeliest_mood == mood for pick in picks) >= len(picks):
        return []
    return [f"Few songs are {mood}. These are the closest."]


def song_points(picks: Iterable[Pick]) -> list[SongPoint]:
    """Numbered songs as points on the plane, coloured by the mood of their reason."""
    return [SongPoint(pick.number, pick.song.full_name, pick.song.point, pick.likeliest_mood) for pick in picks]


def song_line(song: Song) -> str:
    """A song as Markdown: the title, with a link to Spotify, and the artists."""
    title = f"**{escape_markdown(song.title)}**"
    title = f"[{title}]({track_url(song.id)})" if song.is_on_spotify else title
    return f"{title} · {escape_markdown(song.byline)}"
