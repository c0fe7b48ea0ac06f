"""Import TensorFlow on first use. Only training, exports and Grad-CAM need it."""

from __future__ import annotations

import os
from typing import Any


def load_tensorflow() -> Any:
    """Import TensorFlow, which takes seconds the first time.

    Turns off its messages about CPU kernels and GPU drivers unless `TF_CPP_MIN_LOG_LEVEL` is set.

    Returns:
        The module `tensorflow`.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow

    return tensorflow
