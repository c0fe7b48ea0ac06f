"""What the figures of a model say, in sentences that a student understands. In Markdown, made of the figures alone."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from emomusic.assets import ModelKind
from emomusic.face.model_files import START_WEIGHTS
from emomusic.metrics import FOUR, SEVEN, ClassScores
from emomusic.results.predictions import Cell, ClassMetrics, Comparison
from emomusic.results.records import FaceRecord, ModelRecord
from emomusic.text import join_names

# Its members were chosen by looking at these songs: docs/experiments.md has its figure where they are chosen anew
_CHOSEN_ON_ITS_SONGS = "ensemble"

# A share of fewer than this is told with its counts: one example more or less is a whole percent of them
_FEW = 100


def of_100(share: float) -> str:
    """A share as so many of a hundred, with one decimal."""
    return f"{100 * share:.1f}"


def percent(share: float) -> str:
    """A share with its sign, with one decimal; no line ends between the two."""
    return f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def describe_model(record: ModelRecord, figures: ClassMetrics, *, beside_four: bool = False) -> str:
    """How often a model is right, and what it gets wrong most.

    Args:
        record: of the model.
        figures: of the same model, in its own classes.
        beside_four: whether figures in four classes stand near, which are not to be mixed up with one in seven.
    """
    if isinstance(record, FaceRecord):
        low, high = record.accuracy_interval
        sentence = f"**{record.name}** is right on {of_100(record.accuracy)} of 100 test pictures"
        sentence += f" ({of_100(low)} to {of_100(high)})"
        if figures.classes != SEVEN:
            sentence += ", judged in four classes"
        elif beside_four:
            sentence += ", judged in seven emotions"
    else:
        sentence = f"**{record.name}** is right on {of_100(record.accuracy)} of 100 songs it had not heard"
        sentence += f" (± {of_100(record.accuracy_std)} from one tenth of them to another)"
    if (worst := figures.worst_mistake) is not None:
        sentence += f"; most often it calls {worst[0]} {record.kind.examples} {worst[1]}"
    if record.kind is ModelKind.MUSIC and record.name == _CHOSEN_ON_ITS_SONGS:
        sentence += ". Its members were chosen on the same songs, which flatters it a little"
    return sentence + "."


def describe_reports(
    record: ModelRecord, config: Mapping[str, Any] = MappingProxyType({}), *, mirrored: bool = False
) -> str:
    """What the reports say of the same kind of model, and what ours had beside the labels; empty where none does.

    Args:
        record: of our model.
        config: the settings of its training, as `metrics.json` has them.
        mirrored: whether it answers with the mean over a face and its mirror image.
    """
    titles = dict.fromkeys(report.title for report in record.reported)
    sentences = []
    for title in titles:
        figures = [
            f"{report.percent} ({report.of}; {report.note})" for report in record.reported if report.title == title
        ]
        sentences.append(f"As reported by {title}: {', '.join(figures)}.")
    helpers = ["people's votes on the pictures (FER+)"] if _is_on(config, "votes") else []
    if _is_taught(config):
        helpers.append(f"the answers of {join_names(config['teachers'])}")
    if sentences and helpers:
        sentences.append(f"Ours learnt from {join_names(helpers)} beside the labels, of which the report does not tell")
        sentences[-1] += ", and answers with the mean over a face and its mirror image." if mirrored else "."
    return " ".join(sentences)


def comparison_verdict(comparison: Comparison) -> str:
    """Whether two models differ beyond chance, in a few words."""
    if not comparison.test.is_beyond_chance:
        return f"Between {comparison.first} and {comparison.second}, chance could be all there is"
    first_leads = comparison.test.only_first > comparison.test.only_second
    better, worse = (comparison.first, comparison.second) if first_leads else (comparison.second, comparison.first)
    return f"{better} is better than {worse}, beyond chance"


def describe_in_four(first: FaceRecord, second: FaceRecord) -> str:
    """How often two face models are right in four classes: what a comparison in those rests on."""
    return (
        f"Right in four classes: {first.name} on {of_100(first.four_class_accuracy)} of 100 faces, "
        f"{second.name} on {of_100(second.four_class_accuracy)}."
    )


def describe_comparison(comparison: Comparison, kind: ModelKind) -> str:
    """The same with the counts it rests on, and what the test asks."""
    test = comparison.test
    same = f"Of the same {test.n:,} {kind.examples}"
    if kind is ModelKind.FACE and comparison.num_classes == len(FOUR):
        same += ", both judged in four classes"
    if kind is ModelKind.MUSIC:
        same += ", each judged once by a model that had not heard it"
    same += (
        f", {comparison.first} alone has {test.only_first:,} right and {comparison.second} alone "
        f"{test.only_second:,}; the rest both have right or both wrong."
    )
    if test.only_first == test.only_second:
        return f"{same} Neither is ahead."
    verdict = (
        "so chance is a poor explanation"
        if test.is_beyond_chance
        else "too often to call one of them better: more pictures might tell"
        if kind is ModelKind.FACE
        else "too often to call one of them better: more songs might tell"
    )
    return (
        f"{same} If both were equally good, a split as uneven as this would come up {_how_often(test.p_value)}, "
        f"{verdict} (McNemar's exact test, p {_p(test.p_value)})."
        + (" Songs dealt into other folds can give another verdict." if kind is ModelKind.MUSIC else "")
    )


def _how_often(p_value: float) -> str:
    if p_value < 0.001:
        return "less than once in 1,000 such tests"
    tests = 1000 if p_value < 0.01 else 100
    times = round(tests * p_value)
    return f"about {'once' if times == 1 else f'{times} times'} in {tests:,} such tests"


def _p(p_value: float) -> str:
    return "< 0.001" if p_value < 0.001 else f"= {p_value:.2g}"


def describe_cell(cell: Cell, name: str, examples: str) -> str:
    """What a model did with the examples of one cell of its confusion matrix.

    Args:
        cell: of `diagnosis.confusion_cell`.
        name: of the model.
        examples: what it is judged on, in the plural.
    """
    count = len(cell.rows)
    share = of_100(count / cell.num_true) if cell.num_true else "0"
    if cell.true == cell.predicted:
        return f"**{name}** knows {count:,} of the {cell.num_true:,} {cell.true} {examples} ({share} of 100)."
    words = (
        f"**{name}** calls {count:,} of the {cell.num_true:,} {cell.true} {examples} {cell.predicted} "
        f"({share} of 100). The other way round, it calls {cell.num_turned:,} {cell.predicted} {examples} {cell.true}."
    )
    if cell.mean is not None:
        words += f" For {cell.num_second:,} of the {count:,}, {cell.true} was its second guess."
    return words


def list_mistakes(figures: ClassMetrics, *, most: int = 5) -> list[str]:
    """The most frequent mistakes, a line each."""
    return [
        f"{mistake.true} called {mistake.predicted}: {mistake.count:,}, "
        f"{of_100(mistake.count / figures.per_class[mistake.true].support)} of 100"
        for mistake in figures.mistakes[:most]
    ]


def describe_classes(figures: ClassMetrics, name: str, examples: str) -> str:
    """Which class a model knows best and which least, by recall."""
    present = {label: scores for label, scores in figures.per_class.items() if scores.support}
    best, least = (pick(present, key=lambda label: present[label].recall) for pick in (max, min))
    if present[best].recall == present[least].recall:
        return f"**{name}** finds {of_100(present[best].recall)} of 100 {examples} of every class."
    return (
        f"**{name}** finds {of_100(present[best].recall)} of 100 {best} {examples}{_counted(present[best])}, but only "
        f"{of_100(present[least].recall)} of 100 {least} ones{_counted(present[least])}."
    )


def _counted(scores: ClassScores) -> str:
    """How many of a class were found, where there are so few that a share alone says too much."""
    if scores.support >= _FEW:
        return ""
    return f" ({round(scores.recall * scores.support)} of {scores.support})"


def describe_start(config: Mapping[str, Any]) -> str:
    """What a face model was before its training, if anything: why its curves begin where others end.

    Args:
        config: of `diagnosis.History`.
    """
    start = config.get("start")
    if start is None:
        return ""
    was = START_WEIGHTS[start].title if start in START_WEIGHTS else start
    return (
        f"It began as {was}, so at the start it is right more often, and its loss is lower, than where training begins "
        "from nothing."
    )


def describe_training(config: Mapping[str, Any]) -> str:
    """Why the training of a face model can look worse than its validation: what was done in training alone.

    Smooth labels are no such reason: the loss of the validation is computed with them too.

    Args:
        config: of `diagnosis.History`; what an older version did not write, it did not do.
    """
    pictures = config.get("augmentation") or {}
    varied = {
        "turned": _is_on(pictures, "rotation_degrees"),
        "zoomed": any(end != 1 for end in pictures.get("scale") or ()),
        "shifted": _is_on(pictures, "shift"),
        "mirrored": _is_on(pictures, "flip"),
        "made lighter or darker": _is_on(pictures, "contrast") or _is_on(pictures, "gamma"),
        "blurred": _is_on(pictures, "low_resolution"),
        "partly covered": _is_on(pictures, "erase"),
        "mixed two by two": _is_on(config, "mixup"),
    }
    softened = {
        "people's votes": _is_on(config, "votes"),
        "other models' answers": _is_taught(config),
    }
    reasons = ["parts of the network are switched off at random (dropout)"]  # of every network in NETWORKS
    if any(softened.values()):
        reasons.insert(0, f"labels are softened by {join_names(name for name, is_so in softened.items() if is_so)}")
    if any(varied.values()):
        reasons.insert(0, f"pictures are {join_names(name for name, is_so in varied.items() if is_so)}")
    if _is_on(config, "oversampling"):
        reasons.append("rare emotions are shown more often")
    if _is_on(config, "sam_rho"):
        reasons.append("the weights are pushed a little off")
    words = f"Training can look worse than validation, because only there {'; '.join(reasons)}."
    if _is_on(config, "ema_momentum"):
        words += " Validation asks the mean of the weights over many steps, which errs less."
    return words


def compare_losses(first: Mapping[str, Any], second: Mapping[str, Any]) -> tuple[str, bool]:
    """Which losses of two face models of the same classes cannot be compared, and whether those of validation can.

    The least loss there can be rests on how far the labels were smoothed, in training also on how they were blended.

    Args:
        first: the settings of a training, of `diagnosis.History`.
        second: those of the other.
    """
    both = (first, second)
    if len({config.get("label_smoothing") or 0.0 for config in both}) > 1:
        return "The losses of these two are not on one scale: their labels left different room for doubt.", False
    if len({_softening(config) for config in both}) > 1:
        return "Compare only the losses of validation: in training, labels were softened in different ways.", True
    return "", True


def _softening(config: Mapping[str, Any]) -> tuple[float, ...]:
    """How far training blends labels: of two pictures, with people's votes and with other models' answers."""
    taught = config.get("distillation_weight") if config.get("teachers") else None
    return tuple(float(share or 0.0) for share in (config.get("mixup"), config.get("votes"), taught))


def _is_taught(config: Mapping[str, Any]) -> bool:
    """Whether other models' answers stood beside the labels."""
    return bool(config.get("teachers")) and _is_on(config, "distillation_weight")


def _is_on(settings: Mapping[str, Any], name: str) -> bool:
    value = settings.get(name)
    return isinstance(value, int | float) and value > 0
