"""Settings of this server from `.streamlit/secrets.toml`."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any

import streamlit as st

from emomusic.assets import ROOT
from emomusic.errors import SettingsError
from emomusic.music.spotify.search import Credentials, credentials_of


def read_secrets() -> dict[str, Any]:
    """The settings in Streamlit's secrets files, with sections as dicts; empty without such a file.

    Raises:
        SettingsError: a file cannot be read; the message gives file and position, but no content.
    """
    files = [Path(path) for path in st.get_option("secrets.files") if Path(path).is_file()]
    if not files:  # Streamlit raises an error here
        return {}
    try:
        return st.secrets.to_dict()
    except (OSError, ValueError) as error:  # Streamlit's error is an OSError, invalid UTF-8 a ValueError
        faults = ((file, fault) for file in files if (fault := _fault(file)) is not None)
        file, fault = next(faults, (files[-1], "something else"))
        raise SettingsError(
            f"expected TOML in UTF-8 in {_name(file)}: one setting per line, with texts in quotes, such as "
            f'SPOTIFY_CLIENT_ID = "…". Received: {fault}. Ask the operator of this server to correct it.'
        ) from error


def spotify_credentials() -> Credentials | None:
    """The app's Spotify keys in `.streamlit/secrets.toml`, else in the environment; None without keys.

    Raises:
        SettingsError: the file is not readable.
    """
    values = read_secrets()
    section = values.get("spotify")
    nested = {f"spotify_{name}": value for name, value in section.items()} if isinstance(section, dict) else {}
    return credentials_of(values | nested) or credentials_of(os.environ)


def _fault(file: Path) -> str | None:
    """The error in a file, without its content; None if the file is valid."""
    try:
        tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        position = re.search(r"\((at line \d+, column \d+|at end of document)\)$", str(error))
        return "a mistake" + (f" {position[1]}" if position else "")
    except UnicodeDecodeError:
        return "text in another encoding"
    except OSError as error:
        return str(error.strerror)
    return None


def _name(file: Path) -> str:
    """The file's path for messages, relative to the app or the home folder if possible."""
    for folder, sign in ((ROOT, ""), (Path.home(), "~/")):
        if file.is_relative_to(folder):
            return f"{sign}{file.relative_to(folder)}"
    return file.name
