"""Modules that load when a test first uses them: collection must not load TensorFlow in each worker."""

from importlib import import_module
from typing import Any


class Lazy:
    """A stand-in for a module. `importlib.util.LazyLoader` would load it as soon as pytest looks at its class."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__") or attribute == "_mock_name":  # pytest asks each object of a module for these
            raise AttributeError(attribute)
        return getattr(import_module(self._name), attribute)


def lazy(name: str) -> Any:
    """A module, which loads with its first attribute."""
    return Lazy(name)
