"""What the session keeps of photos, against the visitor's memory, and the visitor's day."""

import gc
import io
import re
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import streamlit as st
from PIL import Image
from streamlit.runtime.uploaded_file_manager import UploadedFile
from streamlit.testing.v1 import AppTest

from emomusic.answer.answer import Answer
from emomusic.app import uploads
from emomusic.app.frame import local_date
from emomusic.errors import ImageError
from emomusic.media.images import encode_png
from emomusic.server import photos as reading
from emomusic.server.capacity import Capacity
from emomusic.server.photos import Photos, PictureState
from tests.fakes import own_capacity
from tests.pages.screen import SAMPLE, click, queue_of, result_of, samples, start_app, state_of, text_of, tracks, upload

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
