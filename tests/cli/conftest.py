import json
import resource
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from emomusic.affect import EMOTIONS
from emomusic.cli import main
from emomusic.media.sound import Window
from emomusic.songs.song import Hearing
from tests.songs.ears import FakeEar

Reply = tuple[int, Any, str]
Run = Callable[..., Reply]


def assert_is_face(face: dict[str, Any], width: int, height: int) -> None:
    """The record of a face in a picture of this size is plausible."""
    x, y, w, h = face["box"]
    assert min(x, y) >= 0
    assert x + w <= width
    assert y + h <= height
    assert list(face["probabilities"]) == list(EMOTIONS)
    assert sum(face["probabilities"].values()) == pytest.approx(1, abs=1e-3)
    assert face["emotion"] == max(face["probabilities"], key=face["probabilities"].get)


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """Run a command with --json; gives the status, what stdout holds, parsed, and stderr."""

    def run_json(*arguments: str | Path) -> Reply:
        try:
            status = main.main([*map(str, arguments), "--json"])
        except SystemExit as exit_:  # argparse leaves this way
            status = int(exit_.code or 0)
        out, err = capfd.readouterr()  # with everything that native libraries print
        return status, json.loads(out) if out else None, err

    return run_json


class _Ear(FakeEar):
    """Hears the pitch, too: songs of similar pitch have similar features."""

    def analyse(self, windows: Sequence[Window], turn: object = None, **_: object) -> Hearing:
        samples = windows[0].samples
        pitch = np.abs(np.diff(np.signbit(samples))).sum() / len(samples)
        return replace(super().analyse(windows, turn), features=np.array([1, 9 * pitch], np.float16).tobytes())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for songs, which a fake model hears for a library of its own."""
    monkeypatch.setattr("emomusic.songs.hearing.load_sound_model", _Ear)
    monkeypatch.setattr("emomusic.runtime.num_cores", lambda: 1)
    monkeypatch.setenv("EMOMUSIC_LIBRARY", str(tmp_path / "library.sqlite"))
    (folder := tmp_path / "my music").mkdir()
    return folder


@pytest.fixture
def full_disk() -> Iterator[Callable[[int], None]]:
    """Let no file, also of what a command prints, grow beyond a number of bytes, as if the disk were full."""
    _, most = before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda num_bytes: resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, most))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
