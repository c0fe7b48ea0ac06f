"""The settings in the environment and in `.streamlit/secrets.toml`; `docs/deployment.md` describes them."""

from __future__ import annotations

import logging
import os
import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import streamlit as st

from emomusic.errors import SettingsError
from emomusic.runtime import num_cores

if TYPE_CHECKING:
    from emomusic.songs.spotify import Credentials

log = logging.getLogger(__name__)

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
        SettingsError: one is malformed. The message names it, without its value. An unknown one is logged.
    """
    named = {name: str(value).strip() for name, value in environment.items() if name.upper().startswith(PREFIX)}
    known = Settings.__struct_encode_fields__
    for name in named:
        if name not in known and name.removeprefix(PREFIX) not in OF_OTHERS and not _OF_KUBERNETES.search(name):
            near = get_close_matches(name[len(PREFIX) :].upper(), [one[len(PREFIX) :] for one in known], n=1)
            advice = f"Did you mean {PREFIX}{near[0]}?" if near else "docs/deployment.md lists them"
            log.warning(
                "%s: expected the name of a setting. Received: an unknown one, which has no effect. %s", name, advice
            )
    given = {name: _WORDS.get(text.lower(), text) for name, text in named.items() if text}
    try:
        return msgspec.convert(given, Settings, strict=False)
    except msgspec.ValidationError as error:
        expected, _, place = str(error).partition(" - at `$.")
        raise SettingsError(f"{place[:-1]}: e{expected[1:]}. docs/deployment.md describes it") from None


def read_secrets() -> dict[str, Any]:
    """The settings in Streamlit's secrets files, with sections as dicts; empty without such a file.

    Raises:
        SettingsError: a file cannot be read; the message gives file and position, but no content.
    """
    settings: dict[str, Any] = {}
    for file in map(Path, st.get_option("secrets.files")):
        if file.is_file():
            try:
                settings |= tomllib.loads(file.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                # The rest of the error can quote the content
                position = re.search(r"at line \d+, column \d+|at end of document", str(error))
                place = position[0] if position else "in the file"
                raise SettingsError(
                    f"expected TOML in UTF-8 in {file.parent.name}/{file.name}: one setting per line, with texts in "
                    f'quotes, such as SPOTIFY_CLIENT_ID = "…". Received: a mistake {place}. '
                    "Ask the operator of this server to correct it."
                ) from error
    return settings


def spotify_credentials() -> Credentials | None:
    """The app's Spotify keys in `.streamlit/secrets.toml`, else in the environment; None without keys.

    Raises:
        SettingsError: the file is not readable.
    """
    from emomusic.songs.spotify import credentials_of  # loads NumPy, for which no start waits

    values = read_secrets()
    section = values.get("spotify")
    nested = {f"spotify_{name}": value for name, value in section.items()} if isinstance(section, dict) else {}
    return credentials_of(values | nested) or credentials_of(os.environ)
