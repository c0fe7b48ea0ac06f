"""What a model gets right if it answers only the faces that it is sure of."""

from __future__ import annotations

import streamlit as st

from emomusic.affect import share_text
from emomusic.app.charts import show_chart
from emomusic.charts.diagnostics import coverage_chart
from emomusic.faces.model_files import model_folder, read_spec
from emomusic.records import CoveragePoint, FaceRecord, Record
from emomusic.results.overview import Benchmark, label_of, percent, to_text
from emomusic.results.predictions import Chosen

LEGEND = (
    "A model can leave out the faces that it is least sure of. The line is the share of right answers on the rest, "
    "with its 95 % range. The dot is the app: below its threshold, a face is unclear and gets the neutral song."
)

_CURVES = {Benchmark.VOTES: "votes", Benchmark.LABELS: "labels"}


def curve_of(record: Record, benchmark: Benchmark) -> tuple[CoveragePoint, ...]:
    """The accuracy by share of answered faces; empty if it was not measured."""
    if not isinstance(record, FaceRecord):
        return ()
    if benchmark is Benchmark.PHOTOGRAPHS:
        return record.wild.coverage if record.wild is not None else ()
    return (record.coverage or {}).get(_CURVES.get(benchmark, ""), ())


def show_unsure(chosen: Chosen, record: Record) -> None:
    """Show the accuracy over the share of answered faces, and the point of the app's threshold."""
    if not (curve := curve_of(record, chosen.benchmark)):
        st.info("Not measured here.", icon=":material/image_not_supported:")
        return
    # The threshold is of adjusted answers, as those on photographs; on FER2013, it leaves out a fifth by its choice
    threshold = read_spec(model_folder(record.name)).threshold
    is_adjusted = chosen.benchmark is Benchmark.PHOTOGRAPHS
    at = min(curve, key=lambda point: abs(point.threshold - threshold if is_adjusted else point.coverage - 0.8))
    half = min(curve, key=lambda point: abs(point.coverage - 0.5))
    parts = [f"{percent(point.accuracy)} ({to_text(point.accuracy_interval)})" for point in (curve[-1], at, half)]
    st.markdown(
        f"Right on **{parts[0]}** of all faces, on **{parts[1]}** of the surest {share_text(at.coverage)}, and on "
        f"**{parts[2]}** of the surest half."
    )
    show_chart(
        coverage_chart(curve, at),
        key=f"models-coverage-{record.name}",
        alt=f"Accuracy of {label_of(record.name)} by share of answered faces: {parts[2]} of half, {parts[0]} of all",
    )
