"""Read hostile files as the app does, and check what they yield: `python -m tests.hostile.readers FOLDER`."""

import json
import re
import sys
import threading
import time
from pathlib import Path
from typing import BinaryIO

import numpy as np

from emomusic.batch.sources import find_items, open_item, opened_archive
from emomusic.errors import EmomusicError
from emomusic.media.audio_file import AudioFile, read_song, whole
from emomusic.media.film_file import FilmFile
from emomusic.media.images import read_image
from emomusic.media.sound import SAMPLE_RATE
from emomusic.songs.tables import read_table as read_song_table
from emomusic.stream.film import FilmReading
from tests.fakes import FakeClassifier, FakeDetector

NETWORKS = FakeDetector(), FakeClassifier()


def read_picture(source: Path | BinaryIO) -> None:
    image = read_image(source if isinstance(source, Path) else source.read())
    assert (image.ndim, image.shape[2], image.dtype) == (3, 3, np.uint8)


def read_audio(source: Path | BinaryIO) -> None:
    for window in read_song(source).windows:
        assert window.samples.dtype == np.float32
        assert len(window.samples) <= 60 * SAMPLE_RATE
        assert np.isfinite(window.samples).all()
    with AudioFile(source) as file:
        file.cover()
    assert list(whole(source, 2.5))


def read_whole_film(source: Path | BinaryIO) -> str | None:
    """The problem of the film."""
    with FilmFile(source, max_s=3600) as film:
        reading, times = FilmReading(film), []
        for moment in reading.read(film, NETWORKS):
            assert 0 <= moment.share <= 1
            assert max(moment.image.shape[:2]) <= 1280
            times.append(moment.time_s)
        assert times[0] == 0
        assert times == sorted(times)
        reading.scenes()
        return film.problem


def read_table(path: Path) -> None:
    reading = read_song_table(path.read_bytes(), name=path.name)
    assert len(reading.songs) <= 200_000


def read_archive(path: Path) -> None:
    for item in find_items([str(path)]):
        with open_item(item) as file:
            file.read(2**20)


READERS = {
    "pictures": read_picture,
    "songs": read_audio,
    "films": read_whole_film,
    "tables": read_table,
    "archives": read_archive,
}


def _peak_mb() -> float:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


def _open_things() -> tuple[int, int]:
    return threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))


def main(folder: Path) -> None:
    """Print kind, name, message, seconds and growth in MB for each file. Each kind has its folder."""
    before = _peak_mb()
    for kind, read in READERS.items():
        things = None
        for path in sorted((folder / kind).iterdir()):
            started = time.process_time()
            try:
                message = read(path)  # the problem of a film
            except EmomusicError as error:
                message = str(error)
            opened_archive.cache_clear()  # the last one stays open
            things = things or _open_things()  # the first file loads libraries
            assert _open_things() == things, path
            found = kind, path.name, message, time.process_time() - started, _peak_mb() - before
            sys.stdout.write(f"{json.dumps(found)}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
