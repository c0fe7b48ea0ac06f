"""The stations of a path in docs/architecture.md, and watches that note or count calls of functions by their names."""

import pkgutil
import re
import sys
import threading
from collections import Counter
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from typing import Any

import pytest


def stations_of(root: Path, heading: str) -> list[str]:
    """The functions of a path, such as `app.bar.show_bar`: the first name in backquotes of each numbered line."""
    text = (root / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = text.split(f"## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^\d+\. `([\w.]+)`", section, re.MULTILINE)


def note_calls(monkeypatch: pytest.MonkeyPatch, names: list[str]) -> Callable[[], list[list[str]]]:
    """Note the first call of each function; the result gives the names in their order, for each thread.

    A function is replaced in all modules that have imported it.
    """
    called: dict[int, list[str]] = {}

    def noted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def call(*args: Any, **named: Any) -> Any:
            seen = called.setdefault(threading.get_ident(), [])
            if name not in seen:
                seen.append(name)
            return function(*args, **named)

        return call

    for name in names:
        _replace(monkeypatch, name, partial(noted, name))
    return lambda: list(called.values())


def count_calls(monkeypatch: pytest.MonkeyPatch, names: list[str]) -> Counter[str]:
    """Count the calls of each function, by its last name; a function is replaced as by `note_calls`."""
    calls = Counter[str]()

    def counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def call(*args: Any, **named: Any) -> Any:
            calls[name.rpartition(".")[2]] += 1
            return function(*args, **named)

        return call

    for name in names:
        _replace(monkeypatch, name, partial(counted, name))
    return calls


def _replace(
    monkeypatch: pytest.MonkeyPatch, name: str, replacement_of: Callable[[Callable[..., Any]], Callable[..., Any]]
) -> None:
    owner, _, last = f"emomusic.{name}".rpartition(".")
    place = pkgutil.resolve_name(owner)
    function = getattr(place, last)
    replacement = replacement_of(function)
    monkeypatch.setattr(place, last, replacement)
    for module in [each for key, each in sys.modules.items() if key.startswith("emomusic.")]:
        if getattr(module, last, None) is function:
            monkeypatch.setattr(module, last, replacement)
