import pytest

from emomusic.text import (
    csv_text,
    escape_control_chars,
    escape_formula,
    escape_path,
    file_size,
    format_clock,
    join_names,
    pluralize,
    size_over,
)


def test_things_are_counted() -> None:
    assert pluralize(1, "face") == "1 face"
    assert pluralize(0, "face") == "0 faces"
    assert pluralize(1203, "face") == "1,203 faces"
    assert pluralize(1, "box", "boxes") == "1 box"
    assert pluralize(2, "box", "boxes") == "2 boxes"


def test_names_are_listed_as_people_list_them() -> None:
    assert join_names(["a"]) == "a"
    assert join_names(["a", "b"]) == "a and b"
    assert join_names(name for name in "abc") == "a, b and c"


@pytest.mark.parametrize(
    ("num_bytes", "words"),
    [(0, "0 kB"), (999_499, "999 kB"), (999_600, "1.0 MB"), (26_060_000, "26.1 MB")],
)
def test_a_file_is_told_in_the_unit_that_fits(num_bytes: int, words: str) -> None:
    assert file_size(num_bytes) == words


def test_what_is_over_a_limit_is_told_as_more_than_it() -> None:
    assert [size_over(num_bytes) for num_bytes in (20 * 2**20 + 1, 25 * 2**20)] == ["20.1 MB", "25.0 MB"]


@pytest.mark.parametrize(("seconds", "words"), [(0, "0:00"), (9.9, "0:09"), (65, "1:05"), (3661, "61:01")])
def test_a_time_is_minutes_and_seconds(seconds: float, words: str) -> None:
    assert format_clock(seconds) == words


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


def test_a_path_with_a_line_break_stays_on_one_line() -> None:
    assert escape_path("/music/a b.mp3") == "/music/a b.mp3"
    assert escape_path("/music/a\nb\udce9.mp3") == "file:///music/a%0Ab%E9.mp3"
