"""Downloads against a real server: whole, cut, resumed, damaged, missing, silent."""

import contextlib
import hashlib
import json
import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from emomusic import assets, downloads
from emomusic.cli import main
from emomusic.downloads import DOWNLOADS, Download, ensure, find_download
from emomusic.errors import AssetError
from tests.servers import Reply, Request, closed_address, serve

BODY = b"track_id,track_name\n" + b"".join(b"%022d,Song %d\n" % (number, number) for number in range(5000))
SUM = hashlib.sha256(BODY).hexdigest()


@pytest.fixture(autouse=True)
def _empty_house(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(assets, "ROOT", tmp_path)
    monkeypatch.delenv("EMOMUSIC_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Download]:
    """Put one dataset called "songs" on offer, at an address."""

    def put(address: str, sha256: str | None = SUM, num_rows: int = 5000) -> Download:
        download = Download(
            "songs", f"{address}/songs.csv", "music/songs.csv", "none", "a test", sha256,
            ("track_id", "track_name"), num_rows, len(BODY),
        )  # fmt: skip
        monkeypatch.setattr(downloads, "DOWNLOADS", MappingProxyType({"songs": download}))
        return download

    return put


def whole_or_rest(request: Request) -> Reply:
    """As raw.githubusercontent.com answers."""
    if (asked := request.headers.get("Range")) is None:
        return Reply(BODY)
    start = int(asked.removeprefix("bytes=").removesuffix("-"))
    if start >= len(BODY):
        return Reply(b"", 416, {"Content-Range": f"bytes */{len(BODY)}"})
    return Reply(BODY[start:], 206, {"Content-Range": f"bytes {start}-{len(BODY) - 1}/{len(BODY)}"})


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "data" / "music" / "songs.csv"


@pytest.fixture
def part(place: Path) -> Path:
    place.parent.mkdir(parents=True)
    return place.with_name("songs.csv.part")


@pytest.mark.parametrize("name", DOWNLOADS)
def test_every_dataset_says_where_it_is_from_and_how_it_is_checked(name: str) -> None:
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


def test_the_labelled_songs_at_hand_are_those_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    path = assets.find_dataset("music/data_moods.csv")
    if path is None:
        pytest.skip("needs music/data_moods.csv in $EMOMUSIC_DATA or data/")
    assert assets.sha256_of(path) == DOWNLOADS["moods"].sha256
    assert path.stat().st_size == DOWNLOADS["moods"].num_bytes
    assert downloads._problem(path, replace(DOWNLOADS["moods"], sha256=None)) is None


@pytest.mark.parametrize("sha256", [SUM, None])
def test_a_dataset_arrives_whole_and_tells_how_far_it_is(
    offer: Callable[..., Download], place: Path, sha256: str | None
) -> None:
    told: list[tuple[int, int | None]] = []
    with serve(whole_or_rest) as server:
        offer(server.url, sha256)
        assert find_download("songs") is None
        assert ensure("songs", lambda *state: told.append(state)) == place
        assert find_download("songs") == place
        assert ensure("songs") == place
    assert place.read_bytes() == BODY
    assert len(server.requests) == 1  # the second time it is there
    assert [path.name for path in place.parent.iterdir()] == ["songs.csv"]
    assert told[0] == (0, len(BODY))
    assert told[-1] == (len(BODY), len(BODY))
    assert told == sorted(told)


def test_a_dataset_of_the_environments_folder_is_used_where_it_is(
    offer: Callable[..., Download], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(closed_address())
    theirs = tmp_path / "theirs" / "music" / "songs.csv"
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(BODY)
    monkeypatch.setenv("EMOMUSIC_DATA", str(tmp_path / "theirs"))
    assert ensure("songs") == theirs


def test_a_download_that_is_cut_is_told_kept_and_gone_on_with(
    offer: Callable[..., Download], place: Path, part: Path
) -> None:
    def cut_at_first(request: Request) -> Reply:
        return whole_or_rest(request) if "Range" in request.headers else Reply(BODY[:100_000], length=len(BODY))

    with serve(cut_at_first) as server:
        offer(server.url)
        with pytest.raises(AssetError, match=r"a part of it, then nothing more.* are kept in songs.csv.part") as told:
            ensure("songs")
        assert not place.exists()
        kept = part.stat().st_size
        assert 0 < kept <= 100_000
        assert f"{kept} bytes are kept" in str(told.value)
        progress: list[int] = []
        assert ensure("songs", lambda done, _total: progress.append(done)).read_bytes() == BODY
    assert server.requests[1].headers["Range"] == f"bytes={kept}-"
    assert progress[0] == kept


@pytest.mark.parametrize("kind", ["ignores ranges", "other range", "already whole", "too long"])
def test_what_was_kept_never_ends_in_a_wrong_file(
    offer: Callable[..., Download], place: Path, part: Path, kind: str
) -> None:
    part.write_bytes({"already whole": BODY, "too long": BODY + b"more"}.get(kind, BODY[:100]))

    def answer(request: Request) -> Reply:
        if kind == "ignores ranges":
            return Reply(BODY)
        if kind == "other range":  # sends the whole, and calls it a part
            return Reply(BODY, 206, {"Content-Range": f"bytes 0-{len(BODY) - 1}/{len(BODY)}"})
        return whole_or_rest(request)

    with serve(answer) as server:
        offer(server.url)
        assert ensure("songs").read_bytes() == BODY
    assert not part.exists()
    assert place.exists()


@pytest.mark.parametrize("sha256", [SUM, None])
@pytest.mark.parametrize(
    "body", [b"", b"<html>Sign in to the network</html>", BODY[:-30], BODY + b"1,2\n", b"\xff\xfe\x00", b"a,b\n" * 5001]
)
def test_another_file_is_not_kept(offer: Callable[..., Download], place: Path, sha256: str | None, body: bytes) -> None:
    with serve(lambda _: Reply(body)) as server:
        offer(server.url, sha256)
        with pytest.raises(AssetError, match=r"songs: expected .* Received: .* It was not kept. Try again"):
            ensure("songs")
    assert list(place.parent.iterdir()) == []


def test_a_damaged_file_in_its_place_is_fetched_anew(offer: Callable[..., Download], place: Path, part: Path) -> None:
    place.write_bytes(BODY[:-1])
    with serve(whole_or_rest) as server:
        offer(server.url)
        assert ensure("songs").read_bytes() == BODY


def test_of_two_copies_the_whole_one_is_used(
    offer: Callable[..., Download], place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = tmp_path / "theirs" / "music" / "songs.csv"
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(BODY[:7])
    monkeypatch.setenv("EMOMUSIC_DATA", str(tmp_path / "theirs"))
    with serve(whole_or_rest) as server:
        offer(server.url)
        assert find_download("songs") == theirs  # so that whoever reads it says what is wrong with it
        assert ensure("songs") == place
        assert find_download("songs") == place
        theirs.write_bytes(BODY)
        assert find_download("songs") == theirs


@pytest.mark.parametrize("status", [404, 403, 429, 500, 503])
def test_a_server_that_refuses_is_told_with_its_status(
    offer: Callable[..., Download], place: Path, status: int
) -> None:
    with serve(lambda _: Reply(b"no", status)) as server:
        offer(server.url)
        with pytest.raises(AssetError, match=rf"songs: expected the dataset at http.*Received: HTTP {status}"):
            ensure("songs")
    assert list(place.parent.iterdir()) == []


def test_a_server_that_says_nothing_is_left(offer: Callable[..., Download], place: Path) -> None:
    with serve(lambda _: Reply(hang=True)) as server:
        offer(server.url)
        started = time.monotonic()
        with pytest.raises(AssetError, match=r"Received: none in time. Is this machine online\? Nothing was written"):
            ensure("songs", timeout_s=0.2)
        assert time.monotonic() - started < 5
    assert list(place.parent.iterdir()) == []


def test_a_server_that_falls_silent_is_left_and_what_came_is_kept(
    offer: Callable[..., Download], place: Path, part: Path
) -> None:
    with serve(lambda _: Reply(BODY[:70_000], length=len(BODY), hang=True)) as server:
        offer(server.url)
        with pytest.raises(AssetError, match=r"a part of it, then nothing more"):
            ensure("songs", timeout_s=0.2)
    assert not place.exists()
    assert BODY.startswith(part.read_bytes())


def test_without_network_there_is_one_line(offer: Callable[..., Download], place: Path) -> None:
    offer(closed_address())
    with pytest.raises(
        AssetError, match=r"Received: no connection. Is this machine online\? Nothing was written"
    ) as told:
        ensure("songs")
    assert "\n" not in str(told.value)
    assert list(place.parent.iterdir()) == []


def test_a_flood_is_stopped(offer: Callable[..., Download], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "MAX_BYTES", 1000)
    with serve(lambda _: Reply(BODY)) as server:
        offer(server.url)
        with pytest.raises(AssetError, match=rf"expected at most 1000 bytes. Received: {len(BODY)}"):
            ensure("songs")


def test_a_flood_that_nobody_announced_leaves_nothing_on_the_disk(
    offer: Callable[..., Download], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "MAX_BYTES", 1000)
    with serve(lambda _: Reply(BODY, length=-1)) as server:
        offer(server.url)
        with pytest.raises(AssetError, match=r"expected at most 1000 bytes. Received: more"):
            ensure("songs")
    assert list(place.parent.iterdir()) == []


def test_a_place_that_cannot_be_written_is_told(offer: Callable[..., Download], tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where a folder should be")
    offer(closed_address())
    with pytest.raises(AssetError, match=r"expected to write .*songs.csv. Received: .*Make the folder writable"):
        ensure("songs")


def test_a_wheel_writes_into_the_environments_folder_alone(
    offer: Callable[..., Download], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "IS_WHEEL", True)
    monkeypatch.setenv("EMOMUSIC_DATA", str(tmp_path / "theirs"))
    with serve(whole_or_rest) as server:
        offer(server.url)
        assert ensure("songs") == tmp_path / "theirs" / "music" / "songs.csv"
    monkeypatch.setenv("EMOMUSIC_DATA", str(tmp_path / "theirs" / "music" / "songs.csv"))
    with pytest.raises(AssetError, match=r"expected to write .*Set EMOMUSIC_DATA to a folder that you may write into"):
        ensure("songs")


@pytest.mark.parametrize("processes", [1, 2])
def test_two_who_ask_at_once_get_one_download(
    offer: Callable[..., Download], monkeypatch: pytest.MonkeyPatch, processes: int
) -> None:
    if processes == 2:  # each has thread locks of its own, which the other does not see
        monkeypatch.setattr(downloads, "_locks", defaultdict(contextlib.nullcontext))

    def slowly(request: Request) -> Reply:
        time.sleep(0.3)  # so that all have asked before one is done
        return whole_or_rest(request)

    with serve(slowly) as server:
        offer(server.url)
        threads = [threading.Thread(target=ensure, args=("songs",)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert len(server.requests) == 1


def test_two_datasets_at_once_come_one_after_the_other(
    offer: Callable[..., Download], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = threading.Event()

    def slowly(request: Request) -> Reply:
        if request.path == "/songs.csv":
            asked.set()
            time.sleep(1.0)  # longer than the second waits for another program
        return whole_or_rest(request)

    with serve(slowly) as server:
        songs = offer(server.url)
        more = replace(songs, name="more", address=f"{server.url}/more.csv", path="music/more.csv")
        monkeypatch.setattr(downloads, "DOWNLOADS", MappingProxyType({"songs": songs, "more": more}))
        first = threading.Thread(target=ensure, args=("songs",))
        first.start()
        assert asked.wait(10)
        second = ensure("more", timeout_s=0.3)
        first.join(30)
    assert (place.read_bytes(), second.read_bytes()) == (BODY, BODY)


def test_who_waits_for_another_program_in_vain_is_told(offer: Callable[..., Download], place: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    offer(closed_address())
    place.parent.mkdir(parents=True)
    other = os.open(place.parent, os.O_RDONLY)
    try:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(AssetError, match=r"another program is downloading into .*music. Try again"):
            ensure("songs", timeout_s=0.3)
    finally:
        os.close(other)


def test_an_unknown_dataset_is_told_with_the_known_ones() -> None:
    for function in (ensure, find_download):
        with pytest.raises(AssetError, match=r"expected one of the datasets moods, tidytuesday. Received: 'nosuch'"):
            function("nosuch")


def test_data_get_and_data_list_tell_the_same(
    offer: Callable[..., Download], place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve(whole_or_rest) as server:
        real = DOWNLOADS["moods"]
        moods = replace(real, address=f"{server.url}/m.csv", sha256=SUM, path="music/songs.csv")
        monkeypatch.setattr(downloads, "DOWNLOADS", {"moods": moods})
        assert main.main(["data", "list", "--json"]) == 0
        before = {record["name"]: record for record in json.loads(capsys.readouterr().out)}
        assert (before["moods"]["present"], before["moods"]["bytes"]) == (False, real.num_bytes)
        assert main.main(["data", "get", "moods", "--json"]) == 0
        (record,) = json.loads(capsys.readouterr().out)
    assert (record["present"], record["bytes"], record["path"]) == (True, len(BODY), str(place))
    assert main.main(["data", "list", "--json"]) == 0
    assert record in json.loads(capsys.readouterr().out)


def test_data_get_without_network_is_one_line_and_status_2(
    offer: Callable[..., Download], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(downloads, "DOWNLOADS", {"moods": replace(DOWNLOADS["moods"], address=closed_address())})
    assert main.main(["data", "get", "moods", "--json"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "no connection" in err


def test_no_more_is_asked_for_than_can_be_counted(offer: Callable[..., Download]) -> None:
    with serve(whole_or_rest) as server:
        offer(server.url)
        ensure("songs")
    assert server.requests[0].headers["Accept-Encoding"] == "identity"
