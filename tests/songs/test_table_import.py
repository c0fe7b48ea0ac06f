"""Small CSV tables of every form."""

from collections.abc import Callable

import pandas as pd
import pytest

from emomusic.affect import MOOD_POINTS, Mood
from emomusic.errors import DatasetError
from emomusic.songs.catalogue import Origin
from emomusic.songs.song import FEATURES, Player
from emomusic.songs.table_import import (
    UNKNOWN_ARTIST,
    UNTITLED,
    TableForm,
    read_catalogue,
)

from .tables import mood_table, song_table, track_id

SOURCE_NAMES = {feature.name: feature.source_name for feature in FEATURES.values()}


def kaggle(num_songs: int = 6) -> pd.DataFrame:
    table = song_table(num_songs).drop(columns=["duration_s"])
    names = {"id": "track_id", "title": "track_name", "album": "album_name", "genres": "track_genre"}
    return table.rename(columns=names | SOURCE_NAMES).assign(duration_ms=194754, key=1, mode=0, time_signature=4)


def exportify(num_songs: int = 6) -> pd.DataFrame:
    """The newest Exportify form: semicolons separate artists."""
    table = song_table(num_songs).drop(columns=["duration_s"])
    table["id"] = "spotify:track:" + table["id"]
    names = {"id": "Track URI", "title": "Track Name", "artists": "Artist Name(s)", "album": "Album Name"}
    names |= {"genres": "Genres", "popularity": "Popularity", "explicit": "Explicit"}
    names |= {name: source.capitalize() for name, source in SOURCE_NAMES.items()}
    table = table.rename(columns=names).assign(**{"Release Date": "1987", "Duration (ms)": 194754, "Record Label": "L"})
    table["Genres"] = "art pop,rock"
    return table


FORMS: dict[str, Callable[[int], pd.DataFrame]] = {
    TableForm.OWN: song_table,
    TableForm.MOODS: lambda num_songs: mood_table(num_songs).head(num_songs),
    "kaggle": kaggle,
    TableForm.EXPORTIFY: exportify,
}


def as_csv(table: pd.DataFrame, **options: object) -> bytes:
    return table.to_csv(index=False, **options).encode()  # type: ignore[call-overload]


def renamed_song(table: pd.DataFrame, *titles: str) -> pd.DataFrame:
    column = next(column for column in table if column.lower() in ("title", "name", "track_name", "track name"))
    return table.assign(**{column: titles})


@pytest.mark.parametrize("form", FORMS)
def test_each_form_is_recognized_and_repeated_songs_are_read_once(form: str) -> None:
    table = FORMS[form](6)
    catalogue = read_catalogue(as_csv(pd.concat([table, table.iloc[[4, 1, 1]]])))
    known = form if isinstance(form, TableForm) else TableForm.OWN
    assert catalogue.origin == Origin(known, 9, 3, 0)
    assert catalogue.table["title"].tolist() == [f"Song {number}" for number in range(6)]
    track = catalogue.song(3)
    assert track == catalogue.find(track_id(3))
    assert (track.title, track.artists, track.album) == ("Song 3", ("Artist 3",), "Album")
    assert track.duration_s in (194.754, 200.0)


@pytest.mark.parametrize("form", ["kaggle", TableForm.EXPORTIFY])
def test_order_encoding_separator_and_case_do_not_matter(form: str) -> None:
    table = FORMS[form](6)
    data = as_csv(table)
    expected = read_catalogue(data).table
    for changed in (
        as_csv(table[table.columns[::-1]]),
        b"\xef\xbb\xbf" + data,
        as_csv(table, sep=";"),
        as_csv(table.rename(columns=str.upper), sep="\t"),
        as_csv(table, lineterminator="\r"),
        as_csv(table, lineterminator="\r\n"),
        as_csv(table.assign(notes='Later\nmore, and "so" on', Ünïcode="é")),
    ):
        pd.testing.assert_frame_equal(read_catalogue(changed).table, expected)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("separator", [";", "\t"])
def test_decimal_commas_are_read_if_commas_do_not_separate_cells(form: str, separator: str) -> None:
    table = renamed_song(FORMS[form](3), *["1,5"] * 3)
    instrumentalness = next(column for column in table if column.lower() == "instrumentalness")
    table.loc[0, instrumentalness] = 1.5e-05  # "1,5e-05"
    expected = read_catalogue(as_csv(table)).table
    pd.testing.assert_frame_equal(read_catalogue(as_csv(table, sep=separator, decimal=",")).table, expected)
    assert set(expected["title"]) == {"1,5"}


@pytest.mark.parametrize("form", FORMS)
def test_titles_that_look_like_numbers_or_missing_values_stay_text(form: str) -> None:
    words = ["1999", "None", "NA", "null", "007", "nan", "TRUE", "+1", "=1+1", "1e5", "é 🔥"]
    catalogue = read_catalogue(as_csv(renamed_song(FORMS[form](len(words)), *words)))
    assert catalogue.table["title"].tolist() == words
    assert catalogue.table["id"].tolist() == [track_id(number) for number in range(len(words))]  # only digits


def test_a_thousands_separator_is_refused_and_a_decimal_zero_is_read() -> None:
    table = kaggle(6).astype({"duration_ms": object})
    table.loc[0, "duration_ms"] = "215000,0"
    assert read_catalogue(as_csv(table, sep="\t", decimal=",")).table["duration_s"][0] == 215.0
    table.loc[0, "duration_ms"] = "215,000"
    with pytest.raises(DatasetError, match=r"'215,000'"):
        read_catalogue(as_csv(table, sep="\t", decimal=","))


def test_optional_columns_of_each_form_are_kept() -> None:
    labelled = read_catalogue(as_csv(mood_table(2)))
    assert [track.mood for track in map(labelled.song, (0, 2, 4, 6))] == list(Mood)
    assert labelled.song(0).year == 2001
    table = kaggle(4).assign(release_date=["2019-06-14", "14/06/1959", "", "1750"])
    catalogue = read_catalogue(as_csv(table))
    assert [catalogue.song(row).year for row in range(4)] == [2019, 1959, None, None]
    blank = kaggle(2).astype(object)
    blank.loc[1, ["duration_ms", "popularity", "track_genre"]] = ""
    catalogue = read_catalogue(as_csv(blank))
    by_genre, unknown = catalogue.song(0), catalogue.song(1)
    assert (unknown.duration_s, unknown.popularity, unknown.genres) == (None, None, ())
    assert (by_genre.genres, by_genre.year, by_genre.explicit) == (("rock",), None, song_table(1)["explicit"][0])
    playlist = read_catalogue(as_csv(exportify())).song(0)
    assert (playlist.genres, playlist.year) == (("art pop", "rock"), 1987)
    assert playlist.explicit == song_table(1)["explicit"][0]


def test_artists_are_separated_in_every_version_of_exportify() -> None:
    newest = exportify(2)
    newest["Artist Name(s)"] = ["Tyler, The Creator;A$AP Rocky", "Earth, Wind & Fire"]
    newest["Genres"] = ["art pop , rock;folk,", ""]
    assert read_catalogue(as_csv(newest)).song(0).genres == ("art pop", "rock", "folk")
    escaped = exportify(2).assign(**{"Artist URI(s)": ["spotify:artist:a, spotify:artist:b", "spotify:artist:c"]})
    escaped["Artist Name(s)"] = ["Tyler\\, The Creator, A$AP Rocky", "Earth\\, Wind & Fire"]
    oldest = exportify(2).rename(columns={"Track URI": "Spotify ID"}).assign(**{"Artist IDs": ["a,b", "c"]})
    oldest["Artist Name(s)"] = ["Tyler,A$AP Rocky", "Earth, Wind & Fire"]
    for table, first in ((newest, "Tyler, The Creator"), (escaped, "Tyler, The Creator"), (oldest, "Tyler")):
        catalogue = read_catalogue(as_csv(table))
        assert catalogue.origin.form == TableForm.EXPORTIFY
        assert catalogue.song(0).artists == (first, "A$AP Rocky")
        assert catalogue.song(1).artists == ("Earth, Wind & Fire",)


def test_local_files_episodes_and_songs_without_features_are_skipped_and_counted() -> None:
    table = exportify(6).astype(object)
    table.loc[1, "Track URI"] = "spotify:local:Someone:::200"
    table.loc[2, "Track URI"] = "spotify:episode:" + track_id(2)
    table.loc[4, [source.capitalize() for source in SOURCE_NAMES.values()]] = None
    catalogue = read_catalogue(as_csv(pd.concat([table, table.iloc[[0]]])))
    assert catalogue.table["id"].tolist() == [track_id(number) for number in (0, 3, 5)]
    assert catalogue.origin == Origin(TableForm.EXPORTIFY, 7, 1, 3)


@pytest.mark.parametrize("absent", ["NA", ""])
def test_songs_without_names_get_placeholders(absent: str) -> None:
    table = kaggle(4).astype(object)
    columns = {"track_name", "artists", "album_name"}
    names = [column for column in table if column in columns]
    table.loc[2, names] = absent
    catalogue = read_catalogue(as_csv(table))
    assert len(catalogue) == 4
    track = catalogue.song(2)
    assert (track.title, track.artists, track.album) == (UNTITLED, (UNKNOWN_ARTIST,), None)
    table.loc[1, names[0]] = ""  # with a known artist, an empty title is an error
    with pytest.raises(DatasetError, match=r"row 2 \(3 with the header\): (title|artists) must not be empty"):
        read_catalogue(as_csv(table))


@pytest.mark.parametrize(
    ("column", "cell", "sentence"),
    [
        ("track_id", "?", "id must have 22 letters and digits. Received: '\\?'"),
        ("artists", "\N{IDEOGRAPHIC SPACE};\N{EM SPACE}", "artists must not be empty"),
        ("energy", "0,5", "energy must be a number from 0 to 1. Received: '0,5'"),
        ("duration_ms", "long", "duration_s must be a number from 0 to 86400. Received: 'long'"),
    ],
)
def test_an_invalid_cell_is_refused_with_its_row(column: str, cell: str, sentence: str) -> None:
    table = kaggle(4).astype(object)
    table.loc[2, column] = cell
    with_duplicate = pd.concat([table.head(1), table])  # row numbers include duplicates
    with pytest.raises(DatasetError, match=rf"up.csv, row 4 \(5 with the header\): {sentence}") as caught:
        read_catalogue(as_csv(with_duplicate), name="up.csv")
    assert "Correct the row" in str(caught.value)
    assert len(str(caught.value)) < 250


GOOD = as_csv(song_table(3))


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "expected a CSV with a header"),
        (GOOD.splitlines()[0], "expected songs. Received: a table without rows"),
        (b"a,b\n1,2\n", "expected the columns of .*Received the columns: a, b"),
        ("id,title,artists\né".encode("latin-1"), r"expected a CSV in UTF-8. Received: the byte 0xe9. Save"),
        (GOOD + b"\0", "expected a CSV in UTF-8. Received: a NUL byte"),
        (GOOD + b"one,two\n", r"row 4 \(5 with the header\): "),
        (GOOD + GOOD.splitlines()[1] + b",\n", "Received: Expected 17 fields in line 5, saw 18. Quote"),
        (GOOD.replace(b",Song 1,", b',"Song 1,'), "Received: EOF inside string"),
        (b'"' + b"x" * 200_000, "at most 100,000 bytes in a line. Received: 200,001"),
        (GOOD + b"\n" * 250_000, "at most 250,000 lines. Received: 250,00"),
        (GOOD.replace(b"Song 1", b"x" * 5_001), "row 2 .*title must have at most 5,000 letters"),
        (
            as_csv(kaggle(3).drop(columns="loudness")),
            "read as table .*missing column loudness. Received: .*, ",
        ),
        (GOOD.replace(b"album", b"energy"), "Received twice: energy"),
        (bytes(50 * 2**20 + 1), "expected at most 50 MB. Received: 50.1 MB. Split"),
        (b"id" + b"," * 1000, "expected at most 1000 columns. Received: 1001. Keep"),
        (b'"id;\r"' + b";" * 20_000 + b"\n1", "expected at most 1000 columns. Received: 20001. Keep"),
    ],
)
def test_an_invalid_file_is_refused_in_one_line(data: bytes, sentence: str) -> None:
    with pytest.raises(DatasetError, match=f"up.csv.*({sentence})") as caught:
        read_catalogue(data, name="up.csv")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1500


def test_a_table_needs_no_ids_and_may_have_moods_instead_of_features() -> None:
    features = read_catalogue(as_csv(song_table(3).drop(columns="id")))
    assert features.has_features
    assert {features.song(row).player for row in range(3)} == {Player.NONE}
    mixed = song_table(3)
    mixed.loc[1, "id"] = ""
    catalogue = read_catalogue(as_csv(mixed))
    assert [catalogue.song(row).player for row in range(3)] == [Player.SPOTIFY, Player.NONE, Player.SPOTIFY]
    moods = read_catalogue(b"Title,Artist,Mood\nA,X,Happy\nB,Y,sad\n")
    assert not moods.has_features
    for row, mood in enumerate((Mood.HAPPY, Mood.SAD)):
        assert moods.song(row).point.distance(MOOD_POINTS[mood]) < 1e-6
    for song_id in ("library-1", "bundled-1", "table-2"):  # an id of a row names no file
        with pytest.raises(DatasetError, match="22 letters and digits"):
            read_catalogue(f"id,title,artist,mood\n{song_id},A,X,happy\n,B,Y,sad\n".encode())
    for data in (b"title,artist,mood\nA,X,\n", b"title,artist,mood\nA,X,angry\n"):
        with pytest.raises(DatasetError, match="mood must be one of"):
            read_catalogue(data)
    with pytest.raises(DatasetError, match="danceability"):
        read_catalogue(b"title,artist\nA,X\n")


def test_artists_and_genres_may_be_lists_as_python_writes_them() -> None:
    artists = ["""['Dan + Shay', "Screamin' Jay, Hawkins"]""", r"""['Both \'a\' and "b"']""", "[Unnamed]", "[]"]
    genres = ["['art pop', 'rock']", "[]", "jazz", ""]
    catalogue = read_catalogue(as_csv(song_table(4).assign(artists=artists, genres=genres)))
    assert [catalogue.song(row).artists for row in range(4)] == [
        ("Dan + Shay", "Screamin' Jay, Hawkins"),
        ("Both 'a' and \"b\"",),
        ("[Unnamed]",),
        ("[]",),
    ]
    assert catalogue.song(0).genres == ("art pop", "rock")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("line", ["", "sep=;\r\n", '"sep=;"\r\n', ";;;;\r\n\r\n \r\n"])
def test_the_lines_and_encodings_of_excel_are_read(line: str, encoding: str) -> None:
    table = song_table(3).assign(title="a,b,c,d")
    text = as_csv(table, sep=";", lineterminator="\r\n").decode()
    expected = read_catalogue(as_csv(table)).table
    pd.testing.assert_frame_equal(read_catalogue((line + text).encode(encoding)).table, expected)


@pytest.mark.parametrize("cell", ["", " "])
def test_empty_rows_are_skipped_and_counted(cell: str) -> None:
    table = song_table(3)
    header, *rows = as_csv(table).decode().splitlines()
    blank = ",".join([cell] * len(table.columns))
    catalogue = read_catalogue("\n".join([header, blank, rows[0], blank, *rows[1:], blank, blank]).encode())
    assert catalogue.table["title"].tolist() == table["title"].tolist()
    assert catalogue.origin == Origin(TableForm.OWN, 7, 0, 4)


@pytest.mark.parametrize("translates_features", [True, False])
def test_exportify_is_read_in_other_languages(translates_features: bool) -> None:
    table = exportify(3)
    features = [source.capitalize() for source in SOURCE_NAMES.values()]
    table = table[[column for column in table if column not in features]].join(
        table[["Danceability", "Energy"]].assign(Key=1).join(table["Loudness"]).assign(Mode=1)
    )
    rest = ["Speechiness", "Acousticness", "Instrumentalness", "Liveness", "Valence", "Tempo"]
    table = table.join(exportify(3)[rest])
    german = {"Track URI": "Track-URI", "Track Name": "Track-Name", "Artist Name(s)": "K\u00fcnstlername(n)"}
    if translates_features:
        german |= {"Danceability": "Tanzbarkeit", "Energy": "Energie", "Key": "Tonart", "Loudness": "Lautst\u00e4rke"}
        german |= {"Mode": "Modus", "Speechiness": "Sprachanteil", "Acousticness": "Akustik", "Valence": "Valenz"}
        german |= {"Instrumentalness": "Instrumentalit\u00e4t", "Liveness": "Lebendigkeit"}
    columns = ["id", "title", "artists", *SOURCE_NAMES]
    expected = read_catalogue(as_csv(exportify(3))).table[columns]
    local = table.head(1).assign(**{"Track URI": "spotify:local:A::S:9"})  # often the first rows
    table = pd.concat([local, table], ignore_index=True).rename(columns=german)
    pd.testing.assert_frame_equal(read_catalogue(as_csv(table)).table[columns], expected)


def test_a_table_of_names_gives_the_songs_of_a_catalogue() -> None:
    known = read_catalogue(
        as_csv(
            song_table(5).assign(
                title=["D\u00e9j\u00e0 Vu - Live", "Deja vu", "Deja vu (Remix)", "Two", "Three"],
                artists=["Beyonc\u00e9;Jay-Z", "Beyonce", "BEYONC\u00c9", "Two", "Three"],
                popularity=[10, 40, 30, 5, 5],
            )
        )
    )
    header = "Track name,Artist name,Album,Playlist name,Type,ISRC,Spotify - id\n"
    rows = ['d\u00e9ja vu,"Beyonc\u00e9, Somebody",,,,,', "Deja Vu,Nobody,,,,,", "x,y,,,,," + track_id(4), ",,,,,,"]
    data = (header + "\n".join([rows[2], *rows])).encode()
    catalogue = read_catalogue(data, known=known)
    assert catalogue.table["id"].tolist() == [track_id(4), track_id(1)]  # the best known version
    assert catalogue.origin == Origin(TableForm.NAMES, 5, 1, 1, 1)
    with pytest.raises(DatasetError, match="missing audio features"):
        read_catalogue(data)
    with pytest.raises(DatasetError, match="1 title that the catalogue does not have"):
        read_catalogue(b"title,artist\nNo,Body\n", known=known)
