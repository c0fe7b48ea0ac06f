"""Tables for the spreadsheet that opens them, and what their cells must not do to it."""

import csv
import io
from collections.abc import Iterable, Sequence

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def disarmed(text: str) -> str:
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
