"""The number of tags of a song, before FFmpeg reads them: its time grows with the square of the number."""

from __future__ import annotations

MOST_TAGS = 5000
"""Tags of one file; songs have fewer than a hundred."""

_MARKS = (b"\x03vorbis", b"OpusTags")


def num_tags(head: bytes) -> int:
    """The number of tags that a file announces, or of those in its first bytes.

    Args:
        head: the first bytes of an MP3, FLAC, Ogg, MP4 or Matroska file, or of one with an ID3 tag.
    """
    counts = [_num_comments(head, head.find(mark) + len(mark)) for mark in _MARKS if mark in head]
    if head.startswith(b"ID3"):
        counts.append(_num_frames(head))
    at = head.find(b"fLaC") + 4
    while at > 3 and at + 4 <= len(head) and head[at] & 0x7F != 4 and not head[at] & 0x80:
        at += 4 + int.from_bytes(head[at + 1 : at + 4], "big")
    if at > 3 and at < len(head) and head[at] & 0x7F == 4:
        counts.append(_num_comments(head, at + 4))
    return max([*counts, head.count(b"----mean"), head.count(b"\x67\xc8")])  # MP4's freeform fields, Matroska's tags


def _num_comments(head: bytes, at: int) -> int:
    """The number that Vorbis comments begin with, after the name of the program that wrote them."""
    at += 4 + int.from_bytes(head[at : at + 4], "little")
    return int.from_bytes(head[at : at + 4], "little")


def _num_frames(head: bytes) -> int:
    """The number of frames of an ID3 tag."""
    short = head[3] == 2
    length, size_at, bits = (6, 3, 8) if short else (10, 4, 7 if head[3] == 4 else 8)
    end = 10 + sum(digit << 7 * place for place, digit in enumerate(reversed(head[6:10])))
    at, number = 10, 0
    while at + length <= min(end, len(head)) and head[at]:
        digits = head[at + size_at : at + size_at + (3 if short else 4)]
        at += length + sum(digit << bits * place for place, digit in enumerate(reversed(digits)))
        number += 1
    return number
