"""A visitor's own labelled pictures: a row with its interval, and its smallest group."""

import io

import numpy as np
import pytest

from emomusic.affect import Emotion
from emomusic.errors import ImageError
from emomusic.faces.reading import PictureReading
from emomusic.faces.table import NO_FACES, Faces
from emomusic.media import archives
from emomusic.media.images import DecodedPicture, encode_jpeg
from emomusic.server import labelled
from emomusic.server.labelled import read_own_faces
from tests.fakes import FakeClassifier, make_face
from tests.hostile.generator import zip_bytes


def packed(files: dict[str, bytes]) -> io.BytesIO:
    return io.BytesIO(zip_bytes(files.items()))


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls light faces happy and grey ones sad, and finds none in dark pictures."""

    def read(picture: DecodedPicture, *, posed: bool) -> PictureReading:
        shade = picture.pixels.mean()
        emotion = Emotion.HAPPY if shade > 150 else Emotion.SAD
        faces = Faces.of([make_face()], [FakeClassifier(emotion).probabilities]) if shade > 50 else NO_FACES
        return PictureReading(60, 60, faces, 1.0, 1.0)

    monkeypatch.setattr(labelled, "read_for_visitor", read)


def shade(value: int) -> bytes:
    return encode_jpeg(np.full((60, 60, 3), value, np.uint8))


def test_the_row_has_the_accuracy_and_the_counts_of_each_emotion(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {f"mine/happy/{number}.jpg": shade(220) for number in range(3)}
    files |= {"mine/Sadness/a.jpg": shade(120), "mine/sad/b.jpg": shade(220), "mine/fear/dark.jpg": shade(5)}
    files |= {"mine/happy/broken.jpg": b"no picture", "mine/notes.txt": b"x", "mine/happy_sad/mixture.jpg": shade(220)}
    found = read_own_faces(packed(files), "mine")
    assert (found.row.name, found.row.n) == ("your faces (mine)", 7)
    assert found.row.accuracy == pytest.approx(4 / 7)
    assert found.missed == 2
    assert dict(found.counts) == {Emotion.HAPPY: 4, Emotion.SAD: 2, Emotion.FEAR: 1}
    assert found.counts[0][0] is Emotion.FEAR
    monkeypatch.setattr(labelled, "MOST_PICTURES", 4)
    assert dict(read_own_faces(packed(files), "mine").counts) == {Emotion.FEAR: 1, Emotion.HAPPY: 2, Emotion.SAD: 1}


def test_another_file_is_refused_and_a_large_member_not_read_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    others = (packed({"happy.jpg": b"x"}).getvalue(), packed({"happy/a.jpg": shade(9)}).getvalue()[:-40])
    monkeypatch.setattr(archives, "_found_without_directory", None)  # it would unpack a cut one
    for content in (b"", b"no archive", *others):
        with pytest.raises(ImageError, match=r"folders|damaged"):
            read_own_faces(io.BytesIO(content), "any")
    monkeypatch.setattr(archives, "MAX_BYTES", 1000)
    bomb = {"happy/a.jpg": bytes(10_000_000), "happy/b.jpg": shade(220)}
    found = read_own_faces(packed(bomb), "any")
    assert (found.row.n, found.missed) == (2, 1)
    monkeypatch.setattr(labelled, "MOST_PICTURES", 1)
    assert read_own_faces(packed(bomb), "any").row.n == 1
    monkeypatch.setattr(archives, "_MAX_DIRECTORY_BYTES", 100)
    with pytest.raises(ImageError, match="over 100,000 files"):
        read_own_faces(packed(bomb), "any")
