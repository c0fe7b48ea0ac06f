"""Find a song: in the table, and on Spotify where there are keys for it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import streamlit as st

from emomusic.assets import ROOT
from emomusic.errors import EmomusicError, SpotifyError
from emomusic.music.features import FEATURE_NAMES
from emomusic.music.spotify_live import (
    Credentials,
    FoundPage,
    FoundTrack,
    LiveSpotify,
    credentials_from_environment,
    credentials_of,
)
from emomusic.music.track_services import Covers, ReccoBeats
from emomusic.ui import state
from emomusic.ui.engine import engine
from emomusic.ui.frame import plain
from emomusic.ui.music_browse import matching
from emomusic.ui.music_classify import ask_for, describe_moods
from emomusic.ui.music_players import PAGE, ask_button, best_known_first, show_players
from emomusic.ui.music_tables import SongTable, mood_classifier
from emomusic.ui.players import show_player

log = logging.getLogger(__name__)


def show_search(songs: SongTable) -> None:
    """Show a search field, the songs of the table it finds, and what Spotify finds."""
    typed = st.text_input(
        "A title, an artist, or both",
        key=state.MUSIC_QUERY,
        type="search",
        icon=":material/search:",
        placeholder="For example: queen",
        bind="query-params",
        width=480,
    )
    text = (typed or "").strip()
    here, there = st.columns(2, gap="large")
    with here:
        st.subheader("In this table", anchor=False)
        _search_table(songs, text)
    with there:
        st.subheader("On Spotify", anchor=False)
        _search_spotify(songs, text)


def _search_table(songs: SongTable, text: str) -> None:
    if not text:
        st.caption("Searches the titles and artists of this table.")
        return
    rows = best_known_first(songs, np.flatnonzero(matching(songs.catalogue, text)))
    if not rows.size:
        st.info("No song of this table has all of these words.", icon=":material/search_off:")
        return
    st.caption(f"{len(rows):,} found{', the best known first' if 'popularity' in songs.catalogue.table else ''}.")
    show_players(songs, rows.tolist(), name="found", ask=ask_for)


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
        )
        with_covers = st.toggle("Covers", key=state.MUSIC_COVERS)
    try:
        with st.spinner("Asking Spotify"):
            live = _live(credentials.client_id, elsewhere, credentials)
            page = _found(text, elsewhere, live)
            if page.notice:  # of something that passes: the next search asks again
                _found.clear(text, elsewhere, live)
    except EmomusicError as error:
        st.warning(str(error), icon=":material/cloud_off:")
        return
    if page.notice:
        st.caption(page.notice)
    if not page.tracks:
        st.info("Spotify has no song with these words.", icon=":material/search_off:")
        return
    st.caption(f"{page.total:,} found by Spotify, in its own order.")
    was_asked = elsewhere and not page.notice
    for number, track in enumerate(page.tracks[:PAGE]):
        with st.container(gap="xsmall"):
            with st.container(horizontal=True, vertical_alignment="center"):
                if with_covers and (cover := _cover(track.id)) is not None:
                    st.image(cover, alt=f"Cover of {track.title}", width=64)
                mood = _mood_of(track, elsewhere=was_asked)
                st.markdown(f"**{plain(track.title)}** · {plain(', '.join(track.artists))}  \n{mood}")
            show_player(track.id, track.title, place=("live", number))
            if track.id in songs.catalogue:
                ask_button(track.id, name="live", ask=ask_for)


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
    """The keys in `.streamlit/secrets.toml`, else in the environment."""
    if any(path.is_file() for path in _SECRETS):  # Streamlit complains on the page where there is no such file
        values = dict(st.secrets)
        section = values.get("spotify")
        nested = {f"spotify_{name}": value for name, value in section.items()} if isinstance(section, Mapping) else {}
        if found := credentials_of(values | nested):
            return found
    return credentials_from_environment()


_SECRETS = (ROOT / ".streamlit" / "secrets.toml", Path.home() / ".streamlit" / "secrets.toml")


@st.cache_resource(max_entries=4, show_spinner=False)
def _live(client_id: str, elsewhere: bool, _credentials: Credentials) -> LiveSpotify:  # noqa: ARG001  # the key
    catalogue = engine().recommender().catalogue
    return LiveSpotify(_credentials, catalogue=catalogue, reccobeats=ReccoBeats() if elsewhere else None)


@st.cache_data(max_entries=64, ttl=600, show_spinner=False)
def _found(text: str, elsewhere: bool, _live: LiveSpotify) -> FoundPage:  # noqa: ARG001  # another switch, another answer
    return _live.search(text)


@st.cache_resource(show_spinner=False)
def _covers() -> Covers:
    return Covers()


def _cover(track_id: str) -> str | None:
    """The address of a cover; a network that fails costs the picture and nothing else."""
    try:
        return _covers().cover_url(track_id)
    except SpotifyError as error:
        log.info("no cover: %s", error)
        return None


def _explain_keys() -> None:
    st.markdown(
        "With keys of your own, this searches all of Spotify too. They come free with a Premium account:\n\n"
        "1. At [developer.spotify.com/dashboard](https://developer.spotify.com/dashboard) create an app; as its "
        "redirect address give `http://127.0.0.1:8501`.\n"
        "2. Write its client ID and secret into the file `.streamlit/secrets.toml` of this app, then start it again:"
    )
    st.code('SPOTIFY_CLIENT_ID = "…"\nSPOTIFY_CLIENT_SECRET = "…"', language="toml")
    st.caption("Everything else on this page works without them.")
