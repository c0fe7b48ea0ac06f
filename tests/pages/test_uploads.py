"""emomusic/ui/core/uploads.py: uploads stay in memory, and what is said of files that went with their session."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
import streamlit as st
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartParser
from streamlit.runtime.uploaded_file_manager import DeletedFile

from emomusic.ui.core import frame
from emomusic.ui.core.uploads import show_lost_uploads

LOST, READ, HERE = DeletedFile("lost"), DeletedFile("read"), SimpleNamespace(file_id="here")


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        (None, ""),
        (HERE, ""),
        (LOST, "The file listed here is not in memory any more"),
        ([], ""),
        ([HERE, READ], ""),
        ([LOST], "The file listed here is not in memory any more"),
        ([HERE, LOST, READ], "1 of the files listed here is not in memory any more"),
        ([LOST, DeletedFile("too")], "2 of the files listed here are not in memory any more"),
    ],
)
def test_files_that_went_with_their_session_are_told(
    monkeypatch: pytest.MonkeyPatch, listed: object, said: str
) -> None:
    told: list[str] = []
    monkeypatch.setattr(st, "session_state", {"uploader": listed})
    monkeypatch.setattr(st, "info", lambda words, icon: told.append(words))
    show_lost_uploads("uploader", known={"read"})
    assert [words.partition(", because")[0] for words in told] == ([said] if said else [])


def test_a_large_upload_never_goes_through_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the server's own parser of uploads does with three megabytes, once the app frames the pages."""
    monkeypatch.setattr(MultiPartParser, "spool_max_size", 1024 * 1024)  # Starlette's own
    monkeypatch.setattr(frame, "_app_has_run", threading.Event())
    monkeypatch.setattr(frame, "forget_closed_pages", lambda: None)
    assert _is_on_disk(3_000_000)
    frame.enter_app()
    assert not _is_on_disk(3_000_000)


def _is_on_disk(num_bytes: int) -> bool:
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'

    async def stream() -> AsyncGenerator[bytes, None]:
        for part in (head, bytes(num_bytes), b"\r\n--x--\r\n"):
            yield part

    async def parse() -> bool:
        form = await MultiPartParser(Headers({"content-type": "multipart/form-data; boundary=x"}), stream()).parse()
        (file,) = form.values()
        assert isinstance(file, UploadFile)
        assert len(await file.read()) == num_bytes
        rolled = bool(file.file._rolled)  # type: ignore[attr-defined]
        await file.close()
        return rolled

    with ThreadPoolExecutor(1) as thread:  # with a loop of its own: browser tests leave theirs running
        return thread.submit(lambda: asyncio.run(parse())).result()
