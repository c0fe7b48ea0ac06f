import gc
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.applications import Starlette

from emomusic.errors import CapacityError
from emomusic.server import files
from emomusic.server.capacity import ByteBudget, HeldBytes
from emomusic.server.files import ServedFile, StreamedFile, folder_url, routes
from tests.server.asgi import Answer, answer_of

Ask = Callable[..., Answer]

CONTENT = bytes(range(256)) * 4000


@pytest.fixture
def budget() -> ByteBudget:
    return ByteBudget(4 * len(CONTENT))


def made(budget: ByteBudget, content: bytes = CONTENT) -> StreamedFile:
    file = StreamedFile(HeldBytes(budget, "me"), "a film.mp4")
    file.write(content)
    return file


@pytest.fixture
def ask() -> Ask:
    """Requests to the server: status, headers and body."""
    app = Starlette(routes=routes())

    def request(address: str, asked: str | None = None) -> Answer:
        return answer_of(app, address, {} if asked is None else {"range": asked})

    return request


def test_players_get_the_parts_they_ask_for_while_a_file_is_held(ask: Ask, budget: ByteBudget, tmp_path: Path) -> None:
    (path := tmp_path / "song.mp3").write_bytes(CONTENT)
    files = [made(budget), ServedFile(path, "audio/mpeg"), ServedFile(CONTENT, "audio/mpeg")]
    addresses = {file.url: file.mime_type for file in files}
    for address, mime_type in addresses.items():
        status, headers, content = ask(address, "bytes=300000-300009")
        assert (status, content, headers["content-type"]) == (206, CONTENT[300_000:300_010], mime_type)
        assert headers["content-range"] == f"bytes 300000-300009/{len(CONTENT)}"
        assert "content-disposition" not in headers  # a player shows it
        assert "no-store" in headers["cache-control"]
        assert ask(address)[2] == CONTENT
        assert ask(address, "bytes=9999999-")[0] == 416
        assert ask(address[:-1])[0] == 404
    path.unlink()
    assert [ask(address)[0] for address in addresses] == [200, 404, 200]
    path.write_bytes(CONTENT)
    assert budget.num_bytes == len(CONTENT)
    files.clear()
    gc.collect()
    assert [ask(address)[0] for address in addresses] == [404, 404, 404]
    assert budget.num_bytes == 0


def test_a_folder_of_the_app_changes_its_address_with_its_files(ask: Ask, tmp_path: Path) -> None:
    (path := tmp_path / "band.js").write_bytes(b"export {}")
    (tmp_path / "secret.txt").write_bytes(b"of the server")
    folder = folder_url({"band.js": path})
    status, headers, content = ask(f"{folder}/band.js")
    assert (status, content) == (200, b"export {}")
    assert "immutable" in headers["cache-control"]
    assert [ask(f"{folder}/{name}")[0] for name in ("secret.txt", "..%2fsecret.txt")] == [404, 404]
    os.utime(path, ns=(1, 1))
    assert folder_url({"band.js": path}) != folder


def test_a_file_beyond_its_budget_is_full_and_has_a_link(budget: ByteBudget, monkeypatch: pytest.MonkeyPatch) -> None:
    file = made(budget)
    file.seek(0)
    file.write(CONTENT)
    assert budget.num_bytes == len(file) == file.tell() == len(CONTENT)
    with pytest.raises(CapacityError):
        file.write(2 * CONTENT)
    assert budget.num_bytes == len(CONTENT)
    options: Callable[[str], str] = {"server.baseUrlPath": "/music/"}.__getitem__
    monkeypatch.setattr(files, "get_option", options)
    file = made(budget)
    assert file.url == f"/music{file.address}"
    assert file.address.startswith("/app/static/")  # the browser adds the folder
    status, headers, content = answer_of(Starlette(routes=routes()), file.download_url, {})
    assert (status, content) == (200, CONTENT)
    assert "a%20film.mp4" in headers["content-disposition"]
