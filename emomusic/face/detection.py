"""Where the faces are: one adapter over MTCNN.

Zhang et al., "Joint Face Detection and Alignment using Multi-task Cascaded Convolutional Networks", IEEE Signal
Processing Letters 23(10), 2016; as packaged in `mtcnn` 1.0.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from emomusic.errors import ModelError
from emomusic.face._tensorflow import load_tensorflow
from emomusic.face.images import Box, RgbImage, shrink
from emomusic.face.suppression import bounded_suppression

# True faces score 0.99 and more as a rule; a false one was seen at 0.855.
MIN_CONFIDENCE = 0.9

# Two boxes sharing more than this are one face seen twice; neighbours in a crowd share less.
_SAME_FACE_OVERLAP = 0.5


# MTCNN's rows: image number, x1, y1, x2, y2, confidence, and of the last network five x of the landmarks, five y.
_Rows: TypeAlias = npt.NDArray[np.float64]
_NUM_COLUMNS = 16
_CONFIDENCE = 5
_XS = [1, 3, 6, 7, 8, 9, 10]
_YS = [2, 4, 11, 12, 13, 14, 15]

# What the first network proposes; mtcnn's own defaults, named so that a proposal can be watched before suppression.
_PYRAMID = {"min_face_size": 20, "scale_factor": 0.709}
_MIN_PROPOSAL = 0.6
_NO_SUPPRESSION = 2.0  # no overlap is more than 1

_INPUT_SIDES = (None, 24, 48)  # of the three networks; the first takes any size
_WARM_UP_SIDE = 120


@dataclass(frozen=True, slots=True)
class _Look:
    """How to look again: shrunk to this side, then with the border drawn out by a share on each side."""

    side: int
    padding: float
    border: int


# MTCNN misses faces that fill the frame: it has seen few without surroundings. Where the first look finds nothing, it
# looks again, with surroundings made up; such a face is large, so few pixels show it as well and cost little. Chosen
# on 974 tightly cut faces, of which the first look misses 45: these two bring back 37 (the first alone 32), with no
# false face in 179 pictures without any. Black surroundings bring back fewer (26), and a third look none.
_SECOND_LOOKS = (_Look(192, 0.25, cv2.BORDER_REPLICATE), _Look(256, 0.5, cv2.BORDER_REFLECT_101))


@dataclass(frozen=True, slots=True)
class Landmarks:
    """Five points of a face, each (x, y) in pixels of the image; left and right as the viewer sees them."""

    left_eye: tuple[float, float]
    right_eye: tuple[float, float]
    nose: tuple[float, float]
    mouth_left: tuple[float, float]
    mouth_right: tuple[float, float]

    @property
    def points(self) -> tuple[tuple[float, float], ...]:
        """All five, in this order."""
        return (self.left_eye, self.right_eye, self.nose, self.mouth_left, self.mouth_right)


@dataclass(frozen=True, slots=True)
class Face:
    """A face found in an image.

    Attributes:
        box: inside the image, in its pixels.
        confidence: 0 to 1.
        landmarks: eyes, nose and corners of the mouth; they may lie outside the image where the face is cut off.
    """

    box: Box
    confidence: float
    landmarks: Landmarks


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """The picture as MTCNN is shown it.

    Attributes:
        pixels: the picture, shrunk and perhaps with a border drawn out around it.
        scale: its size as a share of the picture's.
        across: pixels of border on the left.
        down: pixels of border at the top.
    """

    pixels: RgbImage
    scale: float
    across: int = 0
    down: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Boxes that may hold a face.

    Attributes:
        corners: shape (n, 4), float64: left, top, right, bottom in pixels of the picture; they may lie outside it.
        confidence: shape (n,), 0 to 1.
    """

    corners: npt.NDArray[np.float64]
    confidence: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.confidence)


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """What one of MTCNN's three networks finds likely.

    Attributes:
        found: all of it.
        kept: what is left when of boxes on one another only the surest stays; the next network's input.
    """

    found: Candidates
    kept: Candidates


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """MTCNN's way to the faces of one picture, in the look that found them; in the first one where none did.

    Attributes:
        proposals: of P-Net, at all sizes.
        refined: of R-Net, which looks again at what P-Net kept.
        output: of O-Net, which looks again at what R-Net kept.
        faces: what `detect` finds: those of `output.kept` that it is confident of.
    """

    proposals: Stage
    refined: Stage
    output: Stage
    faces: tuple[Face, ...]


class FaceDetector(Protocol):
    """Finds faces. `MtcnnDetector` is the real one; tests have a fake."""

    def detect(self, image: RgbImage) -> list[Face]:
        """Find all faces, sorted from left to right; none is an empty list."""
        ...

    def detect_near(self, image: RgbImage, boxes: Sequence[Box]) -> list[Face]:
        """Find again the faces that were in these boxes a moment ago, sorted from left to right; none is empty."""
        ...


class MtcnnDetector:
    """MTCNN with compiled networks; one instance may be shared by threads.

    Making one loads TensorFlow and the networks' weights, which takes seconds; `warm_up` takes the rest.
    """

    def __init__(self, min_confidence: float = MIN_CONFIDENCE) -> None:
        if not 0.0 <= min_confidence <= 1.0:
            raise ValueError(f"min_confidence must be from 0 to 1. Received: {min_confidence}")
        self._min_confidence = min_confidence
        self._networks = _compiled_networks()
        self._lock = threading.Lock()

    def warm_up(self) -> None:
        """Trace and run the networks once, so that the first real picture need not wait."""
        blank = np.full((_WARM_UP_SIDE, _WARM_UP_SIDE, 3), 127, np.uint8)
        self._run(blank)
        # No candidate of a blank picture gets as far as the later networks: they are run by hand.
        with self._lock:
            for stage, side in zip(self._networks, _INPUT_SIDES, strict=True):
                stage.model(np.zeros((1, side or _WARM_UP_SIDE, side or _WARM_UP_SIDE, 3), np.float32))

    def detect(self, image: RgbImage) -> list[Face]:
        """Find all faces, sorted from left to right.

        The work is done on at most 1280 pixels a side, so faces under about 12 pixels there are not found.

        Args:
            image: shape (height, width, 3), uint8, RGB.

        Returns:
            Faces in pixels of `image`; an empty list where there is none.

        Raises:
            ValueError: the image is not of that shape and type.
        """
        _check(image)
        faces: list[Face] = []
        for view in _views(image):
            _, kept = self._run(view.pixels)
            if faces := self._faces_in(kept[-1], image, view):
                break
        return faces

    def detect_near(self, image: RgbImage, boxes: Sequence[Box]) -> list[Face]:
        """Find again the faces that were in these boxes a moment ago.

        Only the last of the three networks runs, a tenth of the work of `detect`: it decides in both what is a face,
        and brings a box up to three tenths beside a face back onto it. Faces elsewhere are not found.

        Args:
            image: shape (height, width, 3), uint8, RGB; best no larger than the faces need.
            boxes: where to look, in its pixels.

        Returns:
            Sorted from left to right; not one for each box, as a face may be gone, or two boxes have come to share one.

        Raises:
            ValueError: the image is not of that shape and type.
        """
        _check(image)
        if not boxes:
            return []
        rows = np.zeros((len(boxes), _CONFIDENCE + 1))
        for row, box in zip(rows, boxes, strict=True):
            half = max(box.width, box.height) / 2  # the network was taught on squares
            x, y = box.x + box.width / 2, box.y + box.height / 2
            row[1:] = (x - half, y - half, x + half, y + half, 1.0)
        normalised = (image.astype(np.float32)[None] - 127.5) / 128  # as MTCNN does
        with self._lock:
            found: _Rows = self._networks[2](
                bboxes_batch=rows,
                images_normalized=normalised,
                images_oshapes=None,
                threshold_onet=self._min_confidence,
            )
        return self._faces_in(found, image, _View(image, 1.0))

    def watch(self, image: RgbImage) -> Search:
        """Do what `detect` does and keep what each network answered; takes about twice as long.

        Args:
            image: shape (height, width, 3), uint8, RGB.

        Raises:
            ValueError: the image is not of that shape and type.
        """
        _check(image)
        searches: list[Search] = []
        for view in _views(image):
            found, kept = self._run(view.pixels, watched=True)
            proposals, refined, output = (
                Stage(_candidates(rows, view), _candidates(left, view)) for rows, left in zip(found, kept, strict=True)
            )
            searches.append(Search(proposals, refined, output, tuple(self._faces_in(kept[-1], image, view))))
            if searches[-1].faces:
                return searches[-1]
        return searches[0]

    def _run(self, image: RgbImage, *, watched: bool = False) -> tuple[list[_Rows], list[_Rows]]:
        """Run MTCNN's networks one after the other, as `mtcnn.MTCNN.detect_faces` does.

        Returns:
            Of each network the rows before suppression, which stay empty unless `watched`, and those after it; in
            pixels of this very image.
        """
        tensorflow = load_tensorflow()
        from mtcnn.utils.images import standarize_batch

        propose, refine, finish = self._networks
        nothing = np.empty((0, _NUM_COLUMNS))
        found: list[_Rows] = [nothing] * 3
        kept: list[_Rows] = [nothing] * 3
        with self._lock, tensorflow.device("CPU:0"):
            # As float32 the result is the same to the last bit and a fifth faster: MTCNN makes integers float64.
            pixels, shapes, _ = standarize_batch([image.astype(np.float32)])
            kept[0] = propose(pixels, shapes, threshold_pnet=_MIN_PROPOSAL, **_PYRAMID)
            if watched:
                found[0] = _proposals(propose, pixels)
            if len(kept[0]):  # given nothing, the other two fail
                if watched:
                    found[1] = refine(pixels, kept[0], nms_rnet=_NO_SUPPRESSION)
                kept[1] = refine(pixels, kept[0])
            if len(kept[1]):
                if watched:
                    found[2] = finish(pixels, kept[1], nms_onet=_NO_SUPPRESSION)
                kept[2] = finish(pixels, kept[1])
        return found, kept

    def _faces_in(self, rows: _Rows, image: RgbImage, view: _View) -> list[Face]:
        """The sure ones of what was found in a view of the image, from left to right."""
        rows = rows[rows[:, _CONFIDENCE] >= self._min_confidence]  # a copy
        rows[:, _XS] -= view.across
        rows[:, _YS] -= view.down
        faces = _without_duplicates(_to_faces(rows, image, view.scale))
        return sorted(faces, key=lambda face: (face.box.x, face.box.y))


def _check(image: RgbImage) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        raise ValueError(f"image must be uint8 (height, width, 3). Received: {image.dtype}, {image.shape}")


def _compiled_networks() -> list[Any]:
    tensorflow = load_tensorflow()
    import lz4.frame
    import mtcnn
    from mtcnn.stages import StageONet, StagePNet, StageRNet, stage_onet, stage_pnet, stage_rnet

    for module in (stage_onet, stage_pnet, stage_rnet):  # the package has no other place for it
        module.smart_nms_from_bboxes = bounded_suppression
    packed = Path(mtcnn.__file__).parent / "assets" / "weights"
    try:
        with tempfile.TemporaryDirectory() as folder:

            def weights(name: str) -> str:
                # Unpacked by ourselves: joblib leaves the packed file to a finaliser, of which Python 3.13 complains.
                # And by a full path: given a bare name, mtcnn prefers a file of that name in the working directory.
                path = Path(folder) / name
                path.write_bytes(lz4.frame.decompress((packed / f"{name}.lz4").read_bytes()))
                return str(path)

            stages = [
                StagePNet(weights=weights("pnet")),
                StageRNet(weights=weights("rnet")),
                StageONet(weights=weights("onet")),
            ]
    except OSError as error:
        raise ModelError(f"expected to unpack the detector into a temporary folder. Received: {error}") from error
    # Uncompiled, Python takes half of the time. One signature for all sizes, or each new size would be traced anew.
    for stage, side in zip(stages, _INPUT_SIDES, strict=True):
        signature = [tensorflow.TensorSpec((None, side, side, 3), tensorflow.float32)]
        stage._model = tensorflow.function(stage._model, input_signature=signature)
    return stages


def _views(image: RgbImage) -> Iterator[_View]:
    """What MTCNN is shown, one after the other until it finds a face."""
    yield _View(*shrink(image))
    for look in _SECOND_LOOKS:
        small, scale = shrink(image, look.side)
        down, across = (round(side * look.padding) for side in small.shape[:2])
        yield _View(cv2.copyMakeBorder(small, down, down, across, across, look.border), scale, across, down)


def _proposals(stage: Any, pixels: npt.NDArray[np.float32]) -> _Rows:
    """All that the first network finds likely, at every size, before suppression."""
    from mtcnn.utils.bboxes import generate_bounding_box, upscale_bboxes
    from mtcnn.utils.images import apply_scales, build_scale_pyramid

    height, width = pixels.shape[1:3]
    pictures, scales = apply_scales(pixels, [build_scale_pyramid(width, height, **_PYRAMID)])
    found = [
        upscale_bboxes(generate_bounding_box(*stage.model(picture), _MIN_PROPOSAL), np.array([scale]))
        for picture, scale in zip(pictures, scales, strict=True)
    ]
    return np.concatenate([np.empty((0, _CONFIDENCE + 1)), *found])


def _candidates(rows: _Rows, view: _View) -> Candidates:
    """Boxes that were found in a view of the picture, in pixels of the picture."""
    border = np.array([view.across, view.down, view.across, view.down])
    return Candidates((rows[:, 1:5] - border) / view.scale, rows[:, _CONFIDENCE].clip(0.0, 1.0))


def _to_faces(rows: _Rows, image: RgbImage, scale: float) -> list[Face]:
    """Turn MTCNN's rows, found at a share of the image's size, into faces of the image; drop those outside it."""
    height, width = image.shape[:2]
    faces = []
    for row in rows:
        xs, ys = (row[_XS] / scale).tolist(), (row[_YS] / scale).tolist()
        # A mirrored or drawn-out border can hold a face too. What counts lies with its middle inside the image.
        if not (0 <= xs[0] + xs[1] < 2 * width and 0 <= ys[0] + ys[1] < 2 * height):
            continue
        left, top = min(round(xs[0]), width - 1), min(round(ys[0]), height - 1)
        right, bottom = max(round(xs[1]), left + 1, 1), max(round(ys[1]), top + 1, 1)
        box = Box(left, top, right - left, bottom - top).clipped(width, height)
        landmarks = Landmarks(*zip(xs[2:], ys[2:], strict=True))
        faces.append(Face(box, min(float(row[_CONFIDENCE]), 1.0), landmarks))
    return faces


def _without_duplicates(faces: Sequence[Face]) -> list[Face]:
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.confidence):
        if all(face.box.overlap(other.box) <= _SAME_FACE_OVERLAP for other in kept):
            kept.append(face)
    return kept
