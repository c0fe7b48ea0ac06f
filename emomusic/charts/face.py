"""Bars of shares, which are of emotions, moods, or the classes of any model, as HTML; and drawn faces as SVG."""

from __future__ import annotations

import tomllib
from base64 import b64encode
from collections.abc import Mapping
from html import escape
from pathlib import Path
from types import MappingProxyType
from typing import Any

from emomusic.affect import Emotion, Mood, list_shares, share_text
from emomusic.colours import EMOTION_COLOURS, FACE_CLASS_COLOURS, TRAIL, ink_on

_NONE: Mapping[str, Any] = MappingProxyType({})


def share_bars(
    shares: Mapping[str, float],
    title: str,
    *,
    kind: str = "bars",
    names: Mapping[str, str] = _NONE,
    before: Mapping[str, float] = _NONE,
) -> str:
    """Bars with names and percentages, in the given order, as HTML.

    Args:
        shares: from 0 to 1; zeros only have no percentages.
        title: what they are shares of.
        kind: the classes of the style, as in `tiles.css`.
        names: shown in place of the names of the shares.
        before: earlier shares, of which a line across each bar remains.
    """
    colours: Mapping[str, str] = {} if {*shares} == {*Mood} else FACE_CLASS_COLOURS  # moods have names of emotions
    rows = ""
    for name, share in shares.items():
        style = f"--share: {100 * share:.1f}%; --colour: {colours.get(name, TRAIL)}"
        line = f'<u style="left: {100 * before[name]:.1f}%"></u>' if name in before else ""
        text = escape(share_text(share)) if any(shares.values()) else ""
        rows += f'<div><span>{escape(names.get(name, name))}</span><i style="{style}">{line}</i><b>{text}</b></div>'
    label = escape(f"{title}: {list_shares(shares)}")
    return f'<div class="{kind}" role="img" aria-label="{label}"><em>{escape(title)}</em>{rows}</div>'


_FEATURES = tomllib.loads(Path(__file__).with_name("expressions.toml").read_text(encoding="utf-8"))


def expression_uri(emotion: Emotion) -> str:
    """A drawn face that shows an emotion, in its colour, for light and dark pages: a data URI of an image."""
    colour = EMOTION_COLOURS[emotion]
    ink = ink_on(colour)
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100"><style>'
        f"g{{fill:none;stroke:{ink};stroke-width:4;stroke-linecap:round;stroke-linejoin:round}}"
        f".full{{fill:{ink}}}</style>"
        f'<circle cx="50" cy="50" r="49" fill="{colour}"/><g>{_FEATURES[emotion]}</g></svg>'
    )
    return f"data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}"
