import time

import numpy as np
import pytest

from emomusic.songs.mood import MOODS
from emomusic.songs.playground import GRID, NUM_EPOCHS, LabelledSongs, Settings, Training


@pytest.fixture(scope="module")
def songs() -> LabelledSongs:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("emomusic.songs.playground.find_dataset", lambda _: None)
        return LabelledSongs.load()


def run(songs: LabelledSongs, epochs: int = NUM_EPOCHS, **settings: float) -> Training:
    training = Training(songs, Settings(**settings))  # type: ignore[arg-type]
    training.step(epochs)
    return training


def test_it_learns_from_songs_that_ship_without_those_that_people_labelled(songs: LabelledSongs) -> None:
    assert songs.are_predicted
    assert np.bincount(songs.labels).tolist() == [170] * len(MOODS)
    assert songs.inputs.shape == (680, 9)
    assert songs.inputs.min() == 0
    assert songs.inputs.max() == 1
    before, *_, after = run(songs).curves
    assert before[2] < 0.6
    assert after[2] > 0.85


def test_300_epochs_take_less_than_a_second_of_one_core_and_give_the_same_run(songs: LabelledSongs) -> None:
    started_s = time.process_time()
    first = run(songs)
    assert time.process_time() - started_s < 1
    second = Training(songs, Settings())
    while not second.is_over:
        second.step(7)
    assert second.curves == first.curves
    assert len(first.curves) == NUM_EPOCHS + 1
    second.step()
    assert second.epoch == NUM_EPOCHS


def test_a_rate_of_1_diverges_and_half_of_the_labels_wrong_opens_the_gap(songs: LabelledSongs) -> None:
    good, wild, wrong = run(songs), run(songs, rate=1.0), run(songs, wrong=0.5)
    assert wild.curves[-1][1] > 3 * good.curves[-1][1]
    assert wild.curves[-1][2] < 0.7
    gaps = [abs(training.curves[-1][2] - training.curves[-1][0]) for training in (good, wrong)]
    assert gaps[0] < 0.08
    assert gaps[1] > 0.2


def test_regions_have_the_mood_of_the_songs_there(songs: LabelledSongs) -> None:
    trained = run(songs)
    regions, (places, labels) = trained.regions(), trained.shown_songs()
    assert regions.shape == (GRID, GRID)
    assert len(np.unique(run(songs, epochs=0).regions())) <= len(np.unique(regions))
    columns, rows = np.rint(places * (GRID - 1)).astype(int).T
    assert (regions[rows, columns] == labels).mean() > 0.4  # chance is 0.25
