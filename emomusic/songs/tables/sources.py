"""The known sources of song tables, declared in `sources.toml`, and what the columns of a table are."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources

import msgspec

_WORDS = re.compile(r"[^\W_]+|[%#*]")
_UNITS = re.compile(r" (?:%|percent|db|lufs|bpm|ms|s|sec|seconds|milliseconds)$")


class TableSource(msgspec.Struct, frozen=True):
    """A source of song tables; see `sources.toml` for the fields.

    Attributes:
        columns: names in a table, as from `header_key`, by the name of our column, the usual name first.
    """

    title: str
    origin: str
    seen: str
    form: str
    numbers: str
    marks: list[str]
    columns: dict[str, str | list[str]]
    scale: str = ""
    lengths: str = ""
    plays: bool = False
    header: list[str] | None = None
    advice: str = ""

    def names_of(self, role: str) -> list[str]:
        """The keys of a column."""
        names = self.columns.get(role, [])
        return [header_key(name) for name in ([names] if isinstance(names, str) else names)]


def header_key(name: str) -> str:
    """The words of a column's name: "Artist Name(s)" and "artist_name_s" are "artist name s"."""
    return " ".join(_WORDS.findall(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).casefold()))


@cache
def sources() -> Mapping[str, TableSource]:
    """All sources by their short name; "table" is the last one and fits any table."""
    text = resources.files(__package__).joinpath("sources.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, TableSource])


def source_of(header: Sequence[str]) -> TableSource:
    """The source of a table with these names of columns."""
    keys = {header_key(name) for name in header}
    fitting = [each for each in sources().values() if keys.issuperset(map(header_key, each.marks))]
    return max(fitting, key=lambda each: len(each.marks))


def roles_of(header: Sequence[str], source: TableSource) -> dict[str, list[int]]:
    """Positions of the columns that can have each role, the likeliest first. A column has one role.

    Names of the source go before general ones, and whole names before those with a unit.
    """
    keys = [header_key(name) for name in header]
    general = sources()["table"]
    roles: dict[str, list[int]] = {}
    taken: set[int] = set()
    for each in (source, general):
        for role in each.columns:
            for name in each.names_of(role):
                pattern = re.compile(re.escape(name).replace(r"\*", r"\d+"))
                for position, key in enumerate(keys):
                    fits = pattern.fullmatch(key) or (each is general and pattern.fullmatch(_UNITS.sub("", key)))
                    if fits and (position not in taken or (each is source and role in _SHARED)):
                        roles.setdefault(role, []).append(position)
                        taken.add(position)
    return roles


_SHARED = ("path", "point_valence")
"""Roles of columns that have another one, too."""


def is_header(cells: Sequence[str]) -> bool:
    """Whether a row has names of columns: of a title and of something else, or those of a known source."""
    if len(cells) < 2:
        return False
    source = source_of(cells)
    return bool(source.marks) or (len(roles := roles_of(cells, source)) > 1 and bool({"id", "title"} & roles.keys()))
