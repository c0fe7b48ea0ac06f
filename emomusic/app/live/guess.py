"""Guess first: a class votes on ten faces, then sees their label, then the answer of the machine."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import urlencode

import cv2
import numpy as np
import streamlit as st

from emomusic.affect import EMOTIONS, Emotion, list_shares
from emomusic.answer.answer import sentence_of
from emomusic.app.charts import roomy_columns, show_chart, show_sharp
from emomusic.app.choices import LIVE_VIEW, VOTE, View, choose
from emomusic.app.picture_chooser import sample_picture
from emomusic.app.state import page_state
from emomusic.assets import load_once
from emomusic.charts.diagnostics import accuracy_by_group, list_groups
from emomusic.charts.face import share_bars
from emomusic.faces.detection import Face
from emomusic.faces.fer2013 import NO_MAJORITY, Split, majority, read_votes
from emomusic.faces.reading import load_networks
from emomusic.faces.table import Faces
from emomusic.marks.drawing import qr_code
from emomusic.media.images import Box, RgbImage, encode_jpeg, shrink
from emomusic.records import FaceBin
from emomusic.server.ballots import Ballot, ballot_of
from emomusic.server.visitor import address_for_phones, session_id
from emomusic.text import pluralize

_SIDE, _LARGEST = 480, 480  # pixels of a face on the page, and of its crop
_SMALL = 16  # pixels of a small face


@dataclass(frozen=True, slots=True)
class Question:
    """A face to guess.

    Attributes:
        sample: a bundled photo of one person.
        label: what its face shows, as one of the authors labelled it.
        defect: a name in `damaged`; empty for the face as it is.
    """

    sample: str
    label: Emotion
    defect: str = ""


QUESTIONS = (
    Question("eileen-collins-1999", Emotion.HAPPY),
    Question("joe-biden-2010", Emotion.NEUTRAL),
    Question("barack-obama-2009-speaking", Emotion.NEUTRAL),
    Question("barack-obama-2012", Emotion.HAPPY),
    Question("grace-hopper-1984", Emotion.NEUTRAL),
    Question("morisot-self-portrait-1885", Emotion.NEUTRAL),
    Question("morisot-young-woman-in-mauve-1880", Emotion.NEUTRAL),
    Question("barack-obama-2012", Emotion.HAPPY, "mouth covered"),
    Question("joe-biden-2010", Emotion.NEUTRAL, "dark"),
    Question("eileen-collins-1999", Emotion.HAPPY, "small"),
)
"""The ten faces, in their order. CONTRIBUTING.md explains how to add one."""

_LOCAL = "Phones cannot reach this app. In a network, start it with `STREAMLIT_SERVER_ADDRESS=0.0.0.0 make run`."
_LAST = "Last round: smile without joy, and let it guess."
_MORAL = "It reads the shape of a mouth. It cannot know whether you are glad."


@dataclass
class GuessState:
    """A lesson: the faces so far, with what the class and the machine said.

    Attributes:
        stage: the step of the shown face: 0 guess, 1 label, 2 machine.
        classes: what most of the class said, by face; None without a vote.
        ballot: the votes on phones; None with a show of hands.
    """

    stage: int = 0
    classes: list[Emotion | None] = field(default_factory=list)
    ballot: Ballot | None = None

    @property
    def number(self) -> int:
        """The number of the shown face, from 1."""
        return len(self.classes) + (self.stage == 0)


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A face as the class sees it, and the answer of the machine."""

    picture: bytes  # JPEG
    faces: Faces


def damaged(crop: RgbImage, defect: str) -> RgbImage:
    """A copy of a square face crop in which a person still sees the expression: small, dark, or mouth covered."""
    copy = crop.copy()
    if defect == "small":
        small = cv2.resize(crop, (_SMALL, _SMALL), interpolation=cv2.INTER_AREA)
        copy = np.asarray(cv2.resize(small, crop.shape[:2], interpolation=cv2.INTER_LINEAR), np.uint8)
    elif defect == "dark":
        copy = (crop * 0.2).astype(np.uint8)
    else:
        copy[round(0.62 * len(crop)) :] = 40
    return copy


def ask(question: Question) -> Asked:
    """Read the face of a question."""
    image = sample_picture(question.sample).decode().pixels
    detector, classifier = load_networks(upright=True)
    found = max(detector.detect(image), key=lambda face: face.box.width * face.box.height)
    crop: RgbImage = shrink(found.crop(image), _LARGEST)[0]
    if question.defect:
        crop = damaged(crop, question.defect)
    face = Face(Box(0, 0, *crop.shape[1::-1]), 1.0)
    faces = Faces.of([face], classifier.classify([crop]), threshold=classifier.threshold)
    return Asked(encode_jpeg(crop), faces)


_ask = load_once(ask)


def show_guess() -> None:
    """Show the face and the vote, or on a phone the seven emotions; at the end the figures."""
    state = page_state(GuessState)
    code = VOTE.value
    if code and (state.ballot is None or state.ballot.code != code):
        st.fragment(_show_phone, run_every=1.0)()
        return
    if state.number > len(QUESTIONS):
        _show_end(state)
        return
    question, number = QUESTIONS[state.number - 1], state.number
    asked = _ask(question)
    left, right = roomy_columns([2, 3], key="guess", gap="large")
    with left:
        show_sharp(asked.picture, alt=f"Face {number}", width=_SIDE)
        defect = f", {question.defect}" if question.defect else ""
        st.caption(f"Face {number} of {len(QUESTIONS)}{defect}")
    with right:
        if state.stage == 0:
            _show_vote(state)
        else:
            _show_answers(state, question, asked)


def _show_vote(state: GuessState) -> None:
    st.header("What does this face show?", anchor=False)
    st.pills("What most hands are for", EMOTIONS, format_func=lambda one: one.adjective, key="guess-hands")
    if state.ballot is None:
        st.button("Vote on phones", icon=":material/smartphone:", on_click=_open_ballot, key="guess-phones")
    else:
        page = (st.context.url or "http://localhost:8501/live").partition("?")[0]
        address = f"{page}?{urlencode({LIVE_VIEW.name: View.GUESS, VOTE.name: state.ballot.code})}"
        if (reached := address_for_phones(address)) is None:
            st.info(_LOCAL, icon=":material/wifi_off:")
        else:
            show_sharp(encode_jpeg(qr_code(reached)), alt="The address of the vote", width=_SIDE * 2 // 3)
        st.markdown(f"Phones open `{reached or address}`")
        st.fragment(_show_counts, run_every=1.0)()
    st.button("Show the label", type="primary", on_click=_show_label, key="guess-label")
    st.caption("Votes have no names. They stay in this server's memory for this face only.")


def _show_counts() -> None:
    ballot = page_state(GuessState).ballot
    if ballot is not None:
        counts = ballot.counts()
        st.markdown(f"**{pluralize(counts.total(), 'vote')}** so far")


def _open_ballot() -> None:
    state = page_state(GuessState)
    state.ballot = Ballot(state.number)


def _show_label() -> None:
    """Close the vote, and keep what most of the class said: the hands, else the phones."""
    state = page_state(GuessState)
    if state.stage > 0:  # a second click
        return
    hands, most = st.session_state.get("guess-hands"), Counter[Emotion]()
    if state.ballot is not None:
        state.ballot.is_open = False
        most = state.ballot.counts()
    first = [emotion for emotion, votes in most.items() if votes == max(most.values())]
    state.classes.append(Emotion(hands) if hands else first[0] if len(first) == 1 else None)  # a tie is no answer
    state.stage = 1


def _show_answers(state: GuessState, question: Question, asked: Asked) -> None:
    said = state.classes[-1]
    st.header(f"Label: {question.label.adjective}", anchor=False)
    st.markdown(f"The class says **{said.adjective if said else 'no one emotion'}**. One person labelled this face.")
    counts = None if state.ballot is None else state.ballot.counts()
    if counts:
        shares = {str(emotion): counts[emotion] / counts.total() for emotion in EMOTIONS}
        show_chart(share_bars(shares, height=220), key="guess-votes", alt=f"Votes on phones: {list_shares(shares)}")
    if state.stage == 1:
        st.button("Ask the machine", type="primary", on_click=_ask_machine, key="guess-machine")
        return
    shares = asked.faces[0].probabilities.as_dict()
    st.subheader(f"The machine: {sentence_of(asked.faces).lower()}", anchor=False)
    show_chart(share_bars(shares, height=220), key="guess-shares", alt=f"The machine: {list_shares(shares)}")
    st.button(
        "Next" if state.number < len(QUESTIONS) else "How many were right?",
        type="primary",
        on_click=_go_on,
        key="guess-next",
    )


def _ask_machine() -> None:
    page_state(GuessState).stage = 2


def _go_on() -> None:
    state = page_state(GuessState)
    if state.stage == 0:  # a second click
        return
    state.stage = 0
    st.session_state["guess-hands"] = None
    if state.ballot is not None and state.number <= len(QUESTIONS):
        state.ballot.show(state.number)


def _show_end(state: GuessState) -> None:
    """The three accuracies with their intervals, and the last round."""
    labels = [question.label for question in QUESTIONS]
    machines = [_ask(question).faces.emotions[0] for question in QUESTIONS]
    right = [sum(one == label for one, label in zip(of, labels, strict=True)) for of in (state.classes, machines)]
    agreed, num_votes = _people()
    bins = [
        FaceBin("this class", len(labels), right[0] / len(labels)),
        FaceBin("the machine", len(labels), right[1] / len(labels)),
        FaceBin("single people on FER2013, by what most saw (FER+)", num_votes, agreed / num_votes),
    ]
    st.header(f"Class {right[0]}, machine {right[1]} of {len(labels)}", anchor=False)
    show_chart(accuracy_by_group({"": bins}, height=270), key="guess-end", alt=f"Right answers: {list_groups(bins)}")
    st.markdown("Ten faces tell little, so the ranges are wide.")
    st.subheader(_LAST, anchor=False)
    st.markdown(_MORAL)
    with st.container(horizontal=True):
        st.button(
            "Open the camera", icon=":material/videocam:", type="primary", on_click=_open_camera, key="guess-camera"
        )
        st.button("Play again", icon=":material/replay:", on_click=_play_again, key="guess-again")


@load_once
def _people() -> tuple[int, int]:
    """How many single votes on the faces of FER+ are for what most people saw, and how many votes there are."""
    _, votes = read_votes(Split.TEST)
    seen = majority(votes)
    rows = np.flatnonzero(seen != NO_MAJORITY)
    return int(votes[rows, seen[rows]].sum()), int(votes[rows].sum())


def _open_camera() -> None:
    choose({LIVE_VIEW: None, VOTE: None})


def _play_again() -> None:
    state = page_state(GuessState)
    state.classes, state.ballot = [], None
    st.session_state["guess-hands"] = None


def _show_phone() -> None:
    """The seven emotions, for one vote on the shown face."""
    ballot = ballot_of(VOTE.value or "")
    if ballot is None:
        st.info("This vote is over. Ask for the new address.", icon=":material/how_to_vote:")
        return
    st.header(f"Face {ballot.number}: what does it show?", anchor=False)
    mine = ballot.vote_of(session_id())
    for emotion in EMOTIONS:
        icon = ":material/check:" if emotion is mine else None
        options = {"icon": icon, "disabled": not ballot.is_open, "width": "stretch", "args": (emotion,)}
        st.button(emotion.adjective.capitalize(), on_click=_vote, key=f"vote-{emotion}", **options)  # type: ignore[arg-type]
    st.caption("Your vote has no name." if ballot.is_open else "The vote on this face is over.")


def _vote(emotion: Emotion) -> None:
    if (ballot := ballot_of(VOTE.value or "")) is not None:
        ballot.vote(session_id(), emotion)
