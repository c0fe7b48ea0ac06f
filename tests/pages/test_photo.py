import csv
import io
import json
import re
from base64 import b64decode
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from emomusic.affect import AffectPoint, Emotion
from emomusic.app import picture_chooser, state
from emomusic.app.choices import Address
from emomusic.app.models.try_face import Asked
from emomusic.app.photo.screen import row_share
from emomusic.errors import CapacityError
from emomusic.faces.reading import load_networks
from emomusic.media.images import encode_png, read_image
from emomusic.server.capacity import HeldBytes, capacity
from emomusic.server.photos import Photos, PictureState
from emomusic.songs.catalogue import normalize_text
from emomusic.songs.genres import GENRES_OF_FAMILY
from tests.films import SAMPLES
from tests.pages.screen import (
    SAMPLE,
    app_of,
    charts,
    choose,
    click,
    files_of,
    keys,
    open_page,
    playlist,
    queue_of,
    result_of,
    samples,
    start_app,
    state_of,
    text_of,
    tracks,
    upload,
)


@pytest.fixture
def app() -> AppTest:
    return app_of()


def sample(app: AppTest, key: str) -> AppTest:
    app.run()
    return app.button(key=f"sample-{key}").click().run()


def control(app: AppTest, key: str) -> Any:
    """The control whose key starts with `key`."""
    (found,) = (c for c in [*app.segmented_control, *app.pills] if (c.key or "").startswith(key))
    return found


def pick(app: AppTest, key: str, value: str | None) -> None:
    """Choose one of a control's options."""
    control(app, key).set_value(value).run()


def genres(app: AppTest) -> list[str]:
    """The chosen genres."""
    return state_of(app, Address).chosen.get("genres", [])


def downloads(app: AppTest) -> set[str]:
    """The labels of the offered files."""
    return {button.proto.label for button in app.get("download_button")}


def explained(app: AppTest) -> list[Any]:
    """The links to the page that explains the chosen face."""
    return [link for link in app.get("page_link") if link.proto.page == "how_it_works" and link.proto.query_string]


def test_without_a_matching_song_the_page_says_so_and_offers_no_playlist(app: AppTest) -> None:
    choose(app, beside="Map")
    sample(app, "eileen-collins-1999")
    first, result = tracks(app), result_of(app, Photos)
    assert {"Songs (CSV)", "List (text)"} <= downloads(app)
    choose(app, songs="table")
    app.run().file_uploader(key="table_upload").upload("a.csv", b"title,artist,mood,explicit\nA,B,sad,true\n")
    app.run().toggle(key="hide_explicit").set_value(True).run()
    assert tracks(app) == []
    assert len(app.info) == 1
    assert app.button(key="next-photo").disabled
    assert "skip-photo" not in keys(app)
    assert not any(trace.get("name") == "songs" for trace in charts(app)[0]["data"])
    assert "Everything (JSON)" in downloads(app)
    assert not {"Songs (CSV)", "List (text)"} & downloads(app)
    app.button(key="your-music-reset").click().run()
    choose(app, songs="")
    assert tracks(app.run()) == first
    assert result_of(app, Photos) is result  # the face was not read again
    assert any(trace.get("name") == "songs" for trace in charts(app)[0]["data"])


def test_another_photo_replaces_the_last_one_stays_and_can_be_removed(app: AppTest) -> None:
    upload(app.run(), *samples("grace-hopper-1984"))
    app.button(key="sample-eileen-collins-1999").click().run()
    assert "remove-own" not in keys(app)
    photo = state_of(app, PictureState)
    photo.results[Asked] = ("of the own photo", Asked(None, 0, {}))
    upload(app, *samples("joe-biden-2010"))
    assert [picture.name for picture in photo.own] == ["joe-biden-2010.jpg"]
    assert Asked not in photo.results
    assert "sample" not in app.query_params

    open_page(app, "music")
    open_page(app, "photo")
    assert len(tracks(app)) == 1
    app.button(key="remove-own").click().run()
    assert tracks(app) == []
    assert (photo.own, photo.results, photo.token) == ((), {}, "")


def test_files_that_do_not_count_are_named(app: AppTest, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_chooser, "MOST_PICTURES", 4)
    collins = (SAMPLES / "eileen-collins-1999.jpg").read_bytes()
    icon = encode_png(read_image(root / "data/icon.png"))
    bad = ("bad_*.jpg", b"\xff\xd8\xffnonsense")
    upload(app.run(), bad, ("icon.png", icon), ("a.jpg", collins), ("again.jpg", collins), *samples("four-people"))
    assert "1 face in 2 photos: 1 happy." in text_of(app)
    for words in ("1 file could not be read", "bad\\_\\*.jpg", "No face found.", "again\\.jpg", "1 file not"):
        assert words in text_of(app), words
    assert len(tracks(app)) == 1
    upload(app, bad, ("b.jpg", b"Dear reader"))
    assert len(app.title) == 1
    assert tracks(app) == []
    upload(app, ("a.jpg", collins))  # in the drop zone below the error, too
    assert len(tracks(app)) == 1
    photo, scan = SAMPLES / "eileen-collins-1999.jpg", io.BytesIO()
    with Image.open(photo) as page:
        page.save(scan, "TIFF", save_all=True, append_images=[page.rotate(180)])
    side = encode_png(np.ascontiguousarray(np.rot90(read_image(photo))))
    for name, content, words in (("side.png", side, "90 degrees"), ("scan.jpg_large", scan.getvalue(), "1 of 2")):
        upload(app, (name, content))
        assert "happy" in app.title[0].value
        assert words in text_of(app)


def test_what_a_link_has_and_nobody_knows_is_ignored(app: AppTest) -> None:
    app.query_params.update({"sample": "four-people", "who": "Face 99", "mood": "<script>"})
    app.query_params.update({"policy": "Take me there", "to": "sad", "genres": ["no-such-genre", "salsa"]})
    request = queue_of(app.run()).request
    assert "Together" in app.title[0].value
    assert {"who", "mood"}.isdisjoint(app.query_params)
    assert (request.destination, request.genres) == (None, frozenset())  # they are in the session only
    menu = app.selectbox(key="to")
    choose(app, to="0.4,-0.2")
    app.run()
    menu.set_value("sad").run()  # a click before the browser knows of the place
    assert queue_of(app).request.destination == AffectPoint(0.4, -0.2)
    app.query_params["sample"] = "../../etc/passwd"
    assert tracks(app.run()) == []


def test_a_link_to_a_sample_forgets_what_was_said_of_other_photos(app: AppTest) -> None:
    upload(app.run(), *samples("four-people"))
    for name in ("bogus", ""):
        state_of(app, state.Visit).number += 1
        app.query_params["sample"] = name
        click(app.run(), "photo-face-2")
        pick(app, "says", "sad")
        assert "Together" not in app.title[0].value
        assert {"sample", "who", "says"}.isdisjoint(app.query_params)
    state_of(app, state.Visit).number += 1
    app.query_params.update({"sample": "four-people", "mood": "calm"})
    assert queue_of(app.run()).request.mood == "calm"
    open_page(app, "music")
    state_of(app, state.Visit).number += 1
    app.query_params["sample"] = "eileen-collins-1999"
    assert queue_of(app.switch_page("pages/photo.py").run()).request.mood is None


def test_what_is_no_face_leaves_answer_and_files_and_may_return(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    files = files_of(monkeypatch)
    sample(app, "four-people")
    before = queue_of(app).request
    click(app, "photo-face-3")
    click(app, "no-face-3")
    assert "photo-face-3" not in keys(app)
    first, second, _, fourth = result_of(app, Photos).photos[0].portraits
    (rows,) = (block.proto.body for block in app.get("html") if 'class="rows"' in block.proto.body)
    assert [b64decode(found) for found in re.findall('base64,([^"]+)', rows)] == [first, second, fourth]
    assert {"photo-face-1", "photo-face-2", "photo-face-4"} <= keys(app)
    assert "who" not in app.query_params
    assert queue_of(app).request.point.valence > before.point.valence  # the sad face
    record = json.loads(files["four-people.json"]())
    assert [face["emotion"] for face in record["faces"]] == ["happy", "happy", "neutral"]
    rows = csv.DictReader(files["four-people-faces.csv"]().decode("utf-8-sig").splitlines())
    assert [row["face"] for row in rows] == ["1", "2", "4"]
    for number in (1, 2):  # the last one is the listener
        click(app, f"photo-face-{number}")
        click(app, f"no-face-{number}")
    assert "neutral" in app.title[0].value.lower()
    assert not any((control.key or "").startswith("who-") for control in app.segmented_control)
    click(app, "no-face-4")
    assert app.title[0].value == "No face found"
    click(app, "bring-back")
    assert queue_of(app).request == before


def test_a_missed_face_can_be_framed(app: AppTest) -> None:
    image = read_image(SAMPLES / "eileen-collins-1999.jpg")
    (face,) = load_networks()[0].detect(image)
    height, width = image.shape[:2]
    sides = [face.box.x / width, face.box.y / height, face.box.width / width, face.box.height / height]
    sample(app, "eileen-collins-1999")
    click(app, "no-face-1")
    photos = result_of(app, Photos)
    photos.photos[0].mark(sides)
    app.run()
    assert "happy" in app.title[0].value.lower()
    assert "photo-face-2" in keys(app)
    framed, found = photos.faces[0], photos.photos[0].reading.faces[0]
    assert framed.point.distance(found.point) < 0.1
    least = photos.photos[0].reading.faces.threshold
    assert least[0] == least[1] > 0  # one rule for clear faces
    assert explained(app) == []  # the other page finds its faces itself
    for hostile in ([2, 2, 1, 1], [0.99, 0.99, 5, 5], [0, 0, 0, 0]):
        photos.photos[0].mark(hostile)
    assert len(app.run().exception) == 0
    photo = photos.photos[0]
    before = (photo.preview, photo.portraits, photo.reading.faces)
    photo.held.owner = "a full visitor"
    full = HeldBytes(capacity().memory, photo.held.owner, capacity().memory.max_bytes // 2 - photo.held.num_bytes - 1)
    with pytest.raises(CapacityError):
        photo.mark(sides)
    assert (photo.preview, photo.portraits, photo.reading.faces) == before  # nothing is lost
    full.release()


def test_a_song_for_each_plays_in_turn(app: AppTest) -> None:
    choose(app, songs="bundled")
    sample(app, "four-people")
    together = tracks(app)
    pick(app, "who-", "Each")
    assert app.query_params["who"] == "Each"
    picks = queue_of(app).playlist(8)
    assert len({one.song.id for one in picks}) == 8
    assert [one.mood for one in picks[:4]] == ["happy", "happy", "sad", "calm"]
    assert [one.mood for one in picks[4:]] == [one.mood for one in picks[:4]]
    assert all(f"face {number}" in one.reason for number, one in enumerate(picks[:4], 1))
    pick(app, "who-", "Everyone")
    assert tracks(app) == together


def test_a_camera_without_https_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    app = start_app()
    for address, works in (("http://emomusic.example/", False), ("http://localhost:8501/", True)):
        monkeypatch.setattr(type(st.context), "url", address)
        if "use-camera" in keys(app):
            click(app, "use-camera")
        app.run()
        assert bool(app.get("camera_input")) is works
        assert ("HTTPS" in text_of(app)) is not works


def test_a_skipped_artist_stays_away_on_other_ways_and_pages_until_it_is_allowed(app: AppTest) -> None:
    sample(app, SAMPLE)
    songs, artist = playlist(app), normalize_text(queue_of(app).current.song.artists[0])

    def artists() -> set[str]:
        return {normalize_text(name) for pick in queue_of(app).playlist(20) for name in pick.song.artists}

    click(app, "skip-photo")
    for policy in ("Take me there", "Match me"):
        pick(app, "policy", policy)
        assert artist not in artists()
    open_page(app, "models")
    open_page(app, "photo")
    assert artist not in artists()
    app.query_params["sample"] = SAMPLE
    app.run()
    click(app, "skip-photo")
    click(app, "allow-photo")
    assert songs[0] not in playlist(app)
    click(app, "allow-photo")
    assert "allow-photo" not in keys(app)
    assert playlist(app) == songs  # the queue starts again


def test_a_photo_without_a_face_can_be_turned_and_has_a_file(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    files = files_of(monkeypatch)
    upload(app.run(), ("wall.png", encode_png(np.full((90, 120, 3), 90, np.uint8))))
    assert "No face" in app.title[0].value
    app.button(key="turn").click().run()
    assert state_of(app, PictureState).own[0].decode().pixels.shape == (120, 90, 3)
    assert tracks(app) == []
    assert not downloads(app)
    pick(app, "says-", "sad")
    assert queue_of(app).request.point == Emotion.SAD.point
    record = json.loads(files["wall.json"]())
    assert (record["faces"], record["request"]["manual_emotion"]) == ([], "sad")
    assert [song["id"] for song in record["songs"]] == playlist(app)
    pick(app, "mood-", "calm")
    assert queue_of(app).request.mood == "calm"


def test_options_change_the_request_and_reset_restores_everything(app: AppTest) -> None:
    sample(app, SAMPLE)
    before = playlist(app)

    def menu(kind: str) -> Any:
        """A menu of genres. Its key changes with each reset."""
        return next(each for each in (*app.pills, *app.multiselect) if (each.key or "").startswith(kind))

    click(app, "your-music-shuffle")
    app.toggle(key="hide_explicit").set_value(True).run()
    menu("genre_families").set_value(["rock-music"])
    menu("genre_names").set_value(["salsa"]).run()
    rock = frozenset(GENRES_OF_FAMILY["rock-music"])
    request = queue_of(app).request
    assert (request.seed, request.hide_explicit, request.genres) == (1, True, rock | {"salsa"})
    assert not any(pick.song.explicit for pick in queue_of(app).playlist(20))
    click(app, "your-music-reset")
    assert [*menu("genre_families").value, *menu("genre_names").value, *genres(app)] == []
    assert playlist(app) == before
    assert app.button(key="your-music-reset").disabled
    menu("genre_names").set_value(["salsa"]).run()  # the new widgets work
    assert genres(app) == ["salsa"]


def test_photos_of_a_contact_sheet_are_as_large_as_the_window_allows() -> None:
    few, many = [1.5] * 2, [0.7, 0.8, 1, 3.2, 0.85, 0.7, 0.8, 0.8]
    assert row_share(few) > 2 * row_share(many) > 0.2
    assert row_share([1.5] * 400) == row_share([1.5] * 800)  # so many scroll


def test_a_correction_stands_beside_the_estimate(app: AppTest) -> None:
    sample(app, "joe-biden-2010")
    before = next(block.proto.body for block in app.get("html") if 'class="strip' in block.proto.body)
    app.query_params["says"] = "happy"
    strip = next(block.proto.body for block in app.run().get("html") if 'class="strip' in block.proto.body)
    assert "you: happy" in strip
    assert strip.replace(" · you: happy", "") == before
