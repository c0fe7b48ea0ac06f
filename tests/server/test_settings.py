import pytest

from emomusic.errors import SettingsError
from emomusic.server import capacity as module
from emomusic.server.capacity import LIVE_PER_CORE, VISITORS_PER_CORE, settings


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
