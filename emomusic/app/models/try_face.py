"""The tab in which all models read one face."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import streamlit as st

from emomusic.affect import EMOTIONS, Emotion, describe_shares, list_shares
from emomusic.app.charts import show_chart, show_sharp
from emomusic.app.frame import escape_markdown
from emomusic.app.picture_chooser import draw_chooser, shown_pictures
from emomusic.charts.face import share_bars
from emomusic.errors import EmomusicError
from emomusic.faces.classifier import load_classifier
from emomusic.media.images import encode_jpeg, shrink
from emomusic.metrics import FOUR
from emomusic.results.overview import FOUR_LEGEND, in_words, label_of
from emomusic.results.predictions import Chosen
from emomusic.server.photos import Picture
from emomusic.server.sessions import WHEN_GONE
from emomusic.server.shared import read_for_visitor

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
    draw_chooser(shown := shown_pictures())
    if (picture := shown.first) is None:
        return
    with st.container(key="models-try"):
        asked = shown.kept(Asked, picture.digest) or shown.keep(picture.digest, _ask_all(picture, chosen))
        _show_answers(asked, chosen)


def _ask_all(picture: Picture, chosen: Chosen) -> Asked:
    decoded = picture.decode()
    with st.spinner("Detecting faces"):
        reading = read_for_visitor(decoded, posed=picture.is_posed)
    if not reading.faces:
        return Asked(None, 0, {})
    largest = max((found.face for found in reading.faces), key=lambda face: face.box.width * face.box.height)
    crop = largest.crop(decoded.pixels)
    answers: dict[str, npt.NDArray[np.float32] | str] = {}
    with st.spinner("Asking the models"):
        for record in chosen.others:
            try:
                model = load_classifier(record.name)
                model = model.posed() if picture.is_posed and model.spec.posed_adjustment else model
                (answers[record.name],) = model.adjusted_probabilities([crop])
            except EmomusicError as error:
                answers[record.name] = str(error)
    return Asked(encode_jpeg(shrink(crop, 2 * _CROP_SIDE)[0]), len(reading.faces), answers)


def _show_answers(asked: Asked, chosen: Chosen) -> None:
    if asked.face is None:
        st.header("No face found", anchor=False)
        st.markdown("Try another picture with a whole face, from the front, in good light.")
        return
    answers = [answer for answer in asked.answers.values() if not isinstance(answer, str)]
    counts = Counter(str(EMOTIONS[int(answer.argmax())]) for answer in answers if len(answer) == len(EMOTIONS))
    ranked = [f"{count} of {counts.total()} say {name}" for name, count in counts.most_common()]
    agreement = f"Of the models of seven emotions, {', '.join(ranked)}." if ranked else "No model answered."
    with st.container(horizontal=True, vertical_alignment="center"):
        show_sharp(asked.face, alt="The face that the models were asked about", width=_CROP_SIDE)
        st.markdown(f"**{agreement}**" + (" Only the largest face was used." if asked.num_faces > 1 else ""))
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
                    key=f"models-answer-{name}",
                    alt=f"Probabilities by {label_of(name)}: {list_shares(shares)}",
                )
                if classes[name] == FOUR:
                    st.caption(FOUR_LEGEND)
