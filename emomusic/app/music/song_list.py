"""Songs as a table, and as lists in the player of the page."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import streamlit as st

from emomusic.affect import share_text
from emomusic.app import state
from emomusic.app.address import choose, chosen
from emomusic.app.frame import download_button
from emomusic.app.music.catalogues import MoodCatalogue
from emomusic.app.player import show_queue
from emomusic.app.queues import PlayerState, forget_list, play_list
from emomusic.app.sources import is_spotify_silent
from emomusic.app.state import page_state
from emomusic.songs.catalogue import ARTIST_SEPARATOR, TRACK_ID
from emomusic.songs.features import FEATURE_NAMES, FEATURES
from emomusic.songs.mood import MOODS
from emomusic.songs.song import Pick, Song
from emomusic.songs.spotify.embeds import TRACK_ADDRESS
from emomusic.text import escape_formula, for_excel

_MOST_SHOWN = 20_000  # rows that a browser can hold; Streamlit's lazy tables have no selectable rows
_FASTEST_BPM = 250


def show_table(songs: MoodCatalogue) -> None:
    """Show the filters, the songs that pass, and a player for the selected row."""
    rows = songs.catalogue.best_known_first(_choose_rows(songs))
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{len(rows):,}** of {len(songs):,} songs", width="content")
        if rows.size:
            show_table_download(songs, rows, name="songs")
    if not rows.size:
        st.info("No song passes the search and all filters. Remove one of them.", icon=":material/filter_alt_off:")
        return
    shown = rows[:_MOST_SHOWN]
    event: Any = st.dataframe(
        describe_songs(songs, shown),
        # The selection is a row number, so other rows need another key
        key=state.music_widget("table", songs.digest, digest_of(shown)),
        height=430,
        hide_index=True,
        column_config=_columns(),
        on_select="rerun",
        selection_mode="single-row",
        alt=f"{len(shown):,} songs with their mood and features",
    )
    st.caption(
        "Click a column name to sort, or the left edge of a row to play the song."
        + (f" The table shows the first {len(shown):,} songs. Filter to see others." if len(rows) > len(shown) else "")
    )
    if chosen := [int(shown[at]) for at in event.selection.rows]:
        show_songs(songs, chosen, name="row")


def _choose_rows(songs: MoodCatalogue) -> npt.NDArray[np.int64]:
    """The row numbers of the songs that pass the visitor's filters, in the order of the table."""
    catalogue, digest = songs.catalogue, songs.digest
    # These widgets keep their values when the user opens another tab or page
    with st.container(horizontal=True, vertical_alignment="bottom"):
        moods = st.pills(
            "Mood", MOODS, selection_mode="multi", key=state.music_widget("moods", digest),
            label_visibility="collapsed", persist_state="session",
        )  # fmt: skip
        with st.popover("Filters", icon=":material/tune:"):
            tempo = st.slider(
                "Tempo (BPM)",
                0,
                _FASTEST_BPM,
                (0, _FASTEST_BPM),
                step=5,
                key=state.music_widget("tempo", digest),
                persist_state="session",
            )
            hide_explicit = "explicit" in catalogue.table and st.toggle(
                "Hide explicit songs",
                key=state.music_widget("explicit", digest),
                persist_state="session",
            )
    slowest, fastest = tempo
    passes = catalogue.matching(chosen(state.MUSIC_QUERY) or "") & catalogue.passing(
        # The slider's ends mean no limit, and the tempo may be unknown
        tempo_bpm=None if tempo == (0, _FASTEST_BPM) else (slowest, fastest if fastest < _FASTEST_BPM else np.inf),
        hide_explicit=bool(hide_explicit),
    )
    if moods:
        passes &= np.isin(songs.moods, [MOODS.index(mood) for mood in moods])
    return np.flatnonzero(passes)


def _columns() -> dict[str, Any]:
    numbers = {
        feature.name: st.column_config.NumberColumn(
            feature.titled, format=f"%.{feature.num_digits}f", help=feature.description
        )
        for feature in FEATURES.values()
    }
    return numbers | {
        "title": st.column_config.TextColumn("Title", width="medium", pinned=True),
        "artists": st.column_config.TextColumn("Artists", width="medium"),
        "genres": "Genres",
        "mood": "Mood",
        "confidence": st.column_config.ProgressColumn(
            "Confidence", format="%.0f %%", min_value=0, max_value=100, help="The model's probability of the mood"
        ),
        "year": st.column_config.NumberColumn("Year", format="%d"),
        "popularity": st.column_config.NumberColumn("Popularity", format="%.0f", help="0 to 100, when collected"),
        "explicit": st.column_config.CheckboxColumn("Explicit"),
        "url": st.column_config.LinkColumn("Spotify", display_text="Open"),
    }


CLASSIFY = "What mood is this song?"
"""The title of the tab on one song."""

PLACE = "music"
"""The player of all lists."""


def short_name(song: Song) -> str:
    """Title and artists in one line, for menus."""
    name = f"{song.title} · {song.byline}"
    return name if len(name) <= 60 else name[:59] + "…"


def show_songs(
    songs: MoodCatalogue, rows: Sequence[int] | npt.NDArray[np.int64], *, name: str, explains: bool = False
) -> None:
    """Show the player of a list of songs.

    Args:
        songs: the table.
        rows: of the songs, in their order.
        name: of the list.
        explains: whether a button opens the mood of the current song.
    """
    if len(rows):
        play_list(_picks(songs, rows), PLACE, (songs.digest, name, digest_of(rows)), starts=name == "row")
        show_queue(PLACE, "music", partial(show_explanation, PLACE) if explains else _show_nothing)


def _picks(songs: MoodCatalogue, rows: Sequence[int] | npt.NDArray[np.int64]) -> Iterator[Pick]:
    """The songs of a list, each with its mood: "happy 93 %", or "happy, labelled"."""
    for row in map(int, rows):
        song, mood = songs.catalogue.song(row), MOODS[int(songs.moods[row])]
        probability = float(songs.probabilities[row].max())
        words = f"{mood} {share_text(probability)}" if song.mood is None else f"{mood}, labelled"
        yield Pick(song, mood, probability, words, mood)


def _show_nothing() -> None:
    """No button."""


def show_explanation(place: str, known: Set[str] | None = None) -> None:
    """Show the button that opens the mood of the current song of a place, if its id is known, and no other plays."""
    current = page_state(PlayerState).queues[place].current
    if current is None or is_spotify_silent() or (known is not None and current.song.id not in known):
        return
    if st.button("What mood is it?", icon=":material/tune:", type="tertiary", key=state.music_widget("ask", place)):
        choose({state.MUSIC_TAB: CLASSIFY, state.MUSIC_TRACK: current.song.id})
        st.rerun()


def forget_other_tables(songs: MoodCatalogue) -> None:
    """Let go of the songs of another table than this one, which the visitor may have removed."""
    if page_state(PlayedTable).digest != songs.digest:
        page_state(PlayedTable).digest = songs.digest
        forget_list(PLACE)


@dataclass
class PlayedTable:
    """The table whose songs the player has."""

    digest: str = ""


def digest_of(rows: Sequence[int] | npt.NDArray[np.int64]) -> str:
    """A digest of row numbers, for widget keys."""
    return hashlib.sha256(np.asarray(rows, np.int64).tobytes()).hexdigest()[:12]


def show_table_download(songs: MoodCatalogue, rows: npt.NDArray[np.int64], *, name: str) -> None:
    """Offer the songs of a list as CSV, made on demand."""
    download_button(
        "CSV",
        lambda: table_csv(songs, rows),
        f"{name}.csv",
        icon=":material/download:",
        key=state.music_widget("csv", name),
        help="Title, artists, mood, probabilities and features",
    )


def describe_songs(songs: MoodCatalogue, rows: npt.NDArray[np.int64]) -> pd.DataFrame:
    """A table for display: title, artists, mood, confidence in percent, features and link, one row per song."""
    table = songs.catalogue.table.iloc[rows]
    moods = np.array([mood.value for mood in MOODS])[songs.moods[rows]]
    percents = 100 * songs.probabilities[rows, songs.moods[rows]]
    described = table[["title", "artists"]].assign(mood=moods, confidence=percents)
    described["artists"] = described["artists"].str.replace(ARTIST_SEPARATOR, ", ", regex=False)
    known = [column for column in ("genres", "year", "popularity", "explicit") if column in table]
    described = described.join(table[[*known, *FEATURE_NAMES]]).dropna(axis="columns", how="all")
    # `track_url` is slow for long tables and not needed, because a catalogue has only valid ids
    addresses = (TRACK_ADDRESS + table["id"]).where(table["id"].str.fullmatch(TRACK_ID.pattern))
    if "genres" in described:
        described["genres"] = described["genres"].str.replace(ARTIST_SEPARATOR, ", ", regex=False)
    return described.assign(url=addresses).reset_index(drop=True)


def table_csv(songs: MoodCatalogue, rows: npt.NDArray[np.int64]) -> bytes:
    """Songs as CSV for spreadsheets, with formulas escaped."""
    table = describe_songs(songs, rows).drop(columns="confidence")
    for position, mood in enumerate(MOODS):
        table[f"probability_{mood}"] = songs.probabilities[rows, position].round(4)
    for column in table.select_dtypes(exclude=["number", "bool"]).columns:
        table[column] = table[column].fillna("").astype(str).map(escape_formula)
    return for_excel(table.to_csv(index=False))


def describe_order(songs: MoodCatalogue, rows: npt.NDArray[np.int64], once: npt.NDArray[np.int64]) -> str:
    """The order of a list, and how many versions `unique_songs` left out, as the end of a sentence and a sentence."""
    order = ", best known first" if "popularity" in songs.catalogue.table and len(once) > 1 else ""
    if not (number := len(rows) - len(once)):
        return f"{order}."
    are = "is another version" if number == 1 else "are other versions"
    return f"{order}. {number:,} of them {are} of a song listed here."
