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


def test_greys_of_pq_keep_their_brightness_and_white_paper_is_as_bright_in_hlg():
    screen = np.arange(0, 176)
    image = to_sdr(grey(pq_of(PAPER_NITS * (screen / 255) ** 2.4)), PQ)[0].astype(int)
    np.testing.assert_allclose(image[:, 0], screen, atol=4)
    assert np.ptp(image, axis=1).max() <= 1
    paper = np.array([PAPER_NITS])  # 0.75 of HLG on a screen of 1000 nits (Report ITU-R BT.2408)
    in_pq, in_hlg = (to_sdr(grey(values), way) for values, way in ((pq_of(paper), PQ), (np.array([0.75]), HLG)))
    np.testing.assert_allclose(in_hlg.astype(int), in_pq, atol=4)


TRANSFERS = [(PQ, pq_of), (HLG, lambda nits: (3 * nits / 1000 / 1.2) ** 0.5)]


def stripes(encode) -> np.ndarray:
    """A picture of 16 bits: 2 nits on the left, 60 on the right."""
    nits = np.repeat(np.repeat([[2.0, 60.0]], 60, axis=0), 80, axis=1)
    return np.repeat((encode(nits) * 65535).astype(np.uint16)[..., None], 3, axis=2)


def contrast_of(image: np.ndarray) -> float:
    return float(image[:, 90:].mean() - image[:, :70].mean())


def film_of(picture: np.ndarray, transfer: int) -> bytes:
    with av.open(buffer := io.BytesIO(), "w", format="mp4") as container:
        stream = container.add_stream("libx265", 10, {"x265-params": "log-level=none"})
        stream.width, stream.height, stream.pix_fmt = *picture.shape[1::-1], "yuv420p10le"
        context = stream.codec_context
        context.color_trc, context.color_primaries, context.colorspace = transfer, 9, 9
        frame = av.VideoFrame.from_ndarray(picture, "rgb48le")
        for number in range(10):
            coded = frame.reformat(format="yuv420p10le", dst_colorspace="ITU709")
            coded.pts, coded.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(coded))
        container.mux(stream.encode())
    return buffer.getvalue()


def frame_of(data: bytes) -> np.ndarray:
    with FilmFile(io.BytesIO(data)) as film:
        return film.picture(next(film.frames()))


@pytest.mark.parametrize(("transfer", "encode"), TRANSFERS)
def test_films_of_high_dynamic_range_keep_their_contrast(transfer: int, encode):
    expected = contrast_of(to_sdr(stripes(encode), transfer).astype(int))
    assert contrast_of(frame_of(film_of(stripes(encode), transfer)).astype(int)) == pytest.approx(expected, abs=8)
    assert expected > 80
