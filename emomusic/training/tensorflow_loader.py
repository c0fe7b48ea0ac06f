"""Import TensorFlow on first use. Only training and exports need it."""

from __future__ import annotations

import os
from typing import Any


def load_tensorflow() -> Any:
    """The module `tensorflow`, without its messages about CPU kernels and GPU drivers.

    The first import takes seconds. `TF_CPP_MIN_LOG_LEVEL` turns the messages on.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow

    return tensorflow
