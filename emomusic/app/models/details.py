"""The tabs of the Models page. Only the open tab is computed; two models are shown side by side.

In one tab, all models read one face.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from emomusic.affect import EMOTIONS, Emotion, share_text
from emomusic.app.charts import roomy_columns, show_chart
from emomusic.app.choices import MODELS_CELL, MODELS_CELLS, MODELS_CLASS, MODELS_TAB, MODELS_THRESHOLD
from emomusic.app.frame import shown_errors, text_color
from emomusic.app.models.pictures import face_grid, show_mistakes, test_pictures
from emomusic.app.models.places import show_places
from emomusic.app.models.table import show_table
from emomusic.app.models.training import show_training
from emomusic.app.models.try_face import show_try
from emomusic.assets import ModelKind, load_once
from emomusic.charts import diagnostics as plots
from emomusic.charts.face import expression_uri
from emomusic.errors import EmomusicError
from emomusic.metrics import mistakes, reliability
from emomusic.records import FaceBin, FaceRecord, Record
from emomusic.results import overview
from emomusic.results.overview import FOUR_LEGEND, Benchmark, Evaluation, label_of, percent
from emomusic.results.predictions import Chosen, read_card, read_fold_accuracies, read_history, thresholds_of
from emomusic.text import join_names

_fold_accuracies = load_once(read_fold_accuracies)

_NOT_MEASURED = ":material/image_not_supported:"
_CALLED = " called "
_PROPERTIES = {"pose": "Head pose", "size": "Face size", "sharpness": "Sharpness"}
_FACES_SHOWN = 12
_THRESHOLDS = [str(percents) for percents in range(101)]


def show_details(chosen: Chosen) -> None:
    """Show the tabs, and name the open one in the title of the window."""
    tabs = MODELS_TAB.draw(st.tabs, [*_TABS])
    for tab, (title, sections) in zip(tabs, _TABS.items(), strict=True):
        if tab.open:
            st.set_page_config(page_title=f"{title} · Models · EmoMusic")
            with tab, shown_errors():  # the other tabs stay
                if not any(chosen.benchmark in section.benchmarks for section in sections):
                    st.info(f"{title}: not measured for {chosen.benchmark}.", icon=_NOT_MEASURED)
                elif title == _TRY:
                    show_try(chosen)
                elif title == "Learning" and chosen.benchmark is Benchmark.FEATURES:
                    show_training(chosen)
                else:
                    if title == _DETAILS:
                        show_table(chosen)
                    _show_tab(title, chosen)


def _show_tab(title: str, chosen: Chosen) -> None:
    """Show the sections of a tab, each for all chosen models side by side."""
    if chosen.in_four and title in ("Overview", "Confusions", "Mistakes"):
        st.caption(f"{FOUR_LEGEND} For a model of seven emotions, the most likely emotion decides the class.")
    for section in _TABS[title]:
        if chosen.benchmark not in section.benchmarks:
            continue
        if section.legend:
            st.caption(section.legend.format(examples=chosen.kind.examples))
        if section.draw_choices is not None:
            section.draw_choices(chosen)
        for column, record in zip(st.columns(len(chosen.records), gap="large"), chosen.records, strict=True):
            with column, shown_errors():  # an error in one model leaves the other on the page
                if len(chosen.records) > 1 and (section.legend or section is _TABS[title][0]):
                    st.markdown(f"**{label_of(record.name)}**")
                section.show(chosen, record)


def _draw_class(chosen: Chosen) -> None:
    """The class and its threshold, which both models share."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        MODELS_CLASS.draw(st.selectbox, "Class", _classes(chosen), width=240)
        label = "Counts from a probability of"
        MODELS_THRESHOLD.draw(st.select_slider, label, _THRESHOLDS, format_func="{} %".format, width=400)


def _classes(chosen: Chosen) -> list[str]:
    """The names of the classes in the matrices of all chosen models."""
    fewest = min((record.by_class.classes for record in chosen.records), key=len)
    return [overview.in_words(label) for label in fewest]


def _show_figures(chosen: Chosen, record: Record) -> None:
    """Faces filled to the recall of their class (not for moods), further figures, and the weakest group."""
    if (found := overview.evaluation(record, chosen.benchmark)) is None:
        st.info("Not measured here.", icon=_NOT_MEASURED)
        return
    faces, are_emotions = "", {*found.recall} <= {*map(str, EMOTIONS)}
    for label, recall in found.recall.items():
        picture = f'<img alt="" src="{expression_uri(Emotion(label))}">' if are_emotions else "<u></u>"
        level = f'<span style="--level:{100 * recall:.0f}%">{picture}{picture}</span>'
        faces += f"<figure>{level}<figcaption>{label}<b>{100 * recall:.0f}</b></figcaption></figure>"
    beside = _means(chosen, record, found)
    with st.container(key=f"models-figure-{chosen.records.index(record)}", gap="xxsmall"):
        st.html(f'<div class="figure">{faces}{beside}</div>')
    if isinstance(record, FaceRecord) and (weakest := overview.describe_weakest(record)):
        st.markdown(weakest)


def _means(chosen: Chosen, record: Record, found: Evaluation) -> str:
    """The figures next to the accuracy as HTML, with 95 % ranges; without saved answers, those of the record."""
    recall = sum(found.recall.values()) / len(found.recall)
    shown = {"mean recall": (percent(recall), ""), "calibration error": (_decimals(found.calibration_error), "")}
    if chosen.benchmark.has_predictions:
        with suppress(EmomusicError):  # the tabs of the answers name the reason
            for name, figure in chosen.own_predictions(record).means().items():
                form = percent if name == "mean recall" else _decimals
                shown[name] = form(figure.value), f"{form(figure.low)} to {form(figure.high)}"
    return "".join(
        f"<p>{name}<b>{value}</b><small>{interval}</small></p>" for name, (value, interval) in shown.items() if value
    )


def _decimals(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _show_groups(chosen: Chosen, record: Record) -> None:
    """Show the accuracy of a model by group of people or photographs; for songs, by fold."""
    if overview.evaluation(record, chosen.benchmark) is None:
        return
    if not isinstance(record, FaceRecord):
        values = _fold_accuracies(chosen.kind, record.name)
        st.markdown("**How often it is right** in each fold of songs")
        alt = f"Accuracy in every fold: {share_text(values.min())} to {share_text(values.max())}"
        show_chart(plots.fold_spread(label_of(record.name), values), key=f"models-folds-{record.name}", alt=alt)
        return
    if not (own := _bins(chosen, record)):
        st.markdown("The accuracy by group was not measured for this model.")
        return
    # The groups of all models in one order; those without faces were measured for another one only
    every = {place: FaceBin(place[1], 0, 0) for one in chosen.records for place in _bins(chosen, one)} | own
    groups = {title: [faces for (one, _), faces in every.items() if one == title] for title, _ in every}
    st.markdown("**Accuracy by group**, with 95 % ranges and the number of faces")
    listed = "; ".join(plots.list_groups(bins) for bins in groups.values())
    show_chart(plots.accuracy_by_group(groups), key=f"models-groups-{record.name}", alt=f"Right answers: {listed}")
    if (wild := record.wild) is not None and chosen.benchmark is Benchmark.PHOTOGRAPHS:
        st.caption(f"In {wild.missed:,} of {wild.n:,} photographs no face was found; these count as wrong.")
        if wild.groups_without:
            st.caption(f"Without {join_names(wild.groups_without)}, which it cannot tell apart.")


def _bins(chosen: Chosen, record: Record) -> dict[tuple[str, str], FaceBin]:
    """The groups of faces for which a model was measured, by the title of their set and their name."""
    assert isinstance(record, FaceRecord)
    found = {"": overview.groups_of(record)}
    if record.wild is not None and chosen.benchmark is Benchmark.PHOTOGRAPHS:
        found |= {_PROPERTIES.get(name, name): [*bins] for name, bins in record.wild.groups.items()}
    return {(title, faces.name): faces for title, bins in found.items() for faces in bins if faces.n}


def _show_by_class(chosen: Chosen, record: Record) -> None:
    """Precision, recall and F1 by class, with the F1 of the report; of posed faces, the recall in each collection."""
    if (found := overview.evaluation(record, chosen.benchmark)) is None:
        return
    if isinstance(record, FaceRecord) and chosen.benchmark is Benchmark.POSED:
        groups = overview.recall_by_group(record)
        table, percents = (100 * pd.DataFrame(groups)).rename_axis("recall of").reset_index(), [*groups]
    else:
        rows = [
            (label, 100 * scores.precision, 100 * scores.recall, 100 * scores.f1, scores.support)
            for label, scores in found.per_class.items()
        ]
        table = pd.DataFrame(rows, columns=["class", "precision", "recall", "F1", "number"])
        if report := next((report.f1 for report in overview.reports_of(record)), {}):
            table["F1 in the report"] = [100 * share for share in report.values()]
        percents = ["precision", "recall", "F1", "F1 in the report"]
    st.dataframe(
        table,
        key=f"models-classes-{record.name}",
        hide_index=True,
        height="content",
        column_config={
            **dict.fromkeys(percents, st.column_config.NumberColumn(format="%.1f %%")),
            "number": st.column_config.NumberColumn(chosen.kind.examples, format="localized"),
        },
        alt=f"Figures of {label_of(record.name)} by class",
    )
    if record.kind is ModelKind.MUSIC and record.name == "ensemble":  # docs/experiments.md has the unbiased figure
        st.markdown("Its members were chosen on the same songs, so the figure is a little too high.")
    if reports := overview.list_reports(record):
        st.table(pd.DataFrame(reports).set_index("Report"), border="horizontal")
    else:
        st.markdown("No report published a figure of such a model.")


def _draw_cell_menu(chosen: Chosen) -> None:
    """What the cells say, and a menu of all of them, for the keyboard and the address."""
    with st.container(horizontal=True):
        MODELS_CELLS.draw(st.segmented_control, "In the cells", label_visibility="collapsed")
        MODELS_CELL.draw(
            st.selectbox,
            "Cell of the matrix",
            [*_cells(chosen)],
            index=None,
            placeholder="Click a cell or choose it here",
            label_visibility="collapsed",
            width=320,
        )


def _cells(chosen: Chosen) -> dict[str, tuple[str, str]]:
    """The true and the predicted class of each cell by its value in the address, the mistakes first."""
    pairs = [(true, called) for true in _classes(chosen) for called in _classes(chosen)]
    return {_CALLED.join(pair): pair for pair in sorted(pairs, key=lambda pair: pair[0] == pair[1])}


def _show_confusion(chosen: Chosen, record: Record) -> None:
    """Show the confusion matrix, and the selected cell with some of its pictures."""
    found = chosen.predictions(record)
    scores, cell = found.scores(), _cells(chosen).get(st.session_state[MODELS_CELL.key])
    # A new key for each cell: otherwise a second click on the cell only clears its selection
    key = f"models-confusion-{record.name}-{'-'.join(cell or ('', ''))}"

    def take_cell() -> None:
        for point in st.session_state[key].selection.points:
            if point["curve_number"] == 1:  # the cells, above their colours
                MODELS_CELL.set(f"{point['y']}{_CALLED}{point['x']}")

    worst = mistakes(scores.confusion, scores.classes)[:5]
    if cell is not None:
        true, called = cell
        rows, num_true = found.cell(true, called), scores.per_class[true].support
        st.markdown(
            f"It calls {len(rows):,} of the {num_true:,} {true} {chosen.kind.examples} {called} "
            f"({percent(len(rows) / max(num_true, 1))})."
        )
    matrix, beside = roomy_columns([3, 2], key=f"models-cell-{record.name}", gap="medium")
    with matrix:
        show_chart(
            plots.confusion_map(
                scores.confusion,
                found.classes,
                chosen=cell,
                text_color=text_color(),
                has_counts=MODELS_CELLS.value == "Counts",
            ),
            key=key,
            on_select=take_cell,
            selection_mode="points",
            alt=f"Confusion matrix of {label_of(record.name)}"
            + "".join(f"; the most frequent mistake: {one.true} called {one.predicted}" for one in worst[:1]),
        )
    with beside:
        if cell is not None and chosen.faces and rows.size and (pictures := test_pictures(found)) is not None:
            face_grid(record.name, found, pictures, rows[:_FACES_SHOWN])
        else:
            lines = [f"1. {one.true} called {one.predicted}: {one.count:,}" for one in worst]
            st.markdown("\n".join(["**Most frequent mistakes**\n", *lines]))


def _show_class(chosen: Chosen, record: Record) -> None:
    """Show what a model finds of one class at a threshold, how frequent the class is, and some of its pictures."""
    found, label = chosen.predictions(record), st.session_state[MODELS_CLASS.key]
    number = found.classes.index(label)
    is_class = found.y_true == number
    curves, threshold = thresholds_of(found, label), int(st.session_state[MODELS_THRESHOLD.key])
    at = curves.at(threshold / 100)
    if at is None:
        st.markdown(f"No {chosen.kind.examples} reach {threshold} %.")
    else:
        st.markdown(
            f"From {threshold} % on, it calls {curves.called[at]:,} {chosen.kind.examples} {label}: "
            f"{percent(curves.precision[at])} of them are (precision), and it finds {percent(curves.recall[at])} of "
            f"all {label} (recall). False alarms: {percent(curves.false_alarms[at])} of the others."
        )
    figures = plots.threshold_curves(curves, chosen=at, share=float(is_class.mean()))
    names = ("Precision and recall", "ROC")
    for column, name, figure in zip(st.columns(2), names, figures, strict=True):
        with column:
            show_chart(figure, key=f"models-{name}-{record.name}", alt=f"{name} of {label}")
    st.markdown(
        f"{int(is_class.sum()):,} of {len(is_class):,} {chosen.kind.examples} are {label} ({percent(is_class.mean())})."
    )
    if chosen.faces and (pictures := test_pictures(found)) is not None:
        rows = np.flatnonzero(is_class)
        order = np.argsort(-found.probabilities[rows, number], kind="stable")
        face_grid(record.name, found, pictures, rows[order][:_FACES_SHOWN])


def _show_confidence(chosen: Chosen, record: Record) -> None:
    own = chosen.own_predictions(record)
    found, model = reliability(own.y_true, own.probabilities), label_of(record.name)
    confidence, accuracy = float(own.probabilities.max(axis=1).mean()), float((own.y_pred == own.y_true).mean())
    verdict = "higher" if confidence > accuracy else "lower"
    of = " on faces without contempt, which it cannot name" if chosen.benchmark is Benchmark.VOTES else ""
    st.markdown(
        f"Its confidence is {percent(confidence)} on average, {verdict} than its accuracy{of}, {percent(accuracy)}."
    )
    diagram = plots.reliability_diagram(found)
    show_chart(diagram, key=f"models-reliability-{record.name}", alt=f"Accuracy of {model} by confidence")


def _show_learning(_: Chosen, record: Record) -> None:
    history = read_history(record.name)
    curves, num_epochs = history.curves, len(history.curves)
    first, best = (percent(curves["val_accuracy"][epoch - 1]) for epoch in (1, history.best_epoch))
    is_by_votes = any(stage.config.get("validation") not in (None, "fer2013") for stage in history.stages.values())
    by_votes = " Validation uses FER+ votes at times, so its level steps." * is_by_votes
    st.markdown(
        f"**It climbs from {first} to {best} of the validation pictures** in {num_epochs} epochs; the best is epoch "
        f"{history.best_epoch}. Lines separate its stages; see the card in {_DETAILS}.{by_votes}"
    )
    columns = roomy_columns([1, 1], key=f"learning-{record.name}", gap="large")
    top = 1.05 * float(curves[["loss", "val_loss"]].to_numpy().max())
    for column, (name, label, scale, end) in zip(
        columns, (("accuracy", "accuracy, %", 100, 100.0), ("loss", "loss", 1, top)), strict=True
    ):
        training, validation = (scale * curves[curve].to_numpy() for curve in (name, f"val_{name}"))
        with column, st.container(key=f"models-tall-{label[:4]}-{record.name}", height="stretch"):
            show_chart(
                plots.learning_curves(training, validation, history, label=label, top=end),
                key=f"models-learning-{label}-{record.name}",
                alt=f"{label} of {label_of(record.name)} over {num_epochs} epochs: validation from "
                f"{validation[0]:.2f} to {validation[-1]:.2f}",
                height="stretch",
            )


def _show_card(chosen: Chosen, record: Record) -> None:
    with st.container(border=True, key=f"models-card-{record.name}"):
        st.caption(f"Folder: {record.name}")
        # Headings of the card go below the headings of the page
        st.markdown(read_card(chosen.kind, record.name).replace("\n## ", "\n#### ").replace("# ", "### ", 1))


_FACES = [benchmark for benchmark in Benchmark if benchmark.kind is ModelKind.FACE]
_SAVED = [benchmark for benchmark in Benchmark if benchmark.has_predictions]


@dataclass(frozen=True, slots=True)
class _Section:
    """A section of a tab, a row of all models: what shows it for one, on which benchmarks, what it means, choices."""

    show: Callable[[Chosen, Record], None]
    benchmarks: Collection[Benchmark] = tuple(Benchmark)
    legend: str = ""
    draw_choices: Callable[[Chosen], None] | None = None


_TRY, _DETAILS = "Try your face", "Details"
_TABS: Mapping[str, Sequence[_Section]] = {
    "Overview": [
        _Section(_show_figures),
        _Section(_show_groups),
        _Section(_show_by_class),  # rows of two are level
        _Section(show_places, [Benchmark.FEATURES]),
    ],
    _TRY: [_Section(lambda *_: None, _FACES)],  # for all models
    "Confusions": [
        _Section(
            _show_confusion,
            _SAVED,
            "Rows are the true classes, columns the predictions. A share is per 100 {examples} of its row, whose "
            "number is on the right. Blue cells are correct; a darker brown is a larger share of mistakes.",
            _draw_cell_menu,
        )
    ],
    "Thresholds": [
        _Section(
            _show_class,
            _SAVED,
            "How sure must a model be of a class before it counts? A high threshold gives few false alarms, a low one "
            "finds more.",
            _draw_class,
        ),
        _Section(
            _show_confidence,
            _SAVED,
            "With perfect calibration, 80 of 100 answers at a confidence of 80 % are correct, and the points lie on "
            "the dotted line. Below it, the confidence is too high. Large points have many answers.",
        ),
    ],
    "Mistakes": [_Section(show_mistakes, [Benchmark.VOTES, Benchmark.LABELS])],
    "Learning": [
        _Section(
            _show_learning,
            [*_FACES, Benchmark.FEATURES],
            "A dot marks the best epoch. If only training improves, and validation (PublicTest) does not, the model "
            "overfits. Training can look worse: only there, parts of the network are switched off, labels are "
            "softened and pictures are changed at random.",
        )
    ],
    _DETAILS: [_Section(_show_card)],
}
