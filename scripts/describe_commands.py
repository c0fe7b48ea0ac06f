"""Write `docs/commands.md` from the parsers of the commands: `python -m scripts.describe_commands`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from emomusic.cli.main import build_parser

PAGE = Path(__file__).resolve().parents[1] / "docs" / "commands.md"

_HEAD = """# Commands

`python -m scripts.describe_commands` writes this page.

Run `python -m emomusic COMMAND`, or `emomusic COMMAND` after installation. Progress goes to stderr. Exit status:
0 success, 1 bug, 2 a problem that you can fix. With `--json`, which most commands have, stdout holds one JSON document.

Each song in JSON has `id`, `title`, `artists`, `url` or `path`, `mood`, `likeliest_mood`, `genres`, `score`, `reason`
and `place` on the plane. A song whose `likeliest_mood` differs from `mood` is there because too few songs fit. More on
[tables](tables.md), [data sets of faces](data.md#labels-of-data-sets-of-faces), [many pictures](batch.md), and
`bench --help`.
"""


def page() -> str:
    """The page as Markdown."""
    return "\n".join([_HEAD, *_described(build_parser())])


def _described(parser: argparse.ArgumentParser) -> Iterator[str]:
    """The lines of all commands below a parser."""
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    for group in groups:
        for name, command in group.choices.items():
            if any(isinstance(action, argparse._SubParsersAction) for action in command._actions):
                yield from _described(command)
                continue
            options = [action for action in command._actions if action.dest not in ("help", "json")]
            names = [_usage(action) for action in options if not action.option_strings]
            yield f"## {' '.join([command.prog.removeprefix('emomusic '), *names])}\n"
            yield f"{_text(command.description or name)}\n"
            if options:
                yield "| option | meaning |\n| --- | --- |"
                yield from (f"| `{_usage(action)}` | {_text(action.help or '')} |" for action in options)
                yield ""


def _usage(action: argparse.Action) -> str:
    """An option or a value as it is typed."""
    value = str(action.metavar or action.dest.upper())
    if action.choices and not action.metavar:
        value = f"{{{','.join(map(str, action.choices))}}}"
    value = "" if action.nargs == 0 else f"{value}…" if action.nargs in ("+", "*") else value
    return " ".join(filter(None, [*action.option_strings[:1], value]))


def _text(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "\\<").replace("*", "\\*").replace("_", "\\_")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
