"""The library in four calls: read a picture, learn a face, recommend songs, draw the reading.

Networks and recommender load on first use, once per process. All functions are thread-safe.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeAlias

import numpy as np
from PIL import Image

from emomusic.affect import AffectPoint, Emotion, EmotionProbabilities
from emomusic.errors import ImageError
from emomusic.faces import reading as faces
from emomusic.faces.classifier import load_classifier
from emomusic.faces.identity import describe_persons
from emomusic.faces.model_files import DEFAULT_MODEL
from emomusic.faces.people import Vectors
from emomusic.faces.profile import FaceProfile, describe_still, learn_profile
from emomusic.faces.reading import PictureReading, load_detector, load_networks
from emomusic.faces.table import FaceReading
from emomusic.media.images import MAX_RAW_BYTES, DecodedPicture, RgbImage, read_picture_file, require_rgb
from emomusic.media.pixels import to_rgb
from emomusic.songs.genres import genres_of
from emomusic.songs.recommend import load_recommender
from emomusic.songs.request import Policy, Request, destination_of
from emomusic.songs.song import Pick

ImageSource: TypeAlias = (
    bytes | bytearray | memoryview | BinaryIO | str | os.PathLike[str] | Image.Image | RgbImage | DecodedPicture
)
"""A picture's bytes, a binary file, its path, an image of Pillow, or pixels: shape (height, width, 3), uint8, RGB."""

Target: TypeAlias = Emotion | str | AffectPoint | EmotionProbabilities | FaceReading | PictureReading
"""An emotion or its name, a point of the affect plane, or a reading."""


def read_picture(
    picture: ImageSource, *, model: str = DEFAULT_MODEL, profile: FaceProfile | None = None, posed: bool = False
) -> PictureReading:
    """Find the faces of a picture, also turned ones, and the probabilities of their emotions.

    Args:
        picture: of any format in docs/formats.md, as bytes, file or path; an image of Pillow; or pixels.
        model: name of a trained face model with seven emotions.
        profile: what `learn_face` learned of a person. It applies to this person's face (`FaceReading.is_known`) only.
        posed: whether people pulled these faces for a camera, so that all seven emotions may be shown.

    Returns:
        The reading; its `faces` go from left to right and may be empty.

    Raises:
        ImageError: no such file, or not a picture.
        ModelError: no such model, or one with other classes.
        ProfileError: the profile is of another model.
        ValueError: pixels of another shape or type, or another object.
    """
    if profile is not None:
        profile.require_model(load_classifier(model))
    profiles = [] if profile is None else [profile]
    return faces.read_picture(_decoded(picture), partial(load_networks, model), posed=posed, profiles=profiles)


def learn_face(shots: Mapping[Emotion | str, Sequence[ImageSource]], *, model: str = DEFAULT_MODEL) -> FaceProfile:
    """Learn how one person shows emotions.

    Args:
        shots: pictures of the person by emotion: at least one neutral face, at best one or more of each emotion. The
            largest face of a picture counts.
        model: name of a trained face model that can learn a face.

    Returns:
        The profile: numbers without pictures. It is biometric data; `FaceProfile.to_json` makes a file of it.

    Raises:
        ImageError: no such file, not a picture, or no face in it.
        ModelError: no such model, or one that cannot learn a face.
        ProfileError: no neutral face, or too many pictures.
        ValueError: an unknown emotion, or pixels of another shape or type.
    """
    classifier = load_classifier(model)
    learned: dict[Emotion, list[Vectors]] = {}
    descriptors = []
    for emotion, pictures in shots.items():
        for picture in pictures:
            decoded = _decoded(picture)
            found = load_detector(upright=decoded.is_upright, still=True).detect(decoded.pixels)
            if not found:
                name = repr(Path(picture).name) if isinstance(picture, str | os.PathLike) else "a picture"
                raise ImageError(
                    f"expected a face in {name} ({Emotion(emotion)}). Received: none. Choose another picture"
                )
            face = max(found, key=lambda face: face.box.width * face.box.height)
            learned.setdefault(Emotion(emotion), []).append(describe_still(decoded.pixels, face, classifier))
            descriptors.append(describe_persons(decoded.pixels, [face]))
    shown = {emotion: np.stack(rows) for emotion, rows in learned.items()}
    return learn_profile(shown, np.concatenate(descriptors or [np.zeros((1, 1024), np.float32)]), classifier)


def recommend_songs(
    target: Target,
    *,
    policy: Policy | str = Policy.MATCH,
    num_songs: int = 5,
    seed: int = 0,
    hide_explicit: bool = False,
    genres: Collection[str] = (),
    to: str = "",
) -> list[Pick]:
    """Choose songs from the bundled catalogue.

    Args:
        target: an emotion, a point of the affect plane, or a reading. A picture with several faces counts as their
            mean, and unclear ones as neutral.
        policy: "match" plays songs near the target, "soothe" songs that calm or lift, "journey" moves from
            the target to such a mood, and "report" follows the table of the Music Mood Lifter.
        num_songs: number of songs, at least 1.
        seed: another number gives other songs of about equal fit.
        hide_explicit: leave out songs marked as explicit, and those with rude titles.
        genres: names of genres or keys of families, see `songs.genres`; empty allows all.
        to: end of a journey: a mood, or valence and arousal such as "0.4,-0.2"; empty for the mood that suits.

    Returns:
        The songs in the order to play them.

    Raises:
        ImageError: the reading of a picture has no face.
        DatasetError: the catalogue is absent or damaged, or a genre is unknown.
        ValueError: an unknown emotion, policy or end of a journey, or a number out of range.
    """
    destination = destination_of(to)
    if to and destination is None:
        raise ValueError(f"expected a mood, or valence and arousal such as 0.4,-0.2. Received: {to!r}")
    if isinstance(target, str):
        target = EmotionProbabilities.certain(Emotion(target))
    elif isinstance(target, FaceReading):
        target = target.for_songs
    elif isinstance(target, PictureReading):
        mean = target.faces.for_songs()
        if mean is None:
            raise ImageError("expected a picture with a face. Received: one without. Choose one that shows a face")
        target = mean
    point, emotion = (target, None) if isinstance(target, AffectPoint) else (target.point, target.emotion)
    request = Request(
        point=point,
        emotion=emotion,
        policy=Policy(policy),
        seed=seed,
        hide_explicit=hide_explicit,
        genres=genres_of(genres),
        destination=destination,
    )
    return load_recommender().songs(request, num_songs)


def draw_reading(picture: ImageSource, reading: PictureReading) -> RgbImage:
    """Draw numbered and named frames around the faces into a copy of the picture that was read.

    Raises:
        ImageError: no such file, or not a picture.
        ValueError: pixels of another shape or type, or a picture of another size than the reading.
    """
    from emomusic.marks.drawing import annotated_picture

    image = _decoded(picture).pixels
    size, expected = (image.shape[1], image.shape[0]), (reading.width, reading.height)
    if size != expected:
        raise ValueError(f"picture must be the one that was read, {expected} pixels. Received: {size}")
    return annotated_picture(image, reading)


def _decoded(picture: ImageSource) -> DecodedPicture:
    if isinstance(picture, DecodedPicture):
        return picture
    if isinstance(picture, Image.Image):
        return DecodedPicture(to_rgb(picture.copy()))
    if isinstance(picture, bytes | bytearray | memoryview):
        return read_picture_file(bytes(picture))
    if isinstance(picture, str | os.PathLike):
        return read_picture_file(os.path.expanduser(picture))  # noqa: PTH111  `Path` changes an address
    if isinstance(picture, np.ndarray):
        require_rgb(picture)
        return DecodedPicture(picture)
    if hasattr(picture, "seekable") and picture.seekable():
        picture.seek(0)  # it may just have been written
    content = picture.read(MAX_RAW_BYTES + 1) if hasattr(picture, "read") else None
    if not isinstance(content, bytes):
        raise ValueError(f"picture must be bytes, a path, a binary file or pixels. Received: {type(picture).__name__}")
    return read_picture_file(content)
