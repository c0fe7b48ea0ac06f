"""The agreement of songs' places with people's mood tags, compared with Spotify's numbers and a published network."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from emomusic.app.charts import show_chart
from emomusic.assets import models_dir, read_metrics
from emomusic.charts.diagnostics import agreement_map
from emomusic.records import Record
from emomusic.results.predictions import Chosen
from emomusic.songs.place import PLACE_FILE

_ROWS = {
    "by_song": "EmoMusic, songs that it had not met",
    "by_artist": "EmoMusic, artists that it had not met",
    "spotify": "Spotify's valence and energy",
}
_COLUMNS = ("source", "valence r", "arousal r", "valence R²", "arousal R²", "quadrant")


def show_places(chosen: Chosen, record: Record) -> None:
    """Show the agreement with people once, below the first model."""
    if record is not chosen.records[0]:
        return
    metrics = read_metrics((models_dir() / PLACE_FILE).parent)
    found = metrics["by_song"]
    st.markdown(
        f"**Where songs lie on the plane**, by {metrics['num_tags']:,} songs with mood tags of people "
        f"(Deezer; Delbouys et al., 2018), {found['n']} of them in the catalogue"
    )
    rows = []
    for key, name in _ROWS.items():
        own, two = metrics[key], ("valence", "arousal")
        rows.append((name, *(own[axis]["r"] for axis in two), *(own[axis]["r2"] for axis in two), own["quadrant"]))
    published = metrics["published"]
    rows.append((published["name"], None, None, published["valence"], published["arousal"], None))
    table = pd.DataFrame(rows, columns=_COLUMNS)
    table["quadrant"] *= 100
    numbers = st.column_config.NumberColumn(format="%.2f")
    config = dict.fromkeys(_COLUMNS[1:-1], numbers) | {"quadrant": st.column_config.NumberColumn(format="%.0f %%")}
    st.dataframe(
        table,
        key="models-places",
        hide_index=True,
        height="content",
        column_config=config,
        alt="Agreement of places with people's tags: correlation, R² and share of equal quadrants",
    )
    st.caption(published["note"])
    for column, axis in zip(st.columns(2, gap="large"), ("valence", "arousal"), strict=True):
        with column:
            figure = agreement_map(metrics["bins"][axis], metrics["edges"], axis)
            alt = f"{axis.capitalize()}: people's tags against places of {found['n']} songs, r {found[axis]['r']:.2f}"
            show_chart(figure, key=f"models-places-{axis}", alt=alt)
