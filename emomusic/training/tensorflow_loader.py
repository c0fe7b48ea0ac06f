"""TensorFlow, loaded on first use; only training, exporting and Grad-CAM need it."""

from __future__ import annotations

import os
from typing import Any


def load_tensorflow() -> Any:
    """Import TensorFlow, which takes seconds the first time.

    Its messages about CPU kernels and missing GPU drivers are off unless `TF_CPP_MIN_LOG_LEVEL` is set.

    Returns:
        The module `tensorflow`.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow

    return tensorflow
