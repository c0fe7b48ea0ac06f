import numpy as np
import pytest

from emomusic.songs.mood import MOODS
from emomusic.songs.playground import NUM_EPOCHS, LabelledSongs, Settings, Training


@pytest.fixture(scope="module")
def songs() -> LabelledSongs:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("emomusic.songs.playground.find_dataset", lambda _: None)
        return LabelledSongs.load()


def run(songs: LabelledSongs, epochs: int = NUM_EPOCHS, **settings: float) -> Training:
    training = Training(songs, Settings(**settings))  # type: ignore[arg-type]
    training.step(epochs)
    return training


def test_it_learns_from_songs_that_ship_also_in_steps_and_its_settings_count(songs: LabelledSongs) -> None:
    assert songs.are_predicted
    assert np.bincount(songs.labels).tolist() == [170] * len(MOODS)
    assert songs.inputs.shape == (680, 9)
    assert songs.inputs.min() == 0
    assert songs.inputs.max() == 1
    before, *_, after = run(songs).curves
    assert before[2] < 0.6
    assert after[2] > 0.85
    first, second = run(songs), Training(songs, Settings())
    while not second.is_over:
        second.step(7)
    assert second.curves == first.curves
    assert len(first.curves) == NUM_EPOCHS + 1
    second.step()
    assert second.epoch == NUM_EPOCHS
    good, wild, wrong = run(songs), run(songs, rate=1.0), run(songs, wrong=0.5)
    assert wild.curves[-1][1] > 3 * good.curves[-1][1]
    assert wild.curves[-1][2] < 0.7
    gaps = [abs(training.curves[-1][2] - training.curves[-1][0]) for training in (good, wrong)]
    assert gaps[0] < 0.08
    assert gaps[1] > 0.2
