"""Songs as a list: one line each, players and downloads."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import streamlit as st

from emomusic.affect import share_text
from emomusic.music.catalogue import ARTIST_SEPARATOR, Track
from emomusic.music.features import FEATURE_NAMES
from emomusic.music.mood import MOODS
from emomusic.music.recommend import Song
from emomusic.music.spotify.embeds import TRACK_ADDRESS, songs_m3u
from emomusic.text import escape_formula, for_excel
from emomusic.ui.core import state
from emomusic.ui.core.files import download_button
from emomusic.ui.core.frame import escape_markdown
from emomusic.ui.music.song_table import SongTable, unique_songs
from emomusic.ui.songs.players import show_player, spotify_link

PAGE = 5


def short_name(track: Track) -> str:
    """Title and artists in one line, for menus."""
    name = f"{track.title} · {track.byline}"
    return name if len(name) <= 60 else name[:59] + "…"


def track_line(songs: SongTable, row: int) -> str:
    """One song in Markdown: title, artists, its mood, and a link."""
    track = songs.catalogue.track(row)
    mood = MOODS[int(songs.moods[row])]
    words = f"{mood}, labelled" if track.mood is not None else f"{mood} {share_text(songs.probabilities[row].max())}"
    return f"**{escape_markdown(track.title)}** · {escape_markdown(track.byline)}  \n{words} · {spotify_link(track.id)}"


def show_players(songs: SongTable, rows: Sequence[int], *, name: str, ask: Callable[[str], None] | None = None) -> None:
    """Show the first songs of a list with players, and a button for more.

    Args:
        songs: the table.
        rows: row numbers of the songs, in the order to show.
        name: name of the list on this page, for widget keys.
        ask: callback with a song's id for a button that opens its mood; None for no button.
    """
    key = state.music_widget("shown", name, digest_of(rows))
    num_shown = int(st.session_state.get(key, PAGE))
    for number, row in enumerate(rows[:num_shown]):
        track = songs.catalogue.track(row)
        with st.container(gap="xsmall"):
            st.markdown(track_line(songs, row))
            show_player(track.id, track.full_name, place=(name, number))
            if ask is not None:
                ask_button(track.id, name=name, ask=ask)
    if len(rows) > num_shown:
        st.button(
            f"{min(PAGE, len(rows) - num_shown)} more of {len(rows) - num_shown:,}",
            icon=":material/queue_music:",
            key=state.music_widget("more", name),
            on_click=state.put,
            args=(key, num_shown + PAGE),
        )


def ask_button(track_id: str, *, name: str, ask: Callable[[str], None]) -> None:
    """Show the button that opens the mood of a song."""
    st.button(
        "What mood is it?",
        icon=":material/tune:",
        key=state.music_widget("ask", name, track_id),
        on_click=ask,
        args=(track_id,),
        type="tertiary",
    )


def digest_of(rows: Sequence[int] | npt.NDArray[np.int64]) -> str:
    """A digest of row numbers, for widget keys."""
    return hashlib.sha256(np.asarray(rows, np.int64).tobytes()).hexdigest()[:12]


def show_table_downloads(songs: SongTable, rows: npt.NDArray[np.int64], *, name: str) -> None:
    """Offer the songs of a list as CSV and as a playlist, created on demand."""
    with st.container(horizontal=True, width="content"):
        download_button(
            "CSV",
            lambda: table_csv(songs, rows),
            f"{name}.csv",
            icon=":material/download:",
            key=state.music_widget("csv", name),
            help="Title, artists, mood, probabilities and features",
        )
        download_button(
            "Playlist",
            lambda: songs_m3u(_song(songs, int(row)) for row in unique_songs(songs, rows)),
            f"{name}.m3u",
            icon=":material/playlist_play:",
            key=state.music_widget("m3u", name),
            help="M3U playlist of Spotify links, each song once",
        )


def _song(songs: SongTable, row: int) -> Song:
    track = songs.catalogue.track(row)
    probability = float(songs.probabilities[row, songs.moods[row]])
    return Song(track, MOODS[int(songs.moods[row])], probability, track.point, "chosen from the table")


def describe_songs(songs: SongTable, rows: npt.NDArray[np.int64]) -> pd.DataFrame:
    """A table for display: title, artists, mood, confidence in percent, features and link, one row per song."""
    table = songs.catalogue.table.iloc[rows]
    moods = np.array([mood.value for mood in MOODS])[songs.moods[rows]]
    percents = 100 * songs.probabilities[rows, songs.moods[rows]]
    described = table[["title", "artists"]].assign(mood=moods, confidence=percents)
    described["artists"] = described["artists"].str.replace(ARTIST_SEPARATOR, ", ", regex=False)
    known = [column for column in ("genre", "year", "popularity", "explicit") if column in table]
    described = described.join(table[[*known, *FEATURE_NAMES]])
    # `track_url` is slow for long tables and not needed, because a catalogue has only valid ids
    return described.assign(url=TRACK_ADDRESS + table["id"]).reset_index(drop=True)


def table_csv(songs: SongTable, rows: npt.NDArray[np.int64]) -> bytes:
    """Songs as CSV for spreadsheets, with formulas escaped."""
    table = describe_songs(songs, rows).drop(columns="confidence")
    for position, mood in enumerate(MOODS):
        table[f"probability_{mood}"] = songs.probabilities[rows, position].round(4)
    for column in table.select_dtypes(exclude=["number", "bool"]).columns:
        table[column] = table[column].fillna("").astype(str).map(escape_formula)
    return for_excel(table.to_csv(index=False))


def describe_versions(number: int) -> str:
    """A sentence about the versions that `unique_songs` left out; empty for none."""
    if not number:
        return ""
    are = "is another version" if number == 1 else "are other versions"
    return f" {number:,} of them {are} of a song listed here."
