"""Findings about models as sentences in Markdown, computed from saved metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from emomusic.assets import ModelKind
from emomusic.errors import ModelError
from emomusic.faces.model_files import START_WEIGHTS
from emomusic.metrics import FOUR, ClassMetrics, ClassScores
from emomusic.records import FaceBin, FaceRecord, PhotoScores, Record, SoundRecord, Stage
from emomusic.results.overview import reports_of
from emomusic.results.predictions import Cell, Comparison
from emomusic.text import join_names

# Its members were chosen on the same songs; docs/experiments.md has the unbiased figure
_CHOSEN_ON_ITS_SONGS = "ensemble"

# Recall of a class with fewer examples comes with counts
_SMALL_CLASS = 100

# Labels of validation in a training configuration without `validation`
_LABELS = "fer2013"


_TITLES = MappingProxyType(
    {
        "emonet_photo": "Photo model",
        "emonet": "FER2013 champion",
        "vgg9": "Nine-layer network",
        "cnn_capstone": "Capstone network",
        "cnn_improved": "Improved network",
        "cnn_paper": "First network",
        "mobilenet_quadrants": "Four-class network",
        "xception_entry_exit": "Mood Lifter network",
        "ensemble": "Ensemble",
        "gradient_boosting": "Boosted trees",
        "logistic": "Logistic regression",
        "mlp": "Neural network",
        "random_forest": "Random forest",
        "svm": "Support vectors",
        "musicnn": "Sound network",
    }
)


def _title_of(name: str) -> str:
    return _TITLES.get(name, name)


def label_of(name: str) -> str:
    """The name of a model for people, with the name of its folder."""
    return f"{_TITLES[name]} ({name})" if name in _TITLES else name


def of_100(share: float) -> str:
    """Format a share as a number out of 100, with one decimal."""
    return f"{100 * share:.1f}"


def percent(share: float) -> str:
    """Format a share as a percentage with one decimal and a no-break space."""
    return f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def with_range(share: float, interval: tuple[float, float]) -> str:
    """Format a percentage with its 95 % interval."""
    return f"{percent(share)} ({_range(interval)})"


def _range(interval: tuple[float, float]) -> str:
    """Format an interval of shares as numbers out of 100."""
    return " to ".join(map(of_100, interval))


FOUR_LEGEND = (
    "The four classes of the student report on portraits: happy; tense (angry, disgust, fear and surprise); sad; "
    "neutral."
)
_FOUR_WORDS = dict(zip(FOUR, ("happy", "tense", "sad", "neutral"), strict=True))


def in_words(name: str) -> str:
    """The name of a class for people: a word for one of `FOUR`."""
    return _FOUR_WORDS.get(name, name)


def describe_model(record: Record, *, beside_four: bool = False) -> str:
    """Describe the accuracy of a model in its own classes, and its most frequent mistake.

    `beside_four` says that the page also shows figures over four classes.
    """
    model = f"**{label_of(record.name)}**"
    if isinstance(record, FaceRecord):
        sentence = f"{model} is right on {of_100(record.test.accuracy)} of 100 test pictures"
        sentence += f" ({_range(record.test.accuracy_interval)}) by the labels of FER2013"
        if (votes := record.votes) is not None:
            sentence += f" and on {of_100(votes.accuracy)} ({_range(votes.accuracy_interval)}) by FER+ votes"
        if record.has_four:
            sentence += ", in four classes"
        elif beside_four:
            sentence += ", in seven emotions"
    else:
        sentence = f"{model} is right on {of_100(record.mean_accuracy)} of 100 held-out songs"
        sentence += f" (± {of_100(record.spread)} between folds)"
    if (worst := record.by_class.worst_mistake) is not None:
        true, predicted = map(in_words, worst)
        sentence += f"; its most frequent mistake is calling {true} {record.kind.examples} {predicted}"
    if record.kind is ModelKind.MUSIC and record.name == _CHOSEN_ON_ITS_SONGS:
        sentence += ". Its members were chosen on the same songs, so the figure is a little too high"
    return sentence + "."


def describe_reports(record: Record) -> str:
    """Describe the published figures of a model and our additional training data; empty without a report."""
    reports, is_sound = reports_of(record), isinstance(record, SoundRecord)
    sentences = [f"Its mean F1 is {percent(record.macro_f1)}."] if isinstance(record, SoundRecord) else []
    for title in dict.fromkeys(report.title for report in reports):
        figures = [f"{report.percent} ({report.of}; {report.note})" for report in reports if report.title == title]
        sentences.append(f"{'Published by' if is_sound else 'Report'} {title}: {', '.join(figures)}.")
    config = record.stages[-1].config if isinstance(record, FaceRecord) else {}
    extras = ["people's votes on the pictures (FER+)"] if _is_on(config, "votes") else []
    if _is_distilled(config):
        extras.append(f"the answers of {join_names(config['teachers'])}")
    if sentences and extras:
        sentences.append(
            f"Unlike the report, ours also learnt from {join_names(extras)}, and averages over a face and its mirror "
            "image."
        )
    return " ".join(sentences)


def answer_of(record: Record) -> str:
    """State in one sentence how often the default model is right, with its interval or its spread."""
    if isinstance(record, FaceRecord):
        where, scores = ("On real photographs", record.wild) if record.wild else ("On test pictures", record.test)
        what = "class" if record.has_four else "emotion"
        return (
            f"{where}, the default model names the {what} right for {percent(scores.accuracy)} of the faces (95 % "
            f"interval {_range(scores.accuracy_interval)})."
        )
    verb = "hears" if isinstance(record, SoundRecord) else "names"
    return (
        f"The default model {verb} the mood right for {percent(record.mean_accuracy)} of new songs (± "
        f"{of_100(record.spread)} between divisions)."
    )


def comparison_verdict(comparison: Comparison, kind: ModelKind) -> str:
    """State which of two models is better, or that chance can explain the difference."""
    where = "On the test pictures of FER2013, " if kind is ModelKind.FACE else "On the same songs, "
    first, second = _title_of(comparison.first), _title_of(comparison.second)
    if not comparison.test.is_beyond_chance:
        return f"{where}{first} and {second} differ by chance at most"
    first_leads = comparison.test.only_first > comparison.test.only_second
    better, worse = (first, second) if first_leads else (second, first)
    return f"{where}{better} is better than {worse}"


def photographs_verdict(first: FaceRecord, second: FaceRecord) -> tuple[str, str]:
    """The shares of two face models on photographs, and whether chance may explain the difference.

    Both are empty if one was not measured or they have different classes.
    """
    measured = [(record.wild, _title_of(record.name)) for record in (first, second) if record.wild is not None]
    if len(measured) < 2 or first.classes != second.classes:
        return "", ""
    (better, _), (worse, _) = measured = sorted(measured, key=lambda pair: -pair[0].accuracy)
    shares = ", ".join(f"{title} {with_range(wild.accuracy, wild.accuracy_interval)}" for wild, title in measured)
    return (
        f"On photographs: {shares}",
        "The ranges overlap, so chance may explain the difference."
        if better.accuracy_interval[0] <= worse.accuracy_interval[1]
        else "The difference is too large for chance.",
    )


def describe_in_four(first: FaceRecord, second: FaceRecord) -> str:
    """Compare the accuracy of two face models over four classes."""
    return (
        f"Right in four classes: {label_of(first.name)} on {of_100(first.test.in_four)} of 100 faces, "
        f"{label_of(second.name)} on {of_100(second.test.in_four)}."
    )


def describe_comparison(comparison: Comparison, kind: ModelKind) -> str:
    """Describe the comparison with its counts and its p-value."""
    test = comparison.test
    counts = f"Of the same {test.n:,} {kind.examples}"
    if kind is not ModelKind.FACE:
        counts += ", each held out once"
    elif comparison.num_classes == len(FOUR):
        counts += ", in four classes"
    counts += (
        f", only {_title_of(comparison.first)} has {test.only_first:,} right and only {_title_of(comparison.second)} "
        f"{test.only_second:,}. On the others both are right or both are wrong."
    )
    if test.only_first == test.only_second:
        return f"{counts} Neither is better."
    more = "pictures" if kind is ModelKind.FACE else "songs"
    verdict = (
        "so chance is unlikely"
        if test.is_beyond_chance
        else f"too often to call one of them better. More {more} might decide"
    )
    p_value = "< 0.001" if test.p_value < 0.001 else f"= {test.p_value:.2g}"
    tests = 1000 if test.p_value < 0.01 else 100
    times = round(tests * test.p_value)
    often = "less than once" if test.p_value < 0.001 else "about once" if times == 1 else f"about {times} times"
    return (
        f"{counts} If both were equally good, such an uneven split would occur {often} in {tests:,} such tests, "
        f"{verdict} (McNemar's exact test, p {p_value})."
        + (" Other folds can give another result." if kind is not ModelKind.FACE else "")
    )


def describe_cell(cell: Cell, name: str, examples: str) -> str:
    """Describe one cell of the confusion matrix of a model, with the plural noun for its examples."""
    count, label = len(cell.rows), label_of(name)
    share = of_100(count / cell.num_true) if cell.num_true else "0"
    if cell.true == cell.predicted:
        return f"**{label}** recognises {count:,} of the {cell.num_true:,} {cell.true} {examples} ({share} of 100)."
    sentence = (
        f"**{label}** calls {count:,} of the {cell.num_true:,} {cell.true} {examples} {cell.predicted} "
        f"({share} of 100). The other way round, it calls {cell.num_turned:,} {cell.predicted} {examples} {cell.true}."
    )
    if cell.mean is not None:
        sentence += f" For {cell.num_second:,} of the {count:,}, {cell.true} was its second choice."
    return sentence


def list_mistakes(figures: ClassMetrics, *, most: int = 5) -> list[str]:
    """List the most frequent mistakes, one line each."""
    return [
        f"{mistake.true} called {mistake.predicted}: {mistake.count:,}, "
        f"{of_100(mistake.count / figures.per_class[mistake.true].support)} of 100"
        for mistake in figures.mistakes[:most]
    ]


def describe_classes(figures: ClassMetrics, name: str, examples: str) -> str:
    """Name the classes with the highest and the lowest recall."""
    present = {label: scores for label, scores in figures.per_class.items() if scores.support}
    best, least = (pick(present, key=lambda label: present[label].recall) for pick in (max, min))
    if present[best].recall == present[least].recall:
        return f"**{label_of(name)}** finds {of_100(present[best].recall)} of 100 {examples} of every class."
    return (
        f"**{label_of(name)}** finds {of_100(present[best].recall)} of 100 {best} {examples}"
        f"{_counts_of(present[best])}, but only "
        f"{of_100(present[least].recall)} of 100 {least} ones{_counts_of(present[least])}."
    )


def describe_hard_emotions(record: FaceRecord) -> str:
    """Name the emotions that are hard for a model of seven emotions, and the one on which people disagree most.

    Raises:
        ModelError: the model was not evaluated against people's votes in seven emotions.
    """
    votes = None if record.votes is None else record.votes.seven
    if votes is None:
        raise ModelError(f"expected a model with figures by people's votes. Received: {record.name}")
    labels = {name: scores.support for name, scores in record.test.per_class.items() if scores.support}
    counts = {name: (support, votes.per_class[name].support) for name, support in labels.items()}
    hard = min(counts, key=lambda name: counts[name][1] / counts[name][0])
    labelled, seen = counts[hard]
    return (
        f"By what people see, {describe_classes(votes, record.name, 'faces')} People disagree too: FER2013 calls "
        f"{labelled:,} of its test pictures {hard}, but by the votes of ten people only {seen:,} show {hard}."
    )


def _counts_of(scores: ClassScores) -> str:
    """The counts behind the recall of a small class; empty for others."""
    if scores.support >= _SMALL_CLASS:
        return ""
    return f" ({round(scores.recall * scores.support)} of {scores.support})"


def describe_photographs(record: FaceRecord, wild: PhotoScores) -> str:
    """State the accuracy of a model on photographs, and the property of faces that changes it most."""
    sentence = f"**{label_of(record.name)}** is right on {of_100(wild.accuracy)} of 100 photographs"
    sentence += f" ({_range(wild.accuracy_interval)})" + (", in four classes" if record.has_four else "")
    present = [[faces for faces in bins if faces.n] for bins in wild.groups.values()]
    ends = [(found[0], found[-1]) for found in present if len(found) > 1]
    if ends:
        easy, hard = max(ends, key=lambda pair: pair[0].accuracy - pair[1].accuracy)
        sentence += f": on {_bin(easy)}, but only on {_bin(hard)}" if easy.accuracy > hard.accuracy else ""
    return sentence + "."


def describe_people(record: FaceRecord) -> str:
    """State for whom a model works, by collection of posed faces, the weakest last; empty if not measured."""
    ordered = sorted((record.collections or {}).items(), key=lambda pair: -pair[1].accuracy)
    parts = [
        f"{with_range(one.accuracy, one.accuracy_interval)} for {one.people or f'{one.persons} persons of {name}'}"
        for name, one in ordered
    ]
    if not parts:
        return ""
    others = " It had not met these persons." if not any(one.is_trained for _, one in ordered) else ""
    weakest = ordered[-1][1].people or ordered[-1][0]
    return f"Right on faces pulled for the camera: {'; '.join(parts)}.{others} It works worst for {weakest}."


def _bin(faces: FaceBin) -> str:
    """The accuracy of a bin, with counts if it is small."""
    counts = f", {round(faces.accuracy * faces.n)} of {faces.n}" if faces.n < _SMALL_CLASS else ""
    return f"{of_100(faces.accuracy)} of 100 ({faces.name}{counts})"


def describe_start(config: Mapping[str, Any]) -> str:
    """Name the start weights of a face model; empty for random weights."""
    start = config.get("start")
    if start is None:
        return ""
    title = START_WEIGHTS[start].title if start in START_WEIGHTS else start
    return f"Training started from {title}, so the curves start better than from random weights."


def describe_training(config: Mapping[str, Any]) -> str:
    """Explain why the training curves of a face model can look worse than validation.

    Label smoothing is not one of them, because the validation loss uses it too.
    """
    reasons = ["dropout switches off parts of the network"]  # every network has dropout
    if _is_on(config, "votes") or _is_distilled(config):
        reasons.insert(0, "labels are softened by people's votes or other models' answers")
    if config.get("augmentation") or _is_on(config, "mixup"):
        reasons.insert(0, "pictures are changed at random")
    if _is_on(config, "oversampling"):
        reasons.append("rare emotions appear more often")
    if _is_on(config, "sam_rho"):
        reasons.append("the weights are perturbed (sharpness-aware steps)")
    sentence = f"Training can look worse than validation: only in training, {'; '.join(reasons)}."
    if _is_on(config, "ema_momentum"):
        sentence += " Validation uses the mean of the weights over many steps, which is more accurate."
    return sentence


def describe_validation(stages: Sequence[Stage]) -> str:
    """Name the training stages whose validation uses people's votes; empty if none does."""
    by_votes = [
        str(number) for number, stage in enumerate(stages, 1) if (stage.config.get("validation") or _LABELS) != _LABELS
    ]
    if not by_votes:
        return ""
    if len(by_votes) == len(stages):
        return "Validation uses the emotion with the most FER+ votes."
    word = "stage" if len(by_votes) == 1 else "stages"
    return (
        f"Validation uses the labels of FER2013, but in {word} {join_names(by_votes)} the emotion with the most FER+ "
        "votes, so these accuracies are not comparable."
    )


def _is_distilled(config: Mapping[str, Any]) -> bool:
    """Whether the labels included teachers' answers."""
    return bool(config.get("teachers")) and _is_on(config, "distillation_weight")


def _is_on(settings: Mapping[str, Any], name: str) -> bool:
    value = settings.get(name)
    return isinstance(value, int | float) and value > 0
