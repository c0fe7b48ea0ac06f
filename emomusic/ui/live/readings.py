"""Beside and below the video, refreshed by themselves: the faces now, their trail, and the last ten minutes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from emomusic.affect import AffectPoint, EmotionProbabilities, affect_of, describe, list_shares, quadrant_of
from emomusic.errors import EmomusicError
from emomusic.face.live.reader import LiveView
from emomusic.plots.affect import FacePoint, circumplex
from emomusic.plots.face import probability_bars
from emomusic.plots.live import NamedFace, face_rows, mood_areas
from emomusic.text import pluralize
from emomusic.ui.core.charts import show_chart
from emomusic.ui.core.frame import escape_markdown_message
from emomusic.ui.live.session import LiveSession, Phase
from emomusic.ui.songs.listener import ALL, group_sentence

_NOW_S, _TIMELINE_S = 1.0, 2.0  # between refreshes; ten minutes as a chart are 70 kB, and change little in a second
_TRAIL_S = 20
_FACES_SHOWN = 8


def show_now(session: LiveSession, *, class_view: bool) -> None:
    """What the faces show, once a second while the video runs, without running the page anew."""

    @st.fragment(run_every=_NOW_S if session.phase is Phase.PLAYING else None)
    def now() -> None:
        view = session.view()
        group = view.group
        _show_trouble(session, view)
        if class_view:
            _show_large(view, group, session.silent_s)
            return
        _show_words(view, group, session.silent_s)
        if len(view.faces) > 1 and group is not None:
            _show_rows(view, group)
        else:
            _show_bars(group)
        show_chart(
            circumplex(_points(view, group), trail=_trail(session.reader.timeline()), height=340),
            key="live-plane",
            alt="The affect plane: where the faces are now, and a trail of where the group was in the last "
            f"{_TRAIL_S} seconds",
        )

    now()


def show_timeline(session: LiveSession) -> None:
    """The group over the last ten minutes, refreshed while the video runs."""

    @st.fragment(run_every=_TIMELINE_S if session.phase is Phase.PLAYING else None)
    def timeline() -> None:
        show_areas(session.reader.timeline(), key="live-timeline")

    st.markdown("**The last ten minutes**")
    timeline()
    st.caption(
        "Each colour's height is an emotion's share, the mean over all faces. Empty: nobody seen, or nothing read."
    )


def show_areas(table: pd.DataFrame, *, key: str) -> None:
    """A timeline as stacked areas."""
    show_chart(
        mood_areas(table),
        key=key,
        alt=f"Shares of the seven emotions over time, {len(table)} seconds",
    )


def _show_trouble(session: LiveSession, view: LiveView) -> None:
    error = view.error or session.drawing_error
    if error is None:
        return
    # What a person can mend says how; of anything else the log has the traceback
    words = str(error) if isinstance(error, EmomusicError) else "The last frame could not be read. The video goes on."
    st.warning(escape_markdown_message(words), icon=":material/error:")


def _show_words(view: LiveView, group: EmotionProbabilities | None, silent_s: float) -> None:
    words = _why_nothing(view, silent_s) if group is None else group_sentence(group, group_of=len(view.faces))
    st.header(words, anchor=False)
    st.caption(_figures(view))


def _why_nothing(view: LiveView, silent_s: float) -> str:
    """What there is instead of a face's mood."""
    if not view.num_frames:
        return "Waiting for the first frame"
    if silent_s:
        return f"No picture for {silent_s:.0f} seconds: is the camera still connected?"
    if view.num_readings:
        return "Nobody in the picture"
    if view.error is not None:
        return "Faces cannot be read"
    return "Reading the first picture"


def _figures(view: LiveView) -> str:
    """Number of faces, rates and lag in one line."""
    parts = [
        pluralize(len(view.faces), "face"),
        f"{_rate(view.frames_per_second)} frames a second",
        f"{_rate(view.readings_per_second)} readings a second",
    ]
    if view.lag_s is not None:
        parts.append(f"{1000 * view.lag_s:.0f} ms behind")
    return " · ".join(parts)


def _rate(per_second: float) -> str:
    return f"{per_second:.1f}" if 0 < per_second < 1.95 else f"{per_second:.0f}"


def _show_bars(group: EmotionProbabilities | None, *, letters: int = 14, **options: Any) -> None:
    figure = probability_bars(group, height=230)
    figure.update_traces(textfont={"size": letters}).update_yaxes(tickfont={"size": letters})
    show_chart(
        figure,
        key="live-bars",
        alt=f"Probabilities: {'none' if group is None else list_shares(group.as_dict())}",
        **options,
    )


def _show_rows(view: LiveView, group: EmotionProbabilities) -> None:
    faces = [NamedFace("Everyone", group)]
    faces += [NamedFace(f"Face {face.number}", face.reading.probabilities) for face in view.faces[:_FACES_SHOWN]]
    show_chart(
        face_rows(faces),
        key="live-rows",
        alt="; ".join(f"{face.name}: {describe(face.probabilities)}" for face in faces),
    )
    if len(view.faces) > _FACES_SHOWN:
        st.caption(f"{len(view.faces) - _FACES_SHOWN} more faces are in the picture.")


def _show_large(view: LiveView, group: EmotionProbabilities | None, silent_s: float) -> None:
    """For the last row of a room: the group's mood in large letters, and nobody by name or number."""
    words = _why_nothing(view, silent_s) if group is None else describe(group)
    st.html(f'<p class="live-large">{words}</p>{_LARGE_TYPE}')
    if group is not None:
        quadrant = quadrant_of(affect_of(group))
        faces = "1 face" if len(view.faces) == 1 else f"the mean of {len(view.faces)} faces"
        with st.container(key="live-large-words"):
            st.markdown(f"{quadrant.description.capitalize()}; {faces}")
    with st.container(key="live-large-bars"):
        _show_bars(group, letters=_LARGE_LETTERS, height="stretch")


_LARGE_LETTERS = 24  # pixels

# The letters grow with the window, as no element of Streamlit's does; the bars take what two lines of them leave
_LARGE_TYPE = """<style>
.live-large { font-size: clamp(2.6rem, 5vw, 6.5rem); line-height: 1.1; margin: 0; font-weight: 600; }
.st-key-live-large-words p { font-size: clamp(1.2rem, 2.2vw, 2.2rem); line-height: 1.3; }
.st-key-live-large-bars { flex: none; height: clamp(14rem, 100vh - 23rem - 14vw, 30rem); }
</style>"""


def _points(view: LiveView, group: EmotionProbabilities | None) -> list[FacePoint]:
    points = [FacePoint(str(face.number), face.reading.point, face.reading.emotion) for face in view.faces]
    if group is not None and len(points) > 1:
        points.append(FacePoint(ALL, affect_of(group), group.emotion))
    return points


def _trail(table: pd.DataFrame) -> Sequence[AffectPoint]:
    """Where the group was in the last seconds, the oldest first."""
    if table.empty:
        return []
    recent = table[table["time_s"] > table["time_s"].iloc[-1] - _TRAIL_S].dropna(subset=["valence", "arousal"])
    return [AffectPoint(*row) for row in recent[["valence", "arousal"]].itertuples(index=False)]
