"""One face through every model, side by side. No network is loaded before the user clicks the button."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import streamlit as st

from emomusic.affect import EMOTIONS, Emotion, describe_shares, list_shares
from emomusic.app import state
from emomusic.app.charts import show_chart, show_sharp
from emomusic.app.frame import escape_markdown
from emomusic.app.models.saved import Chosen, classifier
from emomusic.app.picture_chooser import Picture, choose_picture, keep_result, kept_result
from emomusic.app.sessions import WHEN_GONE
from emomusic.charts.face import share_bars
from emomusic.compat import session_id
from emomusic.errors import EmomusicError
from emomusic.media.images import crop_face, encode_jpeg, shrink, to_network_input
from emomusic.metrics import FOUR
from emomusic.results.overview import FOUR_LEGEND, in_words, label_of
from emomusic.server.capacity import capacity
from emomusic.server.shared import shared

_CROP_SIDE = 120


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """The answers of all models about the largest face of a picture."""

    face: bytes | None  # as JPEG; None without a face
    num_faces: int  # in the picture
    # the probabilities by name of the model, or the problem of one that failed
    answers: dict[str, npt.NDArray[np.float32] | str]


def show_try(chosen: Chosen) -> None:
    """Let the user choose a picture, and show every model's answer about its largest face."""
    st.caption(f"Every model receives the same crop. Photos stay in memory and are deleted {WHEN_GONE}.")
    picture = choose_picture()
    if picture is None:
        return
    models = "the model" if len(chosen.others) == 1 else f"all {len(chosen.others)} models"
    is_pressed = st.button(
        f"Ask {models} about {escape_markdown(picture.name)}",
        type="primary",
        icon=":material/play_arrow:",
        key=state.models_widget("ask"),
    )
    with st.container():  # present without a click too, so that elements below keep their position
        if is_pressed:
            with capacity().work():
                keep_result(picture, _ask_all(picture, chosen))
    if (asked := kept_result(Asked, picture)) is not None:
        _show_answers(asked, chosen)


def _ask_all(picture: Picture, chosen: Chosen) -> Asked:
    image = picture.read()
    with st.spinner("Detecting faces"):
        detector, _ = shared().visitor_networks(session_id())
        faces = detector.detect(image)
    if not faces:
        return Asked(None, 0, {})
    box = max((face.box for face in faces), key=lambda box: box.width * box.height)
    crop = crop_face(image, box)
    answers: dict[str, npt.NDArray[np.float32] | str] = {}
    with st.spinner("Asking the models"):
        for record in chosen.others:
            try:
                model = classifier(record.name)
                answers[record.name] = model.of_photographs(to_network_input([crop], model.spec.side))[0]
            except EmomusicError as error:
                answers[record.name] = str(error)
    return Asked(encode_jpeg(shrink(crop, 2 * _CROP_SIDE)[0]), len(faces), answers)


def _show_answers(asked: Asked, chosen: Chosen) -> None:
    if asked.face is None:
        st.header("No face found", anchor=False)
        st.markdown("Try another picture with a whole face, from the front, in good light.")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        show_sharp(asked.face, alt="The face that the models were asked about", width=_CROP_SIDE)
        st.markdown(f"**{_agreement(asked)}**" + (" Only the largest face was used." if asked.num_faces > 1 else ""))
    classes = {record.name: record.by_class.classes for record in chosen.others}
    with st.grid("auto", min_column_width=280, gap="medium"):
        for name, answer in asked.answers.items():
            with st.container(border=True, gap="xsmall"):
                if isinstance(answer, str):
                    st.markdown(f"**{label_of(name)}** failed  \n{escape_markdown(answer)}")
                    continue
                shares = dict(zip(map(in_words, classes[name]), answer.tolist(), strict=True))
                adjectives = [Emotion(label).adjective if label in EMOTIONS else label for label in shares]
                st.markdown(f"**{label_of(name)}**  \n{describe_shares(adjectives, answer.tolist())}")
                show_chart(
                    share_bars(shares, height=40 + 26 * len(shares)),
                    key=state.models_widget("answer", name),
                    alt=f"Probabilities by {label_of(name)}: {list_shares(shares)}",
                )
                if classes[name] == FOUR:
                    st.caption(FOUR_LEGEND)


def _agreement(asked: Asked) -> str:
    """How many models of seven emotions name each emotion."""
    counts = Counter(
        str(EMOTIONS[int(answer.argmax())])
        for answer in asked.answers.values()
        if not isinstance(answer, str) and len(answer) == len(EMOTIONS)
    )
    ranked = [f"{count} of {counts.total()} say {name}" for name, count in counts.most_common()]
    return f"Of the models of seven emotions, {', '.join(ranked)}." if ranked else "No model answered."
