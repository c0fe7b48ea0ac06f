"""Find a song: in the table, and on Spotify where there are keys for it."""

from __future__ import annotations

import hashlib

import numpy as np
import streamlit as st

from emomusic.errors import EmomusicError
from emomusic.music.catalogue import normalize_text
from emomusic.music.features import FEATURE_NAMES
from emomusic.music.spotify.reccobeats import ReccoBeats
from emomusic.music.spotify.search import (
    LAST_OFFSET,
    SEARCH_LIMIT,
    Credentials,
    FoundPage,
    FoundTrack,
    LiveSpotify,
    credentials_from_environment,
    credentials_of,
)
from emomusic.ui.core import state
from emomusic.ui.core.address import remembered, went_back, write
from emomusic.ui.core.engine import engine
from emomusic.ui.core.frame import escape_markdown, escape_markdown_message
from emomusic.ui.core.secrets import read_secrets
from emomusic.ui.music.classify import ask_for, describe_moods
from emomusic.ui.music.song_list import ask_button, say_of_versions, show_players
from emomusic.ui.music.song_table import SongTable, each_once, mood_classifier
from emomusic.ui.songs.players import show_player, spotify_link


def show_search(songs: SongTable) -> None:
    """Show a search field, the songs of the table it finds, and what Spotify finds."""
    text = _ask().strip()
    if not normalize_text(text).split():  # an accent alone, which every title holds
        text = ""
    here, there = st.columns(2, gap="large")
    with here:
        st.header("In this table", anchor=False)
        _search_table(songs, text)
    with there:
        st.header("On Spotify", anchor=False)
        _search_spotify(songs, text)


def _ask() -> str:
    """The words to search for.

    They are not bound to the address by Streamlit, which would take them out of it when another tab is opened: a step
    of its own in the browser's history, so that Back from a song that was found did not lead to the results.
    """
    if state.MUSIC_QUERY not in st.session_state or went_back(state.MUSIC_QUERY):
        st.session_state[state.MUSIC_QUERY] = remembered(state.MUSIC_QUERY) or ""
    typed = st.text_input(
        "A title, an artist, or both",
        key=state.MUSIC_QUERY,
        on_change=lambda: write(state.MUSIC_QUERY, st.session_state[state.MUSIC_QUERY] or None),
        type="search",
        icon=":material/search:",
        placeholder="For example: queen",
        width=480,
    )
    write(state.MUSIC_QUERY, typed or None)
    return typed or ""


def _search_table(songs: SongTable, text: str) -> None:
    if not text:
        st.caption("Searches the titles and artists of this table.")
        return
    rows = songs.catalogue.best_known_first(np.flatnonzero(songs.catalogue.matching(text)))
    if not rows.size:
        st.info("No song of this table has all of these words.", icon=":material/search_off:")
        return
    once = each_once(songs, rows)
    order = ", the best known first" if "popularity" in songs.catalogue.table and len(once) > 1 else ""
    st.caption(f"{len(rows):,} found{order}.{say_of_versions(len(rows) - len(once))}")
    show_players(songs, once.tolist(), name="found", ask=ask_for)


def _search_spotify(songs: SongTable, text: str) -> None:
    credentials = _credentials()
    if credentials is None:
        _explain_keys()
        return
    if not text:
        st.caption("Searches all of Spotify, with the keys of this server.")
        return
    with st.container(horizontal=True):
        elsewhere = st.toggle(
            "Moods by ReccoBeats",
            key=state.MUSIC_RECCOBEATS,
            help="Asks reccobeats.com for the features of songs that the catalogue does not have",
            persist_state="session",
        )
        with_covers = st.toggle("Covers", key=state.MUSIC_COVERS, persist_state="session")
    key = state.music_widget("live-page", text)
    number = int(st.session_state.get(key, 0))
    try:
        with st.spinner("Asking Spotify"):
            account = _account(credentials)
            live = _live(account, elsewhere, credentials)
            page = _found(text, number, account, elsewhere, live)
            if page.notice:  # of something that passes: the next search asks again
                _found.clear(text, number, account, elsewhere, live)
    except EmomusicError as error:
        st.warning(escape_markdown_message(str(error)), icon=":material/cloud_off:")
        _offer_pages(key, number, more=False)
        return
    if page.notice:
        st.caption(page.notice)
    _say_how_many(page, number)
    was_asked = elsewhere and not page.notice
    for place, track in enumerate(page.tracks):
        with st.container(gap="xsmall"):
            with st.container(horizontal=True, vertical_alignment="center"):
                if with_covers and track.cover_url is not None:
                    st.image(track.cover_url, alt=f"Cover of {track.title}", width=64)
                mood = _mood_of(track, elsewhere=was_asked)
                link = spotify_link(track.id)
                st.markdown(
                    f"**{escape_markdown(track.title)}** · {escape_markdown(', '.join(track.artists))}  \n"
                    f"{mood} · {link}"
                )
            show_player(track.id, track.title, place=("live", place))
            if track.id in songs.catalogue:
                ask_button(track.id, name="live", ask=ask_for)
    _offer_pages(key, number, more=(number + 1) * SEARCH_LIMIT < min(page.total, LAST_OFFSET))


def _say_how_many(page: FoundPage, number: int) -> None:
    """Say which of all results are on the screen; `number` counts pages from 0."""
    if not page.tracks:
        st.info(f"Spotify has no {'more songs' if number else 'song'} with these words.", icon=":material/search_off:")
        return
    first, last = number * SEARCH_LIMIT + 1, number * SEARCH_LIMIT + len(page.tracks)
    which = f"Songs {first:,} to {last:,} of " if number else f"The first {last} of " if last < page.total else ""
    st.caption(f"{which}{page.total:,} found by Spotify, in its own order.")


def _offer_pages(key: str, number: int, *, more: bool) -> None:
    """The buttons from one page of results to another; `key` remembers which."""
    with st.container(horizontal=True):
        if number > 0:
            st.button(
                "Back",
                icon=":material/arrow_back:",
                key=state.music_widget("live-back"),
                on_click=state.put,
                args=(key, number - 1),
            )
        if more:
            st.button(
                "More songs",
                icon=":material/queue_music:",
                key=state.music_widget("live-more"),
                on_click=state.put,
                args=(key, number + 1),
            )


def _mood_of(found: FoundTrack, *, elsewhere: bool) -> str:
    """The mood of a search result whose features are known: Spotify itself gives them no more.

    Args:
        found: the result.
        elsewhere: ReccoBeats was asked too, and answered.
    """
    if found.track is None:
        who = "neither the catalogue nor ReccoBeats has" if elsewhere else "the catalogue does not have"
        return f"mood not known: {who} it"
    features = np.array([[getattr(found.track, name) for name in FEATURE_NAMES]])
    length = np.array([np.nan if found.track.duration_s is None else found.track.duration_s])
    probabilities = mood_classifier().predict_probabilities(features, duration_s=length)[0]
    return f"{describe_moods(probabilities)} · features from {found.source}"


def _credentials() -> Credentials | None:
    """The keys in `.streamlit/secrets.toml`, else in the environment.

    Raises:
        SettingsError: the file cannot be read.
    """
    values = read_secrets()
    section = values.get("spotify")
    nested = {f"spotify_{name}": value for name, value in section.items()} if isinstance(section, dict) else {}
    return credentials_of(values | nested) or credentials_from_environment()


def _account(credentials: Credentials) -> str:
    """Tells these keys from all others, also from the same ones with a corrected secret, without telling them."""
    return hashlib.sha256(f"{credentials.client_id} {credentials.client_secret}".encode()).hexdigest()[:16]


@st.cache_resource(max_entries=4, show_spinner=False)
def _live(account: str, elsewhere: bool, _credentials: Credentials) -> LiveSpotify:  # noqa: ARG001  # the key
    catalogue = engine().recommender().catalogue
    return LiveSpotify(_credentials, catalogue=catalogue, reccobeats=ReccoBeats() if elsewhere else None)


@st.cache_data(max_entries=64, ttl=600, show_spinner=False)
def _found(text: str, number: int, account: str, elsewhere: bool, _live: LiveSpotify) -> FoundPage:  # noqa: ARG001  # the key
    return _live.search(text, page=number)


def _explain_keys() -> None:
    st.markdown(
        "With keys of your own, this searches all of Spotify too. They come free with a Premium account:\n\n"
        "1. At [developer.spotify.com/dashboard](https://developer.spotify.com/dashboard) create an app; as its "
        "redirect address give `http://127.0.0.1:8501`.\n"
        "2. Write its client ID and secret into the file `.streamlit/secrets.toml` of this app, then start it again:"
    )
    st.code('SPOTIFY_CLIENT_ID = "…"\nSPOTIFY_CLIENT_SECRET = "…"', language="toml")
    st.caption("Everything else on this page works without them.")
