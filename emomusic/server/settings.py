"""The settings in the environment; `docs/deployment.md` describes them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated

import msgspec

from emomusic.errors import SettingsError
from emomusic.runtime import num_cores

PREFIX = "EMOMUSIC_"

VISITORS_PER_CORE = 30  # docs/deployment.md: 30 per core wait 2.6 s for an answer, 35 wait 9.7 s
LIVE_PER_CORE = 1  # docs/deployment.md: two on two cores have 16.7 frames per second, three have 6.7

OF_OTHERS = (
    *("SITE", "SITE_OPTIONS", "UPSTREAMS", "COOKIE_SECRET", "REPLICAS", "IMAGE", "CPUS", "MEMORY", "TURN_IP"),
    "TURN_HOST",
)
"""Names that Caddy and Compose of `deploy/` read, without the prefix."""

_OF_KUBERNETES = re.compile(r"_(SERVICE_(HOST|PORT)|PORT)(_|$)")  # it names its services so, such as `emomusic`
_WORDS = {"yes": "true", "on": "true", "no": "false", "off": "false"}
_Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


class Settings(msgspec.Struct, frozen=True, rename=lambda name: f"{PREFIX}{name.upper()}"):
    """All settings; the name of each begins with `EMOMUSIC_`."""

    max_visitors: _Count = msgspec.field(default_factory=lambda: VISITORS_PER_CORE * num_cores())
    max_live: _Count = msgspec.field(default_factory=lambda: LIVE_PER_CORE * num_cores())
    max_memory_mb: _Count = 500  # docs/deployment.md: 1 GB for a replica, half of it for the process
    max_files_mb: _Count = 2000  # the size of /tmp in deploy/: four videos, or two with their marked copies
    drain_s: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 20.0
    shared: bool = False  # whether other people use this server, also through its own browser
    api_token: Annotated[str, msgspec.Meta(pattern="^[ -~]{16,}$")] | None = None
    api_per_minute: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 60
    log: Annotated[str, msgspec.Meta(pattern="^(?i:json)$")] | None = None
    # The next three also from `.streamlit/secrets.toml`
    live: Annotated[str, msgspec.Meta(pattern="^(?i:page|webrtc)$")] = "page"
    ice: str = ""
    turn_secret: str = ""
    # The commands read these two themselves
    data: str | None = None
    library: str | None = None


def settings(environment: Mapping[str, object] = os.environ) -> Settings:
    """The checked settings. Empty ones count as absent.

    Raises:
        SettingsError: one is malformed or unknown. The message names it, without its value.
    """
    named = {name: str(value).strip() for name, value in environment.items() if name.upper().startswith(PREFIX)}
    known = Settings.__struct_encode_fields__
    for name in named:
        if name not in known and name.removeprefix(PREFIX) not in OF_OTHERS and not _OF_KUBERNETES.search(name):
            near = get_close_matches(name[len(PREFIX) :].upper(), [one[len(PREFIX) :] for one in known], n=1)
            advice = f"Did you mean {PREFIX}{near[0]}?" if near else "docs/deployment.md lists them"
            raise SettingsError(f"{name}: expected the name of a setting. Received: an unknown one. {advice}")
    given = {name: _WORDS.get(text.lower(), text) for name, text in named.items() if text}
    try:
        return msgspec.convert(given, Settings, strict=False)
    except msgspec.ValidationError as error:
        expected, _, place = str(error).partition(" - at `$.")
        raise SettingsError(f"{place[:-1]}: e{expected[1:]}. docs/deployment.md describes it") from None
