"""What a visitor has goes over to the next session of the tab, with its bytes, and never away from an open page."""

from __future__ import annotations

import io
from dataclasses import dataclass

import pytest

from emomusic.app.film.state import FilmState
from emomusic.app.music.classify import OwnSong
from emomusic.app.own_music import OwnFiles, TableState
from emomusic.errors import CapacityError
from emomusic.server import film_job, kept, photos
from emomusic.server.capacity import ByteBudget, HeldBytes
from emomusic.server.film_job import FilmJob
from emomusic.server.kept import Kept, offered, take_back
from emomusic.server.photos import Photos, Picture, PictureState
from tests.fakes import own_capacity
from tests.films import SAMPLES
from tests.pages.film_jobs import GREY, fakes, wait_for_end


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The session of the moment, which a test replaces."""
    now = ["first"]
    for module in (kept, photos):
        monkeypatch.setattr(module, "session_id", lambda: now[0])
    monkeypatch.setattr("emomusic.app.film.state.session_id", lambda: now[0])
    return now


@pytest.fixture
def budget(monkeypatch: pytest.MonkeyPatch) -> ByteBudget:
    """The memory of a server of its own."""
    return own_capacity(monkeypatch, kept, photos, film_job, max_visitors=9, max_live=9).memory


def photo_of(budget: ByteBudget, session: list[str]) -> PictureState:
    """A state with a photo."""
    data, state = (SAMPLES / "grace-hopper-1984.jpg").read_bytes(), PictureState()
    state.take((Picture.of("mine.jpg", data, HeldBytes(budget, session[0], len(data))),))
    return state


def taken(before: Kept, session: list[str]) -> Kept:
    """The state of the next session, after the tab has named the last one."""
    session[0] += "'"
    found, after = offered(before.token), type(before)()
    assert found is before
    take_back(before.token, found, after)
    return after


def test_photos_and_their_bytes_go_over_reload_after_reload(budget: ByteBudget, session: list[str]) -> None:
    state = photo_of(budget, session)
    size, digest = budget.num_bytes, state.digest
    read = Photos(digest, {digest: None})
    state.keep(digest, read)
    token = state.token
    for _ in range(3):
        after = taken(state, session)
        assert isinstance(after, PictureState)
        assert (after.own[0].name, after.token, state.held_thing) == ("mine.jpg", token, "")
        assert [held.owner for held in budget.held] == [session[0]]
        assert budget.num_bytes == size
        assert after.kept(Photos, digest) is None  # it was not read, and a run of the last session may still read it
        state = after


def test_an_open_page_keeps_its_photo_and_a_copy_counts(
    budget: ByteBudget, session: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    state = photo_of(budget, session)
    size = budget.num_bytes
    monkeypatch.setattr(kept, "_is_open", lambda _: True)
    after = taken(state, session)
    assert isinstance(after, PictureState)
    assert state.own[0].data == after.own[0].data
    assert budget.num_bytes == 2 * size
    budget.max_bytes = 2 * size + 10
    with pytest.raises(CapacityError, match="all visitors"):
        taken(state, session)
    assert state.own


def test_a_film_goes_on_for_the_next_session_and_ends_with_it(budget: ByteBudget, session: list[str]) -> None:
    state = FilmState()
    state.show(job := FilmJob("mine.mp4", io.BytesIO(GREY), fakes(), session[0]))
    after = taken(state, session)
    assert isinstance(after, FilmState)
    assert (state.job, after.job, job.visitor) == (None, job, session[0])
    del state  # the session before ends
    assert wait_for_end(job).error is None
    assert budget.num_bytes > 0  # frames and portraits
    assert {held.owner for held in budget.held} == {session[0]}
    after.show(None)
    assert job.take() is None


@dataclass
class Other(Kept):
    """A state without its own way."""

    word: str = ""

    @property
    def held_thing(self) -> str:
        """A word."""
        return self.word


@pytest.mark.parametrize("state", [Other(word="a word"), OwnSong("mine.mp3", b"song"), TableState(), OwnFiles()])
def test_other_states_change_places(state: Kept, budget: ByteBudget, session: list[str]) -> None:
    if isinstance(state, OwnSong):
        state.held = HeldBytes(budget, session[0], 4)
    elif isinstance(state, TableState):
        state.file = object()  # type: ignore[assignment]
    elif isinstance(state, OwnFiles):
        state.files["id"] = object()  # type: ignore[assignment]
    thing = state.held_thing
    state.offer()
    after = taken(state, session)
    assert (after.held_thing, state.held_thing) == (thing, "")
    assert thing
    take_back(after.token, Other(word="another"), after)
    assert after.held_thing == thing  # what the visitor has now stays
