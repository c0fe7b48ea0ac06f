"""A budget of bytes, from which each stored upload and each made file draws."""

from __future__ import annotations

import threading
import weakref

from emomusic.errors import CapacityError
from emomusic.text import size_over

MB = 2**20


class ByteBudget:
    """Counts the bytes that visitors store, against a limit for each visitor and one for all.

    Threads may share one instance. `HeldBytes` uses its `lock` and `held`.
    """

    def __init__(self, max_bytes: int, max_bytes_each: int) -> None:
        self.max_bytes, self.max_bytes_each = max_bytes, max_bytes_each
        self.lock = threading.RLock()
        self.held: weakref.WeakSet[HeldBytes] = weakref.WeakSet()

    def take(self, owner: str, num_bytes: int) -> HeldBytes:
        """Reserve bytes until `release`, or until nothing refers to the result.

        Keep the result beside the data, so that both go together, for example with the session of a closed page.

        Args:
            owner: the visitor's session.
            num_bytes: the size of the data, 0 for data that will `grow`.

        Raises:
            CapacityError: the visitor, or all visitors together, would store too much.
        """
        held = HeldBytes(self, owner)
        held.grow(num_bytes)
        return held

    def held_by(self, owner: str) -> int:
        """Bytes that one visitor stores."""
        with self.lock:
            return sum(held.num_bytes for held in self.held if held.owner == owner)

    @property
    def num_bytes(self) -> int:
        """Bytes that all visitors store."""
        with self.lock:
            return sum(held.num_bytes for held in self.held)


class HeldBytes:
    """Bytes of a budget, reserved for one upload or file.

    Attributes:
        owner: the visitor's session.
        num_bytes: the size; 0 after the release.
    """

    def __init__(self, budget: ByteBudget, owner: str) -> None:
        self._budget, self.owner, self.num_bytes = budget, owner, 0

    def grow(self, num_bytes: int) -> None:
        """Reserve further bytes, for a file that is being written.

        Raises:
            CapacityError: as `ByteBudget.take`.
        """
        budget = self._budget
        with budget.lock:
            if (total := budget.held_by(self.owner) + num_bytes) > budget.max_bytes_each:
                raise CapacityError(
                    f"You may store {budget.max_bytes_each // MB} MB. Received: {size_over(total)}. "
                    "Remove other files, or choose a smaller one"
                )
            if budget.num_bytes + num_bytes > budget.max_bytes:
                raise CapacityError(
                    "The files of all visitors fill this server. Choose a smaller one, or try again in a few minutes"
                )
            self.num_bytes += num_bytes
            budget.held.add(self)

    def release(self) -> None:
        """Give the bytes back. A second call does nothing."""
        with self._budget.lock:
            self.num_bytes = 0
            self._budget.held.discard(self)
