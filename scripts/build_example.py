"""Make the example that pages show before a choice: python -m scripts.build_example.

Reads a sample with the default model, and writes its answer, so that the pages compute nothing.
"""

from __future__ import annotations

import msgspec
from PIL import Image

from emomusic.affect import affect_of
from emomusic.app.example import DATA, PICTURE, Example
from emomusic.assets import data_dir, write_checksums
from emomusic.faces.reading import load_networks, read_picture
from emomusic.marks.drawing import annotated_picture
from emomusic.media.images import DecodedPicture, read_image, shrink
from emomusic.songs.recommend import load_recommender
from emomusic.songs.request import Request

SAMPLE, NUM_SONGS = "four-people", 4
SIDE = 1040  # pixels, two for each of the page


def main() -> None:
    """Write the picture and the data."""
    image = read_image(data_dir() / "samples" / f"{SAMPLE}.jpg")
    reading = read_picture(DecodedPicture(image), load_networks)
    group = reading.faces.mean()
    if group is None:
        raise RuntimeError(f"expected faces in the sample {SAMPLE}. Received: none")
    songs = load_recommender().songs(Request(affect_of(group), group.emotion), NUM_SONGS)
    example = Example([face.probabilities.as_dict() for face in reading.faces], songs)
    DATA.write_bytes(msgspec.json.format(msgspec.json.encode(example), indent=1) + b"\n")
    drawn = Image.fromarray(annotated_picture(shrink(image, SIDE)[0], reading, smallest=22))
    drawn.save(PICTURE, quality=70, optimize=True)
    write_checksums(PICTURE.parent)
    print(f"{PICTURE.name}: {PICTURE.stat().st_size:,} bytes; {DATA.name}: {DATA.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
