"""Frames of MP3, which tell an MP3 without a tag."""

from __future__ import annotations

import re

_RATES = {0xFA: (44_100, 48_000, 32_000), 0xF2: (22_050, 24_000, 16_000), 0xE2: (11_025, 12_000, 8_000)}
_KBITS = {
    True: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


def has_mp3_frames(head: bytes) -> bool:
    """Whether two MP3 frames of the same kind follow one another."""
    for match in re.finditer(rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb]", head):
        at = match.start()
        length = _mp3_frame_length(head[at : at + 3])
        following = head[at + length : at + length + 3]
        if length and _mp3_frame_length(following) and following[1] >> 1 == head[at + 1] >> 1:
            return True
    return False


def _mp3_frame_length(header: bytes) -> int:
    """Bytes of a frame with this header; 0 if it is invalid."""
    if len(header) < 3 or header[0] != 0xFF or (version := header[1] & 0xFE) not in _RATES:
        return 0
    kbit, rate = header[2] >> 4, header[2] >> 2 & 3
    if kbit in (0, 15) or rate == 3:
        return 0
    is_first = version == 0xFA
    return (144 if is_first else 72) * 1000 * _KBITS[is_first][kbit - 1] // _RATES[version][rate] + (header[2] >> 1 & 1)
