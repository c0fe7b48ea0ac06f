"""Numbers, lists and names as people read them."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """How many of something there are: "1 face", "1,203 faces"; a plural that does not end in s alone is given."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def joined(names: Iterable[str]) -> str:
    """Names in one phrase, at least one: "a, b and c"."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def file_size(num_bytes: int) -> str:
    """How large a file is: "640 kB", "1.2 MB"; a kB has 1000 bytes."""
    return f"{num_bytes / 1e6:.1f} MB" if round(num_bytes / 1e3) >= 1000 else f"{num_bytes / 1e3:.0f} kB"


def size_over(num_bytes: int) -> str:
    """How large a file is that is over a limit in MB of 2**20 bytes: rounded up, one byte over 20 is "20.1 MB"."""
    return f"{math.ceil(10 * num_bytes / 2**20) / 10:.1f} MB"


def clock(seconds: float) -> str:
    """A time as minutes and seconds: "9:05"."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def harmless(text: str) -> str:
    """Text for a terminal, without what breaks its line or drives it: names of files may hold anything but `/`."""
    return "".join(
        repr(letter)[1:-1] if unicodedata.category(letter) in ("Cc", "Zl", "Zp") else letter for letter in text
    )
