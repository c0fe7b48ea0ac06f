"""Each screen as code: what its command, its Python and its call of the API give is what the page shows."""

import contextlib
import io
import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from emomusic.affect import Mood
from emomusic.app.choices import POLICIES
from emomusic.app.film.state import FilmState
from emomusic.app.state import SourceState
from emomusic.cli import main
from emomusic.faces.who import EACH, Who
from emomusic.records import read_record
from emomusic.results.overview import Benchmark, evaluation
from emomusic.songs.recommend import load_recommender
from tests import films
from tests.pages.film_jobs import film_threads
from tests.pages.screen import ROOT, click, queue_of, start_app, state_of, with_link
from tests.server.test_api import ENVIRONMENT, TOKEN, serve
from tests.waiting import PATIENCE_S, wait_until

PEOPLE = "four-people"
PHOTOS: list[dict[str, str | list[str]]] = [
    *({"sample": sample} for sample in (PEOPLE, "grace-hopper-1984", "morisot-self-portrait-1885")),
    *({"sample": PEOPLE, "who": Who.face(number).text} for number in (1, 2, 3, 4)),
    *({"sample": PEOPLE, "policy": policy} for policy in [*POLICIES][1:]),
    {"sample": PEOPLE, "policy": "Take me there", "to": "0.4,-0.2"},
    {"sample": PEOPLE, "who": EACH.text},
    {"sample": PEOPLE, "who": Who.face(2).text, "songs": "bundled"},
    {"sample": "grace-hopper-1984", "songs": "bundled", "heard": "instrumental"},
    {"sample": "grace-hopper-1984", "genres": ["jazz", "classical"], "policy": "Lift me"},
    {"sample": "joe-biden-2010", "says": "happy"},
    {"sample": PEOPLE, "mood": "calm"},
    {"sample": "all"},
    *({"mood": mood.value} for mood in Mood),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, like the checkout."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/samples").symlink_to(films.SAMPLES)
    return tmp_path


def page_with_code(name: str, **link: str) -> AppTest:
    """A page and its code, after its first run. `start_app` shows the first page only."""
    app = AppTest.from_function(_run_page, default_timeout=PATIENCE_S, args=(name, str(ROOT)))
    return with_link(app, link).run()


def _run_page(name: str, root: str) -> None:
    import runpy

    from emomusic.app.code import show_code

    runpy.run_path(f"{root}/pages/{name}.py", run_name="__main__")
    show_code(name)


def codes_of(app: AppTest) -> dict[str, str]:
    """The code of a page by what it is."""
    (menu,) = [block for block in app.get("popover") if "as code" in block.proto.popover.label]
    return {caption.value.split()[0]: code.value for caption, code in zip(menu.caption, menu.code, strict=True)}


def printed_by(python: str) -> list[str]:
    """The lines that Python prints."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(python, "<screen>", "exec"), {})
    return printed.getvalue().splitlines()


def songs_by(command: str) -> list[str]:
    """The songs that a command gives."""
    program, *arguments = shlex.split(command)
    with contextlib.redirect_stdout(io.StringIO()) as answer:
        assert (program, main.main(arguments)) == ("emomusic", 0), command
    return names_in(json.loads(answer.getvalue()))


def names_in(found: list[dict[str, Any]]) -> list[str]:
    """The songs of an answer in JSON."""
    songs = found[0].get("songs", found)
    return [f"{song['title']}, {', '.join(song['artists'])}" for song in songs]


def shown_on(app: AppTest, name: str = "photo") -> list[str]:
    """The first ten songs of a queue of the page."""
    return [pick.song.full_name for pick in queue_of(app, name).playlist(10)]


@pytest.fixture(scope="module")
def photos() -> list[tuple[dict[str, str | list[str]], dict[str, str], list[str]]]:
    """The address, the code and the songs of each screen with a photo or a mood."""
    found = []
    for link in PHOTOS:
        app = start_app(**link)
        found.append((link, codes_of(app), shown_on(app)))
    return found


@pytest.mark.usefixtures("folder")
def test_python_and_commands_give_the_songs_of_the_photo(photos: Any) -> None:
    assert len({tuple(shown) for _, _, shown in photos}) > 15  # nearly each screen has other songs
    for link, code, shown in photos:
        assert printed_by(code["Python"])[-len(shown) :] == shown, link
        if link.get("who") == EACH.text or "mood" in link:  # commands have no words for these
            assert "Command" not in code
        else:
            assert songs_by(code["Command"]) == shown, link


@pytest.mark.usefixtures("folder")
def test_code_has_the_seed_and_a_removed_face() -> None:
    app = start_app(sample=PEOPLE)
    before = shown_on(app)
    state_of(app, SourceState).seed = 5
    seeded = shown_on(app.run())
    assert seeded != before
    assert printed_by(codes_of(app)["Python"])[1:] == seeded == songs_by(codes_of(app)["Command"])
    click(app, "photo-face-3")
    click(app, "no-face-3")
    assert printed_by(codes_of(app)["Python"]) == shown_on(app) == songs_by(codes_of(app)["Command"])


@pytest.mark.usefixtures("folder")
def test_python_gives_the_list_of_the_music_page() -> None:
    for link in ({"find": "coldplay"}, {"find": "sad jazz"}, {}, {"genres": "jazz"}, {"songs": "bundled"}):
        app = page_with_code("music", **link)
        shown = shown_on(app, "music")
        assert printed_by(codes_of(app)["Python"])[: len(shown)] == shown, link
    track = str(load_recommender().catalogue.table["id"].iloc[0])
    app = page_with_code("music", track=track, view="What if")
    lines = printed_by(codes_of(app)["Python"])
    assert lines[1:] == shown_on(app, "music-similar")


@pytest.mark.usefixtures("folder")
def test_other_pages_have_code_that_runs() -> None:
    app = page_with_code("how_it_works", sample="grace-hopper-1984", step="songs")
    shown = shown_on(app, "how")
    assert printed_by(codes_of(app)["Python"])[: len(shown)] == shown
    app = page_with_code("film", film="sample")
    state_of(app, FilmState).show(None)  # ends its thread
    wait_until(lambda: film_threads() == [])
    lines = printed_by(codes_of(app)["Python"])
    assert len(lines) > 3
    app = page_with_code("models", kind="Photographs", model="emonet")
    (line,) = printed_by(codes_of(app)["Python"])
    found = evaluation(read_record(Benchmark.PHOTOGRAPHS.kind, "emonet"), Benchmark.PHOTOGRAPHS)
    assert found is not None
    assert line == f"emonet {found.accuracy:.4f}"


@pytest.mark.slow
@pytest.mark.usefixtures("folder")
@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_calls_of_the_api_give_what_the_screen_shows(photos: Any) -> None:
    called = [(link, code["HTTP"], shown) for link, code, shown in photos if "HTTP" in code]
    assert len(called) > 5
    with serve(ENVIRONMENT) as ask:
        address = f"http://127.0.0.1:{ask.port}"
        for link, curl, shown in called:
            words = [re.sub(r"\$TOKEN", TOKEN, word).replace("$EMOMUSIC", address) for word in shlex.split(curl)]
            done = subprocess.run([*words, "-sS"], capture_output=True, text=True, check=True, timeout=PATIENCE_S)
            assert names_in(json.loads(done.stdout)) == shown, link
