"""The ICE servers of WebRTC, by the settings.

ICE finds a route between browser and server. A STUN server reports each side's public address. A TURN server relays
the video if a firewall blocks the direct route.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from typing import Annotated, Any, Literal

import msgspec

from emomusic.errors import SettingsError
from emomusic.server.settings import Settings

DEFAULT_STUN_URL = "stun:stun.l.google.com:19302"

_USERNAME = "emomusic"  # follows the expiry time in a TURN user name; coturn logs it
_STEP_S = 6 * 3600  # user names last two to three steps, and most reruns send the same one
_EXAMPLE = '{"iceServers": [{"urls": ["turn:turn.example.org:3478?transport=udp"]}]}'
# Browser and aiortc must both accept each address, else every connection fails: aiortc rejects IPv6 here
_PORT = r"(:(6553[0-5]|655[0-2]\d|65[0-4]\d{2}|6[0-4]\d{3}|[1-5]\d{4}|[1-9]\d{0,3}))?"
_ADDRESS = rf"^(stuns?:[A-Za-z0-9_.-]+{_PORT}|turns?:[A-Za-z0-9_.-]+{_PORT}(\?transport=(udp|tcp))?)\Z"


class IceServer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One STUN or TURN server with one or more addresses, and the user name and password of TURN."""

    urls: Annotated[tuple[Annotated[str, msgspec.Meta(pattern=_ADDRESS)], ...], msgspec.Meta(min_length=1)]
    username: str | None = None
    credential: str | None = None

    def __repr__(self) -> str:
        """The addresses only: a log has no passwords."""
        return f"IceServer({self.urls})"

    @property
    def is_turn(self) -> bool:
        """Whether an address needs a user name."""
        return any(url.startswith("turn") for url in self.urls)


class IceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `RTCConfiguration` of the browser. Streamlit-webrtc passes no policy on to this server."""

    servers: tuple[IceServer, ...] = msgspec.field(name="iceServers")
    policy: Literal["all", "relay"] = msgspec.field(name="iceTransportPolicy", default="all")

    @property
    def hosts(self) -> tuple[str, ...]:
        """Host names without duplicates."""
        return tuple(dict.fromkeys(re.split("[:?]", url)[1] for server in self.servers for url in server.urls))

    def as_dict(self) -> dict[str, Any]:
        """Convert to the format of the browser and of aiortc."""
        return dict(msgspec.json.decode(msgspec.json.encode(self)))


def turn_credentials(secret: str, expiry_s: int) -> tuple[str, str]:
    """A temporary TURN user name and its password, by the secret of the TURN server. `expiry_s` is since 1970.

    Source: "A REST API for Access to TURN Services" (draft-uberti-behave-turn-rest-00), `use-auth-secret` in coturn.
    """
    username = f"{expiry_s}:{_USERNAME}"
    digest = hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()
    return username, base64.b64encode(digest).decode()


def ice_settings(given: Settings, *, nearby: bool, now_s: float | None = None) -> IceSettings:
    """The settings for a session that starts now.

    Args:
        given: the settings of the server. Without `ice`, a public STUN server is used.
        nearby: browser and server run on one machine, so the default STUN server is omitted.
        now_s: seconds since 1970; None for now.

    Raises:
        SettingsError: a setting is malformed or missing. The message has no passwords.
    """
    secret = given.turn_secret
    if not given.ice:
        settings = IceSettings(() if nearby else (IceServer((DEFAULT_STUN_URL,)),))
    else:
        try:
            settings = msgspec.json.decode(given.ice, type=IceSettings)
        except msgspec.MsgspecError as error:
            raise SettingsError(f"expected EMOMUSIC_ICE to be JSON such as {_EXAMPLE}. Received: {error}") from None
    has_turn = any(server.is_turn for server in settings.servers)
    if secret and not has_turn:
        raise SettingsError("expected an address of TURN in EMOMUSIC_ICE for EMOMUSIC_TURN_SECRET. Received: none")
    if settings.policy == "relay" and not has_turn:
        raise SettingsError("expected an address of TURN in EMOMUSIC_ICE for the policy relay. Received: none")
    expiry_s = (int(time.time() if now_s is None else now_s) // _STEP_S + 3) * _STEP_S
    servers = []
    for server in settings.servers:
        needs_user = server.is_turn and not (server.username and server.credential)
        if needs_user and not secret:
            raise SettingsError("expected EMOMUSIC_TURN_SECRET, or a user in EMOMUSIC_ICE. Received: neither")
        servers.append(IceServer(server.urls, *turn_credentials(secret, expiry_s)) if needs_user else server)
    return IceSettings(tuple(servers), settings.policy)
