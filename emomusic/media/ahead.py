"""Items that another thread makes ahead, with bounded memory."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from typing import TypeVar

_Item = TypeVar("_Item")

_MAX_ITEMS, _MAX_BYTES = 4, 72_000_000


def ahead(items: Iterable[_Item], num_bytes: Callable[[_Item], int] = lambda _: 0) -> Generator[_Item]:
    """The same items, of which another thread makes up to four ahead, and fewer of large ones.

    An exception of that thread is raised here, in order. Closing the iterator stops the thread, and closes `items` if
    it is a generator. `num_bytes` returns the memory that an item takes, if that matters.
    """
    waiting: deque[_Item] = deque()
    errors: list[BaseException] = []
    changed = threading.Condition()
    is_stopped = is_done = False

    def has_room() -> bool:
        return is_stopped or (len(waiting) < _MAX_ITEMS and sum(map(num_bytes, waiting)) < _MAX_BYTES)

    def make() -> None:
        nonlocal is_done
        try:
            for item in items:
                with changed:
                    waiting.append(item)
                    changed.notify_all()
                    changed.wait_for(has_room)
                    if is_stopped:
                        return
        except BaseException as error:
            errors.append(error)
        with changed:
            is_done = True
            changed.notify_all()

    thread = threading.Thread(target=make, name="decoder", daemon=True)
    thread.start()
    try:
        while True:
            with changed:
                changed.wait_for(lambda: waiting or is_done)
                if not waiting:
                    break
                item = waiting.popleft()
                changed.notify_all()
            yield item
        for error in errors:
            raise error
    finally:
        with changed:
            is_stopped = True
            changed.notify_all()
        thread.join()
        if isinstance(items, Generator):
            items.close()
