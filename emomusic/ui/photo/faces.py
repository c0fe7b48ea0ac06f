"""The photo with its faces, and the emotion of each face."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from emomusic.affect import MOOD_POINTS, Emotion, EmotionProbabilities, Mood, affect_of, describe, list_shares
from emomusic.compat import return_free_memory
from emomusic.export import faces_csv, picture_record
from emomusic.face.images import crop_face, encode_jpeg, encode_png, read_image, shrink
from emomusic.face.reading import PictureReading, read_faces
from emomusic.music.recommend import Song
from emomusic.music.request import Request
from emomusic.plots.affect import FacePoint
from emomusic.plots.face import probability_bars
from emomusic.plots.picture import ROOM_AROUND, annotated_picture, annotated_preview
from emomusic.ui.core import state
from emomusic.ui.core.address import SAMPLE_PARAMS, chosen_here, first_choice, link, set_face
from emomusic.ui.core.charts import show_chart
from emomusic.ui.core.engine import engine
from emomusic.ui.core.files import download_button
from emomusic.ui.core.picture_chooser import Picture
from emomusic.ui.core.tiles import show_sharp
from emomusic.ui.songs.downloads import show_song_downloads, songs_json
from emomusic.ui.songs.listener import ALL, EVERYONE, FIRST_POINTS, MOST_POINTS, YOU, Listener, show_emotion_sentence

_PREVIEW_WIDTH = 1100  # maximum on a very wide screen
_PREVIEW_HEIGHT = 520
_COLUMN = 740  # width of the preview's column on a page of 1440 pixels, so that its labels are readable
_WIDE = 2.1  # width / height; above it, text below the photo balances the columns at a width of 1440
_NEARLY_SQUARE = 1.2  # width / height
_FACE_SIDE = 96
_CARDS_SHOWN = 12
_MAX_BUTTONS = 8  # more faces are in a menu

# On a phone the cards form one row that scrolls sideways: stacked cards would hide the songs
_ONE_ROW = """<style>
@media (max-width: 640px) {
  .st-key-face-cards { flex-wrap: nowrap; overflow-x: auto; }
  .st-key-face-cards > * { flex-shrink: 0; }
}
</style>"""


@dataclass(frozen=True, slots=True, eq=False)
class PhotoResult:
    """A photo that was read, with the images that the page shows.

    Attributes:
        picture: the photo.
        reading: its faces.
        decode_ms: decoding time in milliseconds.
        preview: JPEG of the annotated photo, in screen size.
        faces: JPEG of each face.
    """

    picture: Picture
    reading: PictureReading
    decode_ms: float
    preview: bytes
    faces: tuple[bytes, ...]

    @property
    def digest(self) -> str:
        """The digest of the photo."""
        return self.picture.digest


def read_picture(picture: Picture) -> PhotoResult:
    """Find and read the faces of a photo; a rerun of the page gets the stored result.

    Raises:
        ImageError: the photo cannot be read.
    """
    waiting = st.empty()  # also without a new photo, so that the elements below keep their position and state
    stored = st.session_state.get(state.READING)
    if isinstance(stored, PhotoResult) and stored.picture.digest == picture.digest:
        return stored
    started = time.perf_counter()
    image = picture.read()
    decode_ms = 1000 * (time.perf_counter() - started)
    with waiting.container():
        show_sharp(encode_jpeg(shrink(image, 640)[0]), alt="Your photo", width=320)
        with st.spinner("Detecting faces"):
            reading = read_faces(image, *engine().networks())
    return_free_memory()
    waiting.empty()
    faces = tuple(
        encode_jpeg(shrink(crop_face(image, face.face.box, margin=ROOM_AROUND), _FACE_SIDE)[0])
        for face in reading.faces
    )
    preview = encode_jpeg(annotated_preview(image, reading, _COLUMN, _PREVIEW_HEIGHT))
    result = PhotoResult(picture, reading, decode_ms, preview, faces)
    st.session_state[state.READING] = result
    return result


def show_reading(result: PhotoResult) -> Listener | None:
    """Show the annotated photo and its faces; returns the listener, or None if nothing is chosen yet."""
    reading = result.reading
    shape = reading.width / reading.height
    is_wide = shape > _WIDE
    # The column is as wide as the photo needs, to avoid an empty area
    left, right = st.columns([2, 3] if shape < 1 else [1, 1] if shape < _NEARLY_SQUARE else [3, 2], gap="large")
    with left:
        # A portrait is limited in height, to be visible as a whole; a phone makes it narrower
        show_sharp(
            result.preview,
            alt=_alt(reading),
            width=min(_PREVIEW_WIDTH, round(_PREVIEW_HEIGHT * shape)),
        )
    if reading.faces:
        # A wide photo leaves space below it for the text
        listener: Listener | None = _choose_listener(result, words=left if is_wide else right, bars=right)
    else:
        with right:
            listener = _no_face(result)
    if len(reading.faces) > 1:
        _face_cards(result)
    return listener


def face_points(result: PhotoResult) -> list[FacePoint]:
    """The faces as numbered points on the plane, at most `MOST_POINTS`."""
    faces = result.reading.faces[:MOST_POINTS]
    return [FacePoint(str(number), face.point, face.emotion) for number, face in enumerate(faces, 1)]


def _alt(reading: PictureReading) -> str:
    if not reading.faces:
        return "The photo; no face found"
    return "The photo with framed faces: " + ", ".join(
        f"face {number} {face.emotion}" for number, face in enumerate(reading.faces, 1)
    )


def _choose_listener(result: PhotoResult, *, words: DeltaGenerator, bars: DeltaGenerator) -> Listener:
    """Let the visitor choose a face or everyone, and show the emotion.

    Args:
        result: has at least one face.
        words: container of the choice and the sentence.
        bars: container of the probabilities.
    """
    faces = result.reading.faces
    who = "Face 1"
    with words:
        if len(faces) > 1:
            who = _choose_who(state.listener(result.picture.digest), len(faces))
        link(state.WHO, _url_value(who) if len(faces) > 1 else None)
        group = result.reading.group
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
        with st.popover("Correct the emotion", icon=":material/edit:"):
            emotion, mood = _choose_manually(f"{result.picture.digest}-{who}")
        subject = "the faces are" if who == EVERYONE else "the face is"
        choices = [f"{subject} {emotion.adjective}"] if emotion else []
        choices += [f"the mood is {mood}"] if mood else []
        if choices:  # also outside the menu, which is closed after a link
            st.caption(f"Your choice: {', '.join(choices)}.")
    return _listener(ALL if who == EVERYONE else who.split()[1], probabilities, emotion, mood)


def _choose_who(key: str, num_faces: int) -> str:
    """Let the visitor choose everyone or one face; many faces are in a menu."""
    options = [EVERYONE, *(f"Face {number}" for number in range(1, num_faces + 1))]
    first = first_choice(state.WHO, key, options, EVERYONE)
    key, label = state.fresh(key), "Songs for"

    def on_change() -> None:
        set_face(_url_value(st.session_state[key]))

    # The session keeps the value while another page or photo is shown
    if num_faces > _MAX_BUTTONS:
        index = options.index(first or EVERYONE)
        return st.selectbox(label, options, index, key=key, persist_state="session", on_change=on_change, width=240)
    choice = st.segmented_control(
        label, options, default=first, required=True, key=key, persist_state="session", on_change=on_change, wrap=True
    )
    return choice or EVERYONE  # never empty: it is required


def _url_value(who: str) -> str | None:
    return None if who == EVERYONE else who


def _choose_manually(scope: str) -> tuple[Emotion | None, Mood | None]:
    """Let the visitor set the emotion of the face, or the mood of the songs, which has priority."""
    emotion_key, mood_key = state.manual_emotion(scope), state.manual_mood(scope)
    emotion = st.pills(
        "Emotion",
        list(Emotion),
        default=first_choice(state.SAYS, emotion_key, Emotion),
        key=state.fresh(emotion_key),
        persist_state="session",
        on_change=chosen_here,
        args=SAMPLE_PARAMS,
        format_func=lambda emotion: emotion.adjective,
        wrap=True,
    )
    mood = st.pills(
        "Mood of the songs",
        list(Mood),
        default=first_choice(state.MOOD, mood_key, Mood),
        key=state.fresh(mood_key),
        persist_state="session",
        on_change=chosen_here,
        args=SAMPLE_PARAMS,
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
    assert probabilities is not None  # the callers give a face, an emotion or a mood
    return Listener(label, affect_of(probabilities), probabilities.emotion, mood, emotion)


def _no_face(result: PhotoResult) -> Listener | None:
    st.header("No face found", anchor=False)
    st.markdown(
        "Faces must look towards the camera and span at least 1/60 of the photo's longer side. Try another photo, or "
        "choose by hand:"
    )
    emotion, mood = _choose_manually(result.picture.digest)
    if emotion is None and mood is None:
        return None
    return _listener(YOU, None, emotion, mood)


def _face_cards(result: PhotoResult) -> None:
    """Show one card per face, in the order of the numbers on the photo."""
    faces = result.reading.faces
    shown = faces[:_CARDS_SHOWN]
    st.html(_ONE_ROW)
    with st.container(horizontal=True, gap="small", key="face-cards"):
        for number, (face, portrait) in enumerate(zip(shown, result.faces, strict=False), 1):
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


def show_photo_downloads(result: PhotoResult, listener: Listener, songs: Sequence[Song], request: Request) -> None:
    """Show a menu with the results of the page as files."""
    stem = Path(result.picture.name).stem or "picture"
    with st.popover("Download", icon=":material/download:"):
        if result.reading.faces:
            download_button(
                "Photo with faces (PNG)", lambda: _annotated_png(result), f"{stem}-faces.png", type="tertiary"
            )
            download_button("Faces (CSV)", lambda: faces_csv(result.reading), f"{stem}-faces.csv", type="tertiary")
        make = partial(picture_record, result.picture.name, result.reading, songs, request, decode_ms=result.decode_ms)
        download_button(
            "Everything (JSON)", lambda: songs_json(make(), listener, request), f"{stem}.json", type="tertiary"
        )
        show_song_downloads(songs, stem, type="tertiary")


def _annotated_png(result: PhotoResult) -> bytes:
    return encode_png(annotated_picture(read_image(result.picture.data), result.reading))
