"""The stations of a path in docs/architecture.md, and watches that note calls of functions by their names."""

import pkgutil
import re
import sys
import threading
from collections import defaultdict
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import pytest


def stations_of(root: Path, heading: str) -> list[str]:
    """The functions of a path, such as `app.bar.show_bar`: the first name in backquotes of each numbered line."""
    text = (root / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = text.split(f"## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^\d+\. `([\w.]+)`", section, re.MULTILINE)


def note_calls(monkeypatch: pytest.MonkeyPatch, names: list[str]) -> Callable[[], list[list[str]]]:
    """Note the first call of each function; the result gives the names in their order, for each thread."""
    called = defaultdict[int, list[str]](list)

    def note(name: str) -> None:
        seen = called[threading.get_ident()]
        if name not in seen:
            seen.append(name)

    for name in names:
        _watch(monkeypatch, name, note)
    return lambda: list(called.values())


def _watch(monkeypatch: pytest.MonkeyPatch, name: str, on_call: Callable[[str], None]) -> None:
    """Tell each call of a function, which is replaced in all modules that have imported it."""
    owner, _, last = f"emomusic.{name}".rpartition(".")
    place = pkgutil.resolve_name(owner)
    function = getattr(place, last)

    @wraps(function)
    def call(*args: Any, **named: Any) -> Any:
        on_call(name)
        return function(*args, **named)

    monkeypatch.setattr(place, last, call)
    for module in [each for key, each in sys.modules.items() if key.startswith("emomusic.")]:
        if getattr(module, last, None) is function:
            monkeypatch.setattr(module, last, call)
