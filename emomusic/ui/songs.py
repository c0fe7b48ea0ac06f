"""Music for a place on the plane: the policy, the circumplex, the players, and more of them."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from emomusic.affect import Emotion
from emomusic.music.catalogue import Catalogue
from emomusic.music.recommend import Policy, Request, Song, nearest_emotion, target_of
from emomusic.music.spotify import track_url
from emomusic.plots.affect import FacePoint, SongPoint, circumplex
from emomusic.ui import state
from emomusic.ui.charts import show_chart
from emomusic.ui.engine import engine
from emomusic.ui.frame import plain
from emomusic.ui.layout import roomy_columns
from emomusic.ui.players import show_player
from emomusic.ui.readings import Listener

NUM_SONGS = 5

_ADVENTURES = {"well known": 0.0, "familiar": 0.2, "any": 0.6, "adventurous": 1.0}
_TEMPO_RANGE = (40, 220)

_POLICY_WORDS = {
    Policy.MATCH: "Songs that are where {who}: {mood} ones.",
    Policy.SOOTHE: "Songs that do you good, by the table of the Music Mood Lifter: {mood} ones for {emotion}.",
    Policy.JOURNEY: "Starts where {who} and walks to {mood} songs in even steps.",
}


_WHO = {"all": "the faces are", "now": "that moment was", "you": "you are"}
"""By the listener's label: how the one is called whom the songs are for; else it is one face."""

_CIRCLES = {
    "all": 'Circles are the faces, numbered as above, and "all" is their mean',
    "now": "The circle is that moment",
    "you": "The circle is you",
}
"""Likewise: what stands on the plane."""


def choose_songs(listener: Listener, others: Sequence[FacePoint] = ()) -> tuple[list[Song], Request]:
    """Show how songs are chosen, the plane and the players; returns what is on the screen.

    Args:
        listener: whom the music is for.
        others: further faces to show on the plane.
    """
    st.header("Music for it", anchor=False)
    with st.spinner("Loading the songs"):
        recommender = engine().recommender()
    request = _ask(listener, recommender.catalogue)
    _, mood = target_of(request)
    emotion: Emotion = listener.emotion or nearest_emotion(listener.point)
    is_chosen = listener.mood is not None and request.policy is not Policy.JOURNEY
    sentence = f"Songs of the mood you chose: {mood}." if is_chosen else _POLICY_WORDS[request.policy]
    who = _WHO.get(listener.label, "the face is")
    whose = "faces that are" if listener.label == "all" else "a face that is"
    st.caption(sentence.format(mood=mood, emotion=f"{whose} {emotion.adjective}", who=who))

    page = _page_of(request)
    songs = recommender.songs(request, NUM_SONGS, page=page)
    is_journey = request.policy is Policy.JOURNEY
    first = 1 if is_journey else page * NUM_SONGS + 1  # more of a journey is another walk from the start
    chart, players = roomy_columns([2, 3], key="songs", gap="large")
    with chart:
        _show_plane(listener, others, songs, request, first=first)
    with players:
        show_players(songs, first=first)
        if songs and page > 0:
            st.caption(f"Walk {page + 1}." if is_journey else f"Songs {first} to {first + len(songs) - 1} of the list.")
        more = bool(recommender.songs(request, NUM_SONGS, page=page + 1))
        _buttons(request, page, has_songs=bool(songs), more=more)
    return songs, request


def _ask(listener: Listener, catalogue: Catalogue) -> Request:
    """Let the visitor choose the policy and the filters; those that the table knows nothing of are not offered."""
    table = catalogue.table
    with st.container(horizontal=True, vertical_alignment="center"):
        policy = st.segmented_control(
            "What the music should do",
            [policy.capitalize() for policy in Policy],  # as they stand in the address too
            default=Policy.MATCH.capitalize(),
            required=True,
            key=state.POLICY,
            bind="query-params",
            label_visibility="collapsed",
        )
        options = st.popover("Options", icon=":material/tune:")
    with options:  # they hold while another page is looked at
        known = st.select_slider(
            "Which songs", list(_ADVENTURES), value="familiar", key=state.ADVENTURE, persist_state="session"
        )
        genres: list[str] = []
        if "genre" in table:
            there = sorted(table["genre"].dropna().unique())
            genres = st.multiselect("Only these genres", there, key=state.GENRES, persist_state="session")
        decades: list[int] = []
        if "year" in table and (begun := sorted({int(year) // 10 * 10 for year in table["year"].dropna()})):
            decades = st.multiselect(
                "Only these decades", begun, format_func=lambda d: f"{d}s", key=state.DECADES, persist_state="session"
            )
        tempo = st.slider(
            "Tempo, beats a minute", *_TEMPO_RANGE, _TEMPO_RANGE, step=5, key=state.TEMPO, persist_state="session"
        )
        hide_explicit = choose_explicit(catalogue)
        seed_help = "Another number, another choice among songs that fit alike"
        seed = st.number_input("Shuffle", 0, 9999, key=state.SEED, help=seed_help, persist_state="session")
    return Request(
        point=listener.point,
        emotion=listener.emotion,
        mood=listener.mood,
        policy=Policy(policy.lower()),
        seed=int(seed),
        hide_explicit=hide_explicit,
        adventure=_ADVENTURES[known],
        genres=frozenset(genres),
        decades=frozenset(decades),
        tempo_bpm=None if tempo == _TEMPO_RANGE else tempo,
    )


def choose_explicit(catalogue: Catalogue) -> bool:
    """Offer to leave out explicit songs, where the table knows which they are; tells whether they are left out."""
    return "explicit" in catalogue.table and st.toggle(
        "Leave out explicit songs", key=state.HIDE_EXPLICIT, persist_state="session"
    )


def _request_key(request: Request) -> str:
    return str(hash(request))


def _page_of(request: Request) -> int:
    return int(st.session_state.get(state.songs_page(_request_key(request)), 0))


def _turn_to(request: Request, page: int) -> None:
    st.session_state[state.songs_page(_request_key(request))] = page


def _buttons(request: Request, page: int, *, has_songs: bool, more: bool) -> None:
    with st.container(horizontal=True):
        if page > 0:
            st.button("Back", icon=":material/arrow_back:", on_click=_turn_to, args=(request, page - 1))
        if more:
            st.button("More songs", icon=":material/queue_music:", on_click=_turn_to, args=(request, page + 1))
        elif has_songs:
            st.caption("These are the last songs that fit.")


def _show_plane(
    listener: Listener, others: Sequence[FacePoint], songs: Sequence[Song], request: Request, *, first: int
) -> None:
    emotion = listener.emotion or nearest_emotion(listener.point)
    faces = [other for other in others if other.label != listener.label]
    faces.append(FacePoint(listener.label, listener.point, emotion))
    points = [SongPoint(n, f"{s.track.title}, {s.track.byline}", s.point, s.mood) for n, s in enumerate(songs, first)]
    show_chart(
        circumplex(faces, points, path=request.policy is Policy.JOURNEY),
        key="plane",
        alt=f"The affect plane: the listener at valence {listener.point.valence:.2f} and arousal "
        f"{listener.point.arousal:.2f}, and {len(songs)} songs around it",
    )
    circles = _CIRCLES.get(listener.label, "Circles are the faces, numbered as above")
    # The other policies, and a mood chosen by hand, do not go by the quadrant
    by_place = request.policy is Policy.MATCH and request.mood is None
    ring = " Inside the dotted ring songs are chosen as for a neutral face." if by_place else ""
    st.caption(
        f"{circles}; squares are the songs, numbered as in the list; all set beside each other where they would "
        f"overlap.{ring}"
    )


def show_players(songs: Sequence[Song], *, first: int = 1, name: str = "songs") -> None:
    """A list of songs, each with why it was chosen, a link and its player.

    Args:
        songs: in their order.
        first: the number of the first of them.
        name: of the list on this page.
    """
    if not songs:
        st.info("No song is left under these options. Loosen a filter, or choose another mood.")
    for number, song in enumerate(songs, first):
        track = song.track
        with st.container(gap="xsmall"):
            st.markdown(
                f"**{number}. {plain(track.title)}** · {plain(track.byline)}  \n"
                f"{plain(song.reason)} · [Open in Spotify]({track_url(track.id)})"
            )
            show_player(track.id, f"{track.title}, {track.byline}", place=(name, number - first))
