"""One face through every model, side by side. No network is loaded before the user clicks the button."""

from __future__ import annotations

import statistics
import timeit
from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import streamlit as st

from emomusic.affect import EMOTIONS, Emotion, describe_shares, list_shares
from emomusic.app import state
from emomusic.app.charts import show_chart
from emomusic.app.frame import escape_markdown
from emomusic.app.models.saved import Chosen, classifier
from emomusic.app.picture_chooser import Picture, choose_picture, keep_result, kept_result
from emomusic.app.sessions import WHEN_GONE
from emomusic.app.tiles import show_sharp
from emomusic.charts.face import share_bars
from emomusic.compat import session_id
from emomusic.errors import EmomusicError
from emomusic.media.images import RgbImage, crop_face, encode_jpeg, shrink, to_network_input
from emomusic.metrics import FOUR
from emomusic.records import Record
from emomusic.results.findings import FOUR_LEGEND, in_words, label_of
from emomusic.server.capacity import capacity
from emomusic.server.shared import shared

_CROP_SIDE = 120
_NUM_TIMED = 5  # calls, for the median time


@dataclass(frozen=True, slots=True, eq=False)
class ModelAnswer:
    """One model's probabilities for a face with the time per call, or the problem if it failed."""

    name: str
    classes: tuple[str, ...]
    probabilities: npt.NDArray[np.float32] | None
    elapsed_ms: float
    problem: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """The answers of all models about one picture; `face` is its largest face as JPEG, None without a face."""

    face: bytes | None
    num_faces: int
    answers: tuple[ModelAnswer, ...]


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
        _show_answers(asked)


def _ask_all(picture: Picture, chosen: Chosen) -> Asked:
    image = picture.read()
    with st.spinner("Detecting faces"):
        detector, _ = shared().visitor_networks(session_id())
        faces = detector.detect(image)
    if not faces:
        return Asked(None, 0, ())
    box = max((face.box for face in faces), key=lambda box: box.width * box.height)
    crop = crop_face(image, box)
    answers = []
    bar = st.progress(0.0)
    for number, record in enumerate(chosen.others):
        bar.progress(number / len(chosen.others), f"Asking {label_of(record.name)}")
        answers.append(_ask(record, crop))
    bar.empty()
    return Asked(encode_jpeg(shrink(crop, 2 * _CROP_SIDE)[0]), len(faces), tuple(answers))


def _ask(record: Record, crop: RgbImage) -> ModelAnswer:
    name, classes = record.name, record.classes
    try:
        model = classifier(name)
        crops = to_network_input([crop], model.spec.side)
        probabilities = model.of_photographs(crops)[0]
        times_s = timeit.repeat(lambda: model.of_photographs(crops), number=1, repeat=_NUM_TIMED)
    except EmomusicError as error:
        return ModelAnswer(name, classes, None, 0.0, str(error))
    return ModelAnswer(name, classes, probabilities, 1000 * statistics.median(times_s))


def _show_answers(asked: Asked) -> None:
    if asked.face is None:
        st.header("No face found", anchor=False)
        st.markdown("Try another picture with a whole face, from the front, in good light.")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        show_sharp(asked.face, alt="The face that the models were asked about", width=_CROP_SIDE)
        st.markdown(f"**{_agreement(asked)}**" + (" Only the largest face was used." if asked.num_faces > 1 else ""))
    with st.grid("auto", min_column_width=280, gap="medium"):
        for answer in asked.answers:
            with st.container(border=True, gap="xsmall"):
                if answer.probabilities is None:
                    st.markdown(f"**{label_of(answer.name)}** failed  \n{escape_markdown(answer.problem)}")
                    continue
                adjectives = [
                    Emotion(name).adjective if name in EMOTIONS else in_words(name) for name in answer.classes
                ]
                words = describe_shares(adjectives, answer.probabilities.tolist())
                st.markdown(f"**{label_of(answer.name)}**  \n{words}")
                shares = dict(zip(map(in_words, answer.classes), answer.probabilities.tolist(), strict=True))
                show_chart(
                    share_bars(shares, height=40 + 26 * len(shares)),
                    key=state.models_widget("answer", answer.name),
                    alt=f"Probabilities by {label_of(answer.name)}: {list_shares(shares)}",
                )
                if answer.classes == FOUR:
                    st.caption(FOUR_LEGEND)
                st.caption(f"{answer.elapsed_ms:.1f} ms on this server")


def _agreement(asked: Asked) -> str:
    """How many models of seven emotions name each emotion."""
    winners = [
        answer.classes[int(answer.probabilities.argmax())]
        for answer in asked.answers
        if answer.probabilities is not None and answer.classes != FOUR
    ]
    if not winners:
        return "No model of seven emotions answered."
    if len(winners) == 1:
        return "Only one model answered."
    counts = Counter(winners)
    if len(counts) == 1:
        return f"All {len(winners)} models of seven emotions say {winners[0]}."
    ranked = [f"{count} say{'s' if count == 1 else ''} {name}" for name, count in counts.most_common()]
    return f"The models of seven emotions differ: {', '.join(ranked)}."
