"""Which face of a stream is which, where it moved since it was read, and its probabilities over time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from emomusic.affect import EmotionProbabilities
from emomusic.face.detection import Face, Landmarks
from emomusic.face.images import Box, RgbImage, shrink
from emomusic.face.reading import FaceReading

GreyImage: TypeAlias = npt.NDArray[np.uint8]
"""Shape (height, width), uint8."""

Places: TypeAlias = dict[int, npt.NDArray[np.float64]]
"""Where each track is, by its number; as shares of the frame, like `FaceTrack.places`."""

# A face that a reading misses is kept this long, because detectors flicker; and its number longer.
SHOWN_S = 0.5
REMEMBERED_S = 2.0

# A tracked box lies where the face is, so most of it overlaps; strangers in a row do not reach this.
_SAME_FACE_OVERLAP = 0.25

_FLOW_SIDE = 320

# A face does not come nearer faster than this from frame to frame.
_MAX_GROWTH = (0.9, 1.1)

# Points followed on each face, as shares of its box: well inside, where the background does not show.
_GRID = np.array([(x, y) for y in (0.3, 0.43, 0.57, 0.7) for x in (0.3, 0.43, 0.57, 0.7)])


@dataclass(frozen=True, slots=True, eq=False)
class FaceTrack:
    """One face over time.

    Attributes:
        number: its own as long as it stays.
        places: shape (7, 2), two corners of the box and five landmarks, as shares of the frame's width and height: a
            stream changes its size when the network is slow.
        confidence: of the last detection.
        shares: shape (7,), its probabilities, smoothed.
        last_s: when it was last found.
    """

    number: int
    places: npt.NDArray[np.float64]
    confidence: float
    shares: npt.NDArray[np.float64]
    last_s: float

    @property
    def probabilities(self) -> EmotionProbabilities:
        """Its shares as the rest of the house knows them."""
        return EmotionProbabilities(self.shares.astype(np.float32))

    def reading(self, width: int, height: int) -> FaceReading | None:
        """As a picture's face would be told, in pixels of a frame of this size; None where it left the frame."""
        places = self.places * (width, height)
        if (box := box_of(places, width, height)) is None:
            return None
        return FaceReading(Face(box, self.confidence, landmarks_of(places)), self.probabilities)


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A frame of the stream, and what is needed to follow faces from it on.

    Attributes:
        image: shape (height, width, 3), uint8, RGB.
        grey: the same, as `to_flow_image` makes it.
        places: of the tracks in it, as `FaceTracker.places` told them when it came.
        time_s: when it came.
    """

    image: RgbImage
    grey: GreyImage
    places: Places
    time_s: float


class FaceTracker:
    """The faces of one stream. Not safe under threads by itself."""

    def __init__(self) -> None:
        self._tracks: list[FaceTrack] = []
        self._next_number = 1
        self._grey: GreyImage | None = None  # the frame in which the tracks are where they say
        self._time_s = 0.0  # of the newest reading

    def shown(self) -> list[FaceTrack]:
        """Those to be drawn, from left to right."""
        seen = (track for track in self._tracks if self._time_s - track.last_s <= SHOWN_S)
        return sorted(seen, key=lambda track: (track.places[0, 0], track.number))

    def found(self) -> list[FaceTrack]:
        """Those of the newest reading: `shown` without the faces that it missed."""
        return [track for track in self.shown() if track.last_s == self._time_s]

    def places(self) -> Places:
        """Where each is now, by number: to be handed to `update` with the reading of this frame."""
        return {track.number: track.places for track in self._tracks}

    def update(
        self,
        frame: Frame,
        faces: Sequence[Face],
        probabilities: Sequence[EmotionProbabilities],
        *,
        smoothing_s: float,
    ) -> None:
        """Take in what was read in one frame.

        Args:
            frame: that was read.
            faces: found in it, in its pixels.
            probabilities: of each.
            smoothing_s: time constant of the probabilities.
        """
        time_s, size = frame.time_s, (frame.image.shape[1], frame.image.shape[0])
        # A face that was found after this frame came, in the one before, has no place in it but must not begin anew
        known = [replace(track, places=frame.places.get(track.number, track.places)) for track in self._tracks]
        found = [places_of(face) / size for face in faces]
        matches = _match(found, [track.places for track in known])
        updated = []
        for number, (face, place, given) in enumerate(zip(faces, found, probabilities, strict=True)):
            values = given.values.astype(np.float64)
            if (index := matches.get(number)) is None:
                updated.append(FaceTrack(self._next_number, place, face.confidence, values, time_s))
                self._next_number += 1
                continue
            track = known[index]
            weight = 1.0 if smoothing_s == 0 else 1.0 - math.exp(-max(time_s - track.last_s, 0.0) / smoothing_s)
            values = track.shares + weight * (values - track.shares)
            updated.append(FaceTrack(track.number, place, face.confidence, values, time_s))
        matched = set(matches.values())
        # Faces, and none of those known: the scene is another. Else a face that was missed may be there all the same.
        cut = bool(updated) and not matched
        missed = [] if cut else [track for index, track in enumerate(known) if index not in matched]
        # Where readings are rarer than that, a face may still be missed once
        self._tracks = updated + [
            track for track in missed if time_s - track.last_s <= REMEMBERED_S or track.last_s == self._time_s
        ]
        self._grey, self._time_s = frame.grey, time_s

    def forget_frame(self) -> None:
        """Keep no picture: what was followed ends where it is."""
        self._grey = None

    def follow(self, grey: GreyImage) -> None:
        """Move all to where they are in a newer frame, given as `to_flow_image` makes it."""
        if self._grey is not None and self._grey.shape == grey.shape and self._tracks:
            size = (grey.shape[1], grey.shape[0])
            moved = _follow(np.stack([track.places for track in self._tracks]) * size, self._grey, grey) / size
            self._tracks = [replace(track, places=places) for track, places in zip(self._tracks, moved, strict=True)]
        self._grey = grey


def _follow(places: npt.NDArray[np.float64], before: GreyImage, now: GreyImage) -> npt.NDArray[np.float64]:
    """Where faces of one frame are in another, by what a grid of points on each of them did.

    Lucas and Kanade's optical flow. Each face is moved and scaled as a whole, by medians over its points, so that a few
    lost points do no harm; where most are lost it stays where it was.

    Args:
        places: shape (n, 7, 2), in pixels of `before`.
        before: the frame in which they are there.
        now: the newer frame.

    Returns:
        Shape (n, 7, 2), in pixels of `now`.
    """
    corners, sides = places[:, :1], places[:, 1:2] - places[:, :1]
    old = corners + _GRID * sides  # shape (n, 16, 2)
    moved, found, _ = cv2.calcOpticalFlowPyrLK(
        before, now, old.reshape(-1, 1, 2).astype(np.float32), None, winSize=(15, 15), maxLevel=2
    )
    seen = found.reshape(len(places), -1) == 1
    enough = np.count_nonzero(seen, axis=1) > len(_GRID) // 2
    if not enough.any():
        return places
    old, new = old[enough], moved.reshape(old.shape)[enough].astype(np.float64)
    seen, middles = seen[enough], (corners + sides / 2)[enough]
    shifts = _medians(new - old, seen)
    spreads = _medians(np.abs(old - middles), seen).sum(axis=2, keepdims=True)
    new_spreads = _medians(np.abs(new - middles - shifts), seen).sum(axis=2, keepdims=True)
    growths = np.clip(new_spreads / spreads, *_MAX_GROWTH)
    answers = places.copy()
    answers[enough] = middles + shifts + growths * (places[enough] - middles)
    return answers


def _medians(values: npt.NDArray[np.float64], seen: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """The median over each face's points that were seen, at least one: shape (n, points, 2) to (n, 1, 2).

    All faces at once, in a few microseconds where NumPy's own medians take a millisecond for seven faces.
    """
    ordered = np.sort(np.where(seen[..., None], values, np.inf), axis=1)
    middle = (np.count_nonzero(seen, axis=1) - 1)[:, None, None] / 2
    low = np.take_along_axis(ordered, np.floor(middle).astype(int), axis=1)
    high = np.take_along_axis(ordered, np.ceil(middle).astype(int), axis=1)
    medians: npt.NDArray[np.float64] = (low + high) / 2
    return medians


def to_flow_image(image: RgbImage) -> GreyImage:
    """The frame in grey and small, for following.

    Raises:
        ValueError: it is not uint8 of shape (height, width, 3).
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        raise ValueError(f"a frame must be uint8 (height, width, 3). Received: {image.dtype}, {image.shape}")
    grey: GreyImage = cv2.cvtColor(shrink(image, _FLOW_SIDE)[0], cv2.COLOR_RGB2GRAY)
    return grey


def places_of(face: Face) -> npt.NDArray[np.float64]:
    """A face's corners and landmarks as one array, to be moved together: shape (7, 2), in pixels."""
    box = face.box
    return np.array(((box.x, box.y), (box.right, box.bottom), *face.landmarks.points), np.float64)


def box_of(places: npt.NDArray[np.float64], width: int, height: int) -> Box | None:
    """The box of such an array, clipped to an image of this size; None where it lies outside."""
    (left, top), (right, bottom) = np.rint(places[:2]).astype(int).tolist()
    left, top, right, bottom = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
    return Box(left, top, right - left, bottom - top) if right > left and bottom > top else None


def landmarks_of(places: npt.NDArray[np.float64]) -> Landmarks:
    """The landmarks of such an array."""
    return Landmarks(*((x, y) for x, y in places[2:].tolist()))


def _match(found: Sequence[npt.NDArray[np.float64]], known: Sequence[npt.NDArray[np.float64]]) -> dict[int, int]:
    """Pair faces with tracks, the largest overlap first; index of face to index of track."""
    pairs = [
        (overlap, face, track)
        for face, place in enumerate(found)
        for track, other in enumerate(known)
        if (overlap := _overlap(place, other)) >= _SAME_FACE_OVERLAP
    ]
    matches: dict[int, int] = {}
    taken: set[int] = set()
    for _, face, track in sorted(pairs, key=lambda pair: -pair[0]):
        if face not in matches and track not in taken:
            matches[face] = track
            taken.add(track)
    return matches


def _overlap(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float:
    """Intersection over union of two tracks' boxes."""
    sides = np.minimum(one[1], other[1]) - np.maximum(one[0], other[0])
    if sides.min() <= 0:
        return 0.0
    shared = float(sides.prod())
    return shared / float((one[1] - one[0]).prod() + (other[1] - other[0]).prod() - shared)
