"""Numbers, lists and names as people read them."""

from __future__ import annotations

import csv
import io
import math
import unicodedata
from collections.abc import Iterable, Sequence


def pluralize(number: int, noun: str, plural: str | None = None) -> str:
    """How many of something there are: "1 face", "1,203 faces"; a plural that does not end in s alone is given."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def join_names(names: Iterable[str]) -> str:
    """Names in one phrase, at least one: "a, b and c"."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def file_size(num_bytes: int) -> str:
    """How large a file is: "640 kB", "1.2 MB"; a kB has 1000 bytes."""
    return f"{num_bytes / 1e6:.1f} MB" if round(num_bytes / 1e3) >= 1000 else f"{num_bytes / 1e3:.0f} kB"


def size_over(num_bytes: int) -> str:
    """How large a file is that is over a limit in MB of 2**20 bytes: rounded up, one byte over 20 is "20.1 MB"."""
    return f"{math.ceil(10 * num_bytes / 2**20) / 10:.1f} MB"


def format_clock(seconds: float) -> str:
    """A time as minutes and seconds: "9:05"."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def escape_control_chars(text: str) -> str:
    """Text for a terminal, without what breaks its line or drives it: names of files may hold anything but `/`."""
    return "".join(
        repr(letter)[1:-1] if unicodedata.category(letter) in ("Cc", "Zl", "Zp") else letter for letter in text
    )


_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def escape_formula(text: str) -> str:
    """A cell that a spreadsheet would run as a formula, behind an apostrophe (OWASP, "CSV Injection")."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA_STARTS) else text


def csv_text(header: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    """A table as CSV."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(header)
    writer.writerows(rows)
    return file.getvalue()


def for_excel(text: str) -> bytes:
    """A table's text as a file: with a byte order mark, Excel reads every script."""
    return text.encode("utf-8-sig")
