"""A visitor who uploads photos and asks for songs, and the record of the answers."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from time import monotonic
from typing import Literal

from scripts.load.page import Page, Shown
from scripts.load.photos import Photos
from scripts.load.tab import ANSWER_WITHIN_S, ConnectionLostError, LoadError, Tab, press

BUSY = "busy"
"""Key of the container that the app shows to a visitor it refuses."""

Action = Literal["open", "photo", "whole photo page", "song", "whole song list", "reconnect"]
ANSWERS = ("photo", "song")
"""The actions that count as answers of the app."""

_RELOAD_AFTER_S = 1.0
_NOTICED_AFTER_S = 1.0

Result = Literal["answered", "error", "refused", "interrupted"]


class RefusedError(LoadError):
    """The app politely refuses the visitor."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One action of a visitor.

    Attributes:
        visitor: number of the visitor.
        action: what the visitor asked for. "photo" and "song" end when the answer is on the page, the others with the
            run of the page.
        result: how it ended.
        began_s: on the monotonic clock.
        elapsed_s: duration.
        reason: of an error.
    """

    visitor: int
    action: Action
    result: Result
    began_s: float
    elapsed_s: float
    reason: str = ""


@dataclass(slots=True)
class Journal:
    """The outcomes of all visitors.

    Attributes:
        outcomes: in the order of their ends.
        present: numbers of the visitors whose page is open.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    present: set[int] = field(default_factory=set)

    def add(self, visitor: int, action: Action, result: Result, began_s: float, reason: str = "") -> None:
        """Record an action that ends now."""
        self.outcomes.append(Outcome(visitor, action, result, began_s, monotonic() - began_s, reason))


@dataclass(frozen=True, slots=True)
class Habits:
    """How visitors behave.

    Attributes:
        think_s: mean pause before an action, exponentially distributed; 0 for none.
        photo_share: share of photos among the actions; the others ask for the next song.
        retries: whether an action that loses its connection is repeated, instead of being an error.
    """

    think_s: float = 10.0
    photo_share: float = 0.5
    retries: bool = False


class Visitor:
    """One visitor. `stay` never raises for an answer of the app; the journal records it."""

    def __init__(
        self, number: int, address: str, photos: Photos, journal: Journal, habits: Habits, threads: ThreadPoolExecutor
    ) -> None:
        self.number = number
        self.address = address
        self.journal = journal
        self.habits = habits
        self._threads = threads
        self._chance = random.Random(number)
        self._photos: Iterator[bytes] = photos.supply(self._chance)

    async def stay(self, until_s: float) -> None:
        """Use the app until a time on the monotonic clock. A visitor opens the page again after an error."""
        while monotonic() < until_s:
            try:
                async with Tab(self.address, self._threads) as tab:
                    async with self._recorded("open", tab):
                        await tab.open()
                    self.journal.present.add(self.number)
                    while await self._think(tab, until_s):
                        await self._act(tab)
            except RefusedError:
                return
            except LoadError:
                await asyncio.sleep(_RELOAD_AFTER_S)
            finally:
                self.journal.present.discard(self.number)

    async def _think(self, tab: Tab, until_s: float) -> bool:
        """Pause; returns whether time remains. A connection lost meanwhile is an error unless visitors retry."""
        think_s = self.habits.think_s
        ends_s = min(monotonic() + (self._chance.expovariate(1 / think_s) if think_s else 0), until_s)
        while (pause_s := ends_s - monotonic()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await tab.lost()
            if not tab.is_connected:
                if not self.habits.retries:
                    self.journal.add(self.number, "reconnect", "error", monotonic(), "the WebSocket closed in a pause")
                await self._reconnect(tab)
        return monotonic() < until_s

    async def _act(self, tab: Tab) -> None:
        wants_photo = self._chance.random() < self.habits.photo_share
        while True:
            try:
                if wants_photo or _next_button(tab.page) is None:
                    return await self._show_photo(tab)
                return await self._ask_for_song(tab)
            except ConnectionLostError:
                if not self.habits.retries:
                    raise
            await self._reconnect(tab)

    async def _reconnect(self, tab: Tab) -> None:
        async with self._recorded("reconnect", tab, within_s=None):
            await tab.reconnect()

    async def _show_photo(self, tab: Tab) -> None:
        began_s, before = monotonic(), tab.page.run
        async with self._recorded("photo", tab):
            uploader = tab.page.find("file_uploader", key="upload")
            if uploader is None or uploader.element is None:
                raise LoadError("the page has no uploader")
            await tab.upload(uploader.element.file_uploader.id, "photo.jpg", next(self._photos))
            await tab.until(lambda page: (_picture(page, before) and _song(page, before)) or _is_hopeless(page))
            if url := _picture(tab.page, before):
                response = await tab.request("GET", url)
                if not (response.ok and response.content):
                    raise LoadError(f"the picture answers with status {response.status_code}")
        async with self._recorded("whole photo page", tab, began_s=began_s):
            await tab.until(lambda page: not page.is_running)

    async def _ask_for_song(self, tab: Tab) -> None:
        began_s, before = monotonic(), _song(tab.page)
        async with self._recorded("song", tab):
            button = _next_button(tab.page)
            if button is None or button.element is None:
                raise LoadError("the page has no button for the next song")
            await tab.rerun(press(button.element.button.id), fragment=button.fragment)
            await tab.until(lambda page: _song(page) not in (before, None) or _is_hopeless(page))
        async with self._recorded("whole song list", tab, began_s=began_s):
            await tab.until(lambda page: not page.is_running)

    @contextlib.asynccontextmanager
    async def _recorded(
        self, action: Action, tab: Tab, *, began_s: float | None = None, within_s: float | None = ANSWER_WITHIN_S
    ) -> AsyncIterator[None]:
        """Record an action, whose result must be a page without an error."""
        began_s = monotonic() if began_s is None else began_s

        def record(result: Result, reason: str = "") -> None:
            self.journal.add(self.number, action, result, began_s, reason)

        try:
            async with asyncio.timeout(within_s):
                yield
            if tab.page.has_key(BUSY):
                raise RefusedError("the app is busy")
            if problem := tab.page.problem():
                raise LoadError(problem)
        except RefusedError:
            record("refused")
            raise
        except TimeoutError as error:
            record("error", f"no answer within {ANSWER_WITHIN_S:.0f} s")
            raise LoadError("no answer in time") from error
        except LoadError as error:
            if self.habits.retries and await _is_losing(tab, error):
                record("interrupted", str(error))
                raise ConnectionLostError(str(error)) from error
            record("error", str(error))
            raise
        record("answered")


async def _is_losing(tab: Tab, error: LoadError) -> bool:
    """Whether the connection is lost. A failed request can precede the end of the WebSocket."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_NOTICED_AFTER_S):
            await tab.lost()
    return not tab.is_connected or isinstance(error, ConnectionLostError)


def _is_hopeless(page: Page) -> bool:
    return page.has_key(BUSY) or page.problem() is not None


def _picture(page: Page, after_run: int) -> str | None:
    """URL of the annotated photo."""
    shown = page.find("imgs", inside="photo-preview", after_run=after_run)
    return shown.element.imgs.imgs[0].url if shown and shown.element else None


def _song(page: Page, after_run: int = 0) -> str | None:
    """Address of the player."""
    shown = page.find("iframe", inside="player-photo", after_run=after_run)
    return shown.element.iframe.src if shown and shown.element else None


def _next_button(page: Page) -> Shown | None:
    """The button for the next song, if it is enabled."""
    shown = page.find("button", key="next-photo")
    return shown if shown and shown.element and not shown.element.button.disabled else None
