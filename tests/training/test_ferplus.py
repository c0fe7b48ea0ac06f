"""emomusic/training/ferplus.py: what ten people saw in each training picture."""

from pathlib import Path

import numpy as np
import pytest

from emomusic import assets
from emomusic.affect import EMOTIONS
from emomusic.errors import DatasetError
from emomusic.face.fer2013 import PUBLISHED_COUNTS, Fer2013, Split, read_split
from emomusic.training import ferplus


def write_votes(path: Path, images: np.ndarray, counts: np.ndarray) -> None:
    np.savez_compressed(path, pictures=ferplus.checksums(images), votes=counts.astype(np.uint8))


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (6, 48, 48), np.uint8)


def test_votes_find_their_picture_in_any_order(
    images: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = np.random.default_rng(1).integers(1, 9, (6, len(EMOTIONS)))
    write_votes(tmp_path / "votes.npz", images, counts)
    monkeypatch.setattr(ferplus, "VOTES", tmp_path / "votes.npz")
    shares = ferplus.vote_shares(images[::-1])
    assert shares.dtype == np.float32
    np.testing.assert_allclose(shares, (counts / counts.sum(axis=1, keepdims=True))[::-1], atol=1e-6)


def test_a_picture_without_votes_gets_none(images: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = np.ones((5, len(EMOTIONS)))
    counts[2] = 0  # all ten saw contempt, or no face
    write_votes(tmp_path / "votes.npz", images[:5], counts)
    monkeypatch.setattr(ferplus, "VOTES", tmp_path / "votes.npz")
    np.testing.assert_allclose(ferplus.vote_shares(images).sum(axis=1), [1, 1, 0, 1, 1, 0], atol=1e-6)


_WHOLE = ferplus.VOTES.read_bytes()


@pytest.mark.parametrize(
    "content",
    [None, b"", b"no archive", _WHOLE[:-100], _WHOLE[:5000] + bytes(100) + _WHOLE[5100:]],
    ids=["absent", "empty", "other", "cut", "scratched"],
)
def test_a_missing_or_damaged_file_is_an_error_that_names_it(
    content: bytes | None, images: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if content is not None:
        (tmp_path / "votes.npz").write_bytes(content)
    monkeypatch.setattr(ferplus, "VOTES", tmp_path / "votes.npz")
    with pytest.raises(DatasetError, match=r"expected the votes of FER\+ in .*votes\.npz"):
        ferplus.vote_shares(images)


def test_the_votes_ship_with_their_licence() -> None:
    with np.load(ferplus.VOTES) as arrays:
        assert set(arrays) == {"pictures", "votes"}  # no picture and no label of FER2013
        assert arrays["votes"].shape == (PUBLISHED_COUNTS[Split.TRAIN], len(EMOTIONS))
        assert 8 < np.median(arrays["votes"].sum(axis=1)) <= 10
    assert "MIT License" in (ferplus.VOTES.parent / "LICENSE").read_text(encoding="utf-8")
    assert ferplus.VOTES in set(assets.shipped_files())  # so its checksum is kept


def test_the_votes_are_those_of_fer2013() -> None:
    source = assets.find_dataset("fer2013.csv")
    if source is None:
        pytest.skip("fer2013.csv is neither in $EMOMUSIC_DATA nor in data/")
    faces = read_split(source, Split.TRAIN)
    shares = ferplus.vote_shares(faces.images)
    voted = shares.any(axis=1)
    assert voted.mean() > 0.97
    # People agree with FER2013's label on about two pictures of three; votes of other pictures would on one of six
    assert 0.6 < (shares.argmax(axis=1) == faces.labels)[voted].mean() < 0.7


def test_pictures_of_no_known_dataset_have_no_votes(dataset: Fer2013) -> None:
    assert not ferplus.vote_shares(dataset.split(Split.TRAIN).images).any()
