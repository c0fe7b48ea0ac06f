"""`profile create`, and `analyze` and `evaluate face` with a profile."""

import json
import shutil
from pathlib import Path

import pytest

from emomusic.cli.main import main


@pytest.fixture
def shots(root: Path, tmp_path: Path) -> Path:
    """Two emotions of one person."""
    for emotion, name in (("happy", "barack-obama-2012"), ("neutral", "barack-obama-2009-speaking")):
        (tmp_path / "shots" / emotion).mkdir(parents=True)
        shutil.copy(root / "data" / "samples" / f"{name}.jpg", tmp_path / "shots" / emotion)
    return tmp_path / "shots"


def test_a_profile_is_made_used_and_kept_from_another_person(
    shots: Path, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "face.json"
    assert main(["profile", "create", str(shots), "--out", str(out), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record == {"emotions": {"happy": 1, "neutral": 1}, "model": "emonet_photo", "bytes": out.stat().st_size}
    assert main(["evaluate", "face", "--images", str(shots), "--profile", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["accuracy"] == 1
    samples = root / "data" / "samples"
    assert main(["analyze", str(samples / "grace-hopper-1984.jpg"), "--json"]) == 0
    before = json.loads(capsys.readouterr().out)
    assert main(["analyze", str(samples / "grace-hopper-1984.jpg"), "--profile", str(out), "--json"]) == 0
    answer = capsys.readouterr()
    assert "another person" in answer.err
    assert json.loads(answer.out)[0]["faces"] == before[0]["faces"]


@pytest.mark.parametrize("content", [None, b"{}"])
def test_a_profile_that_is_none_is_one_line_and_status_2(
    content: bytes | None, shots: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "face.json"
    if content is not None:
        file.write_bytes(content)
    for command in (["analyze", "x.jpg"], ["evaluate", "face", "--images", str(shots)]):
        assert main([*command, "--profile", str(file)]) == 2
        error = capsys.readouterr().err
        assert "face profile" in error
        assert error.count("\n") == 1


def test_pictures_without_a_neutral_face_make_no_profile(
    shots: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(shots / "neutral")
    assert main(["profile", "create", str(shots), "--out", str(tmp_path / "face.json")]) == 2
    assert "neutral" in capsys.readouterr().err
    assert not (tmp_path / "face.json").exists()


def test_a_profile_gets_its_folder_and_never_replaces_one(
    shots: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "face.json"
    assert main(["profile", "create", str(shots), "--out", str(out)]) == 0
    assert out.is_file()
    capsys.readouterr()
    assert main(["profile", "create", str(shots), "--out", str(tmp_path / "new")]) == 2
    error = capsys.readouterr().err
    assert "a file to write the profile into" in error
    assert error.count("\n") == 1
