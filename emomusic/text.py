"""Numbers and lists for people; text of others escaped for terminals, spreadsheets, charts and playlists.

`app.frame.escape_markdown` escapes it for pages.
"""

from __future__ import annotations

import csv
import html
import io
import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from urllib.parse import quote


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


_UNSAFE = ("Cc", "Cs", "Zl", "Zp")  # categories of Unicode; Cs: bytes that are no Unicode
_DIRECTIONS = "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def escape_control_chars(text: str) -> str:
    """Escape control characters, line breaks, changes of direction and bytes outside UTF-8 for terminals and logs."""
    return "".join(
        repr(character)[1:-1] if unicodedata.category(character) in _UNSAFE or character in _DIRECTIONS else character
        for character in text
    )


def escape_html(text: str) -> str:
    """Escape text for Plotly, which shows some HTML in labels and at the pointer."""
    return html.escape(text, quote=False)


def escape_line(text: str) -> str:
    """Text on one line of a list or a playlist."""
    return " ".join(text.split())


def escape_path(path: str) -> str:
    """A path on one line of a playlist: as an address, if its name has line breaks; "#" begins a comment."""
    path = f"./{path}" if path.startswith("#") else path
    return f"file://{quote(path, errors='surrogateescape')}" if len(path.splitlines()) > 1 else path


# At the start of a cell, or after what separates cells in other countries
_FORMULA = re.compile(r"(^ *|[;\t\r\n] *)(?=[=+\-@\t\r\n])")


def escape_formula(text: str) -> str:
    """Put an apostrophe before what a spreadsheet would run as a formula (OWASP, "CSV Injection")."""
    return _FORMULA.sub(r"\1'", text)


_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


def csv_text(header: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    """Format a table as CSV, with formulas escaped."""

    def escaped(cell: object) -> object:
        return escape_formula(cell) if isinstance(cell, str) and not _NUMBER.fullmatch(cell) else cell

    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(header)
    writer.writerows(map(escaped, row) for row in rows)
    return file.getvalue()


def for_excel(text: str) -> bytes:
    """Encode text with a byte order mark, so that Excel reads UTF-8."""
    return text.encode("utf-8-sig")
