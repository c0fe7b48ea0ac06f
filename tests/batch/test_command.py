"""`batch`: the command with real networks, and what happens when it is stopped or killed."""

import io
import os
import shutil
import sys
from pathlib import Path

import pytest

from emomusic.batch import reader
from tests.batch.pictures import BROKEN, NUM_PICTURES, assert_same_results, batch, descendants, parts_of, run
from tests.films import COLLINS, write_film
from tests.waiting import wait_until


def test_films_pictures_archives_and_stdin_share_a_run(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_film(tmp_path / "film.mp4", [(COLLINS, 1.0)])
    shutil.make_archive(str(tmp_path / "pack"), "zip", pictures / "more")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(os.fsencode(pictures / "000000.jpg"))))
    answer, status = batch("-", "--out", tmp_path / "out", tmp_path / "pack.zip", tmp_path / "film.mp4")
    assert (answer["pictures"], answer["films"], answer["failed"], status) == (NUM_PICTURES // 4 + 1, 1, 0, 0)


def test_a_killed_run_goes_on_with_the_rows_of_an_uninterrupted_one(
    pictures: Path, results: Path, out: Path, capsys: pytest.CaptureFixture[str]
):
    with run(pictures, "--out", out, reader="PausingReader") as process:
        try:
            wait_until(lambda: parts_of(out)["pictures"] or process.poll() is not None)
            assert batch(pictures, "--out", out, "--resume") == ({}, 2)  # one run at a time
            workers = descendants(process.pid)
            assert workers
        finally:
            process.kill()
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))  # they end with their parent
    capsys.readouterr()
    answer, status = batch(pictures, "--out", out, "--resume")
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("emomusic: ")]
    assert len(lines) == answer["failed"] == len(BROKEN)
    assert (answer["read"], answer["resumed"], status) == (NUM_PICTURES + len(BROKEN) - 8, 8, 2)
    assert_same_results(out, results)
    before = parts_of(out)
    assert batch(pictures, "--out", out)[1] == 2
    assert "--resume" in capsys.readouterr().err
    assert parts_of(out) == before  # not overwritten


def test_a_deleted_folder_of_results_is_no_success(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(reader, "read_units", lambda *_, **__: (_ for _ in ()))  # as if its parts were deleted
    assert batch(pictures, "--out", tmp_path / "out") == ({}, 2)
    assert f"expected {NUM_PICTURES + len(BROKEN)} new rows" in capsys.readouterr().err
