"""Showing a picture with its faces, and what each of them shows."""

from __future__ import annotations

import time
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from emomusic.affect import (
    MOOD_POINTS,
    Emotion,
    EmotionProbabilities,
    Mood,
    affect_of,
    describe,
    list_shares,
)
from emomusic.compat import return_free_memory
from emomusic.face.images import crop_face, encode_jpeg, shrink
from emomusic.face.reading import PictureReading, read_faces
from emomusic.plots.affect import FacePoint
from emomusic.plots.face import probability_bars
from emomusic.plots.picture import ROOM_AROUND, annotated_preview
from emomusic.ui.core import state
from emomusic.ui.core.address import OF_A_SAMPLE, chosen_here, first_choice, link, turn_to_face
from emomusic.ui.core.charts import show_chart
from emomusic.ui.core.engine import engine
from emomusic.ui.core.picture_chooser import Picture
from emomusic.ui.core.tiles import show_sharp
from emomusic.ui.songs.listener import ALL, EVERYONE, FIRST_POINTS, MOST_POINTS, YOU, Listener, show_emotion_sentence

_PREVIEW_WIDTH = 1100  # at most, on a very wide screen
_PREVIEW_HEIGHT = 520
_COLUMN = 740  # the width there is for it on a page of 1440 pixels, where its letters are to be read
_WIDE = 2.1  # times as wide as high: from there on both columns end nearer to one height at a width of 1440
_NEARLY_SQUARE = 1.2  # times as wide as high
_FACE_SIDE = 96
_CARDS_SHOWN = 12
_MOST_BUTTONS = 8  # faces beside each other; more are in a menu

# On a phone the cards stand in one row, to be drawn aside: below each other they would hide the music
_ONE_ROW = """<style>
@media (max-width: 640px) {
  .st-key-face-cards { flex-wrap: nowrap; overflow-x: auto; }
  .st-key-face-cards > * { flex-shrink: 0; }
}
</style>"""


@dataclass(frozen=True, slots=True, eq=False)
class PhotoResult:
    """A picture that was read, with what the screen needs of it.

    Attributes:
        picture: as it came.
        reading: its faces.
        decode_ms: how long decoding took.
        preview: JPEG of the annotated picture, at the size of a screen.
        faces: JPEG of each face.
    """

    picture: Picture
    reading: PictureReading
    decode_ms: float
    preview: bytes
    faces: tuple[bytes, ...]

    @property
    def digest(self) -> str:
        """Of the picture's bytes."""
        return self.picture.digest


def read_picture(picture: Picture) -> PhotoResult:
    """Find and read the faces of a picture, once; a rerun of the page gets the same answer back.

    Raises:
        ImageError: it cannot be read; the message tells what to do.
    """
    waiting = st.empty()  # also where nothing is read: what stands below keeps its place, and no player starts anew
    seen = st.session_state.get(state.READING)
    if isinstance(seen, PhotoResult) and seen.picture.digest == picture.digest:
        return seen
    started = time.perf_counter()
    image = picture.read()
    decode_ms = 1000 * (time.perf_counter() - started)
    with waiting.container():
        show_sharp(encode_jpeg(shrink(image, 640)[0]), alt="Your picture, not read yet", width=320)
        with st.spinner("Looking for faces"):
            reading = read_faces(image, *engine().networks())
    return_free_memory()
    waiting.empty()
    faces = tuple(
        encode_jpeg(shrink(crop_face(image, face.face.box, margin=ROOM_AROUND), _FACE_SIDE)[0])
        for face in reading.faces
    )
    preview = encode_jpeg(annotated_preview(image, reading, _COLUMN, _PREVIEW_HEIGHT))
    seen = PhotoResult(picture, reading, decode_ms, preview, faces)
    st.session_state[state.READING] = seen
    return seen


def show_reading(seen: PhotoResult) -> Listener | None:
    """Show the annotated picture and its faces; returns whom the music is for, or None where nothing is chosen yet."""
    reading = seen.reading
    shape = reading.width / reading.height
    is_wide = shape > _WIDE
    # As wide a column as the picture fills: beside a narrower one there would be a hole
    left, right = st.columns([2, 3] if shape < 1 else [1, 1] if shape < _NEARLY_SQUARE else [3, 2], gap="large")
    with left:
        # A portrait is kept low enough to be seen whole; a phone makes it narrower by itself
        show_sharp(
            seen.preview,
            alt=_alt(reading),
            width=min(_PREVIEW_WIDTH, round(_PREVIEW_HEIGHT * shape)),
        )
    if reading.faces:
        # A wide picture leaves room below it, which the words take up
        listener: Listener | None = _choose_listener(seen, words=left if is_wide else right, bars=right)
    else:
        with right:
            listener = _no_face(seen)
    if len(reading.faces) > 1:
        _face_cards(seen)
    return listener


def face_points(seen: PhotoResult) -> list[FacePoint]:
    """The faces of the picture as points for the plane, named by their numbers; as many as can be told apart there."""
    faces = seen.reading.faces[:MOST_POINTS]
    return [FacePoint(str(number), face.point, face.emotion) for number, face in enumerate(faces, 1)]


def _alt(reading: PictureReading) -> str:
    if not reading.faces:
        return "The picture; no face was found in it"
    return "The picture, its faces framed: " + ", ".join(
        f"face {number} {face.emotion}" for number, face in enumerate(reading.faces, 1)
    )


def _choose_listener(seen: PhotoResult, *, words: DeltaGenerator, bars: DeltaGenerator) -> Listener:
    """Let the visitor choose whose music it is, and say and show what that face shows.

    Args:
        seen: has a face.
        words: where the choice and the sentence stand.
        bars: where the probabilities stand.
    """
    faces = seen.reading.faces
    who = "Face 1"
    with words:
        if len(faces) > 1:
            who = _choose_who(state.listener(seen.picture.digest), len(faces))
        link(state.WHO, _in_address(who) if len(faces) > 1 else None)
        group = seen.reading.group
        assert group is not None  # there is a face
        probabilities = group if who == EVERYONE else faces[int(who.split()[1]) - 1].probabilities
        group_of = len(faces) if who == EVERYONE else 1
        show_emotion_sentence(probabilities, group_of=group_of)
    with bars:
        show_chart(
            probability_bars(probabilities),
            key=f"bars-{group_of}",
            alt=f"Probabilities: {list_shares(probabilities.as_dict())}",
        )
        with st.popover("That's not it", icon=":material/edit:"):
            emotion, mood = _choose_manually(f"{seen.picture.digest}-{who}")
        faces_are = "the faces are" if who == EVERYONE else "the face is"
        said = [f"{faces_are} {emotion.adjective}"] if emotion else []
        said += [f"the music is {mood}"] if mood else []
        if said:  # told here too: who follows a link has not opened that menu
            st.caption(f"Said by hand: {', '.join(said)}.")
    return _listener(ALL if who == EVERYONE else who.split()[1], probabilities, emotion, mood)


def _choose_who(key: str, num_faces: int) -> str:
    """Let the visitor choose between everyone and one of the faces; of many faces in a menu."""
    options = [EVERYONE, *(f"Face {number}" for number in range(1, num_faces + 1))]
    first = first_choice(state.WHO, key, options, EVERYONE)
    key, words = state.fresh(key), "Whose music?"

    def turn() -> None:
        turn_to_face(_in_address(st.session_state[key]))

    # It holds while another page or picture is looked at
    if num_faces > _MOST_BUTTONS:
        index = options.index(first or EVERYONE)
        return st.selectbox(words, options, index, key=key, persist_state="session", on_change=turn, width=240)
    choice = st.segmented_control(
        words, options, default=first, required=True, key=key, persist_state="session", on_change=turn, wrap=True
    )
    return choice or EVERYONE  # never empty: it is required


def _in_address(who: str) -> str | None:
    return None if who == EVERYONE else who


def _choose_manually(scope: str) -> tuple[Emotion | None, Mood | None]:
    """Let the visitor say what the face shows, or what they want to hear; the mood wins over the emotion."""
    says, asks = state.manual_emotion(scope), state.manual_mood(scope)
    emotion = st.pills(
        "The face is",
        list(Emotion),
        default=first_choice(state.SAYS, says, Emotion),
        key=state.fresh(says),
        persist_state="session",
        on_change=chosen_here,
        args=OF_A_SAMPLE,
        format_func=lambda emotion: emotion.adjective,
        wrap=True,
    )
    mood = st.pills(
        "Or choose the music yourself",
        list(Mood),
        default=first_choice(state.MOOD, asks, Mood),
        key=state.fresh(asks),
        persist_state="session",
        on_change=chosen_here,
        args=OF_A_SAMPLE,
        wrap=True,
    )
    link(state.SAYS, emotion)
    link(state.MOOD, mood)
    return emotion, mood


def _listener(
    label: str, probabilities: EmotionProbabilities | None, emotion: Emotion | None, mood: Mood | None
) -> Listener:
    if emotion is not None:
        probabilities = EmotionProbabilities.certain(emotion)
    if mood is not None and probabilities is None:
        return Listener(label, MOOD_POINTS[mood], None, mood)
    assert probabilities is not None  # a face, an emotion or a mood: the callers see to it
    return Listener(label, affect_of(probabilities), probabilities.emotion, mood, emotion)


def _no_face(seen: PhotoResult) -> Listener | None:
    st.header("No face found", anchor=False)
    st.markdown(
        "It works best when a whole face looks towards the camera, in good light, and is at least a sixtieth of the "
        "picture's longer side. Try another picture, or choose by hand:"
    )
    emotion, mood = _choose_manually(seen.picture.digest)
    if emotion is None and mood is None:
        return None
    return _listener(YOU, None, emotion, mood)


def _face_cards(seen: PhotoResult) -> None:
    """One card a face, in the order of the numbers on the picture."""
    faces = seen.reading.faces
    shown = faces[:_CARDS_SHOWN]
    st.html(_ONE_ROW)
    with st.container(horizontal=True, gap="small", key="face-cards"):
        for number, (face, portrait) in enumerate(zip(shown, seen.faces, strict=False), 1):
            with st.container(border=True, width=300):
                with st.container(horizontal=True, vertical_alignment="center", wrap=False):
                    show_sharp(portrait, alt=f"Face {number}", width=56)
                    st.markdown(f"**Face {number}**  \n{describe(face.probabilities)}")
                show_chart(
                    probability_bars(face.probabilities, height=190),
                    key=f"card-{number}",
                    alt=f"Probabilities of face {number}: {list_shares(face.probabilities.as_dict())}",
                )
    if len(faces) > len(shown):
        more = f"{len(faces) - len(shown)} more faces are in the downloads."
        st.caption(f"{more} {FIRST_POINTS}" if len(faces) > MOST_POINTS else more)
