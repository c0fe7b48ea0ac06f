"""The votes of a class on its phones: in memory for the lesson only, without names, and bounded."""

from __future__ import annotations

import secrets
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

from emomusic.affect import Emotion

MOST_BALLOTS, MOST_VOTERS = 20, 300
"""Lessons at the same time, the oldest goes first; and phones in one."""

_KEPT_S = 2 * 60 * 60  # after the last round began
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # without those that look alike


@dataclass(eq=False)
class Ballot:
    """The votes of one lesson on the face that it shows.

    Attributes:
        code: in the address of the phones.
        number: of the face, from 1.
        is_open: whether votes count.
        began_s: when this face was shown.
    """

    code: str
    number: int = 1
    is_open: bool = True
    began_s: float = 0.0
    _votes: dict[str, Emotion] = field(default_factory=dict)  # by session, of this face only

    def vote(self, session: str, emotion: Emotion) -> None:
        """Take the vote of a phone, in place of its last one; nothing if the vote is over, or of too many phones."""
        if self.is_open and (session in self._votes or len(self._votes) < MOST_VOTERS):
            self._votes[session] = emotion

    def vote_of(self, session: str) -> Emotion | None:
        """What a phone voted on this face."""
        return self._votes.get(session)

    def counts(self) -> Counter[Emotion]:
        """The number of votes by emotion."""
        return Counter(list(self._votes.values()))


class Ballots:
    """The lessons of this process. Threads may share them."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock, self._lock, self._by_code = clock, threading.Lock(), dict[str, Ballot]()

    def start(self) -> Ballot:
        """A new lesson, with a code that is hard to guess."""
        with self._lock:
            self._forget_old()
            while len(self._by_code) >= MOST_BALLOTS:
                del self._by_code[next(iter(self._by_code))]
            ballot = Ballot("".join(secrets.choice(_LETTERS) for _ in range(6)), began_s=self._clock())
            self._by_code[ballot.code] = ballot
            return ballot

    def find(self, code: str) -> Ballot | None:
        """The lesson of a code; None if it is over."""
        with self._lock:
            self._forget_old()
            return self._by_code.get(code.strip().lower())

    def show(self, ballot: Ballot, number: int) -> None:
        """Begin the vote on another face. The votes on the last one are gone."""
        with self._lock:
            ballot.number, ballot.is_open, ballot.began_s = number, True, self._clock()
            ballot._votes.clear()

    def end(self, ballot: Ballot) -> None:
        """Forget a lesson."""
        with self._lock:
            self._by_code.pop(ballot.code, None)

    def _forget_old(self) -> None:
        for code in [code for code, one in self._by_code.items() if self._clock() - one.began_s > _KEPT_S]:
            del self._by_code[code]


ballots = Ballots()
"""Those of the server."""
