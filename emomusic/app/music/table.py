"""The songs as a table with a search, also on Spotify if the server has keys."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from emomusic.app import state
from emomusic.app.address import chosen, text_widget
from emomusic.app.frame import download_button, error_text
from emomusic.app.music.classify import describe_moods
from emomusic.app.music.songs import FOUND, ON_SPOTIFY, MusicState, Rows, Songs, digest_of, show_question, show_songs
from emomusic.app.player import show_queue
from emomusic.app.queues import play_list
from emomusic.app.secrets import spotify_credentials
from emomusic.app.state import from_state, page_state
from emomusic.errors import EmomusicError
from emomusic.server.shared import shared
from emomusic.songs.catalogue import normalize_text
from emomusic.songs.features import FEATURES
from emomusic.songs.mood import MOODS
from emomusic.songs.song import Pick, Song
from emomusic.songs.spotify import Credentials, FoundSongs, LiveSpotify, search_url

_MOST_LISTED = 200  # songs from the clicked row on
_MOST_SHOWN = 20_000  # rows that a browser can hold; Streamlit's lazy tables have no selectable rows


def show_table(songs: Songs) -> None:
    """Show the search, the songs that it finds, a list from the clicked row on, and what Spotify finds."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.text_input(
            "Find a song",
            type="search",
            icon=":material/search:",
            placeholder="Find a song: title, artist, or both",
            label_visibility="collapsed",
            width=420,
            **text_widget(state.MUSIC_QUERY),
        )
        moods = st.pills(
            "Mood",
            MOODS,
            selection_mode="multi",
            key=state.music_widget("moods"),
            label_visibility="collapsed",
            persist_state="session",
        )
    words = (chosen(state.MUSIC_QUERY) or "").strip()
    passes = songs.catalogue.matching(words)
    if moods:
        passes &= np.isin(songs.moods, [MOODS.index(mood) for mood in moods])
    rows = songs.known_first[passes[songs.known_first]]
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{len(rows):,}** of {len(songs):,} songs", width="content")
        if rows.size:
            download_button(
                "CSV",
                from_state(songs, partial(Songs.csv, rows=rows)),
                "songs.csv",
                icon=":material/download:",
                key=state.music_widget("csv"),
                help="Title, artists, mood, probabilities and features",
            )
    if rows.size:
        _show_rows(songs, rows)
    else:
        st.info("No song has all of these words and one of the moods.", icon=":material/filter_alt_off:")
    if normalize_text(words).split():  # an accent alone finds nothing
        _show_spotify(words)


def _show_rows(songs: Songs, rows: Rows) -> None:
    shown = rows[:_MOST_SHOWN]
    # The selection is a row number, so other rows need another key
    key = state.music_widget("table", songs.token, digest_of(shown))
    event: Any = st.dataframe(
        songs.describe(shown),
        key=key,
        height=430,
        hide_index=True,
        column_config=_columns(),
        on_select=_take_row,
        selection_mode="single-row",
        alt=f"{len(shown):,} songs with their mood and features",
    )
    more = f" The table shows the first {len(shown):,} songs; search for others." if len(rows) > len(shown) else ""
    st.caption(f"Click a column name to sort, or the left edge of a row to play from there on.{more}")
    if event.selection.rows:
        first = event.selection.rows[0]
        show_songs(songs, songs.unique(shown[first : first + _MOST_LISTED]), FOUND)


def _take_row() -> None:
    page_state(MusicState).starts = FOUND


def _columns() -> dict[str, Any]:
    config = st.column_config
    numbers = {
        feature.name: config.NumberColumn(feature.titled, format=f"%.{feature.num_digits}f", help=feature.description)
        for feature in FEATURES.values()
    }
    about = "The model's probability of the mood"
    return numbers | {
        "title": config.TextColumn("Title", width=150),  # on a phone, the next columns have room too
        "mood": config.TextColumn("Mood", width=80),
        "confidence": config.ProgressColumn("Confidence", width=90, help=about, format="%.0f %%", max_value=100),
        "artists": config.TextColumn("Artists", width="medium"),
        "genres": "Genres",
        "year": config.NumberColumn("Year", format="%d"),
        "popularity": config.NumberColumn("Popularity", format="%.0f", help="0 to 100, when collected"),
        "explicit": config.CheckboxColumn("Explicit"),
        "url": config.LinkColumn("Spotify", display_text="Open"),
    }


def _show_spotify(words: str) -> None:
    """Show what Spotify finds for these words, or a link to its search."""
    st.header("On Spotify", anchor=False)
    try:
        if (credentials := spotify_credentials()) is None:
            st.link_button("Search on Spotify", search_url(words), icon=":material/open_in_new:")
            return
        with st.spinner("Searching Spotify"):
            found = _found(words, credentials)
    except EmomusicError as error:
        st.warning(error_text(error), icon=":material/cloud_off:")
        return
    if not found.songs:
        st.info("Spotify found no song for these words.", icon=":material/search_off:")
        return
    st.caption(f"{found.total:,} found by Spotify, in Spotify's order.")
    picks = [_pick_of(song) for song in found.songs]
    play_list(picks, ON_SPOTIFY, (words, credentials.client_id))
    show_queue(ON_SPOTIFY, "spotify", partial(show_question, ON_SPOTIFY))


def _pick_of(song: Song) -> Pick:
    """A result with its mood, if the catalogue has the song; Spotify no longer provides features."""
    recommender = shared().recommender()
    if (row := recommender.catalogue.row_of(song.id)) is None:
        return Pick(song, MOODS[0], 0.0, "mood unknown: the catalogue does not have this song", MOODS[0])
    probabilities = recommender.probabilities[row]
    mood = MOODS[int(probabilities.argmax())]
    return Pick(recommender.catalogue.song(row), mood, 0.0, describe_moods(probabilities), mood)


@st.cache_resource(max_entries=4, show_spinner=False)
def _live(credentials: Credentials) -> LiveSpotify:
    return LiveSpotify(credentials)


@st.cache_data(max_entries=64, ttl=600, show_spinner=False)
def _found(words: str, credentials: Credentials) -> FoundSongs:
    return _live(credentials).search(words)
