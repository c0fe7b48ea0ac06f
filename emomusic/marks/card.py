"""A card to send: a title, the faces or only their sentence, the seven bars, the plane and the song."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import cv2
import numpy as np
from PIL import Image, ImageDraw

from emomusic.affect import EMOTIONS, AffectPoint, Emotion, EmotionProbabilities, Mood, share_text
from emomusic.colours import EMOTION_COLOURS, TRAIL, rgb_of
from emomusic.media.images import RgbImage
from emomusic.songs.song import Pick

SIZE = 1080, 1350
_PAPER, _INK, _QUIET, _EMPTY = "#FBF7F2", "#22202A", "#6A6572", "#E9E2DB"
_EDGE, _FRAME = 60, 4  # pixels
_WEIGHT = 400  # of letters, from 100 to 1000
_PICTURE = (_EDGE, 170, SIZE[0] - _EDGE, 730)  # left, top, right, bottom
PICTURE_SIZE = _PICTURE[2] - _PICTURE[0], _PICTURE[3] - _PICTURE[1]
"""Width and height of the largest picture."""
_BARS_TOP, _BAR, _NAMES = 860, 38, 150
_SMALL_PLANE, _LARGE_PLANE = (815, 992, 165), (540, 450, 250)  # centre and radius

_ADJECTIVES = {
    Emotion.ANGRY: ("stern", "stormy"), Emotion.DISGUST: ("picky", "sour"), Emotion.FEAR: ("jumpy", "wary"),
    Emotion.HAPPY: ("sunny", "beaming"), Emotion.SAD: ("blue", "rainy"), Emotion.SURPRISE: ("wide-eyed", "startled"),
    Emotion.NEUTRAL: ("quiet", "level-headed"),
}  # fmt: skip
_TONES = {
    Mood.CALM: "on a calm note", Mood.HAPPY: "on a bright note", Mood.SAD: "on a low note",
    Mood.ENERGETIC: "at full volume",
}  # fmt: skip


def card_title(emotion: Emotion, day: date, pick: Pick | None) -> str:
    """A playful title from an emotion, a day and a song: "A stern Tuesday in D minor"."""
    words = _ADJECTIVES[emotion]
    title = f"A {words[day.toordinal() % len(words)]} {day:%A}"
    if pick is None:
        return title
    if pick.song.key:
        return f"{title} in {pick.song.key}"
    has_tempo = pick.song.tempo_bpm > 0  # unknown is not a number
    return f"{title} {f'at {pick.song.tempo_bpm:.0f} beats a minute' if has_tempo else _TONES[pick.likeliest_mood]}"


def framed(face: RgbImage, emotion: Emotion) -> RgbImage:
    """The picture of a face with a frame in the colour of its emotion."""
    marked = np.full_like(face, rgb_of(EMOTION_COLOURS[emotion]))
    marked[_FRAME:-_FRAME, _FRAME:-_FRAME] = face[_FRAME:-_FRAME, _FRAME:-_FRAME]
    return marked


def draw_card(
    title: str, sentence: str, shares: EmotionProbabilities, pick: Pick | None, pictures: Sequence[RgbImage] = ()
) -> RgbImage:
    """Draw a card of `SIZE`.

    Args:
        title: one line.
        sentence: about the faces.
        shares: the probabilities of the chosen face, or of everyone.
        pick: the song, if any.
        pictures: the marked photo, or faces; without them, the plane takes their place.
    """
    picture = Image.new("RGB", SIZE, _PAPER)
    draw = ImageDraw.Draw(picture)
    _write(draw, (_EDGE, 60), title, 58, SIZE[0] - 2 * _EDGE)
    if pictures:
        _paste(picture, pictures)
    _write(draw, (_EDGE, 765), sentence, 40, SIZE[0] - 2 * _EDGE)
    _draw_bars(draw, shares, 520 if pictures else 940)
    _draw_plane(draw, shares, pick, _SMALL_PLANE if pictures else _LARGE_PLANE)
    if pick is not None:
        song = pick.song
        _write(draw, (_EDGE, 1198), song.title, 40, 960)
        _write(draw, (_EDGE, 1250), song.byline, 32, 960, _QUIET)
    _write(draw, (_EDGE, 1302), "EmoMusic: an expression is not a feeling", 24, 960, _QUIET)
    return np.array(picture)


def _write(
    draw: ImageDraw.ImageDraw,
    place: tuple[int, int],
    text: str,
    size: int,
    width: int,
    colour: str = _INK,
    anchor: str = "lt",
) -> None:
    """Write one line, smaller or shorter if it would be wider than `width`. `place` and `anchor` as in Pillow.

    OpenCV's font has Latin, Greek, Cyrillic, Chinese, Japanese and Korean letters; Pillow's has only ASCII.
    """
    text = " ".join(text.split()).encode(errors="replace").decode()  # names of files may hold other bytes
    shown, least, font = text, 0.6 * size, cv2.FontFace("sans")

    def measured() -> int:
        return int(cv2.getTextSize((0, 0), shown, (0, 0), font, size, _WEIGHT)[2])

    while (wide := measured()) > width and size > least:
        size -= 2
    while wide > width:
        text = text[:-1]
        shown = f"{text.rstrip()}…"
        wide = measured()
    ink = np.zeros((2 * size, wide + size), np.uint8)
    cv2.putText(ink, shown, (0, size), 255, font, size, _WEIGHT)
    left = {"l": 0, "m": wide // 2, "r": wide}[anchor[0]]
    top = round({"t": 0.2, "m": 0.7, "b": 1.0}[anchor[1]] * size)
    draw.bitmap((place[0] - left, place[1] - top), Image.fromarray(ink), colour)


def _paste(card: Image.Image, pictures: Sequence[RgbImage]) -> None:
    """Paste pictures of equal height as rows into the middle of their place, as large as possible."""
    left, top, right, bottom = _PICTURE
    shape = pictures[0].shape[1] / pictures[0].shape[0]
    rows = max(1, round(np.sqrt(len(pictures) * shape * (bottom - top) / (right - left))))
    columns = -(-len(pictures) // rows)
    scale = min((right - left) / columns / shape, (bottom - top) / rows)
    width, height = int(scale * shape), int(scale)
    x0, y0 = (left + right - columns * width) // 2, (top + bottom - rows * height) // 2
    gap = 4 if len(pictures) > 1 else 0
    for number, one in enumerate(pictures):
        small = Image.fromarray(one).resize((width - gap, height - gap), Image.Resampling.LANCZOS)
        card.paste(small, (x0 + number % columns * width, y0 + number // columns * height))


def _draw_bars(draw: ImageDraw.ImageDraw, shares: EmotionProbabilities, right: int) -> None:
    left = _EDGE + _NAMES
    for number, emotion in enumerate(EMOTIONS):
        top, share = _BARS_TOP + number * (_BAR + 6), shares[emotion]
        middle = top + _BAR // 2
        _write(draw, (left - 16, middle), emotion.value, 28, _NAMES, anchor="rm")
        draw.rounded_rectangle((left, top, right, top + _BAR), 6, _EMPTY)
        filled = left + max(share * (right - left), 6)
        draw.rounded_rectangle((left, top, filled, top + _BAR), 6, EMOTION_COLOURS[emotion])
        _write(draw, (right + 12, middle), share_text(share), 26, 90, anchor="lm")


def _draw_plane(
    draw: ImageDraw.ImageDraw, shares: EmotionProbabilities, pick: Pick | None, plane: tuple[int, int, int]
) -> None:
    """Draw the circumplex with the faces' circle and the song's square. `plane` is its centre and radius."""
    x, y, radius = plane
    box = (x - radius, y - radius, x + radius, y + radius)
    grey = tuple(np.rint(0.15 * np.array(rgb_of(TRAIL)) + 0.85 * np.array(rgb_of(_PAPER))).astype(int).tolist())
    draw.rectangle(box, grey)
    draw.ellipse(box, outline=_QUIET, width=2)
    draw.line((x - radius, y, x + radius, y), _QUIET)
    draw.line((x, y - radius, x, y + radius), _QUIET)
    for text, place, anchor in (("awake", (x, y - radius - 8), "mb"), ("drowsy", (x, y + radius + 8), "mt")):
        _write(draw, place, text, 24, 2 * radius, _QUIET, anchor)
    if pick is not None and pick.point is not None:
        draw.rectangle(_around(pick.point, 14, plane), TRAIL, "white", 3)
    draw.ellipse(_around(shares.point, 20, plane), EMOTION_COLOURS[shares.emotion], "white", 3)


def _around(point: AffectPoint, size: int, plane: tuple[int, int, int]) -> tuple[float, float, float, float]:
    """A box around a point of the plane."""
    x, y = plane[0] + plane[2] * point.valence, plane[1] - plane[2] * point.arousal
    return x - size, y - size, x + size, y + size
