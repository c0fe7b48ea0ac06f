"""The tabs on all songs: on the valence-arousal plane with what their features tell, and as a table with a search.

The search finds songs on Spotify too if the server has keys.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from emomusic.affect import QUADRANT_CORNERS, QUADRANT_MOODS, Quadrant
from emomusic.app.charts import clicked, show_chart
from emomusic.app.choices import MUSIC_QUERY, Source
from emomusic.app.frame import download_button, error_text, escape_markdown, text_color
from emomusic.app.music.songs import (
    EXPLORE,
    FOUND,
    ON_SPOTIFY,
    MusicState,
    hiding_options,
    labelled_songs,
    show_question,
    show_songs,
)
from emomusic.app.own_music import TableState
from emomusic.app.player import show_queue
from emomusic.app.queues import play_list
from emomusic.app.secrets import spotify_credentials
from emomusic.app.sources import YourMusic, show_all
from emomusic.app.state import page_state
from emomusic.charts import music as plots
from emomusic.errors import EmomusicError
from emomusic.server.visitor import is_own_computer
from emomusic.songs.catalogue import ARTIST_SEPARATOR, normalize_text
from emomusic.songs.listing import Rows, Songs, describe_moods, digest_of
from emomusic.songs.mood import MOODS, scarce_moods
from emomusic.songs.recommend import load_recommender
from emomusic.songs.song import FEATURE_LABELS, FEATURES, Pick, Song
from emomusic.songs.spotify import Credentials, FoundSongs, LiveSpotify, search_url
from emomusic.text import escape_formula, join_names, pluralize

MOST_DRAWN = 8000
"""Largest number of songs in the chart; the lists have all songs."""

_MIN_CORRELATED = 10  # songs


def show_explore(songs: Songs, music: YourMusic) -> None:
    """Show the plane with a list of its songs, and the features of labelled songs."""
    if music.shown is Source.OWN:
        _show_glance(songs)
    chart, side = st.columns([3, 2], gap="large")
    with chart:
        quadrant = st.pills(
            "Quadrant",
            list(QUADRANT_CORNERS),
            format_func=lambda choice: choice.description,
            key="music-quadrant",
            on_change=_forget_click,
            label_visibility="collapsed",
            wrap=True,
        )
        is_measured = songs.catalogue.has_features and st.toggle(
            "As Spotify measures",
            key="music-measured",
            help="Spotify's valence and energy. They are no place among faces: few calm songs have a high valence.",
        )
        _show_plane(songs, quadrant, is_measured=is_measured)
    with side:
        _show_list(songs, quadrant, music)
    of_spotify = music.shown is Source.SPOTIFY
    labelled = labelled_songs() if of_spotify else None
    st.header("How the moods differ", anchor=False)
    if labelled is not None:
        st.caption(f"{pluralize(len(labelled), 'song')} with a mood label, from which the mood models learned.")
    elif of_spotify and is_own_computer():
        st.caption("These moods are predictions. For labelled songs, run `emomusic data get moods`.")
    compared = labelled or songs
    if not compared.catalogue.has_features:
        st.info("These songs have moods only. A comparison needs audio features.", icon=":material/grid_off:")
        return
    _show_differences(compared)
    _show_correlations(compared)


def _show_glance(songs: Songs) -> None:
    """Show how many of the visitor's own songs are in each quadrant, and of which mood there are few."""
    counts = {mood: int((songs.moods == position).sum()) for position, mood in enumerate(MOODS)}
    quadrants = " · ".join(
        f"{quadrant.description}: **{counts[QUADRANT_MOODS[quadrant]]:,}** {QUADRANT_MOODS[quadrant]}"
        for quadrant in QUADRANT_CORNERS
    )
    few = [f"{counts[mood] or 'no'} {mood}" for mood in scarce_moods(counts)]
    missing = f"Few songs of a mood: {join_names(few)} of {len(songs):,}." if few else "There are songs of every mood."
    st.markdown(f"**Your library at a glance.** {quadrants}")
    st.caption(missing)


def _plane(songs: Songs, quadrant: Quadrant | None, *, is_measured: bool) -> go.Figure:
    rows = np.random.default_rng(0).permutation(len(songs))[:MOST_DRAWN]  # all songs, or always the same sample
    table = songs.catalogue.table.iloc[rows]
    names = table["title"].str.cat(table["artists"].str.replace(ARTIST_SEPARATOR, ", ", regex=False), " \u00b7 ")
    titles = names.str.slice(0, 80).tolist()
    if is_measured:
        return plots.song_plane(songs.catalogue.measured[rows], songs.moods[rows], titles, rows, measured="Spotify's")
    return plots.song_plane(songs.plane[rows], songs.moods[rows], titles, rows, quadrant)


def _show_plane(songs: Songs, quadrant: Quadrant | None, *, is_measured: bool) -> None:
    key = f"music-plane-{songs.token}"
    drawn = f"{min(len(songs), MOST_DRAWN):,} of {pluralize(len(songs), 'song')}"
    with st.container(key="music-plane", height=480, border=False):  # less on a laptop, see `frame.css`
        show_chart(
            songs.cached(
                ("plane", quadrant, is_measured, text_color()),
                lambda: _plane(songs, quadrant, is_measured=is_measured),
            ),
            key=key,
            alt=f"{drawn} on the plane of valence and arousal, with their moods",
            height="stretch",
            on_select=partial(_take_click, key, songs.token, len(songs)),
            selection_mode="points",
        )


def _take_click(key: str, token: str, num_songs: int) -> None:
    row = clicked(key)
    if isinstance(row, int) and 0 <= row < num_songs:  # a browser can send any number
        mine = page_state(MusicState)
        mine.row, mine.token, mine.starts = row, token, EXPLORE


def _forget_click() -> None:
    page_state(MusicState).row = None


def _show_list(songs: Songs, quadrant: Quadrant | None, music: YourMusic) -> None:
    """Show the clicked song and those near it, the best known songs of a quadrant, or an example of each mood."""
    mine = page_state(MusicState)
    if mine.row is not None and mine.token == songs.token:
        words, rows = "**The song you clicked, and those near it**", songs.near(mine.row)
    elif quadrant is None:
        words = "**A clear example of each mood.** Click a song on the plane to hear it, or choose a quadrant."
        rows = songs.examples()
    else:
        inside = songs.inside(quadrant)
        words = f"**{pluralize(len(inside), 'song')}, {quadrant.description}**, best known first"
        rows = songs.unique(songs.catalogue.best_known_first(inside))
        if not inside.size:
            rows, where = songs.nearest_to(quadrant)
            words = f"**No song is {quadrant.description}.** The nearest ones are {where}:"
    st.markdown(words)
    show_songs(songs, rows, EXPLORE, music)


def _show_differences(songs: Songs) -> None:
    features, moods = songs.catalogue.features, songs.moods
    standings = songs.cached("standings", lambda: plots.standings(features, moods))
    ridges = songs.cached(
        ("ridges", text_color()),
        lambda: [plots.feature_ridges(features, moods, standing.feature) for standing in standings],
    )
    best, last = standings[0], standings[-1]
    if len(present := np.unique(moods)) == 1:
        st.markdown(f"All of these songs are {MOODS[present[0]]}, so there are no moods to compare.")
    else:
        st.markdown(
            f"**{best.feature.label} differs most between the moods**, lowest for {best.lowest} and "
            f"highest for {best.highest} songs; {last.feature.label.lower()} differs least."
        )
    st.caption(
        "Distributions by mood, scaled to equal height, with the median on the line. The percentage is the share of "
        "variance that the mood explains (eta squared)."
    )
    with st.grid("auto", min_column_width=310, gap="medium"):
        for standing, ridge in zip(standings, ridges, strict=True):
            feature = standing.feature
            order = f"lowest for {standing.lowest} songs, highest for {standing.highest} songs"
            order = order if standing.lowest != standing.highest else "the same for all"
            with st.container(gap="xxsmall"):
                st.markdown(f"**{feature.label}** · {100 * standing.share:.0f} %", help=feature.description)
                show_chart(ridge, key=f"music-hills-{feature.name}", alt=f"{feature.label} by mood, {order}")


def _show_correlations(songs: Songs) -> None:
    st.subheader("Which features rise together", anchor=False)
    if len(songs) < _MIN_CORRELATED:
        st.info(f"Correlations need at least {_MIN_CORRELATED} songs.", icon=":material/grid_off:")
        return
    matrix = songs.cached("correlations", lambda: plots.correlations(songs.catalogue.features))
    lower = np.where(np.tri(len(FEATURE_LABELS), k=-1, dtype=bool), np.nan_to_num(matrix), 0.0)
    up, with_up = divmod(int(lower.argmax()), len(FEATURE_LABELS))
    strongest = f"**{FEATURE_LABELS[with_up]} and {FEATURE_LABELS[up].lower()} rise together** ({lower.max():.2f})."
    chart, words = st.columns([3, 2], gap="large")
    with words:
        if lower.max() > 0:
            st.markdown(strongest)
        st.caption(
            "Pearson correlation of each pair of features: 1 means that both rise together, \u22121 that one falls as "
            "the other rises, 0 no linear relation. A correlation does not show a cause."
        )
    with chart:
        show_chart(
            plots.correlation_map(matrix),
            key="music-correlations",
            alt=f"Correlations of the nine features. {strongest.replace('*', '')}",
        )


_MOST_LISTED = 200  # songs from the clicked row on
_MOST_SHOWN = 20_000  # rows that a browser can hold; Streamlit's lazy tables have no selectable rows


def show_table(songs: Songs, music: YourMusic) -> None:
    """Show the search, the songs that it finds, a list from the clicked row on, and what Spotify finds."""
    with st.container(horizontal=True, vertical_alignment="center"):
        MUSIC_QUERY.draw(
            st.text_input,
            "Find a song",
            type="search",
            icon=":material/search:",
            placeholder="Find a song: title, artist, or both",
            label_visibility="collapsed",
            width=420,
        )
        moods = st.pills(
            "Mood",
            MOODS,
            selection_mode="multi",
            key="music-moods",
            label_visibility="collapsed",
            persist_state="session",
        )
    words = MUSIC_QUERY.value.strip()
    everything, found = music.shown_recommender.catalogue, songs.catalogue.matching(words)
    num_hidden = 0 if found.any() else int(everything.matching(words).sum())
    if not (found.any() or num_hidden) and (corrected := everything.corrected(words)):
        st.caption(f"No song has {escape_markdown(words)}. Shown: **{escape_markdown(corrected)}**.")
        found = songs.catalogue.matching(corrected)
        num_hidden = 0 if found.any() else int(everything.matching(corrected).sum())
    passes = found & np.isin(songs.moods, [MOODS.index(mood) for mood in moods]) if moods else found
    rows = songs.known_first[passes[songs.known_first]]
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{len(rows):,}** of {len(songs):,} songs", width="content")
        if rows.size:
            download_button(
                "CSV",
                songs,
                partial(Songs.csv, rows=rows),
                "songs.csv",
                icon=":material/download:",
                key="music-csv",
                help="Title, artists, mood, probabilities and features",
            )
    if rows.size:
        _show_rows(songs, rows, music)
    else:
        options = [f"the mood {join_names(moods)}"] if found.any() else hiding_options(music)
        _explain_none(int(found.sum()) or num_hidden, options)
    if music.chosen is Source.TABLE:
        _show_not_found()
    if normalize_text(words).split():  # an accent alone finds nothing
        _show_spotify(words, songs, music)


def _explain_none(num_hidden: int, options: list[str]) -> None:
    """Show that no song has the words, or name the options that hide the songs and offer to search all."""
    if not num_hidden:
        st.info("No song has all of these words.", icon=":material/search_off:")
        return
    have = "has" if num_hidden == 1 else "have"
    hidden = f"{pluralize(num_hidden, 'song')} {have} these words, but {join_names(options)}"
    st.info(f"{hidden} {'hides' if len(options) == 1 else 'hide'} them.", icon=":material/filter_alt_off:")
    st.button("Search all songs", icon=":material/search:", on_click=_search_all, key="music-search-all")


def _search_all() -> None:
    st.session_state["music-moods"] = []
    show_all()


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


def _show_rows(songs: Songs, rows: Rows, music: YourMusic) -> None:
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
    more = f" The table shows the first {len(shown):,} songs; search for others." if len(rows) > len(shown) else ""
    st.caption(f"Click a column name to sort, or the left edge of a row to play from there on.{more}")
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


@st.cache_resource(max_entries=4, show_spinner=False)
def _live(credentials: Credentials) -> LiveSpotify:
    return LiveSpotify(credentials)


@st.cache_data(max_entries=64, ttl=600, show_spinner=False)
def _found(words: str, credentials: Credentials) -> FoundSongs:
    return _live(credentials).search(words)
