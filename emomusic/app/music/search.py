"""The search tab: songs in the table, and songs on Spotify if the server has keys."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import count

import numpy as np
import streamlit as st

from emomusic.affect import Mood
from emomusic.app import state
from emomusic.app.address import chosen
from emomusic.app.frame import error_text
from emomusic.app.music.catalogues import MoodCatalogue, unique_songs
from emomusic.app.music.classify import describe_moods
from emomusic.app.music.song_list import describe_order, show_explanation, show_songs
from emomusic.app.own_table import mood_classifier
from emomusic.app.player import show_queue
from emomusic.app.queues import play_list
from emomusic.app.secrets import spotify_credentials
from emomusic.errors import EmomusicError
from emomusic.server.shared import shared
from emomusic.songs.catalogue import normalize_text
from emomusic.songs.features import FEATURE_NAMES
from emomusic.songs.mood import MOODS
from emomusic.songs.song import Pick, Song
from emomusic.songs.spotify.embeds import search_url
from emomusic.songs.spotify.reccobeats import ReccoBeats
from emomusic.songs.spotify.search import (
    LAST_OFFSET,
    SEARCH_LIMIT,
    Credentials,
    FeatureSource,
    FoundPage,
    LiveSpotify,
)

_NUM_EXAMPLES = 5
_PLACE = "music-spotify"


def show_search(songs: MoodCatalogue) -> None:
    """Show the hits of the search in the table and on Spotify; without a search, the best known songs."""
    text = (chosen(state.MUSIC_QUERY) or "").strip()
    if not normalize_text(text).split():  # an accent alone would match every title
        text = ""
    here, there = st.columns(2, gap="large")
    with here:
        st.header("In this table", anchor=False)
        _search_table(songs, text)
    with there:
        st.header("On Spotify", anchor=False)
        try:
            credentials = spotify_credentials()
        except EmomusicError as error:
            st.warning(error_text(error), icon=":material/cloud_off:")
            return
        if credentials is not None:
            _search_spotify(songs, text, credentials)
        else:
            st.link_button("Search on Spotify", search_url(text), icon=":material/open_in_new:", disabled=not text)


def _search_table(songs: MoodCatalogue, text: str) -> None:
    if not text:
        st.caption("Examples until you search: the best known songs of this table.")
        known = songs.catalogue.best_known_first(np.arange(len(songs)))[:_NUM_EXAMPLES]
        show_songs(songs, unique_songs(songs, known), name="known", explains=True)
        return
    rows = songs.catalogue.best_known_first(np.flatnonzero(songs.catalogue.matching(text)))
    if not rows.size:
        st.info("No song of this table contains all of these words.", icon=":material/search_off:")
        return
    once = unique_songs(songs, rows)
    st.caption(f"{len(rows):,} found{describe_order(songs, rows, once)}")
    show_songs(songs, once, name="found", explains=True)


def _search_spotify(songs: MoodCatalogue, text: str, credentials: Credentials) -> None:
    if not text:
        st.caption("Songs of all of Spotify appear here.")
        return
    elsewhere = st.toggle(
        "Moods from ReccoBeats",
        key=state.MUSIC_RECCOBEATS,
        help="Get features from reccobeats.com for songs that the catalogue does not contain",
        persist_state="session",
    )
    try:
        with st.spinner("Searching Spotify"):
            page = _found(text, 0, elsewhere, credentials)
            if page.notice:  # a temporary problem, so the next search asks again
                _found.clear(text, 0, elsewhere, credentials)
    except EmomusicError as error:
        st.warning(error_text(error), icon=":material/cloud_off:")
        return
    if page.notice:
        st.caption(page.notice)
    if not page.songs:
        st.info("Spotify found no song for these words.", icon=":material/search_off:")
        return
    st.caption(f"{page.total:,} found by Spotify, in Spotify's order.")
    known = frozenset(song.id for song in page.songs if songs.catalogue.find(song.id) is not None)
    picks = _picks_of_spotify(page, text, elsewhere, credentials)
    play_list(picks, _PLACE, (text, elsewhere, page.notice, credentials.client_id))
    show_queue(_PLACE, "spotify", partial(show_explanation, _PLACE, known))


def _picks_of_spotify(page: FoundPage, text: str, elsewhere: bool, credentials: Credentials) -> Iterator[Pick]:
    """The results of a search, page by page. The mood of a result without features is not shown.

    Raises:
        SpotifyError: a further page cannot be read.
    """
    for number in count(1):
        for song in page.songs:
            words, mood = _mood_of(song, page.sources.get(song.id), elsewhere and not page.notice)
            yield Pick(song, mood, 0.0, words, mood)
        if number * SEARCH_LIMIT >= min(page.total, LAST_OFFSET):
            return
        page = _found(text, number, elsewhere, credentials)


def _mood_of(song: Song, source: FeatureSource | None, elsewhere: bool) -> tuple[str, Mood]:
    """The mood of a result, if the catalogue or ReccoBeats has its features; Spotify no longer provides them."""
    if source is None:
        sources = "neither the catalogue nor ReccoBeats has" if elsewhere else "the catalogue does not have"
        return f"mood unknown: {sources} this song", MOODS[0]
    features = np.array([[getattr(song, name) for name in FEATURE_NAMES]])
    length = np.array([np.nan if song.duration_s is None else song.duration_s])
    probabilities = mood_classifier().predict_probabilities(features, duration_s=length)[0]
    return f"{describe_moods(probabilities)} · features from {source}", MOODS[int(probabilities.argmax())]


@st.cache_resource(max_entries=4, show_spinner=False)
def _live(elsewhere: bool, credentials: Credentials) -> LiveSpotify:
    catalogue = shared().recommender().catalogue
    return LiveSpotify(credentials, catalogue=catalogue, reccobeats=ReccoBeats() if elsewhere else None)


@st.cache_data(max_entries=64, ttl=600, show_spinner=False)
def _found(text: str, number: int, elsewhere: bool, credentials: Credentials) -> FoundPage:
    return _live(elsewhere, credentials).search(text, page=number)
