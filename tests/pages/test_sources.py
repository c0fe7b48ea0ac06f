"""The sources of songs: Spotify, the visitor's own files, and the bundled songs."""

import os
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import streamlit as st
from msgspec.structs import replace
from streamlit.testing.v1 import AppTest

from emomusic.app import bar, own_music, sources, uploads
from emomusic.app.bar import content_of
from emomusic.app.queues import PlayerState
from emomusic.app.state import SourceState
from emomusic.errors import LibraryError
from emomusic.server import own_library
from emomusic.server.capacity import capacity
from emomusic.server.shared import shared
from emomusic.server.visitor import is_own_computer
from emomusic.songs.library import Library
from emomusic.songs.local_songs import bundled_songs, recommender_of
from emomusic.songs.song import Player, Trait
from tests.fakes import own_capacity
from tests.pages.screen import (
    SAMPLE,
    click,
    files_of,
    page_of,
    playing,
    queue_of,
    start_app,
    state_of,
    text_of,
    told,
    unescaped,
)
from tests.songs.ears import FakeEar
from tests.songs.songs import song_bytes, song_of, tone
from tests.waiting import PATIENCE_S, wait_until


def test_bundled_songs_are_filtered_by_sound_and_name_no_folder(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = files_of(monkeypatch)
    app = start_app(sample=SAMPLE, songs="bundled")
    assert {song.mood for song in queue_of(app).playlist(3)} == {"happy"}
    assert "eileen-collins-1999.m3u" not in files  # no player finds them
    lists = [make() for name, make in files.items() if name.rpartition(".")[2] in ("json", "csv")]
    texts = [made if isinstance(made, str) else made.decode("utf-8") for made in lists]
    names = [Path(song.path).name for song in bundled_songs()]
    assert sum(any(name in text for name in names) for text in texts) >= 1
    assert not any(str(root) in text for text in texts)
    assert {"eileen-collins-1999-card.png", "eileen-collins-1999-card-without-faces.png"} <= files.keys()
    app = start_app(sample=SAMPLE, songs="bundled", heard="guitar")
    assert {Trait.GUITAR in pick.song.hearing.traits for pick in queue_of(app).playlist(20)} == {True}
    app.pills(key="heard").set_value([Trait.GUITAR, Trait.VOICE]).run()
    assert {"Feelings", "Snowy"} >= {pick.song.title for pick in queue_of(app).playlist(2)}
    app = page_of("music", songs="bundled", heard=["guitar", "voice"]).run()
    assert {pick.song.title for pick in queue_of(app, "music").playlist(9)} <= {"Feelings", "Snowy"}
    assert text_of(app).count("heard in the audio files") == 1


def test_a_list_of_spotify_keeps_its_songs_while_similar_ones_play_for_a_silent_spotify() -> None:
    app = page_of("music").run()
    listed = queue_of(app, "music").playlist(9)
    assert {pick.song.player for pick in listed} == {Player.SPOTIFY}
    state_of(app, SourceState).is_silent = True
    queue = queue_of(app.run(), "music")
    assert [pick.song.id for pick in queue.playlist(9)] == [pick.song.id for pick in listed]
    heard = [queue.sounding(pick) for pick in listed]
    assert {each.song.player for each in heard} == {Player.BUNDLED}
    assert len({each.song.id for each in heard}) == len(listed)  # none twice before all were heard
    for pick, each in zip(listed, heard, strict=True):
        assert queue.heard == each  # in the next run of the page too
        assert (each.point.arousal >= 0) == (pick.point.arousal >= 0)
        state_of(app, PlayerState).skipped[each.song.id] = each.song.title
        assert queue.heard.song.id != each.song.id
        state_of(app, PlayerState).skipped.clear()
        queue.go_on()
    (title,) = (text.value for text in app.markdown if "Spotify would play" in text.value)
    assert heard[0].song.title in text_of(app)
    assert listed[0].song.title in title


def untitled(seconds: float) -> bytes:
    """A song without tags, so that its file names it."""
    return song_bytes("wav", seconds, tags={})


def upload(app: AppTest, files: Mapping[str, bytes]) -> AppTest:
    uploader = app.file_uploader(key="own_upload")
    uploader.set_value([(name, content, "audio/wav") for name, content in files.items()])
    return app.run()


def test_a_song_goes_on_when_spotify_answers_again_also_with_traits() -> None:
    app = start_app(sample=SAMPLE)
    state_of(app, SourceState).is_silent = True
    app.run().pills(key="heard").set_value([Trait.GUITAR]).run()
    queue = queue_of(app)
    state_of(app, SourceState).is_silent = False
    assert queue_of(app.run()) is queue
    assert Trait.GUITAR in queue.current.song.hearing.traits


def test_uploaded_songs_play_and_bad_ones_get_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    app, queue, turns = start_app(sample=SAMPLE, songs="own"), shared().queue, []
    assert playing(app)  # Spotify plays until a file is ready
    turn = queue.turn
    monkeypatch.setattr(queue, "turn", lambda visitor: turns.append(capacity().is_busy) or turn(visitor))
    upload(app, {"first.wav": untitled(4), "bad.mp3": b"not audio", "second.wav": untitled(5)})
    assert len(turns) >= 4  # reading and hearing
    assert all(turns)
    assert {pick.song.path for pick in queue_of(app).playlist(5)} == {"first.wav", "second.wav"}
    assert any("bad" in caption.value for caption in app.caption)
    assert playing(start_app(sample=SAMPLE, songs="own"))  # another visitor has no files
    upload(app, {})
    assert playing(app)


def test_a_table_without_ids_gives_songs_and_hides_explicit_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    files = files_of(monkeypatch)
    app = start_app(sample=SAMPLE, songs="table")
    assert playing(app)  # Spotify plays until there is a table
    rows = "".join(
        f"Song {n},Artist {n},{'happy' if n % 2 else 'sad'},/music/{n}.mp3,{n in (1, 3)}\n" for n in range(8)
    )
    app.file_uploader(key="table_upload").upload("mine.csv", f"title,artist,mood,path,explicit\n{rows}".encode())
    app.run()
    assert queue_of(app).current.song.id.startswith("table-")
    assert not app.get("audio")
    queued = queue_of(app).playlist(4)
    assert {song.mood for song in queued} == {"happy"}
    assert queue_of(click(app, "next-photo")).current.song.id == queued[1].song.id
    paths = [line for line in files["eileen-collins-1999.m3u"]().splitlines() if line.startswith("/music/")]
    assert set(paths) == {f"/music/{n}.mp3" for n in (1, 3, 5, 7)}  # sad songs are on the other side
    with pytest.raises(LibraryError, match="no longer there"):
        content_of(queued[0].song)
    assert {pick.song.explicit for pick in queued} == {True, False}
    app.toggle(key="hide_explicit").set_value(True).run()
    assert [pick.song.explicit for pick in queue_of(app).playlist(6)] == [False] * 2


def test_explicit_uploads_are_hidden_and_two_copies_of_a_song_play_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emomusic.songs.hearing.load_sound_model", FakeEar)
    song = {"title": "Song A", "artist": "Band"}
    files = {
        "a.mp3": song_bytes("mp3", 4, tags=song),
        "a.flac": song_bytes("flac", 4, tags=song),
        "live.flac": song_bytes("flac", 8, tags=song | {"title": "Song A - Live"}),
        "rude.flac": song_bytes("flac", 4, tags={"title": "Song B", "ITUNESADVISORY": "1"}),
    }
    app = upload(start_app(sample=SAMPLE, songs="own"), files)
    paths = {pick.song.path for pick in queue_of(app).playlist(9)}
    assert len(paths) == 2
    assert {"rude.flac"} < paths < {"rude.flac", "a.flac", "live.flac"}
    app.toggle(key="hide_explicit").set_value(True).run()
    assert {pick.song.path for pick in queue_of(app).playlist(9)} == paths - {"rude.flac"}


def test_a_song_that_was_chosen_before_the_others_were_heard_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emomusic.songs.hearing.load_sound_model", FakeEar)
    loud, quiet = (song_of(tone(2, volume=volume), "wav", tags={}).getvalue() for volume in (0.5, 0.1))
    app = upload(start_app(mood="calm", songs="own"), {"loud.wav": loud})
    assert queue_of(app).current.song.title == "loud"  # better than none
    upload(app, {"loud.wav": loud, "quiet.wav": quiet})
    assert queue_of(app).current.song.title == "quiet"
    assert playing(app)


def test_files_beyond_the_limits_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emomusic.songs.hearing.load_sound_model", FakeEar)
    monkeypatch.setattr(own_music, "MAX_FILES", 2)
    app = upload(start_app(sample=SAMPLE, songs="own"), {f"{number}.wav": untitled(2) for number in range(3)})
    assert {pick.song.path for pick in queue_of(app).playlist(5)} == {"0.wav", "1.wav"}
    monkeypatch.setattr(own_music, "MAX_FILES", 50)
    small = own_capacity(monkeypatch, uploads, max_visitors=1, max_live=1, max_memory_mb=2)  # 1 MB for each visitor
    second = untitled(4)
    assert len(second) > 2**19
    app = upload(start_app(sample=SAMPLE, songs="own"), {"0.wav": second, "1.wav": second})
    assert {pick.song.path for pick in queue_of(app).playlist(5)} == {"0.wav"}
    assert small.memory.num_bytes == len(second)
    upload(app, {})
    assert small.memory.num_bytes == 0


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_networks: None) -> Callable[[int], None]:
    """Adds a number of songs to the library of the visitor's own computer, as the command does."""
    monkeypatch.setenv("EMOMUSIC_LIBRARY", str(tmp_path / "library.sqlite"))
    for module in (own_music, bar, sources):
        monkeypatch.setattr(module, "is_own_computer", lambda: True)
    (folder := tmp_path / "music").mkdir()

    def add(num_songs: int) -> None:
        for number in range(num_songs):
            (folder / f"{len(list(folder.iterdir()))}.wav").write_bytes(song_bytes("wav", 2 + number / 10, tags={}))
        with Library(create=True) as library:
            library.add([folder])
            library.analyse(FakeEar, "fake", workers=1, on_progress=lambda done, total: None)

    return add


def test_songs_of_the_command_play(library: Callable[[int], None], monkeypatch: pytest.MonkeyPatch) -> None:
    app = start_app(sample=SAMPLE, songs="own")
    assert playing(app)  # Spotify plays until the library has songs
    library(2)  # while the page is open
    assert queue_of(app.run()).current.song.id.startswith("library-")
    second = queue_of(click(app, "next-photo")).current.song.id
    library(2)
    assert queue_of(app.run()).current.song.id == second
    assert len(queue_of(app).playlist(9)) == 4
    draw, late = sources.draw_own_files, [1]

    def draw_after_the_end_of_the_command(*args: Any) -> None:
        """The command ends in a run of the page, after the page took its songs."""
        if late:
            library(late.pop())
        draw(*args)

    monkeypatch.setattr(sources, "draw_own_files", draw_after_the_end_of_the_command)
    assert len(queue_of(app.run()).playlist(9)) == 5
    monkeypatch.setattr(Library, "songs", None)
    monkeypatch.setattr(Library, "info", None)
    app.run()


def test_a_fresh_profile_reads_whose_library_plays(library: Callable[[int], None]) -> None:
    """The library belongs to the computer, so that a browser without a choice plays it, too."""
    library(2)
    app = start_app(sample=SAMPLE)
    assert "library of this computer" not in text_of(app)
    state_of(app, SourceState).is_silent = True
    assert queue_of(app.run()).playlist(1)[0].song.player is Player.LIBRARY
    assert "library of this computer" in text_of(app)


@pytest.mark.parametrize("is_gone", [True, False])
def test_the_bar_names_and_skips_an_unreadable_song(library: Callable[[int], None], is_gone: bool) -> None:
    library(4)
    app = start_app(sample=SAMPLE, songs="own")
    _, gone, last, *_ = (pick.song for pick in queue_of(app).playlist(4))
    Path(gone.path or "").unlink()
    if not is_gone:
        Path(gone.path or "").mkdir()  # each attempt to read it raises an OSError
    app.run()
    assert told(app, "bar")["next"] is None
    click(app, "next-photo")
    assert queue_of(app).current.song.id == told(app, "bar")["song"]["id"] == last.id
    assert any(gone.title in unescaped(toast.value) for toast in app.toast)
    assert last.title in text_of(app)
    assert not app.run().toast


def test_only_a_local_browser_without_a_proxy_is_on_the_own_computer(monkeypatch: pytest.MonkeyPatch) -> None:
    for headers, address, server, is_shared, own in (
        ({"Host": "localhost:8501"}, None, "localhost", "", True),
        ({"Host": "[::1]:8501"}, None, "127.0.0.1", "0", True),
        ({"Host": "localhost:8501"}, None, None, "", False),  # a server for the whole network
        ({"Host": "localhost:8501"}, None, "0.0.0.0", "", False),
        ({"Host": "127.0.0.1:8501"}, None, "localhost", "1", False),
        ({"Host": "127.0.0.1:8501"}, None, "localhost", "True", False),
        ({"Host": "localhost.example.org"}, None, "localhost", "", False),
        ({"Host": "localhost:8501"}, "192.168.1.7", "localhost", "", False),
        ({"Host": "localhost", "X-Forwarded-For": "192.168.1.7"}, None, "localhost", "", False),
        ({}, None, "localhost", "", False),
    ):
        monkeypatch.setattr(st, "context", SimpleNamespace(headers=headers, ip_address=address))
        monkeypatch.setattr(st, "get_option", {"server.address": server}.__getitem__)
        monkeypatch.setenv("EMOMUSIC_SHARED", is_shared)
        assert is_own_computer() is own, (headers, address, server, is_shared)


def test_no_song_of_others_is_served(library: Callable[[int], None], monkeypatch: pytest.MonkeyPatch) -> None:
    library(1)
    with Library() as songs:
        track = recommender_of(songs.songs()).catalogue.song(0)
    path, state = Path(track.path or ""), bar.BarState()
    assert content_of(track) == path
    before = bar._served(track, state).file
    moved = replace(track, path=str(path.rename(f"{path}.moved")))  # with the same id
    monkeypatch.setattr(bar, "content_of", lambda song: Path(song.path or ""))
    assert bar._served(track, state).file is before
    assert bar._served(moved, state).file._content == Path(moved.path or "")
    songs = bundled_songs()[:5]
    assert [bar._served(song, state).song for song in songs] == songs
    assert [*state.served] == [song.id for song in songs[1:]]  # the last ones: one may fade out
    monkeypatch.setattr(bar, "is_own_computer", lambda: False)
    for song in (track, *(replace(track, player=player, path="/etc/passwd") for player in Player)):
        with pytest.raises(LibraryError, match="no longer there"):
            content_of(song)


def test_files_of_own_songs_name_their_place_below_the_folder_of_music(
    library: Callable[[int], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "music/jazz").mkdir()
    (tmp_path / "music/jazz/one.wav").write_bytes(song_bytes("wav", 2, tags={}))
    library(1)
    files = files_of(monkeypatch)
    start_app(sample=SAMPLE, songs="own")
    made = {name: make() for name, make in files.items() if name.rpartition(".")[2] in ("m3u", "json", "csv", "txt")}
    assert {"jazz/one.wav", "1.wav"} <= {*made["eileen-collins-1999.m3u"].splitlines()}
    texts = [text if isinstance(text, str) else text.decode("utf-8") for text in made.values()]
    assert not any(str(tmp_path) in text for text in texts)


def test_songs_like_the_current_one_follow_it(library: Callable[[int], None]) -> None:
    library(4)
    app = start_app(sample=SAMPLE, songs="own")
    current = queue_of(app).current.song
    click(app, "alike-photo-any")
    assert queue_of(app).current.song != current
    assert len(queue_of(app).playlist(9)) == 4
    assert queue_of(app).playlist(1)[0].song == current
    app = click(start_app(sample=SAMPLE), "alike-photo-same")
    assert {pick.likeliest_mood for pick in queue_of(app).playlist(6)} == {queue_of(app).playlist(1)[0].likeliest_mood}


def test_folders_go_in_two_tabs(library: Callable[[int], None]) -> None:
    library(1)
    with Library() as opened:
        folder = Path(opened.info()["folders"][0])
        (strange := folder.parent / os.fsdecode(b"caf\xe9")).mkdir()
        opened.add([strange])
    app = start_app(sample=SAMPLE, songs="own")
    removes = {str(button.key) for button in app.button if str(button.key).startswith("library-remove-")}
    with Library() as opened:
        opened.remove([strange])
    left = {str(button.key) for button in app.run().button if str(button.key).startswith("library-remove-")}
    assert (len(removes), len(left)) == (2, 1)
    assert left < removes  # each folder keeps its button, so that a second click is not for the next one
    with Library() as opened:
        opened.remove([folder])
    next(button for button in app.button if str(button.key).startswith("library-remove-")).click()
    app.run()
    assert not app.exception
    (box := app.selectbox(key="library-folder")).options.append("~nobody-of-this-name/Music")
    box.set_value("~nobody-of-this-name/Music")
    add_folder(app)
    assert not app.exception
    assert len(app.error) == 1


def add_folder(app: AppTest) -> None:
    (add,) = (button for button in app.button if button.label == "Add this folder")
    add.click().run()


def test_a_folder_is_chosen_from_those_here_or_typed_with_quotes(
    library: Callable[[int], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library(1)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("Music/Jazz", "My songs", ".hidden"):
        (tmp_path / name).mkdir(parents=True)
    started: list[Path] = []
    monkeypatch.setattr(own_library.OwnLibrary, "start", lambda self, folder=None: started.append(folder))
    app = start_app(sample=SAMPLE, songs="own")
    here = app.selectbox(key="library-folder").options
    assert here[0] == str(tmp_path / "Music/Jazz")
    assert {str(tmp_path / "Music"), str(tmp_path / "My songs")} <= set(here)
    assert not any("hidden" in name for name in here)
    for typed in (str(tmp_path / "Music"), f'"{tmp_path / "My songs"}"', (tmp_path / "My songs").as_uri()):
        (box := app.selectbox(key="library-folder")).options.append(typed)  # AppTest cannot type another one
        box.set_value(typed)
        add_folder(app)
    assert started == [tmp_path / "Music", tmp_path / "My songs", tmp_path / "My songs"]


def test_a_new_queue_of_a_place_takes_over_the_bar_and_a_list_waits_for_a_click() -> None:
    player, queues = PlayerState(), [SimpleNamespace(name="photo", is_list=is_list) for is_list in (False, False, True)]
    opened: list[Any] = []
    for queue in queues:
        player.open(queue)  # type: ignore[arg-type]
        player.playing = player.playing or queue  # type: ignore[assignment]
        opened.append(player.playing)
    assert opened == [queues[0], queues[1], queues[1]]
    assert player.queues == {"photo": queues[2]}


def test_two_tabs_start_one_command(monkeypatch: pytest.MonkeyPatch) -> None:
    started, both, may_end = list[object](), threading.Barrier(2), threading.Event()

    def run(command: object, **_: object) -> SimpleNamespace:
        started.append(command)
        assert may_end.wait(PATIENCE_S)
        return SimpleNamespace(stderr=b"progress\nemomusic: caf\xe9 is silent\n")

    monkeypatch.setattr(own_library.subprocess, "run", run)
    own = own_library.OwnLibrary()
    with ThreadPoolExecutor(2) as tabs:
        list(tabs.map(lambda _: (both.wait(PATIENCE_S), own.start()), range(2)))
    assert (own.is_running, own.problems) == (True, [])
    may_end.set()
    wait_until(lambda: not own.is_running)
    assert (len(started), own.problems) == (1, ["caf\ufffd is silent"])
