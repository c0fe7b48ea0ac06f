"""Music for a place on the plane: the policy, the circumplex, the players, and more of them."""

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
_MOST_SONGS = 30  # each has a player, a page of its own in the browser

_ADVENTURES = {"well known": 0.0, "familiar": 0.2, "any": 0.6, "adventurous": 1.0}
_TEMPO_RANGE = (40, 220)
_OPTIONS: Mapping[str, Any] = {
    state.ADVENTURE: "familiar",
    state.GENRES: [],
    state.DECADES: [],
    state.TEMPO: _TEMPO_RANGE,
    state.HIDE_EXPLICIT: False,
    state.SEED: 0,
}
"""As they are at first. The session has them, under fresh names, so that one press can take them back."""

_POLICY_WORDS = {
    Policy.MATCH: "Songs that are where {who}: {mood} ones.",
    Policy.SOOTHE: "Songs that do you good, by the table of the Music Mood Lifter: {mood} ones for {emotion}.",
    Policy.JOURNEY: "Starts where {who} and walks to {mood} songs in even steps.",
}


_WHO = {ALL: "the faces are", NOW: "that moment was", YOU: "you are"}
"""By the listener's label: how the one is called whom the songs are for; else it is one face."""

_CIRCLES = {
    ALL: 'Circles are the faces, numbered as above, and "all" is their mean',
    NOW: "The circle is that moment",
    YOU: "The circle is you",
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
    num_pages = 1 + int(st.session_state.get(state.songs_page(_request_key(request)), 0))
    *pages, more = [recommender.songs(request, NUM_SONGS, page=page) for page in range(num_pages + 1)]
    songs = [song for page in pages for song in page]
    st.caption(_sentence(listener, request, songs))

    chart, players = roomy_columns([2, 3], key="songs", gap="large")
    with chart:
        # More of a journey is another walk from the start, and one line through both would be neither
        shown = pages[-1] if request.policy is Policy.JOURNEY else songs
        _show_plane(listener, others, shown, request, first=len(songs) - len(shown) + 1)
    with players:
        if songs:
            _show_pages(pages, request)
            _offer_more(request, num_pages, is_over=not more)
        else:
            _say_none_left(request)
    return songs, request


def _sentence(listener: Listener, request: Request, songs: Sequence[Song]) -> str:
    """What the songs are, in the words of the policy."""
    _, mood = target_of(request)
    if request.policy is not Policy.JOURNEY and request.mood is not None:
        sentence = f"Songs of the mood you chose: {mood}. Match and Soothe come to the same here."
    else:
        emotion = listener.emotion or nearest_emotion(listener.point)
        whose = "faces that are" if listener.label == ALL else "a face that is"
        sentence = _POLICY_WORDS[request.policy].format(
            mood=mood, emotion=f"{whose} {emotion.adjective}", who=_WHO.get(listener.label, "the face is")
        )
    few = [] if request.policy is Policy.JOURNEY else describe_few(songs, mood)
    return " ".join([sentence, *few])


def describe_few(songs: Sequence[Song], mood: Mood) -> list[str]:
    """A sentence where most of the songs are found to have another mood than they were chosen for; else none."""
    if 2 * sum(song.likeliest == mood for song in songs) >= len(songs):
        return []
    return [f"Few songs are found to be {mood}; these come nearest."]


def _ask(listener: Listener, catalogue: Catalogue) -> Request:
    """Let the visitor choose the policy and the filters; those that the table knows nothing of are not offered."""
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
        num_changed = sum(
            st.session_state.setdefault(state.fresh(key), default) != default for key, default in _OPTIONS.items()
        )
        label = f"Options · {num_changed}" if num_changed else "Options"
        options = st.popover(label, icon=":material/tune:", key="song-options")
    with options:  # they hold while another page is looked at
        known = st.select_slider(
            "Which songs", list(_ADVENTURES), key=state.fresh(state.ADVENTURE), persist_state="session"
        )
        genres: list[str] = []
        if there := catalogue.genres:
            genres = st.multiselect("Only these genres", there, key=state.fresh(state.GENRES), persist_state="session")
        decades: list[int] = []
        if begun := catalogue.decades:
            decades = st.multiselect(
                "Only these decades",
                begun,
                format_func=lambda d: f"{d}s",
                key=state.fresh(state.DECADES),
                persist_state="session",
            )
        st.slider("Tempo, beats a minute", *_TEMPO_RANGE, step=5, key=state.fresh(state.TEMPO), persist_state="session")
        tempo: tuple[int, int] = st.session_state[state.fresh(state.TEMPO)]  # a range, since it was one at first
        hide_explicit = choose_explicit(catalogue)
        seed_help = "Another number, another choice among songs that fit alike"
        seed = st.number_input("Shuffle", 0, 9999, key=state.fresh(state.SEED), help=seed_help, persist_state="session")
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


def _take_options_back() -> None:
    for key in _OPTIONS:
        state.renew(key)


def choose_explicit(catalogue: Catalogue) -> bool:
    """Offer to leave out explicit songs, where the table knows which they are; tells whether they are left out."""
    return "explicit" in catalogue.table and st.toggle(
        "Leave out explicit songs", key=state.fresh(state.HIDE_EXPLICIT), persist_state="session"
    )


def _request_key(request: Request) -> str:
    return str(hash(request))


def _show_pages(pages: Sequence[Sequence[Song]], request: Request) -> None:
    first = 1
    for songs in pages:
        if first > 1 and request.policy is Policy.JOURNEY:
            st.caption("Another walk from the start:")
        list_songs(songs, first=first)
        first += len(songs)


def _offer_more(request: Request, num_pages: int, *, is_over: bool) -> None:
    if is_over:
        st.caption("These are all songs that fit.")
    elif num_pages * NUM_SONGS >= _MOST_SONGS:
        st.caption("Another number for Shuffle, under Options, gives others.")
    else:
        key = state.songs_page(_request_key(request))
        st.button("More songs", icon=":material/queue_music:", on_click=state.put, args=(key, num_pages))


def _say_none_left(request: Request) -> None:
    """Say which options leave no song, and offer a way out of them."""
    words = [*sorted(request.genres), *(f"{decade}s" for decade in sorted(request.decades))]
    if request.tempo_bpm is not None:
        words.append("{:g} to {:g} beats a minute".format(*request.tempo_bpm))
    if request.hide_explicit:
        words.append("nothing explicit")
    st.info(f"No song is left under these options: {', '.join(words)}.")
    st.button("Take all options back", icon=":material/undo:", type="primary", on_click=_take_options_back)


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
        f"{listener.point.arousal:.2f}, and {len(songs)} songs around it",
    )
    circles = _CIRCLES.get(listener.label, "Circles are the faces, numbered as above")
    squares = (
        "; squares are the songs, numbered as in the list; all set beside each other where they would overlap"
        if songs
        else ""
    )
    # The other policies, and a mood chosen by hand, do not go by the quadrant
    by_place = request.policy is Policy.MATCH and request.mood is None
    ring = " Inside the dotted ring songs are chosen as for a neutral face." if by_place else ""
    st.caption(f"{circles}{squares}.{ring}")


def song_points(songs: Sequence[Song], *, first: int = 1) -> list[SongPoint]:
    """Songs on the plane, each in the colour of the mood that its reason tells; `first` is the number of the first."""
    return [
        SongPoint(number, song.track.full_name, song.point, song.likeliest or song.mood)
        for number, song in enumerate(songs, first)
    ]


def list_songs(songs: Sequence[Song], *, first: int = 1, name: str = "songs") -> None:
    """A list of songs, each with why it was chosen, a link and its player.

    Args:
        songs: in their order.
        first: the number of the first of them.
        name: of the list on this page.
    """
    for number, song in enumerate(songs, first):
        track = song.track
        with st.container(gap="xsmall"):
            st.markdown(
                f"**{number}. {escape_markdown(track.title)}** · {escape_markdown(track.byline)}  \n"
                f"{escape_markdown(song.reason)} · {spotify_link(track.id)}"
            )
            show_player(track.id, track.full_name, place=(name, number))
