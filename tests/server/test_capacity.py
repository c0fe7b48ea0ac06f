import pytest

from emomusic.errors import CapacityError
from emomusic.server.capacity import MB, ByteBudget, HeldBytes


def test_each_visitor_and_all_together_have_a_limit() -> None:
    budget = ByteBudget(120 * MB)
    films = [HeldBytes(budget, "ann", 60 * MB), HeldBytes(budget, "bob", 30 * MB), HeldBytes(budget, "eve", 20 * MB)]
    with pytest.raises(CapacityError, match=r"60 MB. Received: 60.1 MB"):
        HeldBytes(budget, "ann", 1)
    with pytest.raises(CapacityError, match="all visitors"):
        HeldBytes(budget, "bob", 11 * MB)
    assert budget.num_bytes == 110 * MB  # what was refused is not counted
    for _ in range(2):
        films[0].release()
    assert (budget.num_bytes, films[0].num_bytes) == (50 * MB, 0)
    assert HeldBytes(budget, "bob", 11 * MB).num_bytes == 11 * MB
