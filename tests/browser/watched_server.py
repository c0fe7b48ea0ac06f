"""Start the app like `streamlit run`; on SIGUSR1, it notes its threads, and what it holds of visitors, in a file.

With `TEST_GONE_S`, a live session that gets no frame for so long has ended, and games and lessons are faster. Other
tests check these times with a clock of their own. With `TEST_READING_S`, each reading of a film takes so long, without
work for the processor.

A new session takes the source of its songs from the address: `?songs=bundled` needs no network, and one click less.
"""

import gc
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from streamlit.web.cli import main


def references(markers: list[bytes]) -> list[int]:
    """How many texts, bytes and arrays that others refer to hold each marker."""
    if not markers:
        return []
    gc.collect()
    seen = {id(marker) for marker in markers}
    numbers, shortest = [0] * len(markers), min(map(len, markers))
    for container in gc.get_objects():
        for each in gc.get_referents(container):
            if type(each) not in (bytes, bytearray, str, np.ndarray) or id(each) in seen:
                continue
            seen.add(id(each))
            content = each
            if isinstance(each, np.ndarray):
                content = b"" if each.dtype == object or each.nbytes > 20_000_000 else each.tobytes()
            elif len(each) < shortest:
                continue
            elif isinstance(each, str):
                content = each.encode(errors="replace")
            for number, marker in enumerate(markers):
                numbers[number] += marker in content
    return numbers


def note(*_: object) -> None:
    """Write the notes; a reader never gets a partial file."""
    path = Path(os.environ["TEST_NOTES"])
    listed = path.with_name("markers")
    markers = json.loads(listed.read_bytes()) if listed.exists() else []
    threads = [thread.name for thread in threading.enumerate()]
    notes = {"threads": threads, "references": references([bytes.fromhex(marker) for marker in markers])}
    fresh = path.with_suffix(".fresh")
    fresh.write_text(json.dumps(notes), encoding="utf-8")
    fresh.replace(path)


def shorten_waits(gone_s: float) -> None:
    """Set the times of Live."""
    from emomusic.server import live
    from emomusic.stream import game

    live._GONE_S = live._NO_FRAME_S = gone_s
    game.COUNTDOWN_S, game.RESULT_S, game.OWN_CAPTURE_S, game._LONGEST = 1.0, 0.5, 2.0, 30.0


def lengthen_readings(reading_s: float) -> None:
    """Let the reading of a film take longer than a test."""
    from emomusic.stream.film import FilmReading

    add = FilmReading.add

    def add_late(reading: Any, moment: Any) -> None:
        add(reading, moment)
        time.sleep(reading_s)

    FilmReading.add = add_late  # type: ignore[method-assign]


def take_source() -> None:
    """Let a session begin with the source of songs in the address, in which the app looks for none."""
    from emomusic.app import choices

    open_address = choices.open_address

    def open_with_source(*arguments: Any) -> choices.Address:
        address = open_address(*arguments)
        if "songs" in st.query_params and "test-source" not in st.session_state:
            st.session_state["test-source"] = True
            address.chosen[choices.SONGS_FROM.name] = st.query_params.get_all("songs")
        return address

    choices.open_address = open_with_source


if __name__ == "__main__":
    take_source()
    signal.signal(signal.SIGUSR1, note)
    if "TEST_GONE_S" in os.environ:
        shorten_waits(float(os.environ["TEST_GONE_S"]))
    if "TEST_READING_S" in os.environ:
        lengthen_readings(float(os.environ["TEST_READING_S"]))
    sys.exit(main())
