"""The votes of a class on its phones: in memory for the lesson only, without names, and bounded."""

from __future__ import annotations

import secrets
from collections import Counter
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from emomusic.affect import Emotion

MOST_VOTERS = 300
"""Phones in a lesson."""

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # without those that look alike


@dataclass(eq=False)
class Ballot:
    """The votes of one lesson on the face that it shows, as long as the session of the lesson keeps it.

    Attributes:
        number: the number of the face, from 1.
        is_open: whether votes count.
        code: a part of the address of the phones, hard to guess.
    """

    number: int
    is_open: bool = True
    code: str = field(default_factory=lambda: "".join(secrets.choice(_LETTERS) for _ in range(6)))
    _votes: dict[str, Emotion] = field(default_factory=dict)  # by session, of this face only

    def __post_init__(self) -> None:
        _ballots[self.code] = self

    def show(self, number: int) -> None:
        """Begin the vote on another face. The votes on the last one are gone."""
        self._votes = {}
        self.number, self.is_open = number, True

    def vote(self, session: str, emotion: Emotion) -> None:
        """Take the vote of a phone, in place of its last one; nothing if the vote is over, or of too many phones."""
        if self.is_open and (session in self._votes or len(self._votes) < MOST_VOTERS):
            self._votes[session] = emotion

    def vote_of(self, session: str) -> Emotion | None:
        """The vote of a phone on this face."""
        return self._votes.get(session)

    def counts(self) -> Counter[Emotion]:
        """The number of votes by emotion."""
        return Counter(list(self._votes.values()))


_ballots: WeakValueDictionary[str, Ballot] = WeakValueDictionary()


def ballot_of(code: str) -> Ballot | None:
    """The ballot of a code; None if the lesson is over."""
    return _ballots.get(code.strip().lower())
