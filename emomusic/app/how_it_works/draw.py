"""The drawing of each step of the How it works page: one image or chart, and its figures."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from emomusic.affect import (
    EMOTIONS,
    QUADRANT_MOODS,
    REPORT_MOODS,
    affect_of,
    describe_mood,
    list_shares,
    quadrant_of,
    share_text,
)
from emomusic.app import state
from emomusic.app.answer import describe_few, song_points
from emomusic.app.charts import show_chart
from emomusic.app.frame import escape_markdown
from emomusic.app.how_it_works.cover import COVERED, place_square
from emomusic.app.how_it_works.walk import CROP_SIDE, Walk
from emomusic.app.player import show_start, song_line
from emomusic.app.queues import play_list
from emomusic.app.sources import songs_recommender, with_your_music
from emomusic.assets import data_dir
from emomusic.charts import steps as plots
from emomusic.charts.diagnostics import accuracy_by_group
from emomusic.charts.face import share_bars
from emomusic.faces.detection import MIN_CONFIDENCE, Stage
from emomusic.faces.inspection import FeatureMaps, FloatMap, Insight
from emomusic.faces.model_files import DEFAULT_MODEL
from emomusic.marks import steps as drawings
from emomusic.media.images import RgbImage, encode_jpeg, encode_png, read_image, shrink
from emomusic.records import read_face_record
from emomusic.results.findings import describe_people, people_of
from emomusic.results.overview import percent
from emomusic.server.shared import shared
from emomusic.songs.hearing import spectrogram_of
from emomusic.songs.local_songs import load_bundled_recommender
from emomusic.songs.request import Request, target_of
from emomusic.text import pluralize

CHART = "how-chart"
"""Container key of a chart. The style in `page` sets its height."""

WIDE = 1.6
"""An image of at least this ratio of width to height lies below the sentences, not next to them."""

_LONGEST = 2200  # pixels, of an image
_MIN_REM = 16  # lowest height for a low window
_MAP = 96
_STRIP = 590  # width of six maps
_NUM_SONGS = 3
_ZOOMS = (64, 12)  # pixels
_NUM_WEIGHTS = 3  # emotions listed with the plane


# Detection


def show_photo(walk: Walk, facts: DeltaGenerator) -> None:
    """Show the photo and its number of pixels; zoomed in, the brightness of each pixel."""
    width, height = walk.size
    _fact(facts, f"{width:,} by {height:,} pixels, {3 * width * height:,} numbers")
    with facts:
        options = ["The photo", *(f"{side} pixels" for side in _ZOOMS)]
        zoom = options.index(st.select_slider("Zoom", options, key=state.how_widget("zoom")))
    if not zoom:
        _image(walk, "picture", lambda: _displayed(walk)[0], alt="The photo")
        return
    side = min(_ZOOMS[zoom - 1], *walk.preview.shape[:2])
    top, left = (int(share * (size - side)) for share, size in zip((0.35, 0.5), walk.preview.shape[:2], strict=True))
    grey = walk.preview[top : top + side, left : left + side].mean(axis=2).round().astype(np.uint8)
    _chart(plots.pixel_grid(grey), "pixels", alt=f"The brightness of {side} by {side} pixels of the photo")


def show_proposals(walk: Walk, facts: DeltaGenerator) -> None:
    """Show the boxes of P-Net."""
    stage = walk.trace.proposals
    found = pluralize(len(stage.found), "box", "boxes")
    _boxes(walk, facts, "proposals", stage, f"{found} proposed (blue), {len(stage.kept):,} kept (yellow)")


def show_refined(walk: Walk, facts: DeltaGenerator) -> None:
    """Show the boxes of R-Net."""
    stage, checked = walk.trace.refined, pluralize(len(walk.trace.proposals.kept), "box", "boxes")
    counts = f"{len(stage.found):,} accepted (blue), {len(stage.kept):,} kept (yellow)"
    _boxes(walk, facts, "refined", stage, f"{checked} checked, {counts}")


def show_faces(walk: Walk, facts: DeltaGenerator) -> None:
    """Show the faces of O-Net with their landmarks."""
    faces, num_checked = walk.trace.faces, len(walk.trace.refined.kept)
    # "100 %" would be a rounding error: no detection is certain
    confidences = [f"over {percent(0.999)}" if f.confidence > 0.9995 else percent(f.confidence) for f in faces[:4]]
    if not num_checked:
        fact = "No box left to check"
    elif not faces:
        fact = f"No face found: each confidence is below {_percent(MIN_CONFIDENCE)}"
    else:
        more = ", …" if len(faces) > 4 else ""
        fact = f"{pluralize(len(faces), 'face')} found. Confidence: {', '.join(confidences)}{more}"
    checked = f"{pluralize(num_checked, 'box', 'boxes')} checked. " if num_checked else ""
    _boxes(walk, facts, "output", walk.trace.output, checked + fact, landmarks=True)


def _boxes(walk: Walk, facts: DeltaGenerator, name: str, stage: Stage, fact: str, *, landmarks: bool = False) -> None:
    kept = stage.kept
    if landmarks:
        kept = kept.take(kept.confidence >= MIN_CONFIDENCE)

    def draw() -> RgbImage:
        image, scale = _displayed(walk)
        marks = [face.landmarks for face in walk.trace.faces if landmarks and face.landmarks is not None]
        return drawings.boxes_on_picture(image, stage.found, kept, scale=scale, landmarks=marks)

    alt = f"The photo with {pluralize(len(stage.found), 'box', 'boxes')}, {len(kept)} with thick lines"
    _image(walk, name, draw, alt=alt)
    _fact(facts, fact)


def _displayed(walk: Walk) -> tuple[RgbImage, float]:
    """Return the displayed image and its scale relative to the original."""
    image, scale = shrink(walk.preview, _LONGEST)
    return image, scale * walk.scale


# The network


def show_crop(walk: Walk, facts: DeltaGenerator) -> None:
    """Show the face in colour, in grey and as the input of the network."""
    face = walk.face
    side = len(face.network_input)
    alt = _alt(walk, f"The face in colour, in grey, and as {side} by {side} pixels")
    _image(walk, "crop", lambda: drawings.crop_steps(read_image(face.jpeg), face.network_input), alt=alt, ratio=1.5)
    numbers = f"{side * side:,} numbers from 0 (black) to 255 (white)"
    _fact(facts, f"{face.side} pixels per side, in colour and in grey, resized to {side}: {numbers}")


def show_maps(walk: Walk, facts: DeltaGenerator) -> None:
    """Show some feature maps of each size."""
    levels = walk.face.insight.levels
    with _fit_height(_STRIP / _MAP / len(levels), other_rem=14.5 + 3.0 * len(levels)):
        for number, level in enumerate(levels):
            side, num_shown = level.maps.shape[1], len(level.maps)
            st.markdown(f"**{side} by {side} pixels, {num_shown} of {level.num_channels} maps**")
            strip = walk.cached(f"maps-{number}", partial(_strip, level))
            st.image(strip, alt=_alt(walk, f"{num_shown} feature maps of {side} by {side} pixels"), width="stretch")
    about = "Light areas contain the pattern, dark areas do not."
    _fact(facts, f"{about} The page shows the maps with the largest variation.")


def show_explanations(walk: Walk, facts: DeltaGenerator) -> None:
    """Show Grad-CAM, occlusion and their agreement."""
    face = walk.face
    insight, occlusion = face.insight, face.occlusion
    answer = EMOTIONS[insight.winner]

    def draw() -> RgbImage:
        heats = (face.grad_cam, occlusion.heat)
        return np.concatenate([drawings.heat_on_face(insight.face, heat, CROP_SIDE) for heat in heats], axis=1)

    alt = _alt(walk, f"Grad-CAM and occlusion for {answer}, side by side")
    _image(walk, "look", draw, alt=alt, ratio=2.0)
    drop = describe_drop(answer, occlusion.probability, occlusion.probability - float(occlusion.drops.max()))
    _fact(facts, f"Left Grad-CAM, right occlusion. {describe_agreement(face.agreement)} {drop}")


def describe_agreement(correlation: float | None) -> str:
    """Describe the rank correlation of two maps."""
    if correlation is None:
        return "The maps cannot be compared: one of them is constant."
    limits = ((0.5, "agree"), (0.2, "agree a little"), (-0.2, "are unrelated"))
    verdict = next((words for least, words in limits if correlation >= least), "disagree")
    return f"**The maps {verdict}**: rank correlation {correlation:.2f}."


def describe_drop(answer: str, before: float, lowest: float) -> str:
    """Describe the largest drop of a probability under occlusion. Both values are between 0 and 1."""
    if lowest >= before:
        return f"Covering an area never lowers “{answer}”."
    high, low = _percent(before), _percent(lowest)
    if high == low:
        return f"Covering the lightest area hardly changes “{answer}”: it stays at {high}."
    return f"Covering the lightest area lowers “{answer}” from {high} to {low}."


def show_cover(walk: Walk, facts: DeltaGenerator) -> None:
    """Let the visitor move a grey square over the face, and show the answer about the rest."""
    face = walk.face
    pixels = face.network_input
    square, bars = st.columns(2, gap="medium")
    with square, st.container(key="how-cover"):
        left, top = place_square(pixels, key=state.how_widget("cover", str(walk.number)))
    covered, side = pixels.copy(), len(pixels)
    row, column, length = (round(share * side) for share in (top, left, COVERED))
    covered[row : row + length, column : column + length] = round(float(pixels.mean()))
    (answer,) = shared().networks()[1].of_photographs(covered[None, ..., None])
    shares = dict(zip(EMOTIONS, answer.tolist(), strict=True))
    before = face.insight.probabilities
    winner = face.insight.winner
    with bars:
        _chart(_bars(shares), "covered", alt=_alt(walk, f"Without the square: {list_shares(shares)}"))
    _fact(facts, f"{EMOTIONS[winner]}: {percent(before[winner])}, with the square {percent(float(answer[winner]))}")


def show_probabilities(walk: Walk, facts: DeltaGenerator) -> None:
    """Show logits, softmax, calibration and the final probabilities at a temperature to move."""
    insight = walk.face.insight
    mirrored = "Faint bars: the mirror image, averaged. " if len(insight.logits) > 1 else ""
    smoothed = f"removes {_percent(insight.smoothing)} label smoothing and " if insight.smoothing else ""
    calibrated = f"Calibration {smoothed}divides the scores by {insight.temperature:.2f}; thin lines: before it."
    _fact(facts, f"**{_answer_by_step(insight)}**  \n{mirrored}{calibrated}")
    with facts:
        label = "Temperature: 1 is the app's answer"
        temperature = st.slider(label, 0.25, 4.0, 1.0, 0.25, key=state.how_widget("temperature"))
    shares = insight.probabilities ** (1 / temperature)
    shares /= shares.sum()
    scores = ", ".join(f"{e} {x:.1f}" for e, x in zip(EMOTIONS, insight.logits[0], strict=True))
    listed = list_shares(dict(zip(EMOTIONS, shares.tolist(), strict=True)))
    figure = plots.logit_bars(insight, shares)
    _chart(figure, "logits", alt=_alt(walk, f"Scores: {scores}; probabilities: {listed}"))


def show_people(_: Walk, facts: DeltaGenerator) -> None:
    """Show for whom the network works."""
    record = read_face_record(DEFAULT_MODEL)
    groups = people_of(record)
    _fact(facts, describe_people(record) or "This network was not measured on collections of persons.")
    alt = ", ".join(f"{one.name} {one.accuracy:.0%} of {one.n:,}" for one in groups)
    _chart(plots.readable(accuracy_by_group({"": groups}, height=plots.HEIGHT)), "people", alt=f"Right answers: {alt}")


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
    figure = plots.face_on_plane(values, str(walk.number), weights=True)
    alt = f"The plane with the face at valence {point.valence:.2f} and arousal {point.arousal:.2f}"
    _chart(figure, "place", alt=_alt(walk, alt))


def show_quadrant(walk: Walk, facts: DeltaGenerator) -> None:
    """Show the quadrant of the face."""
    values = walk.face.reading.probabilities
    quadrant = quadrant_of(affect_of(values))
    _fact(facts, f"**{quadrant.description.capitalize()}.** Songs there are {QUADRANT_MOODS[quadrant]}.")
    figure = plots.face_on_plane(values, str(walk.number), quadrant=True)
    _chart(figure, "quadrant", alt=_alt(walk, f"The plane with one quadrant filled: {quadrant.description}"))


def show_songs(walk: Walk, facts: DeltaGenerator) -> None:
    """Show the first songs on the plane, and their list with reasons."""
    values = walk.face.reading.probabilities
    request = with_your_music(_request_of(walk))
    chosen = songs_recommender().songs(request, _NUM_SONGS)
    mood = target_of(request)[1]  # the emotion decides it, not the quadrant of the face
    report = f"“Music Mood Lifter” would play {REPORT_MOODS[values.emotion]} songs."
    _fact(facts, " ".join([f"**{describe_mood(values, mood)}.**", *describe_few(chosen, mood), report]))
    with facts, st.container(key="how-songs", gap="small"):
        play_list(chosen, "how", request)
        show_start("how")
        for pick in chosen:
            st.markdown(f"{pick.number}. {song_line(pick.song)}  \n{escape_markdown(pick.reason)}")
    figure = plots.face_on_plane(values, str(walk.number), songs=song_points(chosen))
    alt = f"The plane with the face and {len(chosen)} songs around it"
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
        _chart(_bars(shares), "moods", alt=f"The moods of {song.title}: {list_shares(shares)}")


def show_band(_: Walk, facts: DeltaGenerator) -> None:
    """Show what the network of sound hears in the band's mixes."""
    styles = json.loads((data_dir() / "band/band.json").read_text(encoding="utf-8"))["styles"]
    _fact(facts, "Solid lines: pleasant or not (valence). Dashed lines: calm or awake (arousal).")
    curves = {style["name"]: style["heard"] for style in styles}
    ends = {name: (curve["valence"][0][1], curve["valence"][-1][1]) for name, curve in curves.items()}
    alt = "; ".join(f"{name}: heard valence {first} to {last}" for name, (first, last) in ends.items())
    _chart(plots.band_curves(curves), "band", alt=f"What the network hears in the mixes. {alt}")


@st.cache_resource(max_entries=18, show_spinner=False)
def _spectrogram(path: str) -> FloatMap:
    """The spectrogram of a bundled song."""
    from emomusic.media.audio_file import read_song

    return spectrogram_of(np.concatenate([window.samples for window in read_song(path).windows]))


def _request_of(walk: Walk) -> Request:
    values = walk.face.reading.probabilities
    return Request(affect_of(values), emotion=values.emotion)


# Shared parts


def _image(walk: Walk, name: str, draw: Callable[[], RgbImage], *, alt: str, ratio: float | None = None) -> None:
    """Show an image as large as the window allows; `ratio` is width by height, by default the photo's."""
    width, height = walk.size
    ratio = ratio or width / height
    with _fit_height(ratio, other_rem=23.5 if ratio >= WIDE else 14.5):
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


def _bars(shares: Mapping[str, float]) -> go.Figure:
    return share_bars(shares, letters=plots.LETTERS).update_traces(textfont_size=plots.LETTERS)


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
