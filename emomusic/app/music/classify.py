"""The tab on the mood of one song: the visitor's own; or of the table, with sliders, the prediction and a reason."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import streamlit as st

from emomusic.affect import describe_shares, list_shares
from emomusic.app import state
from emomusic.app.address import choose, chosen
from emomusic.app.charts import show_chart
from emomusic.app.frame import escape_markdown
from emomusic.app.music.own_song import show_own_song
from emomusic.app.music.songs import SIMILAR, Songs, show_songs
from emomusic.charts.music import influence_bars, mood_bars
from emomusic.songs.features import FEATURE_LABELS, FEATURE_NAMES, FEATURES
from emomusic.songs.mood import MOODS, MoodExplanation, explain_mood, nearest_rows
from emomusic.songs.song import Song
from emomusic.songs.stored_moods import mood_classifier

_SENTENCE = state.music_widget("sentence")
_NUM_OPTIONS = 30
_NUM_NEAREST = 5


def describe_moods(probabilities: npt.NDArray[np.float32]) -> str:
    """A description of the probabilities, for example "Mostly happy, perhaps energetic"."""
    return describe_shares([mood.value for mood in MOODS], probabilities.tolist())


def show_one_song(songs: Songs) -> None:
    """Show the visitor's own song; then a song of the table, its sliders, the probabilities and the nearest songs."""
    show_own_song()
    st.divider()
    if not songs.catalogue.has_features:
        st.caption("The songs of this table have no audio features to explain their moods.")
        return
    st.markdown("**Or a song of the table, by its features**")
    song = _choose_song(songs)
    row = songs.catalogue.row_of(song.id)
    assert row is not None  # a song of this catalogue
    start = songs.features[row]
    _fix_heading_on_phones()
    sentence = st.container(key=_SENTENCE)
    charts, sliders = st.columns([3, 2], gap="large")
    with sliders:
        features = _sliders(songs, song, start)
    moved = bool((features != start).any())
    reference = start if moved else np.median(songs.features, axis=0)
    answer = explain_mood(mood_classifier(), features, start, reference, duration_s=song.duration_s)
    with sentence:
        st.header(describe_moods(answer.probabilities), anchor=False)
    with charts:
        _show_answer(song, answer, _main_reason(answer, features, reference, moved=moved), moved=moved)
    st.markdown("**Most similar songs**")
    show_songs(songs, nearest_songs(songs, row, features), SIMILAR)


def _fix_heading_on_phones() -> None:
    """Keep the prediction at the top of a phone's screen, because the sliders are far below it."""
    light, dark = (st.get_option(f"theme.{theme}.backgroundColor") or "Canvas" for theme in ("light", "dark"))
    st.html(
        f"""<style>@media (max-width: 640px) {{
div:has(> .st-key-{_SENTENCE}) {{
  position: sticky; top: 3.75rem; z-index: 2; background: light-dark({light}, {dark});
}}
}}</style>"""
    )


def _choose_song(songs: Songs) -> Song:
    """The song in the address, else the best known one; the search of the page leads to others."""
    options = [songs.catalogue.song(int(row)) for row in songs.known_first[:_NUM_OPTIONS]]
    current = songs.catalogue.find(chosen(state.MUSIC_TRACK) or "") or options[0]
    names = {option.id: f"{option.title} · {option.byline}" for option in (current, *options)}
    # Streamlit treats options of one name as the same, so each name has one id: the current song's, else the first
    id_of_name = {name: song_id for song_id, name in reversed(names.items())}
    ids = list(reversed(id_of_name.values()))
    key = state.music_widget("start", songs.token, current.id)
    st.selectbox(
        "Song" if chosen(state.MUSIC_TRACK) else "Example song",
        ids,
        index=ids.index(current.id),
        format_func=names.__getitem__,
        key=key,
        on_change=lambda: choose({state.MUSIC_TRACK: st.session_state[key]}),
        width=420,
    )
    return current


def _sliders(songs: Songs, song: Song, start: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Show nine sliders and return their values; an untouched slider returns the song's exact value."""
    keys = [state.music_widget("slide", songs.token, song.id, name) for name in FEATURE_NAMES]
    defaults = [
        float(np.clip(round(float(value), feature.num_digits), feature.low, feature.high))
        for value, feature in zip(start, FEATURES.values(), strict=True)
    ]
    features = start.copy()
    for column, feature in enumerate(FEATURES.values()):
        # Set through the session only: "Reset to song" sets it too, and Streamlit warns about two defaults
        st.session_state.setdefault(keys[column], defaults[column])
        value = st.slider(
            feature.titled,
            feature.low,
            feature.high,
            step=10.0**-feature.num_digits,
            format=f"%.{feature.num_digits}f",
            key=keys[column],
            help=feature.description.capitalize(),
            persist_state="session",
        )
        if value != defaults[column]:
            features[column] = value
    st.button(
        "Reset to song",
        icon=":material/undo:",
        key=state.music_widget("undo"),
        on_click=st.session_state.update,
        args=(dict(zip(keys, defaults, strict=True)),),
        disabled=bool((features == start).all()),
    )
    return features


def _show_answer(song: Song, answer: MoodExplanation, reason: str, *, moved: bool) -> None:
    label = f" Its label is **{song.mood}**." if song.mood is not None else ""
    title = f"**{escape_markdown(song.title)}** by {escape_markdown(song.byline)}"
    st.markdown(f"{title}, with changed features.{label}" if moved else f"{title}.{label}")
    show_chart(
        mood_bars(answer.probabilities, answer.start if moved else None),
        key=state.music_widget("probabilities"),
        alt="Probabilities: " + list_shares(dict(zip(MOODS, answer.probabilities.tolist(), strict=True))),
    )
    if moved:
        st.caption("The lines mark the probabilities of the unchanged song.")
    st.markdown(f"**{'Reason for the change' if moved else 'Reason for this mood'}:** {reason}")
    show_chart(
        influence_bars(answer.influences, answer.mood),
        key=state.music_widget("influences"),
        alt=f"Contribution of each feature to {answer.mood}, in percentage points: "
        + ", ".join(f"{name} {value:+.0f}" for name, value in zip(FEATURE_LABELS, answer.influences, strict=True)),
    )
    reference = "its value in the song" if moved else "the median of this table"
    st.caption(
        f"Each bar is the loss in percentage points of *{answer.mood}* if only this feature changes to {reference}. "
        "Features interact, so the bars do not add up."
    )


def _main_reason(
    answer: MoodExplanation, features: npt.NDArray[np.float64], reference: npt.NDArray[np.float64], *, moved: bool
) -> str:
    strongest = int(answer.influences.argmax())  # a feature against the mood is no reason for it
    if answer.influences[strongest] < 1:
        return "no single feature"
    is_more = features[strongest] > reference[strongest]
    label = FEATURE_LABELS[strongest].lower()
    # Compared with the median instead of "high", because half of the songs can have a value near 0
    than_median = f"{label}, {'above' if is_more else 'below'} most songs"
    cause = f"{'higher' if is_more else 'lower'} {label}" if moved else than_median
    return f"mainly its {cause}, for {answer.mood}"


def nearest_songs(songs: Songs, row: int, features: npt.NDArray[np.float64]) -> list[int]:
    """The rows of the five songs with the most similar features, the nearest first.

    Each song appears once, with its nearest or else best known version. The song of `row` is left out.
    """
    order = songs.known_first
    near = songs.unique(order[nearest_rows(songs.features[order], features, len(order))])
    others: list[int] = near[songs.numbers[near] != songs.numbers[row]].tolist()
    return others[:_NUM_NEAREST]
