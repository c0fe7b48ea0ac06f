"""`analyze` with films: the records, their errors, and what Ctrl+C keeps."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from emomusic import assets
from emomusic.cli import main
from emomusic.stream import film, tracking
from tests.cli.conftest import Run, assert_is_face
from tests.fakes import FakeClassifier, FakeDetector, describe_apart, make_face
from tests.films import COLLINS, FOUR_PEOPLE, NOBODY, SAMPLES, film_bytes, framed, frames_bytes, write_film
from tests.songs.tables import recommender_over, song_table

SAMPLE = SAMPLES / COLLINS
TRACK_ID = re.compile(r"[0-9A-Za-z]{22}")


@pytest.fixture(scope="module")
def grey(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A grey film of two seconds for the fakes."""
    path = tmp_path_factory.mktemp("films") / "grey.mp4"
    write_film(path, [(NOBODY, 2)], size=(640, 360))
    return path


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> FakeDetector:
    """Fakes of networks and recommender: one happy face in each picture of the detector."""
    detector, classifier = FakeDetector([make_face(20, 20, 60, 70)]), FakeClassifier()
    small = recommender_over(song_table(40))
    for module in ("emomusic.api", "emomusic.faces.reading"):
        monkeypatch.setattr(f"{module}.load_networks", lambda *_, **__: (detector, classifier))
    monkeypatch.setattr(tracking, "describe_persons", describe_apart)
    monkeypatch.setattr("emomusic.songs.recommend.load_recommender", lambda: small)
    return detector


def test_films_and_pictures_are_answered_in_order(run: Run, tmp_path: Path) -> None:
    real = tmp_path / "real.mp4"
    write_film(real, [(FOUR_PEOPLE, 2.5), (COLLINS, 2.5)], size=(640, 360))
    status, (first, record, last), _ = run("analyze", SAMPLE, real, SAMPLES / FOUR_PEOPLE)
    assert (status, first["image"], last["image"]) == (0, str(SAMPLE), str(SAMPLES / FOUR_PEOPLE))
    for picture, num_faces in ((first, 1), (last, 4)):
        assert (len(picture["faces"]), len(picture["songs"])) == (num_faces, 5)
        assert all(TRACK_ID.fullmatch(song["id"]) for song in picture["songs"])
        for face in picture["faces"]:
            assert_is_face(face, picture["width"], picture["height"])
        places = [face["box"][0] for face in picture["faces"]]
        assert places == sorted(places)
    assert list(record)[:6] == ["video", "width", "height", "duration_s", "faces", "scenes"]
    assert (record["video"], record["width"], record["height"]) == (str(real), 640, 360)
    assert record["duration_s"] == pytest.approx(5)
    assert [face["face"] for face in record["faces"]] == [1, 2, 3, 4]  # the last shot shows one of them again
    assert max(face["end_s"] for face in record["faces"]) > 4
    for count in (4, 1):  # the seconds with so many faces
        seen_s = sum(row["seconds"] for row in record["timeline"] if row["num_faces"] == count)
        assert seen_s == pytest.approx(2.5, abs=0.3)
    assert all(len(scene["songs"]) == 5 for scene in record["scenes"])
    for row in record["readings"]:
        assert_is_face(row, 640, 360)


def test_a_film_on_its_side_is_read_turned_and_can_be_turned(run: Run, tmp_path: Path) -> None:
    image = framed(COLLINS, 320, 240)
    (upright := tmp_path / "upright.mp4").write_bytes(frames_bytes([image] * 10))
    (sideways := tmp_path / "sideways.mp4").write_bytes(frames_bytes([np.ascontiguousarray(np.rot90(image))] * 10))
    status, (first, second), _ = run("analyze", upright, sideways, "--songs", "1")
    assert status == 0
    assert ("turn" in first, second["turn"], second["width"]) == (False, 90, 240)
    _, (turned, picture), _ = run("analyze", sideways, SAMPLE, "--turn", "90", "--songs", "1")
    assert ("turn" in turned, turned["width"], turned["height"]) == (False, 320, 240)
    assert turned["faces"][0]["emotion"] == second["faces"][0]["emotion"] == "happy"
    assert picture["faces"][0]["turn"] == 270


@pytest.mark.usefixtures("fakes")
def test_the_rate_is_that_of_the_readings(run: Run, grey: Path) -> None:
    usual = [0.0, 0.3, 0.5, 0.8, 1.0, 1.3, 1.5, 1.8]
    for options, rate, times in ((["--every"], film.DEFAULT_RATE, usual), (["--rate", 1], 1, [0.0, 1.0])):
        _, (record,), _ = run("analyze", grey, *options)
        assert record["rate"] == rate
        assert [row["time_s"] for row in record["timeline"]] == times
    _, (record,), _ = run("analyze", grey)  # nothing changes
    assert len(record["timeline"]) < len(usual) / 2
    assert sum(row["seconds"] for row in record["timeline"]) == pytest.approx(2, abs=0.05)


@pytest.mark.usefixtures("fakes")
def test_a_cut_film_keeps_its_results(run: Run, grey: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    whole = film_bytes([(NOBODY, 4)], ending="mkv", size=(640, 360))
    broken = tmp_path / "broken.mkv"
    broken.write_bytes(whole[: len(whole) // 2])
    status, (record, other), err = run("analyze", broken, grey)
    assert status == 2
    assert record["duration_s"] == pytest.approx(4)
    assert 1 <= len(record["timeline"]) < 14
    assert len(record["faces"]) == len(record["scenes"]) == 1
    assert err == f"emomusic: {broken}: {record['error']}\n"
    assert "error" not in other
    assert main.main(["analyze", str(broken)]) == 2
    out, err = capfd.readouterr()
    assert "Face 1: " in out
    assert record["error"] in err


@pytest.mark.usefixtures("fakes")
def test_annotate_writes_the_marked_film(run: Run, grey: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    status, _, _ = run("analyze", grey, SAMPLE, "--annotate", tmp_path / "out")
    assert status == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["001-grey.mp4", "002-eileen-collins-1999.png"]
    with av.open(tmp_path / "out" / "001-grey.mp4") as marked:
        frames = [frame.to_ndarray(format="rgb24") for frame in marked.decode(video=0)]
    assert (len(frames), frames[0].shape) == (8, (360, 640, 3))
    assert np.ptp(frames[0][:100, :100]) > 50  # the frame around the face
    assert np.ptp(frames[0][200:, 300:]) < 20
    (out := tmp_path / "full").mkdir()
    monkeypatch.setattr(assets.secrets, "token_hex", lambda _: "x")
    (out / ".x.part").symlink_to("/dev/full")  # as on a full disk
    found, (record,), err = run("analyze", grey, "--annotate", out)
    assert (found, len(record["timeline"]) > 1, "error" in record) == (2, True, False)
    assert err.count("\n") == 1
    assert list(out.iterdir()) == []


@pytest.fixture
def shots(tmp_path: Path) -> Path:
    """Two emotions of one person."""
    for emotion, name in (("happy", "barack-obama-2012"), ("neutral", "barack-obama-2009-speaking")):
        (tmp_path / "shots" / emotion).mkdir(parents=True)
        shutil.copy(SAMPLES / f"{name}.jpg", tmp_path / "shots" / emotion)
    return tmp_path / "shots"


def test_a_profile_is_made_used_and_kept_from_another_person(run: Run, shots: Path, tmp_path: Path) -> None:
    out, other = tmp_path / "new" / "face.json", SAMPLES / "grace-hopper-1984.jpg"
    status, record, _ = run("profile", "create", shots, "--out", out)
    expected = {"emotions": {"happy": 1, "neutral": 1}, "model": "emonet_photo", "bytes": out.stat().st_size}
    assert (status, record) == (0, expected)
    status, figures, _ = run("evaluate", "face", "--images", shots, "--profile", out)
    assert (status, figures["accuracy"]) == (0, 1)
    _, before, _ = run("analyze", other)
    status, after, err = run("analyze", other, tmp_path / "absent.mp4", "--profile", out)
    assert (status, after[0]["faces"]) == (2, before[0]["faces"])
    assert list(after[1]) == ["video", "error"]
    assert "another person" in err


CLASSES = {"moods": {"a": "calm", "b": "sad"}, "weights": {"a": [0], "b": [0]}, "called": {"a": [1, 0], "b": [0, 1]}}
OWN = json.dumps({"model": "emonet_photo", "model_sha256": "0" * 64, "classes": CLASSES}).encode()


@pytest.mark.parametrize(("content", "told"), [(None, "face.json"), (b"{}", "face profile"), (OWN, "neutral face")])
def test_a_wrong_profile_is_one_line(run: Run, content: bytes | None, told: str, shots: Path, tmp_path: Path) -> None:
    file = tmp_path / "face.json"
    if content is not None:
        file.write_bytes(content)
    for command in (["analyze", "x.jpg"], ["evaluate", "face", "--images", shots]):
        status, answer, err = run(*command, "--profile", file)
        assert (status, answer, err.count("\n")) == (2, None, 1)
        assert told in err


def test_a_profile_needs_face_and_room(run: Run, shots: Path, tmp_path: Path, full_disk: Callable[[int], None]) -> None:
    status, answer, err = run("profile", "create", shots, "--out", shots)
    assert (status, answer, err.count("\n")) == (2, None, 1)
    assert "expected to write" in err
    full_disk(2**12)
    status, _, err = run("profile", "create", shots, "--out", tmp_path / "face.json")
    assert (status, "too large" in err, [path.name for path in tmp_path.iterdir()]) == (2, True, ["shots"])
    shutil.rmtree(shots / "neutral")
    status, _, err = run("profile", "create", shots, "--out", tmp_path / "face.json")
    assert (status, "neutral" in err) == (2, True)
    assert not (tmp_path / "face.json").exists()
