import pytest

from emomusic.text import csv_text, escape_formula


@pytest.mark.parametrize(
    ("cell", "escaped"),
    [
        ("=1+1", "'=1+1"),
        ("  @SUM(A1)", "  '@SUM(A1)"),
        ("a;=1+1", "a;'=1+1"),
        ("a; -1\t+2\n=3", "a; '-1\t'+2\n'=3"),
        ("a = b - c, +d", "a = b - c, +d"),
    ],
)
def test_a_formula_is_quoted_at_the_start_and_after_a_separator(cell: str, escaped: str) -> None:
    assert escape_formula(cell) == escaped
    assert csv_text(["x"], [[cell]]).splitlines()[1].strip('"').startswith(escaped.splitlines()[0])
