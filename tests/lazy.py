"""Modules that load when a test first uses them: collection must not load TensorFlow in each worker."""

from importlib import import_module
from typing import Any


class lazy:  # noqa: N801
    """A module, which loads with its first attribute.

    `importlib.util.LazyLoader` would load it as soon as pytest looks at its class.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__") or attribute == "_mock_name":  # pytest asks each object of a module for these
            raise AttributeError(attribute)
        return getattr(import_module(self._name), attribute)
