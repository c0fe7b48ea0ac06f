import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from emomusic import assets
from emomusic.errors import ModelError


def test_datasets_are_in_the_environments_folder_or_in_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    theirs, ours = tmp_path / "theirs", tmp_path / "data"
    for folder in (theirs, ours):
        folder.mkdir()
    monkeypatch.setattr(assets, "ROOT", tmp_path)
    monkeypatch.setenv("EMOMUSIC_DATA", str(theirs))
    assert assets.find_dataset("x.csv") is None
    (ours / "x.csv").touch()
    assert assets.find_dataset("x.csv") == ours / "x.csv"
    (theirs / "x.csv").touch()
    assert assets.find_dataset("x.csv") == theirs / "x.csv"


def test_two_writers_of_one_file_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 250 + ".json")  # as long as a name may be
    with assets.written_whole(path) as first:
        first.write_text("first")
        with assets.written_whole(path) as second:
            second.write_text("second")
        assert path.read_text() == "second"
    assert path.read_text() == "first"
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    assert path.stat().st_mode & 0o666 == 0o666 & ~_umask()


def _umask() -> int:
    os.umask(mask := os.umask(0))
    return mask


@pytest.fixture
def in_wheel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An installed wheel: its root."""
    root = tmp_path / "site-packages" / "emomusic" / "bundle"
    root.mkdir(parents=True)
    monkeypatch.setattr(assets, "IS_WHEEL", True)
    monkeypatch.setattr(assets, "ROOT", root)
    for name in ("EMOMUSIC_DATA", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return root


def test_a_wheel_downloads_into_the_users_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, in_wheel: Path):
    assert assets.downloads_dir() == tmp_path / "home" / ".local" / "share" / "emomusic"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    assert assets.downloads_dir() == tmp_path / "share" / "emomusic"
    (tmp_path / "share" / "emomusic").mkdir(parents=True)
    (tmp_path / "share" / "emomusic" / "x.csv").touch()
    assert assets.find_dataset("x.csv") == tmp_path / "share" / "emomusic" / "x.csv"
    monkeypatch.setenv("EMOMUSIC_DATA", str(tmp_path / "chosen"))
    assert assets.downloads_dir() == tmp_path / "chosen"
    assert assets.find_dataset("x.csv") is None


def test_a_wheel_lists_what_it_holds_alone(in_wheel: Path) -> None:
    (in_wheel / "data" / "samples").mkdir(parents=True)
    (in_wheel / "data" / "samples" / "SOURCES.md").touch()
    (in_wheel / "data" / "samples" / "a.jpg").touch()
    (in_wheel / "SHA256SUMS").touch()
    assets.write_checksums()
    assert [asset.name for asset in assets.list_assets()] == ["samples"]
    assert problems() == {}
    (in_wheel / "data" / "samples" / "a.jpg").unlink()
    assert "data/samples/a.jpg is absent" in problems()["data/samples"]
    shutil.rmtree(in_wheel / "data" / "samples")
    assert list(problems()) == ["data/samples"]


@pytest.fixture
def checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A checkout that ships two models, its checksums written."""
    monkeypatch.setattr(assets, "ROOT", tmp_path)
    for name in ("one", "two"):
        (tmp_path / "models" / "face" / name).mkdir(parents=True)
        (tmp_path / "models" / "face" / name / "model.keras").write_bytes(name.encode())
    assets.write_checksums()
    return tmp_path


def problems() -> dict[str, str]:
    return {asset.path: problem for asset, problem in assets.check_assets() if problem}


def test_a_training_that_runs_or_was_ended_damages_nothing(checkout: Path) -> None:
    mine = checkout / "models" / "face" / "mine"
    (mine / "checkpoint" / "drafts").mkdir(parents=True)
    (mine / "checkpoint" / "state.json").touch()
    (mine / "checkpoint" / "drafts" / "model.keras").touch()
    assert problems() == {}
    assert "face model mine" not in {asset.name for asset in assets.list_assets()}
    (mine / "model.keras").touch()
    assert "models/face/mine/model.keras is not listed" in problems()["models/face/mine"]


def test_checksums_are_written_anew_for_one_model_alone_and_an_absent_one_is_told(checkout: Path) -> None:
    for path in (checkout / "models" / "face").glob("*/model.keras"):
        path.write_bytes(b"other weights")
    assets.write_checksums(checkout / "models" / "face" / "one")
    assert list(problems()) == ["models/face/two"]
    assets.write_checksums(checkout.parent)  # a folder elsewhere
    assert list(problems()) == ["models/face/two"]
    assets.write_checksums()
    assert problems() == {}
    shutil.rmtree(checkout / "models" / "face" / "two")
    assert problems() == {"models/face/two": "it is absent. Restore the files from the repository"}


def test_a_folder_to_train_into_is_new_empty_or_a_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("model.keras", "epoch*.h5")
    assert assets.prepare_model_folder(tmp_path / "a" / "new", names).is_dir()
    for name in ("model.keras", "epoch3.h5", ".DS_Store"):
        (tmp_path / "a" / "new" / name).touch()
    monkeypatch.chdir(tmp_path / "a" / "new")
    assert assets.prepare_model_folder(Path(), names) == tmp_path / "a" / "new"  # a name, whatever it is called by
    for number in range(5):
        (tmp_path / "a" / "new" / f"photo{number}").touch()
    with pytest.raises(ModelError, match=r"Received: .*new with photo0, photo1, photo2, …"):
        assets.prepare_model_folder(Path(), names)


def test_threads_share_one_load_for_each_argument_and_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    loaded: list[str] = []
    all_ask = threading.Barrier(4)

    @assets.load_once
    def load(name: str) -> object:
        loaded.append(name)
        return object()

    def ask() -> object:
        all_ask.wait(60)
        return load("usual")

    with ThreadPoolExecutor(4) as threads:
        found = [future.result() for future in [threads.submit(ask) for _ in range(4)]]
    assert {*found, load("usual")} == {found[0]}
    assert load("other") is not found[0]
    monkeypatch.setattr(assets, "ROOT", tmp_path)
    assert load("usual") is not found[0]
    assert loaded == ["usual", "other", "usual"]
