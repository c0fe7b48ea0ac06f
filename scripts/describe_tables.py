"""Write the declared sources of song tables into `docs/tables.md`: python -m scripts.describe_tables."""

from __future__ import annotations

from emomusic.assets import ROOT
from emomusic.songs.tables.sources import TableSource, sources

PAGE = ROOT / "docs" / "tables.md"
START = "## Titles and artists"
"""The heading after the sources."""


def _row(source: TableSource) -> str:
    roles = ((role, [names] if isinstance(names, str) else names) for role, names in source.columns.items())
    columns = "; ".join(f"{role}: {', '.join(names)}" for role, names in roles)
    return f"| {source.title} | {source.origin} | {source.seen} | {source.form} | {source.numbers} | {columns} |"


def described() -> str:
    """The part of the page that the declarations give."""
    head = """# Tables, exports and playlists of songs

`emomusic table FILE` shows what is read from a file; the page reads the same under "Your music". The content tells
the format. Any other table needs titles and artists, or Spotify ids, under any usual name. The table below is made from
`emomusic/songs/tables/sources.toml` by `python -m scripts.describe_tables`.

| source | who writes it | seen | form | numbers | our columns: names in the table |
| --- | --- | --- | --- | --- | --- |
"""
    return head + "\n".join(map(_row, sources().values())) + "\n\n"


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(described() + text[text.index(START) :], encoding="utf-8")
