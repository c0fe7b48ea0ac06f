import pytest

from emomusic.text import (
    csv_text,
    escape_control_chars,
    escape_formula,
)


def test_a_name_for_the_terminal_keeps_its_letters_and_loses_what_drives_it() -> None:
    assert escape_control_chars("a\x1b[31m\nb\u2028 é\u202f5.png") == "a\\x1b[31m\\nb\\u2028 é\u202f5.png"


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


def test_numbers_of_a_table_are_no_formulas() -> None:
    assert csv_text(["a", "b", "c"], [["-0.5000", -1, "-1 dB"]]).splitlines()[1] == "-0.5000,-1,'-1 dB"
