"""Make the sample film from the sample pictures: python -m scripts.make_sample_film.

Seven shots with hard cuts, each a slow camera move over one picture. Three persons return. Half of the sound is of a
happy song, half of a sad one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np

from emomusic.assets import data_dir, write_checksums
from emomusic.media.images import RgbImage, read_image
from emomusic.songs.local_songs import songs_dir

WIDTH, HEIGHT, RATE = 640, 360, 20
SONGS, SOUND_RATE = ("david-04.mp3", "mission-music-3.mp3"), 44_100


@dataclass(frozen=True, slots=True)
class Shot:
    """A camera move over a picture.

    Attributes:
        picture: name of the sample.
        seconds: duration.
        start: centre of the frame and its width, as shares of the picture.
        end: the same at the end of the shot.
    """

    picture: str
    seconds: float
    start: tuple[float, float, float]
    end: tuple[float, float, float]


SHOTS = (
    Shot("barack-obama-2012", 5, (0.5, 0.24, 1.0), (0.5, 0.22, 0.8)),
    Shot("joe-biden-2010", 5, (0.5, 0.27, 0.85), (0.5, 0.27, 1.0)),
    Shot("eileen-collins-1999", 4, (0.5, 0.3, 1.0), (0.45, 0.3, 0.85)),
    Shot("barack-obama-2009-speaking", 5, (0.5, 0.34, 1.5), (0.5, 0.34, 1.3)),
    Shot("four-people", 6, (0.5, 0.5, 1.0), (0.5, 0.5, 0.94)),
    Shot("morisot-self-portrait-1885", 4, (0.5, 0.36, 1.2), (0.5, 0.34, 1.0)),
    Shot("barack-obama-2012", 3, (0.5, 0.22, 0.7), (0.5, 0.22, 0.75)),
)


def frames(shot: Shot) -> Iterator[RgbImage]:
    """The frames of a shot. A picture with another shape than the frame has a plain border."""
    picture = read_image(data_dir() / "samples" / f"{shot.picture}.jpg")
    count = round(shot.seconds * RATE)
    for number in range(count):
        x, y, share = (
            before + (after - before) * number / (count - 1) for before, after in zip(shot.start, shot.end, strict=True)
        )
        scale = WIDTH / (share * picture.shape[1])
        top = y * picture.shape[0] * scale - HEIGHT / 2
        if picture.shape[0] * scale <= HEIGHT:
            top = (picture.shape[0] * scale - HEIGHT) / 2
        else:
            top = min(max(top, 0.0), picture.shape[0] * scale - HEIGHT)
        move = np.array([[scale, 0, WIDTH / 2 - x * picture.shape[1] * scale], [0, scale, -top]])
        size = tuple(round(side * scale) for side in picture.shape[1::-1])
        # Reduced first, because the affine transform reads single pixels
        if scale < 1:
            picture_now: RgbImage = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
            move[:, :2] = np.eye(2)
        else:
            picture_now = picture
        yield cv2.warpAffine(picture_now, move, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderValue=(32, 28, 32))


def main() -> None:
    """Write the film."""
    path = data_dir() / "samples" / "faces.mp4"
    write(path)
    write_checksums(path.parent)
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")


def write(path: Path) -> None:
    """Encode the shots."""
    with av.open(path, "w", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", RATE, options={"preset": "veryslow", "crf": "29", "g": "100"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        sound = container.add_stream("aac", SOUND_RATE, layout="stereo", bit_rate=64_000)
        for shot in SHOTS:
            for image in frames(shot):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
        resampler = av.AudioResampler("fltp", "stereo", SOUND_RATE, frame_size=1024)
        for frame in song_frames(sum(shot.seconds for shot in SHOTS) / len(SONGS)):
            container.mux(packet for ready in resampler.resample(frame) for packet in sound.encode(ready))
        container.mux(sound.encode())


def song_frames(seconds: float) -> Iterator[av.AudioFrame]:
    """Decoded frames of the first seconds of each song, one after the other."""
    for name in SONGS:
        with av.open(str(songs_dir() / name)) as song:
            for frame in song.decode(audio=0):
                if frame.time >= seconds:
                    break
                frame.pts = None
                yield frame


if __name__ == "__main__":
    main()
