"""The tabs on the mood of one song.

The visitor's own audio file: its quadrant, its loudness, its path over the plane, its tags, and a face that fits. And a
song of the table, with sliders, the prediction and a reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from emomusic.affect import AffectPoint, list_shares
from emomusic.answer.others import SongAnswer
from emomusic.app.browser.components import mount
from emomusic.app.charts import roomy_columns, show_chart, show_tile
from emomusic.app.choices import MUSIC_TRACK
from emomusic.app.frame import escape_markdown, shown_errors
from emomusic.app.music.songs import SIMILAR, show_songs
from emomusic.app.page import Part, draw_parts
from emomusic.app.sources import YourMusic
from emomusic.app.state import STATES, page_state
from emomusic.app.uploads import keep_upload, show_uploader
from emomusic.charts.face import expression_uri
from emomusic.charts.music import change_bars, mood_bars, song_path, wave_times, waveform
from emomusic.errors import AudioError
from emomusic.media.audio_file import MAX_S, read_song, whole
from emomusic.media.formats import FORMATS, HEAD_BYTES, SONG_UPLOADS, Kind, mime_type_of
from emomusic.media.sound import PATCH_S, levels_of
from emomusic.server.capacity import HeldBytes
from emomusic.server.kept import Kept
from emomusic.server.sessions import WHEN_GONE
from emomusic.server.shared import visitor_turn
from emomusic.songs.hearing import load_sound_model
from emomusic.songs.listing import Songs, describe_moods, main_reason
from emomusic.songs.local_songs import bundled_songs
from emomusic.songs.mood import MOODS, MoodExplanation, explain_mood
from emomusic.songs.place import hearing_of, load_place_model
from emomusic.songs.request import nearest_emotion
from emomusic.songs.song import FEATURE_LABELS, FEATURE_NAMES, FEATURES, Hearing, Song
from emomusic.songs.stored_moods import mood_classifier
from emomusic.text import format_clock, join_names

MAX_MB = 100
_SAMPLES = ("feelings.mp3", "egypt.mp3", "armygeddon.mp3", "intro-sad.mp3")  # bundled songs, of each mood one

_MOST_PARTS = 24  # parts of the path; each takes up to 0.3 s of one core

Timeline: TypeAlias = tuple[tuple[float, float, float], ...]


@dataclass(eq=False)
class OwnSong(Kept):
    """The visitor's song and its analysis so far."""

    name: str = ""  # the name of the file; empty without one
    data: bytes = b""  # content of the file
    held: HeldBytes | None = None  # the bytes of `data` in the budget of the server; None for a song of the app
    title: str = ""  # the title of the song
    words: str = ""  # title, artists and length, in Markdown
    hearing: Hearing | None = None  # the analysis of its sound; None until it is known
    problem: str = ""  # why it cannot be read
    step_s: float = 0.0  # seconds between the parts of the path
    path: Timeline | None = None  # the way of the song over the plane; None until it is known
    levels: Sequence[float] = ()  # loudness of equal pieces of the parts, 0 to 1

    @property
    def held_thing(self) -> str:
        """The visitor's data in this session: "song"; empty without one."""
        return "song" if self.held else ""

    @property
    def answer(self) -> SongAnswer:
        """The answer to the known data."""
        assert self.hearing is not None  # the parts are drawn then
        return SongAnswer(self.hearing, self.path or ())


def show_own_song(_songs: Songs, _music: YourMusic) -> None:
    """Show the upload, and the mood of the uploaded song."""
    own = page_state(OwnSong)
    with st.container(key="own-song-drop"):  # its room is in `frame.css`
        show_uploader(
            f"Drop a song: {FORMATS[Kind.SONG]}, up to {MAX_MB} MB",
            "music_song_upload",
            _store,
            type=list(SONG_UPLOADS),
            max_upload_size=MAX_MB,
        )
    if not own.name:
        st.markdown("**Or hear one of these:**")
        songs = {Path(song.path or "").name: song for song in bundled_songs()}
        with st.container(horizontal=True, key="own-song-samples"):
            for name in _SAMPLES:
                song = songs[name]
                heard = hearing_of(song)
                assert heard is not None  # as of all bundled songs
                face = SongAnswer(heard).emotion
                label = f"**{song.title}**  \n{heard.mood}"
                options: dict[str, Any] = {"width": 200, "on_click": _take_sample, "args": (song.path,)}
                show_tile("scene", name, expression_uri(face), label, alt=face.adjective, **options)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption("See the mood of a song, its path over the plane, and a face that fits. It stays in memory.")
            with st.popover("Privacy", icon=":material/visibility:", type="tertiary"):
                st.markdown(f"The song is not stored or sent. It is deleted {WHEN_GONE}.")
        return
    with shown_errors():
        _show(own)
    if own.problem:
        _show_chip(own)


def _show_chip(own: OwnSong) -> None:
    """Show the name of the file on a button that removes it."""
    name, remove = escape_markdown(own.name), ((),)
    st.button(name, icon=":material/close:", on_click=_store, args=remove, key="own-song-chip", help="Remove the song")


def _take_sample(name: str) -> None:
    path = Path(name)
    st.session_state[STATES][OwnSong] = OwnSong(path.name, path.read_bytes())


def _store(files: Sequence[UploadedFile]) -> None:
    own = st.session_state[STATES][OwnSong] = OwnSong()
    for file in files:
        own.data, own.held = keep_upload(file)
        own.name = file.name
        own.offer()


def _show(own: OwnSong) -> None:
    """Show the answer as soon as it is known, then the path. Reruns hear nothing again.

    Raises:
        AudioError: the file cannot be read.
    """
    head = st.container(gap="small")
    with head, st.spinner("Listening to the song"):
        _hear(own)
    wave = st.container(key="own-song-wave", gap=None)
    plane, side = roomy_columns([3, 2], key="own-song", gap="large")
    draw_parts(OWN_SONG, own, {"head": head, "side": side, "wave": wave, "plane": plane, "note": st.container()})


def _draw_head(own: OwnSong) -> None:
    """The sentence, the title and the player."""
    st.header(own.answer.sentence, anchor=False)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(own.words, width="content")
        _show_chip(own)
        sound = mime_type_of(own.data[:HEAD_BYTES], own.name)
        st.container(key="own-song-sound").audio(own.data, format=sound, alt=own.title)


def _draw_side(own: OwnSong) -> None:
    """The face that fits, the moods and the tags."""
    answer = own.answer
    with st.container(horizontal=True, vertical_alignment="center", key="own-song-face"):
        st.html(f'<img alt="" width="96" src="{expression_uri(answer.emotion)}">', width="content")
        st.markdown(f"**{answer.face}** It changes while the song plays.")
    alt = f"Probabilities: {list_shares(answer.hearing.moods)}"
    show_chart(mood_bars(answer.hearing.moods), key="music-own-quadrants", alt=alt)
    if answer.traits:
        st.markdown(f"**Heard:** {answer.traits}")
    st.markdown(f"**Tags:** {answer.tags}")


_SOUND = ".st-key-own-song-sound audio"


def _draw_wave(own: OwnSong) -> None:
    """The loudness of the song with its moods, if it has parts. A click plays from there."""
    with st.spinner("Following its mood through the song"):
        path = _follow(own)
    if not path:
        return
    alt = f"Loudness and moods of the song in {len(own.levels)} parts"
    show_chart(waveform(own.levels, path), key="music-own-wave", alt=alt)
    times = [(time_s, time_s, 0) for time_s in wave_times(own.levels, path)]
    data = {"path": times, "chart": ".st-key-music-own-wave .js-plotly-plot", "sound": _SOUND}
    mount("note", key="own-song-head", data=data)


def _draw_plane(own: OwnSong) -> None:
    """The path of the song over the plane; a dot and the face move with its player."""
    path = _follow(own)
    with st.container(key="own-song-path", gap=None, height="stretch"):  # its height is in `page.css`
        show_chart(
            song_path(path, own.answer.hearing),
            key="music-own-path",
            alt=f"The path of the song over the affect plane in {len(path)} parts",
            height="stretch",
        )
        faces = [nearest_emotion(AffectPoint(valence, arousal)) for _, valence, arousal in path]
        data = {
            "path": path, "chart": ".st-key-music-own-path .js-plotly-plot", "sound": _SOUND, "faces": faces,
            "drawings": {face: expression_uri(face) for face in {*faces}}, "face": ".st-key-own-song-face img",
        }  # fmt: skip
        mount("note", key="own-song-note", data=data)


OWN_SONG: list[Part[OwnSong]] = [
    Part("head", _draw_head),
    Part("side", _draw_side),
    Part("wave", _draw_wave),
    Part("plane", _draw_plane),
    Part("note", lambda own: st.caption(own.answer.note)),
]


def _hear(own: OwnSong) -> None:
    if own.problem:
        raise AudioError(own.problem)
    if own.hearing is None:
        try:
            with visitor_turn():
                song = read_song(own.data, own.name)
        except AudioError as error:
            own.problem = str(error)
            raise
        artists = f" by {escape_markdown(join_names(song.artists))}" if song.artists else ""
        own.title = song.title
        own.words = f"**{escape_markdown(song.title)}**{artists}, {format_clock(song.duration_s)}"
        if song.note is not None:
            own.words += f"\n\n:material/warning: {escape_markdown(song.note)}"
        heard = load_sound_model().analyse(song.windows, visitor_turn)
        hearing = load_place_model().placed(heard, song.genres, song.artists)
        own.step_s = max(min(song.duration_s, MAX_S) / _MOST_PARTS, PATCH_S)
        if len(song.windows) == 1:  # a short song was heard as a whole
            own.path, own.levels = hearing.timeline, levels_of(song.windows, len(hearing.timeline))
        own.hearing = hearing


def _follow(own: OwnSong) -> Timeline:
    """The path of the song over the plane."""
    if own.path is None:
        with visitor_turn():
            parts = tuple(whole(own.data, own.step_s, own.name))
        own.path = load_sound_model().analyse(parts, visitor_turn).timeline
        own.levels = levels_of(parts, len(own.path))
    return own.path


_NUM_OPTIONS = 30


def show_one_song(songs: Songs, music: YourMusic) -> None:
    """Show a song of the table, its sliders, the probabilities and the nearest songs."""
    if not songs.catalogue.has_features:
        st.caption("Not all songs of this table have the audio features that explain their moods.")
        return
    song = _draw_song_menu(songs)
    row = songs.catalogue.row_of(song.id)
    assert row is not None  # a song of this catalogue
    start = songs.catalogue.features[row]
    values, features = _slider_values(songs, song, start), start.copy()
    for column, (key, value) in enumerate(values.items()):  # before the sliders: nothing may be inserted above them
        if st.session_state.setdefault(key, value) != value:
            features[column] = st.session_state[key]
    moved = bool((features != start).any())
    reference = start if moved else np.median(songs.catalogue.features, axis=0)

    def predict(inputs: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
        predicted = mood_classifier().predict_probabilities(inputs)
        return load_place_model().moods_of_variants(song, inputs[:, : len(FEATURE_NAMES)], predicted)

    charts, sliders = roomy_columns([3, 2], key="what-if", gap="large")  # the answer stays visible, see `page.css`
    with sliders:  # first: the answer takes a second at first
        _draw_sliders(values, moved=moved)
    with charts, st.spinner("Asking the network"):
        answer = explain_mood(predict, features, start, reference, duration_s=song.duration_s)
    with charts:
        _show_answer(song, answer, main_reason(answer, features, reference, moved=moved), moved=moved)
    st.markdown("**Most similar songs**")
    show_songs(songs, songs.similar(row, features), SIMILAR, music)


def _draw_song_menu(songs: Songs) -> Song:
    """The song in the address, else the best known one; the search of the page leads to others."""
    options = [songs.catalogue.song(int(row)) for row in songs.known_first[:_NUM_OPTIONS]]
    current = songs.catalogue.find(MUSIC_TRACK.value or "") or options[0]
    names = {option.id: f"{option.title} · {option.byline}" for option in (current, *options)}
    # Streamlit treats options of one name as the same, so each name has one id: the current song's, else the first
    id_of_name = {name: song_id for song_id, name in reversed(names.items())}
    ids = list(reversed(id_of_name.values()))
    key = f"music-start-{songs.token}-{current.id}"
    st.selectbox(
        "Song" if MUSIC_TRACK.value else "Example song",
        ids,
        index=ids.index(current.id),
        format_func=names.__getitem__,
        key=key,
        on_change=lambda: MUSIC_TRACK.set(st.session_state[key]),
        width=560,
    )
    return current


def _slider_values(songs: Songs, song: Song, start: npt.NDArray[np.float64]) -> dict[str, float]:
    """The values of a song as its sliders show them, by key. An untouched slider keeps the song's exact value."""
    return {
        f"music-slide-{songs.token}-{song.id}-{feature.name}": float(
            np.clip(round(value, feature.num_digits), feature.low, feature.high)
        )
        for value, feature in zip(start.tolist(), FEATURES.values(), strict=True)
    }


def _draw_sliders(values: Mapping[str, float], *, moved: bool) -> None:
    """Show nine sliders, whose values are set through the session only: "Reset to song" sets them too."""
    for key, feature in zip(values, FEATURES.values(), strict=True):
        st.slider(
            feature.titled,
            feature.low,
            feature.high,
            step=10.0**-feature.num_digits,
            format=f"%.{feature.num_digits}f",
            key=key,
            help=feature.description.capitalize(),
            persist_state="session",
        )
    st.button(
        "Reset to song",
        icon=":material/undo:",
        key="music-undo",
        on_click=st.session_state.update,
        args=(values,),
        disabled=not moved,
    )


def _show_answer(song: Song, answer: MoodExplanation, reason: str, *, moved: bool) -> None:
    shares = dict(zip(map(str, MOODS), answer.probabilities.tolist(), strict=True))
    with st.container(key="music-sentence", gap="xsmall"):
        st.header(describe_moods(answer.probabilities), anchor=False)
        bars = mood_bars(shares, answer.start if moved else None)
        show_chart(bars, key="music-probabilities", alt=f"Probabilities: {list_shares(shares)}")
    label = f" Its label is **{song.mood}**." if song.mood is not None else ""
    title = f"**{escape_markdown(song.title)}** by {escape_markdown(song.byline)}"
    st.markdown(f"{title}, with changed features.{label}" if moved else f"{title}.{label}")
    st.markdown(f"**{'Reason for the change' if moved else 'Reason for this mood'}:** {reason}")
    changes = -answer.influences
    show_chart(
        change_bars(changes, str(answer.mood)),
        key="music-influences",
        alt=f"Change of {answer.mood} without each feature, in percentage points: "
        + ", ".join(f"{name} {value:+.0f}" for name, value in zip(FEATURE_LABELS, changes, strict=True)),
    )
    reference = "its value in the song" if moved else "the median of this table"
    lines = " The lines above mark the unchanged song." if moved else ""
    st.caption(
        f"Each bar is the change of *{answer.mood}* in percentage points if only this feature changes to {reference}. "
        f"Features interact, so the bars do not add up.{lines}"
    )
