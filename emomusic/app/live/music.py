"""Music during a session: the band that the faces conduct, with a clip to keep, or songs for their mood.

`browser/layers.js` plays and draws the band in the browser. The bar of the app plays the songs.
"""

from __future__ import annotations

import json

import streamlit as st

from emomusic.affect import EmotionProbabilities, Mood
from emomusic.answer.answer import Answer
from emomusic.app.browser.components import mount
from emomusic.app.choices import LIVE_MUSIC
from emomusic.app.live.session import LiveState, live_fragment
from emomusic.app.plane import draw_policy, request_of
from emomusic.app.player import show_queue
from emomusic.app.queues import forget_queue, play_for
from emomusic.app.state import page_state
from emomusic.assets import data_dir
from emomusic.faces.who import MOMENT
from emomusic.server.live import LiveSession
from emomusic.songs.request import Request, target_of
from emomusic.stream.timeline import mean_of

SONGS = "Songs"
"""The choice of songs instead of the band."""

_MOOD_S = 10


def draw_music() -> None:
    """Show the choice between the styles of the band and songs."""
    band = json.loads((data_dir() / "band" / "band.json").read_bytes())
    styles = [style["name"] for style in band["styles"]]
    LIVE_MUSIC.draw(
        st.segmented_control,
        "Music",
        [*styles, SONGS],
        format_func=str.capitalize,
        label_visibility="collapsed",
        on_change=_forget_mood,
    )


def _forget_mood() -> None:
    page_state(LiveState).mood = None
    forget_queue("live")


def show_band() -> None:
    """Let the band play the chosen style for the faces, and show its layers."""
    mount("layers", key="live-band", data={"style": LIVE_MUSIC.value})


def show_songs() -> None:
    """Let songs follow the mood of the last ten seconds, one fading into the next, and show them."""
    _follow_mood()
    if (mood := page_state(LiveState).mood) is not None:
        show_queue(play_for(Answer(who=MOMENT, moment=mood).request(), "live", fades=True), "emomusic-live")


def show_song_of(moment: EmotionProbabilities) -> None:
    """Show the policies and the songs for the strongest face of a game."""
    answer = Answer(who=MOMENT, moment=moment)
    queue = play_for(request_of(answer), "live")
    draw_policy(answer)
    st.caption(answer.reason(queue.request))
    show_queue(queue, "emomusic-live")


@live_fragment(1.0)
def _follow_mood(session: LiveSession) -> None:
    live, table = page_state(LiveState), session.reader.timeline()
    now = mean_of(table[table["time_s"] > table["time_s"].max() - _MOOD_S])
    if now is not None and (live.mood is None or _mood_of(now) != _mood_of(live.mood)):
        live.mood = now
        st.rerun()
    if live.mood is None:
        st.caption("A face on the webcam chooses the first song.")


def _mood_of(mean: EmotionProbabilities) -> Mood:
    return target_of(Request(mean.point, emotion=mean.emotion))[1]
