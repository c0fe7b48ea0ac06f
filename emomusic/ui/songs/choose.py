"""Songs for a point on the plane: policy, filters, circumplex and players."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from emomusic.affect import Mood
from emomusic.music.catalogue import Catalogue
from emomusic.music.recommend import Song
from emomusic.music.request import Policy, Request, nearest_emotion, target_of
from emomusic.plots.affect import FacePoint, SongPoint, circumplex
from emomusic.ui.core import state
from emomusic.ui.core.charts import roomy_columns, show_chart
from emomusic.ui.core.engine import engine
from emomusic.ui.core.frame import escape_markdown
from emomusic.ui.songs.listener import ALL, NOW, YOU, Listener
from emomusic.ui.songs.players import show_player, spotify_link

NUM_SONGS = 5
_MAX_SONGS = 30  # each player loads a separate page in the browser

_ADVENTURES = {"well known": 0.0, "familiar": 0.2, "any": 0.6, "adventurous": 1.0}
_TEMPO_RANGE = (40, 220)
_DEFAULTS: Mapping[str, Any] = {
    state.ADVENTURE: "familiar",
    state.GENRES: [],
    state.DECADES: [],
    state.TEMPO: _TEMPO_RANGE,
    state.HIDE_EXPLICIT: False,
    state.SEED: 0,
}
"""Defaults of the options, kept so that Reset can restore them."""

_POLICY_SENTENCES = {
    Policy.MATCH: "Songs near {whose} valence and arousal. Mood: {mood}.",
    Policy.SOOTHE: "Songs to improve the mood: {mood} ones for {emotion}, as the Music Mood Lifter recommends.",
    Policy.JOURNEY: "The songs start at {whose} valence and arousal and move to {mood} songs in even steps.",
}

_WHOSE = {ALL: "the faces'", NOW: "that moment's", YOU: "your"}
"""The possessive of the listener, by label; "the face's" for a face number."""

_CIRCLES = {ALL: 'Circles are faces; "all" is their mean', NOW: "The circle is that moment", YOU: "The circle is you"}
"""The caption of the circles on the plane, by label."""


def choose_songs(listener: Listener, others: Sequence[FacePoint] = ()) -> tuple[list[Song], Request]:
    """Show the policy, the plane and the players; returns the shown songs and their request.

    Args:
        listener: the person or group the songs are for.
        others: other faces on the plane.
    """
    st.header("Recommended songs", anchor=False)
    with st.spinner("Loading the songs"):
        recommender = engine().recommender()
    request = _ask(listener, recommender.catalogue)
    num_pages = 1 + int(st.session_state.get(state.songs_page(_request_key(request)), 0))
    *pages, more = [recommender.songs(request, NUM_SONGS, page=page) for page in range(num_pages + 1)]
    songs = [song for page in pages for song in page]
    st.caption(_sentence(listener, request, songs))

    chart, players = roomy_columns([2, 3], key="songs", gap="large")
    with chart:
        # Each page of a journey is a separate path from the start, so the plane shows the last one only
        shown = pages[-1] if request.policy is Policy.JOURNEY else songs
        _show_plane(listener, others, shown, request, first=len(songs) - len(shown) + 1)
    with players:
        if songs:
            _show_pages(pages, request)
            _show_more_button(request, num_pages, is_last=not more)
        else:
            _show_no_songs(request)
    return songs, request


def _sentence(listener: Listener, request: Request, songs: Sequence[Song]) -> str:
    """Describe the songs under their policy."""
    _, mood = target_of(request)
    if request.policy is not Policy.JOURNEY and request.mood is not None:
        sentence = f"Songs of the mood you chose: {mood}. Match and Soothe give the same songs here."
    else:
        emotion = listener.emotion or nearest_emotion(listener.point)
        subject = "faces that are" if listener.label == ALL else "a face that is"
        sentence = _POLICY_SENTENCES[request.policy].format(
            mood=mood, emotion=f"{subject} {emotion.adjective}", whose=_WHOSE.get(listener.label, "the face's")
        )
    few = [] if request.policy is Policy.JOURNEY else describe_few(songs, mood)
    return " ".join([sentence, *few])


def describe_few(songs: Sequence[Song], mood: Mood) -> list[str]:
    """A sentence if fewer than half of the songs have the requested mood; else an empty list."""
    if 2 * sum(song.likeliest == mood for song in songs) >= len(songs):
        return []
    return [f"Few songs are {mood}. These are the closest."]


def _ask(listener: Listener, catalogue: Catalogue) -> Request:
    """Let the visitor choose the policy and the filters; filters without data in the table are hidden."""
    with st.container(horizontal=True, vertical_alignment="center"):
        policy = st.segmented_control(
            "How to choose songs",
            [policy.capitalize() for policy in Policy],  # also the values in the URL
            default=Policy.MATCH.capitalize(),
            required=True,
            key=state.POLICY,
            bind="query-params",
            label_visibility="collapsed",
        )
        num_changed = sum(
            st.session_state.setdefault(state.fresh(key), default) != default for key, default in _DEFAULTS.items()
        )
        label = f"Options · {num_changed}" if num_changed else "Options"
        options = st.popover(label, icon=":material/tune:", key="song-options")
    with options:  # the session keeps the values while another page is shown
        familiarity = st.select_slider(
            "Familiarity", list(_ADVENTURES), key=state.fresh(state.ADVENTURE), persist_state="session"
        )
        genres: list[str] = []
        if names := catalogue.genres:
            genres = st.multiselect("Genres", names, key=state.fresh(state.GENRES), persist_state="session")
        decades: list[int] = []
        if first_years := catalogue.decades:
            decades = st.multiselect(
                "Decades",
                first_years,
                format_func=lambda d: f"{d}s",
                key=state.fresh(state.DECADES),
                persist_state="session",
            )
        st.slider("Tempo (BPM)", *_TEMPO_RANGE, step=5, key=state.fresh(state.TEMPO), persist_state="session")
        tempo: tuple[int, int] = st.session_state[state.fresh(state.TEMPO)]  # a range, like its default
        hide_explicit = choose_explicit(catalogue)
        seed_help = "Another number gives other songs that match equally well."
        seed = st.number_input("Shuffle", 0, 9999, key=state.fresh(state.SEED), help=seed_help, persist_state="session")
    return Request(
        point=listener.point,
        emotion=listener.emotion,
        mood=listener.mood,
        policy=Policy(policy.lower()),
        seed=int(seed),
        hide_explicit=hide_explicit,
        adventure=_ADVENTURES[familiarity],
        genres=frozenset(genres),
        decades=frozenset(decades),
        tempo_bpm=None if tempo == _TEMPO_RANGE else tempo,
    )


def _reset_options() -> None:
    for key in _DEFAULTS:
        state.renew(key)


def choose_explicit(catalogue: Catalogue) -> bool:
    """Offer to hide explicit songs if the table marks them; returns whether they are hidden."""
    return "explicit" in catalogue.table and st.toggle(
        "Hide explicit songs", key=state.fresh(state.HIDE_EXPLICIT), persist_state="session"
    )


def _request_key(request: Request) -> str:
    return str(hash(request))


def _show_pages(pages: Sequence[Sequence[Song]], request: Request) -> None:
    first = 1
    for songs in pages:
        if first > 1 and request.policy is Policy.JOURNEY:
            st.caption("Another journey from the start:")
        list_songs(songs, first=first)
        first += len(songs)


def _show_more_button(request: Request, num_pages: int, *, is_last: bool) -> None:
    if is_last:
        st.caption("No more songs match.")
    elif num_pages * NUM_SONGS >= _MAX_SONGS:
        st.caption("For other songs, change the Shuffle number under Options.")
    else:
        key = state.songs_page(_request_key(request))
        st.button("More songs", icon=":material/queue_music:", on_click=state.put, args=(key, num_pages))


def _show_no_songs(request: Request) -> None:
    """Name the options that exclude all songs, and offer to reset them."""
    words = [*sorted(request.genres), *(f"{decade}s" for decade in sorted(request.decades))]
    if request.tempo_bpm is not None:
        words.append("{:g} to {:g} BPM".format(*request.tempo_bpm))
    if request.hide_explicit:
        words.append("no explicit songs")
    st.info(f"No song matches these options: {', '.join(words)}.")
    st.button("Reset all options", icon=":material/undo:", type="primary", on_click=_reset_options)


def _show_plane(
    listener: Listener, others: Sequence[FacePoint], songs: Sequence[Song], request: Request, *, first: int
) -> None:
    emotion = listener.emotion or nearest_emotion(listener.point)
    faces = [other for other in others if other.label != listener.label]
    faces.append(FacePoint(listener.label, listener.point, emotion))
    show_chart(
        circumplex(faces, song_points(songs, first=first), path=request.policy is Policy.JOURNEY),
        key="plane",
        alt=f"The affect plane: the listener at valence {listener.point.valence:.2f} and arousal "
        f"{listener.point.arousal:.2f}, and {len(songs)} songs",
    )
    circles = _CIRCLES.get(listener.label, "Circles are faces, with their numbers")
    squares = "; squares are songs, with their numbers in the list. Overlapping marks are moved apart" if songs else ""
    # The other policies and a chosen mood do not use the quadrant
    uses_quadrant = request.policy is Policy.MATCH and request.mood is None
    ring = " Inside the dotted ring, songs are chosen as for a neutral face." if uses_quadrant else ""
    st.caption(f"{circles}{squares}.{ring}")


def song_points(songs: Sequence[Song], *, first: int = 1) -> list[SongPoint]:
    """Songs as points on the plane, coloured by the mood of their reason; `first` is the first number."""
    return [
        SongPoint(number, song.track.full_name, song.point, song.likeliest or song.mood)
        for number, song in enumerate(songs, first)
    ]


def list_songs(songs: Sequence[Song], *, first: int = 1, name: str = "songs") -> None:
    """Show songs, each with its reason, a link and a player.

    Args:
        songs: in display order.
        first: number of the first song.
        name: unique name of the list on its page.
    """
    for number, song in enumerate(songs, first):
        track = song.track
        with st.container(gap="xsmall"):
            st.markdown(
                f"**{number}. {escape_markdown(track.title)}** · {escape_markdown(track.byline)}  \n"
                f"{escape_markdown(song.reason)} · {spotify_link(track.id)}"
            )
            show_player(track.id, track.full_name, place=(name, number))
