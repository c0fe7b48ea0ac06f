"""The table itself: search, filters, sorting, a song to hear, and the rest to take away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import streamlit as st

from emomusic.affect import Mood
from emomusic.music.features import FEATURES
from emomusic.music.mood import MOODS
from emomusic.ui.core import state
from emomusic.ui.music.song_list import describe_songs, digest_of, show_players, show_table_downloads
from emomusic.ui.music.song_table import SongTable

_MOST_SHOWN = 20_000  # rows: what a browser holds; Streamlit's lazy tables have no row to click
_FASTEST_BPM = 250


@dataclass(frozen=True, slots=True)
class Filters:
    """Which songs of a table to show; empty and None let everything pass.

    Attributes:
        text: words that title or artists hold, all of them.
        moods: one of these.
        genres: one of these.
        decades: released in one of these; 1990 is 1990 to 1999.
        tempo_bpm: from and to.
        hide_explicit: leave out songs marked as explicit.
    """

    text: str = ""
    moods: tuple[Mood, ...] = ()
    genres: tuple[str, ...] = ()
    decades: tuple[int, ...] = ()
    tempo_bpm: tuple[float, float] | None = None
    hide_explicit: bool = False

    def rows(self, songs: SongTable) -> npt.NDArray[np.int64]:
        """The rows of a table that pass, in its order."""
        passes = songs.catalogue.matching(self.text) & songs.catalogue.passing(
            genres=self.genres, decades=self.decades, tempo_bpm=self.tempo_bpm, hide_explicit=self.hide_explicit
        )
        if self.moods:
            passes &= np.isin(songs.moods, [MOODS.index(mood) for mood in self.moods])
        return np.flatnonzero(passes)


def show_table(songs: SongTable) -> None:
    """Show the filters, what passes them, and the player of the row that is chosen."""
    rows = songs.catalogue.best_known_first(_choose_filters(songs).rows(songs))
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{len(rows):,}** of {len(songs):,} songs", width="content")
        if rows.size:
            show_table_downloads(songs, rows, name="songs")
    if not rows.size:
        st.info("No song passes all of these. Take one of the filters back.", icon=":material/filter_alt_off:")
        return
    shown = rows[:_MOST_SHOWN]
    event: Any = st.dataframe(
        describe_songs(songs, shown),
        # A choice is a row's number: of other rows it would be another song
        key=state.music_widget("table", songs.digest, digest_of(shown)),
        height=430,
        hide_index=True,
        column_config=_columns(),
        on_select="rerun",
        selection_mode="single-row",
        alt=f"{len(shown):,} songs with their mood and features",
    )
    st.caption(
        "A click on a column's name sorts; a click at the left of a row plays that song."
        + (
            f" Shown are the first {len(shown):,}; search and filters find the others."
            if len(rows) > len(shown)
            else ""
        )
    )
    if chosen := [int(shown[at]) for at in event.selection.rows]:
        show_players(songs, chosen, name="row")


def _choose_filters(songs: SongTable) -> Filters:
    catalogue, digest = songs.catalogue, songs.digest
    # All of these hold while another tab or page is looked at
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
            if there := catalogue.genres:
                genres = st.multiselect(
                    "Genre",
                    there,
                    key=state.music_widget("genres", digest),
                    placeholder="All genres",
                    persist_state="session",
                )
            decades: list[int] = []
            if begun := catalogue.decades:
                decades = st.multiselect(
                    "Decade", begun, format_func=lambda decade: f"{decade}s",
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
                "Leave out songs marked as explicit",
                key=state.music_widget("explicit", digest),
                persist_state="session",
            )
    slowest, fastest = tempo
    return Filters(
        text=text or "",
        moods=tuple(moods),
        genres=tuple(genres),
        decades=tuple(decades),
        tempo_bpm=(slowest, fastest if fastest < _FASTEST_BPM else np.inf),  # some songs are faster than the slider
        hide_explicit=bool(hide_explicit),
    )


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
        "genre": "Genre",
        "mood": "Mood",
        "confidence": st.column_config.ProgressColumn(
            "Probability", format="%.0f %%", min_value=0, max_value=100, help="That of the mood, by the model"
        ),
        "year": st.column_config.NumberColumn("Year", format="%d"),
        "popularity": st.column_config.NumberColumn("Popularity", format="%.0f", help="0 to 100, when it was made"),
        "explicit": st.column_config.CheckboxColumn("Explicit"),
        "url": st.column_config.LinkColumn("Spotify", display_text="Open"),
    }
