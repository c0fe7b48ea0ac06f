"""The tabs of the Models page. Only the open tab is computed; two models are shown side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from emomusic.app import state
from emomusic.app.address import widget
from emomusic.app.charts import show_chart
from emomusic.app.frame import shown_errors
from emomusic.app.models.confusion import SCORED_IN_FOUR, choose_classes, show_confusion
from emomusic.app.models.photographs import show_mistakes, show_photographs, show_recall_bars
from emomusic.app.models.saved import Chosen, class_metrics, predictions, read_each
from emomusic.app.models.try_it import show_try
from emomusic.assets import ModelKind
from emomusic.charts import diagnostics as plots
from emomusic.metrics import ClassMetrics, accuracy_interval, reliability, top_k_accuracy
from emomusic.records import FaceRecord, PhotoScores, Record, VoteScores
from emomusic.results.findings import (
    describe_classes,
    describe_start,
    describe_training,
    describe_validation,
    in_words,
    label_of,
    of_100,
    percent,
    with_range,
)
from emomusic.results.overview import reports_of
from emomusic.results.predictions import read_card, read_fold_accuracies, read_history

_TABS = {
    ModelKind.FACE: state.MODELS_FACE_TAB,
    ModelKind.MUSIC: state.MODELS_SONG_TAB,
    ModelKind.SOUND: state.MODELS_SOUND_TAB,
}


@st.fragment
def show_tabs(chosen: Chosen) -> None:
    """Show the tabs; a change of tab reruns only this fragment."""
    is_face = chosen.kind is ModelKind.FACE
    tabs: dict[str, Callable[[Chosen], None]] = {"Try your face": show_try} if is_face else {}
    tabs |= {"Confusions": show_confusion, "Figures": _show_figures}
    if is_face:
        tabs |= {"Mistakes": show_mistakes, "Photographs": show_photographs}
    tabs |= {"Confidence": _show_calibration}
    tabs |= {"Learning": _show_learning} if is_face else {"Folds": _show_folds}
    tabs["Card"] = _show_card
    first, *_ = tabs
    shown = st.tabs(list(tabs), **widget(_TABS[chosen.kind], list(tabs), first))
    for tab, show in zip(shown, tabs.values(), strict=True):
        if tab.open:
            with tab, shown_errors():  # an error in a fragment does not reach the page
                if show in (show_confusion, _show_figures, _show_calibration):
                    st.caption(
                        "On the test pictures of FER2013 (PrivateTest), by its labels."
                        if is_face
                        else "From the first of five divisions of the songs into folds, which tests each song once. "
                        "Accuracy and mean F1 in the table above are means over all five."
                    )
                show(chosen)


def _show_figures(chosen: Chosen) -> None:
    if four := choose_classes(chosen):
        st.caption(SCORED_IN_FOUR)
    tables = read_each(chosen.names, lambda name: class_metrics(chosen.kind, name, four=four))
    if not tables:
        return
    for name, figures in tables.items():
        st.markdown(describe_classes(figures, name, chosen.kind.examples))
    chart, words = st.columns([3, 2], gap="large")
    with chart:
        show_recall_bars(
            {label_of(name): figures.per_class for name, figures in tables.items()},
            meaning=f"Recall: the share of the {chosen.kind.examples} of a class that the model finds.",
            key=state.models_widget("class-bars"),
            alt="Recall by class",
        )
    with words:
        st.markdown("**Over all classes**")
        records = {record.name: record for record in chosen.records}
        columns = read_each(list(tables), lambda name: _overall(chosen.kind, records[name], four=four))
        if columns:
            st.table(pd.DataFrame(columns).rename(columns=label_of).rename_axis("figure"), border="horizontal")
    st.markdown("**By class**")
    for column, name in zip(st.columns(len(tables), gap="large"), tables, strict=True):
        with column:
            _show_class_table(records[name], tables[name], chosen.kind, four=four)


def _overall(kind: ModelKind, record: Record, *, four: bool) -> dict[str, str]:
    """The metrics of a model over all classes, formatted as text."""
    own = predictions(kind, record.name)
    found = own.grouped(four=four).scores()
    is_own = found.classes == own.classes
    return {
        "accuracy": with_range(found.accuracy, found.accuracy_interval),
        "top-2 accuracy": percent(top_k_accuracy(own.y_true, own.probabilities)) if is_own else "—",
        "mean precision": percent(found.macro_precision),
        "mean recall": percent(found.macro_recall),
        "mean F1": percent(found.macro_f1),
        **(_face_figures(record, four=four, is_own=is_own) if isinstance(record, FaceRecord) else {}),
    }


def _face_figures(record: FaceRecord, *, four: bool, is_own: bool) -> dict[str, str]:
    """Accuracy without pictures that have a copy in Training, by people's votes, and on photos."""

    def of_all(share: float, n: int) -> str:
        return with_range(share, accuracy_interval(round(share * n), n))

    def elsewhere(figures: VoteScores | PhotoScores | None) -> str:
        if figures is None:
            return "not measured"
        share = figures.in_four if four else figures.accuracy
        return f"{of_all(share, figures.n)} of {figures.n:,}"

    unseen = record.test.not_in_training
    return {
        "accuracy without copies in Training": (
            of_all(unseen.accuracy, unseen.n) if is_own and unseen.accuracy is not None else "—"
        ),
        "accuracy by people's votes": elsewhere(record.votes),
        "accuracy on photographs": elsewhere(record.wild),
    }


def _show_class_table(record: Record, figures: ClassMetrics, kind: ModelKind, *, four: bool) -> None:
    table = pd.DataFrame(
        [
            {"class": label, "precision": s.precision, "recall": s.recall, "f1": s.f1, "support": s.support}
            for label, s in figures.per_class.items()
        ]
    )
    report = next((report.f1 for report in reports_of(record)), {})
    if four and report:
        table["report"] = 100 * table["class"].map({in_words(label): f1 for label, f1 in report.items()})
    table[["precision", "recall", "f1"]] *= 100
    shares = {name: st.column_config.NumberColumn(format="%.1f %%") for name in ("precision", "recall")}
    st.dataframe(
        table,
        key=state.models_widget("classes", record.name),
        hide_index=True,
        height="content",
        column_config={
            **shares,
            "class": label_of(record.name),
            "f1": st.column_config.NumberColumn("F1", format="%.1f %%"),
            "report": st.column_config.NumberColumn("F1 in the report", format="%.0f %%"),
            "support": st.column_config.NumberColumn(kind.examples, format="localized"),
        },
        alt=f"Precision, recall and F1 of {label_of(record.name)} by class",
    )


def _show_learning(chosen: Chosen) -> None:
    histories = read_each(chosen.names, read_history)
    if not histories:
        return
    st.caption(
        "Accuracy and loss by epoch, in training and in validation (PublicTest). The dot marks the best epoch. "
        "If only training improves, the model overfits."
        + (" Losses compare only if both models were trained with the same labels." if len(histories) > 1 else "")
    )
    for (words, *parts), (name, history) in zip(_panels(list(histories)), histories.items(), strict=True):
        model = label_of(name)
        with words:
            best = history.val_accuracy[history.best_epoch - 1]
            stages = f" in {len(history.stages)} stages (vertical lines)" if len(history.stages) > 1 else ""
            st.markdown(
                f"**{model}**: epoch {history.best_epoch} of {len(history)}{stages} is best, right on {of_100(best)} "
                f"of 100 validation pictures (without mirror images). {describe_start(history.stages[0].config)}"
            )
            st.caption(f"{describe_training(history.stages[-1].config)} {describe_validation(history.stages)}")
        top = 1.05 * max(history.loss.max(), history.val_loss.max())
        curves = (
            ("accuracy, %", 100 * history.accuracy, 100 * history.val_accuracy, 100.0),
            ("loss", history.loss, history.val_loss, top),
        )
        for part, (label, training, validation, end) in zip(parts, curves, strict=True):
            with part:
                show_chart(
                    plots.learning_curves(
                        training,
                        validation,
                        best_epoch=history.best_epoch,
                        last_epochs=history.last_epochs,
                        label=label,
                        top=float(end),
                    ),
                    key=state.models_widget("learning", label, name),
                    alt=f"{label} of {model} over {len(history)} epochs: validation from {validation[0]:.2f} to "
                    f"{validation[-1]:.2f}",
                )


def _panels(names: Sequence[str]) -> list[list[DeltaGenerator]]:
    """For each model, one container for text and two for charts; the charts of two models are level."""
    words = st.columns(len(names), gap="large")
    if len(names) == 1:
        return [[*words, *st.columns(2)]]
    charts = st.columns(len(names), gap="large")
    for name, column in zip(names, charts, strict=True):
        column.markdown(
            f"**{label_of(name)}**"
        )  # on a phone, the other model's text separates the chart from its own text
    return [[place, column, column] for place, column in zip(words, charts, strict=True)]


def _show_folds(chosen: Chosen) -> None:
    st.markdown(
        "Each point is the accuracy on one fold, a tenth of the songs, for a model trained on the others. The line is "
        "the mean. A single split gives one of these points, so it says little."
    )
    names = dict.fromkeys([*chosen.names, *(record.name for record in chosen.others)])  # chosen models first
    folds = read_each(list(names), lambda name: read_fold_accuracies(chosen.kind, name))
    if not folds:
        return
    show_chart(
        plots.fold_spread({label_of(name): values for name, values in folds.items()}),
        key=state.models_widget("folds"),
        alt="Accuracy in every fold: "
        + ", ".join(f"{name} {values.min():.0%} to {values.max():.0%}" for name, values in folds.items()),
    )
    st.caption("Points of equal accuracy are stacked." + (" All models have the same folds." if len(folds) > 1 else ""))


def _show_calibration(chosen: Chosen) -> None:
    st.caption(
        "With perfect calibration, 80 of 100 answers at a confidence of 80 % are correct, and the points lie on the "
        "dotted line. Below it, the confidence is too high. The bars count right and wrong answers."
    )
    answers = read_each(chosen.names, lambda name: predictions(chosen.kind, name))
    if not answers:
        return
    levels = {name: reliability(own.y_true, own.probabilities) for name, own in answers.items()}
    most = max(int(found.counts.max()) for found in levels.values())
    for (words, *parts), (name, own) in zip(_panels(list(answers)), answers.items(), strict=True):
        found, model = levels[name], label_of(name)
        confidence, is_right = float(own.probabilities.max(axis=1).mean()), own.y_pred == own.y_true
        low, high = accuracy_interval(int(is_right.sum()), len(is_right))
        verdict = "too low" if confidence < low else "too high" if confidence > high else "consistent with its accuracy"
        with words:
            st.markdown(
                f"The confidence of **{model}** is {verdict}: {percent(confidence)} on average, with an accuracy of "
                f"{with_range(float(is_right.mean()), (low, high))}. Expected calibration error: "
                f"{found.expected_calibration_error:.3f} over {len(found.counts)} bins (0 is perfect)."
            )
        with parts[0]:
            show_chart(
                plots.reliability_diagram(found),
                key=state.models_widget("reliability", name),
                alt=f"Accuracy of {model} by confidence; calibration error {found.expected_calibration_error:.3f}",
            )
        with parts[1]:
            show_chart(
                plots.confidence_histogram(found, most=most, height=360 if len(answers) == 1 else 260),
                key=state.models_widget("confidence", name),
                alt=f"Right and wrong answers of {model} by confidence",
            )


# A card's tables are wider than a phone, so each table scrolls on its own
_CARD_STYLE = """<style>
div[class*="st-key-models-card"] table { display: block; overflow-x: auto; }
</style>"""


def _show_card(chosen: Chosen) -> None:
    st.html(_CARD_STYLE)
    for column, name in zip(st.columns(len(chosen.names), gap="large"), chosen.names, strict=True):
        with column, shown_errors(), st.container(border=True, key=state.models_widget("card", name)):
            # Headings of the card go below the headings of the page
            st.markdown(read_card(chosen.kind, name).replace("\n## ", "\n#### ").replace("# ", "### ", 1))
