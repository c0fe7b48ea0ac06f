import contextlib
import itertools
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emomusic.workers import THREAD_NAME, ahead


def num_threads() -> int:
    return sum(thread.name.startswith(THREAD_NAME) for thread in threading.enumerate())


@given(st.lists(st.integers(), max_size=40), st.integers(0, 40))
def test_items_are_the_same_and_closing_stops_the_thread(items: list[int], num_taken: int) -> None:
    assert list(ahead(items)) == items
    with contextlib.closing(ahead(items)) as made:
        assert list(itertools.islice(made, num_taken)) == items[:num_taken]
    assert num_threads() == 0


def test_an_exception_is_raised_in_order() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise OSError("broken")

    made = ahead(items())
    assert [next(made), next(made)] == [1, 2]
    with pytest.raises(OSError, match="broken"):
        next(made)
    assert num_threads() == 0


@pytest.mark.parametrize("most", [1, 4])
def test_no_more_items_are_made_ahead_than_asked_for(most: int) -> None:
    numbers, is_made = [], threading.Event()

    def items() -> Iterator[int]:
        for number in itertools.count():
            numbers.append(number)
            if len(numbers) == 1 + most:
                is_made.set()
            yield number

    with contextlib.closing(ahead(items(), most)) as made:
        assert next(made) == 0
        assert is_made.wait(60)
    assert len(numbers) == 1 + most
