"""The Table tab: search, filters, sorting, a player for one song, and downloads."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import streamlit as st

from emomusic.music.features import FEATURES
from emomusic.music.mood import MOODS
from emomusic.ui.core import state
from emomusic.ui.music.song_list import describe_songs, digest_of, show_songs, show_table_downloads
from emomusic.ui.music.song_table import SongTable

_MOST_SHOWN = 20_000  # rows that a browser can hold; Streamlit's lazy tables have no selectable rows
_FASTEST_BPM = 250


def show_table(songs: SongTable) -> None:
    """Show the filters, the songs that pass, and a player for the selected row."""
    rows = songs.catalogue.best_known_first(_choose_rows(songs))
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{len(rows):,}** of {len(songs):,} songs", width="content")
        if rows.size:
            show_table_downloads(songs, rows, name="songs")
    if not rows.size:
        st.info("No song passes all filters. Remove one of them.", icon=":material/filter_alt_off:")
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


def _choose_rows(songs: SongTable) -> npt.NDArray[np.int64]:
    """The row numbers of the songs that pass the visitor's filters, in the order of the table."""
    catalogue, digest = songs.catalogue, songs.digest
    # These widgets keep their values when the user opens another tab or page
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input(
            "Search titles and artists",
            key=state.music_widget("search", digest),
            type="search",
            icon=":material/search:",
            placeholder="Search titles and artists",
            label_visibility="collapsed",
            width=320,
            persist_state="session",
        )
        moods = st.pills(
            "Mood", MOODS, selection_mode="multi", key=state.music_widget("moods", digest),
            label_visibility="collapsed", persist_state="session",
        )  # fmt: skip
        with st.popover("Filters", icon=":material/tune:"):
            genres: list[str] = []
            if not songs.has_your_music and (genre_options := catalogue.genres):
                genres = st.multiselect(
                    "Genre",
                    genre_options,
                    key=state.music_widget("genres", digest),
                    placeholder="All genres",
                    persist_state="session",
                )
            decades: list[int] = []
            if decade_options := catalogue.decades:
                decades = st.multiselect(
                    "Decade", decade_options, format_func=lambda decade: f"{decade}s",
                    key=state.music_widget("decades", digest), placeholder="All decades", persist_state="session",
                )  # fmt: skip
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
    passes = catalogue.matching(text or "") & catalogue.passing(
        genres=genres,
        decades=decades,
        tempo_bpm=(slowest, fastest if fastest < _FASTEST_BPM else np.inf),  # the slider's end means no limit
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
