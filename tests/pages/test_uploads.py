from collections.abc import AsyncGenerator, Sequence
from types import SimpleNamespace

import pytest
import streamlit as st
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartParser
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.runtime import RuntimeState
from streamlit.runtime.scriptrunner import StopException
from streamlit.runtime.uploaded_file_manager import DeletedFile, UploadedFile, UploadedFileRec
from streamlit.testing.v1 import AppTest

from emomusic.app import frame, picture_chooser, uploads
from emomusic.app.state import STATES
from emomusic.media.images import MAX_BYTES
from emomusic.server import asgi
from emomusic.songs.tables import MAX_UPLOAD_BYTES
from tests.pages.screen import run_function, state_of
from tests.waiting import run_coroutine

A, B = ("a.jpg", b"a photo", "image/jpeg"), ("b.jpg", b"another", "image/jpeg")


def page() -> None:
    """A page with an uploader of files. Its session has the names of the stored files."""
    import streamlit as st

    from emomusic.app.uploads import show_removal, show_uploader

    def store(files: list[object]) -> None:
        if st.session_state.pop("is_interrupted", False):
            raise StopException
        names = [getattr(file, "name", "kept") for file in files]
        st.session_state.stored = [*st.session_state.get("stored", ()), names]
        st.session_state.is_elsewhere = st.session_state.pop("leaves", False)

    if not st.session_state.get("is_elsewhere"):
        show_uploader("Files", "files", store, accept_multiple_files=True)
        show_removal("files", "Remove", store, "Shown")


@pytest.fixture
def app() -> AppTest:
    return run_function(page)


def upload(app: AppTest, *files: tuple[str, bytes, str]) -> AppTest:
    return app.file_uploader(key="files").set_value(files).run()


@pytest.mark.parametrize("cookies", [{}, {"_streamlit_xsrf": "2|token"}])
def test_without_cookies_uploads_are_explained(cookies: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads.runtime, "exists", lambda: True)
    monkeypatch.setattr(st, "context", SimpleNamespace(cookies=cookies, url="https://emo.example.org/live"))
    app = run_function(page)
    assert [link.proto.url for link in app.get("link_button")] == ([] if cookies else ["https://emo.example.org/live"])
    assert len(app.file_uploader) == 1


def test_a_file_is_stored_once_and_released(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    released: list[str] = []
    monkeypatch.setattr(uploads, "release_upload", released.append)
    upload(app, A).run()
    assert app.session_state["stored"] == [["a.jpg"]]
    assert len(released) == 1
    assert not app.info
    assert not app.button  # the uploader itself removes the file
    upload(app, B)
    upload(app)
    assert app.session_state["stored"] == [["a.jpg"], ["b.jpg"], []]


@pytest.mark.parametrize("step", ["page_state", "set_sample"])
def test_a_photo_is_stored_although_another_run_interrupts_it(step: str) -> None:
    def interrupt(*_: object) -> None:
        patch.undo()
        raise StopException

    def photo_page() -> None:
        from emomusic.app.picture_chooser import show_drop_zone

        show_drop_zone("upload")

    app = run_function(photo_page)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(picture_chooser, step, interrupt)
        app.file_uploader[0].set_value([A]).run()
    app.run()
    (photo,) = state_of(app, picture_chooser.PictureState).own
    assert photo.data == A[1]
    assert not app.info


def record(name: str) -> UploadedFile:
    return UploadedFile(UploadedFileRec(name, name, "image/jpeg", b""), FileURLs())


@pytest.mark.parametrize(
    ("listed", "stored", "lost"),
    [
        (DeletedFile("lost"), [], "this file"),
        ([record("new"), DeletedFile("lost"), DeletedFile("kept")], [["new"]], "1 of these files"),
        ([DeletedFile("kept")], [], None),
    ],
)
def test_files_that_the_server_lost_are_reported_and_not_stored(
    monkeypatch: pytest.MonkeyPatch, listed: object, stored: list[list[str]], lost: str | None
) -> None:
    messages: list[str] = []
    calls: list[list[str]] = []
    session = {"uploader": listed, STATES: {uploads.UploadState: uploads.UploadState({"uploader": ["kept"]})}}
    monkeypatch.setattr(st, "session_state", session)
    monkeypatch.setattr(st, "info", lambda message, icon: messages.append(message))

    def store(files: Sequence[UploadedFile]) -> None:
        calls.append([file.file_id for file in files])

    uploads.show_uploader("Files", "uploader", store, draw=lambda *_, **__: None)
    assert calls == stored
    assert [lost in message for message in messages] == ([True] if lost else [])


@pytest.mark.parametrize("is_ours", [True, False])
def test_a_server_that_cannot_forget_photos_shows_no_page(monkeypatch: pytest.MonkeyPatch, is_ours: bool) -> None:
    real = SimpleNamespace(state=RuntimeState.ONE_OR_MORE_SESSIONS_CONNECTED)
    monkeypatch.setattr(frame, "runtime", SimpleNamespace(exists=lambda: True, get_instance=lambda: real))
    monkeypatch.setattr(frame, "are_pages_forgotten", lambda: is_ours)

    def page() -> None:
        import streamlit as st

        from emomusic.app.frame import require_server

        require_server()
        st.title("A page")

    app = run_function(page)
    assert (len(app.error), len(app.title)) == ((0, 1) if is_ours else (1, 0))


def test_photos_stay_in_memory_and_only_larger_uploads_are_written_to_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MultiPartParser, "spool_max_size", 1024 * 1024)  # Starlette's default
    assert max(MAX_BYTES, MAX_UPLOAD_BYTES) < asgi.LARGE
    monkeypatch.setattr(asgi, "LARGE", 3_000_000)  # films are larger
    assert _is_on_disk(2_900_000)
    asgi.set_up()
    assert not _is_on_disk(2_900_000)
    assert _is_on_disk(3_100_000)


def _is_on_disk(num_bytes: int) -> bool:
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'

    async def stream() -> AsyncGenerator[bytes, None]:
        for part in (head, bytes(num_bytes), b"\r\n--x--\r\n"):
            yield part

    async def parse() -> bool:
        form = await MultiPartParser(Headers({"content-type": "multipart/form-data; boundary=x"}), stream()).parse()
        (file,) = form.values()
        assert len(await file.read()) == num_bytes
        rolled = bool(file.file._rolled)  # type: ignore[attr-defined]
        await file.close()
        return rolled

    return bool(run_coroutine(parse()))
