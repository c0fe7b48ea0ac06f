"""The tabs of the models page: each shows one or two models, side by side. Only the open one is computed."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import streamlit as st

from emomusic.diagnosis import History, Wing, read_card, read_fold_accuracies, read_history
from emomusic.evaluation import accuracy_interval, reliability, top_k_accuracy
from emomusic.findings import describe_classes, describe_training, of_100, percent
from emomusic.plots import diagnostics as plots
from emomusic.ui import state
from emomusic.ui.charts import show_chart
from emomusic.ui.frame import shown_errors
from emomusic.ui.models_confusion import choose_classes, legend_of_four, show_confusion
from emomusic.ui.models_files import class_figures, evidence, scores
from emomusic.ui.models_mistakes import show_mistakes
from emomusic.ui.models_table import Chosen, Record
from emomusic.ui.models_try import show_try

_MEASURES = {
    "Recall": ("recall", "Of the pictures that are of a class, how many the model finds."),
    "Precision": ("precision", "Of the answers that name a class, how many are right."),
    "F1": ("f1", "One number for both: high only where recall and precision are high."),
}


@st.fragment
def show_diagnoses(chosen: Chosen) -> None:
    """Show the tabs; going from one to another reruns them alone."""
    is_face = chosen.wing is Wing.FACE
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
    tabs = st.tabs(list(views), key=key, on_change="rerun", bind="query-params")
    for tab, view in zip(tabs, views.values(), strict=True):
        if tab.open:
            with tab, shown_errors():  # an error in a fragment does not reach the page
                if view in (show_confusion, _show_figures, _show_sureness) and not is_face:
                    st.caption(
                        "Of the first of five deals of the songs into folds, in which each song is judged once; the "
                        "table above has the mean of all five."
                    )
                view(chosen)


def _show_figures(chosen: Chosen) -> None:
    if four := choose_classes(chosen):
        st.caption(legend_of_four())
    tables = {name: class_figures(chosen.wing, name, four=four) for name in chosen.names}
    for name, figures in tables.items():
        st.markdown(describe_classes(figures, name, chosen.wing.examples))
    chart, words = st.columns([3, 2], gap="large")
    with chart:
        choice = st.segmented_control(
            "Measure", list(_MEASURES), default="Recall", required=True, key=state.models_widget("measure"),
            label_visibility="collapsed", persist_state="session",
        )  # fmt: skip
        measure, meaning = _MEASURES[choice]
        if chosen.wing is Wing.MUSIC:
            meaning = meaning.replace("pictures", "songs")
        stripes = f" Full bars: {chosen.names[0]}; striped: {chosen.names[1]}." if len(chosen.names) > 1 else ""
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
        st.table(_overall(chosen, four=four), border="horizontal")
    st.markdown("**By class**")
    for column, record in zip(st.columns(len(chosen.records), gap="large"), chosen.records, strict=True):
        with column:
            _show_class_table(record, chosen, four=four)


def _overall(chosen: Chosen, *, four: bool) -> pd.DataFrame:
    """The figures of each model, a column each; words, because they are of different kinds."""
    columns = {}
    for record in chosen.records:
        own = evidence(chosen.wing, record["name"])
        found = scores(chosen.wing, record["name"], four=four)
        is_own = found.classes == own.classes
        columns[record["name"]] = {
            "right": _with_range(found.accuracy, found.accuracy_interval),
            "first or second guess right": percent(top_k_accuracy(own.y_true, own.probabilities)) if is_own else "—",
            "mean precision": percent(found.macro_precision),
            "mean recall": percent(found.macro_recall),
            "mean F1": percent(found.macro_f1),
            **(_face_figures(record, four=four, is_own=is_own) if chosen.wing is Wing.FACE else {}),
        }
    return pd.DataFrame(columns)


def _with_range(share: float, interval: tuple[float, float]) -> str:
    return f"{percent(share)} ({of_100(interval[0])} to {of_100(interval[1])})"


def _face_figures(record: Record, *, four: bool, is_own: bool) -> dict[str, str]:
    """What only faces have: the figure without pictures known from training, and the one on photographs."""
    unseen, wild = record["not_in_training"], record["wild"]
    alone = "—"
    if is_own and unseen["accuracy"] is not None:
        alone = _with_range(unseen["accuracy"], accuracy_interval(round(unseen["accuracy"] * unseen["n"]), unseen["n"]))
    in_the_wild = "not measured"
    if wild:
        share = wild["four_class_accuracy" if four else "accuracy"]
        in_the_wild = f"{_with_range(share, accuracy_interval(round(share * wild['n']), wild['n']))} of {wild['n']:,}"
    return {"right, without pictures that also stand in Training": alone, "right in the wild": in_the_wild}


def _show_class_table(record: Record, chosen: Chosen, *, four: bool) -> None:
    figures = class_figures(chosen.wing, record["name"], four=four)
    table = pd.DataFrame(
        [
            {"class": label, "precision": s.precision, "recall": s.recall, "f1": s.f1, "support": s.support}
            for label, s in figures.per_class.items()
        ]
    )
    report = record["reported"][0]["f1"] if record["reported"] else {}
    if four and report:
        table["report"] = 100 * table["class"].map(report)
    table[["precision", "recall", "f1"]] *= 100
    shares = {name: st.column_config.NumberColumn(format="%.1f %%") for name in ("precision", "recall")}
    st.dataframe(
        table,
        key=state.models_widget("classes", record["name"]),
        hide_index=True,
        height="content",
        column_config={
            **shares,
            "class": record["name"],
            "f1": st.column_config.NumberColumn("F1", format="%.1f %%"),
            "report": st.column_config.NumberColumn("the report's F1", format="%.0f %%"),
            "support": st.column_config.NumberColumn(chosen.wing.examples, format="localized"),
        },
        alt=f"Precision, recall and F1 of {record['name']} by class",
    )


def _show_learning(chosen: Chosen) -> None:
    words = st.container()
    columns = dict(zip(chosen.names, st.columns(len(chosen.names), gap="large"), strict=True))
    histories = {}
    for name, column in columns.items():
        with column, shown_errors():  # one that cannot be read leaves the other to be seen
            histories[name] = read_history(name)
    difference = _difference_of_losses(chosen, histories)
    words.caption(
        "How each epoch went: on the pictures it learns from (training) and on PublicTest (validation); the dot is the "
        "epoch that was kept. Where training still gets better and validation does not, the network learns by heart."
        + (f" The losses of these two are not on one scale: {difference}." if difference else "")
    )
    tops = {name: 1.05 * max(history.loss.max(), history.val_loss.max()) for name, history in histories.items()}
    for name, history in histories.items():
        with columns[name]:
            best = history.val_accuracy[history.best_epoch - 1]
            st.markdown(
                f"**{name}** was kept after epoch {history.best_epoch} of {len(history)}, right on {of_100(best)} of "
                "100 validation pictures, at one look: the mirror image, which answers take in later, is not asked."
            )
            st.caption(describe_training(history.config))
            top = tops[name] if difference else max(tops.values())
            parts = st.columns(2) if len(columns) == 1 else [st.container(), st.container()]
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


def _difference_of_losses(chosen: Chosen, histories: dict[str, History]) -> str:
    """Why the losses of two models cannot be compared; empty where they can.

    The least loss there can be rests on the number of classes and on how far training smoothed the labels.
    """
    if len(histories) < 2:
        return ""
    if len({len(record["classes"]) for record in chosen.records}) > 1:
        return "they tell apart different classes"
    if len({history.config.get("label_smoothing", 0.0) for history in histories.values()}) > 1:
        return "their labels left different room for doubt"
    return ""


def _show_folds(chosen: Chosen) -> None:
    st.markdown(
        "**One split tells little.** Each point is one tenth of the songs, kept from the model; the line is the mean. "
        "A study that splits once draws one of these points."
    )
    names = dict.fromkeys([*chosen.names, *(record["name"] for record in chosen.others)])  # the chosen first
    folds = {name: read_fold_accuracies(name) for name in names}
    show_chart(
        plots.fold_spread(folds, height=70 * len(folds) + 60),
        key=state.models_widget("folds"),
        alt="Accuracy in every fold: "
        + ", ".join(f"{name} {values.min():.0%} to {values.max():.0%}" for name, values in folds.items()),
    )
    st.caption("Points that would cover one another are set side by side. All models had the same folds.")


def _show_sureness(chosen: Chosen) -> None:
    st.caption(
        "Of the answers that a model is 80 % sure of, 80 of 100 should be right: then its points lie on the dotted "
        "line. Below it the model is too sure, above it too modest. Larger points stand for more answers. The bars "
        "count the answers at each level of sureness, right and wrong ones."
    )
    for column, name in zip(st.columns(len(chosen.names), gap="large"), chosen.names, strict=True):
        own = evidence(chosen.wing, name)
        found = reliability(own.y_true, own.probabilities)
        sure, is_right = float(own.probabilities.max(axis=1).mean()), own.y_pred == own.y_true
        low, high = accuracy_interval(int(is_right.sum()), len(is_right))
        verdict = "too modest" if sure < low else "too sure" if sure > high else "as sure as it may be"
        with column:
            st.markdown(
                f"**{name}** is {verdict}: on average {percent(sure)} sure, and right on {percent(is_right.mean())} "
                f"({of_100(low)} to {of_100(high)}). Level by level, the two lie "
                f"{found.expected_calibration_error:.3f} apart (expected calibration error over {len(found.counts)} "
                "bins; 0 is perfect)."
            )
            parts = st.columns(2) if len(chosen.names) == 1 else [st.container(), st.container()]
            with parts[0]:
                show_chart(
                    plots.reliability_diagram(found),
                    key=state.models_widget("reliability", name),
                    alt=f"How often {name} is right by how sure it is; calibration error "
                    f"{found.expected_calibration_error:.3f}",
                )
            with parts[1]:
                show_chart(
                    plots.confidence_histogram(found, height=360 if len(chosen.names) == 1 else 260),
                    key=state.models_widget("confidence", name),
                    alt=f"How many answers {name} gives at each level of sureness, right and wrong",
                )


def _show_card(chosen: Chosen) -> None:
    for column, name in zip(st.columns(len(chosen.names), gap="large"), chosen.names, strict=True):
        with column, st.container(border=True):
            # A card's headings are those of a file of its own; on this page they stand below the page's
            st.markdown(read_card(chosen.wing, name).replace("\n## ", "\n#### ").replace("# ", "### ", 1))
