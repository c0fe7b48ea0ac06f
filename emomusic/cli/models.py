"""`evaluate`, `train` and `models`: the figures of models, training, and the list of trained models."""

from __future__ import annotations

import argparse
import json
import logging
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emomusic.assets import ModelKind, folder_of, models_dir, require_checkout, require_writable, write_checksums
from emomusic.cli import arguments
from emomusic.cli.system import require_packages
from emomusic.errors import DatasetError
from emomusic.faces.model_files import model_folder
from emomusic.records import Baseline
from emomusic.songs.mood import DEFAULT_MOOD_MODEL
from emomusic.text import file_size
from emomusic.training.presets import NETWORKS, PRESETS

if TYPE_CHECKING:
    from emomusic.songs.training import Examples

log = logging.getLogger(__name__)

_OF_SONGS = ("onnx", "scikit-learn", "skops", "threadpoolctl")  # packages that train models of songs


def evaluate_face(options: argparse.Namespace) -> arguments.Outcome:
    """Recompute the figures of a face model."""
    _require_agreement(options)
    if options.record:
        require_packages("train", "scikit-learn")
        require_checkout("to keep figures with a model")
        require_writable(model_folder(options.model))
    figures = _figures_on_fer2013 if options.fer2013 else _figures_on_pictures
    return figures(options.model, options), 0


def _require_agreement(options: argparse.Namespace) -> None:
    """Raise a `DatasetError` for options that do not go together."""
    has_pictures = options.images is not None
    for is_wrong, expected in (
        (not has_pictures and (options.labels or options.names), "--labels and --names with --images"),
        (has_pictures and options.split == "validation", "--split test with --images. Received: --split validation"),
        (not has_pictures and not options.split, "--split validation or --split test with --fer2013. Received: none"),
        (has_pictures and options.ferplus, "--ferplus with --fer2013, whose pictures people voted on"),
        (not has_pictures and options.aligned, "--aligned with --images. Received: --fer2013"),
        (
            options.record and has_pictures and options.aligned and not options.posed,
            "--record and --aligned together only with --posed: photographs are judged as the app cuts them",
        ),
        (
            options.record and not has_pictures and (options.split != "validation" or options.ferplus or options.posed),
            "--record of --fer2013 with --split validation only. Received: another split, --ferplus or --posed",
        ),
        (options.turned and (not has_pictures or options.record), "--turned with --images and without --record"),
        (
            options.beside and (not has_pictures or options.record or options.aligned or options.turned),
            "--beside with --images and without --record, --aligned and --turned",
        ),
        (options.profile and (not has_pictures or options.record), "--profile with --images and without --record"),
    ):
        if is_wrong:
            raise DatasetError(f"expected {expected}")


def _figures_on_fer2013(name: str, options: argparse.Namespace) -> dict[str, Any]:
    from emomusic.faces.classifier import EmotionClassifier
    from emomusic.faces.fer2013 import Split, evaluate_on_votes, read_fer2013
    from emomusic.metrics import evaluate
    from emomusic.training.evaluate import evaluation_record, record_thresholds

    split, classifier = Split(options.split), EmotionClassifier.load(name)
    if options.record:
        return record_thresholds(classifier, read_fer2013(options.fer2013, [split, Split.TEST]))
    faces = read_fer2013(options.fer2013, [split])[split]
    crops, classes = list(faces.images), classifier.spec.classes
    answers = classifier.posed().adjusted_probabilities(crops) if options.posed else classifier.read(crops)[0]
    y_pred = answers.argmax(axis=1)
    if not options.ferplus:
        return evaluation_record(name, evaluate(faces.labels, y_pred, classes))
    figures = evaluate_on_votes(faces.images, split, y_pred, classes)
    if figures is None:
        raise DatasetError(f"expected pictures of FER2013 with votes in FER+ ({split}). Received: other pictures")
    return {"model": name, **figures}


def _figures_on_pictures(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Figures on the labelled pictures of `--images`, saved with `--record`."""
    from emomusic.faces.classifier import EmotionClassifier
    from emomusic.faces.reading import load_detector
    from emomusic.training import beside, evaluate
    from emomusic.training.labelled import labelled_pictures
    from emomusic.training.posed import TEST

    labelled = labelled_pictures(options.images, labels=options.labels, names=options.names)
    pictures, classifier = labelled.pictures, EmotionClassifier.load(name)
    if options.split:
        pictures = [
            (path, emotion) for path, emotion in pictures if isinstance(path, Path) and path.name.startswith(TEST)
        ]
        if not pictures:
            raise DatasetError(f"expected pictures named {TEST}… in {options.images}. Received: none")
    detector = None if options.aligned else load_detector(still=True)
    if options.posed:
        classifier = classifier.posed()
    with arguments.progress("pictures", len(pictures)) as on_progress:
        if options.beside:
            return beside.evaluate_beside([path for path, _ in pictures], load_detector(still=True), on_progress)
        if options.record and not options.posed and evaluate.can_fit(pictures, classifier.spec.classes):
            record, adjustment = evaluate.fit_to_pictures(pictures, classifier, detector, on_progress)
            evaluate.record_photographs(name, record, adjustment)
            return record
        profile = options.profile and arguments.read_profile(options.profile)
        if profile is not None:
            profile.require_model(classifier)
        scores, turns, num_known = evaluate.evaluate_pictures(
            pictures, classifier, detector, on_progress, profile, options.turned
        )
    others = len(pictures) - scores.missed - num_known
    if profile is not None and others:
        log.warning("%d faces are of another person; the profile was not used for them.", others)
    if options.record:
        evaluate.record_collection(name, options.images, pictures, scores, turns, is_test=bool(options.split))
    persons = {} if labelled.persons is None else {"persons": labelled.persons}
    wrong = {"wrongly_turned": evaluate.share_turned(turns, options.turned)}
    smallest = min((emotion for emotion in scores.per_class), key=lambda one: scores.per_class[one].support or math.inf)
    smallest_group = {"smallest_group": {"class": smallest, "n": scores.per_class[smallest].support}}
    record = evaluate.evaluation_record(name, scores) | wrong | persons
    return record | smallest_group | {"skipped": labelled.skipped}


def create_profile(options: argparse.Namespace) -> arguments.Outcome:
    """Learn one face from a folder of pictures and write the profile."""
    from emomusic.api import learn_face
    from emomusic.training.labelled import labelled_pictures

    require_writable(options.out.parent)
    shots: dict[str, list[Path | bytes]] = {}
    for path, emotion in labelled_pictures(options.folder).pictures:
        shots.setdefault(emotion.value, []).append(path)
    profile = learn_face(shots)
    content = profile.to_json()
    arguments.write_file(options.out, content)
    counts = {emotion.value: count for emotion, count in profile.shots.items()}
    return {"emotions": counts, "model": profile.model, "bytes": len(content)}, 0


def evaluate_music(options: argparse.Namespace) -> arguments.Outcome:
    """Recompute the figures of a mood model."""
    require_packages("train", *_OF_SONGS)
    from emomusic.songs.training import evaluate_mood_model, read_labelled_songs

    return evaluate_mood_model(read_labelled_songs(options.data), model=options.model).metrics, 0


def train_music(options: argparse.Namespace) -> arguments.Outcome:
    """Fit a mood model and write its folder."""
    require_packages("train", *_OF_SONGS)
    from emomusic.songs.stored_moods import store_moods
    from emomusic.songs.training import train_mood_model

    out = _folder_for(options, ModelKind.MUSIC, options.model)
    metrics = train_mood_model(options.data, model=options.model, out=out)
    if out.resolve() == folder_of(ModelKind.MUSIC, DEFAULT_MOOD_MODEL).resolve():
        write_checksums(store_moods().parent)
    write_checksums(out)
    return metrics, 0


def evaluate_sound_model(options: argparse.Namespace) -> arguments.Outcome:
    """Recompute the figures of the model that hears mood."""
    require_packages("train", *_OF_SONGS)
    from emomusic.songs.training import evaluate_sound

    return evaluate_sound(_clips(options.data)), 0


def train_sound_model(options: argparse.Namespace) -> arguments.Outcome:
    """Fit the head of the model that hears mood, and write its folder."""
    require_packages("train", *_OF_SONGS)
    from emomusic.songs.hearing import MODEL
    from emomusic.songs.training import train_sound

    out = _folder_for(options, ModelKind.SOUND, MODEL)
    metrics = train_sound(_clips(options.data), out)
    write_checksums(out)
    return metrics, 0


def evaluate_songs(options: argparse.Namespace) -> arguments.Outcome:
    """The agreement of the places of the catalogue's songs with people's tags."""
    from emomusic.songs.place_training import Tags, evaluate_places
    from emomusic.songs.recommend import load_recommender

    return evaluate_places(Tags.read(options.tags), load_recommender()), 0


def train_songs(options: argparse.Namespace) -> arguments.Outcome:
    """Fit the places of songs, and write their folder."""
    from emomusic.songs.place import PLACE_FILE
    from emomusic.songs.place_training import train_places

    if options.out is None:
        require_checkout("to train a model without --out")
    out = options.out or (models_dir() / PLACE_FILE).parent
    metrics = train_places(options.tags, options.data, out)
    write_checksums(out)
    return metrics, 0


def _folder_for(options: argparse.Namespace, kind: ModelKind, name: str) -> Path:
    """The folder for a new model: `--out`, or that of the checkout. Raises an `AssetError` in an installed wheel."""
    if options.out is None:
        require_checkout("to train a model without --out")
    return options.out or folder_of(kind, name)


def _clips(folder: Path) -> Examples:
    from emomusic.songs.training import read_clips

    with arguments.progress("clips", 0, with_rate=True) as on_progress:
        return read_clips(folder, on_progress)


def train_face(options: argparse.Namespace) -> arguments.Outcome:
    """Train a network and write its folder."""
    from emomusic.faces.detection import MtcnnDetector
    from emomusic.faces.fer2013 import read_fer2013
    from emomusic.training.posed import read_posed_faces

    require_checkout("to train a network")
    require_packages("train", "keras")
    preset = options.preset or NETWORKS[options.network].preset
    out = _folder_for(options, ModelKind.FACE, options.network)
    splits = read_fer2013(options.fer2013)
    posed = None
    if options.posed_faces is not None:
        with arguments.progress("pictures", 0) as on_progress:
            side = NETWORKS[options.network].side
            posed = read_posed_faces(options.posed_faces, MtcnnDetector(), on_progress, side=side)
    from emomusic.training.train import train

    with arguments.progress("epochs", sum(stage.epochs for stage in PRESETS[preset])) as on_progress:
        metrics = train(
            options.network,
            splits,
            out,
            preset=preset,
            posed=posed,
            resume=options.resume,
            on_progress=on_progress,
        )
    write_checksums(out)
    return metrics, 0


def models(_: argparse.Namespace) -> arguments.Outcome:
    """List the trained models. The status is 2 if one is damaged."""
    from emomusic.results.overview import document, read_records

    answer: list[dict[str, Any]] = []
    status = 0
    for kind in ModelKind:
        records, problems = read_records(kind)
        answer += map(document, records)
        for error in problems.values():
            log.error("emomusic: %s", error)
            status = 2
    return answer, status


def _show_figures(metrics: dict[str, Any]) -> Sequence[str]:
    return json.dumps(metrics, ensure_ascii=False, indent=2).split("\n")


def _show_models(records: list[dict[str, Any]]) -> Iterator[str]:
    for model in records:
        is_music = model["kind"] != "face"
        if is_music:
            spread = f"± {100 * model['accuracy_std']:.1f}"
        else:
            spread = "({:.1%} to {:.1%})".format(*model["accuracy_interval"])
        classes = len(model["classes"])
        parts = [f"accuracy {model['accuracy']:.1%} {spread} over {classes} classes on {model['evaluated_on']}"]
        if not is_music and classes != 4:
            parts.append(f"{model['four_class_accuracy']:.1%} over Q1 Q2 Q3 N")
        if votes := model.get("ferplus"):
            parts.append(f"{votes['accuracy']:.1%} by FER+ votes")
        if wild := model.get("wild"):
            parts.append(f"{wild['accuracy']:.1%} in the wild")
        parts.append(file_size(model["bytes"]))
        if (speed := model["ms_per_item"]) is not None:
            two_digits = f"{speed:.0f}" if speed >= 10 else f"{speed:.2g}"
            parts.append(f"{two_digits} ms {model['item']}")
        yield f"{model['kind']}/{model['name']}: {', '.join(parts)}"
        for report in (Baseline(**values) for values in model["reported"]):
            yield f"  reported: {report.percent} ({report.of}, {report.title}): {report.note}"


COMMANDS: dict[str, arguments.Command] = {
    "evaluate face": (evaluate_face, _show_figures),
    "evaluate music": (evaluate_music, _show_figures),
    "evaluate sound": (evaluate_sound_model, _show_figures),
    "evaluate songs": (evaluate_songs, _show_figures),
    "profile create": (create_profile, _show_figures),
    "train face": (train_face, _show_figures),
    "train music": (train_music, _show_figures),
    "train sound": (train_sound_model, _show_figures),
    "train songs": (train_songs, _show_figures),
    "models": (models, _show_models),
}
