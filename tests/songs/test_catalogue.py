from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emomusic import assets
from emomusic.assets import sha256_of
from emomusic.errors import AssetError
from emomusic.songs import stored_moods
from emomusic.songs.catalogue import Catalogue, key_of, named, song_key
from emomusic.songs.genres import (
    FAMILY_TITLES,
    GENRES,
    GENRES_OF_FAMILY,
    SongKind,
    genres_in,
    genres_of,
    has_words,
    included_kinds,
    kinds_of,
    meanings_of,
    names_of,
)
from emomusic.songs.local_songs import load_bundled_recommender
from emomusic.songs.mood import MoodClassifier
from emomusic.songs.recommend import Recommender
from emomusic.songs.song import UNKNOWN_ARTIST, Player, Song
from emomusic.songs.stored_moods import catalogue_file, load_songs_and_moods, mood_model_file, write_catalogue

from .tables import song_table

UNLIKE_ANY_MODEL = np.tile(np.array([0.1, 0.2, 0.3, 0.4], np.float32), (5, 1))


def test_the_bundled_catalogue_has_81198_complete_songs_of_114_genres(recommender: Recommender) -> None:
    catalogue = recommender.catalogue
    assert len(catalogue) == 81_198
    assert {genre for cell in catalogue.table["genres"].unique() for genre in cell.split(";")} == set(GENRES)
    assert len(GENRES) == 114
    assert catalogue.features.shape == (81_198, 9)
    assert np.abs(catalogue.measured).max() <= 1.0
    table = catalogue.table
    assert not table.duplicated(["title", "artists"]).any()
    assert table[["tempo_bpm", "danceability"]].min().min() > 0
    assert table["genres"].notna().all()
    assert table["popularity"].is_monotonic_decreasing
    counts = table["kind"].value_counts()
    assert set(counts.index) == set(SongKind)
    assert catalogue.passing(without_kinds=SongKind).sum() == 81_198 - counts.sum()


def test_stored_moods_are_those_of_the_default_model(recommender: Recommender, classifier: MoodClassifier) -> None:
    assert pd.read_parquet(catalogue_file()).attrs == {"mood_model_sha256": sha256_of(mood_model_file())}
    catalogue, stored = recommender.catalogue, recommender.predicted
    assert stored.dtype == np.float32
    assert np.bincount(stored.argmax(axis=1)).tolist() == [5_870, 30_204, 19_419, 25_705]  # in the order of Mood
    rows = np.sort(np.random.default_rng(0).choice(len(catalogue), 200, replace=False))
    predicted = classifier.predict_probabilities(catalogue.inputs[rows])
    np.testing.assert_allclose(stored[rows], predicted, atol=1e-3)


def test_written_songs_and_moods_are_read_back(tmp_path: Path) -> None:
    table = song_table(5).assign(genres="jazz;soul", kind=["speech", None, "sleep", None, "unknown"])
    path = tmp_path / "songs.parquet"
    write_catalogue(path, Catalogue(table), UNLIKE_ANY_MODEL)
    assert [file.name for file in tmp_path.iterdir()] == ["songs.parquet"]
    catalogue, probabilities = load_songs_and_moods(path)
    assert [catalogue.song(row) for row in range(5)] == [Catalogue(table).song(row) for row in range(5)]
    assert catalogue.song(0).genres == ("jazz", "soul")
    assert ([catalogue.row_of(name) for name in table["id"]], catalogue.find("0" * 21)) == ([0, 1, 2, 3, 4], None)
    assert catalogue.passing(without_kinds=SongKind).tolist() == [False, True, False, True, True]
    np.testing.assert_allclose(probabilities, UNLIKE_ANY_MODEL, atol=1e-6)


def test_moods_of_another_model_are_predicted_again(
    tmp_path: Path, classifier: MoodClassifier, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path, other = tmp_path / "songs.parquet", tmp_path / "model"
    other.write_bytes(b"another model")
    catalogue = Catalogue(song_table(5))
    with monkeypatch.context() as patch:
        patch.setattr(stored_moods, "mood_model_file", lambda: other)
        write_catalogue(path, catalogue, UNLIKE_ANY_MODEL)
    with caplog.at_level("INFO"):
        _, probabilities = load_songs_and_moods(path)
    predicted = classifier.predict_probabilities(catalogue.inputs)
    np.testing.assert_array_equal(probabilities, predicted)
    assert np.abs(predicted - UNLIKE_ANY_MODEL).max() > 0.1
    assert "Predicting moods" in caplog.text


def passing(table: pd.DataFrame, **filters: Any) -> list[int]:
    return np.flatnonzero(Catalogue(table).passing(**filters)).tolist()


def test_filters_select_matching_songs_and_all_versions_of_a_song_have_one_key() -> None:
    for title, artists, key in (
        ("CREEP (Live)", "radiohead;Somebody", ("creep", "radiohead")),
        ("Cr\u00e9ep [Remix]", "Radiohead", ("creep", "radiohead")),
        ("(I Can\u2019t Get No) Satisfaction", "A", ("i cant get no satisfaction", "a")),
        (" - ", "A", ("-", "a")),
        ("Another Brick in the Wall (Part 2) - 2011 Remaster", "A", ("another brick in the wall part 2", "a")),
    ):
        assert song_key(title, artists) == key
    table = song_table(4)
    table["genres"] = ["rock;folk", "metal", None, "folk; rock"]
    table["kind"] = ["speech", None, "christmas", "unknown"]
    table["explicit"] = [True, False, False, True]
    assert passing(table) == [0, 1, 2, 3]
    assert passing(table, genres={"rock"}) == [0, 3]
    assert passing(table, genres=("rock", "metal")) == [0, 1, 3]
    assert passing(table, genres={"folk", "no such genre"}) == [0, 3]
    assert passing(table, genres={"roc"}) == []
    assert passing(table, without_kinds=[SongKind.SPEECH]) == [1, 2, 3]
    assert passing(table, without_kinds=SongKind) == [1, 3]
    assert passing(table, hide_explicit=True) == [1, 2]
    assert passing(table, genres={"metal"}, hide_explicit=True) == [1]
    table = song_table(4).drop(columns=["genres", "explicit"])  # without kinds
    assert passing(table, genres={"rock"}) == []
    assert passing(table.assign(genres=None), genres={"rock"}) == []
    assert passing(table, hide_explicit=True) == [0, 1, 2, 3]
    assert passing(table, without_kinds=SongKind) == [0, 1, 2, 3]


def test_a_changed_bundled_catalogue_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = tmp_path / "data" / "catalogue" / catalogue_file().name
    changed.parent.mkdir(parents=True)
    content = bytearray(catalogue_file().read_bytes())
    content[len(content) // 2] ^= 1
    changed.write_bytes(content)
    (tmp_path / "SHA256SUMS").write_bytes((assets.ROOT / "SHA256SUMS").read_bytes())
    monkeypatch.setattr(assets, "ROOT", tmp_path)
    with pytest.raises(AssetError, match=r"songs\.parquet with SHA-256"):
        load_songs_and_moods()


NAMES = {"title": "Song", "artists": "Artist", "album": "Album", "genres": "rock"}
SONG = NAMES | {"speechiness": 0.05, "instrumentalness": 0.0}


def test_every_genre_is_in_exactly_one_family_and_has_any_spelling() -> None:
    grouped = [genre for genres in GENRES_OF_FAMILY.values() for genre in genres]
    assert len(grouped) == len(set(grouped)) == 114
    assert sorted(grouped) == list(GENRES)
    assert GENRES_OF_FAMILY.keys() == FAMILY_TITLES.keys()
    assert GENRES_OF_FAMILY.keys().isdisjoint(GENRES)
    for spelling, genres in (
        ("Hip-Hop/Rap", {"hip-hop"}),
        ("Rock & Roll", {"rock-n-roll"}),
        ("Électronique", {"electronic"}),
        ("Folk, World, & Country", {"folk", "world-music", "country"}),
        ("Progressive Metal", {"metal"}),
        ("Vocal", set()),
    ):
        assert meanings_of(spelling) == genres
        assert genres_in(f"{spelling.lower()};jazz") == {spelling.lower(), "jazz", *genres}
        if genres:
            assert genres_of([spelling]) == genres
    assert load_bundled_recommender().genre_places == []  # songs without a genre give the map no word


@given(genres=st.frozensets(st.sampled_from(GENRES)))
def test_the_names_of_genres_give_the_same_genres(genres: frozenset[str]) -> None:
    names = names_of(genres)
    assert all(genres_in(genre) == {genre} <= meanings_of(genre) for genre in genres)
    assert genres_of(names) == genres
    assert len(names) == len(set(names)) <= len(genres)
    assert genres_of([" Hip Hop "]) == {"hip-hop"}
    assert names_of({"soul", "folk", "jazz", "blues"}) == ["jazz-blues", "folk", "soul"]


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        ({"title": "This Is Halloween", "artists": "Danny Elfman"}, SongKind.HALLOWEEN),
        ({"title": "White Noise Loop", "instrumentalness": 0.9}, SongKind.SLEEP),
        ({"genres": "ambient;sleep;study"}, SongKind.SLEEP),
        ({"album": "NOËL BLANC"}, SongKind.CHRISTMAS),
        ({"album": "The First Noel"}, SongKind.CHRISTMAS),
        ({"album": "Noel Somebody's Band"}, None),
        ({"album": "Noël", "artists": "Noël"}, None),
        ({"genres": "Kinderh\xf6rbuch"}, SongKind.SPEECH),
        ({"genres": "Stand-up/Comedy"}, SongKind.SPEECH),
        ({"genres": "Canciones para ni\xf1os"}, SongKind.CHILDREN),
        ({"speechiness": 0.67}, SongKind.SPEECH),
        # The first kind that fits
        ({"title": "Silent Night", "genres": "children"}, SongKind.CHILDREN),
        ({"title": "Christmas and Halloween"}, SongKind.CHRISTMAS),
        ({"title": "Merry Christmas, Mr. Lawrence", "artists": "Ryuichi Sakamoto"}, None),
        ({"title": "White Noise", "artists": "Disclosure;AlunaGeorge", "instrumentalness": 0.001}, None),
        ({"speechiness": 0.66}, None),
        ({"title": None, "artists": None, "album": None}, None),
    ],
    ids=str,
)
def test_songs_of_a_kind_are_recognized(cells: dict[str, Any], kind: SongKind | None) -> None:
    assert kinds_of(pd.DataFrame([SONG | cells], index=[7])).to_dict() == {7: kind}


RUDE = [
    "Fuck You",
    "F**k It",
    "F*ck Love",
    "f_ck",
    "Sh*t",
    "B*tch",
    "Bullshit",
    "Boss Bitch!",
    "My Ass",
    "Bastards",
    "Scheiße",
]
NOT_RUDE = [
    "Scunthorpe", "Cockburn", "Dick Dale", "Moby Dick", "Bass Class", "What's New Pussycat", "Pussy Cat, Pussy Cat",
    "Slut", "Moshi Shite", "M*A*S*H", "Hello", "Les petits riens", "Say So (feat. Fucked Up)", "Hoe Groot zijt Gij",
    None,
]  # fmt: skip
VIOLENT = ["Kill Bill", "Murder on the Dancefloor", "Bad Blood", "I'd Die", "Die Young", "DEAD!", "Hate Me", "21 Guns"]
NOT_VIOLENT = [
    "Die Sonne scheint", "Dies irae", "Hello", "Killing Me Softly With His Song", "Skillet", "Dead Sea", "Shell",
    "Top Gun Anthem", "Gunnar", "Home (feat. Machine Gun Kelly)", "Rain (from The Suicide Squad)", "Grape", "Whatever",
    None,
]  # fmt: skip


def test_rude_and_violent_titles_are_found_without_names_other_languages_and_guests() -> None:
    for kind, wanted, others in (("rude", RUDE, NOT_RUDE), ("violent", VIOLENT, NOT_VIOLENT)):
        titles = pd.Series([*wanted, *others])
        found = titles[has_words(titles, kind)].to_list()
        assert found == wanted


def test_explicit_songs_are_marked_anywhere_or_have_a_rude_title() -> None:
    cells = [
        {"title": "Quiet", "explicit": True},
        {"title": "Quiet [Explicit]"},
        {"title": "F**k Off"},
        {"title": "Quiet", "artists": "Fuck Buttons", "album": "Explicit"},
    ]
    names = pd.DataFrame([NAMES | {"explicit": False} | own for own in cells])
    table = song_table(len(cells)).drop(columns=[*names]).join(names)
    for kept in (table, table.drop(columns="explicit")):
        passes = Catalogue(kept).passing(hide_explicit=True)
        assert passes.tolist() == ["explicit" not in kept, False, False, True]


def test_unmarked_rude_titles_of_the_catalogue_are_explicit(recommender: Recommender) -> None:
    catalogue = recommender.catalogue
    marked = catalogue.table["explicit"].to_numpy(bool)
    rude, violent = catalogue.has_rude_title, has_words(catalogue.table["title"], "violent").to_numpy(bool)
    assert (marked.sum(), rude.sum(), (rude & ~marked).sum(), violent.sum()) == (6_959, 301, 115, 1_013)
    assert catalogue.is_explicit.sum() == 7_075


def test_a_file_is_a_version_of_a_song_by_its_tags_or_by_its_name() -> None:
    file = Song("library-1", "Song A", ("The Band",), Player.LIBRARY)
    for title, artists in (
        ("Song A - Live", "The Band"),
        ("SONG A (Remastered 2011)", "The Band;A Guest"),
        ("Song A (feat. A Guest)", "the band feat. A Guest"),
        ("The Band - Song A", UNKNOWN_ARTIST),
        ("07 - The Band - Song A - Live", UNKNOWN_ARTIST),
        ("07. The Band \u2013 Song A", UNKNOWN_ARTIST),
    ):
        copy = Song("library-2", title, tuple(artists.split(";")), Player.LIBRARY)
        assert key_of(copy) == key_of(file), title
    for title, artists in (
        ("Song B", "The Band"),
        ("Song A", "Another Band"),
        ("Song A", UNKNOWN_ARTIST),
        ("07 - Song A", UNKNOWN_ARTIST),
    ):
        others = [Song(f"library-{number}", title, (artists,), Player.LIBRARY) for number in (3, 4)]
        assert key_of(others[0]) != key_of(file), title
        assert (key_of(others[0]) == key_of(others[1])) == (artists != UNKNOWN_ARTIST), title
    assert named(Song("yours-1", "50 Cent - In Da Club", (UNKNOWN_ARTIST,), Player.UPLOAD)) == ("In Da Club", "50 Cent")
    assert named(Song("table-1", "A - B", (UNKNOWN_ARTIST,), Player.NONE)) == ("A - B", UNKNOWN_ARTIST)


def test_christmas_has_37_days_and_halloween_18_and_a_request_for_a_genre_includes_its_kind() -> None:
    days = [date(2026, 1, 1) + timedelta(days) for days in range(365)]
    seasons = {kind: [day for day in days if kind in included_kinds((), day)] for kind in SongKind}
    assert {kind for kind, season in seasons.items() if season} == {SongKind.CHRISTMAS, SongKind.HALLOWEEN}
    christmas, halloween = seasons[SongKind.CHRISTMAS], seasons[SongKind.HALLOWEEN]
    assert (len(christmas), max(day for day in christmas if day.month == 1)) == (37, date(2026, 1, 6))
    assert (halloween[0], halloween[-1], len(halloween)) == (date(2026, 10, 15), date(2026, 11, 1), 18)
    for genres, kinds in (
        ({"comedy"}, {SongKind.SPEECH}),
        ({"sleep", "jazz"}, {SongKind.SLEEP}),
        (GENRES, {SongKind.SPEECH, SongKind.SLEEP, SongKind.CHILDREN}),
    ):
        assert included_kinds(genres, date(2026, 6, 15)) == kinds
        assert included_kinds(genres, date(2026, 12, 24)) == kinds | {SongKind.CHRISTMAS}
