import gc
import re
import weakref
from collections import Counter
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from streamlit.testing.v1 import AppTest

from emomusic.affect import Emotion
from emomusic.app import state, uploads
from emomusic.app.frame import enter_app
from emomusic.app.gallery import pictures as gallery_module
from emomusic.app.gallery.pictures import GalleryState
from emomusic.app.persons import PersonsState
from emomusic.app.picture_chooser import Picture
from emomusic.faces.identity import load_identifier
from emomusic.faces.profile import learn_profile
from emomusic.faces.reading import load_networks
from emomusic.media.images import crop_face, encode_png, read_image
from emomusic.server.capacity import Capacity
from tests.pages.screen import playing, playlist, queue_of, songs_on_the_plane, state_of, text_of, tracks

SECONDS = 120
SAMPLES = "Show the samples"


@pytest.fixture
def app(root: Path) -> AppTest:
    enter_app()  # as if app.py had run
    return AppTest.from_file(str(root / "pages/gallery.py"), default_timeout=SECONDS)


def tiles(app: AppTest) -> list[str]:
    """The labels of the faces, in order."""
    return [button.label for button in app.button if (button.key or "").startswith("hung-")]


def upload(app: AppTest, files: list[tuple[str, bytes]], *, source: str = "Pictures") -> AppTest:
    """Replace the uploaded photos."""
    app.file_uploader(key=f"{state.GALLERY_FILES}-{source}").set_value([(*file, "image/jpeg") for file in files])
    return app.run()


@pytest.fixture
def people(root: Path) -> dict[str, bytes]:
    return {path.stem: path.read_bytes() for path in sorted((root / "data/samples").glob("*.jpg"))}


def test_the_samples_are_shown_by_quadrant_with_songs_for_all(app: AppTest) -> None:
    app.run().button[0].click().run()
    assert not app.exception
    assert app.query_params[state.GALLERY_RESULT] in ("samples", ["samples"])
    assert app.title[0].value.startswith("Together: ")
    assert sorted(int(label.split()[0]) for label in tiles(app)) == list(range(1, 8))
    assert len(tracks(app)) == 1
    (table,) = (frame.value for frame in app.dataframe)
    assert isinstance(table, pd.DataFrame)
    assert list(table["face"]) == list(range(1, 8))
    assert sorted(label.split()[1] for label in tiles(app)) == sorted(table["emotion"])
    counts = Counter(table["emotion"])
    assert "7 faces in 7 photos: " in text_of(app)
    assert all(f" {count} {emotion}" in text_of(app) for emotion, count in counts.items())
    assert table.loc[table["emotion"] == "happy", "quadrant"].tolist() == ["Q1", "Q1"]
    assert table["confidence"].between(14, 100).all()
    assert table["picture"].str.startswith("data:image/jpeg;base64,").all()
    assert table["picture"].str.len().max() < 4000


def test_a_click_on_a_face_chooses_its_songs(app: AppTest, people: dict[str, bytes]) -> None:
    app.query_params[state.GALLERY_RESULT] = "samples"
    assert len(tiles(app.run())) == 7
    upload(app, [("a.jpg", people["joe-biden-2010"]), ("b.jpg", people["eileen-collins-1999"])])
    assert state.GALLERY_RESULT not in app.query_params
    first = tracks(app)
    next(button for button in app.button if re.match(r"2 happy", button.label)).click().run()
    assert not app.exception
    assert app.toast[0].value.startswith("Face 2: ")
    assert "happy" in app.title[0].value
    assert "**✓ 2 happy**" in tiles(app)
    digest = Picture.of("b.jpg", people["eileen-collins-1999"]).digest
    assert any(f".st-key-tile-{digest}-0 img {{ outline" in html.proto.body for html in app.get("html"))
    assert queue_of(app, "gallery").current.mood == "happy"
    assert tracks(app) != first
    (menu,) = app.selectbox
    assert menu.value == 2
    assert menu.options == ["Everyone", "Face 1, a.jpg", "Face 2, b.jpg"]
    menu.set_value(0).run()
    assert tracks(app) == first


def test_a_profile_counts_for_photos_that_were_read_before_and_is_forgotten(
    app: AppTest, people: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    detector, classifier = load_networks()
    image = read_image(people["grace-hopper-1984"])
    (face,) = detector.detect(image)
    identity = load_identifier().describe(image, [face.box])
    profile = learn_profile({Emotion.NEUTRAL: [crop_face(image, face.box)]}, identity, classifier)
    upload(app.run(), [(f"{name}.jpg", people[name]) for name in ("joe-biden-2010", "grace-hopper-1984")])
    before = app.dataframe[0].value
    monkeypatch.setattr(gallery_module, "read_visitor", None)  # the faces are not searched again
    app.file_uploader(key=state.PROFILE_UPLOAD).set_value(("me.json", profile.to_json(), "application/json")).run()
    assert not app.exception
    assert "Read with a profile: face 2" in text_of(app)
    after = app.dataframe[0].value
    assert after["neutral"][1] > before["neutral"][1] + 10
    assert after["neutral"][0] == before["neutral"][0]  # another person
    person = weakref.ref(state_of(app, PersonsState).known[0])
    app.button(key="persons-forget").click().run()
    assert not app.exception
    again = app.dataframe[0].value
    pd.testing.assert_frame_equal(again.drop(columns="picture"), before.drop(columns="picture"))
    gc.collect()
    assert person() is None


def test_the_chosen_face_stays_chosen_when_photos_change(app: AppTest, people: dict[str, bytes]) -> None:
    four, smile, stern = (
        (f"{name}.jpg", people[name]) for name in ("four-people", "eileen-collins-1999", "joe-biden-2010")
    )
    upload(app.run(), [four, smile])
    app.selectbox[0].set_value(3).run()
    chosen = tracks(app)
    upload(app, [stern, smile, four])
    assert not app.exception
    assert app.selectbox[0].value == 5  # the third of the four people, after two other faces
    assert tracks(app) == chosen
    upload(app, [stern, smile])
    assert app.selectbox[0].value == 0  # the face is absent
    upload(app, [four, smile])
    assert app.selectbox[0].value == 0  # the earlier choice does not return


def test_the_table_escapes_formulas_and_shows_small_shares(app: AppTest, people: dict[str, bytes]) -> None:
    upload(app.run(), [("=1+1.jpg", people["eileen-collins-1999"])])
    (frame,) = app.dataframe
    assert frame.value["photo"].tolist() == ["'=1+1.jpg"]
    assert 0 < frame.value["disgust"][0] < 0.5
    shown = pa.ipc.open_stream(frame.proto.arrow_data.styler.display_values).read_pandas()
    assert shown.iloc[0, frame.value.columns.get_loc("disgust")] == "<1 %"
    assert not app.selectbox  # a single face is chosen
    assert "happy" in app.title[0].value
    assert queue_of(app, "gallery").current.mood == "happy"
    assert [source.load for source in state_of(app, GalleryState).files] == [None]  # its bytes are released
    (stored,) = state_of(app, GalleryState).read.values()
    assert max(read_image(stored.small).shape) <= 960
    assert sum(map(len, (stored.small, *stored.faces))) < 300_000


def test_the_next_song_is_played_without_reading_a_photo_again(
    app: AppTest, people: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(app.run(), [("a.jpg", people["joe-biden-2010"]), ("b.jpg", people["eileen-collins-1999"])])
    monkeypatch.setattr(gallery_module, "_read", None)
    app.button(key="next-gallery").click().run()
    assert not app.exception
    assert playing(app) == playlist(app, "gallery")[1]
    assert [number for number, _ in songs_on_the_plane(app)] == [*range(1, 7)]


def test_unreadable_and_duplicate_files_and_photos_without_a_face_are_named(
    app: AppTest, people: dict[str, bytes], root: Path
) -> None:
    bad, collins = ("bad_*.jpg", b"\xff\xd8\xffnonsense"), people["eileen-collins-1999"]
    upload(app.run(), [bad])
    assert len(app.title) == 1
    assert app.expander[0].proto.expanded
    assert tracks(app) == []
    icon = ("icon.png", encode_png(read_image(root / "data/icon.png")))
    upload(app, [icon])
    assert "No face" in app.title[0].value
    upload(app, [bad, icon, ("a.jpg", collins), ("again.jpg", collins)])
    assert not app.exception
    assert app.expander[0].label.startswith("1 file ")
    assert not app.expander[0].proto.expanded
    assert "bad\\_\\*\\.jpg" in app.expander[0].markdown[0].value
    assert "1 face in 2 photos: 1 happy." in text_of(app)
    assert "No face found in icon\\.png." in text_of(app)
    assert "again\\.jpg" in text_of(app)
    assert len(tracks(app)) == 1


def test_photos_beyond_the_limit_are_counted(
    app: AppTest, people: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery_module, "MOST_PICTURES", 2)
    files = [(f"{name}.jpg", people[name]) for name in ("eileen-collins-1999", "joe-biden-2010", "grace-hopper-1984")]
    upload(app.run(), files)
    assert not app.exception
    assert "2 faces in 2 photos" in text_of(app)
    assert "1 file not read" in text_of(app)
    upload(app, files[1:])  # the excluded photo is uploaded again
    assert "2 faces in 2 photos" in text_of(app)


def test_a_folder_is_sorted_by_file_name(app: AppTest, people: dict[str, bytes]) -> None:
    app.run().segmented_control(key=state.GALLERY_SOURCE).set_value("Folder").run()
    files = [("class/b.jpg", people["eileen-collins-1999"]), ("class/a.jpg", people["joe-biden-2010"])]
    upload(app, files, source="Folder")
    assert not app.exception
    assert app.selectbox[0].options == ["Everyone", "Face 1, class/a.jpg", "Face 2, class/b.jpg"]


def test_photos_can_be_removed_after_a_visit_to_another_page(app: AppTest, people: dict[str, bytes]) -> None:
    upload(app.run(), [("a.jpg", people["eileen-collins-1999"])])
    assert app.button[0].label != "Remove photos"
    again = AppTest.from_file(app._script_path, default_timeout=SECONDS)  # the uploader is empty, as after another page
    again.session_state[state.state_key(GalleryState)] = state_of(app, GalleryState)
    again.run()
    assert len(tiles(again)) == 1
    again.button[0].click().run()
    assert not again.exception
    assert tiles(again) == []
    assert not state_of(again, GalleryState).read
    assert [button.label for button in again.button] == [SAMPLES]


def test_a_photo_for_which_the_server_has_no_room_is_named(
    app: AppTest, people: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    small = Capacity(1, 1, max_memory_mb=2)  # 1 MB for each visitor
    monkeypatch.setattr(uploads, "capacity", lambda: small)
    upload(app.run(), [("small.jpg", people["eileen-collins-1999"]), ("large.jpg", bytes(2**20))])
    assert not app.exception
    assert "1 face in 1 photo" in text_of(app)
    assert "large\\.jpg" in app.expander[0].markdown[0].value
    assert small.memory.num_bytes == 0  # the other one is read
