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

from emomusic.affect import Emotion, Mood
from emomusic.answer.answer import Answer
from emomusic.app.choices import CHOICES, POLICIES
from emomusic.app.code import Code, code_of
from emomusic.app.picture_chooser import ALL_SAMPLES, GROUP, SAMPLES
from emomusic.cli import main
from emomusic.faces.reading import load_networks, read_picture
from emomusic.faces.table import Faces
from emomusic.faces.who import EVERYONE, Who
from emomusic.media.images import read_picture_file
from emomusic.records import read_record
from emomusic.results.overview import Benchmark, evaluation
from emomusic.songs.genres import genres_of
from emomusic.songs.recommend import load_recommender
from emomusic.songs.request import Request, destination_of
from tests.server.test_api import ENVIRONMENT, TOKEN, serve
from tests.waiting import PATIENCE_S

Chosen = Mapping[str, Sequence[str]]

PEOPLE = "four-people"
SCREENS: list[tuple[str, dict[str, list[str]]]] = [
    *(("photo", {"sample": [sample]}) for sample in SAMPLES),
    *(("photo", {"sample": [PEOPLE], "policy": [policy]}) for policy in [*POLICIES][1:]),
    ("photo", {"sample": [PEOPLE], "policy": ["Take me there"], "to": ["calm"]}),
    ("photo", {"sample": [PEOPLE], "policy": ["Take me there"], "to": ["0.4,-0.2"]}),
    *(("photo", {"sample": [PEOPLE], "who": [Who.face(number).value]}) for number in (1, 3)),
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
    ("models", {"faces": ["emonet_photo", "emonet"], "face_view": ["Confusions"]}),
    ("models", {}),
]


def test_each_choice_of_a_screen_is_a_choice_of_its_page() -> None:
    assert len(SCREENS) >= 40
    for page, chosen in SCREENS:
        assert all(page in CHOICES[name].pages for name in chosen), (page, chosen)


def answer_of(chosen: Chosen, picture: Path, *, posed: bool) -> Answer:
    """The answer that the page computes."""

    def faces_of(path: Path) -> Faces:
        return read_picture(read_picture_file(path), load_networks, posed=posed).faces

    sample = next(iter(chosen.get("sample", ())), "")
    samples = picture.parent.glob("*.jpg")
    if sample == ALL_SAMPLES:
        faces = Faces.of_pictures([faces_of(path) for path in sorted(samples) if path.stem in {*SAMPLES} - {GROUP}])
    else:
        faces = faces_of(picture)
    who = EVERYONE if len(faces) > 1 else Who.face(1)
    who = next((face.who for face in faces if [face.who.value] == chosen.get("who")), who)
    says = {who: Emotion(chosen["says"][0])} if "says" in chosen else {}
    return Answer(faces, who, says)


def first_song(chosen: Chosen, answer: Answer) -> str:
    policy = POLICIES[next(iter(chosen.get("policy", POLICIES)))]
    request = answer.request(policy)
    fields = {"point": request.point, "emotion": request.emotion, "mood": request.mood, "policy": policy}
    end = destination_of(next(iter(chosen.get("to", [""]))))
    genres = genres_of(chosen.get("genres", ()))
    return load_recommender().songs(Request(**fields, destination=end, genres=genres), 5)[0].song.full_name  # type: ignore[arg-type]


def printed_by(command: str) -> str:
    """What a command prints."""
    program, *arguments = shlex.split(command)
    assert program == "emomusic"
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert main.main(arguments) == 0, command
    return out.getvalue()


def printed_by_python(text: str) -> str:
    """What a piece of Python prints."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(compile(text, "<screen>", "exec"), {})
    return out.getvalue()


@pytest.fixture
def folder(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, like the checkout, with a picture of one's own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/samples").symlink_to(root / "data/samples")
    shutil.copy(root / "data/samples/grace-hopper-1984.jpg", tmp_path / "photo.jpg")
    return tmp_path


@pytest.fixture(scope="module")
def codes() -> list[tuple[str, Chosen, Code]]:
    track = str(load_recommender().catalogue.table["id"].iloc[0])
    named = [(page, chosen if chosen != {"track": ["TRACK"]} else {"track": [track]}) for page, chosen in SCREENS]
    return [(page, chosen, code_of(page, chosen)) for page, chosen in named]


def picture_of(chosen: Chosen, folder: Path) -> Path:
    sample = next(iter(chosen.get("sample", ())), "")
    return folder / (f"data/samples/{sample}.jpg" if sample in SAMPLES else "photo.jpg")


def check_song(page: str, chosen: Chosen, folder: Path, song: str, emotion: str | None) -> None:
    """Compare with what the page computes."""
    if "mood" in chosen:
        mood = Mood(chosen["mood"][0])
        wanted = load_recommender().songs(Request(mood.point, mood=mood), 5)[0].song.full_name
        assert song == wanted, chosen
        return
    if chosen.get("sample") == [ALL_SAMPLES]:
        answer = answer_of(chosen, folder / "data/samples/any.jpg", posed=False)
    else:
        answer = answer_of(chosen, picture_of(chosen, folder), posed=page == "live")
    assert song == first_song(chosen, answer), chosen
    if emotion is not None and "who" not in chosen:
        mean = answer.faces.mean()
        assert mean is not None
        assert emotion == mean.emotion, chosen


def song_of(record: dict[str, Any]) -> str:
    """The first song of a record."""
    song = record["songs"][0]
    return f"{song['title']}, {', '.join(song['artists'])}"


@pytest.mark.slow
def test_commands_and_python_give_what_the_screen_shows(codes: list[tuple[str, Chosen, Code]], folder: Path) -> None:
    for page, chosen, code in codes:
        found: list[dict[str, Any]] = json.loads(printed_by(code.command))
        if page == "models":
            known = {record["name"]: record for record in found}
            for name in chosen.get("faces", ["emonet_photo"]):
                assert known[name]["accuracy"] == read_record(Benchmark.LABELS.kind, name).test.accuracy  # type: ignore[union-attr]
        elif page == "film":
            assert found[0]["scenes"][0]["songs"], code
        elif page == "music":
            assert all(set(song["genres"]) & {*chosen.get("genres", song["genres"])} for song in found), code
            assert found
        elif code.command.startswith("emomusic recommend"):
            check_song(page, chosen, folder, song_of({"songs": found}), None)
        elif len(found) == 1 and "who" not in chosen:  # a command reads pictures, and songs for one face are for Python
            check_song(page, chosen, folder, song_of(found[0]), found[0]["group"]["emotion"])
        lines = printed_by_python(code.python).splitlines()
        if page == "models":
            benchmark = Benchmark(chosen.get("kind", [Benchmark.VOTES])[0])
            for line in lines:
                name, figure = line.rsplit(" ", 1)
                found_here = evaluation(read_record(benchmark.kind, name), benchmark)
                assert found_here is not None
                assert figure == f"{found_here.accuracy:.4f}"
        elif page in ("film", "music"):
            assert lines, code
        else:
            emotion = lines[0] if code.python.count("print(") > 1 and " " not in lines[0] else None
            check_song(page, chosen, folder, lines[-5], emotion)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_calls_of_the_api_give_what_the_screen_shows(codes: list[tuple[str, Chosen, Code]], folder: Path) -> None:
    called = [(page, chosen, code.curl) for page, chosen, code in codes if code.curl]
    assert len(called) > 12
    with serve(ENVIRONMENT) as ask:
        address = f"http://127.0.0.1:{ask.port}"
        for page, chosen, curl in called:
            words = [re.sub(r"\$TOKEN", TOKEN, word).replace("$EMOMUSIC", address) for word in shlex.split(curl)]
            done = subprocess.run([*words, "-sS"], capture_output=True, text=True, check=True, timeout=PATIENCE_S)
            (record,) = json.loads(done.stdout)
            check_song(page, chosen, folder, song_of(record), record["group"]["emotion"])
