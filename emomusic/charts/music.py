"""Charts of song tables: the plane of all songs, distributions by mood, and feature effects on one song.

Features have the shape (n, 9), in the order of `song.FEATURES`, and moods the shape (n,), positions in `Mood`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt
import pandas as pd
import plotly.graph_objects as go

from emomusic.affect import AffectPoint, Mood
from emomusic.charts.affect import circumplex, corner_notes, quadrant_shapes
from emomusic.charts.face import share_bars
from emomusic.charts.layout import REVERSED, axis_title, bar_margin, lay_out, legend_above, line, numbered_cells
from emomusic.colours import GUIDE, MOOD_COLOURS, QUIET, RIGHT, TRAIL, WRONG, faded
from emomusic.media.sound import PATCH_S
from emomusic.songs.mood import MOODS
from emomusic.songs.song import FEATURE_LABELS, FEATURE_NAMES, FEATURES, Feature, Hearing
from emomusic.text import escape_html, format_clock

MOOD_SYMBOLS: Mapping[Mood, str] = {
    Mood.CALM: "circle",
    Mood.HAPPY: "diamond",
    Mood.ENERGETIC: "triangle-up",
    Mood.SAD: "square",
}
"""Marker symbols, so that moods differ in more than colour."""

# Of areas and marks that stand among no emotions, whose colours they must not have
_REGION_COLOURS = {Mood.CALM: TRAIL, Mood.HAPPY: WRONG, Mood.ENERGETIC: "#A84F82", Mood.SAD: RIGHT}
# Songs: larger symbols up to `_VERY_FEW`, elements of the page up to `_FEW`, smaller and paler symbols above `_MANY`
_VERY_FEW, _FEW, _MANY = 20, 500, 2000
_NAMED_SPAN = 0.06  # smallest share of a waveform, and of the plane, with room for the name of a mood
_MARK, _LEAST_HEIGHT = 8, 288  # pixels, of a chosen song and of a plane that fills its container
_RANGE, _ROOM = 1.04, 1.15  # limits of the axes of the plane; names of quadrants are above and below it


def song_plane(
    plane: npt.NDArray[np.float32],
    moods: npt.NDArray[np.int64],
    names: Sequence[str],
    rows: npt.NDArray[np.int64],
    *,
    measured: str = "",
) -> go.Figure:
    """Songs on the plane of valence and arousal, one trace for each mood.

    `plane` has valence and arousal, shape (n, 2); `names` are shown at the pointer; `rows` are the `customdata`. With
    `measured` ("Spotify's"), the axes are measures of this name, without quadrants.
    """
    size, opacity = (4.5, 0.65) if len(plane) > _MANY else (8, 0.8) if len(plane) > _VERY_FEW else (14, 0.9)
    trace = go.Scatter if len(plane) <= _FEW else go.Scattergl
    figure = go.Figure()
    for position, mood in enumerate(MOODS):
        own = np.flatnonzero(moods == position)
        figure.add_trace(trace(
            x=plane[own, 0], y=plane[own, 1], mode="markers", name=mood.value,
            text=[escape_html(names[row]) for row in own.tolist()], customdata=rows[own],
            marker={"symbol": MOOD_SYMBOLS[mood], "size": size, "color": TRAIL, "opacity": opacity},
            selected={"marker": {"opacity": 1, "size": 2 * _MARK}}, unselected={"marker": {"opacity": opacity}},
            hovertemplate="%{text}<br>" + mood.value + ", valence %{x:.2f}, arousal %{y:.2f}<extra></extra>",
        ))  # fmt: skip
    axis = {"tickvals": [-1, 0, 1]}
    titles = ("valence: unpleasant to pleasant", "arousal: drowsy to awake")
    if measured:
        titles = (f"{measured} valence", f"{measured} energy")
    return lay_out(
        figure,
        _LEAST_HEIGHT,
        x=axis | {"range": [-_RANGE, _RANGE], "title": axis_title(titles[0], 15)},
        y=axis | {"range": [-_ROOM, _ROOM], "title": axis_title(titles[1])},
        margin={"t": 36, "b": 0},
        hoverlabel={"align": "left"},
        # As large as the smallest letters. A click chooses no mood: the list next to the plane would not follow
        **legend_above(x=0.5, xanchor="center", itemclick=False, itemdoubleclick=False, itemsizing="constant"),
        shapes=[*([] if measured else quadrant_shapes()), line((-1, 1), (0, 0)), line((0, 0), (-1, 1))],
        annotations=[] if measured else corner_notes(_MARK),
    )


def mood_regions(
    regions: npt.NDArray[np.int64],
    songs: npt.NDArray[np.float64],
    labels: npt.NDArray[np.int64],
    answers: npt.NDArray[np.int64],
) -> go.Figure:
    """The predicted mood at each point of valence and energy, named where it has room, and songs by their label.

    Args:
        regions: shape (side, side), positions in `Mood`; rows go with energy.
        songs: shape (n, 2), valence and energy from 0 to 1.
        labels: shape (n,), positions in `Mood`.
        answers: shape (n,), those of the network; a cross marks the wrong ones.
    """
    steps = len(MOODS)
    scale = [
        [edge, faded(_REGION_COLOURS[mood], 0.25)]
        for number, mood in enumerate(MOODS)
        for edge in (number / steps, (number + 1) / steps)
    ]
    side = np.linspace(0, 1, len(regions))
    figure = go.Figure().add_heatmap(
        z=regions, x=side, y=side, zmin=-0.5, zmax=steps - 0.5, colorscale=scale, showscale=False, hoverinfo="skip"
    )
    for number, mood in enumerate(MOODS):
        if len(cells := np.argwhere(regions == number)) >= _NAMED_SPAN * regions.size:
            row, column = cells[np.abs(cells - cells.mean(axis=0)).sum(axis=1).argmin()]  # within the area
            figure.add_annotation(x=side[column], y=side[row], text=f"<b>{mood.value}</b>", showarrow=False)
        own, said = songs[labels == number], answers[labels == number]
        figure.add_scatter(
            x=own[:, 0], y=own[:, 1], mode="markers", name=mood.value, text=[MOODS[answer] for answer in said],
            marker={"symbol": MOOD_SYMBOLS[mood], "color": _REGION_COLOURS[mood], "size": 8,
                    "line": {"width": 0.75, "color": "white"}},
            hovertemplate=f"{mood}, the network says %{{text}}<extra></extra>",
        )  # fmt: skip
    wrong = songs[labels != answers]
    figure.add_scatter(
        x=wrong[:, 0], y=wrong[:, 1], mode="markers", name="wrong", hoverinfo="skip",
        marker={"symbol": "x-thin", "size": 9, "line": {"width": 2, "color": GUIDE}},
    )  # fmt: skip
    axes = [{"range": [0, 1], "title": name} for name in ("valence of Spotify", "energy")]
    return lay_out(figure, 260, x=axes[0], y=axes[1], **legend_above())


@dataclass(frozen=True, slots=True)
class Standing:
    """How well a feature separates the moods of a table."""

    feature: Feature  # the feature
    share: float  # the part of its variance between the moods, 0 to 1 (eta squared)
    lowest: Mood  # the mood with the lowest median
    highest: Mood  # the mood with the highest median


def standings(features: npt.NDArray[np.float64], moods: npt.NDArray[np.int64]) -> list[Standing]:
    """How well each feature separates the moods, best first; `moods` are positions in `Mood`."""
    table = pd.DataFrame(features)
    groups = table.groupby(moods)
    spread = ((table - table.mean()) ** 2).sum()
    between = ((groups.mean() - table.mean()) ** 2).mul(groups.size(), axis="index").sum()
    # A constant 0.1 has a spread of 1e-17
    shares = (between / spread).where((np.ptp(features, axis=0) > 0) & (spread > 0), 0.0)
    lowest, highest = groups.median().idxmin(), groups.median().idxmax()
    found = [
        Standing(feature, float(shares[column]), MOODS[lowest[column]], MOODS[highest[column]])
        for column, feature in enumerate(FEATURES.values())
    ]
    return sorted(found, key=lambda standing: -standing.share)


def feature_ridges(features: npt.NDArray[np.float64], moods: npt.NDArray[np.int64], feature: Feature) -> go.Figure:
    """The distribution of one feature in each mood, as four curves of equal height with their medians."""
    from scipy.ndimage import gaussian_filter1d

    values = features[:, FEATURE_NAMES.index(feature.name)]
    low, high = (float(edge) for edge in np.quantile(values, [0.002, 0.998]))
    if feature.unit == "":
        low, high = feature.low, feature.high
    if high <= low:
        low, high = low - 0.5, high + 0.5
    figure = go.Figure()
    for level, mood in enumerate(reversed(MOODS)):
        own = values[moods == MOODS.index(mood)]
        if not own.size:
            continue
        # A smoothed histogram with its maximum at 0.88: a fast kernel density estimate
        counts, edges = np.histogram(np.clip(own, low, high), bins=96, range=(low, high))
        width = 3.0 if len(own) > 300 else 5.0  # in bins; few songs need more smoothing
        # Reflection at the ends keeps the density inside the range and peaks at 0 intact
        smooth = gaussian_filter1d(counts.astype(np.float64), width, mode="reflect", radius=15)
        places, heights = (edges[:-1] + edges[1:]) / 2, 0.88 * smooth / smooth.max()
        figure.add_scatter(
            x=np.concatenate([places, places[::-1]]),
            y=np.concatenate([level + heights, np.full(len(places), level)]),
            mode="lines", fill="toself", fillcolor=faded(TRAIL, 0.35), line={"color": TRAIL, "width": 1.5},
            hoverinfo="skip",
        )  # fmt: skip
        first, median, third = (float(q) for q in np.quantile(own, [0.25, 0.5, 0.75]))
        unit, digits = f" {feature.unit}" if feature.unit else "", feature.num_digits
        figure.add_scatter(
            x=[min(max(median, low), high)], y=[level], mode="markers", name=f"{mood.value} median",
            marker={"symbol": MOOD_SYMBOLS[mood], "size": 9, "color": TRAIL,
                    "line": {"width": 1.5, "color": "white"}},
            hovertemplate=f"{mood.value}: median {median:.{digits}f}{unit}, "
            f"middle half {first:.{digits}f} to {third:.{digits}f}<extra></extra>",
        )  # fmt: skip
    names = [mood.value for mood in reversed(MOODS)]
    return lay_out(
        figure,
        200,
        x={"range": [low, high], "nticks": 5, "title": axis_title(feature.unit or "0 to 1") | {"font": {"size": 13}}},
        y={"range": [-0.12, len(MOODS) - 0.02], "tickvals": list(range(len(MOODS))), "ticktext": names},
        margin={"t": 2},
        shapes=[line((low, high), (level, level)) for level in range(len(MOODS))],
    )


def correlations(features: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Pearson correlation of every pair of features, shape (9, 9); NaN for constant features."""
    return pd.DataFrame(features).corr().to_numpy()


def correlation_map(matrix: npt.NDArray[np.float64]) -> go.Figure:
    """The lower triangle of a matrix of `correlations`, as colours with numbers."""
    lower = np.where(np.tri(len(matrix), k=-1, dtype=bool), matrix, np.nan)[1:, :-1]
    # White numbers are legible from 0.5 up and the page's text below 0.5, in both themes
    cold, warm = RIGHT, WRONG
    shades = [(0.0, cold, 1.0), (0.25, cold, 0.92), (0.2501, cold, 0.3), (0.4999, cold, 0.06)]
    shades += [(0.5, warm, 0.06), (0.7499, warm, 0.3), (0.75, warm, 0.92), (1.0, warm, 1.0)]
    figure = numbered_cells(
        lower,
        [[_signed(value).lstrip("+") for value in row] for row in lower.tolist()],
        np.abs(lower) >= 0.5,
        shades,
        x=FEATURE_LABELS[:-1],
        y=FEATURE_LABELS[1:],
        hoverongaps=False,
        hovertemplate="%{y} and %{x}: %{z:.2f}<extra></extra>",
    )
    return lay_out(figure, 480, x={"tickangle": -90}, y=REVERSED)


def song_path(path: Sequence[tuple[float, float, float]], song: Hearing) -> go.Figure:
    """The way of a song over the plane: time in seconds, valence and arousal of each part. A square marks the whole."""
    points = [AffectPoint(valence, arousal) for _, valence, arousal in path]
    figure = circumplex([], trail=points, height=340)
    figure.update_traces(
        selector={"name": "trail"}, hoverinfo="all",
        text=[format_clock(time_s) for time_s, *_ in path],
        hovertemplate="%{text}: valence %{x:.2f}, arousal %{y:.2f}<extra></extra>",
    )  # fmt: skip
    return figure.add_scatter(
        x=[song.valence], y=[song.arousal], mode="markers", name="song",
        marker={"symbol": "square", "size": _MARK + 1, "color": TRAIL, "line": {"width": 1, "color": "white"}},
        hovertemplate=f"the whole song<br>{song.mood}: valence %{{x:.2f}}, arousal %{{y:.2f}}<extra></extra>",
    )  # fmt: skip


def wave_times(levels: Sequence[float], path: Sequence[tuple[float, float, float]]) -> list[float]:
    """When each piece of a waveform begins, in seconds: every part of the path has equally many pieces."""
    num_pieces = len(levels) / len(path)
    starts = [time_s for time_s, *_ in path]
    ends = [*starts[1:], starts[-1] + PATCH_S]
    return [
        float(np.interp(piece / num_pieces, range(len(ends) + 1), [*starts, ends[-1]])) for piece in range(len(levels))
    ]


def waveform(levels: Sequence[float], path: Sequence[tuple[float, float, float]]) -> go.Figure:
    """The loudness of a song over time, in the greys of its moods, with the name of each mood above its part."""
    moods = [min(MOODS, key=lambda mood: mood.point.distance(AffectPoint(x, y))) for _, x, y in path]
    times, num_pieces = wave_times(levels, path), len(levels) // len(path)
    of_pieces = [mood for mood in moods for _ in range(num_pieces)]
    figure = go.Figure().add_bar(
        x=times, y=[2 * level for level in levels], base=[-level for level in levels], name="trail", offset=0,
        width=[*np.diff(times), times[-1] - times[-2]] if len(times) > 1 else None,
        marker={"color": [MOOD_COLOURS[mood] for mood in of_pieces], "line": {"width": 0.5, "color": GUIDE}},
        text=[f"{format_clock(time_s)}: {mood}" for time_s, mood in zip(times, of_pieces, strict=True)],
        textposition="none", hovertemplate="%{text}<extra></extra>",
    )  # fmt: skip
    notes, last = [], times[-1] or 1
    for mood, run in groupby(range(len(of_pieces)), key=of_pieces.__getitem__):
        first, *_, end = [times[piece] for piece in run] * 2
        if end - first > _NAMED_SPAN * last:
            notes.append({"x": first, "y": 1, "xanchor": "left", "yanchor": "bottom", "text": mood, "showarrow": False})
    figure.layout.annotations = notes
    ticks = np.linspace(0, last, 6).round().tolist()
    x = {"tickvals": ticks, "ticktext": [format_clock(tick) for tick in ticks]}
    return lay_out(figure, 130, x=x, y={"range": [-1, 1.5], "visible": False}, bargap=0)


def mood_bars(shares: Mapping[str, float], start: npt.NDArray[np.float32] | None = None) -> go.Figure:
    """Four bars with names and percentages, and a line across each at the `start`, in the order of `Mood`."""
    figure = share_bars({mood: shares[mood] for mood in MOODS}, height=190)
    if start is not None:
        figure.add_scatter(
            x=100 * start.astype(np.float64), y=MOODS, mode="markers", name="start", cliponaxis=False,
            marker={"symbol": "line-ns", "size": 22, "line": {"width": 3, "color": GUIDE}},
            hovertemplate="%{y} at the start: %{x:.1f} %<extra></extra>",
        )  # fmt: skip
    return figure


def change_bars(points: npt.NDArray[np.float64], mood: str) -> go.Figure:
    """The change of a mood's probability without each feature, in percentage points; what speaks for it comes first."""
    order = np.argsort(points, kind="stable")
    points, labels = points[order], [FEATURE_LABELS[position] for position in order]
    reach = max(5.0, float(np.abs(points).max()))
    figure = go.Figure().add_bar(
        x=points, y=labels, orientation="h",
        marker={"color": [RIGHT if value >= 0 else WRONG for value in points], "cornerradius": 3},
        text=[_signed(value, digits=0) for value in points], textposition="outside", cliponaxis=False,
        hovertemplate="%{y}: %{x:+.1f} points<extra></extra>",
    )  # fmt: skip
    figure.add_vline(x=0, line={"color": QUIET, "width": 1})
    return lay_out(
        figure,
        290,
        x={"range": [-1.3 * reach, 1.3 * reach], "showticklabels": False, "title": f"change of {mood}, points"},
        y=REVERSED | {"tickfont": {"size": 13}},
        margin=bar_margin(labels) | {"b": 28},
        bargap=0.3,
    )


def _signed(value: float, *, digits: int = 2) -> str:
    """A number with a true minus sign; no sign if it rounds to zero."""
    text = f"{value:+.{digits}f}"
    return text.lstrip("+-") if float(text) == 0 else text.replace("-", "\u2212")
