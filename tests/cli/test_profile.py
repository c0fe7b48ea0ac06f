"""`profile create`, and `analyze` and `evaluate face` with a profile."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Run


@pytest.fixture
def shots(root: Path, tmp_path: Path) -> Path:
    """Two emotions of one person."""
    for emotion, name in (("happy", "barack-obama-2012"), ("neutral", "barack-obama-2009-speaking")):
        (tmp_path / "shots" / emotion).mkdir(parents=True)
        shutil.copy(root / "data" / "samples" / f"{name}.jpg", tmp_path / "shots" / emotion)
    return tmp_path / "shots"


def test_a_profile_is_made_used_and_kept_from_another_person(run: Run, shots: Path, root: Path, tmp_path: Path) -> None:
    out, other = tmp_path / "new" / "face.json", root / "data" / "samples" / "grace-hopper-1984.jpg"
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


@pytest.mark.parametrize(("content", "told"), [(None, "face.json"), (b"{}", "face profile")])
def test_a_profile_that_is_none_is_one_line_and_status_2(
    run: Run, content: bytes | None, told: str, shots: Path, tmp_path: Path
) -> None:
    file = tmp_path / "face.json"
    if content is not None:
        file.write_bytes(content)
    for command in (["analyze", "x.jpg"], ["evaluate", "face", "--images", shots]):
        status, answer, err = run(*command, "--profile", file)
        assert (status, answer, err.count("\n")) == (2, None, 1)
        assert told in err


def test_a_profile_needs_a_neutral_face_and_room_and_replaces_no_folder(
    run: Run, shots: Path, tmp_path: Path, full_disk: Callable[[int], None]
) -> None:
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
