"""Settings of this server from `.streamlit/secrets.toml`."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any

import streamlit as st

from emomusic.errors import SettingsError
from emomusic.songs.spotify import Credentials, credentials_of


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
    values = read_secrets()
    section = values.get("spotify")
    nested = {f"spotify_{name}": value for name, value in section.items()} if isinstance(section, dict) else {}
    return credentials_of(values | nested) or credentials_of(os.environ)
