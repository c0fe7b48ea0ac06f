"""Music during a session: the band that the faces conduct, with a clip to keep, or songs for their mood.

`screen.js` plays and draws the band in the browser. The bar of the app plays the songs.
"""

from __future__ import annotations

import json

import streamlit as st

from emomusic.affect import EmotionProbabilities, Mood, affect_of
from emomusic.app import state
from emomusic.app.answer import NOW, Listener, answer
from emomusic.app.live.session import LiveSession, LiveState, Phase, live_fragment
from emomusic.app.live.video import live_folder, points_of, script_that_calls
from emomusic.app.player import show_queue
from emomusic.app.queues import PlayerState
from emomusic.app.state import page_state
from emomusic.assets import data_dir
from emomusic.songs.request import Request, target_of
from emomusic.stream.timeline import mean_of

SONGS = "Songs"
"""The choice of songs instead of the band."""

PLACE = "live"
"""The place of the songs."""

_MOOD_S = 10
_LAYERS = "".join(
    f'<span>{name}</span><div class="layer" data-name="{name}"><b></b><b></b></div>'
    for name in ("lead", "drums", "bass", "pad")
)
_BAND = st.components.v2.component(
    "emomusic_band",
    html=f"""
<div class="layers" role="img" aria-label="The layers of the band: longer is louder, left is minor, right is major">
{_LAYERS}<span></span><div class="sides"><span>minor</span><span>major</span></div></div>
<div class="bar"><button class="mute" type="button" aria-pressed="false">Mute</button>
<input type="range" value="80" aria-label="Volume of the band">
<button class="record" type="button">Record 15 seconds</button></div><output role="status"></output>
""",
    css="""
:host { display: block; font-family: var(--st-font); color: var(--st-text-color); font-size: 0.875rem; }
.layers { display: grid; grid-template-columns: auto 1fr; gap: 0.3rem 0.6rem; align-items: center; }
.layer { position: relative; height: 1.4rem; background: var(--st-secondary-background-color); border-radius: 0.3rem; }
.layer b { position: absolute; height: 50%; border-radius: 0.3rem; background: var(--st-primary-color); }
.layer b:first-child { top: 0; }
.layer b:last-child { bottom: 0; background: var(--st-text-color); }
.sides, .bar { display: flex; justify-content: space-between; gap: 0.5rem; align-items: center; }
.bar { margin-top: 0.5rem; }
input { flex: 1; min-width: 4rem; accent-color: var(--st-primary-color); height: 2rem; }
button {
  font: inherit; min-height: 2.25rem; padding: 0 0.75rem; cursor: pointer; color: inherit;
  background: var(--st-background-color); border: 1px solid var(--st-border-color);
  border-radius: var(--st-button-radius, 0.6rem);
}
button:is(:hover, [aria-pressed="true"]) { border-color: var(--st-primary-color); color: var(--st-link-color); }
button:disabled { opacity: 0.5; cursor: default; }
:focus-visible { outline: 3px solid; outline-offset: 2px; }
output { display: block; min-height: 1.3em; margin-top: 0.25rem; }
""",
    js=script_that_calls("showBand"),
)


def choose_music() -> str:
    """Show the choice between the styles of the band and songs. Returns the style, or `SONGS`."""
    band = json.loads((data_dir() / "band" / "band.json").read_bytes())
    styles = [style["name"] for style in band["styles"]]
    chosen: str = st.segmented_control(
        "Music",
        [*styles, SONGS],
        format_func=str.capitalize,
        default=styles[0],
        required=True,
        label_visibility="collapsed",
        key=state.LIVE_MUSIC,
        on_change=_forget_mood,
        persist_state="session",
    )
    return chosen


def _forget_mood() -> None:
    page_state(LiveState).mood = None
    page_state(PlayerState).queues.pop(PLACE, None)


@live_fragment(0.25, None)  # without WebRTC, the answer to each frame has the points
def show_band(session: LiveSession, style: str) -> None:
    """Let the band play a style for the faces, and show its layers; the page calls this during the video."""
    is_playing = session.phase is Phase.PLAYING
    data = {"folder": live_folder(), "style": style if is_playing else "", "points": points_of(session)}
    _BAND(key="live-band", data=data)


def show_songs() -> None:
    """Let songs follow the mood of the last ten seconds, one fading into the next, and show them."""
    page_state(PlayerState).fading.add(PLACE)
    _follow_mood()
    if (mood := page_state(LiveState).mood) is not None:
        answer(Listener(NOW, mood), PLACE, policies=False)
        show_queue(PLACE, "emomusic-live")


@live_fragment(1.0, 1.0)
def _follow_mood(session: LiveSession) -> None:
    live, table = page_state(LiveState), session.reader.timeline()
    now = mean_of(table[table["time_s"] > table["time_s"].max() - _MOOD_S])
    if now is not None and (live.mood is None or _mood_of(now) != _mood_of(live.mood)):
        live.mood = now
        st.rerun()
    if live.mood is None:
        st.caption("A face on the webcam chooses the first song.")


def _mood_of(mean: EmotionProbabilities) -> Mood:
    return target_of(Request(affect_of(mean), emotion=mean.emotion))[1]
