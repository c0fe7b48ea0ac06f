"""A finished answer from a bundled sample, for pages before a choice. `scripts/build_example.py` makes its files."""

from __future__ import annotations

import msgspec
import numpy as np
import streamlit as st

from emomusic.affect import EmotionProbabilities, describe
from emomusic.app.answer import face_points, show_bars, song_points
from emomusic.app.charts import reserve_space, show_chart
from emomusic.app.frame import escape_markdown
from emomusic.app.parts import show_style
from emomusic.assets import data_dir
from emomusic.charts.affect import circumplex
from emomusic.faces.detection import Face
from emomusic.faces.table import Faces
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
    faces = Faces.of([Face(Box(0, 0, 1, 1), 1.0)] * len(rows), rows)
    group = faces.mean()
    assert group is not None  # the script checks it
    first = example.songs[0]
    title, byline = escape_markdown(first.song.title), escape_markdown(first.song.byline)
    show_style(__file__, "example.css")
    with reserve_space("example", 320):
        with st.container(gap="xsmall"):
            st.header(f"Example: together {describe(group, of_group=True).lower()}", anchor=False)
            names = ", ".join(f"face {face.number} {face.emotion}" for face in faces)
            with st.container(key="example-picture"):
                st.image(PICTURE.read_bytes(), alt=f"Four people with framed faces: {names}", width="stretch")
            st.markdown(f":material/music_note: **{title}** · {byline}  \n{escape_markdown(first.reason)}")
            st.caption(note)
        with st.container(height="stretch", vertical_alignment="center"):
            show_bars(group, key="example-bars", name="the example", least_height=220)
        with st.container():
            points = face_points(faces, with_group=True)
            songs = song_points(example.songs)
            alt = f"The affect plane with {len(faces)} faces and {len(songs)} songs of the example"
            show_chart(circumplex(points, songs, height=320), key="example-plane", alt=alt)
