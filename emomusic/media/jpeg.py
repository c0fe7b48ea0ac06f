"""The structure of JPEG files."""

from __future__ import annotations

from collections.abc import Iterator

START, END, SCAN = 0xD8, 0xD9, 0xDA
"""Markers of a JPEG: its start and end, and the start of a scan."""

FRAMES = (0xC0, 0xC1, 0xC2)
"""Markers of frames that decoders of photos read."""

_WITHOUT_LENGTH = (0, 1, *range(0xD0, 0xD9))


def markers(data: bytes, at: int = 0) -> Iterator[tuple[int, int]]:
    """The markers of the JPEG that starts at a place, up to its end, and their places."""
    while (at := data.find(b"\xff", at)) >= 0 and at + 1 < len(data):
        marker = data[at + 1]
        if marker == 0xFF:  # padding
            at += 1
            continue
        if marker:
            yield marker, at
        if marker == END:  # a preview or a film may follow
            return
        at += 2 if marker in _WITHOUT_LENGTH else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
