"""Bundled files and their checksums, folders of models, and downloads from a local HTTP server."""

import hashlib
import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from emomusic import assets
from emomusic.assets import DOWNLOADS, Download, ensure, find_download
from emomusic.cli import main
from emomusic.errors import AssetError, ModelError, SettingsError
from tests.servers import Reply, Server, serve
from tests.waiting import PATIENCE_S

BODY = b"track_id,track_name\n" + b"".join(b"%022d,Song %d\n" % (number, number) for number in range(5000))
SUM = hashlib.sha256(BODY).hexdigest()
Served = Callable[[Reply], AbstractContextManager[Server]]


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
    os.umask(mask := os.umask(0))
    assert path.stat().st_mode & 0o666 == 0o666 & ~mask


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


def test_a_wheel_lists_and_downloads_alone(in_wheel: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
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
    assert assets.downloads_dir() == tmp_path / "home" / ".local" / "share" / "emomusic"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    assert assets.downloads_dir() == tmp_path / "share" / "emomusic"
    (tmp_path / "share" / "emomusic").mkdir(parents=True)
    (tmp_path / "share" / "emomusic" / "x.csv").touch()
    assert assets.find_dataset("x.csv") == tmp_path / "share" / "emomusic" / "x.csv"
    monkeypatch.setenv("EMOMUSIC_DATA", str(tmp_path / "chosen"))
    assert assets.downloads_dir() == tmp_path / "chosen"
    assert assets.find_dataset("x.csv") is None


def problems() -> dict[str, str]:
    return {asset.path: problem for asset, problem in assets.check_assets() if problem}


def test_checksums_of_one_model_are_written_and_none_damaged(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(assets, "ROOT", checkout := tmp_path)
    for name in ("one", "two"):
        (checkout / "models" / "face" / name).mkdir(parents=True)
        (checkout / "models" / "face" / name / "model.keras").write_bytes(name.encode())
    assets.write_checksums()
    mine = checkout / "models" / "face" / "mine"
    (mine / "checkpoint" / "drafts").mkdir(parents=True)
    (mine / "checkpoint" / "state.json").touch()
    (mine / "checkpoint" / "drafts" / "model.keras").touch()
    assert problems() == {}
    assert "face model mine" not in {asset.name for asset in assets.list_assets()}
    (mine / "model.keras").touch()
    assert "models/face/mine/model.keras is not listed" in problems()["models/face/mine"]
    shutil.rmtree(mine)
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
        all_ask.wait(PATIENCE_S)
        return load("usual")

    with ThreadPoolExecutor(4) as threads:
        found = [future.result() for future in [threads.submit(ask) for _ in range(4)]]
    assert {*found, load("usual")} == {found[0]}
    assert load("other") is not found[0]
    monkeypatch.setattr(assets, "ROOT", tmp_path)
    assert load("usual") is not found[0]
    assert loaded == ["usual", "other", "usual"]


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The place of the dataset "songs" in a checkout without datasets."""
    monkeypatch.setattr(assets, "ROOT", tmp_path)
    monkeypatch.delenv("EMOMUSIC_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "data" / "music" / "songs.csv"


@pytest.fixture
def served(target: Path, monkeypatch: pytest.MonkeyPatch) -> Served:
    """Serve the only known dataset, "songs", with a reply."""

    @contextmanager
    def serve_songs(reply: Reply) -> Iterator[Server]:
        with serve(lambda _: reply) as server:
            download = Download("songs", "music/songs.csv", "none", "a test", len(BODY), f"{server.url}/songs.csv", SUM)
            monkeypatch.setattr(assets, "DOWNLOADS", MappingProxyType({"songs": download}))
            yield server

    return serve_songs


def chunked(content: bytes, size: int = 700) -> Reply:
    """A reply in chunks, without a length."""
    parts = (content[start : start + size] for start in range(0, len(content), size))
    sent = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    return Reply(sent, headers={"Transfer-Encoding": "chunked"}, length=-1)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(b"no", 404), "HTTP 404"),
        (Reply(hang=True), "ReadTimeout"),
        (Reply(BODY[:70_000], length=len(BODY)), "ChunkedEncodingError"),
        (Reply(BODY[:70_000], length=len(BODY), hang=True), "(ConnectionError|ReadTimeout)"),
        (Reply(BODY + b"x", length=-1), "one with .*Nothing was written"),
        (Reply(BODY[:-30]), "one with .*Nothing was written"),
        (Reply(b""), "one with .*Nothing was written"),
        (chunked(BODY + b"x"), "one with .*Nothing was written"),
    ],
)
def test_a_failed_or_another_download_writes_nothing(
    served: Served, target: Path, monkeypatch: pytest.MonkeyPatch, reply: Reply, reason: str
) -> None:
    monkeypatch.setattr(assets, "TIMEOUT_S", 0.1 if reply.hang else 60)
    with served(reply), pytest.raises(AssetError, match=rf"songs: expected .*Received: {reason}") as caught:
        ensure("songs")
    assert "\n" not in str(caught.value)
    assert not target.parent.exists()


@pytest.mark.parametrize("reply", [Reply(BODY), chunked(BODY), chunked(BODY, 10**6)])
def test_a_dataset_is_downloaded_once_and_the_valid_one_of_two_copies_is_used(
    served: Served, target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reply: Reply
) -> None:
    other_copy = tmp_path / "other" / "music" / "songs.csv"
    other_copy.parent.mkdir(parents=True)
    other_copy.write_bytes(BODY[:7])
    monkeypatch.setenv("EMOMUSIC_DATA", str(tmp_path / "other"))
    with served(reply) as server:
        assert find_download("songs") is None
        assert ensure("songs") == target
        assert find_download("songs") == target
        other_copy.unlink()
        other_copy.mkdir()  # a folder of this name is no copy
        assert ensure("songs") == target
        other_copy.rmdir()
        other_copy.write_bytes(BODY)
        assert find_download("songs") == ensure("songs") == other_copy
    assert target.read_bytes() == BODY
    assert [path.name for path in target.parent.iterdir()] == ["songs.csv"]
    assert len(server.requests) == 1


def test_an_unwritable_folder_is_not_named(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").write_text("a file where a folder should be")
    with served(Reply(BODY)):
        with pytest.raises(SettingsError, match=r"write music/songs.csv.*Make the folder writable") as caught:
            ensure("songs")
        assert str(tmp_path) not in str(caught.value)
        monkeypatch.setattr(assets, "IS_WHEEL", True)  # a wheel never writes into its own folder
        monkeypatch.setenv("EMOMUSIC_DATA", str(tmp_path / "other"))
        assert ensure("songs") == tmp_path / "other" / "music" / "songs.csv"


def test_get_and_list_agree(target: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with serve(lambda _: Reply(BODY)) as server:
        moods = replace(
            DOWNLOADS["moods"], address=f"{server.url}/m.csv", sha256=SUM, path="music/songs.csv", bytes=len(BODY)
        )
        monkeypatch.setattr(assets, "DOWNLOADS", {"moods": moods})
        assert main.main(["data", "list", "--json"]) == 0
        before = {record["name"]: record for record in json.loads(capsys.readouterr().out)}
        assert (before["moods"]["present"], before["moods"]["bytes"]) == (False, len(BODY))
        assert main.main(["data", "get", "moods", "--json"]) == 0
        (record,) = json.loads(capsys.readouterr().out)
    assert (record["present"], record["bytes"], record["path"]) == (True, len(BODY), str(target))
    assert main.main(["data", "list", "--json"]) == 0
    assert record in json.loads(capsys.readouterr().out)
