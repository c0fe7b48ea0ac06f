"""Current faces, their trail and the last ten minutes. Fragments refresh them without a rerun of the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import pandas as pd
import streamlit as st

from emomusic.affect import AffectPoint, EmotionProbabilities, affect_of, describe, list_shares, quadrant_of
from emomusic.app.answer import ALL, face_points, group_sentence
from emomusic.app.charts import show_chart
from emomusic.app.frame import escape_markdown_message
from emomusic.app.live.session import LiveSession, LiveState, Way, live_session
from emomusic.app.state import page_state
from emomusic.charts.affect import FacePoint, circumplex
from emomusic.charts.face import probability_bars
from emomusic.charts.live import face_bars, mood_areas
from emomusic.errors import EmomusicError
from emomusic.server.capacity import capacity
from emomusic.stream.reader import LiveView
from emomusic.text import pluralize

_NOW_S, _TIMELINE_S = 1.0, 2.0  # between refreshes; a chart of ten minutes has 70 kB
_TRAIL_S = 20
_FACES_SHOWN = 6
_PLANE_HEIGHT = 430


def _charted(every_s: float) -> Callable[[Callable[[LiveSession], None]], Callable[[], None]]:
    """Make a fragment with charts. Over the page's own connection, each refresh holds up a frame, so it has fewer."""

    def fragment_of(show: Callable[[LiveSession], None]) -> Callable[[], None]:
        @wraps(show)
        def refresh() -> None:
            if (session := live_session()) is not None:
                show(session)

        return lambda: st.fragment(refresh, run_every=every_s * (1 + (page_state(LiveState).way is Way.PAGE)))()

    return fragment_of


@st.fragment(run_every=_NOW_S)
def show_words() -> None:
    """Show the current emotion in one sentence, refreshed once per second; the page calls this during the video."""
    if (session := live_session()) is None:
        return
    view = session.view()
    group = view.group
    show_trouble(session, view)
    sentence = _status(view, session.no_frame_s) if group is None else group_sentence(group, group_of=len(view.faces))
    st.header(sentence, anchor=False)
    lag = "" if view.lag_s is None else f" · {1000 * view.lag_s:.0f} ms delay"
    adjusted = " · adjusted to your face" if view.is_adjusted else ""
    st.caption(
        f"{pluralize(len(view.faces), 'face')} · {_rate(view.frames_per_second)} frames per second · "
        f"{_rate(view.readings_per_second)} readings per second{lag}{adjusted}"
    )


@_charted(_NOW_S)
def show_plane(session: LiveSession) -> None:
    """Show the faces and their trail on the plane, refreshed once per second; the page calls this during the video."""
    view = session.view()
    group, points = view.group, face_points(view.faces)
    if len(view.faces) > 1 and group is not None:
        points.append(FacePoint(ALL, affect_of(group), group.emotion))
    show_chart(
        circumplex(points, trail=_trail(session.reader.timeline()), height=_PLANE_HEIGHT),
        key="live-plane",
        alt=f"Valence and arousal of the faces, and of the group in the last {_TRAIL_S} seconds",
    )


@_charted(_NOW_S)
def show_faces(session: LiveSession) -> None:
    """Show the probabilities of the faces, refreshed once per second; the page calls this during the video."""
    view = session.view()
    if len(view.faces) > 1 and view.group is not None:
        _show_rows(view, view.group)
    else:
        _show_bars(view.group)


@_charted(_NOW_S)
def show_large(session: LiveSession) -> None:
    """Show the mood of the group in large type, without names or numbers of faces, refreshed once per second."""
    view = session.view()
    group = view.group
    show_trouble(session, view)
    heading = _status(view, session.no_frame_s) if group is None else describe(group)
    st.html(f'<p class="live-large">{heading}</p>{_LARGE_TYPE}')
    if group is not None:
        quadrant = quadrant_of(affect_of(group))
        faces = "1 face" if len(view.faces) == 1 else f"the mean of {len(view.faces)} faces"
        with st.container(key="live-large-words"):
            st.markdown(f"{quadrant.description.capitalize()}; {faces}")
    with st.container(key="live-large-bars"):
        _show_bars(group, font_px=_LARGE_FONT_PX, height="stretch")


_LARGE_FONT_PX = 24
# Streamlit's elements do not scale with the window. The bars take the height that two lines of text leave
_LARGE_TYPE = """<style>
.live-large { font-size: clamp(2.6rem, 5vw, 6.5rem); line-height: 1.1; margin: 0; font-weight: 600; }
.st-key-live-large-words p { font-size: clamp(1.2rem, 2.2vw, 2.2rem); line-height: 1.3; }
.st-key-live-large-bars { flex: none; height: clamp(14rem, 100vh - 23rem - 14vw, 30rem); }
</style>"""


def show_timeline() -> None:
    """Show the emotions of the group over the last ten minutes; the page calls this during the video."""
    st.markdown("**The last ten minutes**")
    _show_timeline_now()
    st.caption("The height of a colour is the mean share of an emotion over all faces. Gaps: no face, or no reading.")


@_charted(_TIMELINE_S)
def _show_timeline_now(session: LiveSession) -> None:
    show_areas(session.reader.timeline(), key="live-timeline")


def show_areas(table: pd.DataFrame, *, key: str) -> None:
    """Show a timeline as stacked areas."""
    show_chart(mood_areas(table), key=key, alt=f"Shares of the seven emotions over {len(table)} seconds")


def show_trouble(session: LiveSession, view: LiveView) -> None:
    """Show whether the server restarts, and the error of the last frame."""
    if capacity().is_draining:
        with st.container(key="live-restart"):
            st.warning(
                "This server restarts in a moment, which ends the video. Press START again afterwards.",
                icon=":material/restart_alt:",
            )
    error = view.error or session.drawing_error
    if error is None:
        return
    # The message of an EmomusicError is for visitors. The log has the traceback of all others
    message = str(error) if isinstance(error, EmomusicError) else "The last frame could not be read. The video goes on."
    st.warning(escape_markdown_message(message), icon=":material/error:")


def _status(view: LiveView, no_frame_s: float) -> str:
    """Return the reason why there is no emotion."""
    if not view.num_frames:
        return "Waiting for the first frame"
    if no_frame_s:
        return f"No frame for {no_frame_s:.0f} seconds. Check the webcam."
    if view.num_readings:
        return "No face in the video"
    if view.error is not None:
        return "Faces cannot be read"
    return "Reading the first frame"


def _rate(per_second: float) -> str:
    return f"{per_second:.1f}" if 0 < per_second < 1.95 else f"{per_second:.0f}"


def _show_bars(group: EmotionProbabilities | None, *, font_px: int = 14, **options: Any) -> None:
    figure = probability_bars(group, height=230)
    figure.update_traces(textfont={"size": font_px}).update_yaxes(tickfont={"size": font_px})
    alt = f"Probabilities: {'none' if group is None else list_shares(group.as_dict())}"
    show_chart(figure, key="live-bars", alt=alt, **options)


def _show_rows(view: LiveView, group: EmotionProbabilities) -> None:
    rows = {"Everyone": group}
    rows |= {f"Face {face.number}": face.probabilities for face in view.faces[:_FACES_SHOWN]}
    alt = "; ".join(f"{name}: {describe(probabilities)}" for name, probabilities in rows.items())
    show_chart(face_bars(rows), key="live-rows", alt=alt)
    if len(view.faces) > _FACES_SHOWN:
        st.caption(f"{len(view.faces) - _FACES_SHOWN} more faces are in the video.")


def _trail(table: pd.DataFrame) -> Sequence[AffectPoint]:
    """Return the positions of the group in the last seconds, oldest first."""
    if table.empty:
        return []
    recent = table[table["time_s"] > table["time_s"].iloc[-1] - _TRAIL_S].dropna(subset=["valence", "arousal"])
    return [AffectPoint(*row) for row in recent[["valence", "arousal"]].itertuples(index=False)]
