"""The songs of the Photo page in the bar: the next song, skipped artists and the playlist to take along."""

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from emomusic.affect import EMOTION_POINTS, Emotion
from emomusic.app import state
from emomusic.app.picture_chooser import Picture, PictureState
from emomusic.media.images import encode_png, read_image
from emomusic.songs.catalogue import normalize_text
from tests.pages.screen import (
    SAMPLE,
    click,
    files_of,
    keys,
    labels,
    on_the_plane,
    open_page,
    playing,
    playlist,
    queue_of,
    start_app,
    state_of,
    tracks,
    unescaped,
)


@pytest.fixture
def app(root: Path) -> AppTest:
    """The Photo page with a happy face."""
    return start_app(root, sample=SAMPLE)


def artists_of(app: AppTest) -> set[str]:
    """The keys of the artists of the first songs."""
    return {normalize_text(name) for pick in queue_of(app).playlist(20) for name in pick.song.artists}


def test_skipped_artists_stay_away_until_each_undo_allows_the_last_one(app: AppTest) -> None:
    songs, artist = playlist(app), normalize_text(queue_of(app).current.song.artists[0])
    assert queue_of(app).current.song.artists[0] in unescaped(app.button(key="skip-photo").help)
    click(app, "skip-photo")
    assert playing(app) != songs[0]
    for policy in ("Journey", "Match"):
        app.segmented_control(key=state.POLICY).set_value(policy).run()
        assert artist not in artists_of(app)
    open_page(app, "models")
    open_page(app, "photo")
    assert artist not in artists_of(app)
    app.button(key=f"sample-{SAMPLE}").click().run()
    click(app, "skip-photo")
    assert {*songs[:2]}.isdisjoint(playlist(app))
    click(app, "allow-photo")
    assert songs[0] not in playlist(app)
    click(app, "allow-photo")
    assert "allow-photo" not in keys(app)
    assert playing(app) == songs[0]  # the queue starts again
    assert playlist(app) == songs
    assert on_the_plane(app, "songs") == [*map(str, range(1, 7))]


def test_a_photo_without_a_face_has_its_songs_in_the_file(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = files_of(monkeypatch)
    app = AppTest.from_file(str(root / "app.py"), default_timeout=120)
    state_of(app, PictureState).own = (Picture.of("icon.png", encode_png(read_image(root / "data/icon.png"))),)
    app.run()
    assert tracks(app) == []
    assert not any(label.startswith("Take it along") for label in labels(app))
    (emotion,) = (pills for pills in app.pills if (pills.key or "").startswith("says-"))
    emotion.set_value(Emotion.SAD).run()
    assert queue_of(app).request.point == EMOTION_POINTS[Emotion.SAD]
    record = json.loads(files["icon.json"]())
    assert record["faces"] == []
    assert [song["id"] for song in record["songs"]] == playlist(app)
    assert record["request"]["manual_emotion"] == "sad"
    (mood,) = (pills for pills in app.pills if (pills.key or "").startswith("mood-"))
    mood.set_value("calm").run()
    assert queue_of(app).request.mood == "calm"
