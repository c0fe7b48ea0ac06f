"""The visitor's own audio file on the Music page."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from emomusic.app.music import classify
from emomusic.app.music.classify import OwnSong
from emomusic.app.music.songs import YOUR_SONG
from emomusic.media.audio_file import read_song
from emomusic.songs.hearing import Hearing, load_sound_model
from tests.pages.screen import page_of, state_of, text_of
from tests.songs.songs import TAGS, song_bytes


@pytest.fixture
def app(root: Path) -> AppTest:
    return page_of(root, "music", view=YOUR_SONG).run()


def drop(app: AppTest, data: bytes, name: str) -> AppTest:
    app.file_uploader(key="music_song_upload").upload(name, data)
    return app.run()


def path_of(app: AppTest) -> dict[str, Any]:
    """The dots of the song's parts."""
    (spec,) = (c.proto.spec for c in app.get("plotly_chart") if c.proto.alt.startswith("The path of the song"))
    (trail,) = (trace for trace in json.loads(spec)["data"] if trace.get("name") == "trail")
    return dict(trail)


def heard(data: bytes) -> Hearing:
    return load_sound_model().analyse(read_song(io.BytesIO(data)).windows)


def test_a_dropped_song_has_its_quadrant_tags_and_path(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    data = song_bytes("mp3", seconds=10)
    expected = heard(data)
    drop(app, data, "a song.mp3")
    (answer,) = (h.value for h in app.header if expected.quadrant.description in h.value)
    assert f"{100 * expected.probabilities[expected.quadrant]:.0f} %" in answer
    assert f"**{TAGS['title']}**" in text_of(app)
    assert path_of(app)["text"] == ["0:00", "0:03", "0:06"]
    assert path_of(app)["x"] == pytest.approx([valence for _, valence, _ in expected.timeline])
    (audio,) = app.get("audio")
    assert audio.proto.alt == TAGS["title"]
    monkeypatch.setattr(classify, "load_sound_model", pytest.fail)
    app.run()  # hears nothing again
    assert answer in [header.value for header in app.header]
    assert state_of(app, OwnSong).held.num_bytes == len(data)
    app.file_uploader(key="music_song_upload").set_value(None).run()
    assert (state_of(app, OwnSong).data, len(app.get("audio"))) == (b"", 0)


def test_an_unreadable_song_is_decoded_once_and_one_message(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    decode, names = classify.read_song, []
    monkeypatch.setattr(classify, "read_song", lambda file, name: names.append(name) or decode(file, name))
    drop(app, song_bytes("wav", seconds=0.5), "my_song.mp3")
    for _ in range(2):
        (error,) = app.error
        assert "my\\_song.mp3" in error.value
        assert app.get("audio") == []
        app.run()
    assert names == ["my_song.mp3"]
