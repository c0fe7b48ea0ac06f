"""The command line: `python -m emomusic COMMAND`.

With `--json`, stdout holds one JSON document and nothing else; progress and log lines go to stderr. Exit status 0:
done. 2: the user must mend something, said in one line on stderr. 1: our fault, with a traceback.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import io
import json
import logging
import math
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn, TextIO

from emomusic import __version__, commands
from emomusic.affect import Emotion, list_shares
from emomusic.downloads import DOWNLOADS
from emomusic.errors import EmomusicError
from emomusic.music.request import Policy
from emomusic.words import counted, file_size, harmless


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, and takes -1e-05 for a number, and what looks like one for a wrong one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Python's own pattern takes -0,6, and up to 3.13 -1e-05, for an option that is not known
        self._negative_number_matcher = re.compile(r"-(\.?\d|inf|nan)", re.IGNORECASE)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {_one_line(message)} (see {self.prog} --help)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    options = _parsed(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr, force=True)
    for chatty in ("tensorflow", "tf2onnx", "absl", "h5py", "PIL"):
        logging.getLogger(chatty).setLevel(logging.ERROR)
    status = 0
    try:
        # Whatever a library prints goes to stderr: stdout is for the answer alone
        with contextlib.redirect_stdout(sys.stderr):
            answer, status = options.run(options)
        if options.json:
            print(json.dumps(answer, indent=2, allow_nan=False))  # in ASCII: any terminal and any file can hold it
        else:
            if isinstance(sys.stdout, io.TextIOWrapper):  # titles and names of files may not fit its encoding
                sys.stdout.reconfigure(errors="backslashreplace")
            options.show(answer)
        if sys.stdout is not None:  # closed by who called
            sys.stdout.flush()
    except EmomusicError as error:
        _tell(str(error))
        return 2
    except KeyboardInterrupt:
        _tell("stopped")
        return 130
    except BrokenPipeError:  # the reader has seen enough, as `head` does
        _forget(sys.stdout)
    except OSError as error:
        if error.errno not in _OF_THE_MACHINE:
            raise
        _forget(sys.stdout)
        where = f": {error.filename}" if error.filename else ""
        _tell(f"{error.strerror}{where}")
        return 2
    return int(status)


_OF_THE_MACHINE = {
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.ELOOP, errno.ENOSPC, errno.EDQUOT, errno.EFBIG,
    errno.EIO,
}  # fmt: skip
"""What a user can mend: rights, names, full disks. Any other `OSError` is a fault of ours."""


def _one_line(text: str) -> str:
    return harmless(" ".join(text.split()))


def _tell(text: str) -> None:
    """A line on stderr, where there is one that takes it: who called has the exit status in any case."""
    if sys.stderr is not None:  # `print` would take stdout instead
        try:
            print(f"emomusic: {_one_line(text)}", file=sys.stderr, flush=True)
        except OSError:
            _forget(sys.stderr)


def _forget(stream: TextIO | None) -> None:
    """Let nothing more be written to it: Python would try once more at the end, and complain."""
    if stream is not None:
        with contextlib.suppress(OSError):  # a stand-in without a descriptor
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options; pictures and a film may stand after an option, which argparse does not know of commands."""
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    are_files = not any(text.startswith("-") for text in rest)
    if options.command == "analyze" and are_files:
        options.images += rest
    elif options.command == "bench" and are_files and len(rest) == 1 and options.film is None:
        options.film = _path(rest[0])
    elif rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    return options


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="emomusic", description="A face goes in, a song comes out.")
    parser.add_argument("--version", action="version", version=__version__)
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(
        parent: Any,
        name: str,
        run: Callable[[argparse.Namespace], commands.Outcome],
        show: Callable[[Any], None],
        text: str,
    ) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = parent.add_parser(name, help=text, description=text)
        added.add_argument("--json", action="store_true", help="one JSON document on stdout")
        added.set_defaults(run=run, show=show)
        return added

    analyze = command(
        subparsers, "analyze", commands.analyze, _show_pictures, "Faces, emotions and songs for pictures."
    )
    analyze.add_argument("images", nargs="+", metavar="IMAGE")
    analyze.add_argument("--model", type=_name, help="name of a trained face model")
    analyze.add_argument("--annotate", type=_path, metavar="DIR", help="write the pictures with their faces marked")
    _add_song_options(analyze)

    evaluate = subparsers.add_parser("evaluate", help="Recompute a model's figures on data.")
    kinds = evaluate.add_subparsers(dest="kind", required=True, metavar="face|music")
    face = command(
        kinds, "face", commands.evaluate_face, _show_figures, "Figures of a face model on FER2013 or on pictures."
    )
    face.add_argument("--model", type=_name)
    source = face.add_mutually_exclusive_group(required=True)
    source.add_argument("--fer2013", type=_path, metavar="CSV")
    source.add_argument("--images", type=_path, metavar="DIR", help="holds DIR/<emotion>/*.jpg, png, …")
    face.add_argument("--split", choices=("validation", "test"), help="which part of FER2013")
    face.add_argument("--aligned", action="store_true", help="the pictures are face crops already")
    face.add_argument("--margin", type=_number(-0.4, 1), help="context around the face, as a share of its longer side")
    face.add_argument(
        "--record",
        action="store_true",
        help="fit the model's adjustment for photographs and keep it with its figures, judged in five folds, as `wild`",
    )
    music = command(
        kinds, "music", commands.evaluate_music, _show_figures, "Figures of a mood model, by cross-validation."
    )
    music.add_argument("--model", type=_name, help="name of a mood model")
    music.add_argument("--data", type=_path, required=True, metavar="CSV", help="data_moods.csv")

    train = subparsers.add_parser("train", help="Train a model.")
    kinds = train.add_subparsers(dest="kind", required=True, metavar="face|music|export")
    face = command(kinds, "face", commands.train_face, _show_figures, "Train a network on FER2013.")
    face.add_argument("--network", required=True)
    face.add_argument("--preset", type=_name, help="how to train it; each network has its own")
    face.add_argument("--fer2013", type=_path, required=True, metavar="CSV")
    face.add_argument("--out", type=_path, metavar="DIR", help="the model's folder; models/face/<network> unless given")
    face.add_argument("--resume", action="store_true", help="go on from the checkpoint in the model's folder")
    music = command(kinds, "music", commands.train_music, _show_figures, "Fit a mood model on labelled songs.")
    music.add_argument("--model", type=_name, help="name of a mood model")
    music.add_argument("--data", type=_path, required=True, metavar="CSV", help="data_moods.csv")
    music.add_argument("--out", type=_path, metavar="DIR", help="the model's folder; models/music/<model> unless given")

    export = command(kinds, "export", commands.train_export, _show_exports, "Write model.onnx of trained face models.")
    export.add_argument("models", nargs="*", type=_name, metavar="MODEL", help="all of them unless some are named")

    recommend = command(
        subparsers, "recommend", commands.recommend, _show_songs, "Songs for an emotion or a place on the plane."
    )
    recommend.add_argument("--emotion", type=_emotion, metavar="NAME", help=", ".join(Emotion))
    recommend.add_argument("--valence", type=_number(-1, 1), metavar="V", help="-1 (unpleasant) to 1 (pleasant)")
    recommend.add_argument("--arousal", type=_number(-1, 1), metavar="A", help="-1 (drowsy) to 1 (awake)")
    _add_song_options(recommend)

    command(subparsers, "models", commands.models, _show_models, "The trained models, their figures, size and speed.")

    data = subparsers.add_parser("data", help="What ships, what can be downloaded, and whether it is whole.")
    kinds = data.add_subparsers(dest="kind", required=True, metavar="list|get|check")
    command(kinds, "list", commands.data_list, _show_data, "What ships, and what can be downloaded.")
    get = command(kinds, "get", commands.data_get, _show_data, "Download a dataset.")
    get.add_argument("name", metavar="NAME", choices=tuple(DOWNLOADS), help=", ".join(DOWNLOADS))
    command(kinds, "check", commands.data_check, _show_data, "Compare what ships with its checksums.")

    bench = command(subparsers, "bench", commands.bench, _show_timings, "How fast each step is on this machine.")
    bench.add_argument(
        "part", nargs="?", choices=("photo", "models", "music", "live"), default="photo", help="which steps (photo)"
    )
    bench.add_argument("film", nargs="?", type=_path, metavar="FILM", help="for live: a video; else bundled pictures")
    bench.add_argument("--runs", type=_count, metavar="N", help="repetitions of each step (30)")
    bench.add_argument("--record", action="store_true", help="for models: keep each one's time in its metrics.json")
    bench.add_argument("--frames", type=_frames, metavar="N", help="for live: how many of each film (600)")

    command(subparsers, "doctor", commands.doctor, _show_checks, "Is this installation healthy?")

    text = "Open the app in the browser; Ctrl+C stops it."
    app = subparsers.add_parser("app", help=text, description=text)
    app.add_argument("--port", type=_number(1, 65535, whole=True), metavar="N", help="the first free one from 8501 on")
    app.add_argument(
        "--address", type=_name, metavar="ADDR", help="localhost, which only this machine reaches; 0.0.0.0 for all"
    )
    app.set_defaults(run=commands.app, show=_show_nothing, json=False)
    return parser


def _add_song_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--policy", choices=[policy.value for policy in Policy], default="match", help="what the music should do"
    )
    parser.add_argument("--songs", type=_count, default=5, metavar="N", help="how many songs (5)")
    parser.add_argument(
        "--seed",
        type=_number(0, 2**32 - 1, whole=True),
        default=0,
        metavar="N",
        help="another number, another choice among equals",
    )
    parser.add_argument("--hide-explicit", action="store_true", help="leave out songs marked as explicit")


def _number(low: float, high: float, *, whole: bool = False) -> Callable[[str], float]:
    """What reads an option's number and refuses what is none, or lies outside."""

    def read(text: str) -> float:
        value: float = math.nan
        with contextlib.suppress(ValueError):
            value = int(text) if whole else float(text)
        if not low <= value <= high:  # NaN is not between
            kind = "a whole number" if whole else "a number"
            raise argparse.ArgumentTypeError(f"expected {kind} from {low:,} to {high:,}. Received: {text}")
        return value

    return read


_count = _number(1, 100, whole=True)
_frames = _number(10, 1_000_000, whole=True)


def _name(text: str) -> str:
    if not text:  # of an empty variable; it would mean the default, or the folder one is in
        raise argparse.ArgumentTypeError("expected a name. Received: ''")
    return text


def _path(text: str) -> Path:
    return Path(_name(text))


def _emotion(text: str) -> Emotion:
    try:
        return Emotion(text.lower())
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected one of {', '.join(Emotion)}. Received: {text!r}") from None


def _show_pictures(records: list[dict[str, Any]]) -> None:
    for record in records:
        if "error" in record:
            continue  # told on stderr already
        faces = record["faces"]
        print(f"{harmless(record['image'])}: {counted(len(faces), 'face')}")
        for number, face in enumerate(faces, 1):
            ranked = sorted(face["probabilities"].items(), key=lambda item: -item[1])[:3]
            print(f"  {number}. {list_shares(dict(ranked))} ({face['quadrant']}, box {face['box']})")
        if record["group"]:
            print(f"  {record['group']['mood']} songs for it:")
            _show_songs(record["songs"], indent="    ")
        else:
            print("  no face found: try a picture with the whole face, from the front, in better light")


def _show_songs(songs: list[dict[str, Any]], indent: str = "") -> None:
    for song in songs:
        print(f"{indent}{song['title']}, {', '.join(song['artists'])}\n{indent}  {song['reason']}; {song['url']}")


def _show_figures(metrics: dict[str, Any]) -> None:
    print(json.dumps(metrics, ensure_ascii=False, indent=2))


def _show_exports(exports: list[dict[str, Any]]) -> None:
    for export in exports:
        print(f"{export['model']}: {export['path']}, {file_size(export['bytes'])}")


def _show_models(models: list[dict[str, Any]]) -> None:
    from emomusic.reported import percent_of

    for model in models:
        is_music = model["kind"] == "music"
        if is_music:
            spread = f"± {100 * model['accuracy_std']:.1f}"
        else:
            spread = "({:.1%} to {:.1%})".format(*model["accuracy_interval"])
        parts = [
            f"accuracy {model['accuracy']:.1%} {spread} over {len(model['classes'])} classes on {model['judged_on']}"
        ]
        if not is_music and len(model["classes"]) != 4:
            parts.append(f"{model['four_class_accuracy']:.1%} over Q1 Q2 Q3 N")
        if wild := model.get("wild"):
            parts.append(f"{wild['accuracy']:.1%} in the wild")
        parts.append(file_size(model["bytes"]))
        if (speed := model["ms_per_item"]) is not None:
            parts.append(f"{_two_digits(speed)} ms {model['item']}")
        print(f"{model['kind']}/{model['name']}: {', '.join(parts)}")
        for report in model["reported"]:
            figure = percent_of(report["figure"], report["lowest"])
            print(f"  reported: {figure} ({report['of']}, {report['title']}): {report['note']}")


def _two_digits(number: float) -> str:
    """Two digits that count, never as a power of ten."""
    return f"{number:.0f}" if number >= 10 else f"{number:.2g}"


def _show_data(assets: list[dict[str, Any]]) -> None:
    for asset in assets:
        state = f"  PROBLEM: {asset['problem']}" if asset.get("problem") else ""
        if not asset.get("present", True):
            how = "restore the files" if asset["ships"] else f"python -m emomusic data get {asset['name']}"
            state = f"  (not here: {how})"
        print(f"{asset['name']}: {asset['path']}, {asset['bytes'] / 1e6:.2f} MB, {asset['licence']}{state}")


def _show_timings(report: dict[str, Any]) -> None:
    print(report["machine"])
    for timing in report["timings"]:
        print(f"{timing['median']:8.1f} {timing['unit']:2}  (95 %: {timing['p95']:.1f})  {timing['step']}")


def _show_nothing(_: None) -> None:
    pass


def _show_checks(report: dict[str, Any]) -> None:
    for check in report["checks"]:
        print(f"{'ok     ' if check['ok'] else 'PROBLEM'} {check['name']}: {check['detail']}")
