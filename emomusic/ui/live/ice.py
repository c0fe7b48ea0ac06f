"""How a browser's camera reaches this server: the ICE servers, from the secrets or the environment.

Browser and server look for a way to each other (ICE). On one machine or one network they find it by themselves; over
the internet a STUN server tells each its address; and where a firewall lets nothing through, a TURN server passes the
video on.
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
"""All that `ice_settings` looks at."""

DEFAULT_STUN_URL = "stun:stun.l.google.com:19302"

_NAME = "emomusic"  # stands behind the expiry in a minted user name; coturn shows it in its log
_HOURS, _MOST_HOURS = 12.0, 24.0
# What both a browser and aiortc take: aiortc knows no IPv6 address here, and refuses a transport behind stun:
_HOST = r"[A-Za-z0-9_.-]+(:(?P<port>\d{1,5}))?"
_URLS = {
    "stun": re.compile(rf"stuns?:{_HOST}"),
    "turn": re.compile(rf"turns?:{_HOST}(\?transport=(udp|tcp))?"),
}
_MOST_PORT = 65535


@dataclass(frozen=True, slots=True)
class IceServer:
    """One STUN or TURN server, at one or several addresses.

    Attributes:
        urls: such as "turn:turn.example.org:3478?transport=udp".
        username: TURN's; None for STUN.
        credential: TURN's password; None for STUN.
    """

    urls: tuple[str, ...]
    username: str | None = None
    credential: str | None = field(default=None, repr=False)

    @property
    def hosts(self) -> tuple[str, ...]:
        """Their names, each once."""
        return tuple(dict.fromkeys(re.split("[:?]", url)[1] for url in self.urls))

    def as_dict(self) -> dict[str, Any]:
        """As a browser's RTCPeerConnection and aiortc expect it."""
        record: dict[str, Any] = {"urls": list(self.urls)}
        if self.username is not None:
            record |= {"username": self.username, "credential": self.credential}
        return record


@dataclass(frozen=True, slots=True)
class IceSettings:
    """What is set for connections; makes the servers for one session.

    Attributes:
        stun_urls: addresses of STUN servers; empty for none; None where nothing is set.
        turn_urls: addresses of a TURN server; empty for none.
        username: TURN's, where it is fixed.
        credential: TURN's password, where it is fixed.
        secret: shared with the TURN server, which then accepts user names minted from it.
        hours: how long a minted user name is good for at least; at most half as long again.
        relay_only: let the browser use nothing but TURN.
    """

    stun_urls: tuple[str, ...] | None = None
    turn_urls: tuple[str, ...] = ()
    username: str | None = None
    credential: str | None = field(default=None, repr=False)
    secret: str | None = field(default=None, repr=False)
    hours: float = _HOURS
    relay_only: bool = False

    def servers(self, *, nearby: bool, now_s: float | None = None) -> tuple[IceServer, ...]:
        """The servers for a session that starts now.

        Args:
            nearby: browser and server are the same machine. Unless one is set, no STUN server is asked then: none is
                needed, nobody outside is told, and nobody waits for one that cannot be reached.
            now_s: seconds since 1970; None for now.
        """
        stun = self.stun_urls if self.stun_urls is not None else () if nearby else (DEFAULT_STUN_URL,)
        servers = [IceServer(stun)] if stun else []
        if self.turn_urls and self.secret is not None:
            # Good for at least so many hours, and the same until half of them have passed: a page that runs anew gives
            # the browser no other password
            step_s = max(int(1800 * self.hours), 1)
            expiry_s = (int(time.time() if now_s is None else now_s) // step_s + 3) * step_s
            servers.append(IceServer(self.turn_urls, *turn_credentials(self.secret, expiry_s)))
        elif self.turn_urls:
            servers.append(IceServer(self.turn_urls, self.username, self.credential))
        return tuple(servers)


def turn_credentials(secret: str, expiry_s: int) -> tuple[str, str]:
    """A user name that TURN accepts until it expires, and its password.

    The scheme is that of "A REST API for Access to TURN Services" (draft-uberti-behave-turn-rest-00), which coturn
    knows as `use-auth-secret`.

    Args:
        secret: shared with the TURN server.
        expiry_s: seconds since 1970.
    """
    username = f"{expiry_s}:{_NAME}"
    digest = hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()
    return username, base64.b64encode(digest).decode()


def browser_configuration(servers: tuple[IceServer, ...], *, relay_only: bool = False) -> dict[str, Any]:
    """The `RTCConfiguration` of the browser's side."""
    policy = {"iceTransportPolicy": "relay"} if relay_only else {}
    return {"iceServers": [server.as_dict() for server in servers], **policy}


def server_configuration(servers: tuple[IceServer, ...]) -> dict[str, Any]:
    """The same for this server's side, to which streamlit-webrtc hands on no policy."""
    return {"iceServers": [server.as_dict() for server in servers]}


def ice_settings(values: Mapping[str, str]) -> IceSettings:
    """Read and check the settings.

    Args:
        values: by the names in `SETTING_NAMES`; others are ignored, and so is an empty one, save that an empty
            `EMOMUSIC_STUN_URLS` means no STUN server.

    Raises:
        SettingsError: a setting is malformed, or one that it needs is absent.
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
        raise SettingsError(f"a TURN user or secret is set without {TURN_URLS}: set it, or remove the others")
    if policy not in ("all", "relay"):
        raise SettingsError(f'{ICE_POLICY} must be "all" or "relay". Received: {policy!r}')
    if policy == "relay" and not turn_urls:
        raise SettingsError(f'{ICE_POLICY} is "relay", which needs a TURN server in {TURN_URLS}. Received: none')
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
    """Addresses separated by commas or blanks."""
    urls = tuple(re.split(r"[,\s]+", text.strip(", \t\n"))) if text.strip(", \t\n") else ()
    for url in urls:
        # One malformed address would end every connection, on the server's side with a traceback
        found = _URLS[scheme].fullmatch(url)
        if found is None or not 1 <= int(found["port"] or 1) <= _MOST_PORT:
            raise SettingsError(f'{name} must hold addresses such as "{scheme}:example.org:3478". Received: {url!r}')
    return urls


def _hours(text: str) -> float:
    if not text.strip():
        return _HOURS
    try:
        hours = float(text)
    except ValueError:
        hours = -1.0
    if not 0 < hours <= _MOST_HOURS:
        raise SettingsError(f"{TURN_HOURS} must be a number of hours up to {_MOST_HOURS:.0f}. Received: {text!r}")
    return hours
