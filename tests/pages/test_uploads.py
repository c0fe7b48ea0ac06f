"""emomusic/ui/core/uploads.py: uploads stay in memory, and lost uploads are reported."""

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

from emomusic.face.images import MAX_BYTES
from emomusic.music.table_files import MAX_UPLOAD_BYTES
from emomusic.ui.core import frame
from emomusic.ui.core.files import show_lost_uploads

LOST, READ, HERE = DeletedFile("lost"), DeletedFile("read"), SimpleNamespace(file_id="here")


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        (None, []),
        (HERE, []),
        (LOST, ["this file"]),
        ([], []),
        ([HERE, READ], []),
        ([LOST], ["this file"]),
        ([HERE, LOST, READ], ["1 of these files"]),
        ([LOST, DeletedFile("too")], ["2 of these files"]),
    ],
)
def test_lost_uploads_are_counted(monkeypatch: pytest.MonkeyPatch, listed: object, expected: list[str]) -> None:
    messages: list[str] = []
    monkeypatch.setattr(st, "session_state", {"uploader": listed})
    monkeypatch.setattr(st, "info", lambda message, icon: messages.append(message))
    show_lost_uploads("uploader", known={"read"})
    assert len(messages) == len(expected)
    assert all(part in message for part, message in zip(expected, messages, strict=True))


def test_a_large_upload_stays_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit's upload parser must not write three megabytes to disk once `app.py` has run."""
    monkeypatch.setattr(MultiPartParser, "spool_max_size", 1024 * 1024)  # Starlette's default
    monkeypatch.setattr(frame, "_app_has_run", threading.Event())
    monkeypatch.setattr(frame, "forget_closed_pages", lambda: None)
    assert _is_on_disk(3_000_000)
    frame.enter_app()
    assert not _is_on_disk(3_000_000)


def test_an_upload_larger_than_any_photo_is_written_to_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only films are; the limit is lowered here."""
    monkeypatch.setattr(MultiPartParser, "spool_max_size", MultiPartParser.spool_max_size)  # restored afterwards
    monkeypatch.setattr(frame, "_app_has_run", threading.Event())
    monkeypatch.setattr(frame, "forget_closed_pages", lambda: None)
    assert max(MAX_BYTES, MAX_UPLOAD_BYTES) < frame._LARGEST_IN_MEMORY
    monkeypatch.setattr(frame, "_LARGEST_IN_MEMORY", 2_000_000)
    frame.enter_app()
    assert _is_on_disk(3_000_000)
    assert not _is_on_disk(1_900_000)


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

    with ThreadPoolExecutor(1) as thread:  # a separate event loop: browser tests leave theirs running
        return thread.submit(lambda: asyncio.run(parse())).result()
