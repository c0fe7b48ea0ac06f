"""`analyze` and `recommend`: songs for pictures, or for an emotion."""

from __future__ import annotations

import argparse
import logging
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emomusic.affect import EMOTION_POINTS, AffectPoint, Emotion, affect_of, list_shares
from emomusic.cli import arguments
from emomusic.cli.arguments import Outcome, add_command, add_song_options, progress, song_request
from emomusic.errors import EmomusicError, ImageError
from emomusic.text import escape_control_chars, pluralize

if TYPE_CHECKING:
    from emomusic.face.classifier import EmotionClassifier
    from emomusic.face.detection import MtcnnDetector
    from emomusic.face.images import RgbImage
    from emomusic.face.reading import PictureReading
    from emomusic.music.recommend import Recommender, Song
    from emomusic.music.request import Request

log = logging.getLogger(__name__)

_MAX_STEM_BYTES = 240


def add_commands(parent: Any) -> None:
    """Add the commands to the parser."""
    parser = add_command(parent, "analyze", analyze, _show_pictures, "Faces, emotions and songs for pictures.")
    parser.add_argument("images", nargs="+", metavar="IMAGE")
    parser.add_argument("--model", type=arguments.name, help="name of a trained face model")
    parser.add_argument("--annotate", type=arguments.path, metavar="DIR", help="write the pictures with marked faces")
    add_song_options(parser)

    text = "Songs for an emotion or a point of the affect plane."
    parser = add_command(parent, "recommend", recommend, _show_songs, text)
    parser.add_argument("--emotion", type=arguments.emotion, metavar="NAME", help=", ".join(Emotion))
    parser.add_argument("--valence", type=arguments.number(-1, 1), metavar="V", help="-1 (unpleasant) to 1 (pleasant)")
    parser.add_argument("--arousal", type=arguments.number(-1, 1), metavar="A", help="-1 (drowsy) to 1 (awake)")
    add_song_options(parser)


def analyze(options: argparse.Namespace) -> Outcome:
    """Read the faces of each picture and recommend songs. A picture that cannot be read becomes an `error` entry.

    The status is 2 if a picture could not be read or written, and 130 after Ctrl+C, with the readings so far.
    """
    from emomusic.face.model_files import DEFAULT_MODEL, model_folder

    if "" in options.images:
        raise ImageError("expected the names of pictures. Received: ''")
    model_folder(options.model or DEFAULT_MODEL)  # report a wrong name before seconds of loading
    if options.annotate:
        _make_folder(options.annotate)
    records: list[dict[str, Any]] = []
    status = 0
    with progress("pictures", len(options.images)) as on_progress:
        try:
            for record, is_complete in _analyzed(options):
                records.append(record)
                status = status if is_complete else 2
                on_progress(len(records))
        except KeyboardInterrupt:
            if not records:
                raise
            log.error("emomusic: stopped after %d of %d pictures", len(records), len(options.images))
            status = 130
    return records, status


def _analyzed(options: argparse.Namespace) -> Iterator[tuple[dict[str, Any], bool]]:
    """Yield the record of each picture and whether it is complete. Errors go to stderr."""
    from emomusic.export import picture_record
    from emomusic.face.images import read_image
    from emomusic.face.model_files import DEFAULT_MODEL
    from emomusic.face.reading import load_networks, read_faces
    from emomusic.music.recommend import load_recommender

    engine: tuple[MtcnnDetector, EmotionClassifier, Recommender] | None = None  # loaded for the first readable picture
    for position, image_name in enumerate(options.images, 1):
        started = time.perf_counter()
        try:
            image = read_image(image_name)
        except ImageError as error:
            # The error names only the last part of the path, which pictures of two folders may share
            text = str(error) if Path(image_name).name == image_name else f"{image_name}: {error}"
            log.error("emomusic: %s", escape_control_chars(text))
            yield {"image": image_name, "error": str(error)}, False
            continue
        decode_ms = 1000 * (time.perf_counter() - started)
        engine = engine or (*load_networks(options.model or DEFAULT_MODEL), load_recommender())
        detector, classifier, recommender = engine
        reading = read_faces(image, detector, classifier)
        started = time.perf_counter()
        songs: list[Song] = []
        request: Request | None = None
        if (group := reading.group) is not None:
            request = song_request(options, affect_of(group), group.emotion)
            songs = recommender.songs(request, options.songs)
        recommend_ms = 1000 * (time.perf_counter() - started)
        is_complete = True
        if options.annotate:
            try:
                _write_annotated(options.annotate, position, Path(image_name), image, reading)
            except ImageError as error:
                log.error("emomusic: %s", escape_control_chars(str(error)))
                is_complete = False
        record = picture_record(image_name, reading, songs, request, decode_ms=decode_ms, recommend_ms=recommend_ms)
        yield record, is_complete


def _write_annotated(folder: Path, position: int, source: Path, image: RgbImage, reading: PictureReading) -> None:
    from emomusic.face.images import encode_png
    from emomusic.plots.picture import annotated_picture

    # Numbered, as pictures of two folders may share a name; cut, as file names have at most 255 bytes
    name = f"{position:03d}-{os.fsdecode(os.fsencode(source.stem)[:_MAX_STEM_BYTES])}.png"
    try:
        (folder / name).write_bytes(encode_png(annotated_picture(image, reading)))
    except OSError as error:
        raise ImageError(f"expected to write {name!r} into {folder}. Received: {error.strerror}") from error


def _make_folder(folder: Path) -> None:
    """Make the folder and check before the work that files can be written into it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ImageError(f"expected a folder to write into. Received: {folder} ({error.strerror})") from error


def recommend(options: argparse.Namespace) -> Outcome:
    """Recommend songs without a face."""
    from emomusic.export import song_record
    from emomusic.music.recommend import load_recommender

    given = (options.emotion is not None, options.valence is not None, options.arousal is not None)
    if given == (True, False, False):
        point = EMOTION_POINTS[options.emotion]
    elif given == (False, True, True):
        point = AffectPoint(options.valence, options.arousal)
    else:
        raise EmomusicError("expected either --emotion NAME, or --valence V and --arousal A together")
    songs = load_recommender().songs(song_request(options, point, options.emotion), options.songs)
    return [song_record(song) for song in songs], 0


def _show_pictures(records: list[dict[str, Any]]) -> None:
    for record in records:
        if "error" in record:
            continue  # already on stderr
        faces = record["faces"]
        print(f"{escape_control_chars(record['image'])}: {pluralize(len(faces), 'face')}")
        for position, face in enumerate(faces, 1):
            ranked = sorted(face["probabilities"].items(), key=lambda item: -item[1])[:3]
            print(f"  {position}. {list_shares(dict(ranked))} ({face['quadrant']}, box {face['box']})")
        if record["group"]:
            print(f"  {record['group']['mood']} songs for it:")
            _show_songs(record["songs"], indent="    ")
        else:
            print("  no face found: try a picture with the whole face, from the front, in better light")


def _show_songs(songs: list[dict[str, Any]], indent: str = "") -> None:
    for song in songs:
        print(f"{indent}{song['title']}, {', '.join(song['artists'])}\n{indent}  {song['reason']}; {song['url']}")
