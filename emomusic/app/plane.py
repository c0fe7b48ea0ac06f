"""The affect plane of a page, with the listener and the songs, and the policy that chooses them.

A page makes the answer, and shows it in the order of its screen:

    answer = Answer(faces, EVERYONE)                     # or one face, or a mood
    queue = play_for(request_of(answer), "photo")        # the bar plays new songs
    draw_policy(answer)
    st.caption(answer.reason(queue.request))
    show_queue(queue, "my-photo")                        # files begin with "my-photo"
    show_plane(queue, answer.who, face_points(answer.faces), on_face=set_who)

The queue stays in the session, with its position, until the listener, the policy, the visitor's music or the source of
songs changes. A mood needs no policy: `play_for(answer.request(), "photo")`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from emomusic.affect import Mood
from emomusic.answer.answer import Answer
from emomusic.app.browser.components import mount
from emomusic.app.charts import clicked, show_chart
from emomusic.app.choices import DESTINATION, POLICIES, POLICY, Address
from emomusic.app.queues import PageQueue, play, weak_callback
from emomusic.app.state import page_state
from emomusic.charts.affect import FacePoint, circumplex
from emomusic.faces.table import Faces
from emomusic.faces.who import MOMENT, NOBODY, Who
from emomusic.songs.recommend import JOURNEY_STEPS
from emomusic.songs.request import Policy, Request, destination_of, nearest_emotion, target_of
from emomusic.songs.song import Pick

MOST_POINTS = 60  # more faces would hide each other on the plane
FIRST_POINTS = f"The plane shows the first {MOST_POINTS} faces. Their mean includes all of them."

_PLANE = "plane-chart"  # start of its keys
_SONGS_ON_PLANE = 6
_LEAST_HEIGHT = 200  # pixels of a chart that fills its container

_CIRCLES = {MOMENT: "The circle is that moment", NOBODY: "The circle is you"}
"""The caption of the circles on the plane; others are faces."""


def request_of(answer: Answer) -> Request:
    """The request of the listener, with the policy and the destination that the visitor chose."""
    request = answer.request(POLICIES[POLICY.value])
    if request.policy is not Policy.JOURNEY:
        return request
    return replace(request, destination=destination_of(DESTINATION.value or ""))


def draw_policy(answer: Answer) -> None:
    """Show the policies, and where a journey goes."""
    request = request_of(answer)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        POLICY.draw(st.segmented_control, "How to choose songs", label_visibility="collapsed")
        if request.policy is Policy.JOURNEY:
            _draw_destination(replace(request, destination=None))


def _draw_destination(request: Request) -> None:
    """Show where the journey goes: to the mood that suits the listener, another one, or a clicked place."""
    suggested = target_of(request)[1]
    moods = [suggested.value, *(mood.value for mood in Mood if mood is not suggested)]
    names = {mood: f"To {mood} songs" for mood in moods}
    names[suggested.value] += " (suggested)"
    at = DESTINATION.value or ""
    if at not in names and destination_of(at) is not None:
        names[at] = "To the place on the plane"
    options: dict[str, Any] = {"label_visibility": "collapsed", "width": 230}
    DESTINATION.draw(st.selectbox, "Where to", [*names], format_func=names.__getitem__, **options)


def show_plane(
    queue: PageQueue,
    who: Who,
    others: Sequence[FacePoint],
    *,
    on_face: Callable[[Who], None] | None = None,
) -> None:
    """Show the listener, other faces and the first songs on the affect plane. A click plays a song.

    Args:
        queue: the songs to draw.
        who: the listener.
        others: the other faces.
        on_face: called for a clicked face. It holds no visitor's data.
    """
    request, point = queue.request, queue.request.point
    is_journey = request.policy is Policy.JOURNEY
    target = target_of(request)[0] if is_journey else None
    picks = queue.playlist(JOURNEY_STEPS if is_journey else _SONGS_ON_PLANE)
    if is_journey:  # not the songs that follow it
        picks = [pick for pick in picks if pick.is_step]
    playing = None if queue.current is None else queue.current.number
    faces = [other for other in others if other.who != who]
    pictures = {other.who: other.picture for other in others}
    emotion = request.emotion or nearest_emotion(point)
    unclear = (other for other in others if other.who == who and not other.is_sure)  # its songs are for neutral
    faces.append(next(unclear, FacePoint(who, point, emotion, pictures.get(who, ""))))
    # Another chart after each click: in the old one the mark stays selected, and a second click deselects it
    key = f"{_PLANE}-{page_state(Address).renewed[_PLANE]}"
    with st.container(key="plane", gap="xsmall", height="stretch"):
        show_chart(
            circumplex(faces, picks, target=target, playing=playing, height=_LEAST_HEIGHT),
            key=key,
            alt=f"The affect plane: the listener at valence {point.valence:.2f} and arousal {point.arousal:.2f}, and "
            f"{len(picks)} songs",
            height="stretch",
            on_select=weak_callback(_take_mark, queue, key, tuple(face.who for face in faces), on_face),
            selection_mode="points",
            config={"scrollZoom": any(pictures.values())},
        )
        if target is not None:
            mount(
                "target",
                key="target",
                data={"place": [target.valence, target.arousal], "chart": ".st-key-plane .js-plotly-plot"},
                on_place_change=lambda: DESTINATION.set(str(st.session_state["target"]["place"])),
            )
        faces_are = "Click a face, scroll to zoom" if any(pictures.values()) else "Circles are faces"
        note = _CIRCLES.get(who, faces_are)
        if picks:
            note += ", small marks are songs to click; the line leads to the one that plays"
        if is_journey:
            note += ". Drag the target, or click any place, to go there"
        few = [] if is_journey else describe_few(picks, target_of(request)[1])
        st.caption(" ".join([f"{note}.", *few]))


def _take_mark(queue: PageQueue, key: str, shown: Sequence[Who], on_face: Callable[[Who], None] | None) -> None:
    """Play the clicked song, or choose the clicked face of those that are shown."""
    mark = clicked(key)
    if isinstance(mark, int):
        play(queue, mark)
    elif on_face is not None:
        chosen = next((who for who in shown if who.label == mark), None)
        if chosen is not None:
            on_face(chosen)
    page_state(Address).renewed[_PLANE] += 1


def face_points(faces: Faces) -> list[FacePoint]:
    """The first faces as points on the plane."""
    return [FacePoint(face.who, face.point, face.emotion, is_sure=face.is_sure) for face in faces[:MOST_POINTS]]


def describe_few(picks: Sequence[Pick], mood: Mood) -> list[str]:
    """A sentence if fewer than half of the songs have the requested mood; else an empty list."""
    if 2 * sum(pick.likeliest_mood == mood for pick in picks) >= len(picks):
        return []
    return [f"Few songs are {mood}. These are the closest."]
