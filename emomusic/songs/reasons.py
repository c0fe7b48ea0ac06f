"""Why a song was chosen, in words."""

from __future__ import annotations

from collections.abc import Sequence

from emomusic.affect import NEUTRAL_RADIUS, AffectPoint, Mood, share_text


def mood_reason(likeliest: Mood, probability: float, mood: Mood, point: AffectPoint) -> str:
    """The reason for a song of a mood: "Probably sad (88 %), dark and quiet".

    Args:
        likeliest: its most probable mood.
        probability: of that mood.
        mood: of the request.
        point: of the song.
    """
    words = f"{'probably' if probability >= 0.5 else 'perhaps'} {likeliest} ({share_text(probability)})"
    words = words.capitalize() if likeliest is mood else f"Nearest to {mood}: {words}"
    return f"{words}, {_character(point)}"


def _character(point: AffectPoint) -> str:
    """Description of a point: "bright and lively"."""
    valence = "bright" if point.valence >= 0.15 else "dark" if point.valence <= -0.15 else "mild"
    arousal = "lively" if point.arousal >= 0.15 else "quiet" if point.arousal <= -0.15 else "even"
    return f"{valence} and {arousal}"


def _difference(origin: AffectPoint, point: AffectPoint) -> str:
    """Comparison with another point: "a little brighter and quieter", empty for similar points."""
    valence, arousal = point.valence - origin.valence, point.arousal - origin.arousal
    words = [
        *(["brighter" if valence > 0 else "darker"] if abs(valence) >= 0.15 else []),
        *(["livelier" if arousal > 0 else "quieter"] if abs(arousal) >= 0.15 else []),
    ]
    if not words:
        return ""
    return ("a little " if max(abs(valence), abs(arousal)) < 0.5 else "") + " and ".join(words)


def step_reason(points: Sequence[AffectPoint], step: int, target: AffectPoint) -> str:
    """The reason for a step of a journey, counted from 0, by the points of its songs."""
    label, point = f"Step {step + 1} of {len(points)}: ", points[step]
    if step == len(points) - 1 and point.distance(target) <= NEUTRAL_RADIUS:
        return f"{label}{_character(point)}, close to the target"
    change = _difference(points[step - 1], point) if step else ""
    return label + (f"{change} than the step before" if change else _character(point))
