"""The drawing of each step of the How it works page: one image or chart, and its figures."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from emomusic.affect import EMOTIONS, QUADRANT_MOODS, affect_of, list_shares, quadrant_of, share_text
from emomusic.app.answer import describe_few, song_points
from emomusic.app.charts import show_chart
from emomusic.app.frame import escape_markdown
from emomusic.app.how_it_works.walk import CROP_SIDE, Walk
from emomusic.app.player import show_start, song_line
from emomusic.app.queues import play_list
from emomusic.app.sources import songs_recommender
from emomusic.app.your_music import with_your_music
from emomusic.charts import steps as plots
from emomusic.charts.face import share_bars
from emomusic.faces.detection import MIN_CONFIDENCE, Stage
from emomusic.faces.inspection import FeatureMaps, FloatMap, Insight
from emomusic.marks import steps as drawings
from emomusic.media.images import RgbImage, encode_jpeg, encode_png, read_image, shrink
from emomusic.results.findings import percent
from emomusic.songs.local_songs import load_bundled_recommender
from emomusic.songs.request import Policy, Request
from emomusic.songs.sound_network import spectrogram_of
from emomusic.text import pluralize

CHART = "how-chart"
"""Container key of a chart. The style in `page` sets its height."""

WIDE = 1.6
"""An image of at least this ratio of width to height lies below the sentences, not next to them."""

_LONGEST = 2200  # pixels, of an image
_MIN_REM = 16  # lowest height for a low window
_MAP = 96
_STRIP = 590  # width of six maps
_NUM_SONGS = 5
_NUM_WEIGHTS = 3  # emotions listed with the plane


# Detection


def show_photo(walk: Walk, facts: DeltaGenerator) -> None:
    """Show the photo and its number of pixels."""
    width, height = walk.size
    _image(walk, "picture", lambda: _displayed(walk)[0], alt="The photo")
    _fact(facts, f"{width:,} by {height:,} pixels, {3 * width * height:,} numbers")


def show_proposals(walk: Walk, facts: DeltaGenerator) -> None:
    """Show the boxes of P-Net."""
    stage = walk.trace.proposals
    _boxes(walk, "proposals", stage)
    _fact(facts, f"{pluralize(len(stage.found), 'box', 'boxes')} proposed (blue), {len(stage.kept):,} kept (yellow)")


def show_refined(walk: Walk, facts: DeltaGenerator) -> None:
    """Show the boxes of R-Net."""
    trace, stage = walk.trace, walk.trace.refined
    _boxes(walk, "refined", stage)
    _fact(
        facts,
        f"{pluralize(len(trace.proposals.kept), 'box', 'boxes')} checked, {len(stage.found):,} accepted (blue), "
        f"{len(stage.kept):,} kept (yellow)",
    )


def show_faces(walk: Walk, facts: DeltaGenerator) -> None:
    """Show the faces of O-Net with their landmarks."""
    trace = walk.trace
    _boxes(walk, "output", trace.output, landmarks=True)
    # "100 %" would be a rounding error: no detection is certain
    values = [face.confidence for face in trace.faces[:4]]
    confidences = ", ".join(f"over {percent(0.999)}" if value > 0.9995 else percent(value) for value in values)
    checked = f"{pluralize(len(trace.refined.kept), 'box', 'boxes')} checked"
    if not len(trace.refined.kept):
        _fact(facts, "No box left to check")
    elif not trace.faces:
        _fact(facts, f"{checked}, no face found: each confidence is below {_percent(MIN_CONFIDENCE)}")
    else:
        more = ", …" if len(trace.faces) > 4 else ""
        _fact(facts, f"{checked}, {pluralize(len(trace.faces), 'face')} found. Confidence: {confidences}{more}")


def _boxes(walk: Walk, name: str, stage: Stage, *, landmarks: bool = False) -> None:
    kept = stage.kept
    if landmarks:
        kept = kept.take(kept.confidence >= MIN_CONFIDENCE)

    def draw() -> RgbImage:
        image, scale = _displayed(walk)
        marks = [face.landmarks for face in walk.trace.faces if landmarks and face.landmarks is not None]
        return drawings.boxes_on_picture(image, stage.found, kept, scale=scale, landmarks=marks)

    alt = f"The photo with {pluralize(len(stage.found), 'box', 'boxes')}, {len(kept)} with thick lines"
    _image(walk, name, draw, alt=alt)


def _displayed(walk: Walk) -> tuple[RgbImage, float]:
    """Return the displayed image and its scale relative to the original."""
    image, scale = shrink(walk.preview, _LONGEST)
    return image, scale * walk.scale


# The network


def show_crop(walk: Walk, facts: DeltaGenerator) -> None:
    """Show the face in colour, in grey and as the input of the network."""
    face = walk.face
    side = len(face.network_input)
    alt = f"The face in colour, in grey, and as {side} by {side} pixels"
    _image(
        walk,
        "crop",
        lambda: drawings.crop_steps(read_image(face.jpeg), face.network_input),
        alt=_alt(walk, alt),
        ratio=1.5,
    )
    _fact(
        facts,
        f"{face.side} pixels per side, in colour and in grey, resized to {side}: {side * side:,} numbers from 0 "
        "(black) to 255 (white)",
    )


def show_maps(walk: Walk, facts: DeltaGenerator) -> None:
    """Show some feature maps of each size."""
    levels = walk.face.insight.levels
    with _fit_height(_STRIP / _MAP / len(levels), other_rem=12 + 3.0 * len(levels)):
        for number, level in enumerate(levels):
            side, num_shown = level.maps.shape[1], len(level.maps)
            st.markdown(f"**{side} by {side} pixels, {num_shown} of {level.num_channels} maps**")
            strip = walk.cached(f"maps-{number}", partial(_strip, level))
            st.image(strip, alt=_alt(walk, f"{num_shown} feature maps of {side} by {side} pixels"), width="stretch")
    _fact(
        facts, "Light areas contain the pattern, dark areas do not. The page shows the maps with the largest variation."
    )


def show_explanations(walk: Walk, facts: DeltaGenerator) -> None:
    """Show Grad-CAM, occlusion and their agreement."""
    face = walk.face
    insight, occlusion = face.insight, face.occlusion
    answer = EMOTIONS[insight.winner]
    _image(
        walk,
        "look",
        lambda: np.concatenate(
            [drawings.heat_on_face(insight.face, heat, CROP_SIDE) for heat in (face.grad_cam, occlusion.heat)], axis=1
        ),
        alt=_alt(walk, f"Grad-CAM and occlusion for {answer}, side by side"),
        ratio=2.0,
    )
    lowest = occlusion.probability - float(occlusion.drops.max())
    _fact(
        facts,
        f"Left Grad-CAM, right occlusion. {describe_agreement(face.agreement)} "
        f"{describe_drop(answer, occlusion.probability, lowest)}",
    )


def describe_agreement(correlation: float | None) -> str:
    """Describe the rank correlation of two maps."""
    if correlation is None:
        return "The maps cannot be compared: one of them is constant."
    if correlation >= 0.5:
        verdict = "agree"
    elif correlation >= 0.2:
        verdict = "agree a little"
    elif correlation > -0.2:
        verdict = "are unrelated"
    else:
        verdict = "disagree"
    return f"**The maps {verdict}**: rank correlation {correlation:.2f}."


def describe_drop(answer: str, before: float, lowest: float) -> str:
    """Describe the largest drop of a probability under occlusion. Both values are between 0 and 1."""
    if lowest >= before:
        return f"Covering an area never lowers “{answer}”."
    high, low = _percent(before), _percent(lowest)
    if high == low:
        return f"Covering the lightest area hardly changes “{answer}”: it stays at {high}."
    return f"Covering the lightest area lowers “{answer}” from {high} to {low}."


def show_probabilities(walk: Walk, facts: DeltaGenerator) -> None:
    """Show logits, softmax, calibration and the final probabilities."""
    insight = walk.face.insight
    scores = ", ".join(f"{e} {x:.1f}" for e, x in zip(EMOTIONS, insight.logits[0], strict=True))
    shares = list_shares(dict(zip(EMOTIONS, insight.probabilities.tolist(), strict=True)))
    effect = "raises" if insight.temperature < 1 else "lowers" if insight.temperature > 1 else "does not change"
    mirrored = "Faint bars show the mirror image; the app averages both. " if len(insight.logits) > 1 else ""
    smoothed = f"Calibration removes {_percent(insight.smoothing)} label smoothing. " if insight.smoothing else ""
    _fact(
        facts,
        f"**{_answer_by_step(insight)}**  \n"
        f"{mirrored}{smoothed}A temperature of {insight.temperature:.2f} {effect} the confidence. Thin lines show the "
        "probabilities before calibration.",
    )
    figure = plots.logit_bars(insight)
    _chart(figure, "logits", alt=_alt(walk, f"Scores: {scores}; probabilities: {shares}"))


def _answer_by_step(insight: Insight) -> str:
    """Return the probability of the answer after each step."""
    winner = insight.winner
    shares = [_percent(insight.averaged[winner]), f"{_percent(insight.calibrated[winner])} after calibration"]
    if insight.adjusted:
        shares.append(f"{_percent(insight.probabilities[winner])} after adjustment for photos")
    return f"{EMOTIONS[winner]}: {' → '.join(shares)}"


# The plane and the songs


def show_point(walk: Walk, facts: DeltaGenerator) -> None:
    """Show the point of the face as a weighted mean."""
    values = walk.face.reading.probabilities
    point = affect_of(values)
    heaviest = sorted(values.as_dict().items(), key=lambda weight: -weight[1])[:_NUM_WEIGHTS]
    weights = ", ".join(f"{name} {_percent(weight)}" for name, weight in heaviest if weight >= plots.LEAST_WEIGHT)
    _fact(
        facts,
        f"Valence {point.valence:.2f}, arousal {point.arousal:.2f}, both from -1 to 1. Thicker lines mean larger "
        f"weights: {weights}. Weights below {_percent(plots.LEAST_WEIGHT)} have no line.",
    )
    figure = plots.weights_on_plane(values, str(walk.number))
    alt = f"The plane with the face at valence {point.valence:.2f} and arousal {point.arousal:.2f}"
    _chart(figure, "place", alt=_alt(walk, alt))


def show_quadrant(walk: Walk, facts: DeltaGenerator) -> None:
    """Show the quadrant of the face."""
    values = walk.face.reading.probabilities
    quadrant = quadrant_of(affect_of(values))
    figure = plots.quadrant_on_plane(values, str(walk.number))
    _fact(facts, f"**{quadrant.description.capitalize()}:** {QUADRANT_MOODS[quadrant]} songs.")
    alt = _alt(walk, f"The plane with one quadrant filled: {quadrant.description}")
    _chart(figure, "quadrant", alt=alt)


def show_songs(walk: Walk, facts: DeltaGenerator) -> None:
    """Show the first songs on the plane, and their list with reasons."""
    values = walk.face.reading.probabilities
    quadrant = quadrant_of(affect_of(values))
    chosen = songs_recommender().songs(with_your_music(_request_of(walk)), _NUM_SONGS)
    mood = QUADRANT_MOODS[quadrant]
    _fact(facts, " ".join([f"**{quadrant.description.capitalize()} → {mood} songs.**", *describe_few(chosen, mood)]))
    with facts, st.container(key="how-songs", gap="small"):
        for pick in chosen:
            st.markdown(f"{pick.number}. {song_line(pick.song)}  \n{escape_markdown(pick.reason)}")
    figure = plots.songs_on_plane(values, str(walk.number), song_points(chosen))
    alt = f"The plane with the face, {quadrant.description}, and {len(chosen)} songs around it"
    _chart(figure, "songs", alt=_alt(walk, alt))


def show_sound(walk: Walk, facts: DeltaGenerator) -> None:
    """Show the sound of the nearest bundled song, its moods and its player."""
    (found,) = load_bundled_recommender().songs(_request_of(walk), 1)
    song, hearing = found.song, found.song.hearing
    assert song.path is not None  # as of every bundled song, like the others
    assert song.duration_s is not None
    assert hearing is not None
    _fact(facts, f"Nearest to this face: {song_line(song)}")
    with facts:
        play_list([found], "how", song.id)
        show_start("how")
    sound, bars = st.columns([3, 2], gap="medium")
    with sound:
        figure = plots.heard_song(_spectrogram(song.path), song.duration_s)
        _chart(figure, "sound", alt=f"The loudness of {song.title} by time and pitch")
    with bars:
        shares = {str(mood): share for mood, share in hearing.moods.items()}
        figure = share_bars(shares, letters=plots.LETTERS).update_traces(textfont_size=plots.LETTERS)
        _chart(figure, "moods", alt=f"The moods of {song.title}: {list_shares(shares)}")


@st.cache_resource(max_entries=18, show_spinner=False)
def _spectrogram(path: str) -> FloatMap:
    """The spectrogram of a bundled song."""
    from emomusic.media.audio_file import read_song

    return spectrogram_of(np.concatenate([window.samples for window in read_song(path).windows]))


def _request_of(walk: Walk) -> Request:
    values = walk.face.reading.probabilities
    return Request(point=affect_of(values), emotion=values.emotion, policy=Policy.MATCH)


# Shared parts


def _image(walk: Walk, name: str, draw: Callable[[], RgbImage], *, alt: str, ratio: float | None = None) -> None:
    """Show an image as large as the window allows; `ratio` is width by height, by default the photo's."""
    width, height = walk.size
    ratio = ratio or width / height
    with _fit_height(ratio, other_rem=18 if ratio >= WIDE else 12):
        st.image(walk.cached(name, lambda: encode_jpeg(draw())), alt=alt, width="stretch")


def _fit_height(ratio: float, *, other_rem: float) -> DeltaGenerator:
    """Return a container that shrinks its images in low windows.

    `ratio` is the width of the images divided by the height that everything else on the screen, `other_rem`, leaves.
    """
    height = f"max({_MIN_REM}rem, 100vh - {other_rem:.1f}rem + var(--how-saved, 0rem))"
    st.html(f"<style>.st-key-how-fitting {{ max-width: calc({height} * {ratio:.3f}); }}</style>")
    return st.container(key="how-fitting")


def _alt(walk: Walk, alt: str) -> str:
    """Return an alternative text that names the face if there are several."""
    return alt if len(walk.faces) == 1 else f"Face {walk.number}. {alt}"


def _chart(figure: go.Figure, name: str, *, alt: str) -> None:
    """Show a chart with the height that the style sets."""
    with st.container(key=f"{CHART}-{name}"):
        show_chart(figure, key=f"how-figure-{name}", alt=alt, height="stretch")


def _fact(facts: DeltaGenerator, text: str) -> None:
    """Show the figures of the step in large type, for a projector."""
    with facts, st.container(key="how-fact"):
        st.markdown(text)


def _percent(share: float) -> str:
    """Format a share, with a no-break space before the percent sign."""
    return share_text(share).replace(" ", "\N{NO-BREAK SPACE}")


def _strip(level: FeatureMaps) -> bytes:
    """Return the maps as PNG, which has transparent gaps."""
    return encode_png(drawings.map_strip(level, _MAP))
