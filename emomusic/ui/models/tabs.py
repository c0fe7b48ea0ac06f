"""The tabs of the models page: each shows one or two models, side by side. Only the open one is computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from emomusic.assets import ModelKind
from emomusic.metrics import accuracy_interval, reliability, top_k_accuracy
from emomusic.plots import diagnostics as plots
from emomusic.results.findings import (
    compare_losses,
    describe_classes,
    describe_start,
    describe_training,
    of_100,
    percent,
)
from emomusic.results.predictions import ClassMetrics, History, read_card, read_fold_accuracies, read_history
from emomusic.results.records import FaceRecord, ModelRecord
from emomusic.ui.core import state
from emomusic.ui.core.address import chosen_here, keep, recall
from emomusic.ui.core.charts import show_chart
from emomusic.ui.core.frame import shown_errors
from emomusic.ui.models.confusion import choose_classes, legend_of_four, show_confusion
from emomusic.ui.models.mistakes import show_mistakes
from emomusic.ui.models.saved import class_metrics, of_each, predictions, scores
from emomusic.ui.models.table import Chosen
from emomusic.ui.models.try_it import show_try

_MEASURES = {
    "Recall": ("recall", "Of the pictures that are of a class, how many the model finds."),
    "Precision": ("precision", "Of the answers that name a class, how many are right."),
    "F1": ("f1", "One number for both: high only where recall and precision are high."),
}


@st.fragment
def show_diagnoses(chosen: Chosen) -> None:
    """Show the tabs; going from one to another reruns them alone."""
    is_face = chosen.kind is ModelKind.FACE
    views: dict[str, Callable[[Chosen], None]] = {"Confusions": show_confusion, "Figures": _show_figures}
    if is_face:
        views["Learning"] = _show_learning
    else:
        views["Folds"] = _show_folds
    views["Sureness"] = _show_sureness
    if is_face:
        views |= {"Mistakes": show_mistakes, "Try your face": show_try}
    views["Card"] = _show_card
    key = state.MODELS_FACE_VIEW if is_face else state.MODELS_SONG_VIEW
    first, *_ = views
    recall(key, list(views), first)
    tabs = st.tabs(list(views), key=key, on_change=chosen_here, args=(key,))
    keep(key, st.session_state[key], first)
    for tab, view in zip(tabs, views.values(), strict=True):
        if tab.open:
            with tab, shown_errors():  # an error in a fragment does not reach the page
                if view in (show_confusion, _show_figures, _show_sureness) and not is_face:
                    st.caption(
                        "Of the first of five deals of the songs into folds, in which each song is judged once; the "
                        "table above has accuracy and mean F1 over all five, and the calibration error of the first."
                    )
                view(chosen)


def _show_figures(chosen: Chosen) -> None:
    if four := choose_classes(chosen):
        st.caption(legend_of_four())
    tables = of_each(chosen.names, lambda name: class_metrics(chosen.kind, name, four=four))
    if not tables:
        return
    for name, figures in tables.items():
        st.markdown(describe_classes(figures, name, chosen.kind.examples))
    chart, words = st.columns([3, 2], gap="large")
    with chart:
        choice = st.segmented_control(
            "Measure", list(_MEASURES), default="Recall", required=True, key=state.models_widget("measure"),
            label_visibility="collapsed", persist_state="session",
        )  # fmt: skip
        measure, meaning = _MEASURES[choice]
        if chosen.kind is ModelKind.MUSIC:
            meaning = meaning.replace("pictures", "songs")
        full, *striped = tables
        stripes = f" Full bars: {full}; striped: {striped[0]}." if striped else ""
        st.caption(meaning + stripes)
        show_chart(
            plots.class_bars({name: figures.per_class for name, figures in tables.items()}, measure=measure),
            key=state.models_widget("class-bars"),
            alt=f"{choice} by class: "
            + "; ".join(
                f"{name} " + ", ".join(f"{label} {getattr(s, measure):.0%}" for label, s in figures.per_class.items())
                for name, figures in tables.items()
            ),
        )
    with words:
        st.markdown("**Over all classes**")
        records = {record.name: record for record in chosen.records}
        columns = of_each(list(tables), lambda name: _overall(chosen.kind, records[name], four=four))
        if columns:
            st.table(pd.DataFrame(columns).rename_axis("figure"), border="horizontal")
    st.markdown("**By class**")
    for column, name in zip(st.columns(len(tables), gap="large"), tables, strict=True):
        with column:
            _show_class_table(records[name], tables[name], chosen.kind, four=four)


def _overall(kind: ModelKind, record: ModelRecord, *, four: bool) -> dict[str, str]:
    """The figures of a model, in words, because they are of different kinds."""
    own = predictions(kind, record.name)
    found = scores(kind, record.name, four=four)
    is_own = found.classes == own.classes
    return {
        "right": _with_range(found.accuracy, found.accuracy_interval),
        "first or second guess right": percent(top_k_accuracy(own.y_true, own.probabilities)) if is_own else "—",
        "mean precision": percent(found.macro_precision),
        "mean recall": percent(found.macro_recall),
        "mean F1": percent(found.macro_f1),
        **(_face_figures(record, four=four, is_own=is_own) if isinstance(record, FaceRecord) else {}),
    }


def _with_range(share: float, interval: tuple[float, float]) -> str:
    return f"{percent(share)} ({of_100(interval[0])} to {of_100(interval[1])})"


def _with_range_of(share: float, n: int) -> str:
    return _with_range(share, accuracy_interval(round(share * n), n))


def _face_figures(record: FaceRecord, *, four: bool, is_own: bool) -> dict[str, str]:
    """What only faces have: the figure without pictures known from training, and the one on photographs."""
    alone = "—"
    if is_own and record.unseen_accuracy is not None:
        alone = _with_range_of(record.unseen_accuracy, record.num_unseen)
    in_the_wild = "not measured"
    if wild := record.wild:
        share = wild.four_class_accuracy if four else wild.accuracy
        in_the_wild = f"{_with_range_of(share, wild.n)} of {wild.n:,}"
    return {"right, without pictures that also stand in Training": alone, "right in the wild": in_the_wild}


def _show_class_table(record: ModelRecord, figures: ClassMetrics, kind: ModelKind, *, four: bool) -> None:
    table = pd.DataFrame(
        [
            {"class": label, "precision": s.precision, "recall": s.recall, "f1": s.f1, "support": s.support}
            for label, s in figures.per_class.items()
        ]
    )
    report = record.reported[0].f1 if record.reported else {}
    if four and report:
        table["report"] = 100 * table["class"].map(report)
    table[["precision", "recall", "f1"]] *= 100
    shares = {name: st.column_config.NumberColumn(format="%.1f %%") for name in ("precision", "recall")}
    st.dataframe(
        table,
        key=state.models_widget("classes", record.name),
        hide_index=True,
        height="content",
        column_config={
            **shares,
            "class": record.name,
            "f1": st.column_config.NumberColumn("F1", format="%.1f %%"),
            "report": st.column_config.NumberColumn("the report's F1", format="%.0f %%"),
            "support": st.column_config.NumberColumn(kind.examples, format="localized"),
        },
        alt=f"Precision, recall and F1 of {record.name} by class",
    )


def _show_learning(chosen: Chosen) -> None:
    histories = of_each(chosen.names, read_history)
    if not histories:
        return
    difference, share_axis = _compare_losses(chosen, histories)
    st.caption(
        "How each epoch went: on the pictures it learns from (training) and on PublicTest (validation); the dot is the "
        "epoch that was kept. Where training still gets better and validation does not, the network learns by heart."
        + (f" {difference}" if difference else "")
    )
    tops = {name: 1.05 * max(history.loss.max(), history.val_loss.max()) for name, history in histories.items()}
    for (words, *parts), (name, history) in zip(_places(list(histories)), histories.items(), strict=True):
        with words:
            best = history.val_accuracy[history.best_epoch - 1]
            st.markdown(
                f"**{name}** was kept after epoch {history.best_epoch} of {len(history)}, right on "
                f"{of_100(best)} of 100 validation pictures, at one look: the mirror image, which answers take in "
                f"later, is not asked. {describe_start(history.config)}"
            )
            st.caption(describe_training(history.config))
        top = max(tops.values()) if share_axis else tops[name]
        curves = (
            ("right, %", 100 * history.accuracy, 100 * history.val_accuracy, 100.0),
            ("loss", history.loss, history.val_loss, top),
        )
        for part, (label, training, validation, end) in zip(parts, curves, strict=True):
            with part:
                show_chart(
                    plots.learning_curves(
                        training, validation, best_epoch=history.best_epoch, label=label, top=float(end)
                    ),
                    key=state.models_widget("learning", label, name),
                    alt=f"{label} of {name} over {len(history)} epochs: validation from {validation[0]:.2f} to "
                    f"{validation[-1]:.2f}",
                )


def _places(names: Sequence[str]) -> list[list[DeltaGenerator]]:
    """For each model a place for its words and two for charts: those of two models stand level, whatever is said."""
    words = st.columns(len(names), gap="large")
    if len(names) == 1:
        return [[*words, *st.columns(2)]]
    charts = st.columns(len(names), gap="large")
    for name, column in zip(names, charts, strict=True):
        column.markdown(f"**{name}**")  # its words may be far: on a phone the other's stand between
    return [[place, column, column] for place, column in zip(words, charts, strict=True)]


def _compare_losses(chosen: Chosen, histories: dict[str, History]) -> tuple[str, bool]:
    """Which losses of two models cannot be compared, in a sentence, and whether one axis is right for both."""
    if len(histories) < 2:
        return "", True
    if len({len(record.classes) for record in chosen.records}) > 1:
        return "The losses of these two are not on one scale: they tell apart different classes.", False
    first, second = histories.values()
    return compare_losses(first.config, second.config)


def _show_folds(chosen: Chosen) -> None:
    st.markdown(
        "**One split tells little.** Each point is one tenth of the songs, kept from the model; the line is the mean. "
        "A study that splits once draws one of these points."
    )
    names = dict.fromkeys([*chosen.names, *(record.name for record in chosen.others)])  # the chosen first
    folds = of_each(list(names), read_fold_accuracies)
    if not folds:
        return
    show_chart(
        plots.fold_spread(folds),
        key=state.models_widget("folds"),
        alt="Accuracy in every fold: "
        + ", ".join(f"{name} {values.min():.0%} to {values.max():.0%}" for name, values in folds.items()),
    )
    st.caption("Equal ones stand above one another. All models had the same folds.")


def _show_sureness(chosen: Chosen) -> None:
    st.caption(
        "Of the answers that a model is 80 % sure of, 80 of 100 should be right: then its points lie on the dotted "
        "line. Below it the model is too sure, above it too modest. Larger points stand for more answers. The bars "
        "count the answers at each level of sureness, right and wrong ones."
    )
    answers = of_each(chosen.names, lambda name: predictions(chosen.kind, name))
    if not answers:
        return
    levels = {name: reliability(own.y_true, own.probabilities) for name, own in answers.items()}
    most = max(int(found.counts.max()) for found in levels.values())
    for (words, *parts), (name, own) in zip(_places(list(answers)), answers.items(), strict=True):
        found = levels[name]
        sure, is_right = float(own.probabilities.max(axis=1).mean()), own.y_pred == own.y_true
        low, high = accuracy_interval(int(is_right.sum()), len(is_right))
        verdict = "too modest" if sure < low else "too sure" if sure > high else "as sure as it may be"
        with words:
            st.markdown(
                f"**{name}** is {verdict}: on average {percent(sure)} sure, and right on "
                f"{percent(is_right.mean())} ({of_100(low)} to {of_100(high)}). Level by level, the two lie "
                f"{found.expected_calibration_error:.3f} apart (expected calibration error over {len(found.counts)} "
                "bins; 0 is perfect)."
            )
        with parts[0]:
            show_chart(
                plots.reliability_diagram(found),
                key=state.models_widget("reliability", name),
                alt=f"How often {name} is right by how sure it is; calibration error "
                f"{found.expected_calibration_error:.3f}",
            )
        with parts[1]:
            show_chart(
                plots.confidence_histogram(found, most=most, height=360 if len(answers) == 1 else 260),
                key=state.models_widget("confidence", name),
                alt=f"How many answers {name} gives at each level of sureness, right and wrong",
            )


# A card's tables are wider than a phone: they scroll by themselves, and the page does not
_CARD_STYLE = """<style>
div[class*="st-key-models-card"] table { display: block; overflow-x: auto; }
</style>"""


def _show_card(chosen: Chosen) -> None:
    st.html(_CARD_STYLE)
    for column, name in zip(st.columns(len(chosen.names), gap="large"), chosen.names, strict=True):
        with column, shown_errors(), st.container(border=True, key=state.models_widget("card", name)):
            # A card's headings are those of a file of its own; on this page they stand below the page's
            st.markdown(read_card(chosen.kind, name).replace("\n## ", "\n#### ").replace("# ", "### ", 1))
