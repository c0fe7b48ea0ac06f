"""Train the network of the report before the eyes of a class: play, step, reset, and what changes the run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from emomusic.affect import share_text
from emomusic.app.charts import roomy_columns, show_chart
from emomusic.app.choices import TRAIN_BATCH, TRAIN_HIDDEN, TRAIN_RATE, TRAIN_WRONG
from emomusic.app.state import page_state
from emomusic.assets import load_once
from emomusic.charts.diagnostics import epoch_curves
from emomusic.charts.music import mood_regions
from emomusic.results.predictions import Chosen
from emomusic.songs.playground import NUM_EPOCHS, LabelledSongs, Settings, Training

_TICK_S, _EPOCHS = 0.5, 10  # a play takes 15 s
_LEAST_LOSS = 1.6  # top of the axis: four moods by chance have a loss of 1.39

_load_songs = load_once(LabelledSongs.load)


@dataclass
class TrainingState:
    """The run of a visitor; None before the first."""

    run: Training | None = None
    is_playing: bool = False


def show_training(_: Chosen) -> None:
    """Show the settings, the buttons and the run.

    Raises:
        DatasetError: the labelled songs are damaged.
    """
    songs = _load_songs()
    labels = "answers of the bundled model, without people's labels" if songs.are_predicted else "labels of people"
    st.caption(
        f"The network of the report learns the moods of {len(songs.labels)} songs from nine features ({labels}). A "
        "fifth is held out. The same settings give the same run. The plane draws two of the nine, valence and energy; "
        "its areas have the other seven of the nearest song, and a cross marks a wrong answer."
    )
    with st.container(horizontal=True, vertical_alignment="bottom", key="train-settings"):
        for choice, label, unit in (
            (TRAIN_RATE, "Learning rate", ""),
            (TRAIN_BATCH, "Batch", " songs"),
            (TRAIN_HIDDEN, "Hidden nodes", ""),
            (TRAIN_WRONG, "Wrong labels", " %"),
        ):
            choice.draw(st.selectbox, label, format_func=f"{{}}{unit}".format, width=150)
        state, settings = page_state(TrainingState), _settings()
        if state.run is None or state.run.settings != settings:
            state.run, state.is_playing = Training(songs, settings), False
        name, icon = ("Pause", "pause") if state.is_playing else ("Play", "play_arrow")
        st.button(name, icon=f":material/{icon}:", type="primary", on_click=_play, key="train-play")
        st.button("Step", icon=":material/skip_next:", on_click=_step, disabled=state.run.is_over, key="train-step")
        st.button("Reset", icon=":material/replay:", on_click=_reset, key="train-reset")
    st.fragment(_show_run, run_every=_TICK_S if state.is_playing else None)()


def _settings() -> Settings:
    rate, batch, hidden, wrong = (
        float(choice.value) for choice in (TRAIN_RATE, TRAIN_BATCH, TRAIN_HIDDEN, TRAIN_WRONG)
    )
    return Settings(rate, int(batch), int(hidden), wrong / 100)


def _play() -> None:
    state = page_state(TrainingState)
    if state.run is not None and state.run.is_over:
        _reset()
    state.is_playing = not state.is_playing


def _step() -> None:
    state = page_state(TrainingState)
    state.is_playing = False
    if state.run is not None:
        state.run.step()


def _reset() -> None:
    state = page_state(TrainingState)
    state.run, state.is_playing = Training(_load_songs(), _settings()), False


def _show_run() -> None:
    """Learn some epochs if it plays, and show the run so far."""
    state = page_state(TrainingState)
    if (run := state.run) is None:
        return
    if state.is_playing:
        run.step(_EPOCHS)
        if run.is_over:
            state.is_playing = False
            st.rerun()  # ends the ticks
    accuracy, loss, held_accuracy, held_loss = np.array(run.curves).T
    st.markdown(
        f"Epoch **{run.epoch}** of {NUM_EPOCHS}: right on **{share_text(accuracy[-1])}** of the training songs and on "
        f"**{share_text(held_accuracy[-1])}** of those held out; loss {loss[-1]:.2f} and {held_loss[-1]:.2f}."
    )
    plane, *columns = roomy_columns([1, 1, 1], key="train", gap="medium")
    with plane:
        figure = mood_regions(run.regions(), *run.shown_songs())
        show_chart(figure, key="train-plane", alt="The predicted mood at each valence and energy")
    top = max(_LEAST_LOSS, 1.05 * float(max(loss.max(), held_loss.max())))
    for column, label, parts, end in (
        (columns[0], "right, %", (100 * accuracy, 100 * held_accuracy), 100.0),
        (columns[1], "loss", (loss, held_loss), top),
    ):
        named = dict(zip(("training", "held out"), parts, strict=True))
        figure = epoch_curves(named, 0, label=label, top=end, last=NUM_EPOCHS, height=260)
        alt = f"{label} by epoch: {parts[0][-1]:.2f} in training, {parts[1][-1]:.2f} held out"
        with column:
            show_chart(figure, key=f"train-{label[:4]}", alt=alt)
