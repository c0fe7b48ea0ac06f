"""Places of songs, and what songs play because of them. The weights are the bundled ones; the songs are made here."""

import itertools
import json
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from emomusic.affect import BETTER_POINTS, AffectPoint, Emotion, Mood
from emomusic.assets import models_dir
from emomusic.cli.main import main
from emomusic.errors import ModelError
from emomusic.songs.catalogue import Catalogue
from emomusic.songs.genres import GENRES, GENRES_OF_FAMILY
from emomusic.songs.listing import songs_like
from emomusic.songs.mood import MOODS
from emomusic.songs.place import CORNERS, PLACE_FILE, PlaceModel, Places, load_place_model
from emomusic.songs.place_training import Tags, agreement, train_places
from emomusic.songs.recommend import Recommender
from emomusic.songs.request import Policy, Request, target_of
from emomusic.songs.song import Pick
from emomusic.songs.tables import read_table

from .tables import ids, song_table, track_id

HEAVY = ("metal", "heavy-metal", "black-metal", "death-metal", "metalcore", "grindcore")


def recommender_at(
    points: Iterable[tuple[float, float]], spread: float | list[float] = 0.7, **columns: object
) -> Recommender:
    """Songs at points of the plane, whose probabilities come from their spread."""
    places = np.array([*points], np.float32)
    spreads = np.broadcast_to(np.array(spread, np.float32).reshape(-1, 1), places.shape).copy()
    moods = np.zeros((len(places), 4), np.float32)
    for number, corner in enumerate(CORNERS):
        moods[:, number] = (1 / (1 + np.exp(-1.7 * corner * places / spreads))).prod(axis=1)
    catalogue = Catalogue(song_table(len(places)).assign(**{"popularity": 50, "genres": "pop"} | columns))
    return Recommender(catalogue, moods, Places(places, spreads, moods))


def grid(num: int) -> list[tuple[float, float]]:
    """Points evenly over the plane."""
    return [*itertools.product(np.linspace(-1, 1, num).tolist(), repeat=2)]


def test_a_song_has_one_answer_and_a_label_or_a_genre_that_never_is_so_decides_the_quadrant() -> None:
    table = song_table(600, seed=3)
    table["genres"] = [GENRES[number % len(GENRES)] for number in range(600)]
    table["mood"] = [MOODS[number % 4].value if number % 3 == 0 else None for number in range(600)]
    catalogue = Catalogue(table)
    even = np.full((600, 4), 0.25, np.float32)
    places = load_place_model().places(catalogue, even)
    likeliest = places.moods.argmax(axis=1)
    assert ((places.points > 0) == (CORNERS[likeliest] > 0)).all()
    assert np.abs(places.points).max() <= 1
    np.testing.assert_allclose(places.moods.sum(axis=1), 1, atol=1e-5)
    is_labelled = catalogue.labels >= 0
    assert (likeliest[is_labelled] == catalogue.labels[is_labelled]).all()
    assert places.moods[is_labelled].max(axis=1) == pytest.approx(1)
    quiet = table.assign(genres=[HEAVY[number % len(HEAVY)] for number in range(600)], energy=0.02, loudness_db=-30.0)
    quiet = quiet.assign(valence=0.9, acousticness=0.95, mood=None)
    calm = np.eye(4, dtype=np.float32)[np.zeros(600, int)]
    assert Mood.CALM not in {
        MOODS[row] for row in load_place_model().places(Catalogue(quiet), calm).moods.argmax(axis=1)
    }


def test_a_list_shows_a_song_where_the_catalogue_shows_it(recommender: Recommender) -> None:
    rows = recommender.known_first[:40]
    table = recommender.catalogue.table.iloc[rows]
    text = table[["title", "artists"]].rename(columns={"artists": "artist"}).to_csv(index=False)
    reading = read_table(text.encode(), known=recommender)
    found = {pick.song.id: pick.point for pick in reading.recommender.picks(range(len(reading.songs)))}
    assert len(found) > 30
    for song_id, point in found.items():
        assert point == recommender.point_of(recommender.catalogue.row_of(song_id))


def test_a_song_that_may_lie_anywhere_is_not_mild() -> None:
    songs = recommender_at([(0.02, -0.02), (0.02, -0.02), (0.1, -0.1)], [1.2, 0.6, 0.6], energy=0.5, loudness_db=-9.0)
    for request in (
        Request(Emotion.NEUTRAL.point, Emotion.NEUTRAL),
        Request(AffectPoint(0.05, -0.05)),
    ):
        picks = songs.songs(request, 3)
        assert ids(picks).index(track_id(1)) < ids(picks).index(track_id(0))
    tense = recommender_at(grid(9), genres=["black-metal", "pop"] * 40 + ["pop"])
    for request in (
        Request(Emotion.NEUTRAL.point, Emotion.NEUTRAL),
        *(Request(one.point, one, policy=Policy.SOOTHE) for one in Emotion),
    ):
        assert {name for pick in tense.songs(request, 6) for name in pick.song.genres} == {"pop"}


@pytest.mark.parametrize("num_songs", [10, 15, 30])
def test_journeys_have_all_songs_move_evenly_and_hold_no_heavy_song_as_calm(num_songs: int) -> None:
    random = np.random.default_rng(0)
    genres = random.choice(["pop", "black-metal", "grindcore"], 2500, p=[0.6, 0.2, 0.2])
    songs = recommender_at(random.uniform(-1, 1, (2500, 2)).tolist(), genres=genres)
    destinations = [None, *(mood.point for mood in Mood), AffectPoint(0, 0)]
    for emotion, destination in itertools.product(Emotion, destinations):
        request = Request(emotion.point, emotion, policy=Policy.JOURNEY, destination=destination)
        picks = songs.songs(request, num_songs)
        assert len(picks) == num_songs
        assert len({*ids(picks)}) == num_songs
        assert not any(pick.song.genres[0] in HEAVY and Mood.CALM in (pick.mood, pick.likeliest_mood) for pick in picks)
        target, mood = target_of(request)
        assert picks[-1].likeliest_mood is mood
        if emotion.point.distance(target) > 0.5:
            left = [pick.point.distance(target) for pick in picks]
            assert np.mean(left[-3:]) < np.mean(left[:3])
            steps = [before.point.distance(after.point) for before, after in itertools.pairwise(picks)]
            assert num_songs > 15 or max(steps) < 0.4  # 2,500 songs are few for 30 small steps


def test_seven_emotions_get_seven_lists_to_lift_them_and_loud_ones_loud_songs() -> None:
    songs = recommender_at(grid(40))
    assert len({*BETTER_POINTS.values()}) == len(Emotion)
    lifted = {one: ids(songs.songs(Request(one.point, one, policy=Policy.SOOTHE), 10)) for one in Emotion}
    assert all({*lifted[one]} != {*lifted[other]} for one, other in itertools.combinations(Emotion, 2))
    points = [(-0.58, 0.55)] * 3
    loudness = recommender_at(points, energy=[0.95, 0.7, 0.4], loudness_db=[-3.0, -7.0, -14.0])
    first = {one: songs_of(loudness, one)[0] for one in (Emotion.ANGRY, Emotion.DISGUST, Emotion.FEAR)}
    assert first == {Emotion.ANGRY: track_id(0), Emotion.DISGUST: track_id(1), Emotion.FEAR: track_id(2)}


def songs_of(recommender: Recommender, emotion: Emotion) -> list[str]:
    return ids(recommender.songs(Request(emotion.point, emotion), 3))


def test_rude_and_violent_titles_do_not_soothe() -> None:
    songs = recommender_at([(0.4, -0.6)] * 3, title=["Kill Them All", "Fuck This", "A Quiet Lake"])
    for policy in (Policy.SOOTHE, Policy.JOURNEY):
        picks = songs.songs(Request(Emotion.ANGRY.point, Emotion.ANGRY, policy=policy), 3)
        assert [pick.song.title for pick in picks] == ["A Quiet Lake"]
    assert len(songs.songs(Request(Mood.CALM.point, mood=Mood.CALM), 3)) == 3


def test_like_means_the_same_kind_of_music_at_the_same_place_as_well_known() -> None:
    random = np.random.default_rng(1)
    genres = random.choice(["jazz", "techno", "metal", "classical"], 400)
    songs = recommender_at(
        random.uniform(-1, 1, (400, 2)).tolist(), genres=genres, popularity=random.integers(0, 100, 400)
    )
    shares, gaps = [], []
    for row in range(0, 400, 20):
        song = songs.catalogue.song(row)
        alike = [*itertools.islice(songs_like(song, songs, Request(), point=songs.point_of(row)), 5)]
        shares += [pick.song.genres == song.genres for pick in alike]
        gaps += [abs(pick.song.popularity - song.popularity) for pick in alike]
    assert np.mean(shares) >= 0.7
    assert np.median(gaps) < 25


def test_songs_like_sixty_known_ones_of_ten_families_share_the_family(recommender: Recommender) -> None:
    catalogue = recommender.catalogue
    numbers, cells = catalogue.genre_cells
    shares: list[bool] = []
    families = [{*genres} for key, genres in GENRES_OF_FAMILY.items() if key not in ("world", "soundtracks", "special")]
    assert len(families) == 10
    for family in families:
        known = (row for row in recommender.known_first.tolist() if frozenset() < cells[numbers[row]] <= family)
        for row in itertools.islice(known, 6):
            song = catalogue.song(row)
            alike = songs_like(song, recommender, Request(), point=recommender.point_of(row))
            shares += [not family.isdisjoint(pick.song.genres) for pick in itertools.islice(alike, 5)]
    assert len(shares) == 300
    assert np.mean(shares) >= 0.9


def test_only_the_quiet_side_follows_quiet_songs() -> None:
    songs = recommender_at([(-0.6, -0.4), (0.3, -0.5), (-0.6, 0.2), (0.5, 0.5)])
    request = Request(Mood.SAD.point, mood=Mood.SAD)
    assert ids(songs.songs(request, 4)) == [track_id(0), track_id(1)]
    lively: list[Pick] = recommender_at([(-0.6, 0.2), (0.5, 0.5)]).songs(request, 4)
    assert ids(lively) == [track_id(0), track_id(1)]  # the only ones


def test_agreement_is_that_of_people_and_a_table_without_songs_of_the_catalogue_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], recommender: Recommender
) -> None:
    tags = np.array([[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])
    assert agreement(tags, tags) == {
        "n": 4, "valence": {"r": 1.0, "r2": 1.0}, "arousal": {"r": 1.0, "r2": 1.0}, "quadrant": 1.0,
    }  # fmt: skip
    half = agreement(np.column_stack([tags[:, 0], -tags[:, 1]]) / 2, tags)
    assert half["valence"] == {"r": pytest.approx(1), "r2": pytest.approx(0.75)}
    assert (half["arousal"]["r"], half["quadrant"]) == (pytest.approx(-1), 0)
    rows = recommender.known_first[:60]
    table = recommender.catalogue.table.iloc[rows]
    own = pd.DataFrame({"title": table["title"], "artist": table["artists"].str.split(";").str[0]})
    own[["valence", "arousal"]] = recommender.plane[rows]
    path = tmp_path / "tags.csv"
    own.to_csv(path, index=False)
    assert main(["evaluate", "songs", "--tags", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found.keys() == {"n", "valence", "arousal", "quadrant", "by_genre"}
    assert found["n"] >= 55
    assert found["valence"]["r"] > 0.95
    assert found["by_genre"]["pop"].keys() == {"n", "valence", "arousal", "quadrant"}
    path.write_text("title,artist,valence,arousal\nNo Such Song,Nobody At All,0.1,0.2\n")
    assert main(["evaluate", "songs", "--tags", str(path)]) == 2
    path.write_text("title,artist,valence\nA,B,0.1\n")
    assert main(["evaluate", "songs", "--tags", str(path)]) == 2
    assert "arousal" in capsys.readouterr().err


def test_damaged_weights_are_named(tmp_path: Path) -> None:
    path = tmp_path / "weights.json"
    for content in ("", "{}", json.dumps(json.loads((models_dir() / PLACE_FILE).read_text()) | {"weights": {}})):
        path.write_text(content)
        with pytest.raises(ModelError, match="Restore"):
            PlaceModel.load(path)
    with pytest.raises(ModelError, match="expected the places"):
        PlaceModel.load(tmp_path / "absent.json")


def test_the_bundled_places_agree_with_people_better_than_spotify_and_keep_heavy_music_out_of_calm(
    recommender: Recommender,
) -> None:
    metrics = json.loads((models_dir() / PLACE_FILE).with_name("metrics.json").read_text())
    for axis in ("valence", "arousal"):
        assert metrics["by_artist"][axis]["r"] > metrics["spotify"][axis]["r"] + 0.05
    assert metrics["by_song"]["quadrant"] > metrics["spotify"]["quadrant"]
    calm = recommender.moods == MOODS.index(Mood.CALM)
    assert calm.sum() > 5000
    numbers, cells = recommender.catalogue.genre_cells
    is_heavy = np.array([not cell.isdisjoint(HEAVY) for cell in cells])[numbers]
    assert not (calm & is_heavy).any()


@pytest.mark.parametrize("emotion", Emotion)
def test_journeys_through_the_catalogue_come_nearer_with_each_well_known_song(
    recommender: Recommender, emotion: Emotion
) -> None:
    request = Request(emotion.point, emotion, policy=Policy.JOURNEY)
    target, _ = target_of(request)
    picks = recommender.songs(request, 30)
    left = [pick.point.distance(target) for pick in picks]
    assert len(picks) == 30
    assert emotion.point.distance(target) < 0.5 or left == sorted(left, reverse=True)
    assert np.median([pick.song.popularity for pick in picks]) > 50
    assert not any(Mood.CALM is pick.likeliest_mood and {*HEAVY} & {*pick.song.genres} for pick in picks)


@pytest.mark.slow  # fits the regression twenty times
def test_the_bundled_weights_are_those_that_training_writes(tmp_path: Path) -> None:
    data = Path(os.environ.get("EMOMUSIC_DATA", "data"))
    tags, songs = data / "mood_tags/train.csv", data / "music/data_moods.csv"
    if not (tags.is_file() and songs.is_file()):
        pytest.skip("needs mood_tags/train.csv and music/data_moods.csv in $EMOMUSIC_DATA")
    train_places(tags, songs, tmp_path / "people")
    assert Tags.read(tags).points.shape[1] == 2
    for name in ("weights.json", "metrics.json", "CARD.md"):
        written, bundled = (
            (folder / name).read_bytes() for folder in (tmp_path / "people", (models_dir() / PLACE_FILE).parent)
        )
        assert written == bundled
