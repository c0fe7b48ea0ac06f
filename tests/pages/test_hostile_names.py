"""Names of a visitor's songs, tables, photos and films are text everywhere: on pages, in charts and in files."""

import csv
import io
import re
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from emomusic.affect import Emotion
from emomusic.app.choices import WHAT_IF, YOUR_SONG
from emomusic.app.film.state import FilmState
from emomusic.media.images import encode_png
from tests.films import SAMPLES
from tests.pages.film_jobs import scenes_job
from tests.pages.screen import (
    SAMPLE,
    choose,
    files_of,
    open_page,
    page_of,
    playing,
    start_app,
    state_of,
    text_of,
    upload,
)
from tests.songs.ears import FakeEar
from tests.songs.songs import song_bytes
from tests.songs.tables import mood_table

NAME = "=1+1;=2+2 ![x](https://e.org/x.png) www.e.org a@e.org :material/home: <b>b</b> {y}"
ACTIVE = r"https?://e\.org|www\.e|a@e|:material/home|(?<!\\)<b>|(?<!\\)\]\((?!https://open\.spotify)|(?m:^)#+ z"


def assert_text(app: AppTest) -> None:
    """Nothing on the page is a link, an icon, a heading or HTML of a name."""
    assert re.search(r"e\\?\.org", text_of(app)) or app.dataframe  # there is a name
    labels = [text for each in app.button for text in (each.label, each.help or "")]
    for text in (text_of(app), *labels, *(menu.proto.popover.label for menu in app.get("popover"))):
        assert not re.search(ACTIVE, text), text
    shown = [chart.proto.spec for chart in app.get("plotly_chart")]
    assert not [text for text in shown if re.search(r"<b>b|<br>#", text)]


def assert_files(files: dict[str, Any]) -> set[str]:
    """No file has a formula, or another line for a name. The endings of the checked files."""
    for name, make in files.items():
        content = make()
        if name.endswith(".csv"):
            text = content if isinstance(content, str) else content.decode("utf-8-sig")
            for cells in (csv.reader(io.StringIO(text)), csv.reader(io.StringIO(text), delimiter=";")):
                assert not [cell for row in cells for cell in row if cell.startswith(("=", "@", "+"))], text
        elif name.endswith((".m3u", ".txt")):
            assert "\n# z" not in content
    return {name.rpartition(".")[2] for name in files}


def with_table(app: AppTest) -> AppTest:
    """Let the songs of a table play."""
    choose(app, songs="table")
    app.run()
    hostile = f"{NAME}\n# z"
    table = mood_table(6).assign(path=f"/music/{hostile}.mp3")
    table["name"], table["artist"] = f"{hostile} " + table["id"], "=1+1 " + table["id"] + f";{hostile}"
    content = table.drop(columns="id").to_csv(index=False).encode()
    app.file_uploader(key="table_upload").upload(f"{hostile}.csv", content)
    return app.run()


def test_names_on_the_photo_page_and_in_its_files(monkeypatch: pytest.MonkeyPatch) -> None:
    files = files_of(monkeypatch)
    app = with_table(start_app(sample=SAMPLE))
    photo, nobody = (
        (SAMPLES / "grace-hopper-1984.jpg").read_bytes(),
        encode_png(np.zeros((64, 64, 3), np.uint8)),
    )
    for contents in ([photo, nobody, b"no picture"], [photo]):
        files.clear()
        upload(app, *((f"{NAME}{number}.jpg", content) for number, content in enumerate(contents)))
        assert_text(app)
        assert assert_files(files) >= {"csv", "m3u", "txt", "json", "png"}
        app.button(key="skip-photo").click().run()
        assert_text(app)


def test_names_on_the_film_page_and_in_its_files(monkeypatch: pytest.MonkeyPatch) -> None:
    files = files_of(monkeypatch)
    job = scenes_job(f"{NAME}.mp4", [Emotion.HAPPY, Emotion.SAD])
    app = page_of("film")
    state_of(app, FilmState).show(job)
    assert_text(with_table(app.run()))
    assert assert_files(files) >= {"csv", "m3u", "json"}
    job.close()


def test_names_of_the_songs_of_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    app = open_page(with_table(start_app(sample=SAMPLE)), "how_it_works")
    choose(app, songs="table")
    app.query_params["step"] = "songs"
    assert_text(app.run())
    files, app = files_of(monkeypatch), with_table(page_of("music"))
    for name in (WHAT_IF, "Explore"):
        choose(app, view=name)
        assert_text(app.run())
    app.toggle(key="music-columns").set_value(True).run()
    assert_text(app)
    assert app.dataframe[0].value["artists"][0].startswith("'=1+1")
    assert "csv" in assert_files(files)
    app.file_uploader(key="table_upload").upload("a.csv", b"![x](https://e.org/x.png),__y__\n1,2\n")
    assert_text(app.run())
    assert {"table-title", "table-artist"} <= {box.key for box in app.selectbox}  # the page asks for the columns


def test_names_of_own_songs(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("emomusic.songs.hearing", "emomusic.app.music.classify"):
        monkeypatch.setattr(f"{module}.load_sound_model", FakeEar)
    app = start_app(sample=SAMPLE, songs="own")
    tags = {"title": NAME, "artist": NAME, "album": NAME}
    songs = [(f"{NAME}.mp3", song_bytes("mp3", 2, tags=tags), "audio/mpeg"), (f"{NAME}.wav", b"no song", "audio/wav")]
    app.file_uploader(key="own_upload").set_value(songs).run()
    assert playing(app).startswith("yours-")
    assert_text(app)
    app = page_of("music", view=YOUR_SONG).run()
    for name, content, _ in songs:
        app.file_uploader(key="music_song_upload").upload(name, content)
        assert_text(app.run())
