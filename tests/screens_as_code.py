"""Runs many codes of screens in one fresh process: python -m tests.screens_as_code commands|pythons < JSON list."""

import contextlib
import io
import json
import shlex
import sys


def ran(kind: str, text: str) -> str:
    """What a command or a piece of Python prints."""
    from emomusic.cli.main import main

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        if kind == "commands":
            program, *arguments = shlex.split(text)
            assert program == "emomusic", program
            assert main(arguments) == 0, text
        else:
            exec(compile(text, "<screen>", "exec"), {})
    return out.getvalue()


if __name__ == "__main__":
    sys.stdout.write(json.dumps([ran(sys.argv[1], text) for text in json.load(sys.stdin)]))
