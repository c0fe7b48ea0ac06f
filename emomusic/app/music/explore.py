"""The tab on all songs: one search, which filters the map and the list together, and Spotify's own search.

The map is the valence-arousal plane with words of genres; the list has a row for each song, or all columns.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from emomusic.affect import Mood
from emomusic.app.browser.components import mount
from emomusic.app.charts import clicked, show_chart
from emomusic.app.choices import MUSIC_QUERY, Source
from emomusic.app.frame import download_button, error_text, escape_markdown, text_color
from emomusic.app.music.songs import (
    EXPLORE,
    FOUND,
    ON_SPOTIFY,
    hiding_options,
    show_question,
    show_rows,
    show_songs,
)
from emomusic.app.own_music import TableState
from emomusic.app.player import show_queue
from emomusic.app.queues import play_list
from emomusic.app.sources import YourMusic, show_all
from emomusic.app.state import MusicState, page_state, remove_item
from emomusic.charts import music as plots
from emomusic.errors import EmomusicError
from emomusic.server.settings import spotify_credentials
from emomusic.songs.catalogue import ARTIST_SEPARATOR, normalize_text, split_artists
from emomusic.songs.listing import Rows, Songs, describe_moods, digest_of
from emomusic.songs.mood import MOODS, scarce_moods
from emomusic.songs.recommend import load_recommender
from emomusic.songs.search import Found, search
from emomusic.songs.song import FEATURES, Pick, Song
from emomusic.songs.spotify import Credentials, FoundSongs, search_spotify, search_url
from emomusic.text import escape_formula, join_names, pluralize

MOST_DRAWN = 8000
"""Largest number of songs on the map; the lists have all songs."""

_MOST_LISTED = 2000  # songs in a list that plays
_MOST_SHOWN = 20_000  # rows that a browser can hold; Streamlit's lazy tables have no selectable rows
_NUM_ARTISTS = 12


def show_explore(songs: Songs, music: YourMusic) -> None:
    """Show the search, the map and the list of what it finds."""
    if music.shown is Source.OWN:
        _show_scarce(songs)
    words = (MUSIC_QUERY.value or "").strip()
    found = songs.cached(("search", words), lambda: search(songs, words))
    _draw_search(found, songs)
    if found.rows.size and st.session_state.get("music-columns"):
        _show_columns(songs, found.rows, music)
    chart, side = st.columns([3, 2], gap="large")
    with chart:
        _show_map(songs, found)
    with side:
        if found.rows.size:
            _show_list(songs, found, music)
        else:
            _explain_none(words, music)
    if music.chosen is Source.TABLE:
        _show_not_found()
    if normalize_text(words).split():  # an accent alone finds nothing
        _show_spotify(words, songs, music)


def _draw_search(found: Found, songs: Songs) -> None:
    """Show the search, what it understood as chips that a click removes, and moods to begin with."""
    with st.container(horizontal=True, vertical_alignment="center", key="music-search", gap="small"):
        MUSIC_QUERY.draw(
            st.text_input,
            "Find songs",
            type="search",
            icon=":material/search:",
            placeholder="sad jazz, a title, an artist",
            label_visibility="collapsed",
            width=340,
            on_change=_take_query,
        )
        for term in found.terms:
            rest, key = (_find, _without(found.text, term.words)), f"music-term-{term.label}"
            st.button(term.label, icon=":material/close:", key=key, help="Remove", on_click=remove_item, args=rest)
        if not found.text:
            for mood in Mood:
                st.button(mood.value, type="tertiary", key=f"music-mood-{mood}", on_click=_find, args=(mood.value,))
        st.markdown(f"**{len(found.rows):,}** of {len(songs):,} songs", width="content")
        if found.is_mended:
            st.caption(f"Shown: **{escape_markdown(found.text)}**", width="content")
        st.space("stretch")
        if songs.catalogue.has_features:
            about = "Spotify's valence and energy: no place among faces, as few calm songs have a high valence."
            st.toggle("As Spotify measures", key="music-measured", help=about, persist_state="session")
        st.toggle("Columns", key="music-columns", help="All songs with their numbers", persist_state="session")
        make = partial(Songs.csv, rows=found.rows)
        download_button("CSV", songs, make, "songs.csv", icon=":material/download:", key="music-csv", type="tertiary")


def _without(text: str, words: str) -> str:
    """A text without the words of a term."""
    pattern = r"\W+(?:and\W+)?".join(map(re.escape, words.replace(" and ", " ").split()))
    return " ".join(re.sub(rf"\b{pattern}\b", " ", text, count=1).split())


def _take_query() -> None:
    _forget_click()
    MUSIC_QUERY.take()


def _find(text: str) -> None:
    """Search another text; for callbacks."""
    _forget_click()
    MUSIC_QUERY.set(text or None)


def _show_scarce(songs: Songs) -> None:
    """Show the moods with few of the visitor's own songs."""
    counts = {mood: int((songs.moods == position).sum()) for position, mood in enumerate(MOODS)}
    few = [f"{counts[mood] or 'no'} {mood}" for mood in scarce_moods(counts)]
    st.caption(f"Few songs of a mood: {join_names(few)}." if few else "There are songs of every mood.")


def _map(songs: Songs, shown: Rows, *, is_measured: bool) -> go.Figure:
    rows = np.random.default_rng(0).permutation(shown)[:MOST_DRAWN]  # all songs, or always the same sample
    table = songs.catalogue.table.iloc[rows]
    names = table["title"].str.cat(table["artists"].str.replace(ARTIST_SEPARATOR, ", ", regex=False), " \u00b7 ")
    titles = names.str.slice(0, 80).tolist()
    places, measured = (songs.catalogue.measured, "Spotify's") if is_measured else (songs.plane, "")
    return plots.song_plane(places[rows], songs.moods[rows], titles, rows, measured=measured)


def _show_map(songs: Songs, found: Found) -> None:
    """Show the found songs on the plane, below words of genres where their songs are."""
    is_measured = songs.catalogue.has_features and bool(st.session_state.get("music-measured"))
    key = f"music-plane-{songs.token}"
    drawn = f"{min(len(found.rows), MOST_DRAWN):,} of {pluralize(len(songs), 'song')}"
    with st.container(key="music-plane", height=480, border=False, gap=None):  # less on a laptop, see `frame.css`
        show_chart(
            songs.cached(
                ("map", found.text, is_measured, text_color()),
                lambda: _map(songs, found.rows, is_measured=is_measured),
            ),
            key=key,
            alt=f"{drawn} on the plane of valence and arousal, with their moods",
            height="stretch",
            on_select=partial(_take_click, key, songs.token, len(songs)),
            selection_mode="points",
        )
        words = [] if is_measured else songs.genre_places
        if words:
            mine = page_state(MusicState)
            data = {"chart": f".st-key-{key} .js-plotly-plot", "words": words, "chosen": mine.genre}
            mount("words", key=f"{key}-words", data=data, on_word_change=partial(_take_word, f"{key}-words"))


def _take_click(key: str, token: str, num_songs: int) -> None:
    row = clicked(key)
    if isinstance(row, int) and 0 <= row < num_songs:  # a browser can send any number
        mine = page_state(MusicState)
        mine.row, mine.token, mine.starts = row, token, EXPLORE


def _take_word(key: str) -> None:
    """Play songs of a genre after the first click on its word, and show its artists after the second one."""
    mine, genre = page_state(MusicState), str(st.session_state[key].word)
    is_second = genre == mine.genre
    _find(genre)
    mine.genre, mine.has_artists = genre, is_second
    mine.starts = "" if is_second else EXPLORE


def _forget_click() -> None:
    mine = page_state(MusicState)
    mine.row, mine.genre, mine.has_artists = None, "", False


def _show_list(songs: Songs, found: Found, music: YourMusic) -> None:
    """Show the clicked song and those near it, the songs of the search, or an example of each mood."""
    mine, rows = page_state(MusicState), found.rows
    if mine.row is not None and mine.token == songs.token:
        words, rows = "**The song you clicked, and those near it**", songs.near(mine.row)
    elif mine.has_artists:
        words = f"**Artists: {escape_markdown(mine.genre)}**"
    elif found.text:
        words, rows = "**Best known first**", songs.unique(rows[:_MOST_LISTED])
    else:
        words, rows = "**A clear example of each mood.** Click a song or a word on the map.", songs.examples()
    st.markdown(words)
    if mine.has_artists:
        _show_artists(songs, found.rows)
    else:
        show_songs(songs, rows, EXPLORE, music, show_rows)


def _show_artists(songs: Songs, rows: Rows) -> None:
    """Show the artists with the best known songs, to search for."""
    names = dict.fromkeys(
        split_artists(songs.catalogue.cells["artists"][row])[0] for row in rows[:_MOST_LISTED].tolist()
    )
    with st.container(horizontal=True, gap="small", key="music-artists"):
        for name in [*names][:_NUM_ARTISTS]:
            st.button(escape_markdown(name), key=f"music-artist-{name}", on_click=_find, args=(name,))


def _explain_none(words: str, music: YourMusic) -> None:
    """Show that no song has the words, or name the options that hide the songs and offer to search all."""
    options = hiding_options(music)
    hidden = search(music.shown_recommender, words).rows if options else ()
    if not len(hidden):
        st.info("No song has all of these words.", icon=":material/search_off:")
        return
    have, hide = ("has" if len(hidden) == 1 else "have"), ("hides" if len(options) == 1 else "hide")
    text = f"{pluralize(len(hidden), 'song')} {have} these words, but {join_names(options)} {hide} them."
    st.info(text, icon=":material/filter_alt_off:")
    st.button("Search all songs", icon=":material/search:", on_click=show_all, key="music-search-all")


def _show_not_found() -> None:
    """Show the songs of the visitor's table that the catalogue does not have, each with the song that may be meant."""
    reading = page_state(TableState).reading
    if reading is None or not reading.not_found:
        return
    compared = list(zip(reading.not_found, reading.nearest, strict=False))
    more = f", the first {len(compared)}" if len(compared) < len(reading.not_found) else ""
    st.subheader(f"Not found: {pluralize(len(reading.not_found), 'song')}{more}", anchor=False)
    rows = [
        (row, escape_formula(title), escape_formula(", ".join(artists)), escape_formula(near.full_name) if near else "")
        for (row, title, artists), near in compared
    ]
    st.dataframe(
        pd.DataFrame(rows, columns=["Row", "Title", "Artists", "Nearest in the catalogue"]),
        key="music-not-found",
        hide_index=True,
        alt=f"{len(compared)} songs of the table that were not found",
    )


def _show_columns(songs: Songs, rows: Rows, music: YourMusic) -> None:
    """Show the songs as a table with all numbers. A click on a row plays from there on."""
    shown = rows[:_MOST_SHOWN]
    # The selection is a row number, so other rows need another key
    key = f"music-table-{songs.token}-{digest_of(shown)}"
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
    more = f" The table has the first {len(shown):,} songs." if len(rows) > len(shown) else ""
    st.caption(f"A click on a column name sorts. The left edge of a row plays from there on.{more}")
    if event.selection.rows:
        first = event.selection.rows[0]
        show_songs(songs, songs.unique(shown[first : first + _MOST_LISTED]), FOUND, music)


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


def _show_spotify(words: str, songs: Songs, music: YourMusic) -> None:
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
    queue = play_list(picks, (ON_SPOTIFY, words, credentials.client_id), music)
    show_queue(queue, "spotify", partial(show_question, queue, songs))


def _pick_of(song: Song) -> Pick:
    """A result with its mood, if the catalogue has the song; Spotify no longer provides features."""
    recommender = load_recommender()
    if (row := recommender.catalogue.row_of(song.id)) is None:
        return Pick(song, MOODS[0], 0.0, "mood unknown: the catalogue does not have this song", MOODS[0])
    probabilities = recommender.probabilities[row]
    mood = MOODS[int(probabilities.argmax())]
    song, point = recommender.catalogue.song(row), recommender.point_of(row)
    return Pick(song, mood, 0.0, describe_moods(probabilities), mood, point=point)


@st.cache_data(max_entries=64, ttl=600, show_spinner=False)
def _found(words: str, credentials: Credentials) -> FoundSongs:
    return search_spotify(words, credentials)
