from concurrent.futures import ThreadPoolExecutor

import pytest

from emomusic.errors import CapacityError
from emomusic.server.capacity import MB, ByteBudget


def test_each_visitor_and_all_together_have_a_limit() -> None:
    budget = ByteBudget(100 * MB, 60 * MB)
    films = [budget.take("ann", 60 * MB), budget.take("bob", 30 * MB)]
    with pytest.raises(CapacityError, match=r"60 MB. Received: 60.1 MB"):
        budget.take("ann", 1)
    with pytest.raises(CapacityError, match="all visitors"):
        budget.take("bob", 11 * MB)
    assert budget.num_bytes == 90 * MB  # what was refused is not counted
    for _ in range(2):
        films[0].release()
    assert (budget.num_bytes, budget.held_by("bob"), films[0].num_bytes) == (30 * MB, 30 * MB, 0)
    assert budget.take("bob", 11 * MB).num_bytes == 11 * MB


def test_threads_take_no_more_than_the_budget_and_lose_none() -> None:
    budget = ByteBudget(500, 500)

    def take(number: int) -> bool:
        try:
            held = budget.take(str(number % 7), 1)
        except CapacityError:
            return False
        if number % 3 == 0:
            held.release()
        else:
            kept.append(held)
        return True

    kept: list[object] = []
    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(take, range(3000)))
    assert budget.num_bytes == len(kept) == 500
    assert not all(taken)
