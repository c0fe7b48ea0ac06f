"""The listener, the request for songs, and the plane with faces and songs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import streamlit as st

from emomusic.affect import AffectPoint, Emotion, EmotionProbabilities, Mood, describe
from emomusic.music.catalogue import Track
from emomusic.music.queue import SongQueue
from emomusic.music.recommend import Song
from emomusic.music.request import Policy, Request, nearest_emotion, target_of
from emomusic.music.spotify.embeds import track_url
from emomusic.plots.affect import FacePoint, SongPoint, circumplex
from emomusic.ui.core import state
from emomusic.ui.core.address import choose_one
from emomusic.ui.core.charts import show_chart
from emomusic.ui.core.frame import escape_markdown
from emomusic.ui.songs.your_music import with_your_music

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


_SONGS_ON_PLANE = 10

_POLICY_SENTENCES = {
    Policy.MATCH: "Songs near {whose} valence and arousal. Mood: {mood}.",
    Policy.SOOTHE: "Songs to improve the mood: {mood} ones for {emotion}, as the Music Mood Lifter recommends.",
    Policy.JOURNEY: "The songs start at {whose} valence and arousal and move to {mood} songs in even steps.",
}

_WHOSE = {ALL: "the faces'", NOW: "that moment's", YOU: "your"}
"""The possessive of the listener, by label; "the face's" for a face number."""

_CIRCLES = {ALL: 'Circles are faces; "all" is their mean', NOW: "The circle is that moment", YOU: "The circle is you"}
"""The caption of the circles on the plane, by label."""


def request_of(listener: Listener) -> Request:
    """Show the policies; returns the request for this listener and the visitor's music."""
    policy = choose_one("How to choose songs", [policy.capitalize() for policy in Policy], state.POLICY)
    return with_your_music(
        Request(point=listener.point, emotion=listener.emotion, mood=listener.mood, policy=Policy(policy.lower()))
    )


def show_song_plane(listener: Listener, others: Sequence[FacePoint], queue: SongQueue) -> None:
    """Show the listener, other faces and the first songs of a queue on the affect plane."""
    request, songs = queue.request, queue.playlist(_SONGS_ON_PLANE)
    numbered = ((queued.number, queued.song) for queued in queue.numbered(_SONGS_ON_PLANE))
    st.caption(_sentence(listener, request, songs))
    emotion = listener.emotion or nearest_emotion(listener.point)
    faces = [other for other in others if other.label != listener.label]
    faces.append(FacePoint(listener.label, listener.point, emotion))
    show_chart(
        circumplex(faces, song_points(numbered), path=request.policy is Policy.JOURNEY),
        key="plane",
        alt=f"The affect plane: the listener at valence {listener.point.valence:.2f} and arousal "
        f"{listener.point.arousal:.2f}, and {len(songs)} songs",
    )
    circles = _CIRCLES.get(listener.label, "Circles are faces, with their numbers")
    squares = f"; squares are the first {len(songs)} songs. Overlapping marks are moved apart" if songs else ""
    # The other policies and a chosen mood do not use the quadrant
    uses_quadrant = request.policy is Policy.MATCH and request.mood is None
    ring = " Inside the dotted ring, songs are chosen as for a neutral face." if uses_quadrant else ""
    st.caption(f"{circles}{squares}.{ring}")


def _sentence(listener: Listener, request: Request, songs: Sequence[Song]) -> str:
    """Describe the songs under their policy."""
    _, mood = target_of(request)
    if request.policy is not Policy.JOURNEY and request.mood is not None:
        sentence = f"Songs of the mood you chose: {mood}. Match and Soothe give the same songs here."
    else:
        emotion = listener.emotion or nearest_emotion(listener.point)
        subject = "faces that are" if listener.label == ALL else "a face that is"
        sentence = _POLICY_SENTENCES[request.policy].format(
            mood=mood, emotion=f"{subject} {emotion.adjective}", whose=_WHOSE.get(listener.label, "the face's")
        )
    few = [] if request.policy is Policy.JOURNEY else describe_few(songs, mood)
    return " ".join([sentence, *few])


def describe_few(songs: Sequence[Song], mood: Mood) -> list[str]:
    """A sentence if fewer than half of the songs have the requested mood; else an empty list."""
    if 2 * sum(song.likeliest_mood == mood for song in songs) >= len(songs):
        return []
    return [f"Few songs are {mood}. These are the closest."]


def song_points(numbered: Iterable[tuple[int, Song]]) -> list[SongPoint]:
    """Numbered songs as points on the plane, coloured by the mood of their reason."""
    return [SongPoint(number, song.track.full_name, song.point, song.likeliest_mood) for number, song in numbered]


def song_line(track: Track) -> str:
    """A song as Markdown: the title, with a link to Spotify, and the artists."""
    title = f"**{escape_markdown(track.title)}**"
    title = f"[{title}]({track_url(track.id)})" if track.path is None else title
    return f"{title} · {escape_markdown(track.byline)}"
