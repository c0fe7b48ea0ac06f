"""Downloads from a local HTTP server: complete, damaged, missing, no response."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from emomusic import assets
from emomusic.assets import DOWNLOADS, Download, ensure, find_download
from emomusic.cli import main
from emomusic.errors import AssetError, SettingsError
from tests.servers import Reply, serve

BODY = b"track_id,track_name\n" + b"".join(b"%022d,Song %d\n" % (number, number) for number in range(5000))
SUM = hashlib.sha256(BODY).hexdigest()


@pytest.fixture(autouse=True)
def _no_datasets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(assets, "ROOT", tmp_path)
    monkeypatch.delenv("EMOMUSIC_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Download]:
    """Replace the known datasets by one called "songs" at an address."""

    def replace_datasets(address: str) -> Download:
        download = Download("songs", "music/songs.csv", "none", "a test", len(BODY), f"{address}/songs.csv", SUM)
        monkeypatch.setattr(assets, "DOWNLOADS", MappingProxyType({"songs": download}))
        return download

    return replace_datasets


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "data" / "music" / "songs.csv"


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
    ],
)
def test_a_failed_or_another_download_writes_nothing(
    register: Callable[..., Download], target: Path, monkeypatch: pytest.MonkeyPatch, reply: Reply, reason: str
) -> None:
    monkeypatch.setattr(assets, "TIMEOUT_S", 0.1 if reply.hang else 60)
    with serve(lambda _: reply) as server:
        register(server.url)
        with pytest.raises(AssetError, match=rf"songs: expected .*Received: {reason}") as caught:
            ensure("songs")
    assert "\n" not in str(caught.value)
    assert not target.parent.exists()


def test_a_dataset_is_downloaded_once_and_the_valid_one_of_two_copies_is_used(
    register: Callable[..., Download], target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other_copy = tmp_path / "other" / "music" / "songs.csv"
    other_copy.parent.mkdir(parents=True)
    other_copy.write_bytes(BODY[:7])
    monkeypatch.setenv("EMOMUSIC_DATA", str(tmp_path / "other"))
    with serve(lambda _: Reply(BODY)) as server:
        register(server.url)
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


def test_the_error_for_a_folder_that_cannot_be_written_names_no_folder(
    register: Callable[..., Download], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").write_text("a file where a folder should be")
    with serve(lambda _: Reply(BODY)) as server:
        register(server.url)
        with pytest.raises(
            SettingsError, match=r"write music/songs.csv. Received: .*Make the folder writable"
        ) as caught:
            ensure("songs")
        assert str(tmp_path) not in str(caught.value)
        monkeypatch.setattr(assets, "IS_WHEEL", True)  # a wheel never writes into its own folder
        monkeypatch.setenv("EMOMUSIC_DATA", str(tmp_path / "other"))
        assert ensure("songs") == tmp_path / "other" / "music" / "songs.csv"


def test_data_get_and_data_list_print_the_same_record(
    target: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
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
