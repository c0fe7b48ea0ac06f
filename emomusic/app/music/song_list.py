"""Songs as a list or a table, with one player for the whole page, and downloads."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence, Set
from math import isnan
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import streamlit as st

from emomusic.affect import share_text
from emomusic.app import state
from emomusic.app.address import choose, chosen
from emomusic.app.frame import download_button, escape_markdown
from emomusic.app.music.song_table import SongTable, unique_songs
from emomusic.app.player import show_player, show_substitute
from emomusic.app.sources import is_spotify_silent
from emomusic.songs.catalogue import ARTIST_SEPARATOR, TRACK_ID
from emomusic.songs.features import FEATURE_NAMES, FEATURES
from emomusic.songs.mood import MOODS
from emomusic.songs.song import Pick, Song
from emomusic.songs.spotify.embeds import TRACK_ADDRESS, songs_txt, track_url
from emomusic.text import escape_formula, for_excel

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


def _choose_rows(songs: SongTable) -> npt.NDArray[np.int64]:
    """The row numbers of the songs that pass the visitor's filters, in the order of the table."""
    catalogue, digest = songs.catalogue, songs.digest
    # These widgets keep their values when the user opens another tab or page
    with st.container(horizontal=True, vertical_alignment="bottom"):
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
    passes = catalogue.matching(chosen(state.MUSIC_QUERY) or "") & catalogue.passing(
        genres=genres,
        decades=decades,
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


PAGE = 5
CLASSIFY = "What mood is this song?"
"""The title of the tab on one song."""

_PLAYING = state.music_widget("playing")  # the list and the song of the only player
_REFRESH = state.music_widget("refresh")  # whether the rest of the page has to change


def short_name(song: Song) -> str:
    """Title and artists in one line, for menus."""
    name = f"{song.title} · {song.byline}"
    return name if len(name) <= 60 else name[:59] + "…"


@st.fragment
def show_songs(
    songs: SongTable,
    rows: Sequence[int] | npt.NDArray[np.int64],
    *,
    name: str,
    can_ask: bool = False,
    plays_first: bool = True,
) -> None:
    """Show the first songs of a list with one player, and a button for more; see `show_lines`."""
    digest = digest_of(rows)
    key = state.music_widget("shown", name, songs.digest, digest)
    num_shown = int(st.session_state.get(key, PAGE))
    details: dict[Song, str] = {}
    for row in map(int, rows[:num_shown]):
        song = songs.catalogue.song(row)
        source = f" {share_text(songs.probabilities[row].max())}" if song.mood is None else ", labelled"
        details[song] = f"{MOODS[int(songs.moods[row])]}{source}"  # "happy 93 %", or "happy, labelled"
    can_explain = {song.id for song in details} if can_ask else set()
    show_lines(details, name=name, digest=digest, can_explain=can_explain, plays_first=plays_first)
    if len(rows) > num_shown:
        st.button(
            f"{min(PAGE, len(rows) - num_shown)} more of {len(rows) - num_shown:,}",
            icon=":material/queue_music:",
            key=state.music_widget("more", name),
            on_click=state.put,
            args=(key, num_shown + PAGE),
        )


# Streamlit centres a title that wraps
_LEFT = f"""<style>
div[class*="st-key-{state.music_widget("play")}-"] button p {{ text-align: left; }}
</style>"""


@st.fragment
def show_lines(
    details: Mapping[Song, str], *, name: str, digest: str, can_explain: Set[str], plays_first: bool = True
) -> None:
    """Show songs as text with one player. A click on a title plays the song and reruns only this list.

    Args:
        details: the songs, each with the Markdown below its title, such as its mood.
        name: of the list, unique on the page.
        digest: of the songs; the list is new if it changes.
        can_explain: ids of the songs with a button that opens their mood.
        plays_first: whether a new list has a player for its first song; else the player follows a click.
    """
    st.html(_LEFT)
    seen = state.music_widget("seen", name)
    if details and st.session_state.get(seen) != digest:
        st.session_state[seen] = digest
        if plays_first:
            _play(name, next(iter(details)).id)
    if st.session_state.pop(_REFRESH, False):
        st.rerun()  # another list shows a player, or another tab opens
    list_name, playing = st.session_state.get(_PLAYING, (None, None))
    for song, line in details.items():
        with st.container(gap=None):
            is_playing = (name, song.id) == (list_name, playing)
            _show_line(song, line, name, is_playing=is_playing, can_explain=song.id in can_explain)


def _play(name: str, track_id: str) -> None:
    """Move the page's only player to a song of a list."""
    before, _ = st.session_state.get(_PLAYING, (name, None))
    st.session_state[_PLAYING] = (name, track_id)
    if before != name:
        st.session_state[_REFRESH] = True


def _open_song(track_id: str) -> None:
    """Open the tab on the mood of one song."""
    choose({state.MUSIC_TAB: CLASSIFY, state.MUSIC_TRACK: track_id})
    st.session_state[_REFRESH] = True  # the tabs are outside this fragment


def _show_line(song: Song, details: str, name: str, *, is_playing: bool, can_explain: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if song.cover_url is not None:
            st.image(song.cover_url, alt=f"Cover of {song.title}", width=64)
        with st.container(gap=None):
            st.button(
                f"**{escape_markdown(song.title)}** · {escape_markdown(song.byline)}",
                icon=":material/music_note:" if is_playing else ":material/play_circle:",
                key=state.music_widget("play", name, song.id),
                on_click=_play,
                args=(name, song.id),
                type="tertiary",
            )
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                link = f" · [Open in Spotify]({track_url(song.id)})" if song.is_on_spotify else ""
                st.markdown(f"{details}{link}", width="content")
                if can_explain:
                    st.button(
                        "What mood is it?",
                        icon=":material/tune:",
                        key=state.music_widget("ask", name, song.id),
                        on_click=_open_song,
                        args=(song.id,),
                        type="tertiary",
                    )
    if not song.is_on_spotify or not is_playing:
        return
    if is_spotify_silent():
        show_substitute(None if isnan(song.valence) else song.point, place=name)
    else:
        show_player(song.id, song.full_name, place=name)


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
            "List",
            lambda: songs_txt(_pick(songs, int(row)) for row in unique_songs(songs, rows)),
            f"{name}.txt",
            icon=":material/notes:",
            key=state.music_widget("txt", name),
            help="Artists and titles as text, each song once",
        )


def _pick(songs: SongTable, row: int) -> Pick:
    mood, probability = MOODS[int(songs.moods[row])], float(songs.probabilities[row, songs.moods[row]])
    likeliest = MOODS[int(songs.probabilities[row].argmax())]
    return Pick(songs.catalogue.song(row), mood, probability, "chosen from the table", likeliest)


def describe_songs(songs: SongTable, rows: npt.NDArray[np.int64]) -> pd.DataFrame:
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


def table_csv(songs: SongTable, rows: npt.NDArray[np.int64]) -> bytes:
    """Songs as CSV for spreadsheets, with formulas escaped."""
    table = describe_songs(songs, rows).drop(columns="confidence")
    for position, mood in enumerate(MOODS):
        table[f"probability_{mood}"] = songs.probabilities[rows, position].round(4)
    for column in table.select_dtypes(exclude=["number", "bool"]).columns:
        table[column] = table[column].fillna("").astype(str).map(escape_formula)
    return for_excel(table.to_csv(index=False))


def describe_order(songs: SongTable, rows: npt.NDArray[np.int64], once: npt.NDArray[np.int64]) -> str:
    """The order of a list, and how many versions `unique_songs` left out, as the end of a sentence and a sentence."""
    order = ", best known first" if "popularity" in songs.catalogue.table and len(once) > 1 else ""
    if not (number := len(rows) - len(once)):
        return f"{order}."
    are = "is another version" if number == 1 else "are other versions"
    return f"{order}. {number:,} of them {are} of a song listed here."
