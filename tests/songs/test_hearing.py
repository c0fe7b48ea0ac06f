"""The model that hears mood: its answers for sounds, and the training of its head."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from emomusic.affect import Mood
from emomusic.errors import AudioError, DatasetError, ModelError
from emomusic.media.audio_file import PATCH_S, SAMPLE_RATE, Window
from emomusic.songs.hearing import HEAD, SoundHead, directions, kernel, load_sound_model, summary_of
from emomusic.songs.sound_network import NUM_FEATURES, NUM_SAMPLES, TAGS, spectrogram_of
from emomusic.songs.sound_training import Clips, evaluate_sound, fit_head, read_clips, train_sound
from tests.songs.songs import tone, write_song


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


def test_loud_drums_are_more_awake_than_a_soft_chord():
    model = load_sound_model()
    soft, loud = (model.hear([Window(0.0, sound(9.5))]) for sound in (chord, drums))
    assert loud.arousal > soft.arousal + 0.5
    for heard in (soft, loud):
        assert sum(heard.probabilities.values()) == pytest.approx(1)
        assert heard.moods[heard.mood] == max(heard.probabilities.values())
        assert [name in TAGS for name, _ in heard.tags] == 5 * [True]
        assert [time_s for time_s, *_ in heard.timeline] == pytest.approx([0, PATCH_S, 2 * PATCH_S])


def test_each_part_of_a_long_song_is_heard():
    parts = [Window(start_s, chord(PATCH_S)) for start_s in (10.0, 100.0)]
    heard = load_sound_model().hear(parts)
    assert [time_s for time_s, *_ in heard.timeline] == [10.0, 100.0]


def test_a_sound_shorter_than_the_input_is_heard():
    heard = load_sound_model().hear([Window(0.0, chord(1.0))])
    assert isinstance(heard.mood, Mood)
    assert len(heard.timeline) == 1


def test_the_kernel_is_one_for_the_same_direction_and_falls_with_the_angle():
    rows = directions(np.array([[1, 0], [9, 0], [0, 5], [-2, 0]], np.float32))
    first = kernel(rows, rows)[0]
    assert first[:2] == pytest.approx([1, 1])
    assert 1 > first[2] > first[3] > 0


def test_a_summary_holds_means_and_sample_deviations():
    assert summary_of(np.array([[1], [3]], np.float32)) == pytest.approx([2, np.sqrt(2)])
    assert summary_of(np.array([[5]], np.float32)).tolist() == [5, 0]


def clips(shift: float = 0.0) -> Clips:
    """Forty clips whose quadrant is plain from their first features."""
    labels = np.repeat(np.arange(4), 10)
    summaries = np.random.default_rng(0).normal(size=(40, 2 * NUM_FEATURES)).astype(np.float32)
    summaries[np.arange(40), labels] += 1000
    return Clips(summaries, labels, tuple(f"{number + shift}" for number in range(40)))


def test_a_head_is_trained_saved_and_read(tmp_path: Path):
    known = clips()
    metrics = train_sound(known, tmp_path, num_repeats=1)
    assert json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8")) == metrics
    assert (metrics["n"], metrics["folds"], np.shape(metrics["confusion"])) == (40, 10, (4, 4))
    saved, fitted = SoundHead.load(tmp_path / HEAD), fit_head(known.summaries, known.labels)
    probabilities = saved.probabilities(known.summaries)
    assert np.array_equal(probabilities, fitted.probabilities(known.summaries))
    assert (probabilities.argmax(axis=1) == known.labels).all()
    assert f"{metrics['macro_f1']:.1%}" in (tmp_path / "CARD.md").read_text(encoding="utf-8")
    (tmp_path / HEAD).write_bytes(b"damaged")
    with pytest.raises(ModelError):
        SoundHead.load(tmp_path / HEAD)


def test_the_bundled_head_judges_clips_that_it_has_not_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("emomusic.songs.sound_training.folder_of", lambda *_: tmp_path)
    train_sound(clips(), tmp_path, num_repeats=1)
    assert evaluate_sound(clips(), num_repeats=1)["folds"] == 10
    found = evaluate_sound(clips(shift=0.5))
    assert (found["folds"], found["n"], found["accuracy"]) == (0, 40, 1.0)


def test_clips_are_read_from_a_folder_for_each_quadrant(tmp_path: Path):
    for label in range(4):
        folder = tmp_path / f"Q{label + 1}"
        folder.mkdir()
        write_song(folder / "song.wav", "wav", tone(2.0, hertz=220 * (label + 1)))
    seen: list[tuple[int, int]] = []
    found = read_clips(tmp_path, lambda done, total: seen.append((done, total)))
    assert found.summaries.shape == (4, 2 * NUM_FEATURES)
    assert found.labels.tolist() == [0, 1, 2, 3]
    assert len(set(found.checksums)) == 4
    assert seen[-1] == (4, 4)
    (tmp_path / "Q4" / "song.wav").write_bytes(b"no sound")
    with pytest.raises(AudioError):
        read_clips(tmp_path, lambda *_: None)
    (tmp_path / "Q4" / "song.wav").unlink()
    with pytest.raises(DatasetError):
        read_clips(tmp_path, lambda *_: None)


def test_the_spectrogram_shows_a_tone_at_its_pitch() -> None:
    times = np.arange(2 * NUM_SAMPLES) / SAMPLE_RATE
    mels = spectrogram_of(np.sin(2 * np.pi * 1000 * times).astype(np.float32))
    assert mels.shape == (2 * 187, 96)
    assert set(mels.argmax(axis=1)) <= {31, 32, 33}  # 15 of the 45 mels up to 8 kHz
