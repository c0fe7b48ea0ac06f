"""pages/gallery.py under AppTest, with the real networks: every state a visitor can meet."""

import json
import re
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.runtime.uploaded_file_manager import DeletedFile, UploadedFile, UploadedFileRec
from streamlit.testing.v1 import AppTest

from emomusic.face.images import encode_png, read_image
from emomusic.ui.core import state
from emomusic.ui.core.frame import enter_app
from emomusic.ui.core.picture_chooser import Picture
from emomusic.ui.gallery import faces as faces_module
from emomusic.ui.gallery import pictures as gallery_module
from emomusic.ui.gallery.pictures import PictureSource
from emomusic.ui.songs.listener import FIRST_POINTS
from tests.pages.screen import text_of, tracks

SECONDS = 120


@pytest.fixture
def app(root: Path) -> AppTest:
    enter_app()  # as if a visitor had come through the front door before
    return AppTest.from_file(str(root / "pages/gallery.py"), default_timeout=SECONDS)


def tiles(app: AppTest) -> list[str]:
    """The names under the faces on the wall, in order."""
    return [button.label for button in app.button if (button.key or "").startswith("hung-")]


def hang(app: AppTest, files: list[tuple[str, bytes]], *, source: str = "Pictures") -> AppTest:
    """Upload pictures in place of those before."""
    app.file_uploader(key=f"{state.GALLERY_FILES}-{source}").set_value([(*file, "image/jpeg") for file in files])
    return app.run()


@pytest.fixture
def people(root: Path) -> dict[str, bytes]:
    return {path.stem: path.read_bytes() for path in sorted((root / "data/samples").glob("*.jpg"))}


def test_the_first_look_offers_the_samples(app: AppTest) -> None:
    app.run()
    assert not app.exception
    assert app.title[0].value == "What do many faces sound like?"
    assert [button.label for button in app.button] == ["Hang the samples"]
    assert tracks(app) == []


def test_the_samples_hang_by_quadrant_with_songs_for_all(app: AppTest) -> None:
    app.run().button[0].click().run()
    assert not app.exception
    assert app.query_params[state.GALLERY_RESULT] in ("samples", ["samples"])
    assert "7 faces in 7 pictures: 1 angry, 2 happy, 4 neutral." in text_of(app)
    assert app.header[0].value.startswith("Together: ")
    assert sorted(int(label.split()[0]) for label in tiles(app)) == list(range(1, 8))
    assert [label.split()[1] for label in tiles(app)] == ["angry", "happy", "happy", *["neutral"] * 4]
    assert len(set(tracks(app))) == 5
    (table,) = (frame.value for frame in app.dataframe)
    assert isinstance(table, pd.DataFrame)
    assert list(table["face"]) == list(range(1, 8))
    assert table.loc[table["expression"] == "happy", "quadrant"].tolist() == ["Q1", "Q1"]
    assert table["sure"].between(14, 100).all()


def test_a_link_to_the_samples_hangs_them(app: AppTest) -> None:
    app.query_params[state.GALLERY_RESULT] = "samples"
    app.run()
    assert not app.exception
    assert len(tiles(app)) == 7


def test_a_face_that_is_pressed_is_whose_music_it_is(app: AppTest, people: dict[str, bytes]) -> None:
    hang(app.run(), [("a.jpg", people["joe-biden-2010"]), ("b.jpg", people["eileen-collins-1999"])])
    first = tracks(app)
    next(button for button in app.button if re.match(r"2 happy", button.label)).click().run()
    assert not app.exception
    assert app.toast[0].value.startswith("Face 2: ")
    assert "happy" in app.header[0].value
    assert "**✓ 2 happy**" in tiles(app)
    digest = Picture.of("b.jpg", people["eileen-collins-1999"]).digest
    assert any(f".st-key-tile-{digest}-0 img {{ outline" in html.proto.body for html in app.get("html"))
    assert "Songs that are where the face is: happy ones." in text_of(app)
    assert tracks(app) != first
    (menu,) = app.selectbox
    assert menu.value == 2
    assert menu.options == ["Everyone", "Face 1, a.jpg", "Face 2, b.jpg"]
    menu.set_value(0).run()
    assert tracks(app) == first


def test_the_chosen_face_stays_chosen_while_pictures_come_and_go(app: AppTest, people: dict[str, bytes]) -> None:
    four, smile, stern = (
        (f"{name}.jpg", people[name]) for name in ("four-people", "eileen-collins-1999", "joe-biden-2010")
    )
    hang(app.run(), [four, smile])
    app.selectbox[0].set_value(3).run()
    chosen = tracks(app)
    hang(app, [stern, smile, four])
    assert not app.exception
    assert app.selectbox[0].value == 5  # the third of the four people, after two others
    assert tracks(app) == chosen
    hang(app, [stern, smile])
    assert app.selectbox[0].value == 0  # it hangs no longer
    hang(app, [four, smile])
    assert app.selectbox[0].value == 0  # nor does what was chosen on this wall before come back


def test_the_table_calls_nothing_none_that_the_bars_call_less_than_one(app: AppTest, people: dict[str, bytes]) -> None:
    hang(app.run(), [("a.jpg", people["eileen-collins-1999"])])
    (frame,) = app.dataframe
    assert 0 < frame.value["disgust"][0] < 0.5
    shown = pa.ipc.open_stream(frame.proto.arrow_data.styler.display_values).read_pandas()
    assert shown.iloc[0, frame.value.columns.get_loc("disgust")] == "<1 %"
    assert "A face has the name of its most probable expression and the place of the mean" in text_of(app)


def test_what_was_read_is_not_read_again(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    names: list[str] = []
    read = gallery_module._read
    monkeypatch.setattr(gallery_module, "_read", lambda picture: (names.append(picture.name), read(picture))[1])
    app.query_params[state.GALLERY_RESULT] = "samples"
    app.run()
    assert len(names) == 7
    app.segmented_control(key=state.POLICY).set_value("Journey").run()
    assert not app.exception
    assert len(names) == 7


def test_files_that_are_no_pictures_are_told_and_the_others_hang(app: AppTest, people: dict[str, bytes]) -> None:
    hang(app.run(), [("bad_*.jpg", b"\xff\xd8\xffnonsense"), ("a.jpg", people["eileen-collins-1999"])])
    assert not app.exception
    assert app.expander[0].label == "1 file could not be read"
    assert "bad\\_\\*\\.jpg" in app.expander[0].markdown[0].value
    assert "1 face in 1 picture: 1 happy." in text_of(app)
    assert len(tracks(app)) == 5


def test_a_name_that_a_spreadsheet_would_run_is_disarmed(app: AppTest, people: dict[str, bytes]) -> None:
    hang(app.run(), [("=1+1.jpg", people["eileen-collins-1999"])])
    assert app.dataframe[0].value["picture"].tolist() == ["'=1+1.jpg"]


def test_the_same_picture_hangs_once(app: AppTest, people: dict[str, bytes]) -> None:
    hang(app.run(), [("a.jpg", people["eileen-collins-1999"]), ("again.jpg", people["eileen-collins-1999"])])
    assert "1 face in 1 picture" in text_of(app)
    assert "Hung once, though chosen twice: again\\.jpg." in text_of(app)


def test_pictures_without_a_face_are_named_or_told_of(app: AppTest, people: dict[str, bytes], root: Path) -> None:
    icon = encode_png(read_image(root / "data/icon.png"))
    hang(app.run(), [("icon.png", icon)])
    assert not app.exception
    assert app.header[0].value == "No face found"
    assert tracks(app) == []
    hang(app, [("icon.png", icon), ("a.jpg", people["eileen-collins-1999"])])
    assert "No face was found in icon\\.png." in text_of(app)
    assert len(tracks(app)) == 5


def test_more_than_the_wall_holds_is_left_out_and_said(
    app: AppTest, people: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery_module, "MOST_PICTURES", 2)
    files = [(f"{name}.jpg", people[name]) for name in ("eileen-collins-1999", "joe-biden-2010", "grace-hopper-1984")]
    hang(app.run(), files)
    assert not app.exception
    assert "2 faces in 2 pictures" in text_of(app)
    assert "files were read; 1 more file left out." in text_of(app)
    hang(app, files[1:])  # what was one too many has its turn; here it comes anew
    assert "2 faces in 2 pictures" in text_of(app)


def test_a_folder_is_hung_by_the_names_of_its_files(app: AppTest, people: dict[str, bytes]) -> None:
    app.run().segmented_control(key=state.GALLERY_SOURCE).set_value("Folder").run()
    files = [("class/b.jpg", people["eileen-collins-1999"]), ("class/a.jpg", people["joe-biden-2010"])]
    hang(app, files, source="Folder")
    assert not app.exception
    assert app.selectbox[0].options == ["Everyone", "Face 1, class/a.jpg", "Face 2, class/b.jpg"]


def test_pictures_taken_away_leave_the_wall(app: AppTest, people: dict[str, bytes]) -> None:
    files = [("a.jpg", people["eileen-collins-1999"]), ("b.jpg", people["joe-biden-2010"])]
    hang(app.run(), files)
    assert len(tiles(app)) == 2
    hang(app, files[:1])
    assert len(tiles(app)) == 1
    hang(app, [])
    assert not app.exception
    assert tiles(app) == []
    assert [button.label for button in app.button] == ["Hang the samples"]
    assert state.GALLERY not in app.session_state


def test_of_many_faces_the_plane_shows_the_first_and_says_so(
    app: AppTest, people: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faces_module, "MOST_POINTS", 3)
    hang(app.run(), [("four.jpg", people["four-people"])])
    assert not app.exception
    assert FIRST_POINTS in text_of(app)
    plane = json.loads(app.get("plotly_chart")[-1].proto.spec)
    (shown,) = (trace["text"] for trace in plane["data"] if trace.get("name") == "faces")
    assert shown == ["<b>1</b>", "<b>2</b>", "<b>3</b>", "<b>all</b>"]


def test_where_nothing_can_be_read_the_reasons_stand_open(app: AppTest) -> None:
    hang(app.run(), [("bad.jpg", b"\xff\xd8\xffnonsense")])
    assert not app.exception
    assert [heading.value for heading in app.header] == ["No picture could be read"]
    assert app.expander[0].proto.expanded
    assert tracks(app) == []


def test_a_single_face_is_whose_music_it_is(app: AppTest, people: dict[str, bytes]) -> None:
    hang(app.run(), [("a.jpg", people["eileen-collins-1999"])])
    assert not app.exception
    assert not app.selectbox
    assert "happy" in app.header[0].value
    assert "Songs that are where the face is: happy ones." in text_of(app)


def sources(key: str, *, load: bool = True) -> PictureSource:
    return PictureSource(key, f"{key}.jpg", (lambda: Picture.of(key, b"")) if load else None)


def uploaded(key: str) -> UploadedFile:
    return UploadedFile(UploadedFileRec(key, f"{key}.jpg", "image/jpeg", b""), FileURLs())


@pytest.mark.parametrize(("source", "order"), [("Pictures", ["c", "a", "b"]), ("Folder", ["a", "b", "c"])])
def test_files_that_the_server_let_go_keep_their_place(
    monkeypatch: pytest.MonkeyPatch, source: str, order: list[str]
) -> None:
    read, widget = sources("c", load=False), f"{state.GALLERY_FILES}-{source}"
    session = {state.GALLERY_FILES: [read], widget: [DeletedFile("c"), uploaded("a"), DeletedFile("x"), uploaded("b")]}
    monkeypatch.setattr(gallery_module.st, "session_state", session)
    gallery_module._take(widget)
    taken = {file.key: file for file in session[state.GALLERY_FILES]}
    assert list(taken) == order
    assert taken["c"] is read
    assert taken["a"].load is not None


def test_a_list_that_outlived_its_session_is_hung(app: AppTest, people: dict[str, bytes]) -> None:
    hang(app.run(), [("a.jpg", people["eileen-collins-1999"]), ("b.jpg", people["joe-biden-2010"])])
    for key in (state.GALLERY, state.GALLERY_FILES):
        del app.session_state[key]
    app.run()
    assert not app.exception
    assert len(tiles(app)) == 2
    assert not app.info


def test_pictures_chosen_before_another_page_can_be_taken_down(app: AppTest, people: dict[str, bytes]) -> None:
    hang(app.run(), [("a.jpg", people["eileen-collins-1999"])])
    assert [button.label for button in app.button][:1] != ["Take the pictures down"]
    again = AppTest.from_file(app._script_path, default_timeout=SECONDS)  # the uploader is empty, as after another page
    for key in (state.GALLERY, state.GALLERY_FILES):
        again.session_state[key] = app.session_state[key]
    again.run()
    assert len(tiles(again)) == 1
    again.button[0].click().run()
    assert not again.exception
    assert tiles(again) == []
    assert state.GALLERY not in again.session_state
    assert [button.label for button in again.button] == ["Hang the samples"]


def test_own_pictures_take_the_samples_from_the_address(app: AppTest, people: dict[str, bytes]) -> None:
    app.query_params[state.GALLERY_RESULT] = "samples"
    hang(app.run(), [("a.jpg", people["eileen-collins-1999"])])
    assert state.GALLERY_RESULT not in app.query_params
    assert len(tiles(app)) == 1


def test_nothing_holds_the_bytes_of_a_picture_once_it_was_read(app: AppTest, people: dict[str, bytes]) -> None:
    hang(app.run(), [("a.jpg", people["eileen-collins-1999"])])
    assert [sources.load for sources in app.session_state[state.GALLERY_FILES]] == [None]
    (kept,) = app.session_state[state.GALLERY].values()
    assert max(read_image(kept.small).shape) <= 960
    assert sum(map(len, (kept.small, *kept.faces))) < 300_000
