"""Visitors' data that survive a reload: the tab's next session takes them over from the session before."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, fields
from time import monotonic, sleep
from typing import Self
from weakref import WeakValueDictionary

from streamlit import runtime

from emomusic.server.capacity import capacity
from emomusic.server.visitor import session_id

_LEAVES_S = 2.0  # the longest time until the server knows that a tab has left a page

_offered: WeakValueDictionary[str, Kept] = WeakValueDictionary()


@dataclass(kw_only=True)
class Kept:
    """The base of a session's states that hold the visitor's data: photos, a film, a song, files, a table.

    Attributes:
        token: names the state to the browser's tab; "" with nothing to keep.
        owner: the session.
    """

    token: str = ""
    owner: str = ""

    @property
    def held_thing(self) -> str:
        """The visitor's data in the session, in one or two words; "" for nothing."""
        return ""

    def offer(self) -> None:
        """Offer the visitor's data to the tab under a new token. Call this after each change of the data."""
        self.owner, self.token = session_id(), secrets.token_urlsafe(16) if self.held_thing else ""
        if self.token:
            _offered[self.token] = self

    def take_over(self, before: Self) -> None:
        """Take the place of the state of an ended session, which then has nothing."""
        for field in fields(self):
            mine, theirs = getattr(self, field.name), getattr(before, field.name)
            setattr(self, field.name, theirs)
            setattr(before, field.name, mine)

    def copy_from(self, before: Self) -> None:
        """Take copies from the state of an open page, whose tab the visitor duplicated. Some states have none."""


def offered(token: str) -> Kept | None:
    """The state that a tab names; None if it is gone."""
    return _offered.get(token)


def take_back(token: str, before: Kept, into: Kept) -> None:
    """Take what a session before had into the state of this one, with its bytes of the budgets.

    The token stays the same: the tab may be loaded again before it has another one.
    """
    if into.held_thing:
        return
    if _is_open(before.owner):
        into.copy_from(before)
        return
    now = session_id()
    for budget in (capacity().memory, capacity().files):
        budget.move(before.owner, now)
    into.take_over(before)
    into.owner, into.token = now, token
    _offered[token] = into


def _is_open(session: str) -> bool:
    """Whether the page of a session is still open. At a reload, the server may notice its end later."""
    began_s = monotonic()
    while runtime.exists() and runtime.get_instance().is_active_session(session):
        if monotonic() - began_s > _LEAVES_S:
            return True
        sleep(0.05)
    return False
