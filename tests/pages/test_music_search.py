"""The search of the Music page on a fake Spotify."""

from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from emomusic.app.music import explore
from emomusic.app.music.songs import ON_SPOTIFY
from emomusic.errors import SpotifyError
from emomusic.songs.recommend import load_recommender
from emomusic.songs.song import Player, Song
from emomusic.songs.spotify import Credentials, FoundSongs
from tests.pages.screen import page_of, playlist, text_of, unescaped
from tests.songs.tables import track_id


@pytest.fixture
def app(root: Path) -> AppTest:
    st.cache_data.clear()  # remove results of other tests
    return page_of(root, "music")


def find(app: AppTest, words: str) -> AppTest:
    app.query_params["find"] = words
    return app.run()


def test_a_server_without_keys_links_to_the_search_of_spotify(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explore, "spotify_credentials", lambda: None)
    find(app, "ac/dc & co")
    (link,) = app.get("link_button")
    assert link.proto.url == "https://open.spotify.com/search/ac%2Fdc%20%26%20co"


class FakeSpotify:
    """Finds one song of the catalogue and another one, or fails."""

    def __init__(self, credentials: Credentials) -> None:
        self.credentials = credentials

    def search(self, text: str) -> FoundSongs:
        if text == "fail":
            raise SpotifyError("Spotify asks to wait 30 s: ![x](https://example.org/x.png)")
        unknown = Song(track_id(7), "Unknown", ("B",), Player.SPOTIFY)  # without features
        return FoundSongs((load_recommender().catalogue.song(0), unknown), 20)


def use(monkeypatch: pytest.MonkeyPatch, spotify: type, secret: str = "x") -> None:
    """Replace Spotify by a fake, with keys that no other test has."""
    credentials = Credentials(f"id of {spotify.__qualname__}", secret)
    monkeypatch.setattr(explore, "spotify_credentials", lambda: credentials)
    monkeypatch.setattr(explore, "LiveSpotify", spotify)


def test_spotify_is_searched_with_keys_and_a_failure_is_one_warning(app: AppTest, monkeypatch) -> None:
    use(monkeypatch, FakeSpotify)
    find(app, "zzzz")
    assert len(playlist(app, ON_SPOTIFY)) == 2
    assert "20 found by Spotify" in text_of(app)
    assert text_of(app).count("mood unknown") == 1
    assert f"(https://open.spotify.com/track/{playlist(app, ON_SPOTIFY)[0]})" in text_of(app)
    app.text_input(key="find").set_value("fail").run()
    (warning,) = app.warning
    assert unescaped(warning.value).startswith("Spotify asks to wait 30 s: ![x]")
    assert "![x]" not in warning.value


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of the secrets of a temporary server."""
    for name in ("SPOTIFY_CLIENT_ID", "SPOTIFY_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    file = tmp_path / ".streamlit" / "secrets.toml"
    file.parent.mkdir()
    return file


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b'SPOTIFY_CLIENT_ID = "x"\nSPOTIFY_CLIENT_SECRET = "hidden\n', "a mistake at line 2, column 32"),
        (b'SPOTIFY_CLIENT_SECRET = "hidden \xff"\n', "a mistake in the file"),
    ],
)
def test_a_mistake_in_the_secrets_is_one_warning_and_its_place_is_in_the_log(
    app: AppTest, secrets: Path, content: bytes, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    secrets.write_bytes(content)
    find(app, "zzzz")
    assert len(app.warning) == 1
    assert "secrets" not in text_of(app)
    assert "secrets.toml: one setting per line" in caplog.text
    assert f"Received: {fault}. " in caplog.text
    assert "hidden" not in text_of(app) + caplog.text
    assert "No song" in app.info[0].value  # the table is still searched
    secrets.write_text('[spotify]\nclient_id = "an id"\nclient_secret = "a secret"\n', encoding="utf-8")
    assert explore.spotify_credentials() == Credentials("an id", "a secret")
