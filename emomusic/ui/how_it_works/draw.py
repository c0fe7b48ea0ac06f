"""The drawing of each step of the How it works page: one image or chart, and its figures."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from emomusic.affect import EMOTIONS, QUADRANT_MOODS, affect_of, list_shares, quadrant_of, share_text
from emomusic.face.detection import MIN_CONFIDENCE, Stage
from emomusic.face.images import RgbImage, encode_jpeg, encode_png, read_image, shrink, to_network_input
from emomusic.face.inspection import FeatureMaps, FloatMap, Insight
from emomusic.music.request import Policy, Request
from emomusic.plots import steps as plots
from emomusic.results.findings import percent
from emomusic.text import pluralize
from emomusic.ui.core.charts import roomy_columns, show_chart
from emomusic.ui.core.frame import escape_markdown
from emomusic.ui.core.tiles import show_sharp
from emomusic.ui.how_it_works.walk import CROP_SIDE, Walk
from emomusic.ui.songs.choose import describe_few, song_line, song_points
from emomusic.ui.songs.sources import songs_recommender
from emomusic.ui.songs.your_music import with_your_music

BARS, PLANE, SMALL_PLANE = "how-bars", "how-plane", "how-small-plane"
"""Container keys of charts. The style in `page` sets their heights."""

_MAX_WIDTH = 760  # pixels, of an image next to the sentences
_MIN_REM = 16  # lowest height for a low window
_MAP = 96
_STRIP = 590  # width of six maps
_NUM_SONGS = 5
_NUM_WEIGHTS = 3  # emotions listed with the plane


# Detection


def show_photo(walk: Walk) -> None:
    """Show the photo and its number of pixels."""
    width, height = walk.size
    _image(walk, "picture", lambda: _displayed(walk)[0], alt="The photo")
    _fact(f"{width:,} by {height:,} pixels, {3 * width * height:,} numbers")


def show_proposals(walk: Walk) -> None:
    """Show the boxes of P-Net."""
    stage = walk.trace.proposals
    _boxes(walk, "proposals", stage)
    _fact(f"{pluralize(len(stage.found), 'box', 'boxes')} proposed (blue), {len(stage.kept):,} kept (yellow)")


def show_refined(walk: Walk) -> None:
    """Show the boxes of R-Net."""
    trace, stage = walk.trace, walk.trace.refined
    _boxes(walk, "refined", stage)
    _fact(
        f"{pluralize(len(trace.proposals.kept), 'box', 'boxes')} checked, {len(stage.found):,} accepted (blue), "
        f"{len(stage.kept):,} kept (yellow)"
    )


def show_faces(walk: Walk) -> None:
    """Show the faces of O-Net with their landmarks."""
    trace = walk.trace
    _boxes(walk, "output", trace.output, landmarks=True)
    # "100 %" would be a rounding error: no detection is certain
    values = [face.confidence for face in trace.faces[:4]]
    confidences = ", ".join(f"over {percent(0.999)}" if value > 0.9995 else percent(value) for value in values)
    checked = f"{pluralize(len(trace.refined.kept), 'box', 'boxes')} checked"
    if not len(trace.refined.kept):
        _fact("No box left to check")
    elif not trace.faces:
        _fact(f"{checked}, no face found: each confidence is below {_percent(MIN_CONFIDENCE)}")
    else:
        more = ", …" if len(trace.faces) > 4 else ""
        _fact(f"{checked}, {pluralize(len(trace.faces), 'face')} found. Confidence: {confidences}{more}")


def _boxes(walk: Walk, name: str, stage: Stage, *, landmarks: bool = False) -> None:
    kept = stage.kept
    if landmarks:
        kept = kept.take(kept.confidence >= MIN_CONFIDENCE)

    def draw() -> RgbImage:
        image, scale = _displayed(walk)
        marks = [face.landmarks for face in walk.trace.faces] if landmarks else []
        return plots.boxes_on_picture(image, stage.found, kept, scale=scale, landmarks=marks)

    alt = f"The photo with {pluralize(len(stage.found), 'box', 'boxes')}, {len(kept)} with thick lines"
    _image(walk, name, draw, alt=alt)


def _displayed(walk: Walk) -> tuple[RgbImage, float]:
    """Return the displayed image and its scale relative to the original."""
    image, scale = shrink(walk.preview, 2 * plots.HEIGHT)
    return image, scale * walk.scale


# The network


def show_crop(walk: Walk) -> None:
    """Show the face in colour, in grey and as the input of the network."""
    face = walk.face
    pixels = face.network_input
    side = len(pixels)
    tiles = (
        ("Crop in colour", "colour", lambda: face.jpeg),
        ("Crop in grey", "grey", lambda: _grey(read_image(face.jpeg))),
        (f"{side} by {side} pixels", "small", lambda: encode_jpeg(plots.enlarged_pixels(pixels, CROP_SIDE))),
    )
    for column, (label, name, draw) in zip(st.columns(3), tiles, strict=True):
        with column:
            st.markdown(f"**{label}**")
            _tile(walk, f"crop-{name}", draw, alt=_alt(walk, f"The face: {label.lower()}"))
    _fact(f"{face.side} pixels per side, resized to {side}: {side * side:,} numbers from 0 (black) to 255 (white)")


def show_maps(walk: Walk) -> None:
    """Show some feature maps of each size."""
    levels = walk.face.insight.levels
    with _fit_height(_STRIP / _MAP / len(levels), other_rem=12.5 + 3.6 * len(levels)):
        for number, level in enumerate(levels):
            side, num_shown = level.maps.shape[1], len(level.maps)
            st.markdown(f"**{side} by {side} pixels, {num_shown} of {level.num_channels} maps**")
            strip = walk.cached(f"maps-{number}", partial(_strip, level))
            show_sharp(strip, alt=_alt(walk, f"{num_shown} feature maps of {side} by {side} pixels"), width=_STRIP)
    _fact("Light areas contain the pattern, dark areas do not. The page shows the maps with the largest variation.")


def show_explanations(walk: Walk) -> None:
    """Show Grad-CAM, occlusion and their agreement."""
    face = walk.face
    insight, occlusion = face.insight, face.occlusion
    answer = EMOTIONS[insight.winner]
    maps = (
        ("Grad-CAM: support for the answer", "look-cam", face.grad_cam),
        ("Occlusion: drop when covered", "look-occlusion", occlusion.heat),
    )
    for column, (label, name, heat) in zip(st.columns(2), maps, strict=True):
        with column:
            st.markdown(f"**{label}**")
            _tile(walk, name, partial(_heat, insight, heat), alt=_alt(walk, f"{label}, for {answer}"))
    lowest = occlusion.probability - float(occlusion.drops.max())
    _fact(
        f"{describe_agreement(face.agreement)}  \n"
        f"Light areas matter most. {describe_drop(answer, occlusion.probability, lowest)}"
    )


def describe_agreement(correlation: float | None) -> str:
    """Describe the rank correlation of two maps."""
    if correlation is None:
        return "The two maps cannot be compared: one of them is constant."
    if correlation >= 0.5:
        verdict = "agree"
    elif correlation >= 0.2:
        verdict = "agree a little"
    elif correlation > -0.2:
        verdict = "are unrelated"
    else:
        verdict = "disagree"
    return f"**The two maps {verdict}.** Their rank correlation is {correlation:.2f}, on a scale from -1 to 1."


def describe_drop(answer: str, before: float, lowest: float) -> str:
    """Describe the largest drop of a probability under occlusion. Both values are between 0 and 1."""
    if lowest >= before:
        return f"Covering an area never lowers “{answer}”."
    high, low = _percent(before), _percent(lowest)
    if high == low:
        return f"Covering the most important area hardly changes “{answer}”: it stays at {high}."
    return f"Covering the most important area lowers “{answer}” from {high} to {low}."


def show_probabilities(walk: Walk) -> None:
    """Show logits, softmax, calibration and the final probabilities."""
    insight = walk.face.insight
    scores = ", ".join(f"{e} {x:.1f}" for e, x in zip(EMOTIONS, insight.logits[0], strict=True))
    shares = list_shares(dict(zip(EMOTIONS, insight.probabilities.tolist(), strict=True)))
    effect = "raises" if insight.temperature < 1 else "lowers" if insight.temperature > 1 else "does not change"
    mirrored = "Faint bars show the mirror image; the app averages both views. " if len(insight.logits) > 1 else ""
    smoothed = f"Calibration removes {_percent(insight.smoothing)} label smoothing. " if insight.smoothing else ""
    _fact(
        f"**{_answer_by_step(insight)}**  \n"
        f"{mirrored}{smoothed}A temperature of {insight.temperature:.2f} {effect} the confidence. Thin lines show the "
        "probabilities before calibration."
    )
    figure = plots.logit_bars(insight)
    _chart(figure, "logits", alt=_alt(walk, f"Scores: {scores}; probabilities: {shares}"), container=BARS)


def _answer_by_step(insight: Insight) -> str:
    """Return the probability of the answer after each step."""
    winner = insight.winner
    shares = [_percent(insight.averaged[winner]), f"{_percent(insight.calibrated[winner])} after calibration"]
    if insight.adjusted:
        shares.append(f"{_percent(insight.probabilities[winner])} after adjustment for photos")
    return f"{EMOTIONS[winner]}: {' → '.join(shares)}"


# The plane and the songs


def show_point(walk: Walk) -> None:
    """Show the point of the face as a weighted mean."""
    values = walk.face.probabilities
    point = affect_of(values)
    heaviest = sorted(values.as_dict().items(), key=lambda weight: -weight[1])[:_NUM_WEIGHTS]
    weights = ", ".join(f"{name} {_percent(weight)}" for name, weight in heaviest if weight >= plots.LEAST_WEIGHT)
    _fact(
        f"Valence {point.valence:.2f}, arousal {point.arousal:.2f}, both from -1 to 1. Thicker lines mean larger "
        f"weights: {weights}. Weights below {_percent(plots.LEAST_WEIGHT)} have no line."
    )
    figure = plots.weighed_place(values, str(walk.face.number))
    alt = f"The plane with the face at valence {point.valence:.2f} and arousal {point.arousal:.2f}"
    _chart(figure, "place", alt=_alt(walk, alt), container=PLANE)


def show_quadrant(walk: Walk) -> None:
    """Show the quadrant of the face."""
    values = walk.face.probabilities
    quadrant = quadrant_of(affect_of(values))
    figure = plots.quarter_place(values, str(walk.face.number))
    _fact(f"{quadrant}: {quadrant.description}")
    alt = _alt(walk, f"The plane with {quadrant} filled: {quadrant.description}")
    _chart(figure, "quadrant", alt=alt, container=PLANE)


def show_songs(walk: Walk) -> None:
    """Show quadrant, mood, and the first songs with their reasons."""
    values = walk.face.probabilities
    point = affect_of(values)
    quadrant = quadrant_of(point)
    request = with_your_music(Request(point=point, emotion=values.emotion, policy=Policy.MATCH))
    chosen = songs_recommender().songs(request, _NUM_SONGS)
    plane, listed = roomy_columns([5, 8], key="how-songs", gap="medium")
    with plane:
        moods = {other: f"{other} → {mood}" for other, mood in QUADRANT_MOODS.items()}
        moods[quadrant] = f"**:primary[{moods[quadrant]} songs]**"
        with st.container(key="how-moods"):
            st.markdown(" · ".join(words.replace(" ", "\N{NO-BREAK SPACE}") for words in moods.values()))
        _chart(
            plots.songs_place(values, str(walk.face.number), song_points(enumerate(chosen, 1))),
            "songs",
            alt=_alt(walk, f"The plane with the face in {quadrant} and {len(chosen)} songs around it"),
            container=SMALL_PLANE,
        )
    with listed:
        face = f" for Face {walk.face.number}" if len(walk.faces) > 1 else ""
        _fact(" ".join([*describe_few(chosen, QUADRANT_MOODS[quadrant]), f"Play them on the Photo page{face}."]))
        with st.container(key="how-songs", gap="small"):
            for number, song in enumerate(chosen, 1):
                st.markdown(f"{number}. {song_line(song.track)}  \n{escape_markdown(song.reason)}")


# Shared parts


def _image(walk: Walk, name: str, draw: Callable[[], RgbImage], *, alt: str) -> None:
    width, height = walk.size
    jpeg = walk.cached(name, lambda: encode_jpeg(draw()))
    with _fit_height(width / height, other_rem=13.5):
        show_sharp(jpeg, alt=alt, width=min(_MAX_WIDTH, round(plots.HEIGHT * width / height)))


def _fit_height(ratio: float, *, other_rem: float) -> DeltaGenerator:
    """Return a container that shrinks its images in low windows.

    `ratio` is the width of the images divided by the height that everything else on the screen, `other_rem`, leaves.
    """
    height = f"max({_MIN_REM}rem, 100vh - {other_rem:.1f}rem)"
    st.html(f"<style>.st-key-how-fitting {{ max-width: calc({height} * {ratio:.3f}); }}</style>")
    return st.container(key="how-fitting")


def _tile(walk: Walk, name: str, draw: Callable[[], bytes], *, alt: str) -> None:
    st.image(walk.cached(name, draw), alt=alt, width="stretch")


def _alt(walk: Walk, alt: str) -> str:
    """Return an alternative text that names the face if there are several."""
    return alt if len(walk.faces) == 1 else f"Face {walk.face.number}. {alt}"


def _chart(figure: go.Figure, name: str, *, alt: str, container: str) -> None:
    """Show a chart with the height that the style sets for `container`."""
    with st.container(key=container):
        show_chart(figure, key=f"how-chart-{name}", alt=alt, height="stretch")


def _fact(text: str) -> None:
    """Show the figures of the step in large type, for a projector."""
    with st.container(key="how-fact"):
        st.markdown(text)


def _percent(share: float) -> str:
    """Format a share, with a no-break space before the percent sign."""
    return share_text(share).replace(" ", "\N{NO-BREAK SPACE}")


def _grey(square: RgbImage) -> bytes:
    """Return a grey JPEG of the same size, made by the function that prepares the network's input."""
    return encode_jpeg(np.repeat(to_network_input([square], len(square))[0], 3, axis=2))


def _heat(insight: Insight, heat: FloatMap) -> bytes:
    return encode_jpeg(plots.heat_on_face(insight.face, heat, CROP_SIDE))


def _strip(level: FeatureMaps) -> bytes:
    """Return the maps as PNG, which has transparent gaps."""
    return encode_png(plots.map_strip(level, _MAP))
