"""The answer to a photo: faces, emotion and a song on the first screen; charts, cards and downloads below."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from emomusic.affect import (
    MOOD_POINTS,
    Emotion,
    EmotionProbabilities,
    Mood,
    affect_of,
    describe,
    list_shares,
    quadrant_of,
)
from emomusic.compat import return_free_memory
from emomusic.errors import EmomusicError
from emomusic.export import faces_csv, picture_record
from emomusic.face.images import crop_face, encode_jpeg, encode_png, read_image, shrink
from emomusic.face.reading import PictureReading
from emomusic.music.queue import SongQueue
from emomusic.plots.affect import FacePoint
from emomusic.plots.face import probability_bars
from emomusic.plots.picture import ROOM_AROUND, annotated_picture, annotated_preview
from emomusic.ui.core import address, state
from emomusic.ui.core.charts import roomy_columns, show_chart
from emomusic.ui.core.frame import download_button
from emomusic.ui.core.persons import choose_persons, read_visitor, show_known, with_persons
from emomusic.ui.core.picture_chooser import Picture, choices_about
from emomusic.ui.core.tiles import show_sharp
from emomusic.ui.songs.choose import (
    ALL,
    FIRST_POINTS,
    MOST_POINTS,
    YOU,
    Listener,
    group_sentence,
    request_of,
    show_song_plane,
)
from emomusic.ui.songs.player import PLAYLIST, queue_of, show_queue
from emomusic.ui.songs.take_along import songs_json

PREVIEW_HEIGHT = 520  # CSS pixels
_COLUMN = 740  # width of the preview's column on a page of 1440 pixels, so that its labels are readable
_FACE_SIDE = 96


@dataclass(frozen=True, slots=True, eq=False)
class PhotoResult:
    """A photo that was read, with the images that the page shows."""

    picture: Picture
    reading: PictureReading
    decode_ms: float
    preview: bytes  # JPEG of the annotated photo, in screen size
    faces: tuple[bytes, ...]  # JPEG of each face


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
            reading = with_persons(image, read_visitor(image))
    return_free_memory()
    waiting.empty()
    faces = tuple(
        encode_jpeg(shrink(crop_face(image, face.face.box, margin=ROOM_AROUND), _FACE_SIDE)[0])
        for face in reading.faces
    )
    preview = encode_jpeg(annotated_preview(image, reading, _COLUMN, PREVIEW_HEIGHT))
    result = PhotoResult(picture, reading, decode_ms, preview, faces)
    st.session_state[state.READING] = result
    return result


_CARDS_SHOWN = 12

# On a phone the cards form one row that scrolls sideways
_ONE_ROW = """<style>
@media (max-width: 640px) {
  .st-key-face-cards { flex-wrap: nowrap; overflow-x: auto; }
  .st-key-face-cards > * { flex-shrink: 0; }
}
</style>"""


def show_face_cards(result: PhotoResult) -> None:
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


def show_photo_downloads(result: PhotoResult, listener: Listener, queue: SongQueue) -> None:
    """Show a menu with the photo and its readings as files. The player offers the songs."""
    stem = stem_of(result)

    def annotated() -> bytes:
        return encode_png(annotated_picture(read_image(result.picture.data), result.reading))

    def everything() -> str:
        songs = queue.playlist(PLAYLIST)
        record = picture_record(result.picture.name, result.reading, songs, queue.request, decode_ms=result.decode_ms)
        return songs_json(record, listener, queue.request)

    with st.popover("Download", icon=":material/download:", key="photo-downloads"):
        if result.reading.faces:
            download_button("Photo with faces (PNG)", annotated, f"{stem}-faces.png", type="tertiary")
            download_button("Faces (CSV)", lambda: faces_csv(result.reading), f"{stem}-faces.csv", type="tertiary")
        download_button("Everything (JSON)", everything, f"{stem}.json", type="tertiary")


def stem_of(result: PhotoResult) -> str:
    """Start of the names of downloaded files."""
    return Path(result.picture.name).stem or "picture"


_PREVIEW_WIDTH = 1100  # maximum on a very wide screen
_NEARLY_SQUARE, _WIDE = 1.2, 2.1  # width / height
_MAX_BUTTONS = 8  # more faces are in a menu

# The song belongs to the first screen: on a phone a low picture
_STYLE = """<style>
.st-key-photo-answer { gap: 0.75rem; }
@media (max-width: 640px) {
  .st-key-photo-answer { gap: 0.5rem; }
  .st-key-photo-preview img { max-height: 30vh; object-fit: contain; }
}
</style>"""


def show_photo(picture: Picture) -> None:
    """Read a photo and show the page for it.

    Raises:
        EmomusicError: the photo cannot be read, or a model is missing.
    """
    try:
        result = read_picture(picture)
    except EmomusicError:
        st.title("This photo cannot be read", anchor=False)
        raise
    reading = result.reading
    shape = reading.width / reading.height
    st.html(_STYLE)
    # The column is as wide as the photo needs, to avoid an empty area
    left, right = st.columns([2, 3] if shape < 1 else [1, 1] if shape < _NEARLY_SQUARE else [3, 2], gap="medium")
    with left, st.container(key="photo-preview"):
        # A portrait is limited in height, to be visible as a whole; a phone makes it narrower
        numbered = ", ".join(f"face {number} {face.emotion}" for number, face in enumerate(reading.faces, 1))
        alt = f"The photo with framed faces: {numbered}" if numbered else "The photo; no face found"
        show_sharp(result.preview, alt=alt, width=min(_PREVIEW_WIDTH, round(PREVIEW_HEIGHT * shape)))
    # A wide photo leaves space below it for the sentence
    with left if shape > _WIDE else right, st.container(key="photo-answer"):
        who = _show_sentence(result)
        probabilities = _probabilities(reading, who)
        with st.container(horizontal=True, gap="small", vertical_alignment="center", key="policy-row"):
            policy, correction = st.container(width="content"), st.container(width="content")
        with correction:
            listener = _correct(result, who, probabilities)
        if listener is None:
            return
        with policy:
            request = request_of(listener)
    queue = queue_of(request, "photo")
    with right:
        show_queue(queue, "photo", stem_of(result))
    bars, plane = roomy_columns([2, 3], key="details", gap="large")
    if probabilities is not None:
        with bars:
            point = affect_of(probabilities)
            quadrant = quadrant_of(point)
            position = f"valence {point.valence:.2f}, arousal {point.arousal:.2f}"
            st.header("Emotions", anchor=False)
            alt = f"Probabilities: {list_shares(probabilities.as_dict())}"
            show_chart(probability_bars(probabilities), key=f"bars-{who}", alt=alt)
            st.caption(f"{who}: {position}, {quadrant}, {quadrant.description}.")
    with plane:
        faces = enumerate(reading.faces[:MOST_POINTS], 1)
        show_song_plane(listener, [FacePoint(str(number), face.point, face.emotion) for number, face in faces], queue)
    if len(reading.faces) > 1:
        show_face_cards(result)
    with st.container(horizontal=True, gap="small"):
        show_photo_downloads(result, listener, queue)
        choose_persons()


def _show_sentence(result: PhotoResult) -> str:
    """Show the emotion as the title, and let the visitor choose one of several faces. Returns the choice."""
    faces = result.reading.faces
    if not faces:
        st.title("No face found", anchor=False)
        st.markdown(
            "Faces must look towards the camera and span at least 1/60 of the photo's longer side. Try another photo, "
            "or choose an emotion or a mood."
        )
        return YOU
    title = st.container()
    who = _choose_who(result.picture.digest, len(faces)) if len(faces) > 1 else "Face 1"
    if len(faces) == 1:
        address.offered(state.WHO, [])  # a link may name another face
    probabilities = _probabilities(result.reading, who)
    assert probabilities is not None  # there is a face
    with title:
        st.title(group_sentence(probabilities, group_of=len(faces) if who == state.EVERYONE else 1), anchor=False)
    show_known(faces)
    return who


def _probabilities(reading: PictureReading, who: str) -> EmotionProbabilities | None:
    """Probabilities of the chosen face or of everyone; None without a face."""
    if who in (state.EVERYONE, YOU):
        return reading.group
    return reading.faces[int(who.split()[1]) - 1].probabilities


def _correct(result: PhotoResult, who: str, probabilities: EmotionProbabilities | None) -> Listener | None:
    """Let the visitor correct the emotion; returns the listener, or None if nothing is known."""
    if probabilities is None:
        emotion, mood = _choose_manually(result.picture.digest, YOU)
        return None if emotion is None and mood is None else _listener(YOU, None, emotion, mood)
    with st.popover("Correct", icon=":material/edit:", key="correct"):
        emotion, mood = _choose_manually(result.picture.digest, who)
    if choices := [name for name in (emotion and emotion.adjective, mood) if name]:
        st.caption(f"Your choice: {', '.join(choices)}")  # also outside the menu, which is closed after a link
    return _listener(ALL if who == state.EVERYONE else who.split()[1], probabilities, emotion, mood)


def _choose_who(digest: str, num_faces: int) -> str:
    """Let the visitor choose everyone or one face; many faces are in a menu."""
    options = [state.EVERYONE, *(f"Face {number}" for number in range(1, num_faces + 1))]
    look = _follow_link(state.WHO, state.listener(digest), options, digest)
    label, look = "Songs for", look | {"label_visibility": "collapsed"}
    if num_faces > _MAX_BUTTONS:
        return str(st.selectbox(label, options, width=240, **look))
    return str(st.segmented_control(label, options, required=True, wrap=True, **look))


def _choose_manually(digest: str, who: str) -> tuple[Emotion | None, Mood | None]:
    """Let the visitor set the emotion of the face, or the mood of the songs, which has priority."""
    emotion = st.pills(
        "Emotion",
        list(Emotion),
        format_func=lambda emotion: emotion.adjective,
        wrap=True,
        **_follow_link(state.SAYS, state.manual_emotion(digest, who), [*Emotion], digest),
    )
    mood = st.pills(
        "Mood of the songs",
        list(Mood),
        wrap=True,
        **_follow_link(state.MOOD, state.manual_mood(digest, who), [*Mood], digest),
    )
    return emotion, mood


def _follow_link(name: str, key: str, options: Sequence[str], digest: str) -> dict[str, Any]:
    """Keyword arguments of a widget about the shown photo. The URL sets its value if a sample is shown."""
    first = state.EVERYONE if state.EVERYONE in options else None
    value = st.session_state.setdefault(state.fresh(key), first)
    if address.chosen(state.SAMPLE) is not None:
        linked = next(iter(address.offered(name, options)), first)
        if linked != value:
            state.renew(key)  # also reaches a widget in a closed menu
            st.session_state[state.fresh(key)] = linked

    def link_choices() -> None:
        if address.chosen(state.SAMPLE) is not None:
            address.choose(choices_about(digest))

    return {"key": state.fresh(key), "persist_state": "session", "on_change": link_choices}


def _listener(
    label: str, probabilities: EmotionProbabilities | None, emotion: Emotion | None, mood: Mood | None
) -> Listener:
    if emotion is not None:
        probabilities = EmotionProbabilities.certain(emotion)
    if mood is not None and probabilities is None:
        return Listener(label, MOOD_POINTS[mood], None, mood)
    assert probabilities is not None  # the callers give a face, an emotion or a mood
    return Listener(label, affect_of(probabilities), probabilities.emotion, mood, emotion)
