"""The model that hears mood, the training of its head, and songs in files: heard ones and the bundled ones."""

import io
import json
import os
import shutil
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from emomusic import assets
from emomusic.affect import MOOD_POINTS, AffectPoint, Emotion, Mood
from emomusic.errors import AudioError, DatasetError, ModelError
from emomusic.export import song_record
from emomusic.media.audio_file import read_song
from emomusic.media.sound import PATCH_S, SAMPLE_RATE, Window
from emomusic.songs import hearing, training
from emomusic.songs.hearing import (
    HEAD,
    NUM_SAMPLES,
    QUADRANTS,
    TAGS,
    TRAIT_TAGS,
    SoundHead,
    SoundSpan,
    hear_film,
    load_sound_model,
    patches_of,
    spectrogram_of,
    traits_of,
)
from emomusic.songs.local_songs import SONGS, bundled_songs, recommender_of, songs_dir
from emomusic.songs.place import hearing_of
from emomusic.songs.queue import SongQueue
from emomusic.songs.request import Policy, Request
from emomusic.songs.song import UNKNOWN_ARTIST, Hearing, Player, Song
from emomusic.songs.spotify import songs_csv, songs_m3u
from emomusic.songs.training import Examples, evaluate_sound, fit_head, read_clips, train_sound
from tests.films import NOBODY, film_bytes
from tests.songs.ears import FakeEar
from tests.songs.songs import song_of, tone, write_song

NUM_FEATURES = 1368  # tags and inner features of four networks


def chord(seconds: float) -> np.ndarray:
    """A soft chord that fades."""
    time_s = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    notes = sum(np.sin(2 * np.pi * hertz * time_s) for hertz in (220, 277, 330))
    return (0.05 * notes * np.exp(-time_s / seconds)).astype(np.float32)


def drums(seconds: float) -> np.ndarray:
    """Loud bursts of noise, eight in a second."""
    rng = np.random.default_rng(0)
    samples = rng.uniform(-1, 1, round(seconds * SAMPLE_RATE))
    return (samples * np.exp(-20 * (np.arange(len(samples)) / SAMPLE_RATE % 0.125))).astype(np.float32)


def test_loud_drums_are_more_awake_than_a_soft_chord_and_traits_what_the_tags_tell():
    for shares, traits in (
        ({"female": 0.4, "guitar": 0.5}, "voice female-voice guitar"),
        ({"male vocal": 0.3, "female": 0.25, "slow": 0.3}, "voice slow"),
        ({"no vocals": 0.3, "male": 0.2, "piano": 0.6, "fast": 0.5}, "instrumental piano fast"),
        ({"slow": 0.3, "fast": 0.3, "vocal": 0.1}, ""),
    ):
        features = np.zeros((3, NUM_FEATURES), np.float32)
        features[:, 250:300] = [np.log(share / (1 - share)) for share in (shares.get(tag, 1e-4) for tag in TRAIT_TAGS)]
        assert " ".join(traits_of(features)) == traits
    model = load_sound_model()
    soft, loud = (model.analyse([Window(0.0, sound(9.5))]) for sound in (chord, drums))
    assert loud.arousal > soft.arousal + 0.5
    for heard in (soft, loud):
        assert sum(heard.probabilities.values()) == pytest.approx(1)
        assert heard.moods[heard.mood] == max(heard.probabilities.values())
        assert [name in TAGS for name, _ in heard.tags] == 5 * [True]
        assert [time_s for time_s, *_ in heard.timeline] == pytest.approx([0, PATCH_S, 2 * PATCH_S])


def test_a_short_sound_is_repeated_a_rest_is_heard_and_a_tone_shown_at_its_pitch():
    second = drums(1.0)
    assert np.array_equal(patches_of(second)[0][: 2 * len(second)], np.tile(second, 2))
    sound = np.arange(2.6 * NUM_SAMPLES, dtype=np.float32)
    assert [patch[0] for patch in patches_of(sound)] == [0, NUM_SAMPLES, len(sound) - NUM_SAMPLES]
    assert len(patches_of(sound[: round(2.4 * NUM_SAMPLES)])) == 2
    times = np.arange(2 * NUM_SAMPLES) / SAMPLE_RATE
    mels = spectrogram_of(np.sin(2 * np.pi * 1000 * times).astype(np.float32))
    assert mels.shape == (2 * 187, 96)
    assert set(mels.argmax(axis=1)) <= {31, 32, 33}  # 15 of the 45 mels up to 8 kHz


def clips(shift: float = 0.0) -> Examples:
    """Forty clips whose quadrant is plain from their first features."""
    labels = np.repeat(np.arange(4), 10)
    summaries = np.random.default_rng(0).normal(size=(40, 20)).astype(np.float32)
    summaries[np.arange(40), labels] += 1000
    return Examples(summaries, labels, tuple(f"{number + shift}" for number in range(40)))


def test_a_head_is_trained_saved_and_read_and_judges_clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(training, "NUM_REPEATS", 1)
    known = clips()
    metrics = train_sound(known, tmp_path)
    assert json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8")) == metrics
    assert (metrics["n"], metrics["folds"], np.shape(metrics["confusion"])) == (40, 10, (4, 4))
    saved, fitted = SoundHead.load(tmp_path / HEAD), fit_head(known.inputs, known.labels)
    probabilities = saved.probabilities(known.inputs)
    assert np.array_equal(probabilities, fitted.probabilities(known.inputs))
    assert (probabilities.argmax(axis=1) == known.labels).all()
    assert f"{metrics['macro_f1']:.1%}" in (tmp_path / "CARD.md").read_text(encoding="utf-8")
    monkeypatch.setattr("emomusic.songs.training.folder_of", lambda *_: tmp_path)
    assert evaluate_sound(known)["folds"] == 10  # it was trained on them
    found = evaluate_sound(clips(shift=0.5))
    assert (found["folds"], found["n"], found["accuracy"]) == (0, 40, 1.0)
    (tmp_path / HEAD).write_bytes(b"damaged")
    with pytest.raises(ModelError):
        SoundHead.load(tmp_path / HEAD)


def test_clips_are_read_from_a_folder_for_each_quadrant(tmp_path: Path):
    for label in range(4):
        folder = tmp_path / f"Q{label + 1}"
        folder.mkdir()
        write_song(folder / "song.wav", "wav", tone(2.0, hertz=220 * (label + 1)))
    seen: list[tuple[int, int]] = []
    found = read_clips(tmp_path, lambda done, total: seen.append((done, total)))
    assert found.inputs.shape == (4, 2 * NUM_FEATURES)
    assert found.labels.tolist() == [0, 1, 2, 3]
    assert len(set(found.checksums)) == 4
    assert seen[-1] == (4, 4)
    (tmp_path / "Q4" / "song.wav").write_bytes(b"no sound")
    with pytest.raises(AudioError):
        read_clips(tmp_path, lambda *_: None)
    (tmp_path / "Q4" / "song.wav").unlink()
    with pytest.raises(DatasetError):
        read_clips(tmp_path, lambda *_: None)


class _Ear(FakeEar):
    """Hears each window, and remembers how many it heard together."""

    def __init__(self) -> None:
        self.num_heard: list[int] = []

    def analyse(self, windows: Sequence[Window], _turn: object = None, **_: object) -> Hearing:
        self.num_heard.append(len(windows))
        heard = [super(_Ear, self).analyse([window]) for window in windows]
        timeline = [(w.start_s, h.valence, h.arousal) for w, h in zip(windows, heard, strict=True)]
        return replace(heard[0], timeline=tuple(timeline))


@pytest.fixture
def ear(monkeypatch: pytest.MonkeyPatch) -> _Ear:
    ear = _Ear()
    monkeypatch.setattr(hearing, "load_sound_model", lambda: ear)
    return ear


def sound_of(*parts: tuple[float, float]) -> io.BytesIO:
    """A file with tones of these lengths in seconds and volumes."""
    tones = [tone(length, volume=volume, rate=SAMPLE_RATE) for length, volume in parts]
    return song_of(np.concatenate(tones, axis=1), rate=SAMPLE_RATE)


def heard(file: io.BytesIO, *, start_s: float = 0.0, end_s: float = 60.0) -> list[SoundSpan]:
    return hear_film(file, start_s=start_s, end_s=end_s)


def test_spans_of_one_mood_are_joined_and_silence_is_a_gap(ear: _Ear) -> None:
    spans = heard(sound_of((30, 0.2), (12, 0), (18, 0.9)))
    assert [span.mood for span in spans] == [Mood.CALM, Mood.ENERGETIC]
    edges = [(span.start_s, span.end_s) for span in spans]
    assert edges == [pytest.approx((0, 30), abs=3.1), pytest.approx((42, 60), abs=3.1)]
    assert edges[-1][1] == 60
    assert ear.num_heard
    assert all(4 <= num <= 8 for num in ear.num_heard)


def test_a_film_is_heard_in_few_windows_from_its_first_frame_to_the_end_of_the_reading(ear: _Ear) -> None:
    heard(sound_of((400, 0.2)), end_s=400)
    assert 50 <= sum(ear.num_heard) <= 60
    (span,) = heard(sound_of((20, 0.2)), start_s=-5, end_s=15)
    assert (span.start_s, span.end_s) == (5, 15)
    (span,) = heard(sound_of((20, 0.2)), start_s=5, end_s=15)
    assert (span.start_s, span.end_s) == (0, 15)
    assert heard(sound_of((20, 0.2)), start_s=-20, end_s=15) == []
    assert ear.num_heard


def test_a_stopped_hearing_and_a_film_without_sound_have_no_result(ear: _Ear) -> None:
    with pytest.raises(AudioError):
        hear_film(sound_of((20, 0.2)), start_s=0, end_s=20, on_progress=lambda _: False)
    assert ear.num_heard == []
    film = film_bytes([(NOBODY, 2)])
    with pytest.raises(AudioError):
        heard(io.BytesIO(film))


POINTS = list(MOOD_POINTS.items())


def song(
    number: int, mood: Mood, *, artists: tuple[str, ...] = (), player: Player = Player.UPLOAD, **values: object
) -> Song:
    point = mood.point
    probabilities = {quadrant: 0.7 if quadrant.mood is mood else 0.1 for quadrant in QUADRANTS}
    known = {
        "title": f"Song {number}",
        "artists": artists or (UNKNOWN_ARTIST,),
        "energy": (point.arousal + 1) / 2,
        "valence": (point.valence + 1) / 2,
        "genres": ("rock",),
        "year": 1994,
        "duration_s": 200.0,
        "path": os.fsdecode(f"/music/{number}".encode() + b"\xff.mp3"),
        "hearing": Hearing(probabilities, point.valence, point.arousal, ()),
    }
    return Song(id=f"{player}-{number}", player=player, **known | values)


def songs(num_songs: int, artist: str = "Artist") -> list[Song]:
    """Songs of all moods in turn, by one artist."""
    return [song(number, POINTS[number % 4][0], artists=(artist,)) for number in range(num_songs)]


def test_a_track_has_a_path_and_is_a_song_of_its_own_without_an_artist_or_with_a_name_of_many_albums():
    titles = ["01", "01", "I. Allegro", "I. Allegro", "Jóga", unicodedata.normalize("NFD", "Jóga"), "Jóga (Remastered)"]
    for artists, num_songs in ((("Artist",), 5), ((UNKNOWN_ARTIST,), 7)):
        same = [
            song(number, Mood.SAD, artists=artists, title=title, duration_s=200.0 + 5 * number)
            for number, title in enumerate(titles)
        ]
        recommender, request = recommender_of(same), Request(Mood.SAD.point, mood=Mood.SAD)
        chosen = [pick.song.id for pick in recommender.songs(request, 9)]
        assert len(chosen) == len(set(chosen)) == num_songs
        assert {each.id for each in same[:4]} <= {*chosen}
        queued = {pick.song.id for pick in SongQueue(recommender, request).playlist(9)}
        assert (len(queued), {each.id for each in same[:4]} <= queued) == (num_songs, True)
    track = song(7, Mood.HAPPY, player=Player.BUNDLED, licence="CC0", source="A site")
    (found,) = recommender_of([track]).songs(Request(Mood.HAPPY.point), 3)
    assert found.song == track
    assert found.point == hearing_of(track).point
    assert found.likeliest_mood is hearing_of(track).mood is Mood.HAPPY
    record = song_record(found)
    assert record.keys() >= {"id", "path", "licence", "source", "mood", "reason"}
    assert "url" not in record
    assert songs_m3u([found]).splitlines()[-1] == track.path
    assert track.path in songs_csv([found])


def test_the_bundled_songs_are_small_equally_loud_ten_of_each_mood_and_have_their_rights():
    songs = bundled_songs()
    assert min(Counter(song.hearing.mood for song in songs)[mood] for mood in Mood) >= 10
    assert min(song.duration_s or 0 for song in songs) >= 24
    assert sum(Path(song.path or "").stat().st_size for song in songs) <= 12_000_000
    assert {Path(song.path or "") for song in songs} == set(songs_dir().glob("*.mp3"))
    texts = (songs_dir() / "LICENSE").read_text(encoding="utf-8")
    for number, song in enumerate(bundled_songs()):
        assert song.licence in {"CC BY-SA 3.0", "CC BY 3.0", "MIT"}
        assert f"- {song.licence}" in texts
        assert (song.source or "").startswith("http")
        if number % 16:  # reading takes long
            continue
        file = read_song(song.path or "")
        assert (file.title, file.artists) == (song.title, song.artists)
        (window,) = file.windows
        assert -23 < 10 * np.log10(np.mean(window.samples**2)) < -14
        assert np.abs(window.samples).max() < 0.99  # not clipped


def test_a_journey_through_the_songs_of_one_artist_has_steps():
    journey = Request(AffectPoint(-0.6, 0.6), Emotion.ANGRY, policy=Policy.JOURNEY)
    assert len(recommender_of(songs(12)).songs(journey, 3)) == 3


@pytest.mark.slow  # hears and measures what the builder of the songs did
@pytest.mark.parametrize("mood", [Mood.CALM, Mood.ENERGETIC])
def test_stored_moods_are_those_that_the_model_hears(mood: Mood):
    """After a change of the model: python -m scripts.build_bundled_songs."""
    surest = max(bundled_songs(), key=lambda song: song.hearing.moods[mood])
    heard = load_sound_model().analyse(read_song(surest.path or "").windows)
    assert heard.mood is surest.hearing.mood is mood
    assert heard.moods[mood] == pytest.approx(surest.hearing.moods[mood], abs=0.05)


@pytest.mark.parametrize("text", [None, "[", json.dumps([{"number": 1}])])
def test_a_damaged_list_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None):
    shutil.copytree(songs_dir(), tmp_path / "data" / "songs")
    monkeypatch.setattr(assets, "ROOT", tmp_path)
    (songs_dir() / SONGS).unlink() if text is None else (songs_dir() / SONGS).write_text(text)
    with pytest.raises(DatasetError, match="Restore the file"):
        bundled_songs()


def test_the_progress_of_a_hearing_grows_from_the_first_sound() -> None:
    shares: list[float] = []
    hear_film(sound_of((120, 0.2)), start_s=0, end_s=120, on_progress=lambda share: shares.append(share) is None)
    assert shares == sorted(shares)
    assert len(set(shares)) > 20
    assert shares[-1] < 1
