"""Photos to upload. The app has seen none of them, so it reads each one."""

from __future__ import annotations

import random
from collections.abc import Iterator

from emomusic.assets import data_dir
from emomusic.face.images import encode_jpeg, read_image

VARIANTS = 8
"""Cuts of each bundled sample. Their pixels differ, so the pages share no pictures."""

_MOST_CUT = 0.04  # of each side
_COMMENT = b"\xff\xfe"  # a JPEG marker; the length of its segment follows
_START = 2  # bytes of the marker that begins a JPEG


class Photos:
    """An endless supply of photos.

    Attributes:
        cuts: JPEG files, made in advance.
    """

    def __init__(self, *, variants: int = VARIANTS, seed: int = 0) -> None:
        chance = random.Random(seed)
        self.cuts: list[bytes] = []
        for path in sorted((data_dir() / "samples").glob("*.jpg")):
            image = read_image(path)
            for _ in range(variants):
                height, width = image.shape[:2]
                top, bottom = (round(height * chance.uniform(0, _MOST_CUT)) for _ in range(2))
                left, right = (round(width * chance.uniform(0, _MOST_CUT)) for _ in range(2))
                self.cuts.append(encode_jpeg(image[top : height - bottom, left : width - right]))

    def supply(self, chance: random.Random) -> Iterator[bytes]:
        """Endless photos with different digests, at the cost of a copy each."""
        while True:
            cut = chance.choice(self.cuts)
            comment = chance.randbytes(16)
            yield cut[:_START] + _COMMENT + (len(comment) + 2).to_bytes(2) + comment + cut[_START:]
