"""A finished answer from a bundled sample, for pages before a choice. `scripts/build_example.py` makes its files."""

from __future__ import annotations

import msgspec
import numpy as np
import streamlit as st

from emomusic.affect import EmotionProbabilities
from emomusic.answer.answer import Answer
from emomusic.app.answer import face_points, show_bars, song_points
from emomusic.app.charts import reserve_space, show_chart
from emomusic.app.frame import escape_markdown
from emomusic.app.parts import show_style
from emomusic.app.player import song_line
from emomusic.assets import data_dir
from emomusic.charts.affect import circumplex
from emomusic.faces.detection import Face
from emomusic.faces.table import Faces
from emomusic.faces.who import EVERYONE
from emomusic.media.images import Box
from emomusic.songs.song import Pick

DATA, PICTURE = (data_dir() / "samples" / "example" / name for name in ("answer.json", "picture.jpg"))


class Example(msgspec.Struct, frozen=True):
    """The probabilities of each face by emotion, in the order of `Emotion`, and the first songs for the group."""

    faces: list[dict[str, float]]
    songs: list[Pick]


def show_example(note: str) -> None:
    """Show the example: a picture with its faces, the sentence, a song, the bars and the plane.

    Args:
        note: one line that names what replaces the example on this page.
    """
    example = msgspec.json.decode(DATA.read_bytes(), type=Example)
    rows = [EmotionProbabilities(np.array([*shares.values()], np.float32)) for shares in example.faces]
    answer = Answer(Faces.of([Face(Box(0, 0, 1, 1), 1.0)] * len(rows), rows), EVERYONE)
    show_style(__file__, "example.css")
    with reserve_space("example", 320):
        with st.container(gap="xsmall"):
            st.header(f"Example, {answer.sentence.lower()}", anchor=False)
            names = ", ".join(f"face {face.number} {face.emotion}" for face in answer.faces)
            with st.container(key="example-picture"):
                st.image(PICTURE.read_bytes(), alt=f"Four people with framed faces: {names}", width="stretch")
            first = example.songs[0]
            st.markdown(f":material/music_note: {song_line(first.song)}  \n{escape_markdown(first.reason)}")
            st.caption(note)
        with st.container(height="stretch", vertical_alignment="center"):
            show_bars(answer.probabilities, key="example-bars", name="the example", least_height=220)
        with st.container():
            figure = circumplex(face_points(answer.faces, with_group=True), song_points(example.songs), height=320)
            alt = f"The affect plane with {len(rows)} faces and {len(example.songs)} songs of the example"
            show_chart(figure, key="example-plane", alt=alt)
