import io
from pathlib import Path

import av
import numpy as np
import pytest

from emomusic.errors import AudioError, FilmError
from emomusic.media.film_songs import SceneSong, add_songs
from tests.films import NOBODY, film_bytes, sound_of
from tests.songs.songs import tone, write_song

RATE = 48_000


def tone_file(path: Path, hertz: int, seconds: float) -> Path:
    write_song(path, "wav", tone(seconds, hertz=hertz, volume=0.8)[:1])
    return path


def levels(data: bytes, start_s: float, end_s: float) -> dict[int, float]:
    """The levels of the tones in a part of a film."""
    part = sound_of(data)[round(start_s * RATE) : round(end_s * RATE)]
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)))) / len(part)
    places = np.fft.rfftfreq(len(part), 1 / RATE)
    return {hertz: float(spectrum[np.abs(places - hertz) < 5].max()) for hertz in (440, 1000, 2000)}


@pytest.mark.parametrize("audio", ["aac", None])
def test_songs_fade_into_each_other_over_the_lowered_sound_of_the_film(audio: str | None, tmp_path: Path) -> None:
    film, out = film_bytes([(NOBODY, 12)], audio=audio), io.BytesIO()
    first, second = tone_file(tmp_path / "first.wav", 1000, 2.0), tone_file(tmp_path / "second.wav", 2000, 20.0)
    shares: list[float] = []
    songs = [SceneSong(0, 6, first), SceneSong(6, 12, second.read_bytes())]
    add_songs(lambda: io.BytesIO(film), songs, out, on_progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1
    with av.open(io.BytesIO(out.getvalue())) as container:
        assert [stream.codec_context.name for stream in container.streams] == ["h264", "aac"]
        assert container.duration / av.time_base == pytest.approx(12, abs=0.2)
        assert sum(1 for _ in container.decode(video=0)) == 120
    early, late = levels(out.getvalue(), 2.5, 4.5), levels(out.getvalue(), 8, 11)  # the first one has been repeated
    assert early[1000] > 10 * early[2000]
    assert late[2000] > 10 * late[1000]
    at_cut = levels(out.getvalue(), 5.8, 6.2)
    assert min(at_cut[1000], at_cut[2000]) > 0.3 * max(early[1000], late[2000])
    # As on the page: the songs at their level, the film at a quarter of its own
    assert late[2000] == pytest.approx(levels(second.read_bytes(), 8, 11)[2000], rel=0.1)
    lowered = 0.25 * levels(film, 2.5, 4.5)[440] if audio else 0
    assert early[440] == pytest.approx(lowered, rel=0.1, abs=1e-4)


def test_a_song_that_is_gone_and_a_full_disk_are_errors(tmp_path: Path) -> None:
    film = film_bytes([(NOBODY, 2)])
    with pytest.raises(AudioError):
        add_songs(lambda: io.BytesIO(film), [SceneSong(0, 2, tmp_path / "gone.wav")], io.BytesIO())
    with pytest.raises(FilmError, match="write"), io.FileIO("/dev/full", "w") as full:
        add_songs(lambda: io.BytesIO(film), [], full)
