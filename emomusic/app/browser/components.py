"""The four components of the app in the browser: `runtime`, `overlay`, `camera` and `loop`.

Each has parts, which are classes of the script of its name on the base of `base.js`. The HTML and the style of a part
are beside. The scripts have an address of this server, because Streamlit would send them with each call.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from emomusic.app.frame import read_beside
from emomusic.assets import data_dir
from emomusic.server.files import folder_url

_LOOPS = data_dir() / "samples" / "example"
"""The folder of the silent films."""

_SHOW = """export default async (component) => {
  const { script, part } = component.data;
  (await import(new URL(script, location.href)))[part].show(component);
};"""


def _template(part: str) -> str:
    """The HTML of a part with its style, which waits until the part is shown; empty for an invisible part."""
    names = [path.name for ending in ("css", "html") for path in Path(__file__).parent.glob(f"{part}.{ending}")]
    styled = f"<style>{read_beside(__file__, names[0])}</style>" if len(names) > 1 else ""
    return f'<template data-part="{part}">{styled}{read_beside(__file__, names[-1])}</template>' if names else ""


def _parts(name: str, *parts: str) -> dict[str, tuple[str, Any]]:
    """The script and the component of each of its parts."""
    component = st.components.v2.component(f"emomusic_{name}", html="".join(map(_template, parts)), js=_SHOW)
    return dict.fromkeys(parts, (f"{name}.js", component))


_PARTS = {
    **_parts("runtime", "runtime", "bar"),
    **_parts("overlay", "frame", "target", "note", "playhead", "place", "layers", "words", "moments", "facemarks"),
    **_parts("camera", "question", "camera"),
    **_parts("loop", "loop"),
}


@cache
def _folder() -> str:
    """The address of the scripts, with the loops of the band and the silent films."""
    folders = (Path(__file__).parent, data_dir() / "band", _LOOPS)
    kinds = (".js", ".json", ".opus", ".mp4")
    return folder_url({path.name: path for folder in folders for path in folder.iterdir() if path.suffix in kinds})


def mount(part: str, *, key: str, data: dict[str, Any], **options: Any) -> Any:
    """Mount a part of a component. Returns its state.

    Args:
        part: the name of the part in the script of its component.
        key: the key of the component in the session.
        data: the data of the part.
        options: the callbacks and further options of Streamlit.
    """
    script, component = _PARTS[part]
    return component(key=key, data={**data, "script": f"{_folder()}/{script}", "part": part}, **options)
