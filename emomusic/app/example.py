"""A finished answer from a bundled sample, for pages before a choice. `scripts/build_example.py` makes its files."""

from __future__ import annotations

import msgspec
import numpy as np
import streamlit as st

from emomusic.affect import EmotionProbabilities, describe, group_probabilities
from emomusic.app.answer import face_points, show_bars, song_points
from emomusic.app.charts import show_chart, styled_room
from emomusic.app.frame import escape_markdown
from emomusic.assets import data_dir
from emomusic.charts.affect import circumplex
from emomusic.songs.song import Pick

DATA, PICTURE = (data_dir() / "samples" / "example" / name for name in ("answer.json", "picture.jpg"))


class Example(msgspec.Struct, frozen=True):
    """The probabilities of each face by emotion, in the order of `Emotion`, and the first songs for the group."""

    faces: list[dict[str, float]]
    songs: list[Pick]


# The picture and the sentence: above the charts, or left of them on a wide screen
_STYLE = """<style>
.st-key-example {
  display: grid; gap: 0.5rem 2rem; grid-template-columns: 5fr 3fr 4fr; align-items: start; min-height: 320px;
}
.st-key-example > * { min-width: 0; }
.st-key-example-picture { aspect-ratio: 1040 / 326; }  /* also before the browser shows images */
.st-key-example img { border-radius: 8px; }
@media (max-width: 1023px) { .st-key-example { grid-template-columns: 1fr 1fr; } }
@media (max-width: 1023px) { .st-key-example > :first-of-type { grid-column: 1 / -1; } }
@media (max-width: 640px) { .st-key-example { grid-template-columns: 1fr; } }
</style>"""


def show_example(note: str) -> None:
    """Show the example: a picture with its faces, the sentence, a song, the bars and the plane.

    Args:
        note: one line that names what replaces the example on this page.
    """
    example = msgspec.json.decode(DATA.read_bytes(), type=Example)
    faces = [EmotionProbabilities(np.array([*shares.values()], np.float32)) for shares in example.faces]
    group = group_probabilities(faces)
    assert group is not None  # the script checks it
    first = example.songs[0]
    title, byline = escape_markdown(first.song.title), escape_markdown(first.song.byline)
    st.html(_STYLE)
    with styled_room("example", 320):
        with st.container(gap="xsmall"):
            st.header(f"Example: together {describe(group, of_group=True).lower()}", anchor=False)
            names = ", ".join(f"face {number} {shares.emotion}" for number, shares in enumerate(faces, 1))
            with st.container(key="example-picture"):
                st.image(PICTURE.read_bytes(), alt=f"Four people with framed faces: {names}", width="stretch")
            st.markdown(f":material/music_note: **{title}** · {byline}  \n{escape_markdown(first.reason)}")
            st.caption(note)
        with st.container(height="stretch", vertical_alignment="center"):
            show_bars(group, key="example-bars", name="the example", least_height=220)
        with st.container():
            points = face_points(dict(enumerate(faces, 1)), group)
            songs = song_points(example.songs)
            alt = f"The affect plane with {len(faces)} faces and {len(songs)} songs of the example"
            show_chart(circumplex(points, songs, height=320), key="example-plane", alt=alt)
