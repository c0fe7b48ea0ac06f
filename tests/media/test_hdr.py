import io
from fractions import Fraction

import av
import numpy as np
import pytest

from emomusic.media.film_file import FilmFile
from emomusic.media.hdr import HLG, PQ, to_sdr

PAPER_NITS = 203


def pq_of(nits: np.ndarray) -> np.ndarray:
    """Values of PQ, 0 to 1, by SMPTE ST 2084."""
    root = (nits / 10_000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * root) / (1 + 18.6875 * root)) ** 78.84375


def grey(values: np.ndarray) -> np.ndarray:
    """One row of an image of 16 bits."""
    return np.repeat((values * 65535).round().astype(np.uint16)[None, :, None], 3, axis=2)


def test_dark_and_middle_greys_of_pq_keep_their_brightness():
    screen = np.arange(0, 176)
    image = to_sdr(grey(pq_of(PAPER_NITS * (screen / 255) ** 2.4)), PQ)[0].astype(int)
    np.testing.assert_allclose(image[:, 0], screen, atol=4)
    assert np.ptp(image, axis=1).max() <= 1


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_brighter_values_stay_brighter_up_to_white(transfer: int):
    values = np.linspace(0, pq_of(np.array(1000.0)) if transfer == PQ else 1, 64)
    image = to_sdr(grey(values), transfer)[0, :, 0].astype(int)
    assert (np.diff(image) >= 0).all()
    assert image[0] <= 1
    assert image[-1] >= 250


@pytest.mark.parametrize(("transfer", "encode"), [(PQ, pq_of), (HLG, lambda nits: (3 * nits / 1000 / 1.2) ** 0.5)])
def test_a_film_of_high_dynamic_range_keeps_its_contrast(transfer: int, encode):
    stripes = np.repeat(np.repeat([[2.0, 60.0]], 60, axis=0), 80, axis=1)  # nits
    picture = np.repeat((encode(stripes) * 65535).astype(np.uint16)[..., None], 3, axis=2)
    with av.open(buffer := io.BytesIO(), "w", format="mp4") as container:
        stream = container.add_stream("libx265", 10, {"x265-params": "log-level=none"})
        stream.width, stream.height, stream.pix_fmt = 160, 60, "yuv420p10le"
        context = stream.codec_context
        context.color_trc, context.color_primaries, context.colorspace = transfer, 9, 9
        for number in range(10):
            frame = av.VideoFrame.from_ndarray(picture, "rgb48le").reformat(
                format="yuv420p10le", dst_colorspace="ITU709"
            )
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    buffer.seek(0)
    with FilmFile(buffer) as film:
        image = film.picture(next(iter(film.frames()))).astype(int)
    dark, bright = image[:, :70].mean(), image[:, 90:].mean()
    assert bright - dark > 80
