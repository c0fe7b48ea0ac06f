"""The settings of the server: values, unknown names, and the page that describes them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from aiortc.rtcicetransport import parse_stun_turn_uri
from hypothesis import given
from hypothesis import strategies as st

from emomusic.errors import SettingsError
from emomusic.server import settings as module
from emomusic.server.ice import DEFAULT_STUN_URL, IceSettings, ice_settings, turn_credentials
from emomusic.server.settings import LIVE_PER_CORE, OF_OTHERS, PREFIX, VISITORS_PER_CORE, Settings, settings
from tests.waiting import run_python

TURN_URLS = ["turn:turn.example.org:3478?transport=udp", "turns:turn.example.org:5349?transport=tcp"]
TURN = {"urls": TURN_URLS}
NOON_S = 1_800_000_000
BAD_URLS = ("stun.example.org", "stun:a.example.org?transport=udp", "turn:[::1]:3478", "turn:a.org:65536")
"""They fail in a browser or in aiortc."""


def test_settings_follow_the_environment_and_malformed_ones_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "num_cores", lambda: 8)
    found = settings({})
    assert (found.max_visitors, found.max_live) == (VISITORS_PER_CORE * 8, LIVE_PER_CORE * 8)
    assert (found.drain_s, found.shared, found.api_token) == (20.0, False, None)
    given = {"MAX_VISITORS": "7", "MAX_LIVE": " 3 ", "DRAIN_S": "0.5", "API_TOKEN": "", "API_PER_MINUTE": "9"}
    given |= {"LIVE": " WebRTC "}
    found = settings({f"EMOMUSIC_{name}": value for name, value in given.items()})
    assert (found.max_visitors, found.max_live, found.drain_s) == (7, 3, 0.5)
    assert (found.api_token, found.api_per_minute, found.live) == (None, 9, "WebRTC")
    for words, is_shared in ((("1", "True", "yes", "ON"), True), (("0", "false", "No", "off", " "), False)):
        assert {settings({"EMOMUSIC_SHARED": word}).shared for word in words} == {is_shared}
    for name, values in (
        ("MAX_FILES_MB", ["0", "-1", "1.5"]),
        ("DRAIN_S", ["-1", "3601", "nan", "soon"]),
        ("SHARED", ["sometimes"]),
        ("API_TOKEN", ["short", "ü" * 20]),
        ("API_PER_MINUTE", ["0"]),
        ("LIVE", ["pigeons"]),
    ):
        for value in values:
            with pytest.raises(SettingsError, match=f"EMOMUSIC_{name}: expected") as caught:
                settings({f"EMOMUSIC_{name}": value})
            assert name != "API_TOKEN" or value not in str(caught.value)


def test_unknown_settings_are_told_and_names_of_others_are_none(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("MAX_VISITOR", "max_visitors", "X", "", "API_TOKENS", "LOGS"):
        caplog.clear()
        assert settings({f"{PREFIX}{name}": "a secret", "EMOMUSIC_MAX_LIVE": "4"}).max_live == 4
        assert f"{PREFIX}{name}: " in caplog.text
        assert "secret" not in caplog.text
        assert ("Did you mean" in caplog.text) == (name not in ("X", ""))
    caplog.clear()
    names = [f"{PREFIX}{name}" for name in OF_OTHERS]
    names += ["EMOMUSIC_SERVICE_HOST", "EMOMUSIC_SERVICE_PORT_HTTP", "EMOMUSIC_PORT", "EMOMUSIC_PORT_80_TCP_ADDR"]
    assert settings(dict.fromkeys([*names, "EMOTION_X", "MAX_VISITORS"], "tcp://10.0.0.1:80")) == Settings()
    assert not caplog.records
    environment = {"EMOMUSIC_MAX_VISITOR": "5", "PATH": "", "HOME": str(root)}
    done = run_python("-c", "import emomusic.server.asgi", env=environment)
    assert done.returncode == 0, done.stderr
    assert "Did you mean EMOMUSIC_MAX_VISITORS?" in done.stderr


def test_the_documents_describe_all_settings_and_no_others(root: Path) -> None:
    page = (root / "docs/deployment.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `EMOMUSIC_")]
    described = [name for row in rows for name in re.findall(r"`(EMOMUSIC_\w+)`", row)]
    others = {f"{PREFIX}{name}" for name in OF_OTHERS}
    assert sorted(set(described) - others) == sorted(Settings.__struct_encode_fields__)
    files = [path for folder in ("deploy", "emomusic") for path in (root / folder).rglob("*") if path.is_file()]
    texts = [path.read_text(encoding="utf-8") for path in files if path.suffix in ("", ".yaml", ".yml", ".py", ".md")]
    used = set(re.findall(r"\bEMOMUSIC_[A-Z][A-Z_]*[A-Z]\b", "\n".join(texts)))
    assert used <= {*Settings.__struct_encode_fields__} | others


def ice_of(*servers: dict[str, Any], secret: str = "", nearby: bool = False, **options: Any) -> IceSettings:
    given = Settings(ice=json.dumps({"iceServers": servers} | options), turn_secret=secret)
    return ice_settings(given, nearby=nearby, now_s=NOON_S)


def test_the_default_is_a_stun_server_for_far_browsers_and_malformed_ones_are_told() -> None:
    assert ice_settings(Settings(), nearby=True).servers == ()
    (server,) = ice_settings(Settings(), nearby=False).as_dict()["iceServers"]
    assert server == {"urls": [DEFAULT_STUN_URL]}
    for nearby in (True, False):
        assert ice_of(nearby=nearby).servers == ()
        assert ice_of({"urls": ["stun:stun.example.org"]}, nearby=nearby).hosts == ("stun.example.org",)
    for ice, secret, words in (
        ("turn:turn.example.org", "", "expected EMOMUSIC_ICE to be JSON"),
        ('{"iceServers": [{"urls": []}]}', "", "iceServers"),
        ('{"iceServers": [], "secret": "pear"}', "", "unknown field"),
        (json.dumps({"iceServers": [TURN | {"username": "ann"}]}), "", "expected EMOMUSIC_TURN_SECRET"),
        ('{"iceServers": []}', "pear", "Received: none"),
        ('{"iceServers": [], "iceTransportPolicy": "relay"}', "", "policy relay"),
        ('{"iceServers": [], "iceTransportPolicy": "some"}', "", "iceTransportPolicy"),
        *((json.dumps({"iceServers": [{"urls": [url]}]}), "pear", "EMOMUSIC_ICE") for url in BAD_URLS),
    ):
        with pytest.raises(SettingsError, match=words) as caught:
            ice_settings(Settings(ice=ice, turn_secret=secret), nearby=False)
        assert "pear" not in str(caught.value)


def test_a_fixed_user_has_priority_over_the_secret_and_the_browser_gets_the_policy() -> None:
    fixed = TURN | {"username": "ann", "credential": "pear"}
    found = ice_of(fixed, TURN, secret="north", iceTransportPolicy="relay")
    assert set(found.hosts) == {parse_stun_turn_uri(url)["host"] for url in TURN_URLS}  # as aiortc reads them
    assert "pear" not in repr(found)
    told = found.as_dict()
    assert told["iceTransportPolicy"] == "relay"
    first, second = told["iceServers"]
    assert first == fixed
    assert second["credential"] == turn_credentials("north", int(second["username"].split(":")[0]))[1]
    # echo -n 1800000000:emomusic | openssl dgst -sha1 -hmac north -binary | base64, as coturn makes them
    assert turn_credentials("north", NOON_S) == ("1800000000:emomusic", "RC4LEPJ4lxe7xMCMo7SptD6nIzE=")


@given(st.integers(0, 2**33))
def test_turn_credentials_last_12_to_18_hours_and_stay_the_same_for_a_while(now_s: int) -> None:
    given = Settings(ice=json.dumps({"iceServers": [TURN]}), turn_secret="north")
    (server,) = ice_settings(given, nearby=False, now_s=now_s).servers
    hours = (int(str(server.username).split(":")[0]) - now_s) / 3600
    assert 12 < hours <= 18
    later = ice_settings(given, nearby=False, now_s=now_s + 3600 * (hours - 12) - 1)
    assert later.servers == (server,)
