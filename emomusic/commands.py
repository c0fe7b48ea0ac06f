"""What each command does: options in, an answer ready for JSON and an exit status out.

Imports stand inside the commands, so that `--help` and the light ones load neither TensorFlow nor scikit-learn.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emomusic.affect import EMOTION_POINTS, AffectPoint, Emotion, affect_of
from emomusic.errors import DatasetError, EmomusicError, ImageError, ModelError, SettingsError
from emomusic.words import harmless

if TYPE_CHECKING:
    from emomusic.downloads import Download
    from emomusic.face.classifier import EmotionClassifier
    from emomusic.face.detection import MtcnnDetector
    from emomusic.face.images import RgbImage
    from emomusic.face.reading import PictureReading
    from emomusic.music.recommend import Recommender, Song
    from emomusic.music.request import Request

log = logging.getLogger(__name__)

_MOST_STEM = 240  # bytes

Outcome = tuple[Any, int]
"""What a command found, ready for JSON, and its exit status."""


def analyze(options: argparse.Namespace) -> Outcome:
    """The main job: faces, emotions and songs for each picture; one that cannot be read becomes an `error` entry.

    Status 2 where there is one, and where a picture could not be written: its readings are in the answer all the same.
    Status 130 where it was stopped: what was read before is the answer.
    """
    from emomusic.face.trained import DEFAULT_MODEL, model_folder

    if "" in options.images:
        raise ImageError("expected the names of pictures. Received: ''")
    model_folder(options.model or DEFAULT_MODEL)  # a wrong name is told before seconds of loading
    if options.annotate:
        _make_folder(options.annotate)
    records: list[dict[str, Any]] = []
    status = 0
    with _progress("pictures", len(options.images)) as tell:
        try:
            for record, is_whole in _analyzed(options):
                records.append(record)
                status = status if is_whole else 2
                tell(len(records))
        except KeyboardInterrupt:
            if not records:
                raise
            log.error("emomusic: stopped after %d of %d pictures", len(records), len(options.images))
            status = 130
    return records, status


def _analyzed(options: argparse.Namespace) -> Iterator[tuple[dict[str, Any], bool]]:
    """The record of each picture, and whether nothing went wrong with it; what did is told on stderr."""
    from emomusic.face.images import read_image
    from emomusic.face.reading import load_networks, read_faces
    from emomusic.face.trained import DEFAULT_MODEL
    from emomusic.music.recommend import load_recommender
    from emomusic.report import picture_record

    engine: tuple[MtcnnDetector, EmotionClassifier, Recommender] | None = None  # loaded for the first that can be read
    for number, name in enumerate(options.images, 1):
        started = time.perf_counter()
        try:
            image = read_image(name)
        except ImageError as error:
            # Its message has the last part of the path alone, which pictures of two folders may share
            log.error("emomusic: %s", harmless(str(error) if Path(name).name == name else f"{name}: {error}"))
            yield {"image": name, "error": str(error)}, False
            continue
        decode_ms = 1000 * (time.perf_counter() - started)
        engine = engine or (*load_networks(options.model or DEFAULT_MODEL), load_recommender())
        detector, classifier, recommender = engine
        reading = read_faces(image, detector, classifier)
        started = time.perf_counter()
        songs: list[Song] = []
        request: Request | None = None
        if (group := reading.group) is not None:
            request = _request(options, affect_of(group), group.emotion)
            songs = recommender.songs(request, options.songs)
        recommend_ms = 1000 * (time.perf_counter() - started)
        is_whole = True
        if options.annotate:
            try:
                _write_annotated(options.annotate, number, Path(name), image, reading)
            except ImageError as error:
                log.error("emomusic: %s", harmless(str(error)))
                is_whole = False
        yield picture_record(name, reading, songs, request, decode_ms=decode_ms, recommend_ms=recommend_ms), is_whole


def _request(options: argparse.Namespace, point: AffectPoint, emotion: Emotion | None) -> Request:
    from emomusic.music.request import Policy, Request

    return Request(
        point=point,
        emotion=emotion,
        policy=Policy(options.policy),
        seed=options.seed,
        hide_explicit=options.hide_explicit,
    )


def _write_annotated(folder: Path, number: int, source: Path, image: RgbImage, reading: PictureReading) -> None:
    from emomusic.face.images import encode_png
    from emomusic.plots.picture import annotated_picture

    # Numbered, because pictures of two folders may share a name; cut, because a file's name has 255 bytes at most
    name = f"{number:03d}-{os.fsdecode(os.fsencode(source.stem)[:_MOST_STEM])}.png"
    try:
        (folder / name).write_bytes(encode_png(annotated_picture(image, reading)))
    except OSError as error:
        raise ImageError(f"expected to write {name!r} into {folder}. Received: {error.strerror}") from error


def _make_folder(folder: Path) -> None:
    """Find out before the work whether pictures can be written into a folder, which is made where it is absent."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ImageError(f"expected a folder to write into. Received: {folder} ({error.strerror})") from error


def evaluate_face(options: argparse.Namespace) -> Outcome:
    """Recompute a face model's figures."""
    from emomusic.assets import require_checkout, require_writable
    from emomusic.face.classifier import EmotionClassifier
    from emomusic.face.detection import MtcnnDetector
    from emomusic.face.fer2013 import Split, read_fer2013
    from emomusic.face.images import DEFAULT_MARGIN
    from emomusic.face.judging import (
        adjust_to_pictures,
        evaluation_record,
        judge_pictures,
        judge_split,
        labelled_pictures,
        record_photographs,
    )
    from emomusic.face.trained import DEFAULT_MODEL, model_folder

    name = options.model or DEFAULT_MODEL
    if options.record and (options.fer2013 or options.aligned or options.margin is not None):
        raise DatasetError(
            "expected --record with --images and without --aligned or --margin: it is for faces as the app cuts them"
        )
    if options.fer2013:
        if not options.split:
            raise DatasetError("expected --split validation or --split test with --fer2013. Received: none")
        if options.aligned or options.margin is not None:
            raise DatasetError("expected --aligned and --margin with --images. Received: one of them with --fer2013")
        split = Split(options.split)
        faces = read_fer2013(options.fer2013, needs=[split]).split(split)
        return evaluation_record(name, judge_split(faces, EmotionClassifier.load(name))), 0
    if options.split:
        raise DatasetError(f"expected --split with --fer2013. Received: --split {options.split} with --images")
    if options.aligned and options.margin is not None:
        log.warning("--margin changes nothing with --aligned: the pictures are taken as they are.")
    pictures = labelled_pictures(options.images)
    if options.record:
        require_checkout("to keep figures with a model")
        require_writable(model_folder(name))
    classifier = EmotionClassifier.load(name)
    margin = DEFAULT_MARGIN if options.margin is None else options.margin
    with _progress("pictures", len(pictures)) as tell:
        if not options.record:
            detector = None if options.aligned else MtcnnDetector()
            return evaluation_record(name, judge_pictures(pictures, classifier, detector, margin=margin, tell=tell)), 0
        scores, adjustment = adjust_to_pictures(pictures, classifier, MtcnnDetector(), margin=margin, tell=tell)
    record = evaluation_record(name, scores)
    record_photographs(name, record, adjustment)
    return record, 0


def evaluate_music(options: argparse.Namespace) -> Outcome:
    """Recompute a mood model's figures."""
    from emomusic.music.training import evaluate_mood_model

    return evaluate_mood_model(options.data, model=_mood_model_name(options.model)).metrics, 0


def train_music(options: argparse.Namespace) -> Outcome:
    """Fit a mood model and write its folder."""
    from emomusic.assets import Wing, folder_of, require_checkout, write_checksums
    from emomusic.music.mood_models import DEFAULT_MOOD_MODEL
    from emomusic.music.stored_moods import store_moods
    from emomusic.music.training import train_mood_model

    name = _mood_model_name(options.model)
    if options.out is None:
        require_checkout("to train a mood model without --out")
    out = options.out or folder_of(Wing.MUSIC, name)
    metrics = train_mood_model(options.data, model=name, out=out)
    if out.resolve() == folder_of(Wing.MUSIC, DEFAULT_MOOD_MODEL).resolve():
        write_checksums(store_moods().parent)
    write_checksums(out)  # of a model that ships, or it would be called damaged
    return metrics, 0


def _mood_model_name(name: str | None) -> str:
    """The model named, or the default one."""
    from emomusic.music.mood_models import DEFAULT_MOOD_MODEL, MOOD_MODELS

    if name is not None and name not in MOOD_MODELS:
        raise ModelError(f"expected one of the mood models {', '.join(MOOD_MODELS)}. Received: {name!r}")
    return name or DEFAULT_MOOD_MODEL


def train_face(options: argparse.Namespace) -> Outcome:
    """Train a network and write its folder."""
    from emomusic.assets import require_checkout, write_checksums
    from emomusic.doctor import require_packages
    from emomusic.face.fer2013 import Split, read_fer2013
    from emomusic.face.networks import NETWORKS
    from emomusic.face.presets import PRESETS

    require_checkout("to train a network")
    require_packages("train", "keras")
    if options.network not in NETWORKS:
        raise ModelError(f"expected one of the networks {', '.join(NETWORKS)}. Received: {options.network!r}")
    preset = options.preset or NETWORKS[options.network].preset
    if preset not in PRESETS:
        raise ModelError(f"expected one of the presets {', '.join(PRESETS)}. Received: {preset!r}")
    out = options.out or _own_folder(options.network, preset)
    dataset = read_fer2013(options.fer2013, needs=list(Split))
    from emomusic.face.training import EpochReport, train

    with _progress("epochs", PRESETS[preset].epochs) as advance:

        def tell(report: EpochReport) -> None:
            advance(report.epoch)
            log.info(
                "epoch %d of %d: loss %.3f, accuracy on validation %.1f %%, %.0f s; about %.0f min left",
                report.epoch,
                report.epochs,
                report.figures["loss"],
                100 * report.figures["val_accuracy"],
                report.seconds,
                report.seconds_left / 60,
            )

        metrics = train(options.network, dataset, out, preset=preset, resume=options.resume, tell=tell)
    write_checksums(out)  # of a model that ships, or it would be called damaged
    return metrics, 0


def train_export(options: argparse.Namespace) -> Outcome:
    """Export trained face models, all of them unless some are named."""
    from emomusic.assets import require_checkout, write_checksums
    from emomusic.doctor import require_packages
    from emomusic.face.export import export_model
    from emomusic.face.trained import face_models, model_folder

    require_checkout("to export a model")
    require_packages("train")
    names = options.models or face_models()
    for name in names:
        model_folder(name)  # a wrong name is told before seconds of loading
    paths = []
    with _progress("models", len(names)) as tell:
        for number, name in enumerate(names, 1):
            paths.append(export_model(name))
            write_checksums(paths[-1].parent)
            tell(number)
    return [
        {"model": name, "path": str(path), "bytes": path.stat().st_size}
        for name, path in zip(names, paths, strict=True)
    ], 0


def _own_folder(network: str, preset: str) -> Path:
    """Where a network is trained into unless told; that a model of another preset stands there is said beforehand."""
    from emomusic.assets import Wing, folder_of
    from emomusic.face.trained import read_spec

    folder = folder_of(Wing.FACE, network)
    with contextlib.suppress(ModelError):  # nothing finished, so nothing to lose
        if (there := read_spec(folder).preset) != preset:
            log.warning(
                "This replaces the model in %s, which was trained under the preset %s; --out DIR keeps it.",
                folder,
                there,
            )
    return folder


def recommend(options: argparse.Namespace) -> Outcome:
    """Songs without a face."""
    from emomusic.music.recommend import load_recommender
    from emomusic.report import song_record

    given = (options.emotion is not None, options.valence is not None, options.arousal is not None)
    if given == (True, False, False):
        point = EMOTION_POINTS[options.emotion]
    elif given == (False, True, True):
        point = AffectPoint(options.valence, options.arousal)
    else:
        raise EmomusicError("expected either --emotion NAME, or --valence V and --arousal A together")
    songs = load_recommender().songs(_request(options, point, options.emotion), options.songs)
    return [song_record(song) for song in songs], 0


def models(_: argparse.Namespace) -> Outcome:
    """All trained models; status 2 where one is damaged, which is told on stderr."""
    from emomusic.assets import Wing
    from emomusic.overview import read_records

    answer, status = [], 0
    for wing in Wing:
        records, problems = read_records(wing)
        answer += [record.as_dict() for record in records]
        for error in problems.values():
            log.error("emomusic: %s", harmless(str(error)))
            status = 2
    return answer, status


def data_list(_: argparse.Namespace) -> Outcome:
    """What ships, and what can be downloaded."""
    from emomusic.assets import list_assets
    from emomusic.downloads import DOWNLOADS

    shipped = [{**asset.as_dict(), "ships": True, "present": asset.bytes > 0} for asset in list_assets()]
    return shipped + [_download_record(download) for download in DOWNLOADS.values()], 0


def data_get(options: argparse.Namespace) -> Outcome:
    """Download a dataset, unless it is there already."""
    from emomusic.downloads import DOWNLOADS, ensure

    with _progress("bytes", 0) as tell:
        ensure(options.name, lambda done, total: tell(done, total))
    return [_download_record(DOWNLOADS[options.name])], 0


def _download_record(download: Download) -> dict[str, Any]:
    from emomusic.assets import IS_WHEEL, downloads_dir
    from emomusic.downloads import find_download

    path = find_download(download.name)
    place = downloads_dir() if IS_WHEEL else Path("data")
    return {
        "name": download.name,
        "path": str(path or place / download.path),
        "licence": download.licence,
        "source": download.source,
        "bytes": path.stat().st_size if path else download.num_bytes,
        "ships": False,
        "present": path is not None,
        "address": download.address,
    }


def data_check(_: argparse.Namespace) -> Outcome:
    """Whether what ships is whole; status 2 where it is not."""
    from emomusic.assets import check_assets

    records = [{**asset.as_dict(), "problem": problem} for asset, problem in check_assets()]
    return records, _told([record["name"] for record in records if record["problem"]])


def bench(options: argparse.Namespace) -> Outcome:
    """How fast each step is here."""
    from emomusic.assets import require_checkout
    from emomusic.bench import run_bench, run_model_bench, run_music_bench

    if options.record and options.part != "models":
        raise EmomusicError(f"expected --record only with the part models. Received: {options.part} --record")
    if options.frames is not None and options.part != "live":
        raise EmomusicError(f"expected --frames only with the part live. Received: {options.part} --frames")
    if options.runs is not None and options.part == "live":
        raise EmomusicError("expected --runs with another part than live. Received: live --runs")
    if options.part == "live":
        from emomusic.bench_live import run_live_bench

        return run_live_bench(options.film, num_frames=options.frames or 600), 0
    if options.film is not None:
        raise EmomusicError(f"expected a film only with the part live. Received: {options.part} {options.film}")
    runs = options.runs or 30
    if options.record:
        require_checkout("to keep a model's time")
    if options.part == "models":
        return run_model_bench(runs=runs, record=options.record), 0
    run = run_music_bench if options.part == "music" else run_bench
    return run(runs=runs), 0


def app(options: argparse.Namespace) -> Outcome:
    """Serve the app until it is stopped; on POSIX the server takes the place of this process."""
    from emomusic.assets import IS_WHEEL, ROOT
    from emomusic.doctor import require_packages

    require_packages("app")
    address = options.address or os.environ.get("STREAMLIT_SERVER_ADDRESS", "localhost")
    if options.address or options.port:
        _require_free_port(address, options.port or 0)
    # -P: a file of the user's folder must not stand for a library
    command = [sys.executable, "-P", "-m", "streamlit", "run", str(ROOT / "app.py"), f"--server.address={address}"]
    command += [f"--server.port={options.port}"] if options.port else []
    if IS_WHEEL:
        os.environ.setdefault("STREAMLIT_SERVER_FILE_WATCHER_TYPE", "none")  # no file of it changes
    if os.name == "posix":
        os.execv(command[0], command)
    return None, subprocess.run(command, check=False).returncode


def _require_free_port(address: str, port: int) -> None:
    """Make sure that a server can listen there; Streamlit's own message has no advice.

    Raises:
        SettingsError: the port is taken, or this machine has no such address.
    """
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            if os.name == "posix":  # as servers do, so that a port which was just let go counts as free
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except OSError as error:
        raise SettingsError(
            f"expected a free port of this machine. Received: {address}:{port or 'any'} ({error.strerror}). "
            "Choose another --port or --address"
        ) from error


def doctor(_: argparse.Namespace) -> Outcome:
    """Whether this installation is healthy; status 2 where it is not."""
    from emomusic.doctor import examine

    report = examine()
    return report, _told([check["name"] for check in report["checks"] if not check["ok"]])


def _told(bad: list[str]) -> int:
    """The exit status, after one line on stderr where something is to be mended."""
    if bad:
        log.error("emomusic: not as expected: %s", ", ".join(bad))
    return 2 if bad else 0


@contextlib.contextmanager
def _progress(unit: str, total: int) -> Iterator[Callable[..., None]]:
    """A progress bar with the time left, on stderr; silent where stderr is no terminal.

    Yields a function to be told how many are done and, where that is only learnt on the way, of how many.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(unit), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(unit, total=total)
        yield lambda done, total=None: progress.update(task, completed=done, total=total)
