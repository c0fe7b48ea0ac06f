"""What each step of "How it works" shows: one large picture or chart, and the figures that go with it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from emomusic.affect import EMOTIONS, QUADRANT_MOODS, affect_of, list_shares, quadrant_of, share_text
from emomusic.errors import ModelError
from emomusic.face.detection import MIN_CONFIDENCE, Candidates, Stage
from emomusic.face.images import RgbImage, encode_jpeg, encode_png, read_image, shrink, to_network_input
from emomusic.face.inspection import FeatureMaps, FloatMap, Insight
from emomusic.music.request import Policy, Request
from emomusic.music.spotify.embeds import track_url
from emomusic.plots import steps as plots
from emomusic.results.findings import percent
from emomusic.text import pluralize
from emomusic.ui.core.charts import roomy_columns, show_chart
from emomusic.ui.core.engine import engine
from emomusic.ui.core.frame import escape_markdown, escape_markdown_message
from emomusic.ui.core.tiles import show_sharp
from emomusic.ui.how_it_works.walk import CROP_SIDE, Scene
from emomusic.ui.songs.choose import describe_few, song_points

BARS, PLANE, SMALL_PLANE = "how-bars", "how-plane", "how-small-plane"
"""What holds a chart; how high each is, the frame's style says, which knows the window."""

_SIDE = 760  # pixels: what a picture may measure beside the words
_HEIGHT = 580
_LEAST_REM = 16  # of a window's height, for what adapts to it
_MAP = 96
_STRIP = 590  # of six maps
_NUM_SONGS = 5
_NUM_WEIGHTS = 3  # of a face's emotions, told beside the plane


# The picture and the detector


def picture(scene: Scene) -> None:
    """The picture as it is."""
    width, height = scene.walk.size
    _image(scene, "picture", lambda: _shown(scene)[0], alt="The picture")
    _fact(f"{width:,} by {height:,} points, {3 * width * height:,} numbers")


def proposals(scene: Scene) -> None:
    """P-Net's boxes."""
    stage = scene.walk.stages.proposals
    _boxes(scene, "proposals", stage)
    _fact(f"{pluralize(len(stage.found), 'box', 'boxes')} proposed (blue), {len(stage.kept):,} kept (yellow)")


def refined(scene: Scene) -> None:
    """R-Net's boxes."""
    stages = scene.walk.stages
    stage = stages.refined
    _boxes(scene, "refined", stage)
    _fact(
        f"{pluralize(len(stages.proposals.kept), 'box', 'boxes')} looked at, {len(stage.found):,} passed (blue), "
        f"{len(stage.kept):,} kept (yellow)"
    )


def output(scene: Scene) -> None:
    """O-Net's faces, with their landmarks."""
    stages = scene.walk.stages
    _boxes(scene, "output", stages.output, landmarks=True)
    # No figure of 100 %: it is rounded, and nothing here is certain
    confidences = [face.confidence for face in stages.faces[:4]]
    sure = ", ".join(f"over {percent(0.999)}" if value > 0.9995 else percent(value) for value in confidences)
    num_looked_at = pluralize(len(stages.refined.kept), "box", "boxes")
    if not len(stages.refined.kept):
        _fact("No box was left to look at")
    elif not stages.faces:
        _fact(f"{num_looked_at} looked at, and none of them {_percent(MIN_CONFIDENCE)} sure to be a face")
    else:
        more = ", …" if len(stages.faces) > 4 else ""
        _fact(f"{num_looked_at} looked at, {pluralize(len(stages.faces), 'face')} found: {sure}{more} sure")


def _boxes(scene: Scene, name: str, stage: Stage, *, landmarks: bool = False) -> None:
    kept = stage.kept
    if landmarks:
        sure = kept.confidence >= MIN_CONFIDENCE
        kept = Candidates(kept.corners[sure], kept.confidence[sure])

    def draw() -> RgbImage:
        image, scale = _shown(scene)
        marks = [face.landmarks for face in scene.walk.stages.faces] if landmarks else []
        return plots.boxes_on_picture(image, stage.found, kept, scale=scale, landmarks=marks)

    alt = f"The picture with {pluralize(len(stage.found), 'box', 'boxes')}, {len(kept)} of them drawn thick"
    _image(scene, name, draw, alt=alt)


def _shown(scene: Scene) -> tuple[RgbImage, float]:
    """The picture at the size it is shown, and that as a share of the original's."""
    image, scale = shrink(scene.walk.preview, 2 * _HEIGHT)
    return image, scale * scene.walk.scale


# The network


def crop(scene: Scene) -> None:
    """The face in colour, in grey, and as the network sees it."""
    face = scene.face
    side = len(face.seen)
    tiles = (
        ("cut out", "colour", lambda: face.shown),
        ("without colours", "grey", lambda: _grey(read_image(face.shown))),
        (f"{side} by {side} points", "small", lambda: encode_jpeg(plots.enlarged_pixels(face.seen, CROP_SIDE))),
    )
    for place, (label, name, draw) in zip(st.columns(3), tiles, strict=True):
        with place:
            _label(label)
            _tile(scene, f"crop-{name}", draw, alt=_of_face(scene, f"The face, {label}"))
    change = "points a side, enlarged to" if face.side < side else "points a side become"
    _fact(f"{face.side} {change} {side}: {side * side:,} numbers, from black 0 to white 255")


def maps(scene: Scene) -> None:
    """Some feature maps of each size."""
    levels = scene.face.insight.levels
    with _as_high_as_fits(_STRIP / _MAP / len(levels), rest_rem=12.5 + 3.6 * len(levels)):
        for number, level in enumerate(levels):
            side, shown = level.maps.shape[1], len(level.maps)
            _label(f"{side} by {side} points, {shown} of {level.num_channels} maps")
            strip = scene.drawn(f"maps-{number}", partial(_strip, level))
            show_sharp(strip, alt=_of_face(scene, f"{shown} feature maps of {side} by {side} points"), width=_STRIP)
    _fact("Dark: the pattern is not there. Light: it is. Shown are the maps that vary most over this face.")


def look(scene: Scene) -> None:
    """Grad-CAM and occlusion beside the face, and how well they agree."""
    face = scene.face
    insight, occlusion = face.insight, face.occlusion
    answer = EMOTIONS[insight.winner]
    left, right = st.columns(2)
    with right:
        label = "Occlusion: what it needs"
        _label(label)
        _tile(
            *(scene, "look-occlusion", lambda: _heat(insight, occlusion.heat)),
            alt=_of_face(scene, f"{label}, for {answer}"),
        )
    lowest = occlusion.probability - float(occlusion.drops.max())
    facts = [f"Light places matter most. {describe_fall(answer, occlusion.probability, lowest)}"]
    with left:
        label = "Grad-CAM: what speaks for it"
        _label(label)
        try:
            with st.spinner("Loading TensorFlow, which only this map needs: about five seconds"):
                heat = face.grad_cam
        except ModelError as error:
            st.info(escape_markdown_message(str(error)), icon=":material/info:")
        else:
            _tile(*(scene, "look-cam", lambda: _heat(insight, heat)), alt=_of_face(scene, f"{label}, for {answer}"))
            facts.insert(0, describe_agreement(face.agreement))
    _fact("  \n".join(facts))


def describe_agreement(correlation: float | None) -> str:
    """Say how well two maps agree, the figure and what it means."""
    if correlation is None:
        return "The two maps cannot be compared: one of them is the same everywhere."
    if correlation >= 0.5:
        words = "The two maps agree"
    elif correlation >= 0.2:
        words = "The two maps agree a little"
    elif correlation > -0.2:
        words = "The two maps have hardly anything in common"
    else:
        words = "The two maps disagree"
    return f"**{words}: {correlation:.2f}**, where 1 is the same order of places, 0 none and -1 the opposite."


def describe_fall(answer: str, before: float, lowest: float) -> str:
    """Say what covering the place that matters most takes from an answer; both figures are from 0 to 1."""
    if lowest >= before:
        return f"No place, when covered, takes anything from “{answer}”."
    whole, left = _percent(before), _percent(lowest)
    if whole == left:
        return f"Covering the place that matters most hardly changes “{answer}”: it stays at {whole}."
    return f"With the place that matters most covered, “{answer}” falls from {whole} to {left}."


def probabilities(scene: Scene) -> None:
    """Logits, softmax, calibration, probabilities."""
    insight = scene.face.insight
    scores = ", ".join(f"{e} {x:.1f}" for e, x in zip(EMOTIONS, insight.logits[0], strict=True))
    shares = list_shares(dict(zip(EMOTIONS, insight.probabilities.tolist(), strict=True)))
    effect = "bolder" if insight.temperature < 1 else "more modest" if insight.temperature > 1 else "no different"
    both = (
        "Full bars are the face, faint ones its mirror image; their shares are averaged. " if len(insight.logits) > 1
        else ""
    )  # fmt: skip
    smoothed = (
        f"Training taught some doubt: {_percent(insight.smoothing)} of every answer goes to all emotions alike, "
        "and is taken back. "
        if insight.smoothing else ""
    )  # fmt: skip
    _fact(
        f"**{_ways_to_the_answer(insight)}**  \n"
        f"{both}{smoothed}A temperature of {insight.temperature:.2f} makes them {effect}. The thin strokes are the "
        "shares before all that."
    )
    figure = plots.logit_bars(insight, height=_HEIGHT - 40)
    _chart(figure, "logits", alt=_of_face(scene, f"Scores: {scores}; probabilities: {shares}"), room=BARS)


def _ways_to_the_answer(insight: Insight) -> str:
    """The winner's share as the network gives it, and after each step that changes it."""
    winner = insight.winner
    calibrating = "doubt and temperature" if insight.smoothing else "the temperature"
    shares = [_percent(insight.averaged[winner]), f"{_percent(insight.calibrated[winner])} after {calibrating}"]
    if insight.adjusted:
        shares.append(f"{_percent(insight.probabilities[winner])} after the adjustment for photographs")
    return f"{EMOTIONS[winner]}: {' → '.join(shares)}"


# The plane and the songs


def place(scene: Scene) -> None:
    """The face's place as a weighted mean."""
    values = scene.face.probabilities
    point = affect_of(values)
    heaviest = sorted(values.as_dict().items(), key=lambda weight: -weight[1])[:_NUM_WEIGHTS]
    weights = ", ".join(f"{name} {_percent(weight)}" for name, weight in heaviest if weight >= plots.LEAST_WEIGHT)
    _fact(
        f"Pleasant {point.valence:.2f}, awake {point.arousal:.2f}, both from -1 to 1. The thicker a line, the more its "
        f"emotion weighs: {weights}; what weighs less than {_percent(plots.LEAST_WEIGHT)} has none."
    )
    figure = plots.weighed_place(values, point, _name(scene), height=_HEIGHT)
    where = f"The plane, the face at valence {point.valence:.2f} and arousal {point.arousal:.2f}"
    _chart(figure, "place", alt=_of_face(scene, where), room=PLANE)


def quadrant(scene: Scene) -> None:
    """The quarter the face lies in."""
    values = scene.face.probabilities
    point = affect_of(values)
    quarter = quadrant_of(point)
    figure = plots.quarter_place(values, point, _name(scene), height=_HEIGHT)
    _fact(f"{quarter}: {quarter.description}")
    alt = _of_face(scene, f"The plane, {quarter} filled out: {quarter.description}")
    _chart(figure, "quadrant", alt=alt, room=PLANE)


def songs(scene: Scene) -> None:
    """Quarter, mood, and the first songs with their reasons."""
    values = scene.face.probabilities
    point = affect_of(values)
    quarter = quadrant_of(point)
    request = Request(point=point, emotion=values.emotion, policy=Policy.MATCH)
    chosen = engine().recommender().songs(request, _NUM_SONGS)
    plane, listed = roomy_columns([5, 8], key="how-songs", gap="medium")
    with plane:
        moods = {other: f"{other} → {mood}" for other, mood in QUADRANT_MOODS.items()}
        moods[quarter] = f"**:primary[{moods[quarter]} songs]**"
        with st.container(key="how-moods"):
            st.markdown(" · ".join(words.replace(" ", "\N{NO-BREAK SPACE}") for words in moods.values()))
        _chart(
            plots.songs_place(values, point, _name(scene), song_points(chosen)),
            "songs",
            alt=_of_face(scene, f"The plane with the face in {quarter} and {len(chosen)} songs around it"),
            room=SMALL_PLANE,
        )
    with listed:
        who = f" for Face {scene.face.number}" if len(scene.walk.faces) > 1 else ""
        _fact(" ".join([*describe_few(chosen, QUADRANT_MOODS[quarter]), f"The photo page plays them{who}."]))
        with st.container(key="how-songs", gap="small"):
            for number, song in enumerate(chosen, 1):
                track = song.track
                st.markdown(
                    f"**{number}. [{escape_markdown(track.title)}]({track_url(track.id)})** · "
                    f"{escape_markdown(track.byline)}  \n"
                    f"{escape_markdown(song.reason)}"
                )


# What they share


def _image(scene: Scene, name: str, draw: Callable[[], RgbImage], *, alt: str) -> None:
    width, height = scene.walk.size
    shown = scene.drawn(name, lambda: encode_jpeg(draw()))
    with _as_high_as_fits(width / height, rest_rem=13.5):
        show_sharp(shown, alt=alt, width=min(_SIDE, round(_HEIGHT * width / height)))


def _as_high_as_fits(ratio: float, *, rest_rem: float) -> DeltaGenerator:
    """A place for pictures in which they become smaller where the window is too low for them.

    Args:
        ratio: of their width to the height that there is for them.
        rest_rem: how much of the window's height all else on the screen takes.
    """
    height = f"max({_LEAST_REM}rem, 100vh - {rest_rem:.1f}rem)"
    st.html(f"<style>.st-key-how-fitting {{ max-width: calc({height} * {ratio:.3f}); }}</style>")
    return st.container(key="how-fitting")


def _tile(scene: Scene, name: str, draw: Callable[[], bytes], *, alt: str) -> None:
    st.image(scene.drawn(name, draw), alt=alt, width="stretch")


def _of_face(scene: Scene, alt: str) -> str:
    """What a picture or chart shows, and of which face where there are several."""
    return alt if len(scene.walk.faces) == 1 else f"Face {scene.face.number}. {alt}"


def _chart(figure: go.Figure, name: str, *, alt: str, room: str) -> None:
    """A chart as high as the window has room for: what the frame's style says of `room`."""
    with st.container(key=room):
        show_chart(figure, key=f"how-chart-{name}", alt=alt, height="stretch")


def _label(text: str) -> None:
    st.markdown(f"**{text}**")


def _fact(text: str) -> None:
    """The figures of this picture, larger than a caption: they are to be read from afar."""
    with st.container(key="how-fact"):
        st.markdown(text)


def _percent(share: float) -> str:
    """No line ends between the figure and its sign."""
    return share_text(share).replace(" ", "\N{NO-BREAK SPACE}")


def _name(scene: Scene) -> str:
    """What stands in the circle on the plane."""
    return str(scene.face.number)


def _grey(square: RgbImage) -> bytes:
    """Without its colours, by the very function that takes them away for the network; at the same size."""
    return encode_jpeg(np.repeat(to_network_input([square], len(square))[0], 3, axis=2))


def _heat(insight: Insight, heat: FloatMap) -> bytes:
    return encode_jpeg(plots.heat_on_face(insight.face, heat, CROP_SIDE))


def _strip(level: FeatureMaps) -> bytes:
    """As PNG: between the maps it is see-through."""
    return encode_png(plots.map_strip(level, _MAP))
