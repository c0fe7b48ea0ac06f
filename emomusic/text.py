"""Numbers and lists for people; text escaped for terminals and spreadsheets."""

from __future__ import annotations

import csv
import io
import math
import unicodedata
from collections.abc import Iterable, Sequence


def pluralize(number: int, noun: str, plural: str | None = None) -> str:
    """Format a count: "1 face", "1,203 faces". Pass irregular plurals."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def join_names(names: Iterable[str]) -> str:
    """Join at least one name: "a, b and c"."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def file_size(num_bytes: int) -> str:
    """Format a file size: "640 kB", "1.2 MB". A kB has 1000 bytes."""
    return f"{num_bytes / 1e6:.1f} MB" if round(num_bytes / 1e3) >= 1000 else f"{num_bytes / 1e3:.0f} kB"


def size_over(num_bytes: int) -> str:
    """Format a size above a limit in MB of 2**20 bytes, rounded up: one byte over 20 MB is "20.1 MB"."""
    return f"{math.ceil(10 * num_bytes / 2**20) / 10:.1f} MB"


def format_clock(seconds: float) -> str:
    """Format a duration as minutes and seconds: "9:05"."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def escape_control_chars(text: str) -> str:
    """Escape control characters and line breaks for a terminal. File names may hold both."""
    return "".join(
        repr(character)[1:-1] if unicodedata.category(character) in ("Cc", "Zl", "Zp") else character
        for character in text
    )


_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def escape_formula(text: str) -> str:
    """Put an apostrophe before a cell that a spreadsheet would run as a formula (OWASP, "CSV Injection")."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA_STARTS) else text


def csv_text(header: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    """Format a table as CSV."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(header)
    writer.writerows(rows)
    return file.getvalue()


def for_excel(text: str) -> bytes:
    """Encode text with a byte order mark, so that Excel reads UTF-8."""
    return text.encode("utf-8-sig")
