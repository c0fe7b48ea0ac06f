"""What a server and its visitors may hold: places, bytes of photos and films, and the visitor's day."""

import gc
import io
import re
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import streamlit as st
from PIL import Image
from streamlit import runtime
from streamlit.runtime.uploaded_file_manager import UploadedFile
from streamlit.testing.v1 import AppTest

from emomusic.answer.answer import Answer
from emomusic.app import uploads
from emomusic.app.frame import local_date
from emomusic.errors import CapacityError, ImageError
from emomusic.faces.detection import Face
from emomusic.media.images import RgbImage, encode_png
from emomusic.server import capacity as module
from emomusic.server import photos as reading
from emomusic.server import shared, visitor
from emomusic.server.capacity import MB, ByteBudget, Capacity, HeldBytes, Refusal
from emomusic.server.film_job import FilmJob
from emomusic.server.photos import Photos, PictureState
from emomusic.server.settings import Settings
from emomusic.server.visitor import address_of
from tests.fakes import FakeClassifier, FakeClock, FakeDetector, own_capacity
from tests.pages.film_jobs import FACE, GREY, fakes, wait_for_end
from tests.pages.screen import SAMPLE, click, queue_of, result_of, samples, start_app, state_of, text_of, tracks, upload


class Runtime:
    """Streamlit's server. The list of its sessions changes while another thread reads it."""

    def __init__(self) -> None:
        self.open: set[str] = set()

    def is_active_session(self, visitor: str) -> bool:
        return visitor in self.open

    @property
    def _session_mgr(self) -> None:
        raise RuntimeError("dictionary changed size during iteration")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Runtime:
    server = Runtime()
    monkeypatch.setattr(runtime, "exists", lambda: True)
    monkeypatch.setattr(runtime, "get_instance", lambda: server)
    return server


def test_one_address_that_of_the_browser_takes_half_of_the_places(server: Runtime) -> None:
    for peer, forwarded, address in (
        (None, "", ""),
        (None, "192.0.2.9, 8.8.8.8", "8.8.8.8"),
        ("10.0.0.1", "8.8.8.8", "8.8.8.8"),
        ("10.0.0.1", "", ""),  # many visitors, if this is a proxy
        ("8.8.4.4", "8.8.8.8", "8.8.4.4"),  # only a proxy may name another address
        ("unknown", "", ""),
    ):
        assert address_of(peer, forwarded) == address
    capacity = Capacity(Settings(max_visitors=4, max_live=1))
    server.open = set("abcdef")
    assert [capacity.admit(visitor, "192.0.2.1") for visitor in "abca"] == [None, None, Refusal.ADDRESS, None]
    assert [capacity.admit(visitor) for visitor in "def"] == [None, None, Refusal.FULL]  # their address is unknown
    assert [capacity.is_admitted(visitor) for visitor in "adf"] == [True, True, False]
    server.open -= {"a"}  # a closed page leaves its place
    assert [capacity.admit(visitor, "192.0.2.1") for visitor in "cf"] == [None, Refusal.FULL]
    assert capacity.is_admitted("a")


def test_a_class_behind_one_address_reads_why_it_waits_and_does_not_ask_for_runs(
    server: Runtime, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    room, shown = own_capacity(monkeypatch, visitor, max_visitors=2, max_live=1), list[str]()
    monkeypatch.setattr(visitor, "_address", lambda: "192.0.2.1")
    server.open = {"pupil"}
    assert room.admit("pupil", "192.0.2.1") is None
    monkeypatch.setattr(st, "rerun", lambda: shown.append("again"))
    for why, rerun in ((Refusal.ADDRESS, []), (Refusal.FULL, ["again"])):
        visitor._wait_for_room.__wrapped__(why)  # type: ignore[attr-defined]
        assert shown == rerun
    monkeypatch.setattr(st, "stop", lambda: shown.append("stopped"))
    for name in ("title", "markdown"):
        monkeypatch.setattr(st, name, lambda text, **_: shown.append(text))
    visitor.admit_visitor()
    assert shown == ["again", *Refusal.ADDRESS.value, "stopped"]
    assert "EMOMUSIC_MAX_VISITORS" in caplog.text


def test_an_admitted_visitor_may_return_to_the_session(server: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock()
    monkeypatch.setattr(module, "monotonic", clock)
    capacity = Capacity(Settings(max_visitors=1, max_live=1))
    server.open = {"a", "b"}
    assert [capacity.admit(visitor) for visitor in "ab"] == [None, Refusal.FULL]
    assert (capacity.num_visitors, capacity.refusal("b")) == (1, Refusal.FULL)
    server.open = {"b"}
    assert (capacity.num_visitors, capacity.refusal("b")) == (0, None)
    assert capacity.admit("b") is None
    clock.advance(100)
    server.open = {"a", "b"}
    assert capacity.admit("a") is None  # its photos are still here
    assert capacity.num_visitors == 2
    server.open = {"b"}
    clock.advance(1000)
    assert capacity.num_visitors == 1
    assert capacity.admit("a") is Refusal.FULL


@pytest.mark.usefixtures("fresh_networks")
def test_the_photo_of_a_page_and_a_film_are_work_in_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    busy: list[bool] = []

    class Watching(FakeDetector):
        def detect(self, image: RgbImage) -> list[Face]:
            busy.append(module.capacity().is_busy)
            return super().detect(image)

    monkeypatch.setattr(shared, "load_networks", lambda **_: (Watching([FACE]), FakeClassifier()))
    start_app(sample=SAMPLE)
    assert busy == [True]
    assert not module.capacity().is_busy
    job = FilmJob("a film.mp4", io.BytesIO(GREY), fakes(detector=Watching([FACE])))
    wait_for_end(job)
    assert len(busy) > 2
    assert all(busy)
    assert not module.capacity().is_busy
    job.close()


def test_a_bad_setting_is_logged(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("EMOMUSIC_MAX_VISITORS", "many")
    module.capacity.cache_clear()
    app = start_app()
    module.capacity.cache_clear()
    assert app.error
    assert "EMOMUSIC_MAX_VISITORS" not in text_of(app)
    assert "EMOMUSIC_MAX_VISITORS" in caplog.text


def test_each_visitor_and_all_together_have_a_limit() -> None:
    budget = ByteBudget(120 * MB)
    films = [HeldBytes(budget, "ann", 60 * MB), HeldBytes(budget, "bob", 30 * MB), HeldBytes(budget, "eve", 20 * MB)]
    with pytest.raises(CapacityError, match=r"60 MB. Received: 60.1 MB"):
        HeldBytes(budget, "ann", 1)
    with pytest.raises(CapacityError, match="all visitors"):
        HeldBytes(budget, "bob", 11 * MB)
    assert budget.num_bytes == 110 * MB  # what was refused is not counted
    for _ in range(2):
        films[0].release()
    assert (budget.num_bytes, films[0].num_bytes) == (50 * MB, 0)
    assert HeldBytes(budget, "bob", 11 * MB).num_bytes == 11 * MB


DATE_LINE = "Pacific/Kiritimati", "Pacific/Pago_Pago"  # a day apart at each moment


@pytest.fixture
def app() -> AppTest:
    return start_app()


def small_server(monkeypatch: pytest.MonkeyPatch, *, max_memory_mb: int) -> Capacity:
    """A server with little memory."""
    return own_capacity(monkeypatch, uploads, reading, max_visitors=1, max_live=1, max_memory_mb=max_memory_mb)


def test_of_several_photos_only_small_copies_stay(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    room, others = small_server(monkeypatch, max_memory_mb=12), open_photos()  # 6 MB for each visitor
    large = encode_png(np.random.default_rng(0).integers(96, 160, (1000, 2000, 3), np.uint8))  # 4.5 MB, no face
    upload(app, *samples("joe-biden-2010"))
    upload(app, ("large.png", large), *samples("grace-hopper-1984"))
    assert "1 face in 2 photos" in text_of(app)
    copies = state_of(app, PictureState).own
    assert max(copies[0].decode().pixels.shape) == 1400
    assert room.memory.num_bytes == num_kept(app)
    assert room.memory.num_bytes > 500_000
    app.run()
    del copies
    assert [photo.name for photo in open_photos() if all(photo is not other for other in others)] == []
    click(app, "remove-own")
    gc.collect()
    assert room.memory.num_bytes == 0


def open_photos() -> list[UploadedFile]:
    """The uploaded photos that are still open, also those of other tests."""
    found = [each for each in gc.get_objects() if isinstance(each, UploadedFile)]
    return [file for file in found if file.type.startswith("image/") and not file.closed]


def num_kept(app: AppTest) -> int:
    """The bytes of the copies that the session keeps of its photos."""
    photos = result_of(app, Photos).photos
    return sum(map(len, (part for one in photos for part in (one.preview, one.small, *one.portraits))))


def test_unreadable_ones_of_several_photos_keep_their_reasons(app: AppTest) -> None:
    bad = {"song.jpg": b"ID3\x04" + bytes(400), "empty.jpg": b"", "bad.jpg": b"\xff\xd8\xffnonsense"}
    upload(app, *bad.items(), *samples("grace-hopper-1984"))
    reasons = dict(result_of(app, Photos).unread)
    assert reasons.keys() == bad.keys()
    for _ in range(2):
        *unread, good = state_of(app, PictureState).own
        for picture in unread:
            with pytest.raises(ImageError, match=re.escape(reasons[picture.name])):
                picture.decode()
        assert good.decode().pixels.size
        app.run()


def test_a_photo_without_room_or_whose_copies_have_none_says_so(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    room = small_server(monkeypatch, max_memory_mb=2)  # 1 MB for each visitor
    ((_, photo),) = samples(SAMPLE)
    upload(app, ("large.jpg", photo + bytes(2**20)))
    assert len(app.error) == 1
    assert not tracks(app)
    upload(app, ("small.jpg", photo))
    assert not app.error
    assert len(tracks(app)) == 1
    assert room.memory.num_bytes == len(photo) + num_kept(app)
    room = small_server(monkeypatch, max_memory_mb=1)
    noise = np.random.default_rng(0).integers(0, 255, (1500, 1500, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "JPEG", quality=1)
    small = buffer.getvalue()
    assert len(small) < 2**18  # and its preview has more than the visitor may store
    upload(app, *[(f"{number}.jpg", small + bytes(number)) for number in range(2)])
    assert "You may store" in text_of(app)
    assert room.memory.num_bytes == sum(len(one.data) for one in state_of(app, PictureState).own)


@pytest.mark.parametrize("zone", DATE_LINE)
def test_the_day_is_that_of_visitor_or_server(monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    for unknown in (None, "America", "/etc/a\0b"):
        monkeypatch.setattr(type(st.context), "timezone", unknown)
        today = date.today()
        assert today <= local_date() <= date.today()
    monkeypatch.setattr(type(st.context), "timezone", zone)
    before = datetime.now(ZoneInfo(zone)).date()
    app = start_app(sample=SAMPLE)
    assert queue_of(app).request.today in (before, datetime.now(ZoneInfo(zone)).date())
    monkeypatch.setattr("emomusic.app.sources.local_date", lambda: date.min)  # the page stays open beyond midnight
    assert result_of(app.run(), Answer).songs.request.today == date.min
