"""Each screen as code: what its command, its Python and its call of the API give is what the page computes."""

import contextlib
import io
import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import emomusic
from emomusic.affect import Mood
from emomusic.app.choices import CHOICES, POLICIES
from emomusic.app.code import Code, code_of
from emomusic.app.picture_chooser import ALL_SAMPLES, SAMPLES
from emomusic.cli import main
from emomusic.faces.who import Who
from emomusic.records import read_record
from emomusic.results.overview import Benchmark, evaluation
from emomusic.songs.recommend import load_recommender
from tests import films
from tests.pages.screen import queue_of, run_function, start_app
from tests.server.test_api import ENVIRONMENT, TOKEN, serve
from tests.waiting import PATIENCE_S

Chosen = Mapping[str, Sequence[str]]

PEOPLE = "four-people"
SCREENS: list[tuple[str, dict[str, list[str]]]] = [
    *(("photo", {"sample": [sample]}) for sample in SAMPLES),
    *(("photo", {"sample": [PEOPLE], "policy": [policy]}) for policy in [*POLICIES][1:]),
    ("photo", {"sample": [PEOPLE], "policy": ["Take me there"], "to": ["calm"]}),
    ("photo", {"sample": [PEOPLE], "policy": ["Take me there"], "to": ["0.4,-0.2"]}),
    *(("photo", {"sample": [PEOPLE], "who": [Who.face(number).text]}) for number in (1, 3)),
    *(("photo", {"sample": ["joe-biden-2010"], "says": [emotion]}) for emotion in ("happy", "fear", "neutral")),
    *(("photo", {"mood": [mood]}) for mood in Mood),
    ("photo", {"sample": ["grace-hopper-1984"], "genres": ["jazz", "classical"]}),
    ("photo", {"sample": ["eileen-collins-1999"], "genres": ["rock"]}),
    ("photo", {"sample": [ALL_SAMPLES]}),
    *(("how_it_works", {"sample": [sample], "step": ["sound"]}) for sample in (PEOPLE, "barack-obama-2012")),
    ("live", {"policy": ["Lift me"]}),
    ("live", {"policy": ["Match me"], "genres": ["pop"]}),
    ("live", {}),
    ("film", {"film": ["sample"]}),
    ("music", {"genres": ["jazz"]}),
    ("music", {"find": ["bohemian rhapsody"]}),
    ("music", {"find": ["sad jazz"]}),
    ("music", {"track": ["TRACK"]}),
    *(("models", {"kind": [benchmark]}) for benchmark in Benchmark if benchmark is not Benchmark.VOTES),
    ("models", {"model": ["emonet_photo", "emonet"], "face_view": ["Confusions"]}),
    ("models", {}),
]


def test_each_choice_of_a_screen_is_one_of_its_page_which_shows_its_code() -> None:
    assert len(SCREENS) >= 40
    for page, chosen in SCREENS:
        assert all(page in CHOICES[name].pages or CHOICES[name].is_kept for name in chosen), (page, chosen)
    app = run_function(_models, kind="Photographs", model="emonet")
    assert any("'emonet'" in code.value for code in app.code)


def _models() -> None:
    from emomusic.app.code import show_code
    from emomusic.app.frame import open_page

    open_page("models")
    show_code("models")


def song_on(page: str, chosen: Chosen) -> str:
    """The song that a page shows for these choices; on Live, for a snapshot in the current folder."""
    if page == "live":
        policy = POLICIES[next(iter(chosen.get("policy", POLICIES)))]
        snapshot = emomusic.read_picture("photo.jpg", posed=True)
        return emomusic.recommend_songs(snapshot, policy=policy, genres=chosen.get("genres", ()))[0].song.full_name
    app = start_app(**{name: [*values] for name, values in chosen.items()})
    return queue_of(app).playlist(1)[0].song.full_name


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, like the checkout, with a picture of one's own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/samples").symlink_to(films.SAMPLES)
    shutil.copy(films.SAMPLES / "grace-hopper-1984.jpg", tmp_path / "photo.jpg")
    return tmp_path


@pytest.fixture(scope="module")
def codes() -> list[tuple[str, Chosen, Code]]:
    track = str(load_recommender().catalogue.table["id"].iloc[0])
    named = [(page, chosen if chosen != {"track": ["TRACK"]} else {"track": [track]}) for page, chosen in SCREENS]
    return [(page, chosen, code_of(page, chosen)) for page, chosen in named]


def song_of(record: dict[str, Any]) -> str:
    """The first song of a record."""
    song = record["songs"][0]
    return f"{song['title']}, {', '.join(song['artists'])}"


@pytest.mark.slow
@pytest.mark.usefixtures("folder")
def test_commands_and_python_give_what_the_screen_shows(codes: list[tuple[str, Chosen, Code]]) -> None:
    for page, chosen, code in codes:
        program, *arguments = shlex.split(code.command)
        with contextlib.redirect_stdout(io.StringIO()) as answer:
            assert (program, main.main(arguments)) == ("emomusic", 0), code.command
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(code.python, "<screen>", "exec"), {})
        found: list[dict[str, Any]] = json.loads(answer.getvalue())
        lines = printed.getvalue().splitlines()
        if page == "models":
            known = {record["name"]: record for record in found}
            for name in chosen.get("model", ["emonet_photo"]):
                assert known[name]["accuracy"] == read_record(Benchmark.LABELS.kind, name).test.accuracy  # type: ignore[union-attr]
            benchmark = Benchmark(chosen.get("kind", [Benchmark.VOTES])[0])
            for line in lines:
                name, figure = line.rsplit(" ", 1)
                found_here = evaluation(read_record(benchmark.kind, name), benchmark)
                assert figure == f"{found_here.accuracy:.4f}"
        elif page == "film":
            assert found[0]["scenes"][0]["songs"], code
            assert lines, code
        elif page == "music":
            assert all(set(song["genres"]) & {*chosen.get("genres", song["genres"])} for song in found), code
            assert found
            assert lines, code
        else:
            shown = song_on(page, chosen)
            assert lines[code.python.count("print(") - 1] == shown, (chosen, lines)  # after the emotions, if any
            if code.command.startswith("emomusic recommend"):
                assert song_of({"songs": found}) == shown, chosen
            elif len(found) == 1 and "who" not in chosen:  # songs for one face are for Python
                assert song_of(found[0]) == shown, chosen
                assert found[0]["group"]["emotion"] in lines[0], chosen


@pytest.mark.slow
@pytest.mark.usefixtures("folder")
@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_calls_of_the_api_give_what_the_screen_shows(codes: list[tuple[str, Chosen, Code]]) -> None:
    called = [(page, chosen, code.curl) for page, chosen, code in codes if code.curl]
    assert len(called) > 12
    with serve(ENVIRONMENT) as ask:
        address = f"http://127.0.0.1:{ask.port}"
        for page, chosen, curl in called:
            words = [re.sub(r"\$TOKEN", TOKEN, word).replace("$EMOMUSIC", address) for word in shlex.split(curl)]
            done = subprocess.run([*words, "-sS"], capture_output=True, text=True, check=True, timeout=PATIENCE_S)
            (record,) = json.loads(done.stdout)
            assert song_of(record) == song_on(page, chosen), chosen
