"""A camera that shows the picture that a test puts in front of it."""

from __future__ import annotations

from base64 import b64encode

import cv2
import numpy as np
from playwright.sync_api import Page

from emomusic.faces.reading import load_networks
from emomusic.media.images import RgbImage, encode_jpeg
from tests.films import framed

WIDTH, HEIGHT, RATE = 480, 360, 8  # small and slow for a busy machine

# It shows `top.onCamera`. The picture moves, because a still canvas sends no frames
CANVAS_CAMERA = f"""if (navigator.mediaDevices) navigator.mediaDevices.getUserMedia = async () => {{
  const canvas = Object.assign(document.createElement("canvas"), {{ width: {WIDTH}, height: {HEIGHT} }});
  const context = canvas.getContext("2d");
  const draw = () => top.onCamera && context.drawImage(top.onCamera, 2 * Math.sin(Date.now() / 500), 0);
  setInterval(draw, {1000 // RATE});
  return canvas.captureStream({RATE});
}}"""


def show_on_camera(page: Page, name: str, pull: tuple[float, float] | None = None) -> None:
    """Put a sample, or nobody, in front of the camera, perhaps with a pulled face."""
    picture = framed(name, WIDTH, HEIGHT)
    if pull is not None:
        picture = pulled_face(picture, *pull)
    source = "data:image/jpeg;base64," + b64encode(encode_jpeg(picture)).decode()
    page.evaluate(
        "async source => { const image = new Image(); image.src = source; await image.decode(); top.onCamera = image }",
        source,
    )


def pulled_face(picture: RgbImage, mouth: float, brows: float) -> RgbImage:
    """The picture with the corners of the mouth and the inner ends of the brows moved down, in eye distances."""
    (face,) = load_networks()[0].detect(picture)
    assert face.landmarks is not None
    left, right, _, *corners = np.array(face.landmarks)
    apart = float(np.linalg.norm(right - left))
    inner = [eye + apart * np.array([side, -0.35]) for eye, side in ((left, 0.22), (right, -0.22))]
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]].astype(np.float32)
    down = np.zeros_like(y)
    for points, by, width in ((corners, mouth, 0.18), (inner, brows, 0.16)):
        for point in points:
            distance = ((x - point[0]) ** 2 + (y - point[1]) ** 2) / (width * apart) ** 2
            down += by * apart * np.exp(-distance / 2)
    return cv2.remap(picture, x, y - down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
