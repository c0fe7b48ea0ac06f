"""Numbers and lists as people write them."""

from __future__ import annotations

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
    return f"{num_bytes / 1e6:.1f} MB" if num_bytes >= 1e6 else f"{num_bytes / 1e3:.0f} kB"


def clock(seconds: float) -> str:
    """A time as minutes and seconds: "9:05"."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
