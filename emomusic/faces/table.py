"""`Faces`: the faces of a photo, photos, a film or a camera with their emotions, in one table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias, overload

import numpy as np
import numpy.typing as npt

from emomusic.affect import EMOTIONS, AffectPoint, Emotion, EmotionProbabilities, WithEmotion, affect_of_rows
from emomusic.faces.detection import Face
from emomusic.faces.who import Kind, Who
from emomusic.media.images import Box

if TYPE_CHECKING:
    import pandas as pd

Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]
Flags: TypeAlias = npt.NDArray[np.bool_]

SHARES = [emotion.value for emotion in EMOTIONS]
"""Columns of the probabilities."""

AFFECT_COLUMNS = ["valence", "arousal", "quadrant"]

FACE_COLUMNS = ["face", "x", "y", "width", "height", "confidence", "emotion", *SHARES, *AFFECT_COLUMNS]
"""Columns of `Faces.table`, after `time_s` in films."""

# A face of a picture counts in the mean unless its detection is doubtful and its box has less than a third of the
# largest one's side: most of those are none.
_DOUBTFUL, _SMALL_SHARE = 0.95, 1 / 3


@dataclass(frozen=True, slots=True)
class FaceReading(WithEmotion):
    """A row of `Faces`.

    Attributes:
        face: the detected face.
        probabilities: the probabilities of the emotions.
        is_known: whether they come from the profile of this person (`faces.profile`).
        number: the number from 1; from left to right in a picture, and of one person in a stream and in a film.
        is_sure: whether the face is clear, so that its emotion is an answer.
    """

    face: Face
    probabilities: EmotionProbabilities
    is_known: bool = False
    number: int = 1
    is_sure: bool = True

    @property
    def word(self) -> str:
        """The emotion, with a question mark if the face is unclear."""
        return f"{self.emotion}{'' if self.is_sure else '?'}"

    @property
    def for_songs(self) -> EmotionProbabilities:
        """The emotions that songs are for: neutral if the face is unclear."""
        return self.probabilities if self.is_sure else NEUTRAL

    @property
    def who(self) -> Who:
        """This face, as the one that songs are for."""
        return Who.face(self.number)


@dataclass(frozen=True, slots=True, eq=False)  # arrays have no single truth value
class Faces:
    """Faces with their emotions: columns of n rows. An iteration gives a `FaceReading` for each row.

    Attributes:
        box: shape (n, 4), int64: x, y, width and height, in pixels of the picture.
        confidence: shape (n,), float64, from 0 to 1.
        shares: shape (n, 7), float32: the probabilities in the order of `Emotion`.
        number: shape (n,), int64, from 1: the face in its pictures, or the person in a stream and in a film.
        person: shape (n,), int64: the person in several photos, from 1; 0 where no other photo has the same person.
        source: shape (n,), int64: the picture, from 0.
        time_s: shape (n,), float64: seconds from the start of a film or session; NaN in pictures.
        seconds: shape (n,), float64: how long the face counts; 1 in pictures.
        turn: shape (n,), int64, as in `Face`.
        tilt: shape (n,), float64, as in `Face`.
        is_known: shape (n,), bool: whether the shares come from the profile of this person.
        is_corrected: shape (n,), bool: whether the visitor chose the emotion.
        threshold: shape (n,), float64: the least share of an emotion for a clear face; 0 if all faces count as clear.
    """

    box: Integers
    confidence: Floats
    shares: npt.NDArray[np.float32]
    number: Integers
    person: Integers
    source: Integers
    time_s: Floats
    seconds: Floats
    turn: Integers
    tilt: Floats
    is_known: Flags
    is_corrected: Flags
    threshold: Floats

    def __post_init__(self) -> None:
        for column, (name, dtype, width) in zip(fields(self), _COLUMNS, strict=True):
            values = getattr(self, column.name)
            expected = (len(self.number), width) if width > 1 else (len(self.number),)
            if values.shape != expected or values.dtype != dtype:
                raise ValueError(f"{name} must be {dtype} {expected}. Received: {values.dtype} {values.shape}")

    @classmethod
    def of(
        cls,
        faces: Sequence[Face],
        probabilities: Sequence[EmotionProbabilities],
        *,
        number: Sequence[int] | None = None,
        time_s: float = np.nan,
        threshold: float = 0.0,
    ) -> Faces:
        """Detected faces with their probabilities, numbered from 1 unless the numbers are given."""
        many, shares = len(faces), [row.values for row in probabilities]  # noqa: PD011  # no data frame
        return cls(
            box=boxes_array([face.box for face in faces]),
            confidence=np.array([face.confidence for face in faces], np.float64),
            shares=np.array(shares, np.float32).reshape(many, len(EMOTIONS)),
            number=np.array(range(1, many + 1) if number is None else number, np.int64),
            person=np.zeros(many, np.int64),
            source=np.zeros(many, np.int64),
            time_s=np.full(many, time_s, np.float64),
            seconds=np.ones(many),
            turn=np.array([face.turn for face in faces], np.int64),
            tilt=np.array([face.tilt for face in faces], np.float64),
            is_known=np.zeros(many, np.bool_),
            is_corrected=np.zeros(many, np.bool_),
            threshold=np.full(many, threshold),
        )

    @classmethod
    def joined(cls, tables: Sequence[Faces]) -> Faces:
        """The rows of several tables, one after another."""
        columns = ([getattr(table, column.name) for table in tables] for column in fields(cls))
        return cls(*map(np.concatenate, columns)) if tables else NO_FACES

    @classmethod
    def of_pictures(cls, tables: Sequence[Faces]) -> Faces:
        """The faces of several pictures, numbered over all of them in their order."""
        faces = cls.joined(tables)
        source = np.repeat(np.arange(len(tables)), [len(table) for table in tables])
        return replace(faces, source=source, number=np.arange(1, len(faces) + 1))

    def __len__(self) -> int:
        return len(self.number)

    def __iter__(self) -> Iterator[FaceReading]:
        return (self[row] for row in range(len(self)))

    @overload
    def __getitem__(self, rows: int) -> FaceReading: ...
    @overload
    def __getitem__(self, rows: slice | npt.NDArray[Any]) -> Faces: ...

    def __getitem__(self, rows: int | slice | npt.NDArray[Any]) -> FaceReading | Faces:
        """One row, or the table of a slice, mask or array of rows."""
        if not isinstance(rows, int):
            return Faces(*(getattr(self, column.name)[rows] for column in fields(self)))
        box, turn, tilt = Box(*self.box[rows].tolist()), int(self.turn[rows]), float(self.tilt[rows])
        face = Face(box, float(self.confidence[rows]), turn=turn, tilt=tilt)
        shares = EmotionProbabilities(self.shares[rows])
        is_known, is_sure = bool(self.is_known[rows]), bool(self.is_sure[rows])
        return FaceReading(face, shares, is_known, int(self.number[rows]), is_sure)

    def where(self, who: Who) -> Faces:
        """The faces of a listener; all of them for everyone and for a moment, none without a listener."""
        if who.kind in (Kind.FACE, Kind.PERSON):
            return self[np.flatnonzero((self.number if who.kind is Kind.FACE else self.person) == who.number)]
        return self[:0] if who.kind is Kind.NOBODY else self

    def persons(self) -> list[Who]:
        """The persons of several photos, those with most faces first, then the faces that are alone."""
        alone = [Who.face(number) for number in self.number[self.person == 0].tolist()]
        return [*(Who.person(number) for number in np.unique(self.person[self.person > 0]).tolist()), *alone]

    def corrected(self, says: Mapping[Who, Emotion]) -> Faces:
        """The same faces; those that the visitor corrected have all probability on their emotion."""
        shares, is_corrected = self.shares.copy(), self.is_corrected.copy()
        for who, emotion in says.items():
            rows = self.number == who.number
            shares[rows], is_corrected[rows] = np.equal(EMOTIONS, emotion), True
        return replace(self, shares=shares, is_corrected=is_corrected)

    def mean(self) -> EmotionProbabilities | None:
        """The mean over the faces, weighted by their seconds; None without faces.

        Of a picture, a doubtful and small face does not count, nor an unclear one beside a clear one, unless the
        visitor corrected it.
        """
        sides = self.box[:, 2:].max(axis=1, initial=0)
        largest = np.zeros(self.source.max(initial=0) + 1, sides.dtype)
        np.maximum.at(largest, self.source, sides)
        is_large = sides >= _SMALL_SHARE * largest[self.source]
        counts = (self.confidence >= _DOUBTFUL) | is_large | self._is_timed | self.is_corrected
        is_clear = counts & (self.is_sure | self._is_timed)  # a corrected face is clear, too
        counts = is_clear if is_clear.any() else counts
        return EmotionProbabilities.mean(self.shares[counts], self.seconds[counts])

    @property
    def is_sure(self) -> Flags:
        """Whether each face is clear: its likeliest emotion reaches the threshold of the model."""
        return np.asarray(self.shares.max(axis=1, initial=0) >= self.threshold)

    def for_songs(self) -> EmotionProbabilities | None:
        """The emotions that songs are for: `mean`, but neutral if no face is clear; None without faces."""
        return NEUTRAL if len(self) and not self.is_sure.any() else self.mean()

    @property
    def _is_timed(self) -> Flags:
        return ~np.isnan(self.time_s)

    @property
    def boxes(self) -> list[Box]:
        """The boxes, one for each row."""
        return [Box(*row) for row in self.box.tolist()]

    @property
    def emotions(self) -> list[Emotion]:
        """The most probable emotion of each face."""
        return [EMOTIONS[label] for label in self.shares.argmax(axis=1).tolist()]

    @property
    def points(self) -> Floats:
        """Valence and arousal of each face, shape (n, 2)."""
        if self._is_timed.any():
            return affect_of_rows(self.shares)
        # One row after another, as `EmotionProbabilities.point`: a product of many rows rounds otherwise
        return np.concatenate([np.zeros((0, 2)), *(affect_of_rows(row[None]) for row in self.shares)])

    def columns(self) -> dict[str, list[Any]]:
        """Plain values by column: `FACE_COLUMNS`, after `time_s` in films."""
        columns: dict[str, list[Any]] = {"time_s": self.time_s.tolist()} if self._is_timed.any() else {}
        columns["face"] = self.number.tolist()
        columns |= dict(zip(("x", "y", "width", "height"), self.box.T.tolist(), strict=True))
        columns["confidence"] = self.confidence.tolist()
        columns["emotion"] = [emotion.value for emotion in self.emotions]
        columns |= dict(zip(SHARES, self.shares.astype(np.float64).T.tolist(), strict=True))
        return columns | affect_columns(self.points)

    def rows(self) -> list[dict[str, Any]]:
        """The values of `columns`, by face."""
        columns = self.columns()
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def records(self) -> list[dict[str, Any]]:
        """Each face for JSON, with whether it is clear.

        Those of pictures have no number, and their turn if they are not upright.
        """
        is_timed = bool(self._is_timed.any())
        left_out = () if is_timed else ("face",)
        turns = [{"turn": turn} if turn and not is_timed else {} for turn in self.turn.tolist()]
        more = [{"is_sure": is_sure} | turn for is_sure, turn in zip(self.is_sure.tolist(), turns, strict=True)]
        return [nested_row(row, left_out) | rest for row, rest in zip(self.rows(), more, strict=True)]

    def table(self) -> pd.DataFrame:
        """A data frame of `columns`. An empty one has `time_s`, too."""
        import pandas as pd

        return pd.DataFrame(self.columns() if len(self) else {"time_s": []} | self.columns())

    def arrow(self, picture: str = "") -> Any:
        """A table of Arrow for Parquet, with the name of the picture or film in each row."""
        import pyarrow as pa

        no_times, names = {"time_s": [None] * len(self)}, {"picture": [picture] * len(self)}
        more = {"turn": self.turn.tolist(), "is_sure": self.is_sure.tolist()}
        return pa.Table.from_pydict({**names, **no_times, **self.columns(), **more}, _schema())


_COLUMNS: list[tuple[str, Any, int]] = [
    ("box", np.int64, 4),
    ("confidence", np.float64, 1),
    ("shares", np.float32, len(EMOTIONS)),
    *((name, np.int64, 1) for name in ("number", "person", "source")),
    *((name, np.float64, 1) for name in ("time_s", "seconds")),
    ("turn", np.int64, 1),
    ("tilt", np.float64, 1),
    *((name, np.bool_, 1) for name in ("is_known", "is_corrected")),
    ("threshold", np.float64, 1),
]
"""Name, type and width of each column."""


def boxes_array(boxes: Sequence[Box]) -> Integers:
    """Boxes as the column `Faces.box`."""
    return np.array([(box.x, box.y, box.width, box.height) for box in boxes], np.int64).reshape(len(boxes), 4)


NEUTRAL = EmotionProbabilities.certain(Emotion.NEUTRAL)
"""What unclear faces count as for songs."""

NO_FACES = Faces.of([], [])
"""A table without rows."""


def nested_row(row: Mapping[Any, Any], left_out: Sequence[str] = ()) -> dict[str, Any]:
    """A row with its sides as `box` and its emotions as `probabilities`."""
    record: dict[str, Any] = {}
    for name, value in row.items():
        if name in ("x", "y", "width", "height"):
            record.setdefault("box", []).append(value)
        elif name in SHARES:
            record.setdefault("probabilities", {})[name] = value
        elif name not in left_out:
            record[name] = value
    return record


def affect_columns(points: Floats) -> dict[str, list[Any]]:
    """Places of shape (n, 2) as `AFFECT_COLUMNS`. Without a place, which is NaN, there is no quadrant."""
    quadrants = [None if np.isnan(place).any() else AffectPoint(*place.tolist()).quadrant.value for place in points]
    return {"valence": points[:, 0].tolist(), "arousal": points[:, 1].tolist(), "quadrant": quadrants}


def affect_row(probabilities: EmotionProbabilities) -> dict[str, Any]:
    """The emotion of a face or group, and its position: the columns `emotion` and `AFFECT_COLUMNS`."""
    point = probabilities.point
    return {
        "emotion": probabilities.emotion.value,
        "valence": point.valence,
        "arousal": point.arousal,
        "quadrant": point.quadrant.value,
    }


@cache
def _schema() -> Any:
    """The columns of the faces in Parquet."""
    import pyarrow as pa

    names: dict[str, Any] = {"picture": pa.string(), "time_s": pa.float64()}
    names |= dict.fromkeys(("face", "x", "y", "width", "height"), pa.int32())
    names |= {"confidence": pa.float64(), **dict.fromkeys(SHARES, pa.float32())}
    names |= {"emotion": pa.string(), "valence": pa.float64(), "arousal": pa.float64(), "quadrant": pa.string()}
    return pa.schema([*names.items(), ("turn", pa.int32()), ("is_sure", pa.bool_())])
