"""TensorFlow, loaded late and without its greeting on stderr."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_loading = threading.Lock()
_PROCESSOR = Path("/proc/cpuinfo")


def load_tensorflow() -> Any:
    """Import TensorFlow: five to eight seconds the first time, nothing after.

    TensorFlow tells stderr about its CPU kernels and missing GPU drivers, which a user can do nothing about. It is
    kept quiet unless `TF_CPP_MIN_LOG_LEVEL` is set: who sets it wants to hear.

    Returns:
        The module `tensorflow`.
    """
    with _loading:
        if "tensorflow" not in sys.modules:
            # What encrypts the live page's video crashes the process when it is loaded after TensorFlow (pylibsrtp 1.0,
            # TensorFlow 2.21); before it, it does not, and takes 20 ms
            with contextlib.suppress(ImportError):
                import pylibsrtp  # noqa: F401
        if "tensorflow" not in sys.modules and "TF_CPP_MIN_LOG_LEVEL" not in os.environ:
            os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
            with _held_stderr():
                import tensorflow
        else:
            import tensorflow
    return tensorflow


def has_bfloat16_tiles() -> bool:
    """Whether TensorFlow computes convolutions in bfloat16 faster than in float32 on this processor.

    That takes the tile units of Intel's AMX, through oneDNN. The bfloat16 instructions that other processors have do
    not suffice: with AMX out of use the same network took half as long again as in float32.
    """
    if os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "0":
        return False
    try:
        return "amx_bf16" in _PROCESSOR.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError):  # not Linux, where nobody tells
        return False


# The first lines come before TensorFlow reads the level it is asked for, so only the descriptor can hold them back.
_GREETING = (b"absl::InitializeLog", b"port.cc", b"cudart_stub.cc")


@contextlib.contextmanager
def _held_stderr() -> Iterator[None]:
    """Hold back what is written to the process's stderr meanwhile; then pass on all but the greeting."""
    with contextlib.ExitStack() as stack:
        held = None
        # A process without stderr has nothing to keep quiet; without room for temporary files the greeting is seen
        with contextlib.suppress(OSError):
            stderr = os.dup(2)
            stack.callback(os.close, stderr)
            held = stack.enter_context(tempfile.TemporaryFile())
        if held is None:
            yield
            return
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            held.seek(0)
            for line in held:
                if not any(mark in line for mark in _GREETING):
                    os.write(2, line)
