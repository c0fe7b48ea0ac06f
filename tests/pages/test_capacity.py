import io

import pytest
import streamlit as st
from streamlit import runtime

from emomusic.errors import CapacityError
from emomusic.faces.detection import Face
from emomusic.media.images import RgbImage
from emomusic.server import capacity as module
from emomusic.server import shared, visitor
from emomusic.server.capacity import MB, ByteBudget, Capacity, HeldBytes, Refusal
from emomusic.server.film_job import FilmJob
from emomusic.server.settings import Settings
from emomusic.server.visitor import address_of
from tests.fakes import FakeClassifier, FakeClock, FakeDetector, own_capacity
from tests.pages.film_jobs import FACE, GREY, fakes, wait_for_end
from tests.pages.screen import SAMPLE, start_app, text_of


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
