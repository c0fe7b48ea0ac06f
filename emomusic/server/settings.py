"""The settings of a server, from its environment. `docs/deployment.md` describes them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated

import msgspec

from emomusic.errors import SettingsError
from emomusic.runtime import num_cores

VISITORS_PER_CORE = 30  # docs/deployment.md: 30 per core wait 2.6 s for an answer, 35 wait 9.7 s
LIVE_PER_CORE = 1  # docs/deployment.md: two on two cores have 16.7 frames per second, three have 6.7

_Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
_WORDS = {"yes": "true", "on": "true", "no": "false", "off": "false"}


class Settings(msgspec.Struct, frozen=True, rename=lambda name: f"EMOMUSIC_{name.upper()}"):
    """The settings; the name of each begins with `EMOMUSIC_`."""

    max_visitors: _Count = msgspec.field(default_factory=lambda: VISITORS_PER_CORE * num_cores())
    max_live: _Count = msgspec.field(default_factory=lambda: LIVE_PER_CORE * num_cores())
    max_memory_mb: _Count = 500  # docs/deployment.md: 1 GB for a replica, half of it for the process
    max_files_mb: _Count = 2000  # the size of /tmp in deploy/: four videos, or two with their marked copies
    drain_s: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 20.0
    shared: bool = False  # whether other people use this server, also through its own browser
    api_token: Annotated[str, msgspec.Meta(pattern="^[ -~]{16,}$")] | None = None
    api_per_minute: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 60


def settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """The checked settings.

    Raises:
        SettingsError: one is malformed. The message names it, without its value.
    """
    given = {name: _WORDS.get(text.lower(), text) for name, value in environment.items() if (text := value.strip())}
    try:
        return msgspec.convert(given, Settings, strict=False)
    except msgspec.ValidationError as error:
        expected, _, place = str(error).partition(" - at `$.")
        raise SettingsError(f"{place[:-1]}: e{expected[1:]}. docs/deployment.md describes it") from None
