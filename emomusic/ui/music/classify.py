"""What mood is this song: nine sliders that start from a song, what the model says, and why."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import streamlit as st

from emomusic.affect import describe_shares, list_shares
from emomusic.music.catalogue import Track
from emomusic.music.explain_mood import MoodExplanation, explain_mood, nearest_rows
from emomusic.music.features import FEATURE_LABELS, FEATURE_NAMES, FEATURES, Feature
from emomusic.music.mood import MOODS
from emomusic.plots.music import influence_bars, mood_bars
from emomusic.ui.core import state
from emomusic.ui.core.address import remembered, write
from emomusic.ui.core.charts import show_chart
from emomusic.ui.core.frame import escape_markdown
from emomusic.ui.music.song_list import short_name, show_players, track_line
from emomusic.ui.music.song_table import SongTable, kept, mood_classifier, song_numbers

VIEW = "What mood is this song?"

_SENTENCE = state.music_widget("sentence")
_NUM_OPTIONS = 30
_NUM_NEAREST = 5


def describe_moods(probabilities: npt.NDArray[np.float32]) -> str:
    """Say the probabilities as a person would: "Mostly happy, a little energetic"."""
    return describe_shares([mood.value for mood in MOODS], probabilities.tolist())


def ask_for(track_id: str) -> None:
    """Open this view on a song; for the callbacks of buttons elsewhere."""
    st.session_state[state.MUSIC_VIEW] = VIEW
    write(state.MUSIC_TRACK, track_id)


def _chosen(songs: SongTable) -> Track | None:
    """The song that was chosen, if the table has it."""
    track = songs.catalogue.find(remembered(state.MUSIC_TRACK) or "")
    if track is not None:
        write(state.MUSIC_TRACK, track.id)
    return track


def _take_first(songs: SongTable, search: str) -> None:
    """A search answers with its first hit, unless the song on the screen is one: that before it is no answer."""
    hits = [track.id for track in songs.catalogue.search(st.session_state[search] or "", limit=_NUM_OPTIONS)]
    if hits and remembered(state.MUSIC_TRACK) not in hits:
        write(state.MUSIC_TRACK, hits[0])


def show_one_song(songs: SongTable) -> None:
    """Show the song, its sliders, the probabilities and the nearest songs."""
    track = _choose_track(songs)
    row = songs.row_of(track.id)
    start = songs.catalogue.features[row]
    _keep_in_sight()
    sentence = st.container(key=_SENTENCE)
    charts, sliders = st.columns([3, 2], gap="large")
    with sliders:
        features = _sliders(songs, track, start)
    moved = bool((features != start).any())
    reference = start if moved else _medians(songs)
    answer = explain_mood(mood_classifier(), features, start, reference, duration_s=track.duration_s)
    with sentence:
        st.header(describe_moods(answer.probabilities), anchor=False)
    with charts:
        _show_answer(track, answer, _main_reason(answer, features, reference, moved=moved), moved=moved)
    _show_nearest(songs, row, features)


def _keep_in_sight() -> None:
    """On a phone the sliders stand below the charts: what they make of the song stays at the top of the screen."""
    light, dark = (st.get_option(f"theme.{theme}.backgroundColor") or "Canvas" for theme in ("light", "dark"))
    st.html(
        f"""<style>@media (max-width: 640px) {{
div:has(> .st-key-{_SENTENCE}) {{
  position: sticky; top: 3.75rem; z-index: 2; background: light-dark({light}, {dark});
}}
}}</style>"""
    )


def _choose_track(songs: SongTable) -> Track:
    current = _chosen(songs)
    search = state.music_widget("start-search", songs.digest)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input(
            "Start from",
            key=search,
            on_change=_take_first,
            args=(songs, search),
            type="search",
            icon=":material/search:",
            placeholder="Search titles and artists",
            width=280,
            persist_state="session",  # while another tab or page is looked at, as do the sliders
        )
        options = _options(songs, text or "")
        if not options:
            st.caption("No song of this table has these words.")
            options = _options(songs, "")
        if current is None:
            current = (_options(songs, "") if text else options)[0]
        if current.id not in {option.id for option in options}:
            options = [current, *options]
        names = {option.id: short_name(option) for option in options}
        # Streamlit takes two options of one name for the same: of a song's versions the one on the screen is offered
        offered = {names[option.id]: option.id for option in (*reversed(options), current)}
        ids = [option.id for option in options if offered[names[option.id]] == option.id]
        key = state.music_widget("start", songs.digest, text or "", current.id)
        st.selectbox(
            "Song",
            ids,
            index=ids.index(current.id),
            format_func=names.__getitem__,
            key=key,
            on_change=lambda: write(state.MUSIC_TRACK, st.session_state[key]),
            width=420,
        )
    return current


def _options(songs: SongTable, text: str) -> list[Track]:
    if text.strip():
        return songs.catalogue.search(text, limit=_NUM_OPTIONS)
    rows, _ = _best_known_first(songs)
    return [songs.catalogue.track(int(row)) for row in rows[:_NUM_OPTIONS]]


def _rounded(value: float, feature: Feature) -> float:
    return float(np.clip(round(value, feature.num_digits), feature.low, feature.high))


def _sliders(songs: SongTable, track: Track, start: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Nine sliders; one that was not moved gives the song's own value, not the rounded one it stands at."""
    keys = [state.music_widget("slide", songs.digest, track.id, name) for name in FEATURE_NAMES]
    begun = [_rounded(float(value), feature) for value, feature in zip(start, FEATURES.values(), strict=True)]
    features = start.copy()
    for column, feature in enumerate(FEATURES.values()):
        # A slider that was given a value, by "Back to the song", is to have no default beside it
        st.session_state.setdefault(keys[column], begun[column])
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
        if value != begun[column]:
            features[column] = value
    st.button(
        "Back to the song",
        icon=":material/undo:",
        key=state.music_widget("undo"),
        on_click=_set_back,
        args=(dict(zip(keys, begun, strict=True)),),
        disabled=bool((features == start).all()),
    )
    return features


def _set_back(begun: dict[str, float]) -> None:
    for key, value in begun.items():
        st.session_state[key] = value


@kept
def _medians(songs: SongTable) -> npt.NDArray[np.float64]:
    medians: npt.NDArray[np.float64] = np.median(songs.catalogue.features, axis=0)
    return medians


@kept
def _best_known_first(songs: SongTable) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """All rows, shape (n,), and their features, shape (n, 9)."""
    rows = songs.catalogue.best_known_first(np.arange(len(songs)))
    return rows, songs.catalogue.features[rows]


def _show_answer(track: Track, answer: MoodExplanation, reason: str, *, moved: bool) -> None:
    label = f" Its label is **{track.mood}**." if track.mood is not None else ""
    named = f"**{escape_markdown(track.title)}** by {escape_markdown(track.byline)}"
    st.markdown(f"A song like {named}, changed.{label}" if moved else f"{named}, as it is.{label}")
    show_chart(
        mood_bars(answer.probabilities, answer.start if moved else None),
        key=state.music_widget("probabilities"),
        alt="Probabilities: " + list_shares(dict(zip(MOODS, answer.probabilities.tolist(), strict=True))),
    )
    if moved:
        st.caption("The lines mark where the song began.")
    st.markdown(f"**{'What moved it' if moved else 'What makes it so'}** · {reason}")
    show_chart(
        influence_bars(answer.influences, answer.mood),
        key=state.music_widget("influences"),
        alt=f"What each feature adds to {answer.mood}, in percentage points: "
        + ", ".join(f"{name} {value:+.0f}" for name, value in zip(FEATURE_LABELS, answer.influences, strict=True)),
    )
    back_to = "to where its slider began" if moved else "to the middle of this table (its median)"
    st.caption(
        f"Each bar: how many percentage points of *{answer.mood}* would be lost (or, to the left, won) if that one "
        f"feature went back {back_to} and the others stayed. Features work together, so the bars need not add up; "
        "they tell what this model does, not what music is."
    )


def _main_reason(
    answer: MoodExplanation, features: npt.NDArray[np.float64], reference: npt.NDArray[np.float64], *, moved: bool
) -> str:
    strongest = int(np.abs(answer.influences).argmax())
    points = answer.influences[strongest]
    if abs(points) < 1:
        return "no single feature by itself"
    is_more = features[strongest] > reference[strongest]
    label = FEATURE_LABELS[strongest].lower()
    # Beside the median and not "high": half of the songs may have next to nothing of it
    than_most = f"{label}, {'above' if is_more else 'below'} most"
    cause = f"{'higher' if is_more else 'lower'} {label}" if moved else than_most
    return f"most of all its {cause}, {'for' if points > 0 else 'against'} {answer.mood}"


def nearest_songs(songs: SongTable, row: int, features: npt.NDArray[np.float64]) -> list[int]:
    """The rows of the five songs that sound most like some features, the nearest first.

    Each stands once, in the release that comes nearest, of equal ones in the best known; the song of `row` does not.
    """
    order, table = _best_known_first(songs)
    numbers = song_numbers(songs)
    nearest: dict[int, int] = {}
    for other in map(int, order[nearest_rows(table, features, len(table))]):  # mostly the first few are enough
        if numbers[other] != numbers[row]:
            nearest.setdefault(int(numbers[other]), other)
        if len(nearest) == _NUM_NEAREST:
            break
    return list(nearest.values())


def _show_nearest(songs: SongTable, row: int, features: npt.NDArray[np.float64]) -> None:
    rows = nearest_songs(songs, row, features)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown("**The songs that come nearest**", width="content")
        playing = st.toggle("Play them here", key=state.music_widget("play-nearest"), persist_state="session")
    if playing:
        show_players(songs, rows, name="nearest")
        return
    with st.grid("auto", min_column_width=260):
        for other in rows:
            st.markdown(track_line(songs, other))
