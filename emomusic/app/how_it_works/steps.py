"""The steps of the How it works page: their sentences, sources and drawings."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, TypeAlias

import numpy as np
import streamlit as st

from emomusic.affect import (
    EMOTIONS,
    REPORT_MOODS,
    AffectPoint,
    Emotion,
    EmotionProbabilities,
    Mood,
    Quadrant,
    describe_mood,
    list_shares,
)
from emomusic.app.frame import escape_markdown
from emomusic.app.how_it_works.drawing import (
    MOMENTS,
    Drawing,
    bars,
    fit_height,
    place_on_plane,
    place_square,
    show_moments,
    spectrogram,
    votes_answers,
)
from emomusic.app.plane import describe_few
from emomusic.app.player import show_start, song_line
from emomusic.app.queues import play_list
from emomusic.app.sources import your_music
from emomusic.assets import data_dir
from emomusic.calibration import apply_temperature, log_probabilities
from emomusic.charts import steps as plots
from emomusic.charts.diagnostics import accuracy_by_group, list_groups
from emomusic.colours import WRONG
from emomusic.faces.inspection import agreement
from emomusic.faces.model_files import DEFAULT_MODEL
from emomusic.media.images import encode_jpeg, read_image
from emomusic.records import read_face_record
from emomusic.results.overview import describe_weakest, groups_of, percent
from emomusic.server.walk import describe_agreement, describe_drop
from emomusic.songs.local_songs import load_bundled_recommender
from emomusic.songs.request import Request, start_mood, target_of

Draw: TypeAlias = Callable[[Drawing], None]

_MAP = 96
_STRIP = 590  # width of six maps
_NUM_SONGS = 3
_LEAST_STEP = 0.001  # of the dot on the plane; less is rounding


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the page."""

    draw: Draw
    key: str  # value of the URL parameter; it must not change, or links break
    title: str
    first: str  # two sentences for students
    second: str
    reference: str
    _: KW_ONLY
    waiting: str = "Detecting faces"  # text of the spinner
    needs_face: bool = True
    ratio: float = 1.0  # width by height of the drawing
    moments: Sequence[str] = ()  # the keys of a step with a scrubber, which draws its words too


STEPS: list[Step] = []


def _step(*texts: str, **options: Any) -> Callable[[Draw], Draw]:
    """Add a step with these texts, which the function draws."""

    def add(draw: Draw) -> Draw:
        STEPS.append(Step(draw, *texts, **options))
        return draw

    return add


def step_named(key: str | None) -> Step:
    """Return the step with this key or moment, or the first step."""
    return next((step for step in STEPS if key in (step.key, *step.moments)), STEPS[0])


_RUSSELL = "J. A. Russell, A circumplex model of affect, Journal of Personality and Social Psychology 39(6), 1980"


@_step(
    "picture",
    "From numbers to faces",
    "A photo is a table of numbers: the amounts of red, green and blue in each pixel.",
    "The app computes an expression from these numbers, but an expression does not prove a feeling.",
    "MTCNN: K. Zhang et al., IEEE Signal Processing Letters 23(10), 2016; L. F. Barrett et al., Emotional expressions "
    "reconsidered, 2019",
    needs_face=False,
    moments=MOMENTS,
)
def _draw_search(drawing: Drawing) -> None:
    step, place = step_named("picture"), st.empty()
    if not drawing.walk.is_searched:
        place.container(key="how-before").image(encode_jpeg(drawing.walk.preview), alt="The photo")
    with place:
        show_moments(drawing.walk, drawing.walk.trace, step.first, step.second, drawing.key)


@_step(
    "crop",
    "The network's input",
    "The app crops the face to a square, removes its colours and resizes it.",
    "The emotion network learned from thousands of small grey faces, so it gets the same kind of image.",
    "Training data FER2013: I. J. Goodfellow et al., Challenges in representation learning, ICONIP 2013",
    ratio=1.5,
)
def _draw_crop(drawing: Drawing) -> None:
    face = drawing.walk.face
    side = len(face.network_input)
    alt = f"The face in colour, in grey, and as {side} by {side} pixels"
    with fit_height(1.5, other_rem=15.6):
        image = encode_jpeg(plots.crop_steps(read_image(face.jpeg), face.network_input))
        st.image(image, alt=drawing.alt(alt), width="stretch")
    numbers = f"{side * side:,} numbers from 0 (black) to 255 (white)"
    about = f"{face.side} pixels per side, in colour and in grey, resized to {side}: {numbers}."
    if (partner := face.classifier.partner) is not None:
        about += f" A second network reads {partner.spec.side} by {partner.spec.side}; the next steps show the first."
    drawing.fact(about)


@_step(
    "maps",
    "Patterns in the face",
    "Each layer makes feature maps, which are bright at its patterns: first edges, then parts of a face.",
    "The maps become smaller from layer to layer, and their patterns become harder to name.",
    "Y. LeCun et al., Gradient-based learning applied to document recognition, Proceedings of the IEEE 86(11), 1998",
    waiting="Running the network",
    ratio=1.2,
)
def _draw_maps(drawing: Drawing) -> None:
    levels = drawing.walk.face.levels
    with fit_height(_STRIP / _MAP / len(levels), other_rem=15.6 + 3.0 * len(levels)):
        for level in levels:
            side, num_shown = level.maps.shape[1], len(level.maps)
            st.markdown(f"**{side} by {side} pixels, {num_shown} of {level.num_channels} maps**")
            alt = drawing.alt(f"{num_shown} feature maps of {side} by {side} pixels")
            st.image(plots.map_strip(level, _MAP), alt=alt, width="stretch", output_format="PNG")  # transparent gaps
    about = "Light areas contain the pattern, dark areas do not."
    drawing.fact(f"{about} The page shows the maps with the largest variation.")


@_step(
    "look",
    "Which parts matter?",
    "Grad-CAM computes which areas support the answer; occlusion covers each area and measures the drop.",
    "Grad-CAM is a formula and occlusion is an experiment; if they disagree, trust the experiment.",
    "R. R. Selvaraju et al., Grad-CAM, ICCV 2017, as HiResCAM, R. L. Draelos & L. Carin, arXiv:2011.08891",
    waiting="Covering one area at a time",
    ratio=2.0,
)
def _draw_explanations(drawing: Drawing) -> None:
    face = drawing.walk.face
    answer, occlusion = face.reading.emotion, face.occlusion
    drop = describe_drop(answer, occlusion.probability, occlusion.probability - float(occlusion.drops.max()))
    drawing.fact(f"{describe_agreement(agreement(face.grad_cam, occlusion))} {drop}")  # first: it moves the chart
    heats = plots.heats(face.grey, face.grad_cam, occlusion)
    drawing.chart(heats, alt=f"Grad-CAM and occlusion for {answer}, side by side")


@_step(
    "cover",
    "Cover a part yourself",
    "Drag the grey square over the face, or move it with the arrow keys, and see which part the answer needs.",
    "This is one measurement of occlusion, the experiment of the last step.",
    "M. D. Zeiler & R. Fergus, Visualizing and understanding convolutional networks, ECCV 2014",
    waiting="Running the network",
    ratio=2.0,
)
def _draw_cover(drawing: Drawing) -> None:
    walk = drawing.walk
    face, reading = walk.face.grey, walk.face.reading.probabilities
    square, answers = st.columns(2, gap="medium")
    with square, st.container(key="how-cover"):
        row, column, side = place_square(walk)
    covered = face.copy()
    covered[row : row + side, column : column + side] = round(float(face.mean()))
    (answer,) = walk.face.classifier.adjusted_probabilities([covered])
    shares = dict(zip(EMOTIONS, answer.tolist(), strict=True))
    with answers:
        drawing.chart(bars(shares), alt=f"With the square: {list_shares(shares)}")
    emotion, now = reading.emotion, EMOTIONS[answer.argmax()]
    turns = "The answer turns" if now is not emotion else "The answer stays"
    before, after = percent(reading[emotion]), percent(shares[now])
    drawing.fact(f"**{turns}: {emotion} {before}, with the square {now} {after}.**")


@_step(
    "probabilities",
    "Scores to probabilities",
    "The network scores each emotion, and the softmax turns scores into probabilities.",
    "The temperature divides the scores: calibration chooses it so that the confidence matches the accuracy.",
    "C. Guo et al., ICML 2017; smoothing: G. Patrini et al., CVPR 2017; adjustment: M. Kull et al., NeurIPS 2019",
    waiting="Running the network",
    ratio=1.2,
)
def _draw_probabilities(drawing: Drawing) -> None:
    probabilities = drawing.walk.face.reading.probabilities.values
    with drawing.facts:
        label = "Temperature: 1 is the app's answer"
        temperature = st.slider(label, 0.25, 4.0, 1.0, 0.25, key="how-temperature")
    shares = dict(zip(EMOTIONS, apply_temperature(probabilities[None], temperature)[0].tolist(), strict=True))
    logs = log_probabilities(probabilities)  # the scores after calibration and adjustment, up to a constant
    scores = dict(zip(EMOTIONS, (logs - logs.mean()).tolist(), strict=True))
    tests = votes_answers()
    claimed = apply_temperature(tests.probabilities, temperature).max(axis=1).mean()
    drawing.fact(
        f"**On {len(tests.y_true):,} test faces of the seven emotions, it claims {percent(claimed)} on average, and "
        f"{percent(np.mean(tests.y_pred == tests.y_true))} are right.** The temperature changes the claimed "
        "confidence, never the right answers."
    )
    figure = bars(shares).update_yaxes(
        tickvals=list(scores), ticktext=[f"{name}, {score:.1f}" for name, score in scores.items()]
    )
    listed = ", ".join(f"{name} {score:.1f}" for name, score in scores.items())
    drawing.chart(figure, alt=f"Scores: {listed}; probabilities: {list_shares(shares)}")


@_step(
    "people",
    "Does it work for everyone?",
    "The network learned from some people and is right more often for those who look and act like them.",
    "Each point is a collection of labelled faces with its 95 % range; the network had not met these persons.",
    "Figures of this model on the Models page; J. Buolamwini & T. Gebru, Gender shades, FAT* 2018",
    needs_face=False,
    ratio=1.2,
)
def _draw_people(drawing: Drawing) -> None:
    record = read_face_record(DEFAULT_MODEL)
    *known, last = groups = groups_of(record)
    with drawing.facts:
        guess = st.slider(f"Your guess, in %, for {last.name}", 0, 100, 0, key="how-guess")
    shown = groups if guess else known
    told = f"You guessed {guess} %. {describe_weakest(record)}"
    drawing.fact(told if guess else "Move the line to your guess, and see the answer.")
    figure = plots.readable(accuracy_by_group({"": shown}, height=plots.HEIGHT))
    figure.add_vline(x=guess, line={"dash": "dash", "width": 3, "color": WRONG})
    drawing.chart(figure, alt=f"Right answers: {list_groups(shown)}")


@_step(
    "place",
    "A point on the plane",
    "Each emotion has a point on a plane: pleasant on the right (valence), awake at the top (arousal).",
    "The face lies at the mean of these points, weighted by the probabilities.",
    f"{_RUSSELL}; points: J. A. Russell & A. Mehrabian, Evidence for a three-factor theory of emotions, "
    "Journal of Research in Personality 11(3), 1977",
)
def _draw_point(drawing: Drawing) -> None:
    face = drawing.walk.face.reading
    other = max(EMOTIONS, key=lambda emotion: face.point.distance(emotion.point))
    with drawing.facts:
        share = st.slider(f"Mix in “{other}”, in %", 0, 100, 0, 5, key="how-mix") / 100
    values = (1 - share) * face.probabilities.values + share * EmotionProbabilities.certain(other).values
    mixed = EmotionProbabilities(values.astype(np.float32))
    point = mixed.point
    is_between = point.quadrant is Quadrant.N and mixed.emotion is not Emotion.NEUTRAL
    surprise = "**It lies where neutral faces lie: the plane cannot tell a mixture from no emotion.** "
    drawing.fact(
        f"{surprise if is_between else ''}Valence {point.valence:.2f}, arousal {point.arousal:.2f}, both from -1 to 1. "
        "Thicker lines mean larger weights."
    )
    alt = f"The plane with the face at valence {point.valence:.2f} and arousal {point.arousal:.2f}"
    drawing.plane(alt, mixed, weights=True)


@_step(
    "quadrant",
    "Which quadrant is it?",
    "Two axes divide the plane into four quadrants; a face inside the central ring counts as neutral.",
    "Each quadrant has a mood of music. Of a face, the main emotion decides. Drag the dot, or use the arrow keys.",
    f"{_RUSSELL}; the ring is our choice",
)
def _draw_quadrant(drawing: Drawing) -> None:
    face = drawing.walk.face.reading
    with st.container(key="how-plane"):
        point = place_on_plane(drawing.walk, face.point)
    quadrant, gap = point.quadrant, min(abs(point.valence), abs(point.arousal))
    valence, arousal = (-x if abs(x) == gap else x for x in (point.valence, point.arousal))
    mood, across = quadrant.mood, AffectPoint(valence, arousal).quadrant.mood
    step = f" A step of {gap:.2f} across the nearest line makes them {across}."
    fact = f"**{quadrant.description.capitalize()}: {mood} songs.**{step if mood is not across else ''}"
    of_face = start_mood(Request(face.for_songs.point, emotion=face.for_songs.emotion))
    is_moved = point.distance(face.point) > _LEAST_STEP
    if of_face is not mood and not is_moved:
        reason = f"its main emotion is {face.emotion}" if face.is_sure else "it is unclear"
        fact += f" This face gets {of_face} songs, because {reason}."
    drawing.fact(fact)


@_step(
    "songs",
    "Songs for this face",
    "The main emotion sets the mood of the songs: that of its quadrant, for neutral faces happy or calm.",
    "The first songs probably have this mood and lie near the face; each song states its reason.",
    f"{_RUSSELL}; the mood of each quadrant and the ranking are our choice",
    waiting="Choosing songs",
)
def _draw_songs(drawing: Drawing) -> None:
    face = drawing.walk.face.reading
    music = your_music()
    request = music.asked(Request(face.for_songs.point, emotion=face.for_songs.emotion))
    chosen = music.recommender.songs(request, _NUM_SONGS)
    mood = target_of(request)[1]  # the emotion decides it, not the quadrant of the face
    report = f"“Music Mood Lifter” would play {REPORT_MOODS[face.emotion]} songs."
    clear = describe_mood(face.probabilities, mood).capitalize()
    reason = clear if face.is_sure else f"The face is unclear: {mood} songs"
    drawing.fact(" ".join([f"**{reason}.**", *describe_few(chosen, mood), report]))
    with drawing.facts, st.container(key="how-songs", gap="small"):
        show_start(play_list(chosen, ("how", request), music))
        for pick in chosen:
            st.markdown(f"{pick.number}. {song_line(pick.song)}  \n{escape_markdown(pick.reason)}")
    alt = f"The plane with the face and {len(chosen)} songs around it"
    drawing.plane(alt, face.probabilities, picks=chosen)


@_step(
    "sound",
    "The sound of a mood",
    "This picture is a song: time from left to right, low to high pitches upwards, light where it is loud.",
    "A network finds patterns in such pictures, and from them a second model gives each mood a probability.",
    "J. Pons & X. Serra, musicnn, ISMIR 2019; clips: R. Panda et al., IEEE Trans. Affective Computing 11(4), 2020",
    waiting="Listening",
    ratio=2.5,
)
def _draw_sound(drawing: Drawing) -> None:
    face = drawing.walk.face.reading
    (found,) = load_bundled_recommender().songs(Request(face.for_songs.point, emotion=face.for_songs.emotion), 1)
    song, hearing = found.song, found.song.hearing
    assert song.path is not None  # as of every bundled song, like the others
    assert song.duration_s is not None
    assert hearing is not None
    drawing.fact(f"Nearest to this face: {song_line(song)}")
    with drawing.facts:
        show_start(play_list([found], ("how", song.id)))
    sound, moods = st.columns([3, 2], gap="medium")
    with sound:
        figure = plots.heard_song(spectrogram(song.path), song.duration_s)
        drawing.chart(figure, alt=f"The loudness of {song.title} by time and pitch")
    with moods:
        shares = {str(mood): hearing.moods[mood] for mood in Mood}
        drawing.chart(bars(shares), "moods", alt=f"The moods of {song.title}: {list_shares(shares)}")


@_step(
    "band",
    "A band that a face conducts",
    "Drag the dot, or move it with the arrow keys: to the right the band plays in major, and upwards the drums enter.",
    "All notes stay the same: only the loudness of eight loops changes. Yet the network of the last step hears a mood.",
    "The loops are our own; the network as in the last step",
    needs_face=False,
)
def _draw_band(drawing: Drawing) -> None:
    style = json.loads((data_dir() / "band/band.json").read_bytes())["styles"][0]
    with st.container(key="how-plane"):
        point = place_on_plane(drawing.walk, AffectPoint(0, 0), style["name"])
    heard = [
        float(np.interp(asked, *np.transpose(style["heard"][axis])))
        for axis, asked in (("valence", point.valence), ("arousal", point.arousal))
    ]
    drawing.fact(
        f"The dot: valence {point.valence:.2f}, arousal {point.arousal:.2f}. **The network hears valence "
        f"{heard[0]:.2f}, arousal {heard[1]:.2f}.** It hears only the loops: a few soft ones sound drowsy."
    )
