"""ICE servers for the browser's connection to this server, read from secrets or the environment.

ICE finds a route between browser and server. A STUN server reports each side's public address. A TURN server relays
the video if a firewall blocks the direct route.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from emomusic.errors import SettingsError

STUN_URLS = "EMOMUSIC_STUN_URLS"
TURN_URLS = "EMOMUSIC_TURN_URLS"
TURN_USERNAME = "EMOMUSIC_TURN_USERNAME"
TURN_CREDENTIAL = "EMOMUSIC_TURN_CREDENTIAL"
TURN_SECRET = "EMOMUSIC_TURN_SECRET"
TURN_HOURS = "EMOMUSIC_TURN_HOURS"
ICE_POLICY = "EMOMUSIC_ICE_POLICY"

SETTING_NAMES = (STUN_URLS, TURN_URLS, TURN_USERNAME, TURN_CREDENTIAL, TURN_SECRET, TURN_HOURS, ICE_POLICY)
"""The settings that `ice_settings` reads."""

DEFAULT_STUN_URL = "stun:stun.l.google.com:19302"

_USERNAME = "emomusic"  # follows the expiry time in a TURN user name; coturn logs it
_DEFAULT_HOURS, _MAX_HOURS = 12.0, 24.0
# Browser and aiortc must both accept the address: aiortc rejects IPv6 here, and a transport after stun:
_HOST = r"[A-Za-z0-9_.-]+(:(?P<port>\d{1,5}))?"
_URLS = {
    "stun": re.compile(rf"stuns?:{_HOST}"),
    "turn": re.compile(rf"turns?:{_HOST}(\?transport=(udp|tcp))?"),
}
_MAX_PORT = 65535


@dataclass(frozen=True, slots=True)
class IceServer:
    """One STUN or TURN server with one or more addresses.

    Attributes:
        urls: such as "turn:turn.example.org:3478?transport=udp".
        username: of TURN; None for STUN.
        credential: password of TURN; None for STUN.
    """

    urls: tuple[str, ...]
    username: str | None = None
    credential: str | None = field(default=None, repr=False)

    @property
    def hosts(self) -> tuple[str, ...]:
        """Host names without duplicates."""
        return tuple(dict.fromkeys(re.split("[:?]", url)[1] for url in self.urls))

    def as_dict(self) -> dict[str, Any]:
        """Convert to the format of the browser's RTCPeerConnection and of aiortc."""
        record: dict[str, Any] = {"urls": list(self.urls)}
        if self.username is not None:
            record |= {"username": self.username, "credential": self.credential}
        return record


@dataclass(frozen=True, slots=True)
class IceSettings:
    """Connection settings, from which `servers` makes the server list of one session.

    Attributes:
        stun_urls: addresses of STUN servers; empty disables STUN; None is the default.
        turn_urls: addresses of a TURN server; empty disables TURN.
        username: fixed user name for TURN.
        credential: fixed password for TURN.
        secret: shared with the TURN server, to generate user names and passwords.
        hours: minimum lifetime of a generated user name; the maximum is 1.5 times as long.
        relay_only: the browser uses TURN only.
    """

    stun_urls: tuple[str, ...] | None = None
    turn_urls: tuple[str, ...] = ()
    username: str | None = None
    credential: str | None = field(default=None, repr=False)
    secret: str | None = field(default=None, repr=False)
    hours: float = _DEFAULT_HOURS
    relay_only: bool = False

    def servers(self, *, nearby: bool, now_s: float | None = None) -> tuple[IceServer, ...]:
        """Return the servers for a session that starts now.

        Args:
            nearby: browser and server run on one machine, so the default STUN server is omitted.
            now_s: seconds since 1970; None for now.
        """
        stun = self.stun_urls if self.stun_urls is not None else () if nearby else (DEFAULT_STUN_URL,)
        servers = [IceServer(stun)] if stun else []
        if self.turn_urls and self.secret is not None:
            # The credentials change after half of `hours`, so most reruns send the same password
            step_s = max(int(1800 * self.hours), 1)
            expiry_s = (int(time.time() if now_s is None else now_s) // step_s + 3) * step_s
            servers.append(IceServer(self.turn_urls, *turn_credentials(self.secret, expiry_s)))
        elif self.turn_urls:
            servers.append(IceServer(self.turn_urls, self.username, self.credential))
        return tuple(servers)


def turn_credentials(secret: str, expiry_s: int) -> tuple[str, str]:
    """Return a temporary TURN user name and its password.

    Source: "A REST API for Access to TURN Services" (draft-uberti-behave-turn-rest-00), `use-auth-secret` in coturn.

    Args:
        secret: shared with the TURN server.
        expiry_s: seconds since 1970.
    """
    username = f"{expiry_s}:{_USERNAME}"
    digest = hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()
    return username, base64.b64encode(digest).decode()


def browser_configuration(servers: tuple[IceServer, ...], *, relay_only: bool = False) -> dict[str, Any]:
    """Return the `RTCConfiguration` of the browser."""
    policy = {"iceTransportPolicy": "relay"} if relay_only else {}
    return {"iceServers": [server.as_dict() for server in servers], **policy}


def server_configuration(servers: tuple[IceServer, ...]) -> dict[str, Any]:
    """Return the configuration of this server. streamlit-webrtc passes on no policy."""
    return {"iceServers": [server.as_dict() for server in servers]}


def ice_settings(values: Mapping[str, str]) -> IceSettings:
    """Parse and validate the settings.

    Args:
        values: by the names in `SETTING_NAMES`. Empty values are ignored, but an empty
            `EMOMUSIC_STUN_URLS` disables STUN.

    Raises:
        SettingsError: a setting is malformed or missing.
    """
    stun, turn = values.get(STUN_URLS), values.get(TURN_URLS, "")
    username, credential = values.get(TURN_USERNAME) or None, values.get(TURN_CREDENTIAL) or None
    secret, policy = values.get(TURN_SECRET) or None, values.get(ICE_POLICY, "").strip() or "all"
    turn_urls = _urls(TURN_URLS, turn, "turn")
    if turn_urls and secret is None and (username is None or credential is None):
        raise SettingsError(
            f"{TURN_URLS} needs {TURN_SECRET}, or {TURN_USERNAME} and {TURN_CREDENTIAL}. Received: "
            + (", ".join(name for name in (TURN_USERNAME, TURN_CREDENTIAL) if values.get(name)) or "none of them")
        )
    if not turn_urls and (secret or username or credential):
        raise SettingsError(f"a TURN user or secret is set without {TURN_URLS}. Set it, or remove the others")
    if policy not in ("all", "relay"):
        raise SettingsError(f'{ICE_POLICY} must be "all" or "relay". Received: {policy!r}')
    if policy == "relay" and not turn_urls:
        raise SettingsError(f'{ICE_POLICY} is "relay" and needs a TURN server in {TURN_URLS}. Received: none')
    return IceSettings(
        stun_urls=None if stun is None else _urls(STUN_URLS, stun, "stun"),
        turn_urls=turn_urls,
        username=None if secret else username,
        credential=None if secret else credential,
        secret=secret,
        hours=_hours(values.get(TURN_HOURS, "")),
        relay_only=policy == "relay",
    )


def _urls(name: str, text: str, scheme: str) -> tuple[str, ...]:
    """Split addresses at commas and white space."""
    urls = tuple(re.split(r"[,\s]+", text.strip(", \t\n"))) if text.strip(", \t\n") else ()
    for url in urls:
        # One malformed address makes every connection fail
        found = _URLS[scheme].fullmatch(url)
        if found is None or not 1 <= int(found["port"] or 1) <= _MAX_PORT:
            raise SettingsError(f'{name} must hold addresses such as "{scheme}:example.org:3478". Received: {url!r}')
    return urls


def _hours(text: str) -> float:
    if not text.strip():
        return _DEFAULT_HOURS
    try:
        hours = float(text)
    except ValueError:
        hours = -1.0
    if not 0 < hours <= _MAX_HOURS:
        raise SettingsError(f"{TURN_HOURS} must be a number of hours up to {_MAX_HOURS:.0f}. Received: {text!r}")
    return hours
