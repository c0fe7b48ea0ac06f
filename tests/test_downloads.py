"""Downloads from a local HTTP server: complete, interrupted, resumed, damaged, missing, no response."""

import hashlib
import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest
from filelock import FileLock

from emomusic import assets, downloads
from emomusic.cli import main
from emomusic.downloads import DOWNLOADS, Download, ensure, find_download
from emomusic.errors import AssetError
from tests.servers import Reply, Request, closed_address, serve

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

    def replace_datasets(address: str, sha256: str | None = SUM, num_rows: int = 5000) -> Download:
        download = Download(
            "songs", f"{address}/songs.csv", "music/songs.csv", "none", "a test", sha256,
            ("track_id", "track_name"), num_rows, len(BODY),
        )  # fmt: skip
        monkeypatch.setattr(downloads, "DOWNLOADS", MappingProxyType({"songs": download}))
        return download

    return replace_datasets


def serve_range(request: Request) -> Reply:
    """Answer like raw.githubusercontent.com."""
    if (range_header := request.headers.get("Range")) is None:
        return Reply(BODY)
    start = int(range_header.removeprefix("bytes=").removesuffix("-"))
    if start >= len(BODY):
        return Reply(b"", 416, {"Content-Range": f"bytes */{len(BODY)}"})
    return Reply(BODY[start:], 206, {"Content-Range": f"bytes {start}-{len(BODY) - 1}/{len(BODY)}"})


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "data" / "music" / "songs.csv"


@pytest.fixture
def part(target: Path) -> Path:
    target.parent.mkdir(parents=True)
    return target.with_name("songs.csv.part")


def file_names(target: Path) -> list[str]:
    """Files in the folder of the download, without the lock file."""
    return sorted(path.name for path in target.parent.iterdir() if path.suffix != ".lock")


@pytest.mark.parametrize("name", DOWNLOADS)
def test_every_dataset_has_an_address_a_licence_and_a_check(name: str) -> None:
    download = DOWNLOADS[name]
    assert download.name == name
    assert download.address.startswith("https://raw.githubusercontent.com/")
    assert download.licence
    assert download.source
    assert download.path.startswith("music/")
    assert download.columns
    assert download.num_rows > 0
    assert download.num_bytes < downloads.MAX_BYTES
    assert download.sha256 is None or len(download.sha256) == 64


def test_a_local_copy_of_the_labelled_songs_matches_its_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    path = assets.find_dataset("music/data_moods.csv")
    if path is None:
        pytest.skip("needs music/data_moods.csv in $EMOMUSIC_DATA or data/")
    assert assets.sha256_of(path) == DOWNLOADS["moods"].sha256
    assert path.stat().st_size == DOWNLOADS["moods"].num_bytes
    assert downloads._problem(path, replace(DOWNLOADS["moods"], sha256=None)) is None


@pytest.mark.parametrize("sha256", [SUM, None])
def test_a_dataset_is_downloaded_once_and_reports_progress(
    register: Callable[..., Download], target: Path, sha256: str | None
) -> None:
    reports: list[tuple[int, int | None]] = []
    with serve(serve_range) as server:
        register(server.url, sha256)
        assert find_download("songs") is None
        assert ensure("songs", lambda *state: reports.append(state)) == target
        assert find_download("songs") == target
        assert ensure("songs") == target
    assert target.read_bytes() == BODY
    assert len(server.requests) == 1
    assert file_names(target) == ["songs.csv"]
    assert reports[0] == (0, len(BODY))
    assert reports[-1] == (len(BODY), len(BODY))
    assert reports == sorted(reports)


def test_a_dataset_in_the_folder_of_the_environment_is_used(
    register: Callable[..., Download], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(closed_address())
    other_copy = tmp_path / "other" / "music" / "songs.csv"
    other_copy.parent.mkdir(parents=True)
    other_copy.write_bytes(BODY)
    monkeypatch.setenv("EMOMUSIC_DATA", str(tmp_path / "other"))
    assert ensure("songs") == other_copy


def test_an_interrupted_download_is_resumed(register: Callable[..., Download], target: Path, part: Path) -> None:
    def interrupt_first(request: Request) -> Reply:
        return serve_range(request) if "Range" in request.headers else Reply(BODY[:100_000], length=len(BODY))

    with serve(interrupt_first) as server:
        register(server.url)
        with pytest.raises(AssetError, match=r"incomplete.* songs.csv.part") as caught:
            ensure("songs")
        assert not target.exists()
        num_kept = part.stat().st_size
        assert 0 < num_kept <= 100_000
        assert f"{num_kept} bytes" in str(caught.value)
        progress: list[int] = []
        assert ensure("songs", lambda done, _total: progress.append(done)).read_bytes() == BODY
    assert server.requests[1].headers["Range"] == f"bytes={num_kept}-"
    assert progress[0] == num_kept


@pytest.mark.parametrize("kind", ["ignores ranges", "other range", "already whole", "too long"])
def test_a_part_file_never_leads_to_a_wrong_file(
    register: Callable[..., Download], target: Path, part: Path, kind: str
) -> None:
    part.write_bytes({"already whole": BODY, "too long": BODY + b"more"}.get(kind, BODY[:100]))

    def answer(request: Request) -> Reply:
        if kind == "ignores ranges":
            return Reply(BODY)
        if kind == "other range":  # status 206 with the complete file
            return Reply(BODY, 206, {"Content-Range": f"bytes 0-{len(BODY) - 1}/{len(BODY)}"})
        return serve_range(request)

    with serve(answer) as server:
        register(server.url)
        assert ensure("songs").read_bytes() == BODY
    assert not part.exists()
    assert target.exists()


@pytest.mark.parametrize("sha256", [SUM, None])
@pytest.mark.parametrize(
    "body", [b"", b"<html>Sign in to the network</html>", BODY[:-30], BODY + b"1,2\n", b"\xff\xfe\x00", b"a,b\n" * 5001]
)
def test_a_wrong_file_is_deleted(
    register: Callable[..., Download], target: Path, sha256: str | None, body: bytes
) -> None:
    with serve(lambda _: Reply(body)) as server:
        register(server.url, sha256)
        with pytest.raises(AssetError, match=r"songs: expected .* Received: .* deleted. Try again"):
            ensure("songs")
    assert file_names(target) == []


def test_a_damaged_file_is_downloaded_again(register: Callable[..., Download], target: Path, part: Path) -> None:
    target.write_bytes(BODY[:-1])
    with serve(serve_range) as server:
        register(server.url)
        assert ensure("songs").read_bytes() == BODY


def test_the_valid_one_of_two_copies_is_used(
    register: Callable[..., Download], target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other_copy = tmp_path / "other" / "music" / "songs.csv"
    other_copy.parent.mkdir(parents=True)
    other_copy.write_bytes(BODY[:7])
    monkeypatch.setenv("EMOMUSIC_DATA", str(tmp_path / "other"))
    with serve(serve_range) as server:
        register(server.url)
        assert find_download("songs") == other_copy  # its reader reports the damage
        assert ensure("songs") == target
        assert find_download("songs") == target
        other_copy.write_bytes(BODY)
        assert find_download("songs") == other_copy


@pytest.mark.parametrize("status", [404, 403, 429, 500, 503])
def test_an_error_names_the_status_of_the_server(register: Callable[..., Download], target: Path, status: int) -> None:
    with serve(lambda _: Reply(b"no", status)) as server:
        register(server.url)
        with pytest.raises(AssetError, match=rf"songs: expected the dataset at http.*Received: HTTP {status}"):
            ensure("songs")
    assert file_names(target) == []


def test_a_server_without_a_response_causes_a_timeout(register: Callable[..., Download], target: Path) -> None:
    with serve(lambda _: Reply(hang=True)) as server:
        register(server.url)
        started = time.monotonic()
        with pytest.raises(AssetError, match=r"Received: a timeout.*Nothing was written"):
            ensure("songs", timeout_s=0.2)
        assert time.monotonic() - started < 5
    assert file_names(target) == []


def test_a_stalled_download_keeps_the_received_bytes(
    register: Callable[..., Download], target: Path, part: Path
) -> None:
    with serve(lambda _: Reply(BODY[:70_000], length=len(BODY), hang=True)) as server:
        register(server.url)
        with pytest.raises(AssetError, match="incomplete"):
            ensure("songs", timeout_s=0.2)
    assert not target.exists()
    assert BODY.startswith(part.read_bytes())


def test_without_a_network_the_error_is_one_line(register: Callable[..., Download], target: Path) -> None:
    register(closed_address())
    with pytest.raises(AssetError, match=r"Received: no connection.*Nothing was written") as caught:
        ensure("songs")
    assert "\n" not in str(caught.value)
    assert file_names(target) == []


def test_an_announced_length_over_the_limit_is_refused(
    register: Callable[..., Download], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "MAX_BYTES", 1000)
    with serve(lambda _: Reply(BODY)) as server:
        register(server.url)
        with pytest.raises(AssetError, match=rf"expected at most 1000 bytes. Received: {len(BODY)}"):
            ensure("songs")


def test_a_response_over_the_limit_is_deleted(
    register: Callable[..., Download], target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "MAX_BYTES", 1000)
    with serve(lambda _: Reply(BODY, length=-1)) as server:
        register(server.url)
        with pytest.raises(AssetError, match=r"expected at most 1000 bytes. Received: more"):
            ensure("songs")
    assert file_names(target) == []


def test_a_folder_that_cannot_be_written_is_an_asset_error(register: Callable[..., Download], tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where a folder should be")
    register(closed_address())
    with pytest.raises(AssetError, match=r"expected to write .*songs.csv. Received: .*Make the folder writable"):
        ensure("songs")


def test_a_wheel_writes_only_into_the_folder_of_the_environment(
    register: Callable[..., Download], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "IS_WHEEL", True)
    monkeypatch.setenv("EMOMUSIC_DATA", str(tmp_path / "other"))
    with serve(serve_range) as server:
        register(server.url)
        assert ensure("songs") == tmp_path / "other" / "music" / "songs.csv"
    monkeypatch.setenv("EMOMUSIC_DATA", str(tmp_path / "other" / "music" / "songs.csv"))
    with pytest.raises(AssetError, match=r"expected to write .*Set EMOMUSIC_DATA"):
        ensure("songs")


def test_simultaneous_calls_cause_one_download(register: Callable[..., Download]) -> None:
    def answer_slowly(request: Request) -> Reply:
        time.sleep(0.3)  # all threads have called `ensure` before the first one ends
        return serve_range(request)

    with serve(answer_slowly) as server:
        register(server.url)
        threads = [threading.Thread(target=ensure, args=("songs",)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert len(server.requests) == 1


def test_two_datasets_can_be_downloaded_at_once(
    register: Callable[..., Download], target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requested = threading.Event()

    def answer_slowly(request: Request) -> Reply:
        if request.path == "/songs.csv":
            requested.set()
            time.sleep(1.0)  # longer than the timeout of the second download
        return serve_range(request)

    with serve(answer_slowly) as server:
        songs = register(server.url)
        more = replace(songs, name="more", address=f"{server.url}/more.csv", path="music/more.csv")
        monkeypatch.setattr(downloads, "DOWNLOADS", MappingProxyType({"songs": songs, "more": more}))
        first = threading.Thread(target=ensure, args=("songs",))
        first.start()
        assert requested.wait(10)
        second = ensure("more", timeout_s=0.3)
        first.join(30)
    assert (target.read_bytes(), second.read_bytes()) == (BODY, BODY)


def test_a_second_download_of_a_file_times_out(register: Callable[..., Download], target: Path, part: Path) -> None:
    register(closed_address())
    with (
        FileLock(target.with_name("songs.csv.lock")),
        ThreadPoolExecutor() as pool,
        pytest.raises(AssetError, match="another download of songs is running"),
    ):
        pool.submit(ensure, "songs", timeout_s=0.3).result()
    assert not part.exists()


def test_the_error_for_an_unknown_name_lists_the_known_ones() -> None:
    for function in (ensure, find_download):
        with pytest.raises(AssetError, match=r"expected one of the datasets moods, tidytuesday. Received: 'nosuch'"):
            function("nosuch")


def test_data_get_and_data_list_print_the_same_record(
    register: Callable[..., Download], target: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve(serve_range) as server:
        real = DOWNLOADS["moods"]
        moods = replace(real, address=f"{server.url}/m.csv", sha256=SUM, path="music/songs.csv")
        monkeypatch.setattr(downloads, "DOWNLOADS", {"moods": moods})
        assert main.main(["data", "list", "--json"]) == 0
        before = {record["name"]: record for record in json.loads(capsys.readouterr().out)}
        assert (before["moods"]["present"], before["moods"]["bytes"]) == (False, real.num_bytes)
        assert main.main(["data", "get", "moods", "--json"]) == 0
        (record,) = json.loads(capsys.readouterr().out)
    assert (record["present"], record["bytes"], record["path"]) == (True, len(BODY), str(target))
    assert main.main(["data", "list", "--json"]) == 0
    assert record in json.loads(capsys.readouterr().out)


def test_data_get_without_network_is_one_line_and_status_2(
    register: Callable[..., Download], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(downloads, "DOWNLOADS", {"moods": replace(DOWNLOADS["moods"], address=closed_address())})
    assert main.main(["data", "get", "moods", "--json"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "no connection" in err


def test_the_request_refuses_compression(register: Callable[..., Download]) -> None:
    with serve(serve_range) as server:
        register(server.url)
        ensure("songs")
    assert server.requests[0].headers["Accept-Encoding"] == "identity"
