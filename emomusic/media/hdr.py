"""Frames of high dynamic range (PQ and HLG of Recommendation ITU-R BT.2100) for ordinary screens."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

PQ, HLG = 16, 18
"""Transfer functions by their numbers in Recommendation ITU-T H.273."""

TRANSFERS = (PQ, HLG)

_WHITE, _PEAK = 203.0, 1000.0
"""Nits of white paper (Report ITU-R BT.2408), and of the brightest point, which becomes the white of the screen."""

_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
_A, _B, _C = 0.17883277, 0.28466892, 0.55991073

# Linear BT.2020 to BT.709 (Report ITU-R BT.2407, section 2)
_TO_709 = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32)
_LUMA = np.array([0.2627, 0.6780, 0.0593], np.float32)

_Floats = npt.NDArray[np.floating]


def to_sdr(image: npt.NDArray[np.uint16], transfer: int) -> npt.NDArray[np.uint8]:
    """An image for ordinary screens.

    Args:
        image: shape (height, width, 3), uint16 of the full range, RGB with the primaries of BT.2020.
        transfer: `PQ` or `HLG`.

    Returns:
        Shape (height, width, 3), uint8, RGB of BT.709. Black to 91 nits keep their brightness, and brighter values come
        closer to each other, by the curve of Report ITU-R BT.2390 (section 5.4.1).
    """
    linear = _linear(transfer)[image >> 4]  # in nits
    if transfer == HLG:  # the light of the scene becomes that of a screen of 1000 nits
        linear *= np.maximum(linear @ _LUMA / _PEAK, 1e-6)[..., None] ** 0.2
    brightest = linear.max(axis=2)
    steps = np.minimum(brightest * ((len(_gains()) - 1) / _PEAK), len(_gains()) - 1).astype(np.intp)
    mapped = (linear * _gains()[steps][..., None]) @ _TO_709.T
    codes = _codes()
    found: npt.NDArray[np.uint8] = codes[
        np.clip(mapped * ((len(codes) - 1) / _WHITE), 0, len(codes) - 1).astype(np.intp)
    ]
    return found


@cache
def _linear(transfer: int) -> npt.NDArray[np.float32]:
    """Nits of each value of 12 bits."""
    values = np.arange(4096) / 4095
    if transfer == PQ:
        return _of_pq(values).astype(np.float32)
    dark, bright = values**2 / 3, (np.exp((values - _C) / _A) + _B) / 12
    return (_PEAK * np.where(values <= 0.5, dark, bright)).astype(np.float32)


@cache
def _gains() -> npt.NDArray[np.float32]:
    """What light of 0 to the peak is multiplied with."""
    nits = np.linspace(0, _PEAK, 4097)
    nits[0] = nits[1]
    top, most = float(_to_pq(np.array(_PEAK))), float(_to_pq(np.array(_WHITE)))
    value, limit = _to_pq(nits) / top, most / top
    knee = 1.5 * limit - 0.5
    t = np.clip((value - knee) / (1 - knee), 0, 1)
    curve = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (-2 * t**3 + 3 * t**2) * limit
    return (_of_pq(np.where(value < knee, value, curve) * top) / nits).astype(np.float32)


@cache
def _codes() -> npt.NDArray[np.uint8]:
    """Values of 8 bits for light from black to the white of the screen, whose gamma is 2.4 (BT.1886)."""
    return np.rint(255 * np.linspace(0, 1, 2**16) ** (1 / 2.4)).astype(np.uint8)


def _of_pq(values: _Floats) -> _Floats:
    """Nits of values of PQ, 0 to 1."""
    root = values ** (1 / _M2)
    return np.asarray(10_000 * (np.maximum(root - _C1, 0) / (_C2 - _C3 * root)) ** (1 / _M1))


def _to_pq(nits: _Floats) -> _Floats:
    """Values of PQ, 0 to 1, of nits."""
    root = (nits / 10_000) ** _M1
    return np.asarray(((_C1 + _C2 * root) / (1 + _C3 * root)) ** _M2)
