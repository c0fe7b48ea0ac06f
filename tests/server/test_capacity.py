from concurrent.futures import ThreadPoolExecutor

import pytest

from emomusic.errors import CapacityError, SettingsError
from emomusic.server import capacity as module
from emomusic.server.capacity import LIVE_PER_CORE, MB, VISITORS_PER_CORE, ByteBudget, settings


def test_settings_follow_the_environment_and_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "num_cores", lambda: 8)
    found = settings({})
    assert (found.max_visitors, found.max_live) == (VISITORS_PER_CORE * 8, LIVE_PER_CORE * 8)
    assert (found.drain_s, found.shared, found.api_token) == (20.0, False, None)
    given = {"MAX_VISITORS": "7", "MAX_LIVE": " 3 ", "DRAIN_S": "0.5", "API_TOKEN": "", "API_PER_MINUTE": "9"}
    found = settings({f"EMOMUSIC_{name}": value for name, value in given.items()})
    assert (found.max_visitors, found.max_live, found.drain_s) == (7, 3, 0.5)
    assert (found.api_token, found.api_per_minute) == (None, 9)
    for words, is_shared in ((("1", "True", "yes", "ON"), True), (("0", "false", "No", "off", " "), False)):
        assert {settings({"EMOMUSIC_SHARED": word}).shared for word in words} == {is_shared}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("MAX_FILES_MB", ["0", "-1", "1.5"]),
        ("DRAIN_S", ["-1", "3601", "nan", "soon"]),
        ("SHARED", ["sometimes"]),
        ("API_TOKEN", ["short", "ü" * 20]),
        ("API_PER_MINUTE", ["0"]),
    ],
)
def test_a_malformed_setting_is_named_without_its_value(name: str, values: list[str]) -> None:
    for value in values:
        with pytest.raises(SettingsError, match=f"EMOMUSIC_{name}: expected") as caught:
            settings({f"EMOMUSIC_{name}": value})
        assert name != "API_TOKEN" or value not in str(caught.value)


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
