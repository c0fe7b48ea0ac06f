"""What is set for this server in `.streamlit/secrets.toml`, read in one place."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import streamlit as st

from emomusic.assets import ROOT
from emomusic.errors import SettingsError


def read_secrets() -> dict[str, Any]:
    """The settings in Streamlit's files of secrets, a section as a dict; none where there is no file.

    Raises:
        SettingsError: a file cannot be read; the message says which and where, and nothing of what stands in it.
    """
    files = [Path(place) for place in st.get_option("secrets.files") if Path(place).is_file()]
    if not files:  # which is an error for Streamlit
        return {}
    try:
        return st.secrets.to_dict()
    except (OSError, ValueError) as error:  # Streamlit's own is an OSError, text in no UTF-8 a ValueError
        faults = ((file, fault) for file in files if (fault := _fault(file)) is not None)
        file, fault = next(faults, (files[-1], "something else"))
        raise SettingsError(
            f"{_name(file)} is not as expected: TOML in UTF-8, one setting a line, every text in quotes, such as "
            f'SPOTIFY_CLIENT_ID = "…". Received: {fault}. Whoever runs this server can correct it.'
        ) from error


def _fault(file: Path) -> str | None:
    """What is wrong with a file, told without its content; None where it is sound."""
    try:
        tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\((at line \d+, column \d+|at end of document)\)$", str(error))
        return "a mistake" + (f" {place[1]}" if place else "")
    except UnicodeDecodeError:
        return "text in another encoding"
    except OSError as error:
        return str(error.strerror)
    return None


def _name(file: Path) -> str:
    """A file as the server's owner knows it, for all visitors to read."""
    for folder, sign in ((ROOT, ""), (Path.home(), "~/")):
        if file.is_relative_to(folder):
            return f"{sign}{file.relative_to(folder)}"
    return file.name
