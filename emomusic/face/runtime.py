"""Run exported networks (`*.onnx`) with ONNX Runtime.

Every call computes on the thread that makes it. Several pictures run in parallel on several threads, which gives more
pictures per second than several threads per picture (docs/decisions.md).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from emomusic.errors import ModelError

FloatArray = npt.NDArray[np.float32]


def num_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Network:
    """An exported network, safe to share between threads.

    Attributes:
        input_shape: of its first input; a string or None where any length fits.
        output_shape: of its first output, likewise.
    """

    def __init__(self, model: Path | bytes) -> None:
        """Load a network.

        Args:
            model: an ONNX file, or the bytes of one.

        Raises:
            ModelError: the file is absent or no network.
        """
        import onnxruntime as ort

        # Of the whole process: OpenCV's threads would wait for cores that networks hold. Searches are a fifth faster so
        cv2.setNumThreads(1)
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.enable_cpu_mem_arena = False  # an arena keeps the memory of the largest picture
        options.log_severity_level = 3  # errors
        try:
            content = model if isinstance(model, bytes) else model.read_bytes()
            self._session: Any = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except OSError as error:
            raise ModelError(f"expected a network. Received: {model!s} ({error.strerror}). Restore the file") from error
        except Exception as error:  # ONNX Runtime's own kinds share no documented base
            what = "bytes" if isinstance(model, bytes) else str(model)
            reason = " ".join(str(error).split())[:200]
            raise ModelError(f"expected a network in ONNX format. Received: {what} ({reason})") from error
        self._inputs = [value.name for value in self._session.get_inputs()]
        self.input_shape: tuple[int | str | None, ...] = tuple(self._session.get_inputs()[0].shape)
        self.output_shape: tuple[int | str | None, ...] = tuple(self._session.get_outputs()[0].shape)

    def __call__(self, *inputs: npt.NDArray[Any]) -> list[FloatArray]:
        """All outputs for these inputs, in the order of the file."""
        outputs: list[FloatArray] = self._session.run(None, dict(zip(self._inputs, inputs, strict=True)))
        return outputs

    def map_batch(self, batch: npt.NDArray[Any], *, min_part: int = 4) -> FloatArray:
        """The first output for a batch, computed in one part per core.

        Args:
            batch: shape (n, …), n at least 1.
            min_part: no part is smaller, as handing over to a thread costs time.
        """
        num_parts = max(min(num_cores(), len(batch) // min_part), 1)
        first, *others = np.array_split(batch, num_parts)
        waiting = [_threads().submit(self, part) for part in others]
        return np.concatenate([self(first)[0], *(part.result()[0] for part in waiting)])


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max(num_cores() - 1, 1), thread_name_prefix="inference")


def in_slices(count: int, length: int) -> Sequence[slice]:
    """Slices of this length that together cover `count` rows."""
    return [slice(start, start + length) for start in range(0, count, length)]
