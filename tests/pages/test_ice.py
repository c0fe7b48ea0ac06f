import json
from typing import Any

import pytest
from aiortc.rtcicetransport import parse_stun_turn_uri
from hypothesis import given
from hypothesis import strategies as st

from emomusic.errors import SettingsError
from emomusic.server.ice import DEFAULT_STUN_URL, IceSettings, ice_settings, turn_credentials
from emomusic.server.settings import Settings

TURN_URLS = ["turn:turn.example.org:3478?transport=udp", "turns:turn.example.org:5349?transport=tcp"]
TURN = {"urls": TURN_URLS}
NOON_S = 1_800_000_000


def settings(*servers: dict[str, Any], secret: str = "", nearby: bool = False, **options: Any) -> IceSettings:
    given = Settings(ice=json.dumps({"iceServers": servers} | options), turn_secret=secret)
    return ice_settings(given, nearby=nearby, now_s=NOON_S)


def test_the_default_is_a_stun_server_unless_the_browser_is_near_and_the_setting_replaces_it_everywhere() -> None:
    assert ice_settings(Settings(), nearby=True).servers == ()
    (server,) = ice_settings(Settings(), nearby=False).as_dict()["iceServers"]
    assert server == {"urls": [DEFAULT_STUN_URL]}
    for nearby in (True, False):
        assert settings(nearby=nearby).servers == ()
        assert settings({"urls": ["stun:stun.example.org"]}, nearby=nearby).hosts == ("stun.example.org",)


def test_a_fixed_user_has_priority_over_the_secret_and_the_browser_gets_the_policy() -> None:
    fixed = TURN | {"username": "ann", "credential": "pear"}
    found = settings(fixed, TURN, secret="north", iceTransportPolicy="relay")
    assert set(found.hosts) == {parse_stun_turn_uri(url)["host"] for url in TURN_URLS}  # as aiortc reads them
    assert "pear" not in repr(found)
    told = found.as_dict()
    assert told["iceTransportPolicy"] == "relay"
    first, second = told["iceServers"]
    assert first == fixed
    assert second["credential"] == turn_credentials("north", int(second["username"].split(":")[0]))[1]


def test_turn_credentials_match_coturn() -> None:
    # echo -n 1800000000:emomusic | openssl dgst -sha1 -hmac north -binary | base64
    assert turn_credentials("north", NOON_S) == ("1800000000:emomusic", "RC4LEPJ4lxe7xMCMo7SptD6nIzE=")


@given(st.integers(0, 2**33))
def test_turn_credentials_last_12_to_18_hours_and_stay_the_same_for_a_while(now_s: int) -> None:
    given = Settings(ice=json.dumps({"iceServers": [TURN]}), turn_secret="north")
    (server,) = ice_settings(given, nearby=False, now_s=now_s).servers
    hours = (int(str(server.username).split(":")[0]) - now_s) / 3600
    assert 12 < hours <= 18
    later = ice_settings(given, nearby=False, now_s=now_s + 3600 * (hours - 12) - 1)
    assert later.servers == (server,)


BAD_URLS = ("stun.example.org", "stun:a.example.org?transport=udp", "turn:[::1]:3478", "turn:a.org:65536")
"""They fail in a browser or in aiortc."""


@pytest.mark.parametrize(
    ("ice", "secret", "words"),
    [
        ("turn:turn.example.org", "", "expected EMOMUSIC_ICE to be JSON"),
        ('{"iceServers": [{"urls": []}]}', "", "iceServers"),
        ('{"iceServers": [], "secret": "pear"}', "", "unknown field"),
        (json.dumps({"iceServers": [TURN | {"username": "ann"}]}), "", "expected EMOMUSIC_TURN_SECRET"),
        ('{"iceServers": []}', "pear", "Received: none"),
        ('{"iceServers": [], "iceTransportPolicy": "relay"}', "", "policy relay"),
        ('{"iceServers": [], "iceTransportPolicy": "some"}', "", "iceTransportPolicy"),
        *((json.dumps({"iceServers": [{"urls": [url]}]}), "pear", "EMOMUSIC_ICE") for url in BAD_URLS),
    ],
)
def test_a_malformed_setting_is_an_error_without_passwords(ice: str, secret: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words) as caught:
        ice_settings(Settings(ice=ice, turn_secret=secret), nearby=False)
    assert "pear" not in str(caught.value)
