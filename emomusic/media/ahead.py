"""Items that another thread makes ahead, with bounded memory."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

_Item = TypeVar("_Item")

THREAD_NAME = "decoder"
_END: Any = object()


def ahead(items: Iterable[_Item], most: int = 4) -> Generator[_Item]:
    """The same items, of which another thread makes at most so many ahead.

    An exception of that thread is raised here, in order. Closing the iterator stops the thread, and closes `items` if
    it is a generator.
    """
    iterator, waiting = iter(items), deque[Future[_Item]]()
    thread = ThreadPoolExecutor(1, thread_name_prefix=THREAD_NAME)

    def make() -> None:
        with contextlib.suppress(RuntimeError):  # the program ends, and so do the items
            waiting.append(thread.submit(next, iterator, _END))

    try:
        for _ in range(most):
            make()
        while waiting and (item := waiting.popleft().result()) is not _END:
            make()
            yield item
    finally:
        thread.shutdown(cancel_futures=True)
        if isinstance(items, Generator):
            items.close()
