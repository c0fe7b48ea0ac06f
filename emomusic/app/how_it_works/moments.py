"""The step of How it works with a scrubber: a photo as numbers, and the boxes of the three networks that find faces."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from emomusic.affect import share_text
from emomusic.app.browser.components import mount
from emomusic.app.choices import STEP
from emomusic.faces.detection import MIN_CONFIDENCE, DetectionTrace
from emomusic.server.walk import Walk
from emomusic.text import pluralize

NETWORKS = {
    "proposals": (
        "Where might a face be?",
        "A small network scans the photo at many sizes and proposes a box for each possible face. Non-maximum "
        "suppression keeps, of overlapping boxes, the one with the highest confidence.",
    ),
    "refined": (
        "A second check",
        "A second network is slower but more accurate. It checks each remaining box, corrects its position and removes "
        "most of them.",
    ),
    "face": (
        "Face and landmarks",
        "A third network selects the faces and marks the eyes, the nose and the corners of the mouth. A box needs a "
        f"confidence of at least {share_text(MIN_CONFIDENCE)} to count as a face.",
    ),
}
"""Title and words of the moments of the three networks, by their keys in the URL, which must not change."""

MOMENTS = ("picture", "photo", *NETWORKS)
"""The keys of all moments in the URL."""

_NUMBERS = 8  # pixels per side with their numbers
_MOST_BOXES = 1000  # boxes of a kind: more hide the photo


def show_moments(walk: Walk, trace: DetectionTrace, first: str, second: str, key: str) -> None:
    """Show the photo with a scrubber over its moments, from the one with this key on.

    `first` and `second` are the words of the moments before the networks.
    """
    sides, (width, height) = walk.preview.shape[:2], walk.size
    side = min(_NUMBERS, *sides)
    top, left = (int(share * (size - side)) for share, size in zip((0.35, 0.5), sides, strict=True))
    grey = walk.preview[top : top + side, left : left + side].mean(axis=2).round().astype(int)
    about = f"{width:,} by {height:,} pixels, {3 * width * height:,} numbers"
    data = {
        "picture": walk.preview_file.url,
        "size": walk.size,
        "numbers": {"place": [left / walk.scale, top / walk.scale, side / walk.scale], "rows": grey.tolist()},
        "moments": [
            {"title": "A photo is numbers", "words": first, "fact": "The brightness of some pixels", "name": "pixels"},
            {"title": "The photo", "words": second, "fact": about, "name": "photo"},
            *_networks_of(trace),
        ],
        "keys": MOMENTS,
        "start": MOMENTS.index(key) if key in MOMENTS else 0,
    }
    name = f"how-moments-{walk.picture.digest}"
    mount("moments", key=name, data=data, on_moment_change=lambda: STEP.set(st.session_state[name]["moment"]))


def _networks_of(trace: DetectionTrace) -> list[dict[str, Any]]:
    """The moments of the networks, with boxes and landmarks in pixels of the photo."""
    named: list[dict[str, Any]] = [{"title": title, "words": words} for title, words in NETWORKS.values()]
    first, second, third = trace.proposals, trace.refined, trace.output
    third = replace(third, kept=third.kept.take(third.kept.confidence >= MIN_CONFIDENCE))
    proposed, *boxes = (pluralize(len(found), "box", "boxes") for found in (first.found, first.kept, second.kept))
    faces = pluralize(len(trace.faces), "face")
    facts = (
        f"{proposed} proposed (blue), {len(first.kept):,} kept (yellow)",
        f"{boxes[0]} checked, {len(second.found):,} accepted (blue), {len(second.kept):,} kept (yellow)",
        f"{boxes[1]} checked, {faces} found",
    )
    dots = [point for face in trace.faces for point in face.landmarks or ()]
    for moment, fact, name, output in zip(named, facts, (*boxes, faces), (first, second, third), strict=True):
        found, kept = (boxes.corners[:_MOST_BOXES].round(1).tolist() for boxes in (output.found, output.kept))
        sure = output.kept.confidence.tolist()
        moment |= {"fact": fact, "name": name, "found": found, "kept": kept, "sure": sure}
        moment["dots"] = dots if output is third else []
    return named
