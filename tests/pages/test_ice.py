"""Tests of the ICE settings for browser and aiortc."""

import base64
import hashlib
import hmac
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emomusic.errors import SettingsError
from emomusic.ui.live.ice import (
    DEFAULT_STUN_URL,
    ICE_POLICY,
    STUN_URLS,
    TURN_CREDENTIAL,
    TURN_HOURS,
    TURN_SECRET,
    TURN_URLS,
    TURN_USERNAME,
    IceServer,
    browser_configuration,
    ice_settings,
    server_configuration,
    turn_credentials,
)

TURN = {TURN_URLS: "turn:turn.example.org:3478?transport=udp, turn:turn.example.org:3478?transport=tcp"}
NOON_S = 1_800_000_000


def test_no_server_is_used_on_one_machine() -> None:
    assert ice_settings({}).servers(nearby=True) == ()


def test_the_default_is_a_stun_server() -> None:
    assert ice_settings({}).servers(nearby=False) == (IceServer((DEFAULT_STUN_URL,)),)


def test_a_stun_setting_applies_everywhere_and_an_empty_one_disables_stun() -> None:
    settings = ice_settings({STUN_URLS: "stun:stun.example.org"})
    for nearby in (True, False):
        assert settings.servers(nearby=nearby) == (IceServer(("stun:stun.example.org",)),)
        assert ice_settings({STUN_URLS: ""}).servers(nearby=nearby) == ()


def test_a_fixed_turn_user_is_used() -> None:
    settings = ice_settings({**TURN, TURN_USERNAME: "ann", TURN_CREDENTIAL: "pear", STUN_URLS: ""})
    (server,) = settings.servers(nearby=False)
    assert server.as_dict() == {
        "urls": ["turn:turn.example.org:3478?transport=udp", "turn:turn.example.org:3478?transport=tcp"],
        "username": "ann",
        "credential": "pear",
    }


def test_turn_credentials_match_coturn() -> None:
    # echo -n 1800000000:emomusic | openssl dgst -sha1 -hmac north -binary | base64
    assert turn_credentials("north", NOON_S) == ("1800000000:emomusic", "RC4LEPJ4lxe7xMCMo7SptD6nIzE=")


@given(st.text(min_size=1), st.integers(0, 2**40))
def test_a_turn_password_is_the_hmac_of_its_user_name(secret: str, expiry_s: int) -> None:
    username, credential = turn_credentials(secret, expiry_s)
    digest = hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()
    assert base64.b64decode(credential) == digest
    assert int(username.split(":")[0]) == expiry_s


@given(st.integers(0, 2**33), st.floats(0.1, 24))
def test_turn_credentials_last_between_one_and_one_and_a_half_times_the_setting(now_s: int, hours: float) -> None:
    settings = ice_settings({**TURN, TURN_SECRET: "north", TURN_HOURS: str(hours), STUN_URLS: ""})
    (server,) = settings.servers(nearby=False, now_s=now_s)
    assert server.username is not None
    lifetime_s = int(server.username.split(":")[0]) - now_s
    assert 3600 * hours - 2 <= lifetime_s <= 1.5 * 3600 * hours + 1  # rounded to a second


def test_turn_credentials_stay_the_same_for_a_while() -> None:
    settings = ice_settings({**TURN, TURN_SECRET: "north"})
    first, soon, later = (settings.servers(nearby=False, now_s=NOON_S + delay_s) for delay_s in (0, 60, 6 * 3600))
    assert first == soon
    assert first != later


def test_only_the_browser_gets_the_relay_policy() -> None:
    settings = ice_settings({**TURN, TURN_SECRET: "north", ICE_POLICY: "relay"})
    servers = settings.servers(nearby=True, now_s=NOON_S)
    assert settings.relay_only
    assert browser_configuration(servers, relay_only=True)["iceTransportPolicy"] == "relay"
    assert browser_configuration(servers)["iceServers"] == server_configuration(servers)["iceServers"]
    assert "iceTransportPolicy" not in browser_configuration(servers)
    assert list(server_configuration(servers)) == ["iceServers"]


def test_servers_have_host_names() -> None:
    settings = ice_settings({**TURN, TURN_SECRET: "north"})
    assert [server.hosts for server in settings.servers(nearby=False)] == [
        ("stun.l.google.com",),
        ("turn.example.org",),
    ]


def test_repr_hides_secrets() -> None:
    settings = ice_settings({**TURN, TURN_SECRET: "north-by-northwest"})
    (server,) = settings.servers(nearby=True)
    assert "north-by" not in repr(settings)
    assert server.credential is not None
    assert server.credential not in repr(server)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({STUN_URLS: "stun.example.org"}, 'must hold addresses such as "stun:example.org:3478"'),
        ({STUN_URLS: "stun:stun.example.org?transport=udp"}, "must hold addresses"),
        ({STUN_URLS: "turn:turn.example.org"}, "must hold addresses"),
        ({STUN_URLS: "stun:a.example.org:0"}, "must hold addresses"),
        ({STUN_URLS: "stun:a.example.org:65536"}, "must hold addresses"),
        ({TURN_URLS: "turn:a.example.org:99999?transport=udp", TURN_SECRET: "north"}, "must hold addresses"),
        ({TURN_URLS: "turn:[::1]:3478", TURN_SECRET: "north"}, "must hold addresses"),
        ({TURN_URLS: "turn:a.example.org?transport=sctp", TURN_SECRET: "north"}, "must hold addresses"),
        (TURN, f"needs {TURN_SECRET}, or {TURN_USERNAME} and {TURN_CREDENTIAL}. Received: none of them"),
        ({**TURN, TURN_USERNAME: "ann"}, f"Received: {TURN_USERNAME}"),
        ({TURN_SECRET: "north"}, f"set without {TURN_URLS}"),
        ({TURN_USERNAME: "ann"}, f"set without {TURN_URLS}"),
        ({TURN_CREDENTIAL: "secret"}, f"set without {TURN_URLS}"),
        ({ICE_POLICY: "relay"}, "needs a TURN server"),
        ({ICE_POLICY: "none"}, 'must be "all" or "relay". Received: \'none\''),
        ({**TURN, TURN_SECRET: "north", TURN_HOURS: "soon"}, "number of hours up to 24. Received: 'soon'"),
        ({**TURN, TURN_SECRET: "north", TURN_HOURS: "0"}, "number of hours"),
        ({**TURN, TURN_SECRET: "north", TURN_HOURS: "nan"}, "number of hours"),
    ],
)
def test_an_invalid_setting_is_an_error(values: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(words)):
        ice_settings(values)


def test_aiortc_parses_every_accepted_address() -> None:
    aiortc = pytest.importorskip("aiortc.rtcicetransport")
    settings = ice_settings(
        {
            STUN_URLS: "stun:a.example.org stuns:a.example.org:5349",
            TURN_URLS: "turn:b.example.org,turn:b.example.org:34?transport=tcp,turns:b.example.org:53?transport=tcp",
            TURN_SECRET: "north",
        }
    )
    urls = [url for server in settings.servers(nearby=False) for url in server.urls]
    assert len(urls) == 5
    assert {aiortc.parse_stun_turn_uri(url)["host"] for url in urls} == {"a.example.org", "b.example.org"}
