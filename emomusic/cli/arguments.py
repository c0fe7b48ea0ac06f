"""Argument types, options, output and the progress bar that several commands share."""

from __future__ import annotations

import argparse
import contextlib
import logging
import math
import re
import time
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from emomusic.affect import AffectPoint, Emotion, Mood
from emomusic.assets import DOWNLOADS, written_whole
from emomusic.errors import DatasetError, EmomusicError, ProfileError
from emomusic.faces.model_files import DEFAULT_MODEL
from emomusic.media.guarded import open_file
from emomusic.songs.genres import FAMILY_TITLES, genres_of
from emomusic.songs.mood import DEFAULT_MOOD_MODEL, MOOD_MODELS
from emomusic.songs.request import Policy, Request, destination_of
from emomusic.songs.song import Trait
from emomusic.text import escape_control_chars, format_clock
from emomusic.training.labelled import LABELS, NAMES
from emomusic.training.presets import NETWORKS, PRESETS

if TYPE_CHECKING:
    from emomusic.faces.profile import FaceProfile

log = logging.getLogger(__name__)

Outcome = tuple[Any, int]
"""The answer of a command, ready for JSON, and its exit status."""

Command = tuple[Callable[[argparse.Namespace], Outcome], Callable[[Any], Iterable[str]]]
"""The function that computes the answer of a command, and the one that formats it for people, without `--json`."""

STOPPED = 130
"""Exit status after Ctrl+C."""

_LOG_INTERVAL_S = 10.0


class Parser(argparse.ArgumentParser):
    """Reports errors in one line, and reads values such as -1e-05 and -0,6 as numbers.

    click cannot read `--option VALUE VALUE`, which the contract needs, so argparse stays.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Python's pattern takes -0,6, and before 3.14 -1e-05, for an unknown option
        self._negative_number_matcher = re.compile(r"-(\.?\d|inf|nan)", re.IGNORECASE)

    def error(self, message: str) -> NoReturn:
        """End with status 2 and a message in one line."""
        self.exit(2, f"{self.prog}: {one_line(message)} (see {self.prog} --help)\n")


def one_line(text: str) -> str:
    """A message for a terminal, without line breaks and control characters."""
    return escape_control_chars(" ".join(text.split()))


_DECLARED = tomllib.loads(Path(__file__).with_name("commands.toml").read_text(encoding="utf-8"))


def add_commands(parent: Any, commands: Mapping[str, Command]) -> None:
    """Add the commands that `commands.toml` declares, with the option `--json`, to a parser's subparsers."""
    groups = {"": parent}
    for name, declared in _DECLARED["commands"].items():
        group, _, last = name.rpartition(" ")
        parser = groups[group].add_parser(last, help=declared["text"], description=declared["text"])
        if "metavar" in declared:
            groups[name] = parser.add_subparsers(dest=declared["dest"], required=True, metavar=declared["metavar"])
            continue
        run, show = commands[name]
        parser.set_defaults(run=run, show=show, json=False)
        if declared.get("json", True):
            parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
        _add_options(parser, declared.get("options", {}))


def _add_options(parser: Any, declared: Mapping[str, Any]) -> None:
    for name, facts in declared.items():
        if facts == "shared":
            _add_options(parser, _DECLARED["shared"][name])
        elif "either" in facts:
            _add_options(parser.add_mutually_exclusive_group(required=facts["required"]), facts["either"])
        else:
            parser.add_argument(name, **_argument(**facts))


def _argument(**facts: Any) -> dict[str, Any]:
    """The arguments of argparse for a declared option or value."""
    values = _values()
    for name, value in values.items():
        facts["help"] = facts["help"].replace(name, value if isinstance(value, str) else ", ".join(value))
    kind = facts.pop("type", None)
    if isinstance(kind, list):
        facts["type"] = number(*kind[:2], whole="whole" in kind)
    elif kind is not None:
        facts["type"] = _TYPES[kind]
    elif "choices" not in facts:
        facts["action"] = "store_true"
    for fact in facts.keys() & {"choices", "default"}:
        if isinstance(facts[fact], str):
            facts[fact] = values.get(facts[fact], facts[fact])
    return facts


@cache
def _values() -> Mapping[str, Any]:
    """The values of the names in `commands.toml`."""
    return {
        "$face_model": DEFAULT_MODEL,
        "$mood_model": DEFAULT_MOOD_MODEL,
        "$mood_models": MOOD_MODELS,
        "$policies": list(map(str, Policy)),
        "$moods": list(map(str, Mood)),
        "$emotions": list(map(str, Emotion)),
        "$traits": list(map(str, Trait)),
        "$families": list(FAMILY_TITLES),
        "$labels": LABELS,
        "$names": NAMES,
        "$networks": NETWORKS,
        "$presets": PRESETS,
        "$downloads": list(DOWNLOADS),
    }


def read_profile(file: Path) -> FaceProfile:
    """The profile of a person in a file. Raises a `ProfileError` if it is absent, damaged, or no such profile."""
    from emomusic.faces.profile import MAX_BYTES, FaceProfile

    with open_file(file, ProfileError, "a face profile", str(file)) as stream:
        profile = FaceProfile.from_json(stream.read(MAX_BYTES + 1))
    if not profile.shots:
        raise ProfileError(
            f"expected a face profile with a neutral face in {file}. Received: own classes, which Live reads. "
            "Make one with `emomusic profile create`"
        )
    return profile


def song_request(options: argparse.Namespace, **listener: Any) -> Request:
    """Build the request for songs from its options, for a listener's `point` and `emotion`."""
    policy = Policy(options.policy)
    if options.to is not None and policy is not Policy.JOURNEY:
        raise EmomusicError(f"expected --to with --policy journey. Received: --policy {policy}")
    return Request(
        **listener,
        policy=policy,
        destination=options.to,
        seed=options.seed,
        hide_explicit=options.hide_explicit,
        genres=frozenset().union(*options.genres),
    )


def number(low: float, high: float, *, whole: bool = False) -> Callable[[str], float]:
    """Argument type for a number from `low` to `high`."""

    def read(text: str) -> float:
        value: float = math.nan
        with contextlib.suppress(ValueError):
            value = int(text) if whole else float(text)
        if not low <= value <= high:  # also refuses NaN
            expected = "a whole number" if whole else "a number"
            raise argparse.ArgumentTypeError(f"expected {expected} from {low:,} to {high:,}. Received: {text}")
        return value

    return read


def name(text: str) -> str:
    """Argument type for a name. An empty one, as from an unset variable, would silently mean the default."""
    if not text:
        raise argparse.ArgumentTypeError("expected a name. Received: ''")
    return text


def genres(text: str) -> frozenset[str]:
    """Argument type for names of genres and families, separated by commas."""
    names = [part for part in text.split(",") if part.strip()]
    if not names:
        raise argparse.ArgumentTypeError(f"expected a genre. Received: {text!r}")
    try:
        return genres_of(names)
    except DatasetError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def destination(text: str) -> AffectPoint:
    """Argument type for the end of a journey."""
    if (place := destination_of(text)) is None:
        expected = f"{', '.join(Mood)}, or valence and arousal from -1 to 1 such as 0.4,-0.2"
        raise argparse.ArgumentTypeError(f"expected {expected}. Received: {text[:80]!r}")
    return place


def path(text: str) -> Path:
    """Argument type for a path that is not empty."""
    return Path(name(text))


_TYPES: Mapping[str, Callable[[str], Any]] = {
    "path": path, "name": name, "text": str, "int": int, "lower": str.lower, "genres": genres, "place": destination,
}  # fmt: skip
"""The types of `commands.toml`."""


@contextlib.contextmanager
def progress(unit: str, total: int, *, with_rate: bool = False) -> Iterator[Callable[..., None]]:
    """Show a progress bar with the time left on stderr, if stderr is a terminal.

    Args:
        unit: what is counted.
        total: number of units. Of a single one, the finished share is shown.
        with_rate: show the units per second, too. Without a terminal, log a line about every 10 seconds.

    Yields:
        A function that takes the number of finished units and, if known only later, their total.
    """
    from rich import progress as rich
    from rich.console import Console

    done = rich.TaskProgressColumn() if total == 1 else rich.MofNCompleteColumn()
    rate = rich.TextColumn("{task.fields[rate]}")
    columns = (rich.TextColumn(unit), rich.BarColumn(), done, rate, rich.TimeRemainingColumn())
    console = Console(stderr=True)
    with rich.Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(unit, total=total, rate="")
        logged_s = time.monotonic()

        def update(done: float, total: float | None = None) -> None:
            nonlocal logged_s
            bar.update(task, completed=done, total=total)
            speed = bar.tasks[0].speed if with_rate else None
            if not speed:
                return
            bar.update(task, rate=f"{speed:.1f}/s")
            if not console.is_terminal and time.monotonic() - logged_s >= _LOG_INTERVAL_S:
                logged_s = time.monotonic()
                left = format_clock(bar.tasks[0].time_remaining or 0)
                log.info("%d of %d %s, %.1f per second, %s minutes left", done, bar.tasks[0].total, unit, speed, left)

        yield update


def write_file(path: Path, content: bytes) -> None:
    """Write a file as a whole. Raises an `EmomusicError` if it cannot be written."""
    try:
        with written_whole(path) as part:
            part.write_bytes(content)
    except OSError as error:
        raise EmomusicError(f"expected to write {path}. Received: {error.strerror}. Choose another name") from error


def log_file_error(file_name: str, sentence: str) -> None:
    """Log the problem of a file. Only the whole path tells two files of one name apart."""
    is_named = Path(file_name).name == file_name and repr(file_name) in sentence
    log.error("emomusic: %s", sentence if is_named else f"{file_name}: {sentence}")


def show_songs(songs: list[dict[str, Any]], indent: str = "") -> Iterator[str]:
    """The lines of songs, each with its reason and its address."""
    for song in songs:
        yield f"{indent}{names_of(song)}"
        yield f"{indent}  {song['reason']}; {song.get('url') or song['path']}"
        if "licence" in song:
            yield f"{indent}  {song['licence']}; {song['source']}"


def names_of(song: Mapping[str, Any]) -> str:
    """The title and the artists of a song in a record."""
    return ", ".join([song["title"], *song["artists"]])


def status_of(problems: list[str]) -> int:
    """The exit status: 2 if there are problems, which are logged in one line, else 0."""
    if problems:
        log.error("emomusic: not as expected: %s", ", ".join(problems))
    return 2 if problems else 0
