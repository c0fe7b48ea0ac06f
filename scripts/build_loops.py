"""Make the silent loops with which Film and Live open: python -m scripts.build_loops.

One is the sample film in a few seconds, with its faces, its timeline and its scenes. The other one has samples as
before a webcam, read frame by frame, with the layers of the band as `band.js` mixes them. Both need no network.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple
from pathlib import Path

import av
import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from emomusic.affect import EMOTIONS, AffectPoint
from emomusic.app.loop import FOLDER
from emomusic.assets import data_dir, write_checksums
from emomusic.colours import EMOTION_COLOURS, QUADRANT_COLOURS, TRAIL, ink_on
from emomusic.faces.reading import load_networks, read_picture
from emomusic.faces.table import SHARES
from emomusic.marks.picture import marked_frame
from emomusic.media.film_file import FilmFile
from emomusic.media.images import DecodedPicture, RgbImage, read_image, shrink
from emomusic.stream.film import FilmReading, read_film
from emomusic.stream.timeline import every_second
from scripts.build_band import levels_of, ramp

WIDTH, HEIGHT, STRIP, RATE = 480, 270, 90, 8
PAPER, INK = "#1B171B", "#F2EEE9"
FILM_FRAMES, LIVE_FRAMES = 56, 14  # of the film, and of each face
PEOPLE = ("barack-obama-2012", "grace-hopper-1984", "barack-obama-2009-speaking", "joe-biden-2010")
GLIDE = 0.25  # of the way of the band to the place of the face in each frame


def main() -> None:
    """Write both loops and their checksums."""
    for name, frames in (("film", film_loop()), ("live", live_loop())):
        path = FOLDER / f"{name}.mp4"
        write(path, frames)
        print(f"{path.name}: {path.stat().st_size:,} bytes")
    write_checksums(FOLDER)


def film_loop() -> Iterator[RgbImage]:
    """The sample film: marked frames above, the shares of the emotions and the scenes below."""
    images: dict[float, RgbImage] = {}
    with FilmFile(data_dir() / "samples" / "faces.mp4") as film:
        reading = FilmReading(film)
        for moment in read_film(film, load_networks(), every=True):
            reading.add(moment)
            small, scale = shrink(moment.image, WIDTH)
            images[moment.time_s] = marked_frame(small, moment.faces, scale)
        reading.finish(film)
    table, scenes, end_s = every_second(reading.timeline()), reading.scenes(), reading.end_s
    strip = Image.new("RGB", (WIDTH, STRIP), PAPER)
    draw, band = ImageDraw.Draw(strip), 20
    shares, times = table[SHARES].fillna(0).to_numpy(), table["time_s"].to_numpy()
    for x in range(WIDTH):
        row, bottom = shares[np.searchsorted(times, x * end_s / WIDTH, side="right") - 1], float(STRIP)
        for emotion, share in zip(EMOTIONS, row, strict=True):
            top = bottom - share * (STRIP - band - 4)
            draw.line((x, top, x, bottom), EMOTION_COLOURS[emotion])
            bottom = top
    for number, scene in enumerate(scenes, 1):
        left, right = (WIDTH * at / end_s for at in (scene.start_s, scene.end_s))
        colour = QUADRANT_COLOURS[scene.quadrant]
        draw.rectangle((left, 0, right - 2, band), colour)
        words = f"{number} {scene.emotion.adjective}" if right - left > 80 else str(number)
        draw.text(((left + right) / 2, band / 2), words, ink_on(colour), ImageFont.load_default(13), anchor="mm")
    for time_s in np.linspace(0, max(images), FILM_FRAMES):
        at = min(images, key=lambda each: abs(each - time_s))
        below = strip.copy()
        x = WIDTH * at / end_s
        ImageDraw.Draw(below).line((x, 0, x, STRIP), "white", 3)
        yield np.concatenate([cv2.resize(images[at], (WIDTH, HEIGHT)), np.asarray(below)])


def live_loop() -> Iterator[RgbImage]:
    """One face after another as before a webcam, with the layers of the band below, which glide to its place."""
    shown = list[tuple[RgbImage, AffectPoint]]()
    for name in PEOPLE:
        photo = read_image(data_dir() / "samples" / f"{name}.jpg")
        (face,) = read_picture(DecodedPicture(photo), load_networks).faces
        box = face.face.box
        for step in range(LIVE_FRAMES):
            height = box.height * (1.9 - 0.2 * step / LIVE_FRAMES)
            middle = (box.x + box.width / 2, box.y + 0.45 * box.height)
            scale = HEIGHT / height
            shift = np.array([[scale, 0, WIDTH / 2 - scale * middle[0]], [0, scale, HEIGHT / 2 - scale * middle[1]]])
            view = cv2.warpAffine(
                photo, shift, (WIDTH, HEIGHT), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT_101
            )
            faces = read_picture(DecodedPicture(view), load_networks).faces
            shown.append((marked_frame(view, faces), faces[0].point))
    place = shown[-1][1]
    for view, aim in shown:
        place = AffectPoint(*((place.valence, place.arousal) + GLIDE * np.subtract(astuple(aim), astuple(place))))
        yield np.concatenate([view, band_strip(place)])


def band_strip(place: AffectPoint) -> RgbImage:
    """A bar for each layer of the band: as long as it is loud, to the left in minor, to the right in major."""
    strip = Image.new("RGB", (WIDTH, STRIP), PAPER)
    draw, room = ImageDraw.Draw(strip), WIDTH - 70
    levels = levels_of(place.arousal)
    for row, layer in enumerate(("pad", "bass", "drums", "lead")):
        y, width = 4 + 21 * row, max(room * levels[layer], 2)
        left = 62 + ramp(place.valence, -0.5, 0.5) * (room - width)
        draw.text((8, y + 9), layer, INK, ImageFont.load_default(14), anchor="lm")
        draw.rounded_rectangle((left, y, left + width, y + 17), 4, TRAIL)
    return np.asarray(strip)


def write(path: Path, frames: Iterator[RgbImage]) -> None:
    """Write frames as a small MP4 without sound that starts before it is loaded."""
    with av.open(path, "w", options={"movflags": "+faststart"}) as container:
        video = container.add_stream("libx264", RATE, options={"crf": "30", "preset": "veryslow"})
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT + STRIP, "yuv420p"
        for image in frames:
            container.mux(video.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(image), "rgb24")))
        container.mux(video.encode())


if __name__ == "__main__":
    main()
